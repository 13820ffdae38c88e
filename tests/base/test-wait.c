/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

static void test_check(void) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    int64_t now = g_get_monotonic_time(), hour = INT64_C(3600) * G_TIME_SPAN_SECOND;
    NtWait wait = {0};
    g_assert_true(nt_wait_check(NULL, &error) && nt_wait_check(&wait, &error));
    wait = (NtWait){.cancellable = cancellable, .deadline = now + hour};
    g_assert_true(nt_wait_check(&wait, &error));
    wait.deadline = now;
    g_assert_false(nt_wait_check(&wait, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_TIMEOUT);
    g_assert_cmpstr(error->message, ==, "took longer than allowed");
    g_clear_error(&error);
    g_cancellable_cancel(cancellable); /* which comes first */
    g_assert_false(nt_wait_check(&wait, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CANCELLED);
    g_assert_cmpstr(error->message, ==, "stopped");
    g_assert_false(nt_wait_check(&wait, NULL));
}

static void test_until(void) {
    int64_t now = g_get_monotonic_time(), hour = INT64_C(3600) * G_TIME_SPAN_SECOND;
    NtWait wait = {0};
    g_assert_cmpint(nt_wait_until(NULL, hour), >=, now + hour);
    g_assert_cmpint(nt_wait_until(&wait, hour), >=, now + hour);
    wait.deadline = now + hour;
    g_assert_cmpint(nt_wait_until(&wait, 2 * hour), ==, now + hour);
    g_assert_cmpint(nt_wait_until(&wait, 0), <=, now + hour);
    wait.deadline = 1;
    g_assert_cmpint(nt_wait_until(&wait, hour), ==, 1);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wait/check", test_check);
    g_test_add_func("/wait/until", test_until);
    return g_test_run();
}
