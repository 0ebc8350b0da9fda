"""Training clips: short stretches of streams with a target for every frame, rendered in shards.

Clip i of shard s of seed S depends on (S, s, i) alone, so any shard can be rendered again, and its
digest says whether it is the same.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gestures import LABELS
from scene import Scene
from track import Event

RATE = 12.0
"""The model's frames a second."""
SIZE = 96
"""Height and width of the model's pictures."""
CLIP = 32
"""Frames in a training clip."""
SHARD = 192
"""Clips in a shard."""
IGNORE = -100
"""The target of a frame that is not judged."""

TRAIN_SEED, VALIDATION_SEED, TEST_SEED, DEMO_SEED = 1, 2, 3, 4

Rng = np.random.Generator


def camera_ticks(rng: Rng, start: float, count: int) -> np.ndarray:
    """Exposure times [count] of the camera frames nearest to the model's ticks from `start` on."""
    ticks = start + np.arange(count) / RATE
    fps = rng.choice([24.0, 25.0, 30.0, rng.uniform(15, 30)])
    phase = rng.uniform(0, 1 / fps)
    return np.round((ticks - phase) * fps) / fps + phase


def targets(events: list[Event], times: np.ndarray) -> np.ndarray:
    """What to say at each of `times`: a class number or `IGNORE`, int64.

    A swipe is named from 55 % of its stroke until 0.25 s after it. Just before and just after, the
    network may say either; so for a stroke whose first quarter the clip has missed.
    """
    wanted = np.zeros(len(times), np.int64)
    for event in events:
        length = event.end - event.start
        begun, sure = event.start + 0.3 * length, event.start + 0.55 * length
        band = (times >= begun) & (times <= event.end + 0.45)
        wanted[band] = IGNORE
        if times[0] <= event.start + 0.25 * length:
            wanted[(times >= sure) & (times <= event.end + 0.25)] = LABELS.index(event.label)
    return wanted


def compress(pictures: np.ndarray, quality: int) -> np.ndarray:
    """The pictures [T,H,W,3] after a trip through JPEG."""
    out = np.empty_like(pictures)
    for i, picture in enumerate(pictures):
        held = io.BytesIO()
        Image.fromarray(picture).save(held, "JPEG", quality=quality)
        out[i] = np.asarray(Image.open(held))
    return out


@dataclass(frozen=True)
class Clips:
    """Clips with what there is to learn from them; N clips, or one without that axis."""

    pictures: np.ndarray
    """uint8 [N, CLIP, SIZE, SIZE, 3]"""
    targets: np.ndarray
    """int64 [N, CLIP], see `targets`"""
    hands: np.ndarray
    """float32 [N, CLIP, 5], see `Scene.hand`"""

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, which) -> Clips:
        return Clips(self.pictures[which], self.targets[which], self.hands[which])

    def arrays(self) -> dict[str, np.ndarray]:
        """The three arrays by name."""
        return {"pictures": self.pictures, "targets": self.targets, "hands": self.hands}

    def digest(self) -> str:
        """The SHA-256 of the content."""
        content = hashlib.sha256()
        for array in self.arrays().values():
            content.update(np.ascontiguousarray(array))
        return content.hexdigest()

    def mirrored(self) -> Clips:
        """One clip seen in a mirror: left becomes right."""
        left, right = LABELS.index("swipe_left"), LABELS.index("swipe_right")
        wanted = self.targets
        swapped = np.where(wanted == left, right, np.where(wanted == right, left, wanted))
        flip = np.array([-1, 1, 1, -1, 1], np.float32)
        return Clips(self.pictures[:, :, ::-1], swapped, self.hands * flip)

    @staticmethod
    def stack(clips: list[Clips]) -> Clips:
        """Single clips as many."""
        names = ("pictures", "targets", "hands")
        return Clips(*(np.stack([getattr(clip, name) for clip in clips]) for name in names))


def render_clip(seed: tuple[int, ...]) -> Clips:
    """One clip."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0.0, 2.5)
    swiping = rng.choice([0.8, 0.0], p=[0.75, 0.25])
    scene = Scene(rng, start + CLIP / RATE + 0.5, swiping)
    times = camera_ticks(rng, start, CLIP)
    pictures = scene.render(times, SIZE, SIZE)
    if rng.random() < 0.3:
        pictures = compress(pictures, int(rng.integers(50, 95)))
    return Clips(pictures, targets(scene.events, times), scene.hand(times))


def render_shard(seed: int, shard: int, clips: int = SHARD) -> Clips:
    """All clips of a shard."""
    return Clips.stack([render_clip((seed, shard, i)) for i in range(clips)])


class Shards:
    """Shards as files in a folder, rendered when first asked for."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, shard: int) -> Path:
        """The file of one shard."""
        return self.folder / f"seed{self.seed}-{shard:04}.npz"

    def get(self, shard: int) -> Clips:
        """A shard, and its digest in `digests.txt` when it is new."""
        path = self.path(shard)
        if not path.exists():
            clips = render_shard(self.seed, shard)
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.savez(file, **clips.arrays())
            part.rename(path)
            with (self.folder / "digests.txt").open("a") as file:
                file.write(f"{self.seed} {shard} {clips.digest()}\n")
        with np.load(path) as file:
            return Clips(**file)
