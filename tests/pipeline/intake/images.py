"""Small disk images: an ext2 file system by mke2fs, wrapped by hand as dd, E01 and qcow2 are laid out."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

SECTOR = 512
CHUNK = 64 * SECTOR


def file_system(folder: Path, at: Path, size: str = "4M") -> bytes:
    """An ext2 file system that holds a copy of ``folder``; skips the test where there is no mke2fs."""
    tool = shutil.which("mke2fs") or shutil.which("mke2fs", path="/usr/sbin:/sbin")
    if tool is None:
        pytest.skip("mke2fs is not installed")
    subprocess.run([tool, "-q", "-F", "-t", "ext2", "-b", "1024", "-d", folder, at, size], check=True)
    return at.read_bytes()


def partitioned(*volumes: bytes) -> bytes:
    """A disk whose master boot record lists the volumes, each beginning at a multiple of 32 KiB."""
    entries, disk = b"", bytearray(CHUNK)
    for volume in volumes:
        entries += struct.pack("<B3sB3sII", 0, b"", 0x83, b"", len(disk) // SECTOR, len(volume) // SECTOR)
        disk += volume + bytes(-len(volume) % CHUNK)
    disk[446 : 446 + len(entries)] = entries
    disk[510:512] = b"\x55\xaa"
    return bytes(disk)


def qcow(disk: bytes) -> bytes:
    """qcow2, version 2 (QEMU, docs/interop/qcow2.txt), clusters of 64 KiB, none of them compressed."""
    cluster, copied = 65536, 1 << 63
    clusters = [disk[at : at + cluster].ljust(cluster, b"\0") for at in range(0, len(disk), cluster)]
    head = b"QFI\xfb" + struct.pack(
        ">IQIIQIIQQIIQ", 2, 0, 0, 16, len(disk), 0, 1, cluster, 3 * cluster, 1, 0, 0
    )
    first = struct.pack(">Q", copied | 2 * cluster)
    second = b"".join(struct.pack(">Q", copied | (4 + n) * cluster) for n in range(len(clusters)))
    return b"".join(part.ljust(cluster, b"\0") for part in (head, first, second, b"", *clusters))


def ewf(disk: bytes, segments: int = 1) -> list[bytes]:
    """EWF-E01 (libewf, documentation of the Expert Witness Compression Format), chunks not compressed."""
    chunks = [disk[at : at + CHUNK].ljust(CHUNK, b"\0") for at in range(0, len(disk), CHUNK)]
    share = -(-len(chunks) // segments)
    return [
        _segment(number + 1, number + 1 == segments, chunks[number * share : (number + 1) * share], chunks)
        for number in range(segments)
    ]


def _segment(number: int, is_last: bool, chunks: list[bytes], every: list[bytes]) -> bytes:
    data = b"EVF\x09\x0d\x0a\xff\x00" + struct.pack("<BHH", 1, number, 0)
    if number == 1:
        told = zlib.compress(b"1\nmain\nc\tn\ta\te\tt\tav\tov\tm\tu\tp\n1\t1\t\t\t\t\t\t\t\t0\n\n")
        volume = struct.pack("<B3xIIIQ", 1, len(every), 64, SECTOR, len(every) * 64).ljust(1048, b"\0")
        data += _section(b"header", len(data), told)
        data += _section(b"volume", len(data), volume + _adler(volume))
    base = len(data)
    offsets = struct.pack(f"<{len(chunks)}I", *(76 + n * (CHUNK + 4) for n in range(len(chunks))))
    data += _section(b"sectors", len(data), b"".join(chunk + _adler(chunk) for chunk in chunks))
    head = struct.pack("<I4xQ4x", len(chunks), base)
    for name in (b"table", b"table2"):
        data += _section(name, len(data), head + _adler(head) + offsets + _adler(offsets))
    return data + _section(b"done" if is_last else b"next", len(data), b"", ends=True)


def _section(name: bytes, at: int, data: bytes, ends: bool = False) -> bytes:
    size = 76 + len(data)
    descriptor = struct.pack("<16sQQ40x", name, at if ends else at + size, size)
    return descriptor + _adler(descriptor) + data


def _adler(data: bytes) -> bytes:
    return struct.pack("<I", zlib.adler32(data))
