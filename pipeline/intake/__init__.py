"""From a folder of evidence to one row per file found in it: walk, unpack, hash, recognise."""
