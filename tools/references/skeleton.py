# SPDX-License-Identifier: Apache-2.0
"""From a full ONNX file to a skeleton: weights that seeds give are left out.

A tensor left out keeps its dimensions, has doc_string "seed:NAME", and in float_data one scale per output channel (the
first dimension), or a single one; value i of channel c is uniform(NAME)[i] * scale[c], multiplied in float32.
"""
import numpy as np
import onnx
from onnx import numpy_helper

from seeded import uniform

SMALL = 1024  # tensors of at most so many elements are kept as they are
LARGE = 4096  # larger ones must have a seed


def match(weight, seeds):
    """The (name, scales) whose seeded values give `weight` channel by channel, or None."""
    flat = weight.reshape(weight.shape[0], -1)
    for name, count in seeds.items():
        if count != weight.size:
            continue
        u = uniform(name, count).reshape(flat.shape)
        norm = (u * u).sum(1)
        scales = ((flat * u).sum(1) / norm).astype(np.float32)
        if np.abs(flat - u * scales[:, None]).max() <= 1e-5 * np.abs(flat).max():
            return name, scales
    return None


def strip(model: onnx.ModelProto, seeds: dict) -> onnx.ModelProto:
    """The skeleton. `seeds`: name -> number of elements."""
    skeleton = onnx.ModelProto()
    skeleton.CopyFrom(model)
    for tensor in skeleton.graph.initializer:
        weight = numpy_helper.to_array(tensor)
        if weight.dtype != np.float32 or weight.size <= SMALL:
            continue
        found = match(weight, seeds)
        if found is None and weight.size <= LARGE:
            continue
        if found is None:
            raise SystemExit(f"{tensor.name} {weight.shape}: no seed gives it")
        name, scales = found
        tensor.ClearField("raw_data")
        tensor.doc_string = "seed:" + name
        tensor.float_data.extend(scales[:1] if np.all(scales == scales[0]) else scales)
    return skeleton


def fill(skeleton: onnx.ModelProto) -> onnx.ModelProto:
    """The full model: what tests/nn/seeded-weights.c does."""
    full = onnx.ModelProto()
    full.CopyFrom(skeleton)
    for tensor in full.graph.initializer:
        if tensor.doc_string.startswith("seed:"):
            count = int(np.prod(tensor.dims))
            scales = np.array(tensor.float_data, np.float32)
            values = uniform(tensor.doc_string[5:], count).reshape(len(scales), -1) * scales[:, None]
            tensor.ClearField("float_data")
            tensor.raw_data = values.astype(np.float32).tobytes()
    return full
