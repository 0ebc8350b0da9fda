"""Long recordings as a camera would give them, their truth, and the network's view of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from dataset import RATE, SIZE
from gestures import LABELS
from network import OnlineTsmMobileNetV2, normalise
from scene import Scene, Script
from track import Event

FPS, HEIGHT, WIDTH = 24, 120, 160
"""The camera of test recordings and of the demo clip."""
SECONDS = 20.0
"""The length of a test recording."""


@dataclass(frozen=True)
class Recording:
    """A scene watched for some seconds."""

    scene: Scene
    seconds: float
    events: list[Event]

    def frames(self, step: int = 1) -> np.ndarray:
        """Every `step`-th frame: uint8 [T,HEIGHT,WIDTH,3], RGB."""
        times = np.arange(0, int(self.seconds * FPS), step) / FPS
        return self.scene.render(times, HEIGHT, WIDTH)


def record(seed: tuple[int, ...], idle: bool, script: Script | None = None) -> Recording:
    """The recording of a seed, cut before a gesture that it would show in part."""
    scene = Scene(np.random.default_rng(seed), SECONDS, 0.0 if idle else 0.6, script)
    seconds = min(SECONDS, scene.track.time) if script else SECONDS
    for event in scene.events:
        if event.start < seconds < event.end + 0.5:
            seconds = event.start
    return Recording(scene, seconds, [e for e in scene.events if e.end < seconds])


def record_many(seed: int, minutes: float, idle: bool) -> Iterator[Recording]:
    """Recordings of at least `minutes` together."""
    index, seconds = 0, 0.0
    while seconds < minutes * 60:
        recording = record((seed, int(idle), index), idle)
        index, seconds = index + 1, seconds + recording.seconds
        yield recording


def load_network(checkpoint: Path) -> OnlineTsmMobileNetV2:
    """The network of a checkpoint, ready to answer."""
    network = OnlineTsmMobileNetV2(len(LABELS))
    missing, surplus = network.load_state_dict(load_file(checkpoint), strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or surplus:
        raise ValueError(f"{checkpoint}: missing {missing}, surplus {surplus}")
    return network.eval()


def resize(frames: np.ndarray) -> np.ndarray:
    """Camera frames [T,H,W,3] to the network's [T,SIZE,SIZE,3]: shorter side, then the centre."""
    height, width = frames.shape[1:3]
    scale = SIZE / min(height, width)
    new = (round(width * scale), round(height * scale))
    left, top = (new[0] - SIZE) // 2, (new[1] - SIZE) // 2
    pictures = [
        np.asarray(Image.fromarray(f).resize(new, Image.Resampling.BILINEAR)) for f in frames
    ]
    return np.stack(pictures)[:, top : top + SIZE, left : left + SIZE]


@torch.no_grad()
def logits_of(network: OnlineTsmMobileNetV2, frames: np.ndarray) -> np.ndarray:
    """Logits [T,classes] for frames at the model's rate, uint8 [T,H,W,3] of any size."""
    pictures = torch.from_numpy(np.ascontiguousarray(resize(frames)))
    return network(normalise(pictures)).numpy()


TICK = int(FPS / RATE)
"""Camera frames from one of the model's ticks to the next."""
