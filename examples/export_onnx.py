#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes an ONNX file for `niteru model add` from a network of Keras or torchvision.

usage: export_onnx.py keras ResNet50 OUT.onnx [--weights FILE.weights.h5]     (pip install tensorflow tf2onnx)
       export_onnx.py torchvision resnet50 OUT.onnx [--weights FILE.pth]      (pip install torch torchvision onnx)
Without --weights the framework downloads ImageNet's; --random SEED takes random ones, to try whether a network works.
NETWORK is any name in keras.applications, or in torchvision.models but for MaxViT and Swin. Then, for Keras' ResNet50 and for torchvision:

    niteru model add OUT.onnx --preset keras-resnet50
    niteru model add OUT.onnx --preset torchvision
"""
import argparse
import sys


# torchvision's networks that niteru cannot run yet.
NOT_YET = {"maxvit": "Einsum", "swin": "ScatterND"}


def download(make):
    """A network with ImageNet's weights, or an end that says what to do without them."""
    try:
        return make()
    except Exception as error:  # Keras raises a bare one
        sys.exit(f"ImageNet's weights cannot be downloaded here: {error}\n"
                 "Give a file with --weights; standin_weights.py makes one that will do to compare programs.")


# Sides in pixels that the networks were trained at; 224 for all others.
KERAS_SIDES = {"InceptionV3": 299, "InceptionResNetV2": 299, "Xception": 299, "NASNetLarge": 331, "EfficientNetB1": 240,
               "EfficientNetB2": 260, "EfficientNetB3": 300, "EfficientNetB4": 380, "EfficientNetB5": 456, "EfficientNetB6": 528,
               "EfficientNetB7": 600, "EfficientNetV2B1": 240, "EfficientNetV2B2": 260, "EfficientNetV2B3": 300,
               "EfficientNetV2S": 384, "EfficientNetV2M": 480, "EfficientNetV2L": 480}
TORCHVISION_SIDES = {"inception_v3": 299, "efficientnet_b1": 240, "efficientnet_b2": 288, "efficientnet_b3": 300,
                     "efficientnet_b4": 380, "efficientnet_b5": 456, "efficientnet_b6": 528, "efficientnet_b7": 600,
                     "efficientnet_v2_s": 384, "efficientnet_v2_m": 480, "efficientnet_v2_l": 480, "vit_h_14": 224}


def erfc_by_erf(graph, node, name, arguments):
    """tf2onnx knows no Erfc (Keras' gelu): 1 - Erf(x)."""
    import numpy as np

    source, result = node.input[0], node.output[0]
    graph.remove_node(node.name)
    one = graph.make_const(name + "_one", np.array(1, np.float32))
    erf = graph.make_node("Erf", [source])
    graph.make_node("Sub", [one.output[0], erf.output[0]], outputs=[result], name=name)


def bind_captured(network, concrete):
    """Constants of the model that tf2onnx made inputs (ConvNeXt's normalisation) become constants again."""
    from onnx import numpy_helper

    captured = {inside.name: outside for outside, inside in concrete.graph.captures if outside.dtype.is_floating}
    for value in list(network.graph.input)[1:]:
        if value.name in captured:
            network.graph.initializer.append(numpy_helper.from_array(captured[value.name].numpy(), value.name))
            network.graph.input.remove(value)


def export_keras(name, out, weights, seed):
    import onnx
    import tensorflow as tf
    import tf2onnx

    side = KERAS_SIDES.get(name, 224)
    network = getattr(tf.keras.applications, name, None)
    if network is None:
        sys.exit(f"keras.applications has no {name}")
    options = {"include_top": False, "pooling": "avg", "input_shape": (side, side, 3)}
    if seed is not None:
        tf.keras.utils.set_random_seed(seed)
        model = network(weights=None, **options)
    elif weights:
        model = network(weights=None, **options)
        model.load_weights(weights)
    else:
        model = download(lambda: network(weights="imagenet", **options))
    spec = (tf.TensorSpec((None, side, side, 3), tf.float32, name="input"),)
    function = tf.function(lambda photos: model(photos, training=False), input_signature=spec)
    # Keras wraps convolutions in groups (ConvNeXt's) into compiled functions, which tf2onnx cannot look into.
    compiled, tf.function = tf.function, lambda inner=None, **options: inner or (lambda other: other)
    try:
        concrete = function.get_concrete_function(*spec)
    finally:
        tf.function = compiled
    network, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=15,
                                               custom_op_handlers={"Erfc": (erfc_by_erf, [])})
    bind_captured(network, concrete)
    onnx.save(network, out)
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    strange = sorted({node.op_type for node in network.graph.node} - known)
    if strange:
        sys.exit(f"tf2onnx could not turn all of {name} into ONNX: {', '.join(strange)} is left; nothing can run {out}")


def export_torchvision(name, out, weights, seed):
    import torch
    import torchvision

    for family, operator in NOT_YET.items():
        if name.startswith(family):
            sys.exit(f"{name} needs the operator {operator}, which niteru does not have yet; take another network")
    if name not in torchvision.models.list_models(module=torchvision.models):
        sys.exit(f"torchvision.models has no {name} for classes of photos")
    if seed is not None:
        torch.manual_seed(seed)
        model = torchvision.models.get_model(name, weights=None)
    elif weights:
        model = torchvision.models.get_model(name, weights=None)
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    else:  # the second set of some networks, IMAGENET1K_V2, wants --preset torchvision-v2
        model = download(lambda: torchvision.models.get_model(name, weights="IMAGENET1K_V1"))
    model.eval()
    side = TORCHVISION_SIDES.get(name, 224)
    torch.onnx.export(model, torch.zeros(1, 3, side, side), out, dynamo=False, opset_version=17, input_names=["input"],
                      output_names=["output"], dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=["keras", "torchvision"])
    parser.add_argument("network")
    parser.add_argument("out")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--weights", metavar="FILE")
    source.add_argument("--random", metavar="SEED", type=int)
    options = parser.parse_args()
    export = export_keras if options.framework == "keras" else export_torchvision
    export(options.network, options.out, options.weights, options.random)
    source = "random" if options.random is not None else options.weights or "ImageNet"
    print(f"{options.out}: {options.framework} {options.network}, weights: {source}")


if __name__ == "__main__":
    main()
