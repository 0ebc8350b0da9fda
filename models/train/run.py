"""Makes the demo model from nothing: renders, trains, exports, picks the demo clip, judges.

    python run.py --out WORK --demo ../demo

WORK gets shards, checkpoints and the log; a run that was stopped goes on from its last round.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import demo_clip
from dataset import TEST_SEED
from evaluate import evaluate
from export import export
from recordings import load_network
from train import keep_memory, train


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="working folder")
    parser.add_argument("--demo", type=Path, required=True, help="folder for what is shipped")
    parser.add_argument("--share", type=float, default=1.0, help="of the schedule, for a trial")
    parser.add_argument(
        "--judge", type=float, default=30.0, help="minutes of test recordings of each kind"
    )
    arguments = parser.parse_args()
    keep_memory()
    arguments.out.mkdir(parents=True, exist_ok=True)
    train(arguments.out, arguments.share)
    export(arguments.out / "demo.safetensors", arguments.demo)
    checkpoint = arguments.demo / "demo.safetensors"
    demo_clip.write(load_network(checkpoint), arguments.demo)
    for idle in (False, True):
        print("idle recordings" if idle else "recordings with gestures")
        print(evaluate(checkpoint, TEST_SEED, arguments.judge, idle).report(), flush=True)


if __name__ == "__main__":
    main()
