#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes an ONNX file for `niteru model add` from a network of Keras or torchvision.

usage: export_onnx.py keras ResNet50 OUT.onnx [--weights FILE.weights.h5]     (pip install tensorflow tf2onnx)
       export_onnx.py torchvision resnet50 OUT.onnx [--weights FILE.pth]      (pip install torch torchvision onnx)
Without --weights the framework downloads ImageNet's. Then, for Keras' ResNet50 and for torchvision:

    niteru model add OUT.onnx --preset keras-resnet50
    niteru model add OUT.onnx --preset torchvision
"""
import argparse
import sys


def download(make):
    """A network with ImageNet's weights, or an end that says what to do without them."""
    try:
        return make()
    except Exception as error:  # Keras raises a bare one
        sys.exit(f"ImageNet's weights cannot be downloaded here: {error}\n"
                 "Give a file with --weights; standin_weights.py makes one that will do to compare programs.")


def export_keras(name, out, weights):
    import tensorflow as tf
    import tf2onnx

    side = 299 if "Inception" in name or name == "Xception" else 224
    network = getattr(tf.keras.applications, name)
    options = {"include_top": False, "pooling": "avg", "input_shape": (side, side, 3)}
    if weights:
        model = network(weights=None, **options)
        model.load_weights(weights)
    else:
        model = download(lambda: network(weights="imagenet", **options))
    spec = (tf.TensorSpec((None, side, side, 3), tf.float32, name="input"),)
    function = tf.function(lambda photos: model(photos, training=False), input_signature=spec)
    tf2onnx.convert.from_function(function, input_signature=spec, opset=15, output_path=out)


def export_torchvision(name, out, weights):
    import torch
    import torchvision

    if weights:
        model = torchvision.models.get_model(name, weights=None)
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    else:  # the second set of some networks, IMAGENET1K_V2, wants --preset torchvision-v2
        model = download(lambda: torchvision.models.get_model(name, weights="IMAGENET1K_V1"))
    model.eval()
    side = 299 if name == "inception_v3" else 224
    torch.onnx.export(model, torch.zeros(1, 3, side, side), out, dynamo=False, opset_version=17, input_names=["input"],
                      output_names=["output"], dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=["keras", "torchvision"])
    parser.add_argument("network")
    parser.add_argument("out")
    parser.add_argument("--weights")
    options = parser.parse_args()
    export = export_keras if options.framework == "keras" else export_torchvision
    export(options.network, options.out, options.weights)
    print(f"{options.out}: {options.framework} {options.network}, weights: {options.weights or 'ImageNet'}")


if __name__ == "__main__":
    main()
