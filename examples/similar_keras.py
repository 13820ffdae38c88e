#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The usual forty lines: ResNet50 of Keras without its top, cosine similarity, argsort.

usage: similar_keras.py [--weights FILE.weights.h5] PHOTO [PHOTO...]      (pip install tensorflow scikit-learn pillow)
Without --weights Keras downloads ImageNet's. niteru does the same with

    examples/export_onnx.py keras ResNet50 resnet50.onnx
    niteru model add resnet50.onnx --preset keras-resnet50 --default
    niteru index photos/ && niteru similar ID -k 5
"""
import argparse

import numpy as np
from sklearn.metrics.pairwise import cosine_similarity
from tensorflow.keras.applications.resnet50 import ResNet50, preprocess_input
from tensorflow.keras.utils import img_to_array, load_img


def make_model(weights="imagenet"):
    model = ResNet50(weights="imagenet" if weights == "imagenet" else None, include_top=False, pooling="avg",
                     input_shape=(224, 224, 3))
    if weights != "imagenet":
        model.load_weights(weights)
    return model


def extract(model, path):
    image = img_to_array(load_img(path, target_size=(224, 224)))
    return model.predict_on_batch(preprocess_input(image[np.newaxis]))[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="imagenet", help="a file, where ImageNet's weights cannot be downloaded")
    parser.add_argument("photos", nargs="+")
    options = parser.parse_args()
    model = make_model(options.weights)
    vectors = np.array([extract(model, path) for path in options.photos])
    similarity = cosine_similarity(vectors)
    for i, path in enumerate(options.photos):
        best = [j for j in np.argsort(-similarity[i]) if j != i][:5]
        print(path, *(f"\n  {similarity[i, j]:.4f}  {options.photos[j]}" for j in best))


if __name__ == "__main__":
    main()
