/* SPDX-License-Identifier: Apache-2.0 */
/* A layer below SQLite whose n-th write, sync, truncation or call for shared memory fails, and, when it is to last, all
 * that follow. Not thread-safe. */
#ifndef FAILING_LAYER_H
#define FAILING_LAYER_H

#include <stdbool.h>

/* Makes it the layer that databases are opened through; before the first catalogue is opened. */
void failing_layer_register(void);

/* From now on the n-th call fails with `code` (of SQLite); 0: none does. */
void failing_layer_arm(unsigned n, int code, bool lasting);

/* Whether one has failed since. */
bool failing_layer_has_failed(void);

#endif
