#include "keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum { PIECE = 64 * 1024 };

static bool try_open(struct keylog *k)
{
    struct stat st;

    if (k->opened || !k->path)
        return k->opened;
    k->fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    k->opened = k->fd >= 0;
    k->why = k->opened ? 0 : errno;
    if (!k->opened || (fstat(k->fd, &st) == 0 && S_ISREG(st.st_mode)))
        return k->opened;
    keylog_close(k);
    k->why = EINVAL;
    return false;
}

vitro_code keylog_open(struct keylog *k, bool awaited, vitro_error *err)
{
    const char *named = getenv("SSLKEYLOGFILE");

    k->asked = k->path != NULL;
    if (!k->path && named && *named)
        k->path = named;
    if (!k->path || try_open(k) || !k->asked || (awaited && k->why == ENOENT))
        return VITRO_OK;
    return vitro_fail(err, VITRO_NOT_FOUND, "file", k->why, "%s",
                      k->why == EINVAL ? "not a file" : strerror(k->why));
}

void keylog_close(struct keylog *k)
{
    if (k->opened)
        close(k->fd);
    k->opened = false;
}

/* How much of it is whole lines. A line that fills all of it is none of a key log. */
static size_t whole(const char *bytes, size_t n, bool last)
{
    const char *end = memrchr(bytes, '\n', n);

    return last || (!end && n == PIECE) ? n : end ? (size_t)(end - bytes) + 1 : 0;
}

bool keylog_feed(struct keylog *k, vitro_decode *d, bool last)
{
    static char piece[PIECE];
    bool any = false;

    while (try_open(k)) {
        ssize_t got = pread(k->fd, piece, sizeof piece, (off_t)k->at);
        size_t n = got > 0 ? whole(piece, (size_t)got, last && got < PIECE) : 0;
        if (!n)
            break;
        if (vitro_decode_secrets(d, (vitro_bytes){ (const uint8_t *)piece, n }, NULL))
            break; /* without memory the records stay sealed, and say so */
        k->at += n;
        any = true;
    }
    return any;
}
