#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One embedding by ONNX Runtime (float32, one thread), timed on request. Called by bench/embed.

usage: embed-ort.py NETWORK.onnx TENSOR SHAPE        SHAPE such as 1,3,224,224

Prints "ready VERSION", then for each line N on standard input runs N times and prints N times in milliseconds on one
line. With the package onnx, the network is cut behind TENSOR first, so that both compute the same.
"""
import sys
import time

import numpy as np
import onnxruntime


def cut(path, tensor):
    """The network up to `tensor`; what nothing needs any more is left out."""
    try:
        import onnx
    except ImportError:
        return path
    model = onnx.load(path)
    needed, nodes = {tensor}, []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.insert(0, node)
    weights = [w for w in model.graph.initializer if w.name in needed]
    inputs = [i for i in model.graph.input if i.name in needed]
    for field, kept in ((model.graph.node, nodes), (model.graph.initializer, weights), (model.graph.input, inputs),
                        (model.graph.output, [onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, None)])):
        kept = [type(k).FromString(k.SerializeToString()) for k in kept]
        del field[:]
        field.extend(kept)
    del model.graph.value_info[:]
    return model.SerializeToString()


def main():
    path, tensor, shape = sys.argv[1:4]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(cut(path, tensor), options, providers=["CPUExecutionProvider"])
    shape = [int(d) for d in shape.split(",")]
    photo = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
    fed = {session.get_inputs()[0].name: photo}
    wanted = [session.get_outputs()[0].name]
    session.run(wanted, fed)
    print("ready", onnxruntime.__version__, flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            session.run(wanted, fed)
            times.append(time.perf_counter() - start)
        print(" ".join(f"{t * 1e3:.4f}" for t in times), flush=True)


if __name__ == "__main__":
    main()
