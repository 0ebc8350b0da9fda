"""Judges the gesture network on renderings whose settings were held back from training.

    python judge_streams.py --checkpoint WORK/gestures.safetensors --work WORK [--bias 1.0]

Other hands, bodies and rooms (`--held-back`), seed 3: recordings of 20 s, half of the acts gestures,
and others with none. Events by the program's own rule (`events.py`). Also the clips that a
stranger's test would show: each gesture alone, from 1.5 s before it to 1.2 s after it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

import rendered
from events import detect
from network import MEAN, STD, OnlineTsmMobileNetV2
from rendered import BINARY, END, HEIGHT, LABEL, LABELS, RATE, START, SURE, WIDTH

SEED, FRAMES = 3, 240
AFTER = 0.5
"""Seconds after a gesture's end within which its event may still start."""
BEFORE_CLIP, AFTER_CLIP = 1.5, 1.2


def load(checkpoint: Path) -> OnlineTsmMobileNetV2:
    """The network of a checkpoint of `train_streams.py`, ready to answer."""
    with safe_open(checkpoint, "pt") as file:
        width = float((file.metadata() or {}).get("width", "0.35"))
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    network = OnlineTsmMobileNetV2(len(LABELS), width)
    missing, surplus = network.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or surplus:
        raise ValueError(f"{checkpoint}: missing {missing}, surplus {surplus}")
    return network.eval()


def look(frames: np.ndarray) -> Tensor:
    """The middle square of rendered frames, normalised: [T,3,HEIGHT,HEIGHT]."""
    left = (WIDTH - HEIGHT) // 2
    cut = np.ascontiguousarray(frames[:, :, left : left + HEIGHT])
    x = torch.from_numpy(cut).permute(0, 3, 1, 2).float()
    return ((x / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def events_of(network: OnlineTsmMobileNetV2, frames: np.ndarray, bias: float) -> list:
    """What the program would report on frames [T,HEIGHT,WIDTH,3] from a cold start."""
    logits = network(look(frames)).numpy()
    logits[:, 1:] -= bias
    return detect(logits, np.arange(len(logits)) / RATE, labels=LABELS)


def true_events(truth: np.ndarray) -> list[tuple[str, float, float, float]]:
    """The gestures that lie wholly in a recording: label, start, sure, end in its seconds."""
    found = {}
    for frame, numbers in enumerate(truth):
        if numbers[LABEL] > 0:
            start, sure, end = (float(numbers[i]) + frame / RATE for i in (START, SURE, END))
            found[round(start * 4)] = (LABELS[int(numbers[LABEL])], start, sure, end)
    merged: list = []
    for event in sorted(found.values(), key=lambda event: event[1]):
        if not merged or event[1] - merged[-1][1] > 0.3:
            merged.append(event)
    last = (len(truth) - 1) / RATE
    return [event for event in merged if event[1] > 0 and event[3] + AFTER < last]


class Score:
    """Counts for the report."""

    def __init__(self) -> None:
        self.rows = {label: np.zeros(5, int) for label in LABELS[1:]}
        self.delays: list[float] = []
        self.stray, self.false = 0, 0
        self.seconds, self.idle_seconds = 0.0, 0.0
        self.silent_clips, self.fired_clips = 0, 0

    def gestures(self, network: OnlineTsmMobileNetV2, frames, truth, bias: float) -> None:
        """Judges a recording with gestures."""
        unclaimed = events_of(network, frames, bias)
        self.seconds += len(frames) / RATE
        for label, start, sure, end in true_events(truth):
            near = [f for f in unclaimed if start <= f[1] <= end + AFTER]
            unclaimed = [f for f in unclaimed if f not in near]
            row = self.rows[label]
            row[0] += 1
            if not near:
                row[3] += 1
            elif len(near) == 1 and near[0][0] == label:
                row[1] += 1
                self.delays.append(near[0][1] - (start + end) / 2)
            else:
                row[2] += 1
            first = max(0, int((start - BEFORE_CLIP) * RATE))
            clip = frames[first : int((end + AFTER_CLIP) * RATE)]
            alone = events_of(network, clip, bias)
            row[4] += bool(alone) and alone[0][0] == label
        whole = len(truth) / RATE
        edge = truth[0, LABEL] > 0 and truth[0, START] < 0
        low = truth[0, END] + AFTER if edge else 0.0
        self.stray += sum(low <= f[1] < whole - 0.5 for f in unclaimed)

    def idle(self, network: OnlineTsmMobileNetV2, frames, bias: float) -> None:
        """Judges a recording without gestures, whole and as clips of 4 seconds."""
        self.idle_seconds += len(frames) / RATE
        self.false += len(events_of(network, frames, bias))
        for clip in np.split(frames, len(frames) // 48):
            fired = bool(events_of(network, clip, bias))
            self.fired_clips += fired
            self.silent_clips += not fired

    def report(self) -> str:
        """Tables for a person."""
        lines = ["| class | events | right | wrong | missed | first in its clip |"]
        lines.append("|---|---|---|---|---|---|")
        every = np.sum(list(self.rows.values()), axis=0)
        for label, row in [*self.rows.items(), ("all", every)]:
            total = max(1, row[0])
            lines.append(
                f"| {label} | {row[0]} | {row[1]} ({100 * row[1] / total:.0f} %) | {row[2]} "
                f"| {row[3]} | {row[4]} ({100 * row[4] / total:.0f} %) |"
            )
        if self.seconds:
            per_hour = 3600 * self.stray / self.seconds
            lines.append(
                f"\n{self.seconds / 60:.1f} minutes with gestures: {self.stray} events outside of "
                f"every gesture ({per_hour:.0f} an hour)"
            )
        if self.idle_seconds:
            per_hour = 3600 * self.false / self.idle_seconds
            clips = self.fired_clips + self.silent_clips
            lines.append(
                f"{self.idle_seconds / 60:.1f} minutes of idle: {self.false} false events "
                f"({per_hour:.0f} an hour); {self.fired_clips} of {clips} clips of 4 s fired"
            )
        if self.delays:
            lines.append(
                f"start after the gesture's middle: median {np.median(self.delays):.2f} s, nine of "
                f"ten within {np.percentile(self.delays, 90):.2f} s"
            )
        return "\n".join(lines)


def test_set(work: Path, gestures: float, count: int, binary: Path, held_back: bool, seed: int):
    """Rendered test recordings, made when they are not there."""
    kind = "held-back" if held_back else "like-training"
    path = work / f"test-{kind}-seed{seed}-g{gestures}-{count}.bin"
    if not path.exists():
        options = ["--seed", seed, "--count", count, "--gestures", gestures]
        options += ["--first", 0 if gestures else 100_000]
        rendered.render(path, FRAMES, *options, *["--held-back"][: int(held_back)], binary=binary)
    return rendered.read(path, FRAMES)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for the test recordings")
    parser.add_argument("--count", type=int, default=60, help="recordings of each kind")
    parser.add_argument("--bias", type=float, default=0.0, help="taken off every gesture's logit")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--like-training", action="store_true", help="settings not held back")
    parser.add_argument("--renderer", type=Path, default=BINARY)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load(arguments.checkpoint)
    score = Score()
    sets = (arguments.count, arguments.renderer, not arguments.like_training, arguments.seed)
    for frames, truth in zip(*test_set(arguments.work, 0.5, *sets)):
        score.gestures(network, frames, truth, arguments.bias)
    for frames in test_set(arguments.work, 0.0, *sets)[0]:
        score.idle(network, frames, arguments.bias)
    print(score.report())


if __name__ == "__main__":
    main()
