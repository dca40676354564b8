"""Decoding whole corpora: every video once, in the order of the labels, bounded work in flight."""
