#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the operator cases of tests/nn/test-operators.c: NAME.onnx, a graph of one operator (or the few that an exporter
writes for one thing), and NAME.npy, what ONNX Runtime makes of it. Run by hand with numpy, onnx and onnxruntime from PyPI:

    python3 tests/nn/operators/make.py

Every graph takes `image` (N, 3, H, W) of seeded numbers in [-1, 1) and ends in `embedding` (N, D)."""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper, TensorProto

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "tools" / "references"))
import seeded  # noqa: E402

BATCH = 3


def weights(name, *shape, scale=0.5):
    return (seeded.uniform(name, int(np.prod(shape))) * scale).astype(np.float32).reshape(shape)


class Case:
    def __init__(self, name, opset=13, size=(8, 10), channels=3, last=False):
        self.name, self.opset, self.size, self.channels, self.last = name, opset, size, channels, last
        self.nodes, self.constants, self.count = [], [], 0

    def const(self, value):
        value = np.asarray(value)
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def op(self, type, *inputs, outputs=1, **attributes):
        names = [i if isinstance(i, str) else self.const(i) for i in inputs]
        self.count += 1
        out = [f"t{self.count}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(type, names, out, f"{type}_{self.count}", **attributes))
        return out[0] if outputs == 1 else out

    def finish(self, value):
        value = self.op("Flatten", value, axis=1)
        self.nodes.append(helper.make_node("Identity", [value], ["embedding"], "end"))
        h, w = self.size
        dims = ["N", h, w, self.channels] if self.last else ["N", self.channels, h, w]
        graph = helper.make_graph(
            self.nodes, self.name, [helper.make_tensor_value_info("image", TensorProto.FLOAT, dims)],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, None)], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8,
                                  producer_name="niteru-tests")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        image = seeded.uniform("image", BATCH * self.channels * h * w).astype(np.float32)
        image = image.reshape(BATCH, self.channels, h, w)
        fed = np.ascontiguousarray(image.transpose(0, 2, 3, 1)) if self.last else image
        result = session.run(["embedding"], {"image": fed})[0]
        assert result.ndim == 2 and result.shape[0] == BATCH and np.isfinite(result).all(), (self.name, result.shape)
        model.graph.initializer.append(numpy_helper.from_array(result.astype(np.float32), "expected"))
        onnx.save(model, HERE / f"{self.name}.onnx")


def i64(*values):
    return np.array(values, np.int64)


def f32(value):
    return np.float32(value)


def conv(case, x, name, out, inp, kernel, bias=True, group=1, **attributes):
    args = [x, weights(name, out, inp // group, *kernel)] + ([weights(name + "b", out)] if bias else [])
    return case.op("Conv", *args, group=group, **attributes)


def windows():
    for name, attributes in {
        "conv-plain": {}, "conv-pads": dict(pads=[1, 2, 0, 1]), "conv-strides": dict(strides=[2, 3], pads=[1, 1, 1, 1]),
        "conv-dilations": dict(dilations=[2, 2], pads=[2, 2, 2, 2]), "conv-same-upper": dict(auto_pad="SAME_UPPER", strides=[2, 2]),
        "conv-same-lower": dict(auto_pad="SAME_LOWER", strides=[2, 2]), "conv-valid": dict(auto_pad="VALID"),
    }.items():
        c = Case(name)
        c.finish(conv(c, "image", name, 7, 3, (3, 3), **attributes))
    c = Case("conv-groups")
    x = conv(c, "image", "a", 16, 3, (3, 3), pads=[1, 1, 1, 1])
    x = conv(c, x, "b", 8, 16, (3, 3), group=4, pads=[1, 1, 1, 1])
    c.finish(conv(c, x, "d", 8, 8, (3, 3), group=8, bias=False, pads=[1, 1, 1, 1]))
    c = Case("conv-winograd", size=(6, 7))
    x = conv(c, "image", "a", 64, 3, (1, 1))
    c.finish(c.op("GlobalAveragePool", c.op("Relu", conv(c, x, "b", 64, 64, (3, 3), pads=[1, 1, 1, 1]))))
    c = Case("conv-1d")
    x = c.op("Reshape", "image", i64(0, 3, 80))
    c.finish(conv(c, x, "a", 4, 3, (5,), strides=[3]))
    for kind in ("MaxPool", "AveragePool"):
        low = kind.lower()
        for name, attributes in {
            "plain": dict(kernel_shape=[3, 2]), "pads": dict(kernel_shape=[3, 3], pads=[1, 0, 1, 1], strides=[2, 2]),
            "ceil": dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
            "ceil-pads": dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], ceil_mode=1),
            "same-upper": dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
        }.items():
            c = Case(f"{low}-{name}")
            c.finish(c.op(kind, "image", **attributes))
    for name, attributes in {"pads": dict(pads=[1, 1, 1, 1]), "ceil": dict(pads=[1, 1, 1, 1], strides=[2, 2], ceil_mode=1)}.items():
        c = Case(f"averagepool-counted-{name}", 19)
        c.finish(c.op("AveragePool", "image", kernel_shape=[3, 3], count_include_pad=1, **attributes))
    c = Case("maxpool-dilations")
    c.finish(c.op("MaxPool", "image", kernel_shape=[2, 2], dilations=[2, 3]))
    for kind in ("GlobalMaxPool", "GlobalAveragePool"):
        c = Case(kind.lower())
        c.finish(c.op(kind, "image"))


def elementwise():
    plain = ["Relu", "Sigmoid", "Tanh", "Abs", "Exp", "Neg", "Erf", "Floor", "Ceil", "Round", "Sin", "Cos", "Softplus",
             "HardSwish", "Sign", "LeakyRelu", "Elu", "HardSigmoid"]
    for kind in plain:
        c = Case(kind.lower(), 14)
        c.finish(c.op(kind, c.op("Mul", "image", f32(6))))
    for kind in ("Sqrt", "Log", "Reciprocal"):
        c = Case(kind.lower())
        c.finish(c.op(kind, c.op("Add", c.op("Abs", "image"), f32(0.5))))
    for kind, opset, attributes in (("Gelu", 20, {}), ("Gelu", 20, dict(approximate="tanh")), ("Mish", 18, {})):
        c = Case(f"{kind.lower()}{'-tanh' if attributes else ''}", opset)
        c.finish(c.op(kind, c.op("Mul", "image", f32(4)), **attributes))
    for kind, attributes in (("LeakyRelu", dict(alpha=0.3)), ("Elu", dict(alpha=0.7)), ("HardSigmoid", dict(alpha=0.4, beta=0.3))):
        c = Case(f"{kind.lower()}-attributes")
        c.finish(c.op(kind, c.op("Mul", "image", f32(4)), **attributes))
    c = Case("clip-inputs")
    c.finish(c.op("Clip", "image", f32(-0.25), f32(0.5)))
    c = Case("clip-low-only")
    c.finish(c.op("Clip", "image", f32(-0.25)))
    c = Case("clip-high-only")
    c.nodes.append(helper.make_node("Clip", ["image", "", c.const(f32(0.5))], ["clipped"]))
    c.finish("clipped")
    c = Case("clip-attributes", 10)
    c.finish(c.op("Clip", "image", min=-0.25, max=0.5))
    operands = {"scalar": f32(1.5), "channel": weights("channel", 3, 1, 1) + f32(1), "row": weights("row", 10) + f32(1),
                "plane": weights("plane", 8, 10) + f32(1), "full": weights("full", 1, 3, 8, 10) + f32(1)}
    for kind in ("Add", "Sub", "Mul", "Div", "Min", "Max"):
        for name, operand in operands.items():
            if name in ("row", "full") and kind not in ("Add", "Div"):
                continue
            c = Case(f"{kind.lower()}-{name}")
            c.finish(c.op(kind, "image", operand))
    for kind in ("Sub", "Div"):
        c = Case(f"{kind.lower()}-reversed")
        c.finish(c.op(kind, weights("full", 1, 3, 8, 10), c.op("Add", "image", f32(2))))
        c = Case(f"{kind.lower()}-scalar-reversed")
        c.finish(c.op(kind, f32(1.5), c.op("Add", "image", f32(2))))
    c = Case("mul-gate")
    x = conv(c, "image", "a", 24, 3, (3, 3))
    gate = c.op("Sigmoid", conv(c, c.op("GlobalAveragePool", x), "g", 24, 24, (1, 1)))
    c.finish(c.op("Mul", gate, x))
    c = Case("add-outer")
    x = c.op("ReduceMean", "image", axes=[2], keepdims=1)
    c.finish(c.op("Add", x, c.op("ReduceMean", "image", axes=[3], keepdims=1)))
    c = Case("add-itself")
    x = c.op("Relu", "image")
    c.finish(c.op("Add", x, x))
    c = Case("pow")
    c.finish(c.op("Pow", c.op("Abs", "image"), f32(1.7)))
    c = Case("sum-three")
    c.finish(c.op("Sum", "image", c.op("Relu", "image"), c.op("Abs", "image")))
    c = Case("max-three")
    c.finish(c.op("Max", "image", c.op("Neg", "image"), weights("row", 10)))


def shapes():
    c = Case("transpose")
    c.finish(c.op("Transpose", "image", perm=[0, 3, 1, 2]))
    c = Case("transpose-conv")
    x = conv(c, "image", "a", 20, 3, (3, 3))
    c.finish(c.op("Transpose", x, perm=[0, 2, 3, 1]))
    for axis in (1, 2, -1):
        c = Case(f"concat{axis}")
        x = conv(c, "image", "a", 20, 3, (1, 1))
        y = conv(c, "image", "b", 20, 3, (1, 1))
        c.finish(c.op("Concat", x, c.op("Relu", y), axis=axis))
    c = Case("concat-odd")
    x = conv(c, "image", "a", 5, 3, (1, 1))
    c.finish(c.op("Concat", "image", x, x, axis=1))
    c = Case("slice")
    c.finish(c.op("Slice", "image", i64(1, -3), i64(100, -1), i64(2, 3)))
    c = Case("slice-steps")
    c.finish(c.op("Slice", "image", i64(-1, 0), i64(-100, 9), i64(2, 3), i64(-2, 3)))
    c = Case("slice-attributes", 9)
    c.finish(c.op("Slice", "image", starts=[1, 2], ends=[3, -1], axes=[1, 2]))
    for name, opset, args, attributes in (("split", 13, [i64(3, 5, 2)], {}), ("split-even", 18, [], dict(num_outputs=3)),
                                          ("split-attribute", 11, [], dict(split=[3, 5, 2]))):
        c = Case(name, opset)
        a, b, d = c.op("Split", "image", *args, outputs=3, axis=3, **attributes)
        c.finish(c.op("Concat", d, b, a, axis=3))
    c = Case("split-partly")
    a, b, d = c.op("Split", "image", i64(3, 5, 2), outputs=3, axis=3)
    c.finish(d)
    c = Case("gather")
    c.finish(c.op("Gather", "image", i64(4, -1, 0), axis=2))
    c = Case("gather-scalar")
    c.finish(c.op("Gather", "image", np.int64(1), axis=1))
    c = Case("reshape")
    c.finish(c.op("Reshape", conv(c, "image", "a", 16, 3, (1, 1)), i64(0, 4, -1, 8)))
    c = Case("reshape-by-shape")
    n = c.op("Gather", c.op("Shape", "image"), np.int64(0))
    c.finish(c.op("Reshape", "image", c.op("Concat", c.op("Unsqueeze", n, i64(0)), i64(-1), axis=0)))
    c = Case("reshape-arithmetic")
    s = c.op("Shape", "image")
    h = c.op("Gather", s, i64(2))
    half = c.op("Cast", c.op("Div", c.op("Cast", h, to=1), f32(2)), to=7)
    c.finish(c.op("Reshape", "image", c.op("Concat", c.op("Slice", s, i64(0), i64(1)), half, i64(-1), axis=0)))
    c = Case("where-shape")
    s = c.op("Shape", "image")
    t = c.op("Where", c.op("Equal", s, i64(10)), i64(-1, -1, -1, -1), s)
    c.finish(c.op("Reshape", "image", t))
    c = Case("squeeze-unsqueeze")
    x = c.op("ReduceMax", "image", axes=[3], keepdims=1)
    c.finish(c.op("Unsqueeze", c.op("Squeeze", x, i64(3)), i64(1, -1)))
    c = Case("squeeze-attributes", 11)
    x = c.op("ReduceMin", "image", axes=[3], keepdims=1)
    c.finish(c.op("Unsqueeze", c.op("Squeeze", x, axes=[-1]), axes=[1]))
    c = Case("expand")
    x = c.op("ReduceMean", "image", axes=[2], keepdims=1)
    c.finish(c.op("Expand", x, i64(1, 3, 4, 10)))
    c = Case("expand-token")
    n = c.op("Gather", c.op("Shape", "image"), i64(0))
    token = c.op("Expand", weights("token", 1, 1, 10), c.op("Concat", n, i64(1, 1), axis=0))
    c.finish(c.op("Concat", token, c.op("Reshape", "image", i64(0, -1, 10)), axis=1))
    c = Case("tile")
    c.finish(c.op("Tile", "image", i64(1, 2, 1, 2)))
    for mode in ("constant", "reflect", "edge"):
        c = Case(f"pad-{mode}")
        c.finish(c.op("Pad", "image", i64(0, 0, 1, 2, 0, 0, 3, 1), *([f32(0.7)] if mode == "constant" else []), mode=mode))
    c = Case("pad-attributes", 10)
    c.finish(c.op("Pad", "image", pads=[0, 0, 1, 2, 0, 0, 3, 1], value=0.25))
    c = Case("pad-axes", 18)
    c.nodes.append(helper.make_node("Pad", ["image", c.const(i64(1, 2)), "", c.const(i64(-1))], ["padded"]))
    c.finish("padded")
    c = Case("constants")
    x = c.op("Constant", value=numpy_helper.from_array(weights("k", 3, 1, 1)))
    y = c.op("ConstantOfShape", i64(1, 10), value=numpy_helper.from_array(np.array([0.5], np.float32)))
    c.finish(c.op("Add", c.op("Mul", "image", x), c.op("Mul", y, c.op("Constant", value_float=3.0))))
    c = Case("range-gather")
    c.finish(c.op("Gather", "image", c.op("Range", np.int64(7), np.int64(0), np.int64(-3)), axis=2))
    c = Case("float16-weights")
    c.finish(c.op("Mul", "image", c.op("Cast", weights("k", 3, 1, 1).astype(np.float16), to=1)))
    c = Case("dropout")
    c.finish(c.op("Identity", c.op("Dropout", "image", outputs=2)[0]))


def reductions():
    for kind in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare"):
        c = Case(f"{kind.lower()}", 18)
        c.finish(c.op(kind, "image", i64(1, -1), keepdims=0))
    for kind in ("ReduceMean", "ReduceMax"):
        for keep in (0, 1):
            c = Case(f"{kind.lower()}-spatial{keep}", 18)
            c.finish(c.op(kind, conv(c, "image", "a", 20, 3, (1, 1)), i64(2, 3), keepdims=keep))
    c = Case("reducemean-attributes", 11)
    c.finish(c.op("ReduceMean", "image", axes=[2], keepdims=0))
    c = Case("softmax")
    c.finish(c.op("Softmax", "image"))
    c = Case("softmax-axis")
    c.finish(c.op("Softmax", c.op("Mul", "image", f32(5)), axis=1))
    c = Case("softmax-old", 11)
    c.finish(c.op("Softmax", c.op("Flatten", "image")))
    c = Case("logsoftmax")
    c.finish(c.op("LogSoftmax", "image", axis=2))


def products():
    flat = lambda c: c.op("Flatten", "image", axis=1)
    c = Case("gemm")
    c.finish(c.op("Gemm", flat(c), weights("w", 240, 6), weights("b", 6)))
    c = Case("gemm-transb")
    c.finish(c.op("Gemm", flat(c), weights("w", 6, 240), weights("b", 1, 6), transB=1))
    c = Case("gemm-factors")
    c.finish(c.op("Gemm", flat(c), weights("w", 6, 240), weights("b", 6), transB=1, alpha=0.5, beta=2.0))
    c = Case("gemm-scalar-summand")
    c.finish(c.op("Gemm", flat(c), weights("w", 6, 240), f32(0.5), transB=1))
    c = Case("gemm-no-summand")
    c.finish(c.op("Gemm", flat(c), weights("w", 240, 6), alpha=0.5))
    c = Case("matmul")
    c.finish(c.op("Add", c.op("MatMul", flat(c), weights("w", 240, 6)), weights("b", 6)))
    c = Case("matmul-rows")
    c.finish(c.op("Relu", c.op("Add", c.op("MatMul", "image", weights("w", 10, 6)), weights("b", 6))))
    c = Case("matmul-residual")
    x = c.op("Reshape", "image", i64(0, 24, 10))
    c.finish(c.op("Add", c.op("Relu", x), c.op("MatMul", x, weights("w", 10, 10))))
    c = Case("matmul-batched")
    x = c.op("Transpose", "image", perm=[0, 1, 3, 2])
    c.finish(c.op("MatMul", "image", c.op("Mul", x, f32(0.3))))
    c = Case("matmul-constant-left")
    c.finish(c.op("MatMul", weights("w", 4, 8), "image"))
    c = Case("attention")
    x = c.op("Reshape", "image", i64(0, 24, 10))
    q, k, v = (c.op("Transpose", c.op("Reshape", c.op("MatMul", x, weights(n, 10, 8)), i64(0, 24, 2, 4)), perm=p)
               for n, p in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])))
    a = c.op("Softmax", c.op("Div", c.op("MatMul", q, k), f32(2)), axis=-1)
    o = c.op("Reshape", c.op("Transpose", c.op("MatMul", a, v), perm=[0, 2, 1, 3]), i64(0, 24, 8))
    c.finish(c.op("Add", x, c.op("Add", c.op("MatMul", o, weights("o", 8, 10)), weights("ob", 10))))


def norms():
    def parts(n, name="bn"):
        return [weights(name + "s", n) + f32(1), weights(name + "b", n), weights(name + "m", n), np.abs(weights(name + "v", n)) + f32(.1)]
    c = Case("batchnorm")
    c.finish(c.op("BatchNormalization", "image", *parts(3)))
    c = Case("batchnorm-conv")
    x = conv(c, "image", "a", 20, 3, (3, 3), bias=False)
    c.finish(c.op("Relu", c.op("BatchNormalization", x, *parts(20), epsilon=1e-3)))
    c = Case("batchnorm-before")
    x = conv(c, "image", "a", 20, 3, (3, 3))
    y = c.op("Relu", c.op("BatchNormalization", c.op("Relu", x), *parts(20)))
    c.finish(conv(c, y, "d", 8, 20, (3, 3)))
    c = Case("batchnorm-gemm")
    c.finish(c.op("BatchNormalization", c.op("Gemm", c.op("Flatten", "image"), weights("w", 240, 6)), *parts(6)))
    c = Case("affine-chain")
    x = conv(c, "image", "a", 20, 3, (3, 3), bias=False)
    x = c.op("Add", x, weights("b", 1, 20, 1, 1))
    x = c.op("Mul", c.op("Sub", x, weights("m", 20, 1, 1)), weights("s", 20, 1, 1))
    c.finish(c.op("Relu", c.op("Sub", f32(0.3), c.op("Div", x, f32(1.7)))))
    c = Case("instancenorm")
    c.finish(c.op("InstanceNormalization", "image", weights("s", 3), weights("b", 3)))
    c = Case("layernorm", 17)
    c.finish(c.op("LayerNormalization", "image", weights("s", 10), weights("b", 10)))
    c = Case("layernorm-axes", 17)
    c.finish(c.op("LayerNormalization", "image", weights("s", 8, 10), axis=-2))
    c = Case("lrn")
    c.finish(c.op("LRN", conv(c, "image", "a", 12, 3, (1, 1)), size=5, alpha=0.3, beta=0.6, bias=1.5))


def opsets():
    """The same operator as older and newer files write it."""
    for opset in (7, 10, 12, 16, 22):
        c = Case(f"maxpool-opset{opset}", opset)
        c.finish(c.op("MaxPool", "image", kernel_shape=[3, 3], strides=[2, 1], pads=[1, 0, 1, 2]))
    for opset in (7, 10, 11, 19):
        c = Case(f"averagepool-opset{opset}", opset)
        c.finish(c.op("AveragePool", "image", kernel_shape=[2, 3], strides=[2, 2], pads=[1, 1, 0, 1], count_include_pad=1))
    for opset in (7, 9, 14, 15):
        c = Case(f"batchnorm-opset{opset}", opset)
        parts = [weights("s", 3) + f32(1), weights("b", 3), weights("m", 3), np.abs(weights("v", 3)) + f32(.1)]
        c.finish(c.op("BatchNormalization", "image", *parts, epsilon=1e-3, momentum=0.8))
    for opset in (9, 11, 12):
        for kind in ("Softmax", "LogSoftmax"):
            c = Case(f"{kind.lower()}-opset{opset}", opset)
            c.finish(c.op(kind, c.op("Mul", "image", f32(3)), axis=3 if opset == 9 else -1))
    for kind in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare"):
        c = Case(f"{kind.lower()}-opset11", 11)
        c.finish(c.op(kind, "image", axes=[-2, 1], keepdims=1))
    c = Case("reducesum-opset13")
    c.finish(c.op("ReduceSum", "image", i64(3), keepdims=0))
    c = Case("reducesum-nothing")
    c.nodes.append(helper.make_node("ReduceSum", ["image"], ["same"], noop_with_empty_axes=1))
    c.finish("same")
    c = Case("reducemean-opset13")
    c.finish(c.op("ReduceMean", "image", axes=[1, 3], keepdims=0))
    c = Case("reducemax-opset20", 20)
    c.finish(c.op("ReduceMax", "image", i64(-1), keepdims=1))
    c = Case("squeeze-all-ones")
    x = c.op("ReduceMax", "image", axes=[2, 3], keepdims=1)
    c.finish(c.op("Unsqueeze", c.op("Squeeze", x), i64(1)))
    c = Case("unsqueeze-opset11", 11)
    c.finish(c.op("Unsqueeze", "image", axes=[1, -1]))
    for opset in (7, 10, 12, 13):
        c = Case(f"dropout-opset{opset}", opset)
        attributes, inputs = (dict(ratio=0.3), []) if opset < 12 else ({}, [f32(0.3)])
        c.finish(c.op("Dropout", "image", *inputs, **attributes))
    c = Case("clip-opset6", 7)
    c.finish(c.op("Clip", "image", min=0.1))
    c = Case("clip-opset12", 12)
    c.finish(c.op("Clip", "image", f32(-0.5), f32(0.1)))
    c = Case("gemm-opset9", 9)
    c.finish(c.op("Gemm", c.op("Flatten", "image"), weights("w", 6, 240), weights("b", 6), transB=1))
    c = Case("split-opset2", 7)
    a, b = c.op("Split", "image", outputs=2, axis=2)
    c.finish(c.op("Concat", b, a, axis=1))
    c = Case("split-uneven", 18)
    a, b, d = c.op("Split", "image", outputs=3, axis=-1, num_outputs=3)
    c.finish(c.op("Concat", d, a, b, axis=-1))
    c = Case("pad-opset2", 7)
    c.finish(c.op("Pad", "image", pads=[0, 0, 2, 1, 0, 0, 1, 2], mode="reflect"))
    c = Case("pad-opset19", 19)
    c.finish(c.op("Pad", "image", i64(0, 1, 0, 0, 0, 0, 2, 0), f32(-1)))
    c = Case("constant-lists")
    x = c.op("Mul", "image", c.op("Constant", value_floats=[float(i) for i in range(10)]))
    c.finish(c.op("Reshape", x, c.op("Constant", value_ints=[0, -1, 20])))


def logic():
    """Shape arithmetic, folded before anything runs, and what no exporter forgets."""
    def tiled(c, condition):
        c.finish(c.op("Tile", "image", c.op("Where", condition, i64(1, 2, 2, 1), i64(1, 1, 1, 3))))
    for kind in ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"):
        c = Case(kind.lower())
        s = c.op("Shape", "image")
        tiled(c, c.op(kind, s, i64(0, 3, 9, 9)))
    for kind in ("And", "Or"):
        c = Case(kind.lower())
        s = c.op("Shape", "image")
        tiled(c, c.op(kind, c.op("Greater", s, i64(3)), c.op("Equal", c.op("Mod", s, i64(4)), i64(0))))
    c = Case("not")
    s = c.op("Shape", "image")
    tiled(c, c.op("Not", c.op("Less", s, i64(10))))
    c = Case("mod")
    s = c.op("Shape", "image")
    h = c.op("Gather", s, np.int64(2))
    k = c.op("Mod", c.op("Neg", h), np.int64(3))
    m = c.op("Mod", h, np.int64(-3))
    m = c.op("Add", m, np.int64(3))
    c.finish(c.op("Tile", "image", c.op("Concat", i64(1), c.op("Unsqueeze", k, i64(0)), c.op("Unsqueeze", m, i64(0)), i64(1), axis=0)))
    c = Case("size")
    n = c.op("Div", c.op("Size", "image"), i64(240))
    c.finish(c.op("Reshape", "image", c.op("Concat", n, i64(-1), axis=0)))
    c = Case("shape-part", 15)
    s = c.op("Shape", "image", start=1, end=-1)
    c.finish(c.op("Transpose", c.op("Reshape", "image", c.op("Concat", i64(0, 10), s, axis=0)), perm=[0, 2, 3, 1]))
    c = Case("div-integers")
    s = c.op("Div", c.op("Shape", "image"), i64(1, 1, 3, 1))
    c.finish(c.op("Slice", "image", i64(0), c.op("Slice", s, i64(2), i64(3)), i64(2)))
    c = Case("where-weights")
    mask = np.arange(10) % 3 == 0
    c.finish(c.op("Where", mask, c.op("Neg", "image"), "image"))
    c = Case("expand-same")
    c.finish(c.op("Expand", "image", i64(1, 1, 1, 1)))
    c = Case("tile-nothing")
    c.finish(c.op("Tile", "image", i64(1, 1, 1, 1)))


def edges():
    """Attributes with values that are rarely seen together."""
    c = Case("round-halves")
    c.finish(c.op("Round", c.op("Div", c.op("Floor", c.op("Mul", "image", f32(9))), f32(2))))
    c = Case("swish", 24)
    c.finish(c.op("Swish", c.op("Mul", "image", f32(4)), alpha=1.2))
    for name, kind, attributes in (
            ("maxpool-same-lower", "MaxPool", dict(kernel_shape=[4, 3], strides=[3, 2], auto_pad="SAME_LOWER")),
            ("maxpool-valid", "MaxPool", dict(kernel_shape=[3, 3], strides=[2, 3], auto_pad="VALID")),
            ("averagepool-same-lower", "AveragePool", dict(kernel_shape=[2, 2], strides=[1, 1], auto_pad="SAME_LOWER")),
            ("averagepool-same-counted", "AveragePool", dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER", count_include_pad=1)),
            ("maxpool-dilations-ceil", "MaxPool", dict(kernel_shape=[2, 3], dilations=[3, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)),
            ("maxpool-whole", "MaxPool", dict(kernel_shape=[8, 10])), ("averagepool-whole", "AveragePool", dict(kernel_shape=[8, 10]))):
        c = Case(name)
        c.finish(c.op(kind, "image", **attributes))
    for kind in ("MaxPool", "AveragePool"):
        c = Case(f"{kind.lower()}-1d")
        c.finish(c.op(kind, c.op("Reshape", "image", i64(0, 3, 80)), kernel_shape=[5], strides=[3], pads=[2, 1]))
    for name, out, group, kernel, attributes in (
            ("conv-groups-dilations", 6, 3, (3, 2), dict(dilations=[2, 3], strides=[2, 1], pads=[2, 0, 1, 3])),
            ("conv-depthwise-strides", 6, 3, (5, 5), dict(strides=[2, 3], pads=[2, 2, 2, 2])),
            ("conv-whole", 9, 1, (8, 10), {}), ("conv-one-channel", 1, 1, (1, 1), {})):
        c = Case(name)
        c.finish(conv(c, "image", name, out, 3, kernel, group=group, **attributes))
    c = Case("conv-grey", channels=1)
    c.finish(c.op("Relu", conv(c, "image", "a", 20, 1, (3, 3), strides=[2, 2])))
    c = Case("conv-3d")
    x = c.op("Reshape", "image", i64(0, 3, 4, 4, 5))
    c.finish(conv(c, x, "a", 5, 3, (2, 3, 3), pads=[0, 1, 1, 1, 1, 1], strides=[1, 2, 1]))
    c = Case("transpose-default")
    c.finish(c.op("Transpose", c.op("Relu", c.op("Transpose", "image")), perm=[3, 2, 1, 0]))
    c = Case("flatten-axis")
    x = c.op("Flatten", "image", axis=-3)
    c.finish(x)
    c = Case("gather-negative-axis")
    c.finish(c.op("Gather", "image", np.array([[0, -1], [3, 2]], np.int64), axis=-1))
    c = Case("slice-to-the-end")
    c.finish(c.op("Slice", "image", i64(2, -1), i64(2**63 - 1, -2**63), i64(-1, 2), i64(3, -1)))
    c = Case("layernorm-no-bias", 17)
    c.finish(c.op("LayerNormalization", "image", weights("s", 3, 8, 10), axis=1, epsilon=1e-2))
    c = Case("lrn-defaults")
    c.finish(c.op("LRN", c.op("Mul", "image", f32(9)), size=3))
    c = Case("pow-square")
    c.finish(c.op("Pow", "image", f32(2)))
    c = Case("pow-vector")
    c.finish(c.op("Pow", c.op("Abs", "image"), weights("row", 10) + f32(1)))
    c = Case("max-one")
    c.finish(c.op("Max", "image"))
    c = Case("sum-broadcast")
    c.finish(c.op("Sum", "image", weights("row", 10), weights("channel", 3, 1, 1)))
    c = Case("add-more-dims")
    c.finish(c.op("Add", weights("many", 1, 2, 1, 1, 1), c.op("Unsqueeze", "image", i64(1))))
    c = Case("hardsigmoid-flat")
    c.finish(c.op("HardSigmoid", "image", alpha=0.0, beta=0.3))


def tails():
    """An activation behind what has several ways to run: it must find one."""
    flat = lambda c: c.op("Flatten", "image", axis=1)
    c = Case("tail-gemm-factors")
    c.finish(c.op("Relu", c.op("Gemm", flat(c), weights("w", 6, 240), weights("b", 6), transB=1, alpha=0.5, beta=2.0)))
    c = Case("tail-gemm-scalar")
    c.finish(c.op("Tanh", c.op("Gemm", flat(c), weights("w", 6, 240), f32(0.5), transB=1)))
    c = Case("tail-gemm-column")
    c.finish(c.op("Relu", c.op("Gemm", flat(c), weights("w", 240, 1), weights("b", 1))))
    c = Case("tail-matmul-left")
    c.finish(c.op("Relu", c.op("MatMul", weights("w", 4, 8), "image")))
    c = Case("tail-matmul-running")
    x = c.op("Transpose", "image", perm=[0, 1, 3, 2])
    c.finish(c.op("Sigmoid", c.op("Add", c.op("MatMul", "image", x), weights("b", 8))))
    c = Case("tail-add-outer")
    x = c.op("ReduceMean", "image", axes=[2], keepdims=1)
    c.finish(c.op("Relu", c.op("Add", x, c.op("ReduceMean", "image", axes=[3], keepdims=1))))
    c = Case("tail-mul-outer")
    x = conv(c, "image", "a", 20, 3, (1, 1))
    x, y = c.op("ReduceMax", x, axes=[2], keepdims=1), c.op("ReduceMean", x, axes=[3], keepdims=1)
    c.finish(c.op("Relu", c.op("Mul", x, y)))
    c = Case("tail-three")
    x = c.op("Max", "image", c.op("Neg", "image"), f32(0.2))
    c.finish(c.op("Tanh", c.op("Sum", x, "image", x)))
    c = Case("tail-pow")
    c.finish(c.op("Relu", c.op("Sub", c.op("Pow", c.op("Abs", "image"), weights("row", 10) + f32(1)), f32(0.2))))
    c = Case("tail-conv-all")
    x = conv(c, "image", "a", 24, 3, (3, 3), pads=[1, 1, 1, 1])
    y = c.op("Mul", c.op("Add", c.op("LeakyRelu", x, alpha=0.1), f32(0.5)), weights("s", 24, 1, 1))
    c.finish(c.op("Clip", c.op("Elu", c.op("Add", y, x)), f32(-0.3), f32(0.8)))
    c = Case("tail-conv-1d")
    x = conv(c, c.op("Reshape", "image", i64(0, 3, 80)), "a", 16, 3, (3,), pads=[1, 1])
    c.finish(c.op("Relu", c.op("Add", x, conv(c, x, "b", 16, 16, (1,)))))
    c = Case("tail-depthwise-gate")
    x = conv(c, "image", "a", 24, 3, (1, 1))
    x = conv(c, x, "b", 24, 24, (3, 3), group=24, pads=[1, 1, 1, 1])
    x = c.op("Mul", x, c.op("Sigmoid", x))
    g = c.op("HardSigmoid", conv(c, c.op("GlobalAveragePool", x), "g", 24, 24, (1, 1)))
    y = conv(c, c.op("Mul", x, g), "d", 24, 24, (1, 1))
    c.finish(c.op("Relu", c.op("Add", y, x)))
    c = Case("tail-layernorm", 17)
    x = c.op("LayerNormalization", c.op("Add", "image", weights("row", 10)), weights("s", 10), weights("b", 10))
    c.finish(c.op("Relu", c.op("Add", x, "image")))


def patterns():
    c = Case("pattern-swish")
    x = conv(c, "image", "a", 20, 3, (3, 3))
    c.finish(c.op("Mul", x, c.op("Sigmoid", x)))
    c = Case("pattern-hardswish-clip")
    x = conv(c, "image", "a", 20, 3, (3, 3))
    c.finish(c.op("Div", c.op("Mul", x, c.op("Clip", c.op("Add", x, f32(3)), f32(0), f32(6))), f32(6)))
    c = Case("pattern-hardswish-gate")
    x = conv(c, "image", "a", 20, 3, (3, 3))
    c.finish(c.op("Mul", c.op("HardSigmoid", x, alpha=1 / 6, beta=0.5), x))
    c = Case("pattern-gelu")
    x = c.op("MatMul", "image", weights("w", 10, 12))
    e = c.op("Add", c.op("Erf", c.op("Div", x, f32(np.sqrt(2)))), f32(1))
    c.finish(c.op("Mul", c.op("Mul", x, e), f32(0.5)))
    c = Case("pattern-gelu-half")
    x = c.op("MatMul", "image", weights("w", 10, 12))
    e = c.op("Add", c.op("Erf", c.op("Mul", x, f32(np.sqrt(0.5)))), f32(1))
    c.finish(c.op("Mul", c.op("Mul", x, f32(0.5)), e))
    c = Case("residual")
    x = conv(c, "image", "a", 20, 3, (1, 1))
    y = conv(c, c.op("Relu", x), "b", 20, 20, (3, 3), pads=[1, 1, 1, 1])
    z = c.op("Relu", c.op("Add", y, x))
    y = conv(c, z, "d", 20, 20, (3, 3), pads=[1, 1, 1, 1])
    c.finish(c.op("Concat", c.op("Add", c.op("Relu", y), z), z, axis=1))
    c = Case("residual-both-convs")
    x = conv(c, "image", "a", 20, 3, (1, 1))
    c.finish(c.op("Relu", c.op("Add", conv(c, x, "b", 36, 20, (1, 1)), conv(c, x, "d", 36, 20, (3, 3), pads=[1, 1, 1, 1]))))
    c = Case("residual-used-later")
    x = conv(c, "image", "a", 20, 3, (1, 1))
    y = c.op("Add", conv(c, x, "b", 20, 20, (1, 1)), x)
    c.finish(c.op("Concat", y, x, axis=1))
    c = Case("pad-conv")
    x = c.op("Pad", "image", i64(0, 0, 1, 1, 0, 0, 2, 2))
    c.finish(conv(c, x, "a", 7, 3, (3, 3), strides=[2, 2]))
    c = Case("pad-maxpool")
    x = c.op("Pad", c.op("Relu", conv(c, "image", "a", 20, 3, (3, 3))), i64(0, 0, 1, 1, 0, 0, 1, 1))
    c.finish(c.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]))
    c = Case("pad-maxpool-negative")
    x = c.op("Pad", conv(c, "image", "a", 20, 3, (3, 3)), i64(0, 0, 1, 1, 0, 0, 1, 1))
    c.finish(c.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]))
    c = Case("last-block", last=True)
    to_first, to_last = dict(perm=[0, 3, 1, 2]), dict(perm=[0, 2, 3, 1])
    x = c.op("Transpose", conv(c, c.op("Transpose", "image", **to_first), "a", 20, 3, (3, 3)), **to_last)
    x = c.op("Relu", c.op("Add", c.op("Mul", x, weights("s", 20)), weights("b", 20)))
    x = c.op("Pad", x, i64(0, 1, 1, 0, 0, 1, 1, 0))
    y = c.op("Transpose", conv(c, c.op("Transpose", x, **to_first), "d", 20, 20, (3, 3), pads=[1, 1, 1, 1]), **to_last)
    z = c.op("Concat", c.op("Add", y, x), x, axis=3)
    c.finish(c.op("ReduceMean", z, axes=[1, 2], keepdims=0))
    c = Case("last-plain", last=True)
    c.finish(c.op("Relu", "image"))


def parametric():
    c = Case("prelu")
    x = conv(c, "image", "a", 20, 3, (3, 3))
    c.finish(c.op("PRelu", x, weights("slope", 20, 1, 1)))
    c = Case("prelu-scalar")
    c.finish(c.op("PRelu", "image", weights("slope", 1)))
    c = Case("prelu-plane")
    c.finish(c.op("PRelu", "image", weights("slope", 8, 10)))
    c = Case("prelu-flat")
    x = c.op("Flatten", "image")
    c.finish(c.op("Add", c.op("PRelu", x, weights("slope", 240)), x))
    c = Case("lpnormalization")
    c.finish(c.op("LpNormalization", c.op("Flatten", "image")))
    c = Case("lpnormalization-axis")
    c.finish(c.op("LpNormalization", "image", axis=1, p=1))
    c = Case("isnan-where")
    x = c.op("Sqrt", "image")
    x = c.op("Where", c.op("IsNaN", x), f32(0.25), x)
    y = c.op("Softmax", c.op("MatMul", "image", weights("w", 10, 6)))
    y = c.op("Where", c.op("IsNaN", y), weights("v", 6), y)
    c.finish(c.op("Concat", c.op("Flatten", x), c.op("Flatten", y), axis=1))
    c = Case("batchnorm-training", opset=15)
    w = c.op("Reshape", weights("w", 20, 3, 3, 3), i64(1, 20, -1))
    one = [np.full(20, v, np.float32) for v in (0.7, 0.1, 0, 1)]
    y = c.op("BatchNormalization", w, *one, outputs=3, training_mode=1, epsilon=1e-6)[0]
    y = c.op("Reshape", y, i64(20, 3, 3, 3))
    c.finish(c.op("Relu", c.op("Conv", "image", y, weights("b", 20))))


def resizing():
    """Resize by scales and by sizes, and as PyTorch's older exporter interpolates the table of positions of a ViT."""
    def resize(c, value, scales=None, sizes=None, **attributes):
        given = ["", c.const(np.array(scales, np.float32))] if scales is not None else ["", "", c.const(i64(*sizes))]
        c.nodes.append(helper.make_node("Resize", [value, *given], ["resized"], **attributes))
        return "resized"
    places = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
    for mode in ("nearest", "linear", "cubic"):
        for place in places:
            c = Case(f"resize-{mode}-{place}")
            c.finish(resize(c, "image", [1, 1, 1.7, 0.6], mode=mode, coordinate_transformation_mode=place))
        c = Case(f"resize-{mode}-sizes", 18)
        c.finish(resize(c, "image", sizes=[5, 17], axes=[2, 3], mode=mode))
        c = Case(f"resize-{mode}-one")
        c.finish(resize(c, "image", [1, 1, 0.13, 0.1], mode=mode, coordinate_transformation_mode="pytorch_half_pixel"))
    for rounding in ("round_prefer_ceil", "floor", "ceil"):
        c = Case(f"resize-nearest-{rounding}")
        c.finish(resize(c, "image", [1, 1, 2, 1.5], mode="nearest", nearest_mode=rounding, coordinate_transformation_mode="asymmetric"))
    c = Case("resize-cubic-exclude")
    c.finish(resize(c, "image", [1, 1, 2.5, 0.5], mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5))
    c = Case("resize-symmetric", 19)
    c.finish(resize(c, "image", [1, 1, 1.3, 2.2], mode="linear", coordinate_transformation_mode="half_pixel_symmetric"))
    c = Case("resize-axes", 18)
    c.finish(resize(c, "image", [2.0, 0.5], mode="linear", axes=[3, -2]))
    c = Case("resize-positions", size=(8, 10))
    shape = c.op("Shape", "image")
    side = [c.op("Cast", c.op("Unsqueeze", c.op("Gather", shape, np.int64(axis)), i64(0)), to=TensorProto.FLOAT) for axis in (2, 3)]
    scales = [c.op("Div", c.op("Div", one, np.array([2], np.float32)), np.array([3], np.float32)) for one in side]
    table = c.op("Transpose", c.op("Reshape", weights("positions", 1, 9, 3), i64(1, 3, 3, 3)), perm=[0, 3, 1, 2])
    c.nodes.append(helper.make_node("Resize", [table, "", c.op("Concat", np.ones(2, np.float32), *scales, axis=0)], ["resized"], mode="cubic",
                                    coordinate_transformation_mode="pytorch_half_pixel", cubic_coeff_a=-0.75))
    x = c.op("Conv", "image", weights("w", 3, 3, 2, 2), strides=[2, 2])
    c.finish(c.op("Add", x, "resized"))


if __name__ == "__main__":
    for old in HERE.glob("*.onnx"):
        old.unlink()
    for family in (windows, elementwise, shapes, reductions, products, norms, opsets, logic, edges, tails, patterns, parametric, resizing):
        family()
    print(len(list(HERE.glob("*.onnx"))), "cases")
