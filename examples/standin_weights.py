#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weights for ResNet-50 where ImageNet's cannot be downloaded: seeded, BatchNorm calibrated on some photos.

usage: standin_weights.py keras OUT.weights.h5 LIST.csv|FOLDER        (pip install tensorflow pillow)
       standin_weights.py torchvision OUT.pth LIST.csv|FOLDER         (pip install torch torchvision pillow)
They compare programs, not photos: the network runs the whole of ResNet-50 and its vectors lie as far apart as those of
a trained one, so two programs that agree on the most alike do the same arithmetic. They know nothing about products.
"""
import sys

import numpy as np

from photos import load, read_source

PHOTOS = 64  # to calibrate on
SIDE = 224


def convolution(shape, fan_in, generator):
    return generator.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)


def scale_and_shift(place, size, generator):
    """BatchNorm's, by its place: "inner", "branch" (the last of a residual branch) or "last" (of the last branch).
    Weak branches keep different photos apart through the depth (random ReLU layers draw all inputs together), and a
    last layer that is mostly zero spreads the cosines."""
    shift = generator.normal(-2 if place == "last" else 0, 0.2, size)
    return np.full(size, 0.2 if place == "branch" else 1, np.float32), shift.astype(np.float32)


def make_keras(out, batch, generator):
    import tensorflow as tf

    model = tf.keras.applications.ResNet50(weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3))
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            layer.set_weights([convolution(kernel.shape, np.prod(kernel.shape[:3]), generator), bias])
        elif isinstance(layer, tf.keras.layers.BatchNormalization):
            size = layer.gamma.shape[0]
            ends_branch = layer.name.endswith("_3_bn")
            place = "last" if layer.name == "conv5_block3_3_bn" else "branch" if ends_branch else "inner"
            layer.set_weights([*scale_and_shift(place, size, generator), np.zeros(size), np.ones(size)])
            layer.momentum = 0  # the statistics of the one batch below
    model(batch.transpose(0, 2, 3, 1), training=True)
    model.save_weights(out)


def make_torchvision(out, batch, generator):
    import torch
    import torchvision

    model = torchvision.models.resnet50(weights=None).train()
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            shape = module.weight.shape
            module.weight.data = torch.from_numpy(convolution(shape, np.prod(shape[1:]), generator))
        elif isinstance(module, torch.nn.BatchNorm2d):
            place = "last" if name == "layer4.2.bn3" else "branch" if name.endswith("bn3") else "inner"
            scale, shift = scale_and_shift(place, module.num_features, generator)
            module.weight.data, module.bias.data = torch.from_numpy(scale), torch.from_numpy(shift)
            module.momentum = 1.0  # the statistics of the one batch below
    with torch.no_grad():
        model(torch.from_numpy(batch))
    torch.save(model.state_dict(), out)


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("keras", "torchvision"):
        sys.exit(__doc__)
    framework, out, source = sys.argv[1:]
    rows = read_source(source)
    rows = rows[:: max(1, len(rows) // PHOTOS)][:PHOTOS]
    preset = "keras-resnet50" if framework == "keras" else "torchvision"
    batch = np.concatenate([load(row["image"], preset, SIDE, SIDE) for row in rows])
    (make_keras if framework == "keras" else make_torchvision)(out, batch, np.random.default_rng(50))
    print(f"{out}: seeded stand-in weights, calibrated on {len(rows)} photos; not ImageNet's")


if __name__ == "__main__":
    main()
