"""The network's parts, one idea a file."""
