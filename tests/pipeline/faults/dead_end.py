"""Run a command in a network of its own whose way out is a dead end that counts packets.

Used as `unshare --user --map-root-user --net python dead_end.py COMMAND...`. Leaves with the command's exit
status after printing `packets: N`; 77 where the kernel gives no such network.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import threading

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SETUP = (
    "ip link set lo up && ip link set out addrgenmode none && ip address add 198.51.100.7/24 dev out "
    "&& ip link set out up && ip route add default dev out"
)


def main(command: list[str]) -> int:
    """Exit status of ``command``."""
    try:
        way_out = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(way_out, TUNSETIFF, struct.pack("16sH22x", b"out", IFF_TUN | IFF_NO_PI))
        subprocess.run(["sh", "-c", SETUP], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 77
    packets: list[bytes] = []
    ended = threading.Event()

    def count() -> None:
        while True:
            last = ended.is_set()
            if select.select([way_out], [], [], 0.1)[0]:
                packets.append(os.read(way_out, 65536))
            elif last:
                return

    counter = threading.Thread(target=count)
    counter.start()
    code = subprocess.run(command, check=False).returncode
    ended.set()
    counter.join()
    print(f"packets: {len(packets)}", *(packet[:24].hex() for packet in packets[:5]), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
