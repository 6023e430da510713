/*
 * watch_programs - the traces of programs, by UNIX sockets: one that is joined, or all that come.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "command.h"
#include "merge.h"
#include "trace/local.h"
#include "watch.h"

enum {
    PROGRAMS = 256, /* at once; more wait to be let in */
    READS = 4       /* of one program before the others' turn */
};

struct program {
    int fd;
    struct merge_stream stream;
};

struct programs {
    struct feed feed;
    struct merge merge;
    bool merging;
    int listener; /* -1: one program alone was joined */
    const char *path;
    struct local_file file;
    struct program *all[PROGRAMS];
    size_t count;
};

/* ---- coming and going ------------------------------------------------------------------------ */

/* What the program at the other end is called, and its number. */
static uint32_t name_of(int fd, char *out, size_t size)
{
    struct ucred peer = { 0 };
    socklen_t len = sizeof peer;
    char path[64];
    ssize_t n = 0;
    int comm;

    (void)!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)peer.pid);
    comm = open(path, O_RDONLY | O_CLOEXEC);
    if (comm >= 0) {
        n = read(comm, out, size - 1);
        close(comm);
    }
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (!*out)
        snprintf(out, size, "process %ld", (long)peer.pid);
    return (uint32_t)peer.pid;
}

/* Takes fd. */
static bool adopt(struct programs *p, int fd)
{
    struct program *one = malloc(sizeof *one);
    char name[64];
    uint32_t process;

    if (!one) {
        close(fd);
        return false;
    }
    process = name_of(fd, name, sizeof name);
    one->fd = fd;
    merge_join(&p->merge, &one->stream, name, process);
    p->all[p->count++] = one;
    return true;
}

static void let_in(struct programs *p)
{
    int fd;

    while (p->count < PROGRAMS && (fd = vitro_local_accept(p->listener)) >= 0)
        adopt(p, fd);
}

static void drop(struct programs *p, size_t i, const vitro_error *err)
{
    struct program *one = p->all[i];

    merge_leave(&one->stream, err);
    close(one->fd);
    free(one);
    p->all[i] = p->all[--p->count];
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What the program has sent; false when it leaves, err filled when not in peace. */
static bool read_program(struct program *one, vitro_error *err)
{
    for (int i = 0; i < READS; i++) {
        size_t room;
        uint8_t *at = merge_room(&one->stream, &room, err);
        ssize_t n;

        if (!at)
            return false;
        n = recv(one->fd, at, room, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n < 0 && errno != ECONNRESET)
            vitro_fail(err, VITRO_UNAVAILABLE, "read", errno, "%s", strerror(errno));
        if (n <= 0)
            return false;
        if (merge_take(&one->stream, (size_t)n, err))
            return false;
    }
    return true;
}

/* The only program has left: with it all ends. */
static void end_all(struct programs *p, const struct merge_stream *s, vitro_error *err)
{
    if (!err->code && s->len)
        vitro_fail(err, VITRO_DATA_LOSS, "trace", 0, "ends within a block: was it killed?");
    feed_flush(&p->feed);
    spool_end(p->feed.spool, err->code ? err : NULL);
}

static void read_all(struct programs *p, const struct pollfd *ready)
{
    for (size_t i = p->count; i-- > 0;) { /* from behind: the last takes the place of one gone */
        vitro_error err = { 0 };
        if (!ready[i].revents || read_program(p->all[i], &err))
            continue;
        if (p->listener < 0)
            end_all(p, &p->all[i]->stream, &err);
        drop(p, i, err.code ? &err : NULL);
    }
}

/* Wait for what comes, and take it; false when nothing more shall. */
static bool turn(struct programs *p)
{
    struct pollfd fds[PROGRAMS + 2];
    struct pollfd *stop = &fds[p->count], *door = &fds[p->count + 1];

    for (size_t i = 0; i < p->count; i++)
        fds[i] = (struct pollfd){ p->all[i]->fd, POLLIN, 0 };
    *stop = (struct pollfd){ p->feed.stop, POLLIN, 0 };
    *door = (struct pollfd){ p->count < PROGRAMS ? p->listener : -1, POLLIN, 0 };
    if (poll(fds, p->count + 2, -1) < 0)
        return errno == EINTR;
    if (stop->revents)
        return false;
    read_all(p, fds);
    if (door->revents)
        let_in(p);
    return feed_flush(&p->feed);
}

/* Nobody is read any more: the programs shall know. */
static void leave_all(struct programs *p)
{
    vitro_error err;

    vitro_fail(&err, VITRO_CANCELLED, "watch", 0, "nobody watches it any more");
    while (p->count)
        drop(p, p->count - 1, &err);
    if (p->listener >= 0) {
        vitro_local_remove(p->path, &p->file);
        close(p->listener);
        p->listener = -1;
    }
}

static void run(struct feed *f)
{
    struct programs *p = CONTAINER_OF(f, struct programs, feed);

    while ((p->count || p->listener >= 0) && turn(p)) {
        /* one turn after another */
    }
    leave_all(p);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void programs_free(struct feed *f)
{
    struct programs *p = CONTAINER_OF(f, struct programs, feed);

    leave_all(p);
    if (p->merging)
        merge_done(&p->merge);
    feed_done(f);
    free(p);
}

/* What to do about a socket that cannot be had. */
static const char *advice(int number, bool listens)
{
    switch (number) {
    case ENOENT:
    case ECONNREFUSED:
        return listens ? "does its folder exist?"
                       : "no program serves its trace there: run it with VITRO_TRACE=listen:PATH";
    case EADDRINUSE:
        return "somebody else listens there";
    case ENOTSOCK:
        return "a file that is no socket is there";
    case EPERM:
    case EACCES:
        return "it must be your own";
    default:
        return NULL;
    }
}

static int open_socket(struct programs *p, const char *where, bool listens)
{
    int fd = listens ? vitro_local_listen(p->path, &p->file) : vitro_local_connect(p->path);

    if (fd < 0) {
        command_fail("watch", where, strerror(errno), advice(errno, listens));
        return EXIT_SYSTEM;
    }
    if (listens)
        p->listener = fd;
    else
        adopt(p, fd);
    return EXIT_DONE;
}

int watch_programs_open(struct feed **out, const char *where)
{
    struct programs *p = calloc(1, sizeof *p);
    bool listens = strncmp(where, "listen:", 7) == 0;
    int status;

    *out = NULL;
    if (!p) {
        command_fail("watch", where, "out of memory", NULL);
        return EXIT_SYSTEM;
    }
    p->listener = -1;
    p->path = strchr(where, ':') + 1;
    if (feed_init(&p->feed, run, programs_free))
        p->merging = merge_init(&p->merge, &p->feed, listens);
    status = p->merging ? open_socket(p, where, listens) : EXIT_SYSTEM;
    if (status)
        programs_free(&p->feed);
    else
        *out = &p->feed;
    return status;
}
