/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EfficientNet-Lite (M. Tan, tensorflow/tpu efficientnet/lite, 2020; the blocks are those of Tan and Le,
 * "EfficientNet", 2019, without squeeze-and-excitation and with ReLU6 for swish):
 *
 *     stem 3x3 /2 32 ── 7 stages of blocks ── head 1x1 1280 ── average over places ── [classifier: left out]
 *
 *     block:  x ── 1x1 to 6 c, ReLU6 ── k x k depthwise, ReLU6 ── 1x1 ──(+ x, where shapes agree)──
 *
 * Width and depth of the stages grow with the network; stem and head do not, nor do the repeats of the first and last
 * stage. Padding is TensorFlow's "same": what stride 2 leaves over goes below and to the right. Each convolution has
 * no bias and a BatchNorm behind it, which is folded in, in double precision:
 *
 *     gamma (w x - mean) / sqrt(variance + eps) + beta  =  (w s) x + (beta - mean s),  s = gamma / sqrt(variance + eps)
 */
#include "zoo/zoo-internal.h"

#include <math.h>
#include <string.h>

enum { STEM = 32, HEAD = 1280, DIVISOR = 8, CHANNELS_MOST = 2048 };
static const double epsilon = 1e-3;

static const struct {
    unsigned repeats, kernel, stride, expand, channels;
} stages[] = {{1, 3, 1, 1, 16},  {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80},
              {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}};

typedef struct Writing {
    const NtTorchFile *weights;
    const char *name;
    NtOnnxWriter *onnx;
    unsigned side;  /* of the map that is there now, pixels */
    unsigned count; /* of activations, for their names */
    char *last;     /* name of the map that is there now */
    GError **error;
} Writing;

/* One convolution of the state dict with its BatchNorm. */
typedef struct Layer {
    char *conv, *norm; /* "_blocks.3._project_conv", "_blocks.3._bn2" */
    unsigned in, out, kernel, stride;
    bool depthwise, relu6;
} Layer;

static void layer_clear(Layer *layer) {
    g_free(layer->conv);
    g_free(layer->norm);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Layer, layer_clear)

/* round_filters of the original: to the nearest multiple of 8, never down by more than a tenth. */
static unsigned scaled_channels(unsigned channels, unsigned tenths) {
    unsigned scaled = channels * tenths; /* in tenths */
    unsigned rounded = MAX(DIVISOR, (scaled + DIVISOR * 10 / 2) / (DIVISOR * 10) * DIVISOR);
    return rounded * 100 < scaled * 9 ? rounded + DIVISOR : rounded;
}

static unsigned scaled_repeats(unsigned repeats, unsigned tenths) { return (repeats * tenths + 9) / 10; }

/* A tensor that must be there, with that shape. */
static const NtTorchTensor *need(Writing *w, const char *prefix, const char *suffix, const uint64_t *dims,
                                 unsigned rank) {
    g_autofree char *name = g_strconcat(prefix, suffix, NULL);
    const NtTorchTensor *tensor = nt_torch_find(w->weights, name);
    if (tensor != NULL && tensor->rank == rank && memcmp(tensor->dims, dims, rank * sizeof *dims) == 0) {
        return tensor;
    }
    g_autoptr(GString) shape = g_string_new(NULL);
    for (unsigned i = 0; i < rank; i++) {
        g_string_append_printf(shape, "%s%" G_GUINT64_FORMAT, i > 0 ? " x " : "", dims[i]);
    }
    nt_fail(w->error, NITERU_ERROR_UNSUPPORTED, "%s: not the weights of this network: tensor '%s' %s %s", w->name, name,
            tensor == NULL ? "is missing, of" : "should be", shape->str);
    return NULL;
}

/* Folds the BatchNorm into weights (out, in, k, k), `each` of an output channel, and bias (out). */
static bool fold(Writing *w, const Layer *layer, size_t each, float *weights, float *bias) {
    static const char *const parts[] = {".weight", ".bias", ".running_mean", ".running_var"};
    enum { GAMMA, BETA, MEAN, VARIANCE };
    const uint64_t out = layer->out;
    const uint64_t dims[] = {out, layer->depthwise ? 1 : layer->in, layer->kernel, layer->kernel};
    const NtTorchTensor *tensor = need(w, layer->conv, ".weight", dims, 4);
    float norm[4][CHANNELS_MOST];
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        const NtTorchTensor *part = tensor != NULL ? need(w, layer->norm, parts[i], &out, 1) : NULL;
        if (part == NULL) {
            return false;
        }
        nt_torch_copy(part, norm[i]);
    }
    nt_torch_copy(tensor, weights);
    for (size_t c = 0; c < out; c++) {
        double scale = norm[GAMMA][c] / sqrt(norm[VARIANCE][c] + epsilon);
        bias[c] = (float)(norm[BETA][c] - norm[MEAN][c] * scale);
        bool finite = isfinite(bias[c]);
        for (size_t i = c * each; i < (c + 1) * each; i++) {
            weights[i] = (float)(weights[i] * scale);
            finite = finite && isfinite(weights[i]);
        }
        if (!finite) {
            return nt_fail(w->error, NITERU_ERROR_CORRUPT, "%s: '%s' holds numbers that are none", w->name,
                           layer->conv);
        }
    }
    return true;
}

static void set_last(Writing *w, char *name) {
    g_free(w->last);
    w->last = name;
}

static void put_relu6(Writing *w) {
    char *name = g_strdup_printf("a%u", w->count++);
    nt_onnx_writer_node(w->onnx, "Clip", (const char *const[]){w->last, "zero", "six", NULL}, name);
    set_last(w, name);
}

/* Writes the nodes of a layer, and frees its names. */
static bool put_layer(Writing *w, Layer given) {
    g_auto(Layer) layer = given;
    const char *conv = layer.conv;
    g_assert(layer.out <= CHANNELS_MOST); /* of the table; the widest is 6 x 208 */
    size_t each = (size_t)(layer.depthwise ? 1 : layer.in) * layer.kernel * layer.kernel;
    nt_autofree float *weights = nt_alloc(layer.out * each, sizeof(float), conv, w->error);
    nt_autofree float *bias = weights != NULL ? nt_alloc(layer.out, sizeof(float), conv, w->error) : NULL;
    if (bias == NULL || !fold(w, &layer, each, weights, bias)) {
        return false;
    }
    const uint64_t dims[] = {layer.out, layer.depthwise ? 1 : layer.in, layer.kernel, layer.kernel};
    g_autofree char *weights_name = g_strconcat(conv, ".weight", NULL), *bias_name = g_strconcat(conv, ".bias", NULL);
    nt_onnx_writer_tensor(w->onnx, weights_name, dims, 4, weights, layer.out * each);
    nt_onnx_writer_tensor(w->onnx, bias_name, dims, 1, bias, layer.out);
    unsigned side = (w->side + layer.stride - 1) / layer.stride;
    unsigned covered = (side - 1) * layer.stride + layer.kernel, pad = covered > w->side ? covered - w->side : 0;
    NtOnnxConv how = {.kernel = layer.kernel,
                      .stride = layer.stride,
                      .groups = layer.depthwise ? layer.out : 1,
                      .before = pad / 2,
                      .after = pad - pad / 2};
    char *output = g_strdup_printf("c%u", w->count++);
    nt_onnx_writer_conv(w->onnx, w->last, weights_name, bias_name, &how, output);
    set_last(w, output);
    w->side = side;
    if (layer.relu6) {
        put_relu6(w);
    }
    return true;
}

static char *part(unsigned block, const char *name) { return g_strdup_printf("_blocks.%u.%s", block, name); }

static bool put_block(Writing *w, unsigned block, unsigned in, unsigned out, unsigned kernel, unsigned stride,
                      unsigned expand) {
    g_autofree char *input = g_strdup(w->last);
    unsigned wide = in * expand;
    if (expand > 1 &&
        !put_layer(w, (Layer){part(block, "_expand_conv"), part(block, "_bn0"), in, wide, 1, 1, .relu6 = true})) {
        return false;
    }
    if (!put_layer(w, (Layer){part(block, "_depthwise_conv"), part(block, "_bn1"), wide, wide, kernel, stride,
                              .depthwise = true, .relu6 = true}) ||
        !put_layer(w, (Layer){part(block, "_project_conv"), part(block, "_bn2"), wide, out, 1, 1})) {
        return false;
    }
    if (stride == 1 && in == out) {
        char *sum = g_strdup_printf("s%u", w->count++);
        nt_onnx_writer_node(w->onnx, "Add", (const char *const[]){w->last, input, NULL}, sum);
        set_last(w, sum);
    }
    return true;
}

static bool put_stages(Writing *w, const NtZooLite *lite, unsigned *out_channels) {
    unsigned channels = STEM, block = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(stages); i++) {
        bool outer = i == 0 || i == G_N_ELEMENTS(stages) - 1;
        unsigned out = scaled_channels(stages[i].channels, lite->width_tenths);
        unsigned repeats = outer ? stages[i].repeats : scaled_repeats(stages[i].repeats, lite->depth_tenths);
        for (unsigned repeat = 0; repeat < repeats; repeat++) {
            unsigned stride = repeat == 0 ? stages[i].stride : 1;
            if (!put_block(w, block++, channels, out, stages[i].kernel, stride, stages[i].expand)) {
                return false;
            }
            channels = out;
        }
    }
    *out_channels = channels;
    return true;
}

static bool put_network(Writing *w, const NtZooLite *lite) {
    static const float zero = 0, six = 6;
    unsigned channels;
    nt_onnx_writer_tensor(w->onnx, "zero", NULL, 0, &zero, 1);
    nt_onnx_writer_tensor(w->onnx, "six", NULL, 0, &six, 1);
    if (!put_layer(w, (Layer){g_strdup("_conv_stem"), g_strdup("_bn0"), 3, STEM, 3, 2, .relu6 = true}) ||
        !put_stages(w, lite, &channels) ||
        !put_layer(w, (Layer){g_strdup("_conv_head"), g_strdup("_bn1"), channels, HEAD, 1, 1, .relu6 = true})) {
        return false;
    }
    nt_onnx_writer_node(w->onnx, "GlobalAveragePool", (const char *const[]){w->last, NULL}, "pooled");
    nt_onnx_writer_node(w->onnx, "Flatten", (const char *const[]){"pooled", NULL}, "embedding");
    return true;
}

GBytes *nt_zoo_lite_write(const NtZooLite *lite, const NtTorchFile *weights, const char *name, GError **error) {
    g_autoptr(NtOnnxWriter) onnx = nt_onnx_writer_new(lite->side);
    Writing w = {
        .weights = weights, .name = name, .onnx = onnx, .side = lite->side, .last = g_strdup("image"), .error = error};
    bool ok = put_network(&w, lite);
    g_free(w.last);
    return ok ? nt_onnx_writer_finish(g_steal_pointer(&onnx), HEAD) : NULL;
}
