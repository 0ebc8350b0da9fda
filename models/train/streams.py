"""Long streams for training: shards of rendered recordings, and rows that play them one by one.

Shard s of a seed is the same on every run and machine; `digests.txt` holds the SHA-256 of each.
Recordings whose idle frames come close to a false alarm are played more often.
"""

from __future__ import annotations

import hashlib
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


class Row:
    """Plays recordings one after the other, each seen through one cut, mirrored or not."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.at = FRAMES

    def next(self, pool: list[Shard], length: int) -> bool:
        """Moves on by a piece; whether a new recording began."""
        self.at += length
        if self.at + length <= FRAMES:
            return False
        # A first piece anywhere, so that recordings do not begin together in all rows.
        self.shard = pool[int(self.rng.integers(len(pool)))]
        chances = self.shard.hard / self.shard.hard.sum()
        self.recording = int(self.rng.choice(RECORDINGS, p=chances))
        self.at = int(self.rng.integers(0, 2)) * length // 2
        self.flip = self.rng.random() < 0.5
        self.side = int(HEIGHT * self.rng.uniform(0.86, 1.0))
        self.top = int(self.rng.integers(0, HEIGHT - self.side + 1))
        middle = (WIDTH - self.side) / 2
        self.left = int(middle + self.rng.uniform(-0.8, 0.8) * min(middle, 16))
        return True

    def piece(self, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames uint8 [length,side,side,3], targets [length], hands [length,5] (`hints.py`)."""
        span = slice(self.at, self.at + length)
        rows, columns = slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)
        frames = self.shard.frames[self.recording, span, rows, columns]
        truth = self.shard.truth[self.recording, span]
        wanted = self.shard.wanted[self.recording, span]
        scale = HEIGHT / self.side
        middle = np.array([self.left + self.side / 2 - WIDTH / 2, HEIGHT / 2 - self.top - self.side / 2])
        place = (truth[:, PLACE] - middle / HEIGHT) * scale
        speed = truth[:, SPEED][:, :2] * scale
        inside = truth[:, INSIDE] * (np.abs(place) < 0.54).all(1)
        hands = np.stack([place[:, 0], -place[:, 1], inside, speed[:, 0], -speed[:, 1]], 1)
        if self.flip:
            frames, wanted = frames[:, :, ::-1], mirror(wanted)
            hands = hands * np.array([-1, 1, 1, -1, 1])
        return frames, wanted, hands.astype(np.float32)

    def judge(self, worst: float) -> None:
        """Remembers how close to a false alarm the recording came."""
        hard = self.shard.hard
        hard[self.recording] = 0.7 * hard[self.recording] + 0.3 * float(np.clip(worst, 0.15, 4.0))


class Rows:
    """The rows of a batch."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.rows = [Row(np.random.default_rng(rng.integers(1 << 62))) for _ in range(count)]

    def step(self, pool: list[Shard], length: int) -> tuple[Tensor, ...]:
        """The next piece of every row.

        Pictures uint8 [rows*length,HEIGHT,HEIGHT,3]; targets [rows,length]; hands
        [rows*length,5]; which rows began anew, bool [rows].
        """
        begun = [row.next(pool, length) for row in self.rows]
        pieces = [row.piece(length) for row in self.rows]
        pictures = torch.cat([enlarge(frames) for frames, _, _ in pieces])
        wanted = torch.from_numpy(np.stack([wanted for _, wanted, _ in pieces]))
        hands = torch.from_numpy(np.concatenate([hands for _, _, hands in pieces]))
        return pictures, wanted, hands, torch.tensor(begun)


def enlarge(frames: np.ndarray) -> Tensor:
    """Square frames of any size as float [T,3,HEIGHT,HEIGHT], normalised."""
    x = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    if x.shape[-1] != HEIGHT:
        x = F.interpolate(x, size=(HEIGHT, HEIGHT), mode="bilinear", align_corners=False)
    return (x / 255 - MEAN) / STD
