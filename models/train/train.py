"""Trains the demo network on rendered clips, on one CPU thread.

A round is some steps over windows of the clips of the last shards, one of them fresh. Another
process renders ahead. Training goes from small pictures and short windows, where a step sees many
scenes for little, to full size and whole clips, the learning rate going to zero. What is saved is
the running mean of the weights.
"""

from __future__ import annotations

import argparse
import copy
import math
import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from dataset import CLIP, IGNORE, SHARD, TRAIN_SEED, VALIDATION_SEED, Clips, Shards
from gestures import LABELS
from hints import HandHints
from memory import keep_memory
from network import OnlineTsmMobileNetV2, normalise


@dataclass(frozen=True)
class Stage:
    """A part of training in which the learning rate falls from its peak to zero."""

    rounds: int
    minutes: float
    """Wall time after which the stage ends early; its learning rate then falls faster."""
    peak: float
    phases: list[tuple[float, int, int, int]]
    """From this progress on: picture size, frames in a window, windows in a step."""

    def phase(self, progress: float) -> tuple[int, int, int]:
        """Picture size, frames in a window, windows in a step."""
        return next(phase[1:] for phase in reversed(self.phases) if progress >= phase[0])


STAGES = [
    Stage(
        90, 38.0, 2e-3, [(0.0, 48, 4, 60), (0.12, 48, 12, 20), (0.5, 64, 32, 6), (0.75, 96, 32, 6)]
    ),
    Stage(30, 14.0, 8e-4, [(0.0, 96, 32, 6)]),
]
SHARP = 0.6
"""Share of the windows shorter than a clip that are chosen to show a gesture."""
STEPS = 64
"""Steps in a round."""
POOL = 12
"""Shards that a round draws from."""
GESTURE_WEIGHT, HINT_WEIGHT = 2.0, 1.0
WARM_UP, DECAY = 100, 0.02
COUNTERS = ("steps", "round", "stage", "stage_round", "elapsed")


def window(pool: list[Clips], frames: int, rng: np.random.Generator) -> Clips:
    """Some frames of a random clip of the shards in `pool`, mirrored half of the time."""
    shard, place = divmod(int(rng.integers(len(pool) * SHARD)), SHARD)
    clip = pool[shard][place]
    named = np.flatnonzero(clip.targets > 0)
    end = int(rng.integers(frames, CLIP + 1))
    if frames < CLIP and len(named) and rng.random() < SHARP:
        end = min(CLIP, max(frames, int(rng.choice(named)) + 1 + int(rng.integers(0, 3))))
    start = end - frames
    clip = clip[start:end]
    if start:  # the stroke of a gesture that is named at once was not seen
        early = clip.targets.copy()
        early[:5][early[:5] > 0] = IGNORE
        clip = Clips(clip.pictures, early, clip.hands)
    return clip.mirrored() if rng.random() < 0.5 else clip


def render_ahead(folder: Path, first: int, last: int, ready: multiprocessing.Semaphore) -> None:
    """The second process: renders the shards `first` to `last`, a few ahead of their use."""
    os.nice(10)
    shards = Shards(folder, TRAIN_SEED)
    for shard in range(first, last):
        ready.acquire()
        shards.get(shard)


def wait_for(path: Path, writer: multiprocessing.Process) -> None:
    """Until the other process has written a file."""
    while not path.exists():
        if not writer.is_alive():
            raise RuntimeError(f"the renderer ended before it wrote {path}")
        time.sleep(0.2)


class Trainer:
    """The network, its optimiser, its running mean, and the place they are saved in."""

    def __init__(self, out: Path) -> None:
        torch.manual_seed(TRAIN_SEED)
        self.out = out
        self.net = OnlineTsmMobileNetV2(len(LABELS)).to(memory_format=torch.channels_last)
        for module in self.net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.03
        self.mean = copy.deepcopy(self.net).eval()
        self.hints = HandHints(self.net)
        self.parameters = [*self.net.parameters(), *self.hints.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=STAGES[0].peak, betas=(0.9, 0.99), weight_decay=DECAY
        )
        self.weights = torch.tensor([1.0] + [GESTURE_WEIGHT] * (len(LABELS) - 1))
        self.steps = 0
        self.round = 0
        self.stage = 0
        self.stage_round = 0
        self.elapsed = 0.0  # seconds in this stage

    def step(
        self, pool: list[Clips], progress: float, rng: np.random.Generator
    ) -> tuple[float, float]:
        """One step; `progress` 0..1 sets the phase and the learning rate. Gives both losses."""
        stage = STAGES[self.stage]
        size, frames, count = stage.phase(progress)
        rate = stage.peak * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        self.optimizer.param_groups[0]["lr"] = rate * min(1.0, (self.steps + 1) / WARM_UP)
        batch = Clips.stack([window(pool, frames, rng) for _ in range(count)])
        x = normalise(torch.from_numpy(batch.pictures).flatten(0, 1), size)
        wanted = torch.from_numpy(batch.targets).flatten()
        logits = self.net(x, clip_length=frames)
        named = F.cross_entropy(logits, wanted, weight=self.weights, ignore_index=IGNORE)
        hinted = self.hints.loss(torch.from_numpy(batch.hands).flatten(0, 1))
        self.optimizer.zero_grad()
        (named + HINT_WEIGHT * hinted).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 10.0)
        self.optimizer.step()
        self.steps += 1
        self._average(min(0.997, self.steps / (self.steps + 20)))
        return named.item(), hinted.item()

    @torch.no_grad()
    def _average(self, keep: float) -> None:
        for mean, now in zip(self.mean.state_dict().values(), self.net.state_dict().values()):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - keep)

    @torch.no_grad()
    def validate(self, clips: Clips, size: int) -> str:
        """Frame accuracy of the running mean on idle and on gesture frames."""
        right = {True: [], False: []}
        for clip, target in zip(clips.pictures, clips.targets):
            best = self.mean(normalise(torch.from_numpy(clip), size)).argmax(-1).numpy()
            for idle in (True, False):
                judged = (target != IGNORE) & ((target == 0) == idle)
                right[idle].extend(best[judged] == target[judged])
        return f"idle {np.mean(right[True]):.4f} gestures {np.mean(right[False]):.4f}"

    def save(self) -> None:
        """The checkpoint for use and everything needed to go on."""
        weights = {
            name: tensor.contiguous()
            for name, tensor in self.mean.state_dict().items()
            if tensor.is_floating_point()
        }
        save_file(weights, self.out / "demo.safetensors.part")
        os.replace(self.out / "demo.safetensors.part", self.out / "demo.safetensors")
        state = {name: getattr(self, name) for name in COUNTERS}
        for name in ("net", "mean", "hints", "optimizer"):
            state[name] = getattr(self, name).state_dict()
        torch.save(state, self.out / "training.pt.part")
        os.replace(self.out / "training.pt.part", self.out / "training.pt")

    def resume(self) -> None:
        """Goes on from `save`, if there is one."""
        path = self.out / "training.pt"
        if path.exists():
            state = torch.load(path, weights_only=True)
            for name in ("net", "mean", "hints", "optimizer"):
                getattr(self, name).load_state_dict(state[name])
            for name in COUNTERS:
                setattr(self, name, state[name])


def train(out: Path, share: float = 1.0) -> None:
    """All stages, each cut to `share` of its rounds and minutes; goes on from what was saved."""
    torch.set_num_threads(1)
    trainer = Trainer(out)
    trainer.resume()
    folder = out / "shards"
    shards, validation = Shards(folder, TRAIN_SEED), Shards(folder, VALIDATION_SEED)
    ahead = multiprocessing.get_context("spawn").Semaphore(4)
    last = sum(stage.rounds for stage in STAGES)
    renderer = multiprocessing.get_context("spawn").Process(
        target=render_ahead, args=(folder, trainer.round, last, ahead), daemon=True
    )
    renderer.start()
    pool = [shards.get(s) for s in range(max(0, trainer.round - POOL), trainer.round)]
    while trainer.stage < len(STAGES):
        began = time.monotonic()
        stage = STAGES[trainer.stage]
        rng = np.random.default_rng((TRAIN_SEED, 1 << 20, trainer.round))
        wait_for(shards.path(trainer.round), renderer)
        waited = time.monotonic() - began
        ahead.release()
        pool = [*pool, shards.get(trainer.round)][-POOL:]
        losses = []
        for step in range(STEPS):
            passed = (trainer.elapsed + time.monotonic() - began) / 60 / stage.minutes
            made = (trainer.stage_round + step / STEPS) / stage.rounds
            progress = min(1.0, max(made, passed) / share)
            losses.append(trainer.step(pool, progress, rng))
        trainer.round += 1
        trainer.stage_round += 1
        trainer.elapsed += time.monotonic() - began
        named, hinted = np.mean(losses, axis=0)
        line = f"stage {trainer.stage} round {trainer.round} progress {progress:.2f}"
        line += f" loss {named:.3f} hints {hinted:.3f}"
        if trainer.round % 10 == 0:
            size, _, _ = stage.phase(progress)
            line += " validation " + trainer.validate(validation.get(0), size)
        print(f"{line} waited {waited:.0f} s, {trainer.elapsed / 60:.1f} min", flush=True)
        if progress >= 1.0 or trainer.stage_round >= stage.rounds * share:
            trainer.stage, trainer.stage_round, trainer.elapsed = trainer.stage + 1, 0, 0.0
        trainer.save()
        shards.path(trainer.round - 1 - POOL).unlink(missing_ok=True)
    renderer.terminate()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for shards and checkpoints")
    parser.add_argument("--share", type=float, default=1.0, help="of the schedule, for a trial")
    arguments = parser.parse_args()
    keep_memory()
    arguments.out.mkdir(parents=True, exist_ok=True)
    train(arguments.out, arguments.share)


if __name__ == "__main__":
    main()
