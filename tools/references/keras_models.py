# SPDX-License-Identifier: Apache-2.0
"""Keras' ResNet50 with seeded weights and calibrated BatchNorm, exported by tf2onnx with its channels-last input."""
import numpy as np
import tensorflow as tf
import tf2onnx

from seeded import picture, uniform

SIDE = 224
CALIBRATION = 24


def make(name):
    model = tf.keras.applications.ResNet50(weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3))
    seeds = {}
    norms = []
    for layer in model.layers:
        seed = f"{name}/{layer.name}"
        if isinstance(layer, tf.keras.layers.Conv2D):
            height, width, inputs, outputs = layer.kernel.shape
            fan_in = height * width * inputs
            values = uniform(seed, fan_in * outputs) * np.float32(np.sqrt(6.0 / fan_in))
            # Seeded in the order ONNX has them: (outputs, inputs, height, width).
            kernel = values.reshape(outputs, inputs, height, width).transpose(2, 3, 1, 0)
            layer.set_weights([kernel, np.float32(0.1) * uniform(seed + " bias", outputs)][: len(layer.get_weights())])
            seeds[seed] = values.size
        elif isinstance(layer, tf.keras.layers.BatchNormalization):
            size = layer.gamma.shape[0]
            gamma = 1 + np.float32(0.3) * uniform(seed + " gamma", size)
            beta = np.float32(0.3) * uniform(seed + " beta", size)
            layer.set_weights([gamma, beta, np.zeros(size, np.float32), np.ones(size, np.float32)])
            layer.momentum = 0.0
            norms.append(layer)
    batch = 50 * np.stack([picture(1000 + i, 3, SIDE, SIDE) for i in range(CALIBRATION)]).transpose(0, 2, 3, 1)
    model(batch, training=True)
    spec = (tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="input"),)
    function = tf.function(lambda x: model(x, training=False), input_signature=spec)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=15)
    return proto, seeds, SIDE
