"""Recordings that the renderer in `renderer/` wrote: frames and truth as arrays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

LABELS = [
    "idle",
    "swipe_left",
    "swipe_right",
    "swipe_up",
    "swipe_down",
    "push",
    "pull",
    "turn_clockwise",
    "turn_counterclockwise",
    "shake",
    "thumb_up",
    "stop",
]
MIRRORED = [0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]
"""The label of each label's mirror image."""

HEIGHT, WIDTH = 96, 128
"""Rows and columns of a rendered frame."""
RATE = 12.0
"""Frames a second."""
TRUTH = 10
"""Numbers of truth a frame."""
LABEL, START, SURE, END, PLACE, INSIDE, SPEED = 0, 1, 2, 3, slice(4, 6), 6, slice(7, 10)
"""Where in them is what: the nearest event's label and the seconds to its start, to when it is sure
and to its end; the palm's place (picture heights from the centre, right and up), whether it is in
the picture, its velocity (right, up, away)."""

BINARY = Path(__file__).parent / "renderer/target/release/praxiscope-renderer"


def render(path: Path, frames: int, *options: object, binary: Path = BINARY) -> None:
    """Has the renderer write `path`, whole or not at all."""
    part = path.with_suffix(".part")
    command = [binary, "--out", part, "--frames", frames, *options]
    subprocess.run([str(word) for word in command], check=True)
    part.rename(path)


def read(path: Path, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames uint8 [N,frames,HEIGHT,WIDTH,3] and truth float32 [N,frames,TRUTH], both mapped."""
    record = np.dtype(
        [
            ("frames", np.uint8, (frames, HEIGHT, WIDTH, 3)),
            ("truth", "<f4", (frames, TRUTH)),
        ]
    )
    records = np.memmap(path, record, "r")
    return records["frames"], records["truth"]
