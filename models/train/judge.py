"""Judges the program itself on recordings that `evaluate.py --write FOLDER` wrote.

cargo build --release -p praxiscope
python judge.py FOLDER [--program ../../target/release/praxiscope] [--model M.prax]
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from events import Tally
from track import Event

PROGRAM = Path(__file__).parents[2] / "target/release/praxiscope"


def starts(command: list[str]) -> list[tuple[str, float, float]]:
    """The events that a run of the program starts: label, time, score."""
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = (json.loads(line) for line in output.splitlines())
    return [(e["label"], e["t"], e["score"]) for e in lines if e["event"] == "start"]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", type=Path, default=PROGRAM)
    parser.add_argument("--model", type=Path, help="instead of the program's own")
    arguments = parser.parse_args()
    model = ["--model", str(arguments.model)] if arguments.model else []
    tally = Tally()
    for recording in json.loads((arguments.folder / "truth.json").read_text()):
        truth = [
            Event(**{k: v for k, v in event.items() if k != "middle"})
            for event in recording["events"]
        ]
        file = str(arguments.folder / recording["file"])
        found = starts([str(arguments.program), "run", "--input", file, "--no-pace", *model])
        tally.add(truth, found, recording["seconds"])
    print(tally.report())


if __name__ == "__main__":
    main()
