#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "io/system.h"

static vitro_code refuse(const char *path, const char *why, vitro_error *err)
{
    return vitro_fail(err, VITRO_INVALID_ARGUMENT, "file", 0, "%s: %s", path, why);
}

/* Up to size bytes; fewer where the file was cut since its size was asked. */
static vitro_code read_all(struct buf *into, int fd, size_t size, const char *path,
                           vitro_error *err)
{
    uint8_t *room = vitro_buf_reserve(into, size);
    size_t end = into->len + size;
    ssize_t n;

    if (!room)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "file", 0, "%s: out of memory", path);
    while ((n = read(fd, into->ptr + into->len, end - into->len)) != 0) {
        if (n > 0)
            into->len += (size_t)n;
        else if (errno != EINTR)
            return refuse(path, vitro_system_text(errno), err);
    }
    return VITRO_OK;
}

static vitro_code read_regular(struct buf *into, int fd, const char *path, vitro_error *err)
{
    struct stat is;

    if (fstat(fd, &is) != 0)
        return refuse(path, vitro_system_text(errno), err);
    if (!S_ISREG(is.st_mode))
        return refuse(path, "not a regular file", err);
    if ((uint64_t)is.st_size > into->max - into->len)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "file", 0, "%s: more than %zu KiB", path,
                          into->max / 1024);
    return read_all(into, fd, (size_t)is.st_size, path, err);
}

vitro_code vitro_file_read(struct buf *into, const char *path, vitro_error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    vitro_code rc;

    if (fd < 0)
        return refuse(path, vitro_system_text(errno), err);
    rc = read_regular(into, fd, path, err);
    close(fd);
    return rc;
}
