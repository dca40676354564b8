"""What the decoding child gives up before it opens the first file.

Kernel limits always; a network namespace of its own and a system-call filter where the kernel and
its policy allow. `confine` reports what is in force, and the run record carries it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from typing import Final

from pipeline.decode.types import Limits

CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SECCOMP_MODE_FILTER: Final = 2

# Architecture (AUDIT_ARCH_*), the numbers of clone and clone3, and the calls refused there
# (asm/unistd_64.h, asm-generic/unistd.h): socket, socketpair, connect, bind, listen, accept, ptrace,
# execve, execveat, fork, vfork, kill, mount, bpf, io_uring_setup, process_vm_readv and _writev.
FILTERED: Final[dict[str, tuple[int, int, int, tuple[int, ...]]]] = {
    "x86_64": (
        0xC000003E,
        56,
        435,
        (41, 53, 42, 49, 50, 43, 101, 59, 322, 57, 58, 62, 165, 321, 425, 310, 311),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        435,
        (198, 199, 203, 200, 201, 202, 117, 221, 281, 129, 40, 280, 425, 270, 271),
    ),
}
CLONE_THREAD: Final = 0x00010000
X32_BIT: Final = 0x40000000


def confine(limits: Limits) -> dict[str, str]:
    """Give up rights for good; returns a name and a state for each guard."""
    state: dict[str, str] = {}
    for name, kind, soft in (
        ("core", resource.RLIMIT_CORE, 0),
        ("file_size", resource.RLIMIT_FSIZE, 0),
        ("open_files", resource.RLIMIT_NOFILE, limits.open_files),
        ("memory", resource.RLIMIT_AS, limits.memory),
    ):
        try:
            resource.setrlimit(kind, (soft, soft))
            state[name] = f"at most {soft}"
        except (ValueError, OSError) as error:
            state[name] = f"not in force: {error}"
    state["parent"] = _die_with_parent()
    state["network"] = _leave_network()
    state["system_calls"] = _filter_calls()
    state["protocols"] = "fd (the one file handed over)"
    return state


def arm_cpu(limits: Limits) -> None:
    """Allow `limits.cpu_seconds` from now on: RLIMIT_CPU counts from the birth of the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + limits.cpu_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> str:
    """A child that hangs in a decoder must not outlive a killed run."""
    if not sys.platform.startswith("linux"):
        return "not in force: no parent-death signal here"
    if _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        return f"not in force: {os.strerror(ctypes.get_errno())}"
    return "the child dies with it"


def _leave_network() -> str:
    """A namespace without any interface but a loopback that is down."""
    if not sys.platform.startswith("linux"):
        return "not in force: no network namespaces here"
    libc = _libc()
    for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET):
        if libc.unshare(flags) == 0:
            return "own empty namespace"
    return f"not in force: {os.strerror(ctypes.get_errno())}"


def _filter_calls() -> str:
    """Seccomp: calls that reach the network or start programs fail with EPERM."""
    if not sys.platform.startswith("linux") or platform.machine() not in FILTERED:
        return "not in force: no filter for this system"
    program = _program(*FILTERED[platform.machine()])
    libc = _libc()
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0
    ):
        return f"not in force: {os.strerror(ctypes.get_errno())}"
    return "no sockets, no new programs"


def _program(architecture: int, clone: int, clone3: int, calls: tuple[int, ...]) -> bytes:
    """Classic BPF over struct seccomp_data: number at 0, architecture at 4, first argument at 16."""
    load, equal, at_least, any_bit, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, absent, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM, ENOSYS

    def line(code: int, yes: int, no: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    count = len(calls)
    lines = [
        line(load, 0, 0, 4),
        line(equal, 1, 0, architecture),
        line(answer, 0, 0, kill),
        line(load, 0, 0, 0),
        line(equal, 0, 1, clone3),
        line(answer, 0, 0, absent),  # the C library then takes clone, whose flags can be looked at
        line(equal, 0, 3, clone),
        line(load, 0, 0, 16),
        line(any_bit, count + 1, 0, CLONE_THREAD),  # threads yes, processes no
        line(answer, 0, 0, refuse),
        line(at_least, count + 1, 0, X32_BIT),
    ]
    lines += [line(equal, count - i, 0, number) for i, number in enumerate(calls)]
    lines += [line(answer, 0, 0, allow), line(answer, 0, 0, refuse)]
    return b"".join(lines)
