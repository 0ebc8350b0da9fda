"""A small rasteriser: shaded, tapered capsules over a background, smoothed and motion-blurred.

Everything solid in a scene is a capsule: a sphere swept from one point to another while its radius
changes. Seen straight on, the nearest surface of a capsule and its normal have a closed form, so a
picture costs a few multiplications per covered pixel. Each picture is the mean of several
sub-frames, spread over the shutter time and over the pixel: motion blur and anti-aliasing at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

CAPSULE = 9
"""Numbers in a capsule: x0 y0 z0 r0 x1 y1 z1 r1 (pixels, z towards the viewer) and its material."""

MATERIAL = 9
"""Numbers in a material: two RGB colours in 0..1, pattern kind, pattern frequency, roundness."""

PLAIN, ACROSS, ALONG, CHECKS = 0, 1, 2, 3
"""Pattern kinds: one colour, bands across the capsule, bands along it, both."""

JITTER = np.array([[-0.375, -0.125], [0.125, -0.375], [0.375, 0.125], [-0.125, 0.375]], np.float32)
"""Where in its pixel each sub-frame looks: a rotated grid of four."""


@njit(cache=True, fastmath=True)
def _draw_capsule(c, materials, light, shift_x, shift_y, colour, depth):
    """Draws one capsule into `colour` [H,W,3] where it is nearer than `depth` [H,W]."""
    height, width = depth.shape
    x0, y0, z0, r0 = c[0] + shift_x, c[1] + shift_y, c[2], c[3]
    x1, y1, z1, r1 = c[4] + shift_x, c[5] + shift_y, c[6], c[7]
    reach = max(r0, r1)
    if reach <= 0.0:
        return
    left, right = max(0, int(min(x0, x1) - reach)), min(width, int(max(x0, x1) + reach) + 2)
    top, bottom = max(0, int(min(y0, y1) - reach)), min(height, int(max(y0, y1) + reach) + 2)
    m = materials[int(c[8])]
    kind, frequency, roundness = int(m[6]), m[7], m[8]
    dx, dy = x1 - x0, y1 - y0
    squared = dx * dx + dy * dy + 1e-6
    length = np.sqrt(squared)
    for y in range(top, bottom):
        for x in range(left, right):
            px, py = x - x0, y - y0
            t = (px * dx + py * dy) / squared
            t = min(1.0, max(0.0, t))
            r = r0 + (r1 - r0) * t
            ex, ey = px - t * dx, py - t * dy
            h2 = r * r - ex * ex - ey * ey
            if h2 <= 0.0:
                continue
            h = np.sqrt(h2)
            z = z0 + (z1 - z0) * t + h * roundness
            if z <= depth[y, x]:
                continue
            depth[y, x] = z
            nx, ny, nz = ex / r * roundness, ey / r * roundness, h / r
            nz = nz + (1.0 - roundness) * (1.0 - nz)
            lit = nx * light[0] + ny * light[1] + nz * light[2]
            shade = light[3] + (1.0 - light[3]) * max(0.0, lit)
            mix = 0.0
            if kind != PLAIN:
                along = np.sin(frequency * t * length / reach)
                across = np.sin(frequency * (ex * dy - ey * dx) / length / reach)
                if kind == ACROSS:
                    mix = 1.0 if along > 0.0 else 0.0
                elif kind == ALONG:
                    mix = 1.0 if across > 0.0 else 0.0
                else:
                    mix = 1.0 if along * across > 0.0 else 0.0
            for k in range(3):
                colour[y, x, k] = (m[k] + (m[3 + k] - m[k]) * mix) * shade


@njit(cache=True, fastmath=True)
def draw(background, capsules, materials, light, shake, jitter, out):
    """Pictures of moving capsules.

    background: float32 [H+2P, W+2P, 3], P pixels wider on every side than the picture;
    capsules: float32 [T, S, K, CAPSULE], S sub-frames for each picture; materials: [M, MATERIAL];
    light: direction x y z and the share of ambient light; shake: float32 [T, S, 2] pixels by which
    everything is shifted; out: float32 [T, H, W, 3], overwritten.
    """
    pictures, height, width, _ = out.shape
    pad = (background.shape[0] - height) // 2
    samples = capsules.shape[1]
    colour = np.empty((height, width, 3), np.float32)
    depth = np.empty((height, width), np.float32)
    for i in range(pictures):
        out[i] = 0.0
        for s in range(samples):
            shift_x = shake[i, s, 0] + jitter[s % 4, 0]
            shift_y = shake[i, s, 1] + jitter[s % 4, 1]
            depth[:] = -1e9
            for k in range(capsules.shape[2]):
                _draw_capsule(capsules[i, s, k], materials, light, shift_x, shift_y, colour, depth)
            move_x, move_y = int(np.floor(shift_x + 0.5)), int(np.floor(shift_y + 0.5))
            for y in range(height):
                by = min(background.shape[0] - 1, max(0, y + pad - move_y))
                for x in range(width):
                    if depth[y, x] > -1e8:
                        for k in range(3):
                            out[i, y, x, k] += colour[y, x, k] / samples
                    else:
                        bx = min(background.shape[1] - 1, max(0, x + pad - move_x))
                        for k in range(3):
                            out[i, y, x, k] += background[by, bx, k] / samples


@njit(cache=True, fastmath=True)
def develop(pictures, gain, tint, contrast, saturation, vignette, noise, bank, offsets, out):
    """From light to bytes: exposure, colour, vignette, sensor noise.

    pictures: float32 [T,H,W,3]; gain: float32 [T]; tint: float32 [3]; noise: standard deviation in
    0..1; bank: unit normals, read from `offsets` [T] on; out: uint8 [T,H,W,3].
    """
    count, height, width, _ = pictures.shape
    for i in range(count):
        at = offsets[i]
        for y in range(height):
            for x in range(width):
                fx, fy = 2.0 * x / width - 1.0, 2.0 * y / height - 1.0
                level = gain[i] * (1.0 - vignette * (fx * fx + fy * fy) * 0.5)
                p = pictures[i, y, x]
                grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]
                common = bank[at]
                for k in range(3):
                    v = (grey + (p[k] - grey) * saturation) * level * tint[k]
                    v = 0.5 + (v - 0.5) * contrast
                    v += noise * (0.7 * common + 0.7 * bank[at + 1 + k])
                    out[i, y, x, k] = np.uint8(min(255.0, max(0.0, v * 255.0 + 0.5)))
                at += 4


@njit(cache=True, fastmath=True)
def soften(pictures, strength):
    """Defocus in place: a three-tap blur in both directions, `strength` 0 (none) to 1 (box)."""
    count, height, width, _ = pictures.shape
    side = strength / 3.0
    centre = 1.0 - 2.0 * side
    row = np.empty((max(height, width), 3), np.float32)
    for i in range(count):
        for y in range(height):
            row[:width] = pictures[i, y]
            for x in range(width):
                a, b = max(0, x - 1), min(width - 1, x + 1)
                for k in range(3):
                    pictures[i, y, x, k] = centre * row[x, k] + side * (row[a, k] + row[b, k])
        for x in range(width):
            for y in range(height):
                row[y] = pictures[i, y, x]
            for y in range(height):
                a, b = max(0, y - 1), min(height - 1, y + 1)
                for k in range(3):
                    pictures[i, y, x, k] = centre * row[y, k] + side * (row[a, k] + row[b, k])
