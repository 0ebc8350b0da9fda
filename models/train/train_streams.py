"""Trains the demo network on long rendered streams, with the state carried along.

    python train_streams.py --out WORK --minutes 30 [--renderer BINARY] [--threads 1]

A slice of training takes the given minutes, saves everything, and the next call goes on from there;
the learning rate follows the whole plan (`--steps`), whatever the slices. Works on a GPU when torch
sees one. Shards are rendered beside the training, the newest ones play.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import threading
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from hints import HandHints
from network import OnlineTsmMobileNetV2
from objective import loss
from rendered import BINARY, LABELS
from streams import Rows, Shard, make_shard, shard_path

SEED = 1
PHASES = [
    # from this share of the plan: side of the pictures, frames in a piece
    (0.0, 64, 16),
    (0.6, 96, 16),
]
PEAK, WARM_UP, DECAY = 2e-3, 100, 0.02
HINTS = (1.0, 0.1)
"""Weight of the hints at the plan's beginning and end."""


class Renderer(threading.Thread):
    """Renders shards ahead of the training, until told to stop."""

    def __init__(self, folder: Path, first: int, threads: int, binary: Path, ahead: int) -> None:
        super().__init__(daemon=True)
        self.folder, self.threads, self.binary = folder, threads, binary
        self.next, self.wanted = first, first + ahead
        self.failed: Exception | None = None

    def run(self) -> None:
        while True:
            if self.next < self.wanted:
                try:
                    make_shard(self.folder, SEED, self.next, self.threads, self.binary)
                except Exception as error:  # told to the training, which stops
                    self.failed = error
                    return
                self.next += 1
            else:
                time.sleep(0.2)


class Training:
    """The network, its optimiser, its running mean, and how far they have come."""

    def __init__(self, out: Path, width: float, plan: int, device: torch.device) -> None:
        torch.manual_seed(SEED)
        self.out, self.plan, self.device = out, plan, device
        self.net = OnlineTsmMobileNetV2(len(LABELS), width).to(device)
        self.net = self.net.to(memory_format=torch.channels_last)
        for module in self.net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.03
        self.mean = copy.deepcopy(self.net).eval()
        self.hints = HandHints(self.net).to(device)
        self.parameters = [*self.net.parameters(), *self.hints.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=PEAK, betas=(0.9, 0.99), weight_decay=DECAY
        )
        self.width, self.steps, self.shards = width, 0, 0
        self.state: list[torch.Tensor] | None = None
        self.side = 0

    def start_from(self, checkpoint: Path) -> None:
        """Takes over another checkpoint's weights, all but the classifier."""
        weights = {n: t for n, t in load_file(checkpoint).items() if "classifier" not in n}
        self.net.load_state_dict(weights, strict=False)
        self.mean.load_state_dict(self.net.state_dict())

    def step(self, rows: Rows, pool: list[Shard]) -> tuple[float, float]:
        """One step; gives the loss and that of the hints."""
        done = min(1.0, self.steps / self.plan)
        side, length = next(phase[1:] for phase in reversed(PHASES) if done >= phase[0])
        rate = PEAK * max(0.02, 0.5 * (1 + math.cos(math.pi * done)))
        self.optimizer.param_groups[0]["lr"] = rate * min(1.0, (self.steps + 1) / WARM_UP)
        pictures, wanted, hands, begun = (part.to(self.device) for part in rows.step(pool, length))
        if side != pictures.shape[-1]:
            pictures = F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True)
        pictures = pictures.to(memory_format=torch.channels_last)
        if self.state is None or self.side != side or len(self.state[0]) != len(begun):
            self.state, self.side = None, side
        else:
            keep = (~begun).to(pictures.dtype)[:, None, None, None]
            self.state = [kept * keep for kept in self.state]
        logits, self.state = self.net.stream(pictures, length, self.state)
        cost, worst = loss(logits.unflatten(0, (-1, length)), wanted)
        hinted = self.hints.loss(hands)
        weight = HINTS[0] + (HINTS[1] - HINTS[0]) * done
        self.optimizer.zero_grad()
        (cost + weight * hinted).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()
        self.steps += 1
        self._average(min(0.998, self.steps / (self.steps + 20)))
        for row, bad in zip(rows.rows, worst.tolist()):
            row.judge(bad)
        return cost.item(), hinted.item()

    @torch.no_grad()
    def _average(self, keep: float) -> None:
        for mean, now in zip(self.mean.state_dict().values(), self.net.state_dict().values()):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - keep)

    def save(self) -> None:
        """The checkpoint for use, and everything needed to go on."""
        weights = {
            name: tensor.contiguous().cpu()
            for name, tensor in self.mean.state_dict().items()
            if tensor.is_floating_point()
        }
        save_file(weights, self.out / "gestures.part", {"width": str(self.width)})
        os.replace(self.out / "gestures.part", self.out / "gestures.safetensors")
        state = {name: getattr(self, name) for name in ("width", "steps", "shards")}
        for name in ("net", "mean", "hints", "optimizer"):
            state[name] = getattr(self, name).state_dict()
        torch.save(state, self.out / "streams.part")
        os.replace(self.out / "streams.part", self.out / "streams.pt")

    def resume(self) -> bool:
        """Goes on from `save`; whether there was something."""
        path = self.out / "streams.pt"
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True, map_location=self.device)
        if state["width"] != self.width:
            raise ValueError(f"{path} holds width {state['width']}, asked for is {self.width}")
        for name in ("net", "mean", "hints", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.steps, self.shards = state["steps"], state["shards"]
        return True


def train(arguments: argparse.Namespace) -> None:
    """One slice."""
    began = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    training = Training(arguments.out, arguments.width, arguments.steps, device)
    if not training.resume() and arguments.start:
        training.start_from(arguments.start)
    folder = arguments.out / "shards"
    first = max(0, training.shards - arguments.pool)
    renderer = Renderer(folder, first, arguments.threads, arguments.renderer, arguments.pool)
    renderer.start()
    pool: dict[int, Shard] = {}
    rows = Rows(arguments.rows, np.random.default_rng((SEED, training.steps)))
    losses: list[tuple[float, float]] = []
    while training.steps < arguments.steps:
        for shard in range(max(first, renderer.next - arguments.pool), renderer.next):
            if shard not in pool:
                pool[shard] = Shard(shard_path(folder, SEED, shard))
        for old in sorted(pool)[: -arguments.pool]:
            del pool[old]
            shard_path(folder, SEED, old).unlink(missing_ok=True)
        if renderer.failed:
            raise RuntimeError("the renderer failed") from renderer.failed
        if len(pool) < 2:
            time.sleep(0.2)
            continue
        # A shard is played about `--replays` times before the next one takes its place.
        played = training.steps * arguments.rows * PHASES[0][2] / (64 * 96)
        renderer.wanted = first + arguments.pool + int(played / arguments.replays)
        training.shards = renderer.next
        losses.append(training.step(rows, list(pool.values())))
        over = time.monotonic() - began > arguments.minutes * 60
        if training.steps % 50 == 0 or over:
            cost, hinted = np.mean(losses, axis=0)
            passed = (time.monotonic() - began) / 60
            print(
                f"step {training.steps} loss {cost:.3f} hints {hinted:.3f} "
                f"shards {training.shards} {passed:.1f} min",
                flush=True,
            )
            losses.clear()
        if training.steps % 200 == 0:
            training.save()
        if over:
            break
    training.save()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for shards and checkpoints")
    parser.add_argument("--minutes", type=float, default=8.0, help="length of this slice")
    parser.add_argument("--steps", type=int, default=20_000, help="of the whole plan")
    parser.add_argument("--rows", type=int, default=12, help="streams in a step")
    parser.add_argument("--pool", type=int, default=24, help="shards that play at a time")
    parser.add_argument("--replays", type=float, default=4.0, help="of a shard")
    parser.add_argument("--width", type=float, default=0.35)
    parser.add_argument("--threads", type=int, default=1, help="for the renderer")
    parser.add_argument("--renderer", type=Path, default=BINARY)
    parser.add_argument("--start", type=Path, help="a checkpoint to begin from")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    train(arguments)


if __name__ == "__main__":
    main()
