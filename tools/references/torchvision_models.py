# SPDX-License-Identifier: Apache-2.0
"""torchvision's networks with seeded weights and calibrated BatchNorm, exported as users export them."""
import io

import numpy as np
import onnx
import torch
import torchvision

from seeded import picture, uniform

# name: (constructor, input side)
MODELS = {
    "resnet50": (torchvision.models.resnet50, 224),
    "efficientnet_b0": (torchvision.models.efficientnet_b0, 224),
    "vgg16": (torchvision.models.vgg16, 224),
    "inception_v3": (lambda: torchvision.models.inception_v3(init_weights=False), 299),
    # What the pretrained one is: its input is shifted from ImageNet's means to -1 .. 1 by the network itself.
    "inception_v3_transform": (lambda: torchvision.models.inception_v3(init_weights=False, transform_input=True), 299),
    "mobilenet_v2": (torchvision.models.mobilenet_v2, 224),
}
OPSETS = {"mobilenet_v2": 13, "inception_v3_transform": 13}  # others: 17
CALIBRATION = 24


def seed_weights(model, prefix):
    """Fills every parameter; returns {seed name: elements} of the weights."""
    seeds = {}
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            weight = module.weight
            fan_in = weight[0].numel()
            seed = f"{prefix}/{name}"
            values = uniform(seed, weight.numel()) * np.float32(np.sqrt(6.0 / fan_in))
            weight.data = torch.from_numpy(values.reshape(weight.shape))
            seeds[seed] = weight.numel()
            if module.bias is not None:
                module.bias.data = torch.from_numpy(uniform(seed + " bias", module.bias.numel()) * np.float32(0.1))
        elif isinstance(module, torch.nn.BatchNorm2d):
            size = module.num_features
            module.weight.data = torch.from_numpy(1 + np.float32(0.3) * uniform(f"{prefix}/{name} gamma", size))
            module.bias.data = torch.from_numpy(np.float32(0.3) * uniform(f"{prefix}/{name} beta", size))
    return seeds


def calibrate(model, side):
    """BatchNorm statistics of a batch of pictures, all other modules in their state for use."""
    model.eval()
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    batch = np.stack([picture(1000 + i, 3, side, side) for i in range(CALIBRATION)])
    with torch.no_grad():
        model(torch.from_numpy(batch))
    model.eval()


def export(model, side, opset, dynamo=False, keep_batchnorm=False):
    out = io.BytesIO()
    example = torch.zeros(1, 3, side, side)
    names = {"input_names": ["input"], "output_names": ["output"]}
    if dynamo:
        batch = {"x": {0: torch.export.Dim("batch")}}
        program = torch.onnx.export(model, (example,), dynamo=True, dynamic_shapes=batch, **names)
        return program.model_proto
    training = torch.onnx.TrainingMode.PRESERVE if keep_batchnorm else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(model, (example,), out, dynamo=False, opset_version=opset, training=training,
                      do_constant_folding=not keep_batchnorm,
                      dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}}, **names)
    return onnx.load_from_string(out.getvalue())


def make(name):
    """(model proto, seeds, side) of a name: NETWORK, NETWORK-dynamo (the new exporter) or NETWORK-batchnorm."""
    base = name.split("-")[0]
    constructor, side = MODELS[base]
    torch.manual_seed(0)
    model = constructor()
    seeds = seed_weights(model, base)
    calibrate(model, side)
    proto = export(model, side, OPSETS.get(name, 17), name.endswith("-dynamo"), name.endswith("-batchnorm"))
    return proto, seeds, side
