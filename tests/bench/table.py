"""The table of `tests/bench/peers`: `python table.py FOLDER PRAXC [--isa NAME] [--rounds N] [--frames N]`.

Rounds go over all peers in turn, so that whatever else the machine does hits all of them; of each the
first frames of a round are left out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from peer import PEERS

HERE = Path(__file__).resolve().parent
WARM = 3


class Peer:
    """A peer's process."""

    def __init__(self, name: str, folder: Path):
        self.name = name
        command = [sys.executable, str(HERE / "peer.py"), name, str(folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.said = self.process.stdout.readline().strip() or "n/a it ended while it loaded"
        self.works = self.said.startswith("ready")
        self.times = []

    def round(self, frames: int) -> None:
        self.process.stdin.write(f"{frames + WARM}\n")
        self.process.stdin.flush()
        self.times += [float(t) for t in self.process.stdout.readline().split()][WARM:]

    def row(self):
        return min(self.times), statistics.median(self.times)


class Ours:
    """`praxc bench`, once a round; the median is that of the rounds' medians."""

    works = True

    def __init__(self, name: str, command: list[str]):
        self.name, self.command, self.said = name, command, ""
        self.minima, self.medians = [], []

    def round(self, frames: int) -> None:
        options = ["--frames", str(frames), "--warmup", str(WARM), "--json"]
        done = subprocess.run(self.command + options, check=True, capture_output=True, text=True)
        report = json.loads(done.stdout)
        self.said = report["isa"]
        self.minima.append(report["milliseconds"]["min"])
        self.medians.append(report["milliseconds"]["median"])

    def row(self):
        return min(self.minima), statistics.median(self.medians)


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("praxc", type=Path)
    parser.add_argument("--isa", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=20)
    options = parser.parse_args()
    rows = []
    for isa in options.isa or [None]:
        for kind, file in [("f32", "step.prax"), ("int8", "step.int8.prax")]:
            command = [str(options.praxc), "bench", str(options.folder / file)]
            command += ["--isa", isa] if isa else []
            rows.append(Ours(f"Praxiscope {kind}", command))
    rows += [Peer(name, options.folder) for name in PEERS]
    load = os.getloadavg()[0]
    for _ in range(options.rounds):
        for row in rows:
            if row.works:
                row.round(options.frames)
    minima, medians = zip(*(row.row() for row in rows if isinstance(row, Peer) and row.works))
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"{now}, {processor()}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after;")
    print(f"one thread, {options.rounds} rounds of {options.frames} frames, all in turn.")
    print("Ratios are ours (or theirs) by the fastest peer.\n")
    print("| runs the step | min ms | median ms | of minima | of medians | |")
    print("|---|---:|---:|---:|---:|---|")
    for row in rows:
        said = row.said.removeprefix("ready ")
        if row.works:
            least, median = row.row()
            ratios = f"{least / min(minima):.2f} | {median / min(medians):.2f}"
            print(f"| {row.name} | {least:.2f} | {median:.2f} | {ratios} | {said} |")
        else:
            print(f"| {row.name} | n/a | n/a | | | {said.removeprefix('n/a ')} |")


if __name__ == "__main__":
    main()
