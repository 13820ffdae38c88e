/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that must not load. */
#ifndef TESTS_NN_REFUSE_H
#define TESTS_NN_REFUSE_H

#include "nn/nn.h"

/* Asserts that there is no network, and that the error has this code and all of `words` (separated by |) in its
 * message.
 */
void expect_refused(const NtNetwork *network, const GError *error, int code, const char *words);

/* Loads `bytes`, which are freed, and expects that. */
void refuse(GBytes *bytes, int code, const char *words);

#endif
