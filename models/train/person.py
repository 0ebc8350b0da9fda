"""A person made of capsules: body and head, an arm, and a hand with fingers that open and close.

Coordinates are picture heights: x to the right, y down, z to the viewer, (0, 0) the picture's
centre. A function that draws adds parts for F moments at once; `Parts` keeps them in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import raster
from background import any_colour
from track import BEND, CURL, NEAR, PITCH, PROP, SPREAD, YAW, X, Y

Rng = np.random.Generator

SKIN, SHIRT, SLEEVE, HAIR, DARK, LIPS, CUP = range(7)


class Parts:
    """Capsules of F moments, in picture heights."""

    def __init__(self, moments: int) -> None:
        self.moments = moments
        self._rows: list[np.ndarray] = []

    def add(self, a, radius_a, b, radius_b, material: int) -> None:
        """A capsule from `a` to `b`, each three numbers or three arrays [F]; so the radii."""
        row = np.empty((self.moments, raster.CAPSULE), np.float32)
        for column, value in enumerate([*a, radius_a, *b, radius_b, material]):
            row[:, column] = value
        self._rows.append(row)

    def pixels(self, height: int, width: int) -> np.ndarray:
        """All capsules as float32 [F, K, 9] in pixels of a `width` x `height` picture."""
        capsules = np.stack(self._rows, axis=1)
        capsules[..., :8] *= height
        capsules[..., [0, 4]] += width / 2
        capsules[..., [1, 5]] += height / 2
        return capsules


@dataclass(frozen=True)
class Body:
    """Sizes and habits of one person."""

    x: float
    face_y: float
    head: float
    shoulders: float
    bulk: float
    hair_length: float
    side: int
    """The side of the picture on which the gesturing arm hangs, -1 or 1."""
    hand: float
    """From the wrist to the middle finger's tip."""
    thumb: int
    """Which way the thumb points: with `palm` it says which hand this is and how it is turned."""
    palm: int
    sleeve: float
    """The share of the forearm that the sleeve covers."""
    elbow_out: float
    elbow_drop: float
    elbow_follow: float


def random_body(rng: Rng) -> Body:
    """Somebody at a usual distance from the camera."""
    head = rng.uniform(0.1, 0.165)
    return Body(
        x=rng.uniform(-0.16, 0.16),
        face_y=rng.uniform(-0.30, -0.02),
        head=head,
        shoulders=head * rng.uniform(1.7, 2.4),
        bulk=rng.uniform(0.85, 1.2),
        hair_length=rng.choice([0.0, 0.0, rng.uniform(0.5, 2.0)]),
        side=int(rng.choice([-1, 1])),
        hand=head * rng.uniform(1.5, 2.0),
        thumb=int(rng.choice([-1, 1])),
        palm=int(rng.choice([-1, 1])),
        sleeve=rng.choice([0.0, 0.5, 0.95]) + rng.uniform(0, 0.05),
        elbow_out=rng.uniform(-0.3, 1.6),
        elbow_drop=rng.uniform(2.2, 4.0),
        elbow_follow=rng.uniform(0.15, 0.5),
    )


def random_materials(rng: Rng) -> np.ndarray:
    """Skin, clothes, hair, ... of one person: float32 [7, raster.MATERIAL]."""
    light = rng.beta(1.5, 1.2)
    dark_skin, light_skin = np.array([0.26, 0.16, 0.11]), np.array([0.96, 0.79, 0.69])
    skin = dark_skin + (light_skin - dark_skin) * light + rng.normal(0, 0.02, 3)
    shirt, second = any_colour(rng), any_colour(rng)
    pattern = rng.choice([raster.PLAIN, raster.PLAIN, raster.ACROSS, raster.ALONG, raster.CHECKS])
    hair = np.array([0.09, 0.06, 0.04]) + rng.beta(1, 4) * np.array([0.8, 0.65, 0.4])

    def material(colour, other=None, kind=raster.PLAIN, frequency=0.0, roundness=1.0):
        return [*colour, *(colour if other is None else other), kind, frequency, roundness]

    frequency = rng.uniform(4, 16)
    rows = [
        material(skin),
        material(shirt, second, pattern, frequency, 0.7),
        material(shirt, second, pattern, frequency),
        material(hair),
        material([0.08, 0.06, 0.06]),
        material(skin * [0.8, 0.55, 0.55]),
        material(any_colour(rng)),
    ]
    return np.clip(np.array(rows, np.float32), 0, 1000)


def add_body(
    parts: Parts, body: Body, x, y, nod=0.0, first_material: int = 0, z: float = 0.0
) -> None:
    """Head and trunk, moved by `x` and `y` ([F] or a number); `nod` moves the face alone."""
    h, m = body.head, first_material
    cx, fy = body.x + x, body.face_y + y
    face_y = fy + nod
    shoulder_y = fy + 1.9 * h
    half, bulk = body.shoulders, body.bulk * h
    parts.add(
        (cx - half, shoulder_y, z), 0.6 * bulk, (cx + half, shoulder_y, z), 0.6 * bulk, m + SHIRT
    )
    for side in (-1, 1):
        top = (cx + side * 0.55 * half, shoulder_y + 0.3 * h, z)
        low = (cx + side * 0.5 * half, shoulder_y + 8 * h, z)
        parts.add(top, 0.95 * bulk, low, 1.2 * bulk, m + SHIRT)
    chest = (cx, shoulder_y + 1.0 * h, z + 0.1 * h)
    parts.add(chest, 1.1 * bulk, (cx, shoulder_y + 8 * h, chest[2]), 1.2 * bulk, m + SHIRT)
    parts.add((cx, fy + 0.5 * h, z), 0.45 * h, (cx, shoulder_y, z), 0.5 * h, m + SKIN)
    front = z + 0.6 * h
    parts.add(
        (cx, face_y - 0.3 * h, front), 0.82 * h, (cx, face_y + 0.42 * h, front), 0.62 * h, m + SKIN
    )
    parts.add(
        (cx, face_y - 0.5 * h, front - 0.25 * h),
        0.92 * h,
        (cx, face_y, front - 0.5 * h),
        0.9 * h,
        m + HAIR,
    )
    for side in (-1, 1):
        ear = (cx + side * 0.8 * h, face_y + 0.05 * h, front)
        parts.add(ear, 0.17 * h, ear, 0.17 * h, m + SKIN)
        eye = (cx + side * 0.32 * h, face_y - 0.05 * h, front + 0.75 * h)
        parts.add(eye, 0.1 * h, eye, 0.1 * h, m + DARK)
        inner = (cx + side * 0.18 * h, face_y - 0.24 * h, front + 0.75 * h)
        parts.add(inner, 0.05 * h, (cx + side * 0.48 * h, *inner[1:]), 0.05 * h, m + HAIR)
        if body.hair_length:
            end_y = face_y + body.hair_length * h
            lock = (cx + side * 0.75 * h, face_y, front - 0.2 * h)
            parts.add(lock, 0.35 * h, (lock[0], end_y, lock[2]), 0.3 * h, m + HAIR)
    nose = (cx, face_y + 0.05 * h, front + 0.72 * h)
    parts.add(nose, 0.07 * h, (cx, face_y + 0.25 * h, front + 0.75 * h), 0.13 * h, m + SKIN)
    mouth_y, mouth_z = face_y + 0.52 * h, front + 0.62 * h
    parts.add(
        (cx - 0.2 * h, mouth_y, mouth_z),
        0.06 * h,
        (cx + 0.2 * h, mouth_y, mouth_z),
        0.06 * h,
        m + LIPS,
    )


def shoulder(body: Body, side: int, x, y) -> tuple:
    """Where the arm of one side begins."""
    return body.x + x + side * body.shoulders, body.face_y + y + 2.0 * body.head, 0.0


def add_idle_arm(parts: Parts, body: Body, x, y) -> None:
    """The other arm, hanging."""
    sx, sy, sz = shoulder(body, -body.side, x, y)
    elbow = (sx - body.side * 0.4 * body.head, sy + 3.2 * body.head, 0.2)
    parts.add((sx, sy, sz), 0.6 * body.head, elbow, 0.45 * body.head, SLEEVE)


def add_arm(parts: Parts, body: Body, poses: np.ndarray, x, y) -> None:
    """The arm that leads to the hand in `poses` [F,9], and the hand."""
    h = body.head
    sx, sy, sz = shoulder(body, body.side, x, y)
    ex = sx + body.side * body.elbow_out * h
    ey = sy + body.elbow_drop * h
    ex = ex + body.elbow_follow * (poses[:, X] - body.x - 0.2 * body.side)
    ey = ey + 0.6 * body.elbow_follow * (poses[:, Y] - 0.1)
    ez = 1.6 * h
    dx, dy = poses[:, X] - ex, poses[:, Y] - ey
    angle = np.arctan2(dx, -dy)  # 0: the forearm points up
    size = body.hand * poses[:, NEAR]
    wx = poses[:, X] - 0.35 * size * np.sin(angle)
    wy = poses[:, Y] - 0.35 * size * -np.cos(angle)
    wz = 5 * h
    parts.add((sx, sy, sz), 0.6 * h, (ex, ey, ez), 0.48 * h, SLEEVE)
    parts.add((ex, ey, ez), 0.4 * h, (wx, wy, wz), 0.155 * size, SKIN)
    if body.sleeve > 0.06:
        s = body.sleeve
        cuff = (ex + s * (wx - ex), ey + s * (wy - ey), ez + s * (wz - ez))
        parts.add((ex, ey, ez), 0.48 * h, cuff, 0.34 * h * (1 - s) + 0.23 * size * s, SLEEVE)
    add_hand(parts, body, poses, (wx, wy, wz), angle + poses[:, BEND], size)


FINGERS = [
    # knuckle across, along; first and second segment
    (-0.17, 0.49, 0.25, 0.20),
    (-0.06, 0.52, 0.28, 0.22),
    (0.06, 0.50, 0.26, 0.20),
    (0.16, 0.45, 0.20, 0.16),
]


def add_hand(parts: Parts, body: Body, poses: np.ndarray, wrist, angle, size) -> None:
    """A hand at `wrist` whose fingers point at `angle` [F] from straight up, `size` [F] long."""
    curl, spread = poses[:, CURL], poses[:, SPREAD]
    cos_yaw, sin_yaw = np.cos(poses[:, YAW]), np.sin(poses[:, YAW])
    cos_pitch, sin_pitch = np.cos(poses[:, PITCH]), np.sin(poses[:, PITCH])
    cos_angle, sin_angle = np.cos(angle), np.sin(angle)

    def place(across, along, out):
        """From the hand's own axes (across, along the fingers, out of the palm) to the scene."""
        across = across * body.thumb
        out = out * body.palm
        across, out = across * cos_yaw + out * sin_yaw, out * cos_yaw - across * sin_yaw
        along, out = along * cos_pitch - out * sin_pitch, out * cos_pitch + along * sin_pitch
        px = wrist[0] + size * (across * cos_angle + along * sin_angle)
        py = wrist[1] + size * (across * sin_angle - along * cos_angle)
        return px, py, wrist[2] + size * out

    for across, along, first, second in FINGERS:
        knuckle = place(across, along, 0.0)
        parts.add(place(0.55 * across, 0.04, 0.0), 0.1 * size, knuckle, 0.075 * size, SKIN)
        fan = spread * across * 2.2
        bent = 1.5 * curl + 0.1
        more = bent + 1.7 * curl + 0.1
        side, front = np.sin(fan), np.cos(fan)
        middle_at = (
            across + first * side * np.cos(bent),
            along + first * front * np.cos(bent),
            first * np.sin(bent),
        )
        tip_at = (
            middle_at[0] + second * side * np.cos(more),
            middle_at[1] + second * front * np.cos(more),
            middle_at[2] + second * np.sin(more),
        )
        middle = place(*middle_at)
        parts.add(knuckle, 0.06 * size, middle, 0.053 * size, SKIN)
        parts.add(middle, 0.053 * size, place(*tip_at), 0.042 * size, SKIN)
    out = 0.25 * curl
    joint = place(-0.26 + 0.1 * curl, 0.30, 0.05 + out)
    tip = place(-0.36 + 0.25 * curl - 0.08 * spread, 0.50, 0.08 + 1.3 * out)
    parts.add(place(-0.1, 0.08, 0.02), 0.09 * size, joint, 0.066 * size, SKIN)
    parts.add(joint, 0.062 * size, tip, 0.048 * size, SKIN)

    held = poses[:, PROP] * size
    cx, cy, cz = place(0.0, 0.45, 0.25)
    parts.add((cx, cy - 0.22 * size, cz), held, (cx, cy + 0.15 * size, cz), held, CUP)
