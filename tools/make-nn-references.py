#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/nn/golden: true exports of known networks without their weights, and ONNX Runtime's embeddings.

usage: make-nn-references.py [--full FOLDER] [NAME...]      (tests/nn/golden/README.md says with which packages)
With --full, the whole models and inputs are written there too.
"""
import argparse
import hashlib
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

root = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(root / "references"))
from seeded import picture  # noqa: E402
from skeleton import fill, strip  # noqa: E402

TORCH = ["resnet50", "resnet50-batchnorm", "resnet50-dynamo", "efficientnet_b0", "efficientnet_b0-dynamo", "vgg16",
         "inception_v3", "inception_v3_transform", "mobilenet_v2"]
KERAS = ["keras-resnet50"]
QUERIES = 3


def embedding_tensor(graph):
    """What feeds the last fully connected layer; the output itself when there is none."""
    for node in reversed(graph.node):
        if node.op_type in ("Gemm", "MatMul"):
            return node.input[0]
    return graph.output[0].name


def run(model, tensor, inputs):
    model = onnx.shape_inference.infer_shapes(model) if model.ByteSize() < 2**31 else model
    if tensor not in [o.name for o in model.graph.output]:
        model.graph.output.append(onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    out = session.run([tensor], {session.get_inputs()[0].name: inputs})[0]
    return out.reshape(len(inputs), -1)


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(len(unit), 1)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", type=pathlib.Path)
    parser.add_argument("names", nargs="*", default=TORCH + KERAS)
    options = parser.parse_args()
    golden = root.parent / "tests" / "nn" / "golden"
    golden.mkdir(exist_ok=True)
    for name in options.names:
        if name in KERAS:
            from keras_models import make
        else:
            from torchvision_models import make
        model, seeds, side = make(name)
        channels_last = name in KERAS
        skeleton = strip(model, seeds)
        skeleton.doc_string = ""
        for node in skeleton.graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
        del skeleton.graph.value_info[:]
        full = fill(skeleton)
        tensor = embedding_tensor(full.graph)
        inputs = np.stack([picture(i, 3, side, side) for i in range(QUERIES)])
        if channels_last:
            inputs *= 50
        fed = np.ascontiguousarray(inputs.transpose(0, 2, 3, 1)) if channels_last else inputs
        vectors = run(full, tensor, fed)
        worst = cosines(vectors).max()
        print(f"{name}: {tensor} {vectors.shape}, largest cosine {worst:.4f}, opset "
              f"{[o.version for o in model.opset_import if not o.domain]}, {sorted({n.op_type for n in model.graph.node})}")
        if not worst < 0.98:
            sys.exit(f"{name}: embeddings of different pictures are too alike")
        onnx.save(skeleton, golden / f"{name}.onnx")
        np.save(golden / f"{name}.npy", vectors.astype(np.float32))
        (golden / f"{name}.json").write_text(json.dumps({
            "side": side, "channels_last": channels_last, "scale": 50 if channels_last else 1, "embedding": tensor,
            "dimension": vectors.shape[1], "queries": QUERIES,
            "sha256": hashlib.sha256(full.SerializeToString()).hexdigest()}) + "\n")
        if options.full:
            place = options.full / name
            place.mkdir(parents=True, exist_ok=True)
            onnx.save(full, place / "model.onnx")
            np.save(place / "inputs.npy", inputs)
            np.save(place / "embedding.npy", vectors)
            (place / "meta.json").write_text((golden / f"{name}.json").read_text())


if __name__ == "__main__":
    main()
