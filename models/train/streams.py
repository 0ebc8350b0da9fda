"""Long streams for training: shards of rendered recordings, and rows that play them one by one.

Shard s of a seed is the same on every run and machine; `digests.txt` holds the SHA-256 of each.
Recordings whose idle frames come close to a false alarm are played more often.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import rendered
from network import MEAN, STD
from objective import mirror, targets
from rendered import HEIGHT, INSIDE, PLACE, SPEED, WIDTH

RECORDINGS, FRAMES = 64, 96
"""Recordings in a shard, frames in a recording."""
GESTURES, EVERY_IDLE = 0.65, 4
"""The share of acts that are gestures; every so many shards have none at all."""


class Shard:
    """Recordings in a file, with a number for each that says how hard it is."""

    def __init__(self, path: Path) -> None:
        self.frames, self.truth = rendered.read(path, FRAMES)
        self.wanted = targets(self.truth)
        self.hard = np.ones(RECORDINGS)


def shard_path(folder: Path, seed: int, shard: int) -> Path:
    """The file of a shard."""
    return folder / f"seed{seed}-{shard:05}.bin"


def make_shard(folder: Path, seed: int, shard: int, threads: int, binary: Path) -> Path:
    """Renders a shard, if it is not there, and notes its digest."""
    path = shard_path(folder, seed, shard)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        gestures = 0.0 if shard % EVERY_IDLE == EVERY_IDLE - 1 else GESTURES
        first = shard * RECORDINGS
        options = ("--seed", seed, "--first", first, "--count", RECORDINGS)
        options += ("--gestures", gestures, "--threads", threads)
        rendered.render(path, FRAMES, *options, binary=binary)
    note_digest(folder, path)
    return path


def note_digest(folder: Path, path: Path) -> None:
    """Adds the file's SHA-256 to `digests.txt`; a file that differs from its note is refused."""
    notes = folder / "digests.txt"
    known = dict(line.split() for line in notes.read_text().splitlines()) if notes.exists() else {}
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if known.setdefault(path.name, digest) != digest:
        raise RuntimeError(f"{path} is not what it was: its digest differs from {notes}")
    notes.write_text("".join(f"{name} {value}\n" for name, value in known.items()))


@dataclass(frozen=True)
class Cut:
    """The square that a row sees of its recording, in pixels, mirrored or not."""

    left: float
    top: float
    side: float
    flip: bool

    @staticmethod
    def draw(rng: np.random.Generator) -> Cut:
        """A square of most of the height, near the middle."""
        side = HEIGHT * rng.uniform(0.86, 1.0)
        middle = (WIDTH - side) / 2
        left = middle + rng.uniform(-0.8, 0.8) * min(middle, 16)
        return Cut(left, rng.uniform(0, HEIGHT - side), side, rng.random() < 0.5)

    def map(self) -> np.ndarray:
        """From the square, -1 to 1, to the frame, -1 to 1: [2,3], as `affine_grid` wants it."""
        x, y = self.left + self.side / 2, self.top + self.side / 2
        across = -self.side if self.flip else self.side
        return np.array(
            [[across / WIDTH, 0, 2 * x / WIDTH - 1], [0, self.side / HEIGHT, 2 * y / HEIGHT - 1]],
            np.float32,
        )

    def hands(self, truth: np.ndarray) -> np.ndarray:
        """Where the hand is in the square, as `hints.py` wants it: [T,5] from truth [T,TRUTH]."""
        scale = HEIGHT / self.side
        x = (self.left + self.side / 2 - WIDTH / 2) / HEIGHT
        y = 0.5 - (self.top + self.side / 2) / HEIGHT
        place = (truth[:, PLACE] - [x, y]) * scale
        speed = truth[:, SPEED][:, :2] * scale
        inside = truth[:, INSIDE] * (np.abs(place) < 0.54).all(1)
        hands = np.stack([place[:, 0], -place[:, 1], inside, speed[:, 0], -speed[:, 1]], 1)
        sign = np.array([-1, 1, 1, -1, 1]) if self.flip else np.ones(5)
        return (hands * sign).astype(np.float32)


class Row:
    """Plays recordings one after the other, each seen through one cut."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.at = FRAMES

    def next(self, pool: list[Shard], length: int, sharp: float) -> bool:
        """Moves on by a piece; whether it begins anew.

        With `sharp` above 0 every piece is a cold start, and this share of them ends where a
        gesture is to be named, if the recording has one.
        """
        self.at += length
        if not sharp and self.at + length <= FRAMES:
            return False
        self.shard = pool[int(self.rng.integers(len(pool)))]
        chances = self.shard.hard / self.shard.hard.sum()
        self.recording = int(self.rng.choice(RECORDINGS, p=chances))
        # Not all from the very beginning, or recordings would end together in all rows.
        self.at = int(self.rng.integers(0, 2)) * length // 2
        if sharp:
            named = np.flatnonzero(self.shard.wanted[self.recording] > 0)
            self.at = int(self.rng.integers(0, FRAMES - length + 1))
            if len(named) and self.rng.random() < sharp:
                last = int(self.rng.choice(named)) + int(self.rng.integers(1, 3))
                self.at = min(max(0, last - length), FRAMES - length)
        self.cut = Cut.draw(self.rng)
        return True

    def piece(self, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whole frames uint8 [length,HEIGHT,WIDTH,3], targets [length], hands [length,5]."""
        span = slice(self.at, self.at + length)
        wanted = self.shard.wanted[self.recording, span]
        hands = self.cut.hands(self.shard.truth[self.recording, span])
        frames = self.shard.frames[self.recording, span]
        return frames, mirror(wanted) if self.cut.flip else wanted, hands


@dataclass(frozen=True)
class Batch:
    """A piece of every row."""

    frames: Tensor
    """Whole frames, uint8 [rows*length,HEIGHT,WIDTH,3]."""
    maps: Tensor
    """What each frame's row sees of it, [rows*length,2,3], see `Cut.map`."""
    wanted: Tensor
    """[rows,length]"""
    hands: Tensor
    """[rows*length,5]"""
    begun: Tensor
    """Which rows begin anew, bool [rows]."""
    played: list[tuple[Shard, int]]
    """The recording of each row."""

    def pictures(self, device: torch.device, side: int) -> Tensor:
        """What the network sees: float [rows*length,3,side,side], normalised."""
        x = self.frames.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
        grid = F.affine_grid(self.maps.to(device), [len(x), 3, HEIGHT, HEIGHT], align_corners=False)
        x = F.grid_sample(x, grid, "bilinear", "border", align_corners=False)
        if side != HEIGHT:
            x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
        return ((x / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)

    def judge(self, worst: list[float]) -> None:
        """Remembers how close to a false alarm each row's recording came."""
        for (shard, recording), cost in zip(self.played, worst):
            new = float(np.clip(cost, 0.15, 4.0))
            shard.hard[recording] = 0.7 * shard.hard[recording] + 0.3 * new


class Rows:
    """The rows of a batch."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.rows = [Row(np.random.default_rng(rng.integers(1 << 62))) for _ in range(count)]

    def step(self, pool: list[Shard], length: int, sharp: float) -> Batch:
        """The next piece of every row."""
        begun = [row.next(pool, length, sharp) for row in self.rows]
        pieces = [row.piece(length) for row in self.rows]
        maps = np.repeat(np.stack([row.cut.map() for row in self.rows]), length, axis=0)
        return Batch(
            torch.from_numpy(np.concatenate([frames for frames, _, _ in pieces])),
            torch.from_numpy(maps),
            torch.from_numpy(np.stack([wanted for _, wanted, _ in pieces])),
            torch.from_numpy(np.concatenate([hands for _, _, hands in pieces])),
            torch.tensor(begun),
            [(row.shard, row.recording) for row in self.rows],
        )
