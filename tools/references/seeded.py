# SPDX-License-Identifier: Apache-2.0
"""Numbers that Python and C (tests/nn/seeded-weights.c) make alike, bit for bit.

Value i of a name: splitmix64's output function (Steele, Lea, Flood 2014) on FNV-1a(name) + (i + 1) * golden ratio, its upper
24 bits as a float32 in [-1, 1).
"""
import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def fnv1a(name: str) -> int:
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def uniform(name: str, count: int) -> np.ndarray:
    """(count,) float32 in [-1, 1)."""
    out = np.empty(count, np.float32)
    step = 1 << 22
    with np.errstate(over="ignore"):
        for first in range(0, count, step):
            n = min(step, count - first)
            z = np.uint64(fnv1a(name)) + (np.arange(first + 1, first + 1 + n, dtype=np.uint64)) * GOLDEN
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            out[first : first + n] = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    return out


def upsample(grid: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, half-pixel centres, edges repeated: (C, g, g) -> (C, height, width)."""
    g = grid.shape[1]

    def axis(size):
        at = np.clip((np.arange(size) + 0.5) * g / size - 0.5, 0, g - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, g - 1)
        return low, high, (at - low).astype(np.float32)

    y0, y1, fy = axis(height)
    x0, x1, fx = axis(width)
    rows = grid[:, y0, :] * (1 - fy)[None, :, None] + grid[:, y1, :] * fy[None, :, None]
    return rows[:, :, x0] * (1 - fx) + rows[:, :, x1] * fx


def picture(seed: int, channels: int, height: int, width: int) -> np.ndarray:
    """A smooth picture, (C, H, W) float32, about -2 .. 2: a coarse grid, a fine one, and a level per channel."""
    coarse = uniform(f"picture {seed} coarse", channels * 4 * 4).reshape(channels, 4, 4)
    fine = uniform(f"picture {seed} fine", channels * 28 * 28).reshape(channels, 28, 28)
    level = uniform(f"picture {seed} level", channels).reshape(channels, 1, 1)
    strength = uniform(f"picture {seed} strength", 2)
    out = level + (1 + strength[0]) * upsample(coarse, height, width) + (1 + strength[1]) * upsample(fine, height, width)
    return out.astype(np.float32)
