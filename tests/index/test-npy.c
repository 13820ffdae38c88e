/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files: made byte by byte as NumPy makes them, and as it never would. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "index-support.h"

/* A file: magic, version, length, the header (no padding), the data. */
static void write_npy(const char *path, unsigned version, const char *header, const void *data, size_t size) {
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    size_t length = strlen(header);
    const guint8 start[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', (guint8)version, 0, length & 255, length >> 8 & 255};
    g_byte_array_append(bytes, start, version == 1 ? 10 : 12);
    g_byte_array_append(bytes, (const guint8 *)header, (guint)length);
    g_byte_array_append(bytes, data, (guint)size);
    write_bytes(path, bytes->data, bytes->len);
}

/* Opens, checks shape, and reads all rows in two calls, the second part first. */
static float *read_all(const char *path, uint64_t rows, size_t dim) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtNpyReader) reader = nt_npy_open(path, &error);
    assert_fine(error);
    g_assert_cmpuint(nt_npy_rows(reader), ==, rows);
    g_assert_cmpuint(nt_npy_dim(reader), ==, dim);
    float *out = g_new(float, rows *dim + 1);
    nt_npy_read(reader, rows / 2, (size_t)(rows - rows / 2), out + rows / 2 * dim, &error);
    assert_fine(error);
    nt_npy_read(reader, 0, (size_t)(rows / 2), out, &error);
    assert_fine(error);
    return out;
}

static void assert_refused(const char *path, NiteruError code, const char *text) {
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_npy_open(path, &error));
    assert_failed(&error, code, text);
}

/* ---- reading ---- */

/* The data are what NumPy writes for numpy.array([[1.5, -2], [0.25, 65504]], dtype). */
static const float numpy_numbers[] = {1.5F, -2, 0.25F, 65504};

static void test_types(void) {
    static const struct {
        const char *descr, *data;
        size_t size;
    } files[] = {
        {"<f2", "\x00\x3e\x00\xc0\x00\x34\xff\x7b", 8},
        {">f2", "\x3e\x00\xc0\x00\x34\x00\x7b\xff", 8},
        {"<f4", "\x00\x00\xc0\x3f\x00\x00\x00\xc0\x00\x00\x80\x3e\x00\xe0\x7f\x47", 16},
        {">f4", "\x3f\xc0\x00\x00\xc0\x00\x00\x00\x3e\x80\x00\x00\x47\x7f\xe0\x00", 16},
        {"<f8",
         "\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\x00\xc0\0\0\0\0\0\0\xd0\x3f"
         "\0\0\0\0\0\xfc\xef\x40",
         32},
        {">f8",
         "\x3f\xf8\0\0\0\0\0\0\xc0\x00\0\0\0\0\0\0\x3f\xd0\0\0\0\0\0\0"
         "\x40\xef\xfc\0\0\0\0\0",
         32},
    };
    char *path = make_path("a.npy");
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        for (unsigned version = 1; version <= 3; version++) {
            g_autofree char *header =
                g_strdup_printf("{'descr': '%s', 'fortran_order': False, 'shape': (2, 2), }", files[i].descr);
            write_npy(path, version, header, files[i].data, files[i].size);
            g_autofree float *numbers = read_all(path, 2, 2);
            g_assert_cmpmem(numbers, 16, numpy_numbers, 16);
            g_autoptr(NtNpyReader) reader = nt_npy_open(path, NULL);
            g_assert_cmpstr(nt_npy_descr(reader), ==, files[i].descr);
        }
    }
    write_npy(path, 1, "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 3), }", "\x80\xff\x00\x01\x7f\x02", 6);
    g_autofree float *bytes = read_all(path, 2, 3);
    g_assert_cmpmem(bytes, 24, ((float[]){-128, -1, 0, 1, 127, 2}), 24);
    write_npy(path, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", "\x80\xff\x00\x01\x7f\x02", 6);
    g_autofree float *unsigned_bytes = read_all(path, 2, 3);
    g_assert_cmpmem(unsigned_bytes, 24, ((float[]){128, 255, 0, 1, 127, 2}), 24);
    drop_path(path);
}

/* float64: to nearest, beyond float32 to infinity; NaN and infinity of any type come through. */
static void test_special_numbers(void) {
    const double wide[] = {0.1, 1e300, -1e300, 1e-300, NAN, -INFINITY};
    const float narrow[] = {0.1F, INFINITY, -INFINITY, 0, NAN, -INFINITY};
    char *path = make_path("a.npy");
    write_npy(path, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 6), }", wide, sizeof wide);
    g_autofree float *numbers = read_all(path, 1, 6);
    for (size_t i = 0; i < 6; i++) {
        g_assert_true(isnan(narrow[i]) ? isnan(numbers[i]) : numbers[i] == narrow[i]);
    }
    write_npy(path, 1, "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 3), }", "\x00\x7c\x01\x7e\x01\x00", 6);
    g_autofree float *half = read_all(path, 1, 3);
    g_assert_true(isinf(half[0]) && isnan(half[1]) && half[2] == 0x1p-24F);
    drop_path(path);
}

/* Forms of the header that NumPy's own reader takes too. */
static void test_header_forms(void) {
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }                    \n",
        "{'shape':(1,2),'fortran_order':False,'descr':'<f4'}",
        "{\"descr\": \"<f4\", \"shape\": (1, 2), \"fortran_order\": False}\n",
        "  { 'descr' : '<f4' ,\n'fortran_order' : False , 'shape' : ( 1 , 2 , ) , }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", /* one axis: one row */
    };
    char *path = make_path("a.npy");
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        write_npy(path, 1 + (unsigned)i % 3, headers[i], numpy_numbers, 8);
        g_autofree float *numbers = read_all(path, 1, 2);
        g_assert_cmpmem(numbers, 8, numpy_numbers, 8);
    }
    write_npy(path, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2), }", "", 0);
    g_free(read_all(path, 0, 2));
    drop_path(path);
}

/* ---- refusing ---- */

static void test_unsupported(void) {
    static const struct {
        const char *header, *says;
    } files[] = {
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", "numpy.ascontiguousarray"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }", "astype('float32')"},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (4, 4), }", "astype('float32')"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1, 2), }", "astype('float32')"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", "'|O'"},
        {"{'descr': '=f4', 'fortran_order': False, 'shape': (2, 2), }", "'=f4'"},
        {"{'descr': '<f44', 'fortran_order': False, 'shape': (2, 2), }", "'<f44'"},
        {"{'descr': '\x1b[31m', 'fortran_order': False, 'shape': (2, 2), }", "[31m"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "0 axes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 2), }", "reshape(len(array), -1)"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2), }", "4 axes"},
    };
    char *path = make_path("a.npy");
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        write_npy(path, 1, files[i].header, numpy_numbers, 16);
        assert_refused(path, NITERU_ERROR_UNSUPPORTED, files[i].says);
    }
    write_npy(path, 4, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", numpy_numbers, 16);
    assert_refused(path, NITERU_ERROR_UNSUPPORTED, "version 4.0");
    drop_path(path);
}

static void test_lies_about_shape(void) {
    static const char *const shapes[] = {
        "(2, 3)",
        "(3, 2)",
        "(1, 2)",
        "(5,)",
        "(3,)",
        "(0, 4)", /* data that no row has */
        "(4294967296, 4294967296)",
        "(999999999999999999, 999999999999999999)",
        "(2305843009213693956, 2)", /* 2^61 + 4: times 8 bytes wraps round to 32 */
        "(4611686018427387908, 1)", /* 2^62 + 4: times 4 bytes wraps round to 16 */
    };
    char *path = make_path("a.npy");
    for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *header = g_strdup_printf("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shapes[i]);
        write_npy(path, 1, header, numpy_numbers, 16);
        assert_refused(path, NITERU_ERROR_CORRUPT, path);
    }
    /* True, but beyond what rows can be. */
    g_autofree uint8_t *wide = g_malloc0(NT_DIMENSION_MAX + 1);
    write_npy(path, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 65537), }", wide, NT_DIMENSION_MAX + 1);
    assert_refused(path, NITERU_ERROR_LIMIT, "65536");
    write_npy(path, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (65536,), }", wide, NT_DIMENSION_MAX);
    g_free(read_all(path, 1, NT_DIMENSION_MAX));
    write_npy(path, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (7, 0), }", "", 0);
    assert_refused(path, NITERU_ERROR_LIMIT, "7 rows of 0");
    write_npy(path, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 0), }", "", 0);
    assert_refused(path, NITERU_ERROR_LIMIT, "4294967296 rows");
    drop_path(path);
}

static void test_broken_headers(void) {
    static const char *const headers[] = {
        "",
        "{",
        "{}",
        "}",
        "None",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), ",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 2], }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 2, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), } x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 2), }",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2), }",
        "{descr: '<f4', 'fortran_order': False, 'shape': (2, 2), }",
        "{'descr': '<f4\", 'fortran_order': False, 'shape': (2, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }",
        "__import__('os').system('true')",
    };
    char *path = make_path("a.npy");
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        write_npy(path, 1, headers[i], numpy_numbers, 16);
        assert_refused(path, NITERU_ERROR_CORRUPT, path);
    }
    drop_path(path);
}

/* Every length but the right one; bytes too many; a length of header that is not there. */
static void test_truncated(void) {
    char *path = make_path("a.npy");
    assert_refused(path, NITERU_ERROR_NOT_FOUND, "a.npy");
    write_npy(path, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", numpy_numbers, 16);
    g_autoptr(GByteArray) whole = read_bytes(path);
    for (guint size = 0; size < whole->len; size++) {
        write_bytes(path, whole->data, size);
        assert_refused(path, NITERU_ERROR_CORRUPT, "a.npy");
    }
    g_byte_array_append(whole, (const guint8 *)"", 1);
    write_bytes(path, whole->data, whole->len);
    assert_refused(path, NITERU_ERROR_CORRUPT, "17 bytes follow");
    whole->data[6] = 2;
    memset(whole->data + 8, 255, 4);
    write_bytes(path, whole->data, whole->len);
    assert_refused(path, NITERU_ERROR_CORRUPT, "a header of 4294967295 bytes");
    g_autofree char *folder = g_path_get_dirname(path);
    assert_refused(folder, NITERU_ERROR_CORRUPT, "not a regular file");
    drop_path(path);
}

static void test_reading_what_is_not_there(void) {
    char *path = make_path("a.npy");
    write_npy(path, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", numpy_numbers, 16);
    g_autoptr(GError) error = NULL;
    g_autoptr(NtNpyReader) reader = nt_npy_open(path, &error);
    assert_fine(error);
    float out[4];
    g_assert_false(nt_npy_read(reader, 1, 2, out, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "of 2");
    g_assert_false(nt_npy_read(reader, UINT64_MAX, 2, out, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "of 2");
    g_assert_cmpint(truncate(path, 76), ==, 0);
    g_assert_false(nt_npy_read(reader, 1, 1, out, &error));
    assert_failed(&error, NITERU_ERROR_CORRUPT, "cut off");
    drop_path(path);
}

/* ---- writing ---- */

/* Written, the bytes are what NumPy expects: 128 bytes of header, then rows; read back they are the same. */
static void test_writing(void) {
    GRand *rand = make_rand();
    for (int round = 0; round < 20; round++) {
        NtDtype dtype = round % 2 ? NT_DTYPE_F32 : NT_DTYPE_F16;
        size_t dim = 1 + (size_t)g_rand_int_range(rand, 0, 3000), rows = (size_t)g_rand_int_range(rand, 0, 200), at = 0;
        char *path = make_path("out.npy");
        g_autoptr(GError) error = NULL;
        g_autofree float *numbers = g_new(float, rows *dim + 1);
        for (size_t i = 0; i < rows * dim; i++) {
            numbers[i] = (float)g_rand_int_range(rand, -1024, 1024) / 8; /* exact in float16 */
        }
        g_autoptr(NtNpyWriter) writer = nt_npy_create(path, dtype, dim, &error);
        assert_fine(error);
        while (at < rows) {
            size_t some = (size_t)g_rand_int_range(rand, 0, 60);
            some = MIN(some, rows - at);
            nt_npy_write(writer, numbers + at * dim, some, &error);
            assert_fine(error);
            at += some;
        }
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        nt_npy_finish(writer, &error);
        assert_fine(error);
        g_autoptr(GByteArray) bytes = read_bytes(path);
        g_assert_cmpuint(bytes->len, ==, 128 + rows * dim * nt_dtype_size(dtype));
        g_assert_cmpmem(bytes->data, 10, "\x93NUMPY\x01\x00\x76\x00", 10);
        g_assert_cmpint(bytes->data[127], ==, '\n');
        g_autofree float *back = read_all(path, rows, dim);
        g_assert_cmpmem(back, rows * dim * 4, numbers, rows * dim * 4);
        drop_path(path);
    }
    g_rand_free(rand);
}

static void test_writing_faults(void) {
    char *path = make_path("out.npy");
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_npy_create(path, NT_DTYPE_F16, 0, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "rows of 0");
    g_assert_null(nt_npy_create(path, NT_DTYPE_F16, NT_DIMENSION_MAX + 1, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "65537");
    g_assert_null(nt_npy_create("/nowhere/at/all.npy", NT_DTYPE_F16, 2, &error));
    assert_failed(&error, NITERU_ERROR_NOT_FOUND, "/nowhere/at/all.npy");

    /* A number that float16 has not, in the third row: the two before are in the file, and the file is sound. */
    const float rows[] = {1, 2, NAN, -INFINITY, 5, 65520, 7, 8};
    NtNpyWriter *writer = nt_npy_create(path, NT_DTYPE_F16, 2, &error);
    g_assert_false(nt_npy_write(writer, rows, 4, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "row 2, number 1 is too large for float16");
    nt_npy_finish(writer, &error);
    assert_fine(error);
    nt_npy_writer_free(writer);
    g_autofree float *back = read_all(path, 2, 2);
    g_assert_true(back[0] == 1 && back[1] == 2 && isnan(back[2]) && back[3] == -INFINITY);

    /* Given up: the old file is as it was, and nothing lies beside it (which drop_path would find). */
    writer = nt_npy_create(path, NT_DTYPE_F32, 2, &error);
    nt_npy_write(writer, rows, 4, &error);
    assert_fine(error);
    nt_npy_writer_free(writer);
    g_free(read_all(path, 2, 2));
    nt_npy_writer_free(NULL);
    nt_npy_close(NULL);
    drop_path(path);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/npy/types", test_types);
    g_test_add_func("/npy/special-numbers", test_special_numbers);
    g_test_add_func("/npy/header-forms", test_header_forms);
    g_test_add_func("/npy/unsupported", test_unsupported);
    g_test_add_func("/npy/lies-about-shape", test_lies_about_shape);
    g_test_add_func("/npy/broken-headers", test_broken_headers);
    g_test_add_func("/npy/truncated", test_truncated);
    g_test_add_func("/npy/reading-what-is-not-there", test_reading_what_is_not_there);
    g_test_add_func("/npy/writing", test_writing);
    g_test_add_func("/npy/writing-faults", test_writing_faults);
    return g_test_run();
}
