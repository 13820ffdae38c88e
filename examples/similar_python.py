#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The usual forty lines: embed every photo with a network, keep the vectors in memory, compare them all.

usage: similar_python.py NETWORK.onnx PRESET PHOTO [PHOTO...]      (pip install pillow numpy onnxruntime)
Shows, for each photo, the five most alike. compare_with_niteru.py shows that niteru gives the same five.
"""
import sys

import numpy as np
import onnxruntime
from PIL import Image


def load(path, preset, width, height):
    """One photo as the network wants it: (1, 3, H, W), or (1, H, W, 3) to be turned by the caller."""
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
    elif preset == "squash":
        pixels = np.asarray(photo.resize((width, height), Image.BILINEAR), np.float32) / 127.5 - 1
    else:
        sys.exit(f"{preset} is not keras-resnet50, torchvision or squash")
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)


class Network:
    """An ONNX network that ends in its embedding: an output of that name, or the only one (include_top=False)."""

    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        image = self.session.get_inputs()[0]
        self.input, self.channels_last = image.name, image.shape[-1] == 3
        self.height, self.width = image.shape[1:3] if self.channels_last else image.shape[2:4]
        names = [o.name for o in self.session.get_outputs()]
        self.output = "embedding" if "embedding" in names else names[-1]

    def embed(self, pixels):
        if self.channels_last:
            pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        out = self.session.run([self.output], {self.input: pixels})[0]
        return out.reshape(-1) if out.size == max(out.shape) else out.mean(axis=(2, 3)).reshape(-1)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    network, preset, photos = Network(sys.argv[1]), sys.argv[2], sys.argv[3:]
    vectors = np.stack([network.embed(load(p, preset, network.width, network.height)) for p in photos])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = vectors @ vectors.T
    for i, photo in enumerate(photos):
        best = [j for j in np.argsort(-similarity[i], kind="stable") if j != i][:5]
        print(photo, *(f"\n  {similarity[i, j]:.4f}  {photos[j]}" for j in best))


if __name__ == "__main__":
    main()
