#!/usr/bin/env python3
"""Hours of video at full speed: memory stays where it is, and no event is lost or doubled.

    endurance.py PROGRAM [HOURS]            (default 8)

The demo clip goes through a pipe as YUV4MPEG2, again and again. Its frames are an odd number and every
second one is on the model's clock, so that each two rounds are the same to the network: from the second
pair on, every pair must give the events of the pair before, number by number and to the last digit of
their scores. Resident memory may grow by 1 MiB at most after the first two pairs; the summary must count
every frame.

Exit status: 0 all is well, 1 it is not.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

KIB_GROWN_AT_MOST = 1024
SECONDS_BETWEEN_LOOKS = 1.0


def resident_kib(process):
    """VmRSS; nothing once the program is over."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) if found else None


class Watched:
    """The program, fed by one thread, heard by another and looked at by a third."""

    def __init__(self, program, clip, rounds):
        header, frames = clip
        self.fed = 0
        self.lines = []
        self.resident = []
        self.process = subprocess.Popen(
            [program, "run", "--no-pace", "--input", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.threads = [
            threading.Thread(target=self.feed, args=(header, frames, rounds)),
            threading.Thread(target=self.hear),
            threading.Thread(target=self.look, args=(4 * len(frames),), daemon=True),
        ]

    def feed(self, header, frames, rounds):
        with self.process.stdin as pipe:
            pipe.write(header)
            for _ in range(rounds):
                for frame in frames:
                    pipe.write(frame)
                    self.fed += 1

    def hear(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def look(self, warm):
        while (kib := resident_kib(self.process.pid)) is not None:
            if self.fed >= warm:
                self.resident.append((self.fed, kib))
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def finish(self):
        for thread in self.threads:
            thread.start()
        summary = self.process.stderr.read().decode()
        status = self.process.wait()
        for thread in self.threads[:2]:
            thread.join()
        return status, summary


def demo_clip(program):
    """The header, and each frame as it stands in the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.y4m"
        subprocess.run([program, "demo", "--write", path], check=True, capture_output=True)
        header, *frames = path.read_bytes().split(b"FRAME\n")
    size = max(map(len, frames))
    assert all(len(frame) == size for frame in frames), "the word FRAME is among the samples"
    return header, [b"FRAME\n" + frame for frame in frames]


def pairs_of_rounds(lines, length):
    """The events of each pair of rounds, with their frames counted from its start."""
    pairs = {}
    for line in lines:
        pair, decided = divmod(line["decided"], length)
        event = (line["event"], line["label"], line["frame"] - pair * length, decided, line["score"])
        pairs.setdefault(pair, []).append(event)
    return pairs


def main():
    program = os.path.abspath(sys.argv[1])
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 8.0
    header, frames = demo_clip(program)
    rate = int(re.search(rb" F(\d+):1 ", header)[1])
    pair_count = max(4, -(-int(hours * 3600 * rate) // (2 * len(frames))))
    fed = 2 * pair_count * len(frames)
    began = time.monotonic()
    watched = Watched(program, (header, frames), 2 * pair_count)
    status, summary = watched.finish()
    took = time.monotonic() - began
    print(summary)

    faults = []
    if status != 0:
        faults.append(f"it ended with {status}")
    pairs = pairs_of_rounds(watched.lines, 2 * len(frames))
    wanted = pairs.get(1)
    # An event that is still under way at the very end ends there.
    for pair in range(2, pair_count - 1):
        if pairs.get(pair) != wanted:
            faults.append(f"pair {pair} gives {pairs.get(pair)} and not {wanted}")
    if not wanted:
        faults.append("there are no events")
    counted = re.search(r": (\d+) frames of .*\n.*\nframes +(\d+) seen, (\d+) stepped, (\d+) skipped",
                        summary)
    if not counted or [int(n) for n in counted.groups()] != [fed, fed, fed // 2, fed // 2]:
        faults.append(f"the summary does not count {fed} frames and {fed // 2} steps")
    events = re.search(r"events +(\d+)", summary)
    if not events or int(events[1]) != len(watched.lines):
        faults.append(f"the summary does not count {len(watched.lines)} events")
    sizes = [kib for _, kib in watched.resident]
    if not sizes or max(sizes) > sizes[0] + KIB_GROWN_AT_MOST:
        faults.append("memory grew: " + " ".join(f"{f}:{k}" for f, k in watched.resident[::10]))

    print(f"{fed} frames, {fed / rate / 3600:.2f} h of video in {took:.0f} s; "
          f"{len(watched.lines)} events, {len(wanted or [])} in each of {pair_count} pairs of rounds")
    if sizes:
        print(f"resident: {sizes[0]} KiB after two pairs, {min(sizes)} to {max(sizes)} KiB in "
              f"{len(sizes)} looks, {sizes[-1]} KiB at the end")
    for fault in faults[:10]:
        print(f"FAILED: {fault}")
    print("well" if not faults else f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
