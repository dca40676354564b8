"""Freed memory: kept between the steps of one training, given back between two."""

from __future__ import annotations

import subprocess
import sys

KEPT = 300 * 2**20  # bytes

SCRIPT = f"""
import os, torch
from model.training.memory import give_back_freed_memory, keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")

keep_freed_memory()
torch.ones(16)
before = resident()
block = torch.ones({KEPT // 4})
del block
kept = resident() - before
give_back_freed_memory()
print(kept, resident() - before)
"""


def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    kept, left = map(int, said.split())
    assert kept > 0.9 * KEPT
    assert left < 0.1 * KEPT
