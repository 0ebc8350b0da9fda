"""Judges the demo network on recordings it has not seen, or writes them for another program.

    python evaluate.py --checkpoint ../demo/demo.safetensors --seed 3 --minutes 20 [--idle]
    python evaluate.py --write FOLDER --seed 3 --minutes 5 [--idle]

The second form writes `NNN.y4m` (C420jpeg, full range, 24 frames a second) and `truth.json`: for
each file its length and its events in seconds. Its recordings are those of the first form.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from dataset import RATE, TEST_SEED
from events import Tally, detect
from recordings import FPS, HEIGHT, TICK, WIDTH, load_network, logits_of, record_many


def evaluate(checkpoint: Path, seed: int, minutes: float, idle: bool) -> Tally:
    """The network's tally over `minutes` of recordings."""
    network = load_network(checkpoint)
    tally = Tally()
    for recording in record_many(seed, minutes, idle):
        logits = logits_of(network, recording.frames(TICK))
        found = detect(logits, np.arange(len(logits)) / RATE)
        tally.add(recording.events, found, recording.seconds)
    return tally


def planes(frame: np.ndarray) -> bytes:
    """An RGB frame as the planes of 4:2:0 with full range and centred chroma."""
    y, cb, cr = (np.asarray(plane) for plane in Image.fromarray(frame).convert("YCbCr").split())

    def half(plane: np.ndarray) -> bytes:
        blocks = plane.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).astype(np.uint16)
        return ((blocks.sum((1, 3)) + 2) // 4).astype(np.uint8).tobytes()

    return y.tobytes() + half(cb) + half(cr)


def write(folder: Path, seed: int, minutes: float, idle: bool) -> None:
    """The recordings as files, and their truth."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = []
    for index, recording in enumerate(record_many(seed, minutes, idle)):
        name = f"{index:03}.y4m"
        with (folder / name).open("wb") as file:
            header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n"
            file.write(header.encode())
            for frame in recording.frames():
                file.write(b"FRAME\n" + planes(frame))
        events = [{**asdict(event), "middle": event.middle} for event in recording.events]
        truth.append({"file": name, "seconds": recording.seconds, "events": events})
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--checkpoint", type=Path, default=Path(__file__).parents[1] / "demo/demo.safetensors"
    )
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the recordings instead")
    parser.add_argument("--seed", type=int, default=TEST_SEED)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--idle", action="store_true", help="recordings without a gesture")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.write:
        write(arguments.write, arguments.seed, arguments.minutes, arguments.idle)
    else:
        print(
            evaluate(
                arguments.checkpoint, arguments.seed, arguments.minutes, arguments.idle
            ).report()
        )


if __name__ == "__main__":
    main()
