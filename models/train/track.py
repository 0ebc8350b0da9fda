"""The way of a hand through a scene: poses joined by eased, curved moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Pose:
    """How the hand stands at one moment.

    Lengths are in picture heights, (0, 0) is the picture's centre, y points down. Angles are in
    radians: `bend` turns the hand in the picture against its forearm, `yaw` about its own length
    (0 palm or back to the camera, pi/2 edge on), `pitch` tips the fingers to the camera.
    """

    x: float
    y: float
    bend: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    curl: float = 0.5
    spread: float = 0.2
    near: float = 1.0
    """How much larger the hand looks than at the body's distance."""
    prop: float = 0.0
    """Size of the cup in the hand, 0 for an empty hand."""

    def vector(self) -> np.ndarray:
        """The fields in order."""
        return np.array(list(vars(self).values()), np.float64)

    def at(self, x: float, y: float) -> Pose:
        """The same hand elsewhere."""
        return replace(self, x=float(x), y=float(y))


X, Y, BEND, YAW, PITCH, CURL, SPREAD, NEAR, PROP = range(9)


@dataclass(frozen=True)
class Event:
    """One gesture: its label and when its stroke starts and ends, in seconds."""

    label: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        """The middle of the stroke."""
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class _Move:
    start: float
    end: float
    pose: np.ndarray
    target: np.ndarray
    bow: np.ndarray
    steepness: float
    skew: float


class Track:
    """A hand's moves, one after the other, and the gestures among them."""

    def __init__(self, start: Pose) -> None:
        self.pose = start
        self.time = 0.0
        self.events: list[Event] = []
        self._moves: list[_Move] = []

    def move(
        self,
        target: Pose,
        seconds: float,
        bow: tuple[float, float] = (0.0, 0.0),
        steepness: float = 2.0,
        skew: float = 1.0,
    ) -> None:
        """Goes to `target`. The path bulges by `bow`; `steepness` 1 is an even speed, 2 to 3 starts
        and ends softly; `skew` above 1 starts late, below 1 early."""
        end = self.time + seconds
        self._moves.append(
            _Move(
                self.time, end, self.pose.vector(), target.vector(), np.array(bow), steepness, skew
            )
        )
        self.pose, self.time = target, end

    def hold(self, seconds: float) -> None:
        """Stays."""
        self.move(self.pose, seconds)

    def stroke(self, label: str, target: Pose, seconds: float, **shape) -> None:
        """A move that is a gesture."""
        start = self.time
        self.move(target, seconds, **shape)
        self.events.append(Event(label, start, self.time))

    def sample(self, times: np.ndarray) -> np.ndarray:
        """Poses at `times` (any shape) as float64 [..., 9], in the order of `Pose`'s fields."""
        ends = np.array([m.end for m in self._moves])
        which = np.minimum(np.searchsorted(ends, times), len(self._moves) - 1)

        def gather(field: str) -> np.ndarray:
            return np.array([getattr(m, field) for m in self._moves])[which]

        start, end = gather("start"), gather("end")
        u = np.clip((times - start) / np.maximum(end - start, 1e-6), 0, 1) ** gather("skew")
        power = gather("steepness")
        s = (u**power / (u**power + (1 - u) ** power))[..., None]
        poses = gather("pose") * (1 - s) + gather("target") * s
        poses[..., :2] += gather("bow") * np.sin(np.pi * s)
        return poses
