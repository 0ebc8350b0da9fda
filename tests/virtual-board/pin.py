"""Watches a Raspberry Pi's GPIO17 from outside: `python3 pin.py SOCKET`, QEMU's monitor.

Until the machine goes, its changes are collected; prints them, and exits with 0 if the pin went from
low to high and back once.
"""

import re
import socket
import sys
import time

LEVELS, PIN = 0x3F200034, 17  # GPLEV0


def main(path: str) -> int:
    monitor = socket.socket(socket.AF_UNIX)
    for _ in range(100):
        try:
            monitor.connect(path)
            break
        except OSError:
            time.sleep(0.1)
    seen = []
    try:
        while True:
            monitor.sendall(b"xp /1wx %#x\n" % LEVELS)
            answer = b""
            while not (found := re.search(rb": (0x[0-9a-f]{8})", answer)):
                part = monitor.recv(4096)
                if not part:
                    raise OSError
                answer += part
            level = int(found[1], 16) >> PIN & 1
            if seen[-1:] != [level]:
                seen.append(level)
            time.sleep(0.1)
    except OSError:
        pass
    print("GPIO17 was", *seen)
    return 0 if seen == [0, 1, 0] else 1


sys.exit(main(sys.argv[1]))
