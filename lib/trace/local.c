#include "trace/local.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16 };

/* Close and give -1, with the errno of before. */
static int give_up(int fd, int why)
{
    if (fd >= 0)
        close(fd);
    errno = why;
    return -1;
}

static bool address_of(const char *path, struct sockaddr_un *out)
{
    size_t len = strlen(path);

    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    if (!len || len >= sizeof out->sun_path) {
        errno = len ? ENAMETOOLONG : ENOENT;
        return false;
    }
    memcpy(out->sun_path, path, len);
    return true;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* The other end is of our own user, or of one who may read all there is anyway. */
static bool is_trusted(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static int connect_to(int fd, const struct sockaddr_un *at)
{
    return connect(fd, (const struct sockaddr *)at, sizeof *at) ? errno : 0;
}

int vitro_local_connect(const char *path)
{
    struct sockaddr_un at;
    int fd, why;

    if (!address_of(path, &at))
        return -1;
    fd = new_socket();
    if (fd < 0)
        return -1;
    why = connect_to(fd, &at);
    if (!why && !is_trusted(fd))
        why = EPERM;
    return why ? give_up(fd, why) : fd;
}

bool vitro_local_stale(const char *path)
{
    struct sockaddr_un at;
    struct stat st;
    bool stale;
    int fd;

    if (!address_of(path, &at) || lstat(path, &st) || !S_ISSOCK(st.st_mode))
        return false;
    fd = new_socket();
    stale = fd >= 0 && connect_to(fd, &at) == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return stale;
}

static int bind_to(int fd, const struct sockaddr_un *at)
{
    return bind(fd, (const struct sockaddr *)at, sizeof *at) ? errno : 0;
}

/* 0 or an errno. */
static int bind_anew(int fd, const struct sockaddr_un *at)
{
    struct stat st;
    int why = bind_to(fd, at);

    if (why != EADDRINUSE)
        return why;
    if (!lstat(at->sun_path, &st) && !S_ISSOCK(st.st_mode))
        return ENOTSOCK;
    if (!vitro_local_stale(at->sun_path) || unlink(at->sun_path))
        return EADDRINUSE;
    return bind_to(fd, at);
}

int vitro_local_listen(const char *path, struct local_file *file)
{
    struct sockaddr_un at;
    struct stat st;
    int fd, why;

    if (!address_of(path, &at))
        return -1;
    fd = new_socket();
    if (fd < 0)
        return -1;
    /* before there is a file: at no moment may others connect */
    why = fchmod(fd, S_IRUSR | S_IWUSR) ? errno : bind_anew(fd, &at);
    if (!why && listen(fd, BACKLOG))
        why = errno;
    if (!why && lstat(path, &st))
        why = errno;
    if (why)
        return give_up(fd, why);
    *file = (struct local_file){ st.st_dev, st.st_ino };
    return fd;
}

int vitro_local_accept(int fd)
{
    for (;;) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (peer < 0 || is_trusted(peer))
            return peer;
        close(peer);
    }
}

void vitro_local_remove(const char *path, const struct local_file *file)
{
    struct stat st;

    if (!lstat(path, &st) && st.st_dev == file->device && st.st_ino == file->number)
        unlink(path);
}
