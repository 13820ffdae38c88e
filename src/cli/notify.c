/* SPDX-License-Identifier: Apache-2.0 */
/* What the one that started the program (systemd, Type=notify) wants to be told: sd_notify(3) without its library, one
 * datagram to the socket that $NOTIFY_SOCKET names. */
#include "cli/cli.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void cli_notify(const char *state) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = g_getenv("NOTIFY_SOCKET");
    if (path == NULL || (*path != '/' && *path != '@') ||
        g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        return;
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    address.sun_path[0] = *path == '@' ? '\0' : *path; /* the abstract ones begin with a NUL */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        /* Where nobody listens there is nobody to be told. */
        (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
        close(fd);
    }
}
