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


def export_keras(name, out, weights):
    import tensorflow as tf
    import tf2onnx

    network = getattr(tf.keras.applications, name)
    model = network(weights=None if weights else "imagenet", include_top=False, pooling="avg")
    height, width = (299, 299) if "Inception" in name or name == "Xception" else (224, 224)
    if weights:
        model.load_weights(weights)
    # A fixed input size: niteru and other runtimes plan memory for it.
    shape = (tf.TensorSpec((None, height, width, 3), tf.float32, name="input"),)
    function = tf.function(lambda image: model(image, training=False), input_signature=shape)
    tf2onnx.convert.from_function(function, input_signature=shape, opset=15, output_path=out)


def export_torchvision(name, out, weights):
    import torch
    import torchvision

    model = torchvision.models.get_model(name, weights=None if weights else "DEFAULT").eval()
    if weights:
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
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


if __name__ == "__main__":
    main()
