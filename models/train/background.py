"""Procedural rooms: a wall, things on it, light across it."""

from __future__ import annotations

import numpy as np

Rng = np.random.Generator


def any_colour(rng: Rng) -> np.ndarray:
    """A colour of walls, things and clothes: from green over blue to violet, or grey. RGB in 0..1.

    This first version leaves out what is close to skin: the small network then finds hands within
    the minutes of a CPU that its training may take.
    """
    value = rng.uniform(0.12, 0.85)
    saturation = rng.uniform(0.08, 0.6)
    hue = rng.uniform(np.pi * 0.75, np.pi * 1.6) - np.array([0.0, 2.0944, 4.1888])
    return np.clip(value * (1 + saturation * np.cos(hue)), 0.02, 0.98).astype(np.float32)


def smooth_noise(rng: Rng, height: int, width: int, cells: int) -> np.ndarray:
    """Noise in -1..1 that changes over about a `cells`-th of the height. float32 [H,W]."""
    grid = rng.uniform(-1, 1, (cells + 2, cells * width // height + 2)).astype(np.float32)
    y = np.linspace(0, cells, height, endpoint=False, dtype=np.float32)
    x = np.linspace(0, grid.shape[1] - 2, width, endpoint=False, dtype=np.float32)
    iy, ix = y.astype(int), x.astype(int)
    fy, fx = (y - iy)[:, None], (x - ix)[None, :]
    fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
    top = grid[iy][:, ix] * (1 - fx) + grid[iy][:, ix + 1] * fx
    bottom = grid[iy + 1][:, ix] * (1 - fx) + grid[iy + 1][:, ix + 1] * fx
    return top * (1 - fy) + bottom * fy


def room(rng: Rng, height: int, width: int) -> np.ndarray:
    """One room as float32 [height, width, 3] in 0..1."""
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = any_colour(rng)
    if rng.random() < 0.3:  # the wall meets something: a floor, a panel, a sofa
        picture[int(height * rng.uniform(0.4, 0.9)) :] = any_colour(rng)
    if rng.random() < 0.25:  # a curtain or wallpaper
        period = rng.uniform(4, 30)
        wave = np.sin(np.arange(width) * 2 * np.pi / period + rng.uniform(0, 6))
        picture += (wave * rng.uniform(0.02, 0.12)).astype(np.float32)[None, :, None]
    for _ in range(rng.integers(0, 9)):
        thing = rng.choice(["picture", "shelf", "window", "post"])
        _place(rng, picture, thing)
    for cells in (2, 5, 12, 30):
        amount = rng.uniform(0, 0.10)
        picture *= 1 + amount * smooth_noise(rng, height, width, cells)[..., None]
    slope = rng.uniform(-0.3, 0.3, 2)
    light = (
        1
        + slope[0] * np.linspace(-1, 1, width)[None, :]
        + slope[1] * np.linspace(-1, 1, height)[:, None]
    )
    return np.clip(picture * light[..., None].astype(np.float32), 0, 1)


def _place(rng: Rng, picture: np.ndarray, thing: str) -> None:
    """Paints one thing somewhere."""
    height, width, _ = picture.shape
    h = int(height * rng.uniform(0.08, 0.5))
    w = int(height * rng.uniform(0.08, 0.5))
    y, x = int(rng.integers(-h // 2, height)), int(rng.integers(-w // 2, width))
    if thing == "post":
        y, h, w = 0, height, max(2, w // 4)
    area = picture[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)]
    if area.size == 0:
        return
    area[:] = any_colour(rng)
    if thing == "window":
        area[:] = np.clip(rng.uniform(0.7, 1.0) + rng.uniform(-0.1, 0.1, 3), 0, 1)
        area[:, area.shape[1] // 2 :][:, :2] = any_colour(rng)
    elif thing == "picture":
        inner = area[2:-2, 2:-2]
        if inner.size:
            noise = smooth_noise(rng, inner.shape[0], inner.shape[1], 4)
            inner[:] = any_colour(rng) + 0.3 * noise[..., None] * rng.uniform(-1, 1, 3)
    elif thing == "shelf":
        at = 0
        while at < area.shape[1]:
            book = int(rng.integers(2, 8))
            area[int(area.shape[0] * rng.uniform(0, 0.4)) : -2, at : at + book] = any_colour(rng)
            at += book
