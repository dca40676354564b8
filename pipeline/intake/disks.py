"""Recognising disk images by their first bytes.

EnCase segments (libewf's format notes, 3.1), qcow (QEMU's qcow2.txt), and raw images by what stands at the
beginning of a disk: a partition table (MBR, GPT) or a file system (FAT, exFAT, NTFS, ext, XFS, HFS+, APFS,
ISO 9660).
"""

from __future__ import annotations

import importlib.util
import struct
from typing import Final

EWF: Final = "EnCase disk image"
QCOW: Final = "qcow disk image"
RAW: Final = "raw disk image"
IMAGES: Final = (EWF, QCOW, RAW)
SEGMENT: Final = "later segment of an EnCase disk image"

_EWF_SIGNATURE: Final = b"EVF\x09\x0d\x0a\xff\x00\x01"
_FILE_SYSTEMS: Final = (
    (3, b"NTFS    "),
    (3, b"EXFAT   "),
    (54, b"FAT12   "),
    (54, b"FAT16   "),
    (82, b"FAT32   "),
    (512, b"EFI PART"),
    (0, b"XFSB"),
    (32, b"NXSB"),
    (1024, b"H+\x00\x04"),
    (1024, b"HX\x00\x05"),
    (32769, b"CD001\x01"),
)


def disk_image(head: bytes) -> str | None:
    """One of IMAGES, SEGMENT, or None."""
    if head.startswith(_EWF_SIGNATURE) and len(head) >= 13:
        number = struct.unpack_from("<H", head, 9)[0]
        return EWF if number == 1 else SEGMENT
    if head.startswith(b"QFI\xfb"):
        return QCOW
    if any(head.startswith(signature, place) for place, signature in _FILE_SYSTEMS):
        return RAW
    return RAW if _is_ext(head) or _is_partition_table(head) else None


def can_read_images() -> bool:
    """Whether the extra ``images`` is installed."""
    return importlib.util.find_spec("dfvfs") is not None


def _is_ext(head: bytes) -> bool:
    """An ext superblock: magic number, a block size and a state that exist, more inodes than none."""
    if len(head) < 1024 + 264 or head[1080:1082] != b"\x53\xef":
        return False
    inodes, blocks = struct.unpack_from("<II", head, 1024)
    block_size, state = struct.unpack_from("<I", head, 1048)[0], struct.unpack_from("<H", head, 1082)[0]
    return bool(inodes and blocks and block_size <= 6 and state <= 7)


def _is_partition_table(head: bytes) -> bool:
    """A master boot record: its signature, and entries that are each whole or empty, at least one whole."""
    if len(head) < 512 or head[510:512] != b"\x55\xaa":
        return False
    whole = 0
    for place in range(446, 510, 16):
        entry = head[place : place + 16]
        first, count = struct.unpack_from("<II", entry, 8)
        if entry[0] not in (0, 0x80) or bool(entry[4]) != bool(count):
            return False
        whole += bool(entry[4] and first)
    return whole > 0
