#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the reference outputs of tests/image/golden, one file for each program that can be imported here:

    pip install 'pillow<13'           ->  pillow.bin
    pip install 'pillow>=13'          ->  pillow-13.bin
    pip install torch torchvision     ->  torch.bin, torch-plain.bin
    pip install tensorflow            ->  tensorflow.bin

A file is a row of cases: a line of text, "rule resampler width height out_width out_height resize pad", then the
output as (out_height, out_width, 3): bytes for Pillow, little-endian float32 for the others. The input is not stored;
`picture` below and its twin in tests/image/test-preprocess.c make the same one.

usage: make-resize-references.py [FOLDER]
"""
import os
import sys

import numpy as np

RESAMPLERS = ("nearest", "bilinear", "bicubic")
SIZES = (  # width, height, out_width, out_height
    (37, 23, 16, 16),
    (53, 40, 22, 13),
    (9, 7, 20, 18),
    (64, 3, 7, 9),
    (5, 60, 12, 8),
    (30, 30, 30, 11),
    (1, 1, 4, 3),
)
CROPS = ((41, 29, 14, 14, 17), (20, 33, 15, 15, 15), (31, 31, 9, 9, 16))  # ..., resize
PADS = ((40, 25, 16, 18), (11, 30, 21, 16), (13, 13, 8, 9))
PAD = 77


def picture(width, height):
    """Noise with hard edges: byte i is a hash of i, and every other row of it is black or white only."""
    i = np.arange(width * height * 3, dtype=np.uint64)
    value = ((i * 2654435761) % 2**32) >> 13 & 0xFF
    row = i // (width * 3)
    value = np.where(row % 2 == 1, np.where(value > 127, 255, 0), value)
    return value.astype(np.uint8).reshape(height, width, 3)


def write(path, dtype, squash, crop, pad):
    with open(path, "wb") as file:

        def case(rule, resampler, size, result, resize=0):
            width, height, out_width, out_height = size
            file.write(f"{rule} {resampler} {width} {height} {out_width} {out_height} {resize} {PAD}\n".encode())
            result = np.ascontiguousarray(np.asarray(result), dtype=dtype)
            assert result.shape == (out_height, out_width, 3), (rule, size, result.shape)
            file.write(result.tobytes())

        for resampler in RESAMPLERS:
            for size in SIZES:
                case("squash", resampler, size, squash(picture(*size[:2]), resampler, *size[2:]))
            for *size, resize in CROPS if crop else ():
                case("crop", resampler, size, crop(picture(*size[:2]), resampler, size[2], resize), resize)
            for size in PADS if pad else ():
                case("pad", resampler, size, pad(picture(*size[:2]), resampler, *size[2:]))
    print(path, os.path.getsize(path), "bytes")


def pillow(folder):
    import PIL
    from PIL import Image, ImageOps

    filters = dict(zip(RESAMPLERS, (Image.NEAREST, Image.BILINEAR, Image.BICUBIC)))

    def crop(array, resampler, side, resize):  # torchvision's arithmetic, without torchvision
        height, width = array.shape[:2]
        short, long = min(width, height), max(width, height)
        scaled = int(resize * long / short)
        size = (resize, scaled) if width <= height else (scaled, resize)
        image = Image.fromarray(array).resize(size, filters[resampler])
        left, top = int(round((size[0] - side) / 2)), int(round((size[1] - side) / 2))
        return image.crop((left, top, left + side, top + side))

    write(
        os.path.join(folder, "pillow-13.bin" if int(PIL.__version__.split(".")[0]) >= 13 else "pillow.bin"),
        np.uint8,
        lambda a, r, w, h: Image.fromarray(a).resize((w, h), filters[r]),
        crop,
        lambda a, r, w, h: ImageOps.pad(Image.fromarray(a), (w, h), filters[r], color=(PAD,) * 3),
    )


def torch(folder):
    import torch
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    for name, antialias in (("torch", True), ("torch-plain", False)):

        def resize(array, resampler, size):
            tensor = torch.from_numpy(array).permute(2, 0, 1).float()
            return functional.resize(tensor, size, InterpolationMode(resampler), antialias=antialias)

        write(
            os.path.join(folder, name + ".bin"),
            "<f4",
            lambda a, r, w, h: resize(a, r, [h, w]).permute(1, 2, 0),
            lambda a, r, side, size: functional.center_crop(resize(a, r, [size]), [side]).permute(1, 2, 0),
            None,
        )


def tensorflow(folder):
    import tensorflow as tf

    def pad(array, resampler, width, height):
        # The border of resize_with_pad is 0; the picture is shifted so that ours is PAD.
        return tf.image.resize_with_pad(array.astype(np.float32) - PAD, height, width, resampler).numpy() + PAD

    write(
        os.path.join(folder, "tensorflow.bin"),
        "<f4",
        lambda a, r, w, h: tf.image.resize(a, (h, w), r).numpy(),
        None,
        pad,
    )


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "tests", "image", "golden")
    for program in (pillow, torch, tensorflow):
        try:
            program(folder)
        except ImportError as error:
            print(f"{program.__name__}: left out, {error}")


if __name__ == "__main__":
    main()
