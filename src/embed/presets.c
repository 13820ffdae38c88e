/* SPDX-License-Identifier: Apache-2.0 */
/* How the frameworks' own pipelines make photos ready. Figures: the torchvision weights' `transforms()` and Keras'
 * `applications.imagenet_utils.preprocess_input` with `utils.load_img(target_size=...)` (nearest by default). */
#include "embed/embed.h"

#include <string.h>

#define IMAGENET_MEAN                                                                                                  \
    { 0.485F, 0.456F, 0.406F }
#define IMAGENET_DEVIATION                                                                                             \
    { 0.229F, 0.224F, 0.225F }
#define ONES                                                                                                           \
    { 1, 1, 1 }

const NtPreset nt_presets[] = {
    {"torchvision",
     "shorter side to 256/224 of the input, centre crop; bilinear; RGB, ImageNet mean and deviation",
     {.rule = NT_RESIZE_CROP,
      .resampler = NT_RESAMPLE_BILINEAR,
      .scale = 1 / 255.0F,
      .mean = IMAGENET_MEAN,
      .std = IMAGENET_DEVIATION}},
    {"torchvision-bicubic",
     "the same with bicubic, as EfficientNet-B0 wants it",
     {.rule = NT_RESIZE_CROP,
      .resampler = NT_RESAMPLE_BICUBIC,
      .scale = 1 / 255.0F,
      .mean = IMAGENET_MEAN,
      .std = IMAGENET_DEVIATION}},
    {"torchvision-v2",
     "shorter side 232 for 224: the second set of torchvision's weights (IMAGENET1K_V2)",
     {.rule = NT_RESIZE_CROP,
      .resampler = NT_RESAMPLE_BILINEAR,
      .resize = 232,
      .scale = 1 / 255.0F,
      .mean = IMAGENET_MEAN,
      .std = IMAGENET_DEVIATION}},
    {"keras-resnet50",
     "squash by nearest; BGR minus ImageNet means (\"caffe\" mode: ResNet v1, VGG)",
     {.rule = NT_RESIZE_SQUASH,
      .resampler = NT_RESAMPLE_NEAREST,
      .bgr = true,
      .scale = 1,
      .mean = {103.939F, 116.779F, 123.68F},
      .std = ONES}},
    {"keras-vgg16",
     "the same as keras-resnet50",
     {.rule = NT_RESIZE_SQUASH,
      .resampler = NT_RESAMPLE_NEAREST,
      .bgr = true,
      .scale = 1,
      .mean = {103.939F, 116.779F, 123.68F},
      .std = ONES}},
    {"keras-inception-v3",
     "squash by nearest; RGB from -1 to 1 (\"tf\" mode: Inception, Xception, MobileNet, ResNet v2)",
     {.rule = NT_RESIZE_SQUASH, .resampler = NT_RESAMPLE_NEAREST, .scale = 1 / 127.5F, .mean = ONES, .std = ONES}},
    {"keras-mobilenetv2",
     "the same as keras-inception-v3",
     {.rule = NT_RESIZE_SQUASH, .resampler = NT_RESAMPLE_NEAREST, .scale = 1 / 127.5F, .mean = ONES, .std = ONES}},
    {"keras-efficientnet",
     "squash by nearest; RGB from 0 to 255: the network scales by itself",
     {.rule = NT_RESIZE_SQUASH, .resampler = NT_RESAMPLE_NEAREST, .scale = 1, .std = ONES}},
    {"keras-densenet",
     "squash by nearest; RGB, ImageNet mean and deviation (\"torch\" mode: DenseNet)",
     {.rule = NT_RESIZE_SQUASH,
      .resampler = NT_RESAMPLE_NEAREST,
      .scale = 1 / 255.0F,
      .mean = IMAGENET_MEAN,
      .std = IMAGENET_DEVIATION}},
    {"clip",
     "shorter side to the input's size by bicubic, centre crop; RGB, CLIP's mean and deviation (OpenAI's and "
     "OpenCLIP's)",
     {.rule = NT_RESIZE_CROP,
      .resampler = NT_RESAMPLE_BICUBIC,
      .resize = 1, /* never below the input's size */
      .scale = 1 / 255.0F,
      .mean = {0.48145466F, 0.4578275F, 0.40821073F},
      .std = {0.26862954F, 0.26130258F, 0.27577711F}}},
    {"siglip",
     "squash by bicubic; RGB from -1 to 1 (SigLIP and SigLIP 2 of fixed size)",
     {.rule = NT_RESIZE_SQUASH, .resampler = NT_RESAMPLE_BICUBIC, .scale = 1 / 127.5F, .mean = ONES, .std = ONES}},
    {"dinov2",
     "the same as torchvision-bicubic: shorter side to 256/224 of the input, centre crop (DINOv2)",
     {.rule = NT_RESIZE_CROP,
      .resampler = NT_RESAMPLE_BICUBIC,
      .scale = 1 / 255.0F,
      .mean = IMAGENET_MEAN,
      .std = IMAGENET_DEVIATION}},
    {"squash",
     "squash by Pillow's bilinear; RGB from -1 to 1 (niteru's own networks)",
     {.rule = NT_RESIZE_SQUASH, .resampler = NT_RESAMPLE_BILINEAR, .scale = 1 / 127.5F, .mean = ONES, .std = ONES}},
    {"squash-01",
     "squash by Pillow's bilinear; RGB from 0 to 1",
     {.rule = NT_RESIZE_SQUASH, .resampler = NT_RESAMPLE_BILINEAR, .scale = 1 / 255.0F, .std = ONES}},
    {"squash-255",
     "squash by Pillow's bilinear; RGB from 0 to 255: the network scales by itself (uint8 inputs)",
     {.rule = NT_RESIZE_SQUASH, .resampler = NT_RESAMPLE_BILINEAR, .scale = 1, .std = ONES}},
    {0},
};

const NtPreset *nt_preset_find(const char *name, GError **error) {
    g_autoptr(GString) names = g_string_new(NULL);
    for (const NtPreset *preset = nt_presets; preset->name != NULL; preset++) {
        if (strcmp(preset->name, name) == 0) {
            return preset;
        }
        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", preset->name);
    }
    nt_fail(error, NITERU_ERROR_INVALID, "there is no preset '%s'; there are %s", name, names->str);
    return NULL;
}

NtCard *nt_card_for_network(const NtNetworkInfo *info, const char *name, const NtPreset *preset, GError **error) {
    if (preset == NULL) {
        if (strcmp(info->producer, "pytorch") != 0 || info->bytes) {
            nt_fail(error, NITERU_ERROR_INVALID,
                    "how must photos be made ready for this network (made by '%s')? Name a preset: keras-resnet50, "
                    "torchvision, squash, ...",
                    info->producer);
            nt_fact(error, "option", "preset");
            return NULL;
        }
        preset = nt_preset_find("torchvision", NULL);
    }
    NtCard *card = g_new0(NtCard, 1);
    *card = (NtCard){
        .name = g_strdup(name),
        .output = g_strdup(info->output),
        .choice = g_strdup(info->choice),
        .truncated = g_strdup(info->truncated),
        .truncated_classes = info->truncated_classes,
        .preprocess = preset->preprocess,
        .dimension = (unsigned)info->dimension,
        .dtype = NT_DTYPE_F16,
        .metric = NT_METRIC_COSINE,
        .scores = nt_scores_default(NT_METRIC_COSINE),
    };
    card->preprocess.width = info->width;
    card->preprocess.height = info->height;
    if (preset->preprocess.rule == NT_RESIZE_CROP && preset->preprocess.resize == 0) {
        unsigned side = MAX(info->width, info->height);
        card->preprocess.resize = (side * 256 + 112) / 224; /* 224 -> 256, 299 -> 342, as torchvision has them */
    }
    card->preprocess.resize = MAX(card->preprocess.resize, MAX(info->width, info->height));
    return card;
}
