"""What the hand does: swipes and everything around them, and the many things that are no gesture.

Left and right are the person's, who faces the camera: their left is the right of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from track import Pose, Track

LABELS = ["idle", "swipe_left", "swipe_right", "swipe_up", "swipe_down"]
SWIPES = LABELS[1:]
MIRRORED = {"swipe_left": "swipe_right", "swipe_right": "swipe_left"}

DIRECTIONS = {
    "swipe_left": (1, 0),
    "swipe_right": (-1, 0),
    "swipe_up": (0, -1),
    "swipe_down": (0, 1),
}
"""Where each swipe goes in the unmirrored picture."""

Rng = np.random.Generator


@dataclass(frozen=True)
class Actor:
    """Who moves: which side the arm is on (-1 left in the picture), and where the face is."""

    side: int
    x: float
    face_y: float
    head: float
    """Radius of the head."""
    vigour: float
    """0 for small, slow gestures to 1 for large, quick ones."""


def resting_pose(rng: Rng, actor: Actor) -> Pose:
    """Out of sight below, now and then just in sight on a table, or out at the side."""
    x = actor.x + actor.side * rng.uniform(0.02, 0.35)
    y = rng.uniform(0.72, 0.95) if rng.random() < 0.8 else rng.uniform(0.44, 0.55)
    if rng.random() < 0.1:
        x, y = actor.side * rng.uniform(0.85, 1.0), rng.uniform(0.1, 0.5)
    return relaxed(rng).at(x, y)


def relaxed(rng: Rng) -> Pose:
    """A hand that is doing nothing."""
    return Pose(
        0.0,
        0.0,
        bend=rng.uniform(-0.6, 0.6),
        yaw=rng.uniform(-1.5, 1.5),
        pitch=rng.uniform(-0.8, 0.6),
        curl=rng.uniform(0.25, 0.8),
        spread=rng.uniform(0.0, 0.3),
        near=rng.uniform(0.95, 1.2),
    )


def swipe(rng: Rng, track: Track, actor: Actor, label: str) -> None:
    """The hand comes (unless it is there already), swipes once or more, and usually goes away."""
    direction = np.array(DIRECTIONS[label], float)
    across = np.array([-direction[1], direction[0]])
    reach = rng.uniform(0.34, 0.46) + 0.22 * actor.vigour * rng.random()
    limit = 0.40 if direction[0] else 0.36
    centre = np.array(
        [actor.x * 0.5 + actor.side * rng.uniform(-0.05, 0.15), rng.uniform(-0.08, 0.16)]
    )
    tilt = rng.normal(0, 0.12)
    way = direction + tilt * across
    start = np.clip(centre - way * reach / 2, -limit, limit)
    end = np.clip(centre + way * reach / 2, -limit, limit)
    short = reach - abs(float((end - start) @ direction))
    if short > 0:  # one end was cut off at the border: give the length back at the other
        room = np.sign(float(centre @ direction)) or 1.0
        start, end = (
            (start - direction * short, end) if room > 0 else (start, end + direction * short)
        )
    open_hand = replace(
        relaxed(rng),
        bend=rng.uniform(-0.4, 0.4),
        yaw=rng.uniform(-1.2, 1.2),
        pitch=rng.uniform(-0.5, 0.5),
        curl=rng.uniform(0.0, 0.18),
        spread=rng.uniform(0.0, 0.6),
        near=rng.uniform(1.1, 1.6),
    )
    flick = rng.normal(0, 0.35)
    ready = replace(open_hand, bend=open_hand.bend - flick / 2).at(*start)
    done = replace(open_hand, bend=open_hand.bend + flick / 2).at(*end)

    approach(rng, track, ready)
    track.hold(rng.uniform(0.05, 0.5))
    for repeat in range(1 if rng.random() < 0.8 else 2):
        if repeat:
            _go_back(rng, track, ready, across)
            track.hold(rng.uniform(0.15, 0.35))
        seconds = float(np.clip(rng.uniform(0.25, 1.0) * (1.2 - 0.5 * actor.vigour), 0.25, 1.0))
        bow = across * rng.normal(0, 0.05)
        track.stroke(
            label,
            done,
            seconds,
            bow=tuple(bow),
            steepness=rng.uniform(1.4, 2.4),
            skew=rng.uniform(0.85, 1.2),
        )
        track.hold(rng.uniform(0.05, 0.45))
    if rng.random() < 0.85:
        leave(rng, track, actor)


def approach(rng: Rng, track: Track, ready: Pose) -> None:
    """From wherever the hand is to where a gesture starts, opening on the last part of the way."""
    distance = float(np.hypot(ready.x - track.pose.x, ready.y - track.pose.y))
    seconds = rng.uniform(0.35, 0.7) + 0.55 * distance * rng.uniform(0.6, 1.2)
    in_sight = track.pose.y < 0.5 and abs(track.pose.x) < 0.55
    bow = tuple(rng.normal(0, 0.06, 2))
    if in_sight or rng.random() < 0.6:
        halfway = replace(
            relaxed(rng),
            x=track.pose.x + 0.88 * (ready.x - track.pose.x),
            y=track.pose.y + 0.88 * (ready.y - track.pose.y),
        )
        first = seconds * (1.2 if in_sight else 0.7)
        track.move(halfway, first, bow, steepness=rng.uniform(1.3, 2.0))
        track.move(ready, seconds * 0.45, steepness=rng.uniform(1.5, 2.2))
    else:
        track.move(ready, seconds, bow, steepness=rng.uniform(1.6, 2.6), skew=rng.uniform(0.6, 1.0))


def _go_back(rng: Rng, track: Track, ready: Pose, across: np.ndarray) -> None:
    """The unhurried way back to where the swipe began, the hand slack."""
    slack = replace(relaxed(rng), near=ready.near * rng.uniform(0.85, 1.0))
    here, there = np.array([track.pose.x, track.pose.y]), np.array([ready.x, ready.y])
    bulge = across * rng.choice([-1, 1]) * rng.uniform(0.05, 0.15)
    middle = here + 0.5 * (there - here) + bulge + [0, rng.uniform(0, 0.08)]
    seconds = rng.uniform(0.7, 1.2)
    track.move(slack.at(*middle), seconds * 0.5, steepness=1.6)
    track.move(ready, seconds * 0.5, steepness=1.6)


def leave(rng: Rng, track: Track, actor: Actor) -> None:
    """Down and away, the hand slack."""
    rest = resting_pose(rng, actor)
    distance = float(np.hypot(rest.x - track.pose.x, rest.y - track.pose.y))
    seconds = rng.uniform(0.4, 0.8) + 0.5 * distance * rng.uniform(0.5, 1.2)
    slack = replace(relaxed(rng), x=track.pose.x, y=track.pose.y)
    slack = slack.at(
        track.pose.x + 0.15 * (rest.x - track.pose.x), track.pose.y + 0.12 * (rest.y - track.pose.y)
    )
    if rng.random() < 0.6:
        track.move(slack, seconds * 0.35, steepness=1.5)
    track.move(rest, seconds, tuple(rng.normal(0, 0.06, 2)), steepness=rng.uniform(1.5, 2.5))


def rest(rng: Rng, track: Track, actor: Actor) -> None:
    """Nothing, for a while."""
    track.hold(rng.uniform(0.4, 2.0))


def touch_face(rng: Rng, track: Track, actor: Actor) -> None:
    """Scratches, rubs, adjusts glasses or hair."""
    spot = relaxed(rng).at(
        actor.x + actor.head * rng.uniform(-1.0, 1.0),
        actor.face_y + actor.head * rng.uniform(-1.2, 1.6),
    )
    track.move(spot, rng.uniform(0.5, 1.2), tuple(rng.normal(0, 0.08, 2)), steepness=2.0)
    for _ in range(rng.integers(0, 7)):
        near = spot.at(spot.x + rng.normal(0, 0.025), spot.y + rng.normal(0, 0.025))
        track.move(near, rng.uniform(0.08, 0.3))
    track.hold(rng.uniform(0.1, 0.8))
    leave(rng, track, actor)


def drink(rng: Rng, track: Track, actor: Actor) -> None:
    """A cup to the mouth and down again."""
    if track.pose.y < 0.55:
        leave(rng, track, actor)
    cup = replace(relaxed(rng), curl=0.75, prop=rng.uniform(0.18, 0.28))
    track.pose = replace(track.pose, curl=0.75, prop=cup.prop)
    mouth = cup.at(actor.x + actor.side * 0.4 * actor.head, actor.face_y + 0.9 * actor.head)
    track.move(mouth, rng.uniform(0.7, 1.3), tuple(rng.normal(0, 0.06, 2)))
    track.hold(rng.uniform(0.4, 1.6))
    below = cup.at(actor.x + actor.side * rng.uniform(0.1, 0.3), rng.uniform(0.75, 0.95))
    track.move(below, rng.uniform(0.6, 1.2), tuple(rng.normal(0, 0.06, 2)))
    track.pose = replace(track.pose, prop=0.0)


def fidget(rng: Rng, track: Track, actor: Actor) -> None:
    """Holds a hand up and moves it a little, open or not: talking, counting, waiting."""
    spot = relaxed(rng).at(actor.x + actor.side * rng.uniform(-0.1, 0.3), rng.uniform(0.0, 0.4))
    approach(rng, track, spot)
    size = rng.uniform(0.01, 0.06)
    for _ in range(rng.integers(2, 9)):
        other = replace(relaxed(rng), near=spot.near, curl=rng.uniform(0.0, 0.8))
        other = other.at(spot.x + rng.normal(0, size), spot.y + rng.normal(0, size))
        track.move(other, rng.uniform(0.15, 0.6))
        if rng.random() < 0.3:
            track.hold(rng.uniform(0.1, 0.5))
    leave(rng, track, actor)


def show_hand(rng: Rng, track: Track, actor: Actor) -> None:
    """An open hand comes up, waits and goes, as around a swipe, but there is none."""
    x = actor.x * 0.5 + actor.side * rng.uniform(-0.2, 0.3)
    spot = replace(relaxed(rng), curl=rng.uniform(0.0, 0.2), near=rng.uniform(1.0, 1.4))
    approach(rng, track, spot.at(x, rng.uniform(-0.2, 0.3)))
    track.hold(rng.uniform(0.2, 1.2))
    leave(rng, track, actor)


IDLE: list[tuple[Callable[[Rng, Track, Actor], None], float]] = [
    (rest, 0.25),
    (touch_face, 0.25),
    (drink, 0.12),
    (fidget, 0.2),
    (show_hand, 0.18),
]


def perform(rng: Rng, actor: Actor, seconds: float, swiping: float) -> Track:
    """At least `seconds` of behaviour; each act is a swipe with probability `swiping`."""
    track = Track(resting_pose(rng, actor))
    acts, shares = zip(*IDLE)
    track.hold(rng.uniform(0.05, 0.8))
    while track.time < seconds:
        if rng.random() < swiping:
            swipe(rng, track, actor, str(rng.choice(SWIPES)))
            if rng.random() < 0.5:
                track.hold(rng.uniform(0.1, 0.8))
        else:
            acts[rng.choice(len(acts), p=shares)](rng, track, actor)
    return track
