#include "support/viewer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

char viewer_folder[VIEWER_FOLDER], viewer_path[VIEWER_PATH], viewer_sink[VIEWER_SINK];

void viewer_begin(const char *kind)
{
    snprintf(viewer_folder, VIEWER_FOLDER, "/tmp/vitro-attach-XXXXXX");
    cr_assert(mkdtemp(viewer_folder) != NULL);
    snprintf(viewer_path, VIEWER_PATH, "%s/trace", viewer_folder);
    snprintf(viewer_sink, VIEWER_SINK, "%s%s", kind, viewer_path);
}

void viewer_end(void)
{
    cr_expect(access(viewer_path, F_OK) != 0, "the socket's file is gone");
    unlink(viewer_path);
    cr_expect(eq(int, rmdir(viewer_folder), 0));
}

struct sockaddr_un viewer_address(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    snprintf(at.sun_path, sizeof at.sun_path, "%s", viewer_path);
    return at;
}

int viewer_attach(void)
{
    struct sockaddr_un at = viewer_address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(eq(int, connect(fd, (struct sockaddr *)&at, sizeof at), 0));
    return fd;
}

int viewer_listen(void)
{
    struct sockaddr_un at = viewer_address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(eq(int, bind(fd, (struct sockaddr *)&at, sizeof at), 0));
    cr_assert(eq(int, listen(fd, 4), 0));
    return fd;
}

void viewer_walk(struct walk *w, int fd, bool to_the_end)
{
    uint8_t *p = NULL;
    size_t n = 0;
    ssize_t got;

    do {
        p = realloc(p, n + 65536);
        got = recv(fd, p + n, 65536, to_the_end ? 0 : MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    close(fd);
    walk_bytes(w, p, n);
}

void viewer_expect(const struct walk *w, const char *message)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->item[i].type == WALKED_NOTE && !strcmp(walk_field(&w->item[i], "MESSAGE"), message))
            return;
    cr_expect(false, "no note says: %s", message);
}
