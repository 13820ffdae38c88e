/* SPDX-License-Identifier: Apache-2.0 */
/* BMP: sizes from the header, and that all rows lie inside the file. What lies behind the pixels (a profile) is left
 * out; it is not applied. */
#include "image/bmp.h"
#include "image/scan-internal.h"

bool nt_scan_bmp(NtScan *scan) {
    NtBmp bmp;
    const char *what = "";
    NtBmpFault fault = nt_bmp_read(scan->bytes, scan->size, &bmp, &what);
    if (fault == NT_BMP_DAMAGED) {
        return nt_scan_damaged(scan, what);
    }
    if (fault == NT_BMP_UNSUPPORTED) {
        return nt_scan_unsupported(scan, "%s", what);
    }
    /* "Too large" helps more than "cut off". */
    if ((fault == NT_BMP_SOUND || bmp.bits != 0) && !nt_scan_set_size(scan, bmp.width, bmp.height)) {
        return false;
    }
    if (fault == NT_BMP_CUT_OFF) {
        return nt_scan_cut_off(scan, bmp.data > scan->size ? bmp.data : 0);
    }
    if (bmp.rle) {
        return true; /* run lengths have an end of their own, which the decoder finds */
    }
    uint64_t needed = bmp.data + bmp.stride * (bmp.height - 1) + bmp.row;
    if (needed > scan->size) {
        uint64_t rows = (scan->size - bmp.data) / bmp.stride;
        scan->out->percent = (uint32_t)(rows * 100 / bmp.height);
        return scan->out->percent < scan->limits->photo_rows ? nt_scan_cut_off(scan, needed)
                                                             : nt_scan_cut_short(scan, needed, scan->size, "", 0);
    }
    return needed == scan->size || nt_scan_drop(scan, (size_t)needed, scan->size - (size_t)needed);
}
