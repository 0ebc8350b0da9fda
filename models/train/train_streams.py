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
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from hints import HandHints
from memory import keep_memory
from network import OnlineTsmMobileNetV2
from objective import loss
from rendered import BINARY, LABELS
from streams import FRAMES, RECORDINGS, Batch, Rows, Shard, make_shard, shard_path

SEED = 1
PHASES = [
    # from this share of the plan: side of the pictures, frames in a piece, and the share of pieces
    # that end in a gesture (each piece then starts cold; 0: long streams with state)
    (0.0, 48, 6, 0.75),
    (0.45, 64, 8, 0.6),
    (0.7, 96, 16, 0.0),
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
                except (OSError, RuntimeError, subprocess.SubprocessError) as error:
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

    def phase(self) -> tuple[int, int, float]:
        """Side of the pictures, frames in a piece, share of pieces that end in a gesture."""
        done = self.steps / self.plan
        return next(phase[1:] for phase in reversed(PHASES) if done >= phase[0])

    def step(self, batch: Batch) -> tuple[float, float, list[float]]:
        """One step; gives the loss, that of the hints, and that of each row's worst idle frames."""
        done = min(1.0, self.steps / self.plan)
        side = self.phase()[0]
        length = batch.wanted.shape[1]
        rate = PEAK * max(0.02, 0.5 * (1 + math.cos(math.pi * done)))
        self.optimizer.param_groups[0]["lr"] = rate * min(1.0, (self.steps + 1) / WARM_UP)
        pictures = batch.pictures(self.device, side)
        parts = (batch.wanted, batch.hands, batch.begun)
        wanted, hands, begun = (part.to(self.device) for part in parts)
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
        return cost.item(), hinted.item(), worst.tolist()

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


class Shelf:
    """The shards that play: rendered beside the training, the newest ones kept."""

    def __init__(self, arguments: argparse.Namespace, first: int) -> None:
        self.folder, self.size = arguments.out / "shards", arguments.pool
        self.first = max(0, first - self.size)
        self.renderer = Renderer(
            self.folder, self.first, arguments.threads, arguments.renderer, self.size
        )
        self.renderer.start()
        self.shards: dict[int, Shard] = {}

    def pool(self, played: float) -> list[Shard]:
        """What plays now; waits for the first two. `played` shards were used up so far."""
        self.renderer.wanted = self.first + self.size + int(played)
        while True:
            last = self.renderer.next
            for number in range(max(self.first, last - self.size), last):
                if number not in self.shards:
                    self.shards[number] = Shard(shard_path(self.folder, SEED, number))
            for old in sorted(self.shards)[: -self.size]:
                del self.shards[old]
                shard_path(self.folder, SEED, old).unlink(missing_ok=True)
            if self.renderer.failed:
                raise RuntimeError("the renderer failed") from self.renderer.failed
            if len(self.shards) >= 2:
                return list(self.shards.values())
            time.sleep(0.2)


def train(arguments: argparse.Namespace) -> None:
    """One slice."""
    began = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    training = Training(arguments.out, arguments.width, arguments.steps, device)
    if not training.resume() and arguments.start:
        training.start_from(arguments.start)
    shelf = Shelf(arguments, training.shards)
    rows, phase = None, None
    waiting = None
    losses: list[tuple[float, float]] = []
    loader = ThreadPoolExecutor(1)
    while training.steps < arguments.steps:
        # A shard is played about `--replays` times before the next one takes its place.
        frames = training.steps * arguments.frames
        pool = shelf.pool(frames / (RECORDINGS * FRAMES) / arguments.replays)
        training.shards = shelf.renderer.next
        if rows is None or training.phase() != phase:
            phase = training.phase()
            rng = np.random.default_rng((SEED, training.steps))
            rows = Rows(max(1, arguments.frames // phase[1]), rng)
            waiting = loader.submit(rows.step, pool, *phase[1:])
        batch = waiting.result()
        waiting = loader.submit(rows.step, pool, *phase[1:])
        cost, hinted, worst = training.step(batch)
        # Only when the next batch is drawn: what it holds must not depend on who was faster.
        waiting.result()
        batch.judge(worst)
        losses.append((cost, hinted))
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
    parser.add_argument("--frames", type=int, default=192, help="in a step, of all its streams")
    parser.add_argument("--pool", type=int, default=24, help="shards that play at a time")
    parser.add_argument("--replays", type=float, default=4.0, help="of a shard")
    parser.add_argument("--width", type=float, default=0.35)
    parser.add_argument("--threads", type=int, default=1, help="for the renderer")
    parser.add_argument("--renderer", type=Path, default=BINARY)
    parser.add_argument("--start", type=Path, help="a checkpoint to begin from")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        keep_memory()
        torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    train(arguments)


if __name__ == "__main__":
    main()
