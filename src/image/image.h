/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image: from the bytes of a photo to the numbers a network takes.
 *
 *   bytes -- scan --> header -- decoder --> pixels (8-bit sRGB) -- preprocess --> floats (NCHW)
 *            ours,              a confined                         ours, equal to Pillow,
 *            decodes nothing    process, libvips                   torchvision or TensorFlow
 *
 * Photos come from strangers. They are told apart by their first bytes alone (a name's extension means nothing), their
 * header is read by bounded code of ours, every limit is checked from that header, and only then is one typed libvips
 * loader run on them, in a process of ours that can open no file and no socket, and whose loss costs one photo.
 * This room never links libvips: only the helper `niteru-decoder` does (src/decoder).
 */
#ifndef NT_IMAGE_H
#define NT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "base/base.h"

/* ---- What the bytes are ---- */

typedef enum NtImageFormat {
    NT_IMAGE_UNKNOWN,
    NT_IMAGE_JPEG,
    NT_IMAGE_PNG,
    NT_IMAGE_WEBP,
    NT_IMAGE_GIF,
    NT_IMAGE_TIFF,
    NT_IMAGE_AVIF,
    NT_IMAGE_HEIC,
    NT_IMAGE_BMP,
} NtImageFormat;

/* The format by its first bytes; UNKNOWN when niteru reads none such. */
NtImageFormat nt_image_sniff(const uint8_t *bytes, size_t size);

/* "JPEG", "PNG", ...; "unknown". Static text. */
const char *nt_image_format_name(NtImageFormat format);
/* "image/jpeg", ...; "application/octet-stream". Static text. */
const char *nt_image_mime(NtImageFormat format);

/* What else the bytes look like, with its article, to word a message ("a PDF", "an SVG drawing", "an empty file"), or
 * NULL when nothing fits. Static text. */
const char *nt_image_describe_other(const uint8_t *bytes, size_t size);

typedef struct NtImageHeader {
    NtImageFormat format;
    uint32_t width, height; /* pixels as stored, before the EXIF orientation is applied */
    uint32_t frames;        /* at least 1; counting stops at 2 where counting on would cost more than a look */
    uint32_t orientation;   /* of EXIF or TIFF: 1 (upright) to 8; 1 for AVIF and HEIC, whose decoder turns them */
    uint32_t percent;       /* of its rows that are there, known once decoded; 100 unless cut_off */
    bool cut_off;           /* its end is missing, and it is taken all the same (limit photo-rows) */
    uint64_t metadata;      /* bytes of EXIF, ICC, XMP and text chunks together, as stored */
} NtImageHeader;

/* Reads dimensions, boxes of frames and the amount of metadata without decoding a pixel, and checks them against
 * `limits` (NULL: the defaults). A photo whose bytes end before its format says they do is refused here, unless its
 * format lets most of it be shown and the limit photo-rows is below 100: `cut_off` then. `name` is for messages. Work
 * is linear in `size`; nothing is allocated but the error. Errors: UNSUPPORTED (no photo that niteru reads; says what
 * it seems to be), LIMIT (names the limit), CORRUPT. */
bool nt_image_scan(const void *bytes, size_t size, const char *name, const NtLimits *limits, NtImageHeader *out,
                   GError **error);

/* "NAME: a JPEG cut short, and taken: 97 % of its rows are there", new text, for a photo that was decoded with its end
 * missing; NULL for one that is whole. */
char *nt_image_note(const NtImageHeader *header, const char *name);

/* ---- Pixels ---- */

/* Interleaved 8-bit sRGB, row after row: (height, width, 3). Borrowed from whoever made it. */
typedef struct NtPixels {
    const uint8_t *rgb;
    uint32_t width, height; /* pixels, at least 1 each */
    size_t stride;          /* bytes from one row to the next, at least 3 * width */
} NtPixels;

/* A part of a picture as it is seen, in fractions of it from its upper left corner; all zeros: the whole. */
typedef struct NtBox {
    double x, y, width, height;
} NtBox;
bool nt_box_is_whole(const NtBox *box);
/* Errors: INVALID, naming the member that is wrong, with the fact "field". */
bool nt_box_check(const NtBox *box, GError **error);
/* The pixels of a part that was checked, the same memory; at least one. */
NtPixels nt_pixels_cut(const NtPixels *pixels, const NtBox *box);

/* One helper process and the memory shared with it. Not thread-safe: one per thread. The process is started when first
 * needed, replaced after limits.decoder_photos photos or when it died, and ends with this process however that ends. */
typedef struct NtDecoder NtDecoder;

typedef struct NtDecodeOptions {
    /* Decode a JPEG at 1/2, 1/4 or 1/8 of its size as long as its shorter side keeps at least this many pixels; much
     * faster on big photos, and not what Pillow or TensorFlow would deliver, hence only where a card asks. 0: never. */
    uint32_t shrink_to;
} NtDecodeOptions;

typedef struct NtDecoderStats {
    uint64_t photos;   /* decoded well */
    uint64_t refused;  /* by scan or helper */
    uint64_t deaths;   /* helpers that died or were killed at work */
    uint64_t started;  /* helper processes started */
    uint64_t warnings; /* messages of libvips and its codecs that were counted and swallowed */
} NtDecoderStats;

/* Finds the helper ($NITERU_DECODER, beside the program, in the build tree, in libexec) and prepares the shared
 * memory: limits.photo_bytes + 3 * limits.photo_pixels, of which only what photos touch is ever taken.
 * `limits` is copied; NULL: the defaults. Errors: NOT_FOUND (no helper; names the places), NO_MEMORY, IO. */
NtDecoder *nt_decoder_new(const NtLimits *limits, GError **error);
void nt_decoder_free(NtDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtDecoder, nt_decoder_free)

/* Scans and decodes one photo: upright by its EXIF orientation, transparency laid on white, any colour space turned
 * into 8-bit sRGB, the first frame of an animation. The pixels stay in the shared memory until the decoder's next
 * call. `name` is for messages; `options` and `out_header` may be NULL.
 * Errors: those of nt_image_scan; CORRUPT (damaged, or the helper died of it); LIMIT (time or memory);
 * NOT_FOUND, IO (no helper could be started). After any error the decoder goes on with the next photo. */
bool nt_decoder_decode(NtDecoder *decoder, const void *bytes, size_t size, const char *name,
                       const NtDecodeOptions *options, NtPixels *out, NtImageHeader *out_header, GError **error);

NtDecoderStats nt_decoder_stats(const NtDecoder *decoder);

/* ---- Pictures out ---- */

/* Encodes pixels in the helper: JPEG of `quality` 1-100 (0: 85), or PNG (`quality` ignored). The pixels may be those of
 * this decoder's last decode. Errors: INVALID (another format), LIMIT (larger than the limits), IO. */
GBytes *nt_image_encode(NtDecoder *decoder, const NtPixels *pixels, NtImageFormat format, unsigned quality,
                        GError **error);

/* A copy that fits into max_side x max_side (never enlarged), by Pillow's bicubic. Its pixels are its own.
 * Errors: NO_MEMORY. Free with nt_picture_free. */
typedef struct NtPicture {
    NtPixels pixels;
} NtPicture;
NtPicture *nt_image_thumbnail(const NtPixels *pixels, unsigned max_side, GError **error);
void nt_picture_free(NtPicture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtPicture, nt_picture_free)

/* ---- From pixels to a network's input ---- */

/* How a photo becomes width x height. */
typedef enum NtResizeRule {
    NT_RESIZE_SQUASH, /* to width x height, whatever its proportions */
    NT_RESIZE_CROP,   /* shorter side to `resize`, then the centre width x height: torchvision's Resize + CenterCrop */
    NT_RESIZE_PAD,    /* as large as fits inside width x height, centred, the rest in the pad colour */
} NtResizeRule;

typedef enum NtResampler {
    NT_RESAMPLE_NEAREST,
    NT_RESAMPLE_BILINEAR,
    NT_RESAMPLE_BICUBIC,
} NtResampler;

/* Whose resampling is repeated. They differ visibly: whether shrinking averages (antialias), in the bicubic
 * coefficient, at the edges, and in whether the result is rounded to 8 bits. */
typedef enum NtFlavour {
    NT_FLAVOUR_PILLOW,      /* Image.resize up to Pillow 12, hence torchvision on PIL images and Keras' load_img: bit
                             * for bit. Rows are always resampled before columns. */
    NT_FLAVOUR_TORCH,       /* torchvision on float tensors, antialias=True; not rounded */
    NT_FLAVOUR_TORCH_PLAIN, /* the same with antialias=False (torch.nn.functional.interpolate) */
    NT_FLAVOUR_TENSORFLOW,  /* tf.image.resize, keras.layers.Resizing: antialias=False; not rounded */
    NT_FLAVOUR_PILLOW_13,   /* Pillow 13: columns come first when the height shrinks by over twice as many pixels as
                             * the width; otherwise the same as before */
} NtFlavour;

/* All zeros but width and height: squash by Pillow's nearest, RGB, values 0-255. */
typedef struct NtPreprocess {
    NtResizeRule rule;
    NtResampler resampler;
    NtFlavour flavour;
    uint32_t width, height; /* of the network's input, pixels, 1-4096 */
    uint32_t resize;        /* crop: pixels of the shorter side before cropping, >= width and height; 0: the larger */
    bool bgr;               /* channels in the order blue, green, red; mean, std and pad follow that order */
    float scale;            /* 0: 1 */
    float mean[3];          /* out = (pixel * scale - mean[c]) / std[c] */
    float std[3];           /* 0: 1 */
    uint8_t pad[3];         /* colour of the border, in the order of the channels */
    bool trim;              /* a border of one colour around the photo is left out first (trim.c) */
} NtPreprocess;

/* Names as cards write them: "squash", "crop", "pad"; "nearest", "bilinear", "bicubic"; "pillow", "torch",
 * "torch-plain", "tensorflow", "pillow-13". Parsing fails with INVALID, listing the names; `field` names the card's
 * field. */
bool nt_resize_rule_parse(const char *text, const char *field, NtResizeRule *out, GError **error);
bool nt_resampler_parse(const char *text, const char *field, NtResampler *out, GError **error);
bool nt_flavour_parse(const char *text, const char *field, NtFlavour *out, GError **error);
const char *nt_resize_rule_name(NtResizeRule rule);
const char *nt_resampler_name(NtResampler resampler);
const char *nt_flavour_name(NtFlavour flavour);

/* The rules with coefficients of the sizes seen last, and scratch memory. Not thread-safe: one per thread. */
typedef struct NtPreprocessor NtPreprocessor;

/* Errors: INVALID, naming the field that is wrong. */
NtPreprocessor *nt_preprocessor_new(const NtPreprocess *rules, GError **error);
void nt_preprocessor_free(NtPreprocessor *preprocessor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtPreprocessor, nt_preprocessor_free)

/* The pixels without a border of one colour, the same memory; all of them where there is none. */
NtPixels nt_pixels_trimmed(const NtPixels *pixels);

/* Writes out (3, height, width) floats. Only pixels that survive a crop are computed. Errors: NO_MEMORY. */
bool nt_preprocess(NtPreprocessor *preprocessor, const NtPixels *pixels, float *out, GError **error);

#endif
