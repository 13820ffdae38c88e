#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes graphs.bin.gz, the random graphs of tests/nn/test-chains.c with what ONNX Runtime makes of them. Run by hand with
numpy, onnx and onnxruntime from PyPI:

    python3 tests/nn/chains/make.py [COUNT [FIRST_SEED]]

A graph is one or two layers (Conv, MatMul, Gemm, or Add or Mul of two tensors), each followed by one to four steps that a
planner may fuse: arithmetic with a scalar, a number per channel or a tensor, activations and clips; with residuals and with
second readers of what lies between. It takes `image` (N, 3, H, W) of seeded numbers and ends in `embedding`. Large weights
are left out and made again from seeds (tools/references/skeleton.py).

The file is a row of records, little-endian: uint32 size of the ONNX skeleton, the skeleton, uint32 n, float32 largest
magnitude of the result, n times (uint32 element, float32 value)."""
import gzip
import pathlib
import struct
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper, TensorProto

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "tools" / "references"))
import seeded  # noqa: E402

BATCH, KEPT = 2, 24


class Graph:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.skeletons, self.seed = [], [], [], seed
        self.opset = int(self.random.choice([11, 13, 17, 20]))

    def pick(self, *options):
        return options[self.random.integers(len(options))]

    def name(self, kind):
        return f"{kind}{len(self.nodes)}_{len(self.constants)}"

    def const(self, value):
        value = np.asarray(value, np.float32)
        tensor = numpy_helper.from_array(value, f"c{len(self.constants)}")
        self.constants.append(tensor)
        self.skeletons.append(tensor)
        return tensor.name

    def weights(self, *shape, scale):
        """A large constant: kept as its name and scale."""
        name = f"c{len(self.constants)}"
        seed = f"{self.seed}-{name}"
        value = seeded.uniform(seed, int(np.prod(shape))).reshape(shape) * np.float32(scale)
        self.constants.append(numpy_helper.from_array(value.astype(np.float32), name))
        left = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT, doc_string="seed:" + seed)
        left.float_data.append(scale)
        self.skeletons.append(left)
        return name

    def op(self, kind, *inputs, **attributes):
        out = self.name("t")
        self.nodes.append(helper.make_node(kind, list(inputs), [out], f"{kind}_{len(self.nodes)}", **attributes))
        return out

    def number(self, low=0.2, high=3):
        return float(np.round(self.random.uniform(low, high) * self.pick(1, 1, -1), 3))

    # ---- steps: each takes a value of `shape` and gives one of the same ----

    def operand(self, shape, kind):
        if kind == "scalar":
            return self.const(self.number() if self.pick(True, False) else np.full([1] * self.pick(1, len(shape)), self.number()))
        axis = 1 if len(shape) == 4 else len(shape) - 1
        dims = [shape[a] if a == axis else 1 for a in range(len(shape))]
        dims = dims[axis:] if self.pick(True, False) else [1] * axis + dims[axis:]
        values = self.random.uniform(0.3, 2, dims) * self.random.choice([-1, 1], dims)
        return self.const(np.round(values, 2))

    def arithmetic(self, x, shape, others):
        kind = self.pick("scalar", "scalar", "scalar", "channel", "channel", "tensor")
        if kind == "tensor":
            return self.op(self.pick("Add", "Add", "Mul", "Sub"), *self.pick((x, others(shape)), (others(shape), x)))
        op, c = self.pick("Add", "Mul", "Sub", "Div"), self.operand(shape, kind)
        if op == "Div" or self.pick(True, True, False):
            return self.op(op, x, c)
        return self.op(op, c, x)

    def clip(self, x):
        low = self.pick(0.0, -1.0, self.number(0.1, 1), None)
        high = self.pick(6.0, 1.0, (low or 0) + self.number(0.1, 2) ** 2 + 0.1, None)
        if low is None and high is None:
            low = -0.5
        if low is not None and high is not None and high <= low:
            high = low + 1
        inputs = [x, "" if low is None else self.const(low), "" if high is None else self.const(high)]
        while inputs[-1] == "":
            inputs.pop()
        return self.op("Clip", *inputs)

    def activation(self, x):
        kind = self.pick("Relu", "Relu", "Relu", "LeakyRelu", "LeakyRelu", "Clip", "Clip", "Sigmoid", "Tanh", "Elu", "HardSigmoid",
                         "Softplus", "Abs", "Neg", "swish", "hard-swish", "gelu-erf", "gelu-tanh", "Max", "Min")
        if kind == "Clip":
            return self.clip(x)
        if kind in ("LeakyRelu", "Elu"):
            return self.op(kind, x, alpha=self.pick(0.1, 0.2, 0.5, 1.0 if kind == "Elu" else 0.01))
        if kind in ("Max", "Min"):
            return self.op(kind, x, self.const(self.pick(0.0, 0.5, -0.5)))
        if kind == "HardSigmoid":
            return self.op(kind, x, alpha=self.pick(0.2, 1 / 6), beta=0.5)
        if kind == "swish":
            return self.op("Mul", x, self.op("Sigmoid", x))
        if kind == "hard-swish":
            gate = self.op("Clip", self.op("Add", x, self.const(3.0)), self.const(0.0), self.const(6.0))
            return self.op("Div", self.op("Mul", x, gate), self.const(6.0))
        if kind == "gelu-erf":
            gate = self.op("Add", self.op("Erf", self.op("Div", x, self.const(np.sqrt(2)))), self.const(1.0))
            return self.op("Mul", self.op("Mul", x, gate), self.const(0.5))
        if kind == "gelu-tanh":
            cube = self.op("Mul", self.op("Mul", x, x), x)
            inner = self.op("Mul", self.op("Add", x, self.op("Mul", cube, self.const(0.044715))), self.const(0.7978846))
            gate = self.op("Add", self.op("Tanh", inner), self.const(1.0))
            return self.op("Mul", self.op("Mul", x, self.const(0.5)), gate)
        return self.op(kind, x)

    def steps(self, x, shape, others):
        """One to four steps; returns the last value and those that get a second reader."""
        second = []
        for _ in range(self.random.integers(1, 5)):
            x = self.activation(x) if self.pick(True, False) else self.arithmetic(x, shape, others)
            if self.random.random() < 0.12:
                second.append(x)
        return x, second

    # ---- layers ----

    def conv(self, x, shape):
        n, c, h, w = shape
        out = self.pick(16, 16, 24, 32, 5)
        depthwise = out == c or (c > 3 and self.random.random() < 0.2)
        out = c if depthwise else out
        group = c if depthwise else (2 if c % 2 == 0 and out % 2 == 0 and self.random.random() < 0.15 else 1)
        kernel = self.pick(1, 1, 3)
        stride = self.pick(1, 1, 1, 2)
        pad = kernel // 2
        inputs = [x, self.weights(out, c // group, kernel, kernel, scale=float(np.float32(2 / np.sqrt(c // group * kernel * kernel))))]
        if self.pick(True, False):
            inputs.append(self.weights(out, scale=0.5))
        y = self.op("Conv", *inputs, group=group, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)
        side = lambda s: (s + 2 * pad - kernel) // stride + 1  # noqa: E731
        return y, (n, out, side(h), side(w))

    def product(self, x, shape):
        k, out = shape[-1], self.pick(16, 20, 33)
        scale = float(np.float32(2 / np.sqrt(k)))
        if len(shape) == 2 and self.pick(True, False):
            inputs = [x, self.weights(out, k, scale=scale)] + ([self.weights(out, scale=0.5)] if self.pick(True, False) else [])
            return self.op("Gemm", *inputs, transB=1), shape[:-1] + (out,)
        return self.op("MatMul", x, self.weights(k, out, scale=scale)), shape[:-1] + (out,)

    def layer(self, x, shape):
        if len(shape) == 4 and self.random.random() < 0.75:
            return self.conv(x, shape)
        if self.random.random() < 0.35:
            return self.op(self.pick("Add", "Mul"), x, self.activation(x)), shape
        return self.product(x, shape)

    def whole(self):
        shape = (BATCH, 3, *self.pick((4, 4), (5, 3), (6, 8)))
        self.image = shape
        x = "image"
        if self.random.random() < 0.3:
            x, shape = self.op("Flatten", x, axis=1), (BATCH, int(np.prod(shape[1:])))
        elif self.random.random() < 0.5:
            x, shape = self.conv(x, shape)
        ends = []
        for _ in range(self.pick(1, 1, 2)):
            before, before_shape = x, shape
            x, shape = self.layer(x, shape)
            side = {}

            def others(wanted, start=before, start_shape=before_shape):
                """Another value of the same shape: the layer's input, or a branch of its own."""
                if start_shape == wanted and self.random.random() < 0.6:
                    return start
                if "value" not in side:
                    side["value"] = self.branch(start, start_shape, wanted)
                return side["value"]

            x, second = self.steps(x, shape, others)
            ends += [self.op("Flatten", s, axis=1) for s in second]
        x = self.op("Flatten", x, axis=1)
        if ends:
            x = self.op("Concat", x, *ends, axis=1)
        self.nodes.append(helper.make_node("Identity", [x], ["embedding"], "end"))

    def branch(self, x, shape, wanted):
        if len(wanted) == 4 and shape[2:] == wanted[2:]:
            return self.op("Conv", x, self.weights(wanted[1], shape[1], 1, 1, scale=0.5), kernel_shape=[1, 1])
        flat = self.op("Flatten", x, axis=1)
        k, size = int(np.prod(shape[1:])), int(np.prod(wanted[1:]))
        y = self.op("MatMul", flat, self.weights(k, size, scale=float(np.float32(1 / np.sqrt(k)))))
        if len(wanted) == 2:
            return y
        target = numpy_helper.from_array(np.array([-1, *wanted[1:]], np.int64), f"c{len(self.constants)}")
        self.constants.append(target)
        self.skeletons.append(target)
        return self.op("Reshape", y, target.name)

    def model(self, constants):
        n, c, h, w = self.image
        graph = helper.make_graph(self.nodes, "g", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", c, h, w])],
                                  [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, None)], constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)


def run(model, image, precise=False):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image})[0]


def record(seed):
    """The record of a seed's graph; None when its result is not finite, too large, or hangs on the last bit of its input."""
    graph = Graph(seed)
    graph.whole()
    model = graph.model(graph.constants)
    image = seeded.uniform("image", int(np.prod(graph.image))).astype(np.float32).reshape(graph.image)
    out = run(model, image)
    nudged = run(model, image * np.float32(1 + 1e-6))
    largest = np.abs(out).max()
    if not np.isfinite(out).all() or largest > 1e4 or np.abs(out - nudged).max() > 2e-5 * max(largest, 1e-6):
        return None
    skeleton = graph.model(graph.skeletons).SerializeToString()
    flat = out.ravel().astype(np.float32)
    chosen = np.unique(np.append(graph.random.integers(0, flat.size, KEPT - 1), flat.size - 1))
    values = b"".join(struct.pack("<If", int(i), flat[i]) for i in chosen)
    return struct.pack("<I", len(skeleton)) + skeleton + struct.pack("<If", len(chosen), largest) + values


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    records = []
    while len(records) < count:
        made = record(seed)
        seed += 1
        if made is not None:
            records.append(made)
    with open(HERE / "graphs.bin.gz", "wb") as file:
        file.write(gzip.compress(b"".join(records), 9, mtime=0))
    print(f"{count} graphs of seeds below {seed}")


if __name__ == "__main__":
    main()
