#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The usual forty lines without Keras: ONNX Runtime and Pillow, with any network.

usage: similar_python.py NETWORK.onnx PRESET PHOTO [PHOTO...]      (pip install pillow numpy onnxruntime onnx)
PRESET is keras-resnet50, torchvision or squash. Shows, for each photo, the five most alike. similar_keras.py is the
same in Keras; export_onnx.py makes a NETWORK.onnx from Keras or torchvision. niteru does the same with

    niteru model add NETWORK.onnx --preset PRESET --default
    niteru index photos/ && niteru similar ID -k 5
"""
import sys

import numpy as np
import onnxruntime

from photos import load


class Network:
    """An ONNX network as an embedder: the output named "embedding", else what feeds the last fully connected layer,
    else the output (Keras with include_top=False)."""

    def __init__(self, path):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        self.output = "embedding" if "embedding" in names else None
        if self.output is None:
            session = self._cut(path) or session
            self.output = self.output or names[-1]
        image = session.get_inputs()[0]
        self.session, self.input, self.channels_last = session, image.name, image.shape[-1] == 3
        self.height, self.width = image.shape[1:3] if self.channels_last else image.shape[2:4]

    def _cut(self, path):
        """A session that also gives what feeds the last fully connected layer; None when there is no such layer."""
        import onnx

        model = onnx.load(path)
        dense = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
        if not dense:
            return None
        self.output = dense[-1].input[0]
        model.graph.output.append(onnx.ValueInfoProto(name=self.output))
        return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def embed(self, pixels):
        """(1, 3, H, W) -> (D,)"""
        if self.channels_last:
            pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        out = self.session.run([self.output], {self.input: pixels})[0]
        return out.mean(axis=(2, 3)).reshape(-1) if out.ndim == 4 else out.reshape(-1)


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
