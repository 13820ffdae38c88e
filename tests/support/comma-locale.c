/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into every program of a test run: takes the locale of the environment, as a host program with a user
 * interface would, so that what the library writes and reads is tried under a decimal comma. */
#include <locale.h>

__attribute__((constructor)) static void take_locale(void) { setlocale(LC_ALL, ""); }
