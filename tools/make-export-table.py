#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which tensor niteru takes of networks as people export them: makes the table in doc/nn.md.

usage: make-export-table.py [--niteru PROGRAM] [--keep FOLDER] [NAME...]
Wants torch, torchvision, timm, transformers, onnx, onnxscript, onnxruntime, tensorflow, tf2onnx from PyPI. Weights are seeded
random numbers, so nothing is downloaded; the transformers are small ones of the same architecture. Each export is added to a
fresh catalogue, and the vector of a picture is compared with ONNX Runtime's value of the tensor that niteru says it takes.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

SIDE = 224


# ---- exports -----------------------------------------------------------------------------------------------------------

def torch_export(model, path, dynamo=False, outputs=("output",), side=SIDE, open_axes=False):
    import torch
    model.eval()
    options = {"dynamo": True, "verbose": False} if dynamo else {"dynamo": False, "opset_version": 17}
    if open_axes:
        options["dynamic_axes"] = {"input": dict(enumerate(("batch", "channels", "height", "width"))), **{one: {0: "batch"} for one in outputs}}
    torch.onnx.export(model, (torch.zeros(2 if open_axes else 1, 3, side, side),), path, input_names=["input"], output_names=list(outputs), **options)


def seeded(make):
    import torch
    torch.manual_seed(1)
    model = make()
    for name, buffer in model.named_buffers():  # normalisations that are not all alike
        if name.endswith("running_mean"):
            torch.nn.init.normal_(buffer, std=0.1)
        if name.endswith("running_var"):
            torch.nn.init.uniform_(buffer, 0.5, 1.5)
    return model


def torchvision_model(name, dynamo=False):
    def export(path):
        import torchvision
        torch_export(seeded(lambda: torchvision.models.get_model(name, weights=None)), path, dynamo)
    return export


def timm_model(name, classes=1000, dynamo=False):
    def export(path):
        import timm
        torch_export(seeded(lambda: timm.create_model(name, pretrained=False, num_classes=classes)), path, dynamo)
    return export


def keras_model(name, top):
    def export(path):
        import tensorflow as tf
        import tf2onnx
        tf.keras.utils.set_random_seed(1)
        options = {} if top else {"include_top": False, "pooling": "avg"}
        model = getattr(tf.keras.applications, name)(weights=None, input_shape=(SIDE, SIDE, 3), **options)
        spec = (tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="input"),)
        function = tf.function(lambda photos: model(photos, training=False), input_signature=spec)
        tf2onnx.convert.from_function(function, input_signature=spec, opset=15, output_path=path)
    return export


def transformer(kind, outputs, dynamo=False, open_axes=False):
    def export(path):
        import torch
        import transformers as tr
        small = dict(hidden_size=96, intermediate_size=192, num_hidden_layers=3, num_attention_heads=3, image_size=SIDE,
                     patch_size=32)
        torch.manual_seed(1)
        if kind == "clip":
            model = tr.CLIPVisionModelWithProjection(tr.CLIPVisionConfig(projection_dim=64, **small))
        elif kind == "vit":
            model = tr.ViTModel(tr.ViTConfig(**small), add_pooling_layer=False)
        elif kind == "siglip":
            model = tr.SiglipVisionModel(tr.SiglipVisionConfig(**small))
        else:
            small.pop("intermediate_size")
            model = tr.Dinov2Model(tr.Dinov2Config(**small))

        class Tower(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, pixels):
                answer = self.model(pixel_values=pixels)
                return tuple(getattr(answer, name) for name in outputs)

        torch_export(Tower(), path, dynamo, outputs, open_axes=open_axes)
    return export


EXPORTS = {
    "torchvision resnet18": torchvision_model("resnet18"),
    "torchvision resnet18, dynamo": torchvision_model("resnet18", dynamo=True),
    "torchvision mobilenet_v3_small": torchvision_model("mobilenet_v3_small"),
    "torchvision squeezenet1_1": torchvision_model("squeezenet1_1"),
    "torchvision densenet121": torchvision_model("densenet121"),
    "timm mobilenetv3_small_100": timm_model("mobilenetv3_small_100"),
    "timm mobilenetv3_small_100, num_classes=0": timm_model("mobilenetv3_small_100", 0),
    "timm mobilenetv4_conv_small, num_classes=0": timm_model("mobilenetv4_conv_small", 0),
    "timm ghostnet_100, num_classes=0": timm_model("ghostnet_100", 0),
    "timm hgnetv2_b0, num_classes=0": timm_model("hgnetv2_b0", 0),
    "timm vit_tiny_patch16_224": timm_model("vit_tiny_patch16_224"),
    "timm vit_tiny_patch16_224, num_classes=0": timm_model("vit_tiny_patch16_224", 0),
    "timm resnetv2_50x1_bit, num_classes=0": timm_model("resnetv2_50x1_bit", 0),
    "keras MobileNetV3Small": keras_model("MobileNetV3Small", True),
    "keras MobileNetV3Small, include_top=False": keras_model("MobileNetV3Small", False),
    "keras ResNet50": keras_model("ResNet50", True),
    "keras ResNet50, include_top=False": keras_model("ResNet50", False),
    "CLIP vision tower with projection": transformer("clip", ["image_embeds", "last_hidden_state"]),
    "CLIP vision tower with projection, all dims open": transformer("clip", ["image_embeds"], open_axes=True),
    "ViT, hidden state only": transformer("vit", ["last_hidden_state"]),
    "SigLIP vision tower": transformer("siglip", ["last_hidden_state", "pooler_output"]),
    "DINOv2, dynamo": transformer("dinov2", ["last_hidden_state", "pooler_output"], dynamo=True),
    "DINOv2, hidden state only, all dims open": transformer("dinov2", ["last_hidden_state"], open_axes=True),
}


# ---- what niteru makes of them ------------------------------------------------------------------------------------------

def reference(path, tensor, network, pixels):
    """ONNX Runtime's value of a tensor: one vector."""
    model = onnx.load(path)
    if tensor not in [o.name for o in model.graph.output]:
        model.graph.output.append(onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, None))
    whole = path + ".whole"
    onnx.save(model, whole, save_as_external_data=model.ByteSize() > 2**30)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(whole, options, providers=["CPUExecutionProvider"])
    wanted = session.get_inputs()[0]
    fed = pixels if wanted.shape[3] != 3 else np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    value = session.run([tensor], {wanted.name: fed})[0][0]
    if network["class_token"]:
        value = value[0]
    if network["pooled"]:
        value = value.mean(axis=(1, 2) if value.shape[0] >= value.shape[-1] or wanted.shape[1] == 3 else (0, 1))
    return value.ravel()


def row(niteru, folder, name, export):
    place = pathlib.Path(folder) / name.replace(" ", "-").replace(",", "").replace("=", "")
    place.mkdir(parents=True, exist_ok=True)
    path = str(place / "net.onnx")
    export(path)
    photo = place / "photo.png"
    bytes_ = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    from PIL import Image
    Image.fromarray(bytes_).save(photo)
    catalogue = str(place / "shop.niteru")

    def run(*args):
        done = subprocess.run([niteru, "-C", catalogue, *args], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout

    try:
        told = json.loads(run("model", "add", path, "--name", "m", "--preset", "squash-01", "--metric", "inner", "--dtype", "f4",
                              *(("--width", str(SIDE), "--height", str(SIDE)) if "dims open" in name else ()), "--json"))
        run("index", str(photo.parent), "--model", "m", "-q")
        run("export", str(place / "out"), "--model", "m", "-q")
    except RuntimeError as fault:
        return f"| {name} | refused: {fault} | | | |"
    vector = np.load(place / "out" / "image_vectors.npy")[0]
    card, network = told["card"], told["network"]
    pixels = (bytes_.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    expected = reference(path, card["output"], network, pixels)
    error = np.abs(vector - expected).max() / np.abs(expected).max()
    cut = f"`{card['truncated']}`, {card['truncated_classes']:,} classes" if "truncated" in card else "nothing"
    token = ", its class token" if network["class_token"] else ""
    return f"| {name} | `{card['output']}`{token} | {card['dimension']:,} | {cut} | {error:.0e} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--niteru", default="niteru")
    parser.add_argument("--keep", help="keep exports here")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as temporary:
        print("| export | tensor taken | numbers | cut off | largest difference |\n|---|---|---|---|---|")
        for name, export in EXPORTS.items():
            if not options.names or any(part in name for part in options.names):
                print(row(options.niteru, options.keep or temporary, name, export), flush=True)


if __name__ == "__main__":
    sys.exit(main())
