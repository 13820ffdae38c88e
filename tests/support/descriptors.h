/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_DESCRIPTORS_H
#define TESTS_SUPPORT_DESCRIPTORS_H

#include <dirent.h>

/* A number that grows by one with each descriptor this process has open. */
static inline unsigned open_descriptors(void) {
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (; folder != NULL && readdir(folder) != NULL; count++) {
    }
    closedir(folder);
    return count;
}

#endif
