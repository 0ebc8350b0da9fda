"""A scene: one camera, one room, perhaps a person in it, and what that person does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

import background
import raster
from gestures import MIRRORED, Actor, perform
from person import Body, Parts, add_arm, add_body, add_idle_arm, random_body, random_materials
from track import Event, Track, X, Y

Rng = np.random.Generator
Script = Callable[[Rng, Actor], Track]
"""What a person is told to do."""

PAD = 12
SUBFRAMES = 4
_NOISE_BANK = np.random.default_rng(0).standard_normal(1 << 20).astype(np.float32)


@dataclass(frozen=True)
class Wobble:
    """A smooth random movement around zero: three sines."""

    amounts: np.ndarray
    rates: np.ndarray
    phases: np.ndarray

    @staticmethod
    def random(rng: Rng, size: float, slowest: float, fastest: float) -> Wobble:
        """About `size` large, with periods of `fastest` to `slowest` seconds."""
        periods = rng.uniform(fastest, slowest, 3)
        return Wobble(rng.normal(0, size, 3), 2 * np.pi / periods, rng.uniform(0, 6.3, 3))

    def at(self, times: np.ndarray) -> np.ndarray:
        """Values at `times` (any shape)."""
        return (self.amounts * np.sin(self.rates * times[..., None] + self.phases)).sum(-1)


class Scene:
    """Everything about one recording, fixed by its generator; any moment can be rendered."""

    def __init__(
        self, rng: Rng, seconds: float, swiping: float, script: Script | None = None
    ) -> None:
        """`swiping` is the share of swipes among the acts; a `script` replaces them."""
        self.seconds = seconds
        self.body = random_body(rng)
        self.materials = np.concatenate([random_materials(rng), random_materials(rng)])
        actor = self.actor(self.body, float(rng.random()))
        self.present = script is not None or rng.random() < 0.96
        act_seed = rng.integers(1 << 62)
        acting = np.random.default_rng(act_seed)
        self.track = script(acting, actor) if script else perform(acting, actor, seconds, swiping)
        self.mirror = script is None and rng.random() < 0.5

        self.sway = (
            Wobble.random(rng, rng.choice([0.002, 0.01]), 6, 1.5),
            Wobble.random(rng, 0.004, 6, 1.5),
        )
        self.nod = Wobble.random(rng, rng.choice([0.001, 0.006]), 3, 0.5)
        self.tremor = Wobble.random(rng, 0.002, 1.0, 0.15), Wobble.random(rng, 0.002, 1.0, 0.15)
        shake = rng.choice([0.0, 0.0008, 0.004], p=[0.5, 0.35, 0.15])
        self.shake = Wobble.random(rng, shake, 3.0, 0.2), Wobble.random(rng, shake, 3.0, 0.2)
        self.drift = Wobble.random(rng, rng.choice([0.005, 0.04]), 8, 1)
        self.passer_by = _random_passer_by(rng, seconds) if rng.random() < 0.1 else None

        self.room_seed = rng.integers(1 << 62)
        towards = np.array([rng.normal(0, 0.6), rng.normal(-0.5, 0.5), 1.0])
        self.light = np.array(
            [*(towards / np.linalg.norm(towards)), rng.uniform(0.4, 0.75)], np.float32
        )
        self.gain = rng.uniform(0.85, 1.25)
        self.tint = (1 + rng.normal(0, 0.03, 3)).astype(np.float32)
        self.contrast = rng.uniform(0.9, 1.2)
        self.saturation = rng.uniform(0.8, 1.2)
        self.vignette = rng.uniform(0, 0.35)
        self.noise = rng.choice([0.004, 0.012])
        self.defocus = rng.choice([0.0, rng.uniform(0.2, 1.0)], p=[0.7, 0.3])
        self.shutter = rng.uniform(0.006, 0.04)
        self.grain_seed = int(rng.integers(1 << 31))

    @staticmethod
    def actor(body: Body, vigour: float) -> Actor:
        """What the choreography must know of a body."""
        return Actor(body.side, body.x, body.face_y, body.head, vigour)

    @property
    def events(self) -> list[Event]:
        """The gestures as the camera sees them."""
        if not self.present:
            return []
        events = self.track.events
        if self.mirror:
            return [replace(e, label=MIRRORED.get(e.label, e.label)) for e in events]
        return events

    def hand(self, times: np.ndarray) -> np.ndarray:
        """Where the hand is at `times`, in picture heights: float32 [T, 5].

        x and y from the picture's centre, 1 when it is in sight (else all is 0), and its velocity
        in x and y over the last twelfth of a second, a second.
        """
        now, before = self.track.sample(times)[:, :2], self.track.sample(times - 1 / 12)[:, :2]
        seen = (np.abs(now) < 0.55).all(1, keepdims=True) & self.present
        hand = np.concatenate((now, seen, (now - before) * 12), 1) * seen
        if self.mirror:
            hand[:, [0, 3]] *= -1
        return hand.astype(np.float32)

    def render(self, times: np.ndarray, height: int, width: int) -> np.ndarray:
        """The pictures exposed at `times` (seconds): uint8 [T, height, width, 3], RGB."""
        opened = np.linspace(-0.5, 0.5, SUBFRAMES) * self.shutter
        moments = (times[:, None] + opened[None, :]).ravel()
        parts = Parts(len(moments))
        if self.passer_by:
            self._add_passer_by(parts, moments)
        if self.present:
            self._add_person(parts, moments)
        else:
            parts.add((0, 9, 0), 0.01, (0, 9, 0), 0.01, 0)
        capsules = parts.pixels(height, width).reshape(len(times), SUBFRAMES, -1, raster.CAPSULE)
        shake = np.stack([w.at(moments) for w in self.shake], -1).astype(np.float32) * height
        shake = np.clip(shake, 1 - PAD, PAD - 1).reshape(len(times), SUBFRAMES, 2)

        pad = PAD * height // 96
        room_rng = np.random.default_rng(self.room_seed)
        wide = background.room(room_rng, height + 2 * pad, width + 2 * pad)
        light = np.empty((len(times), height, width, 3), np.float32)
        raster.draw(wide, capsules, self.materials, self.light, shake, raster.JITTER, light)
        return self._develop(light, times)

    def _develop(self, light: np.ndarray, times: np.ndarray) -> np.ndarray:
        if self.defocus:
            raster.soften(light, self.defocus)
        _, height, width, _ = light.shape
        # The grain of a moment is the same whichever other moments are rendered with it.
        places = len(_NOISE_BANK) - height * width * 4 - 4
        offsets = (np.round(times * 1e4).astype(np.int64) * 7919 + self.grain_seed) % places
        gain = (self.gain * (1 + self.drift.at(times))).astype(np.float32)
        out = np.empty(light.shape, np.uint8)
        raster.develop(
            light,
            gain,
            self.tint,
            self.contrast,
            self.saturation,
            self.vignette,
            self.noise,
            _NOISE_BANK,
            offsets,
            out,
        )
        return np.ascontiguousarray(out[:, :, ::-1]) if self.mirror else out

    def _add_person(self, parts: Parts, moments: np.ndarray) -> None:
        x, y = (w.at(moments) for w in self.sway)
        add_body(parts, self.body, x, y, self.nod.at(moments))
        add_idle_arm(parts, self.body, x, y)
        poses = self.track.sample(moments)
        poses[:, X] += self.tremor[0].at(moments) + x
        poses[:, Y] += self.tremor[1].at(moments) + y
        add_arm(parts, self.body, poses, x, y)

    def _add_passer_by(self, parts: Parts, moments: np.ndarray) -> None:
        body, start, speed = self.passer_by
        x = (moments - start) * speed
        bob = 0.006 * np.sin(2 * np.pi * 1.8 * moments)
        add_body(parts, body, x, bob, first_material=len(self.materials) // 2, z=-2.0)


def _random_passer_by(rng: Rng, seconds: float) -> tuple[Body, float, float]:
    """A body, the moment it crosses the middle, and its speed in picture heights a second."""
    body = random_body(rng)
    speed = rng.choice([-1, 1]) * rng.uniform(0.25, 0.8)
    return replace(body, x=0.0, face_y=rng.uniform(-0.35, -0.1)), rng.uniform(0, seconds), speed
