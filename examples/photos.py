# SPDX-License-Identifier: Apache-2.0
"""What the examples in Python share: lists of photos, and photos as networks want them, by Pillow."""
import csv
import pathlib
import sys

import numpy as np
from PIL import Image

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff"}


def read_source(source, count=None):
    """The first `count` rows of a list (columns id and image) or a folder: {"id", "image": a path, other columns}."""
    source = pathlib.Path(source)
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.suffix.lower() in ENDINGS)
        return [{"id": path.relative_to(source).as_posix(), "image": path.resolve()} for path in files][:count]
    with open(source, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))[:count]
    return [{**row, "image": (source.parent / row["image"]).resolve()} for row in rows]


def load(path, preset, width, height):
    """One photo as the network wants it, (1, 3, H, W) float32."""
    photo = Image.open(path).convert("RGB")
    if preset == "keras-resnet50":  # keras.utils.load_img and resnet50.preprocess_input
        pixels = np.asarray(photo.resize((width, height), Image.NEAREST), np.float32)
        pixels = pixels[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
    elif preset == "torchvision":  # Resize, CenterCrop, ToTensor, Normalize
        side = (max(width, height) * 256 + 112) // 224
        w, h = photo.size
        size = (side, int(side * h / w)) if w <= h else (int(side * w / h), side)
        photo = photo.resize(size, Image.BILINEAR)
        left, top = round((photo.width - width) / 2), round((photo.height - height) / 2)
        photo = photo.crop((left, top, left + width, top + height))
        pixels = np.asarray(photo, np.float32) / 255
        pixels = (pixels - np.array([0.485, 0.456, 0.406], np.float32)) / np.array([0.229, 0.224, 0.225], np.float32)
    elif preset == "squash":  # the whole photo, [-1, 1]
        pixels = np.asarray(photo.resize((width, height), Image.BILINEAR), np.float32) / 127.5 - 1
    else:
        sys.exit(f"{preset} is not keras-resnet50, torchvision or squash")
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
