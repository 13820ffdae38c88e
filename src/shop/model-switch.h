/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by model-switch.c and model-compare.c. */
#ifndef NT_SHOP_MODEL_SWITCH_H
#define NT_SHOP_MODEL_SWITCH_H

#include "state/state.h"

/* What two models answer for up to 500 products drawn at random, in JSON as niteru_model_switch gives it; `label` NULL:
 * nothing tells what is right. Errors: NOT_FOUND (the field), CANCELLED, TIMEOUT. */
NtJson *nt_models_compare(NiteruCatalogue *catalogue, const char *old, const char *new, const char *label,
                          const NtWait *wait, GError **error);

#endif
