#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# examples/export_onnx.py: networks of Keras and torchvision, with random weights, become models that embed photos. Wants
# a Python ($PYTHON, else python3) that has the frameworks; without it the rest is skipped.
. "$(dirname "$0")/lib.sh"
export_onnx=$(dirname "$0")/../../examples/export_onnx.py
python=${PYTHON:-python3}
export TF_CPP_MIN_LOG_LEVEL=3
draw_shop 12

has() { "$python" -c "import $1" >/dev/null 2>&1; }

# exported FRAMEWORK NETWORK PRESET NUMBERS: exports, adds, embeds; vectors have so many numbers.
exported() {
    rm -rf "$work/net.onnx" "$work/net.onnx.data" "$NITERU_CATALOGUE"
    runs 0 "export_onnx.py $1 $2" "$python" "$export_onnx" "$1" "$2" "$work/net.onnx" --random 1
    runs 0 "model add of $1 $2" "$niteru" model add "$work/net.onnx" --preset "$3"
    says "vectors:  $4 numbers"
    runs 0 "photos by $1 $2" "$niteru" index "$work/photos/images" --model net
    says "12 photos embedded"
}

any=
if has torch && has torchvision && has onnx; then
    any=1
    exported torchvision resnet18 torchvision 512
    exported torchvision mobilenet_v3_small torchvision 1,024
    exported torchvision efficientnet_b0 torchvision-bicubic 1,280
    runs 1 "what cannot be run is not exported" "$python" "$export_onnx" torchvision swin_t "$work/net.onnx" --random 1
    complains "ScatterND"
fi
if has tensorflow && has tf2onnx; then
    any=1
    exported keras EfficientNetB0 keras-efficientnet 1,280
    exported keras MobileNetV3Small keras-efficientnet 576
    exported keras ResNet50 keras-resnet50 2,048
    exported keras ConvNeXtTiny keras-efficientnet 768
fi
[ -n "$any" ] || skip_rest "no Python with torch, torchvision and onnx, or with tensorflow and tf2onnx, is at hand"
finish
