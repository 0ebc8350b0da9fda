"""An emulated board from outside, through a socket of QEMU's monitor, until the machine goes:

    python3 monitor.py watch SOCKET ADDRESS BIT   prints the levels that a bit of a register takes
    python3 monitor.py press SOCKET CONSOLE       presses the board's button when CONSOLE asks for it
    python3 monitor.py end SOCKET CONSOLE WORDS N ends the machine when CONSOLE has said WORDS N times
"""

import re
import socket
import sys
import time
from pathlib import Path

PAUSE = 0.1  # seconds between two looks
AGAIN = 10  # seconds until a press that the board did not notice is repeated


class Monitor:
    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(300):
            try:
                return self.socket.connect(path)
            except OSError:
                time.sleep(PAUSE)
        sys.exit(f"there is no monitor {path}")

    def ask(self, command: str, wanted: bytes) -> re.Match:
        """Raises an OSError when the machine has gone."""
        self.socket.sendall(command.encode() + b"\n")
        answer = b""
        while not (found := re.search(wanted, answer)):
            part = self.socket.recv(4096)
            if not part:
                raise OSError
            answer += part
        return found

    def alive(self) -> None:
        self.ask("info status", rb"VM status: [a-z]+\r?\n")


def watch(monitor: Monitor, address: str, bit: str) -> None:
    seen = []
    try:
        while True:
            found = monitor.ask(f"xp /1wx {address}", rb": (0x[0-9a-f]{8})\r?\n")
            level = int(found[1], 16) >> int(bit) & 1
            if seen[-1:] != [level]:
                seen.append(level)
            time.sleep(PAUSE)
    except OSError:
        print(*seen)


def said(console: str, words: str) -> int:
    path = Path(console)
    return path.read_bytes().count(words.encode()) if path.exists() else 0


def press(monitor: Monitor, console: str) -> None:
    pressed = -float(AGAIN)
    noticed = 0
    try:
        while True:
            monitor.alive()
            if (count := said(console, "NOTICED")) != noticed:
                noticed, pressed = count, -float(AGAIN)
            now = time.monotonic()
            if said(console, "PRESS") > noticed and now - pressed >= AGAIN:
                monitor.socket.sendall(b"system_powerdown\n")
                pressed = now
            time.sleep(PAUSE)
    except OSError:
        pass


def end(monitor: Monitor, console: str, words: str, times: str) -> None:
    try:
        while said(console, words) < int(times):
            monitor.alive()
            time.sleep(PAUSE)
        monitor.socket.sendall(b"quit\n")
        # A command is forgotten when its sender goes before it is read.
        while monitor.socket.recv(4096):
            pass
    except OSError:
        pass


command, path, *rest = sys.argv[1:]
{"watch": watch, "press": press, "end": end}[command](Monitor(path), *rest)
