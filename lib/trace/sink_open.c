#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "trace/sink.h"

enum { DEFAULT_BUFFER = 256 * 1024, LEAST_BUFFER = 128 * 1024, PATH_BYTES = 4096 };

/* What an errno means to people, where the system's own text would not tell. */
struct sink_reason {
    int number;
    const char *text;
};

/* Each kind opens a descriptor of its own from the text after its prefix, or -1 and errno. */
struct sink_kind {
    const char *prefix;
    int (*open)(struct sink *s, const char *where);
    const struct sink_reason *reasons; /* NULL: the system's; number 0 ends them */
    bool dials;
};

/* Without O_NONBLOCK a FIFO that nobody reads would stop the program here. */
static int open_file(struct sink *s, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                  S_IRUSR | S_IWUSR);
    struct stat st;

    (void)s;
    /* A file that was there before may be open to others: secrets go into traces. */
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
        (void)!fchmod(fd, S_IRUSR | S_IWUSR);
    return fd;
}

/*
 * A descriptor of somebody else: a pipe is opened anew, so that whether its writers wait stays
 * each one's own affair; where /proc does not allow that it is shared.
 */
static int open_fd(struct sink *s, const char *number)
{
    uint64_t n;
    struct stat st;
    char path[32];
    int flags, fd;

    (void)s;
    if (!vitro_text_number(vitro_str_of(number), INT32_MAX, &n)) {
        errno = EINVAL;
        return -1;
    }
    flags = fcntl((int)n, F_GETFL);
    if (flags < 0 || fstat((int)n, &st))
        return -1;
    if ((flags & O_ACCMODE) == O_RDONLY) {
        errno = EBADF;
        return -1;
    }
    if (S_ISFIFO(st.st_mode)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", (int)n);
        fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    return fcntl((int)n, F_DUPFD_CLOEXEC, 3);
}

static int open_unix(struct sink *s, const char *path)
{
    (void)s;
    return vitro_local_connect(path);
}

static int open_listen(struct sink *s, const char *path)
{
    return vitro_local_listen(path, &s->file);
}

#define LONG_PATH                                                                                  \
    {                                                                                              \
        ENAMETOOLONG, "a socket's path has at most 107 bytes"                                      \
    }
#define NO_REASON                                                                                  \
    {                                                                                              \
        0, NULL                                                                                    \
    }

static const struct sink_reason unix_reasons[] = {
    { EPERM, "another user listens there" },
    LONG_PATH,
    NO_REASON,
};

static const struct sink_reason listen_reasons[] = {
    { EADDRINUSE, "another program listens there" },
    { ENOTSOCK, "a file is there that is no socket" },
    LONG_PATH,
    NO_REASON,
};

static const struct sink_kind kinds[] = {
    { "file:", open_file, NULL, false },
    { "fd:", open_fd, NULL, false },
    { "unix:", open_unix, unix_reasons, true },
    { "listen:", open_listen, listen_reasons, false },
};

const char *const vitro_sink_kinds = "file:PATH, fd:N, unix:PATH, listen:PATH";

static const char *reason_of(const struct sink_kind *kind, int number)
{
    for (const struct sink_reason *r = kind->reasons; r && r->number; r++)
        if (r->number == number)
            return r->text;
    return vitro_sink_reason(number);
}

static const struct sink_kind *kind_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)))
            return &kinds[i];
    return NULL;
}

/* spec with %p replaced by the process's number; false when it is too long or holds a NUL. */
static bool expand(vitro_str spec, char *out, size_t size)
{
    struct text t;

    vitro_text_init(&t, out, size);
    for (size_t i = 0; i < spec.len; i++) {
        if (!spec.ptr[i])
            return false;
        if (spec.ptr[i] == '%' && i + 1 < spec.len && spec.ptr[i + 1] == 'p') {
            vitro_text_add(&t, "%ld", (long)getpid());
            i++;
        } else {
            vitro_text_bytes(&t, (vitro_str){ spec.ptr + i, 1 });
        }
    }
    return t.len < size;
}

static void sink_examine(struct sink *s, bool block)
{
    struct stat st;
    int flags = fcntl(s->fd, F_GETFL);

    s->type = SINK_FILE;
    if (!fstat(s->fd, &st)) {
        s->type = S_ISFIFO(st.st_mode) ? SINK_PIPE : S_ISSOCK(st.st_mode) ? SINK_SOCKET : SINK_FILE;
    }
    if (s->file.number)
        s->type = SINK_LISTENER;
    s->wait = block || s->type == SINK_FILE;
    if (s->type == SINK_PIPE && !s->wait && flags >= 0)
        fcntl(s->fd, F_SETFL, flags | O_NONBLOCK);
}

static bool sink_buffer(struct sink *s)
{
    if (s->type == SINK_LISTENER)
        return true;
    s->data = vitro_mem_alloc(s->account, s->size);
    s->cap = s->data ? s->size : 0;
    return s->data != NULL;
}

static vitro_code no_memory(struct sink *s, const char *name, vitro_error *err)
{
    vitro_sink_done(s);
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "trace", 0, "%s: out of memory", name);
}

/* ---- one reader after the other ------------------------------------------------------------- */

enum { SECOND = 1000000000, LEAST_PAUSE = SECOND / 8, LOOK_PAUSE = SECOND };
static const int64_t most_pause = 2 * (int64_t)SECOND;

/* Nobody listens there, or who does is busy: another time somebody may. */
static bool is_absence(int number)
{
    return number == ENOENT || number == ECONNREFUSED || number == EAGAIN;
}

/* Nobody was there when it was opened. */
static void sink_await_reader(struct sink *s, bool block)
{
    s->type = SINK_SOCKET;
    s->wait = block;
}

static bool sink_connect(struct sink *s)
{
    s->fd = vitro_local_connect(strchr(s->name, ':') + 1);
    if (s->fd >= 0 && !sink_buffer(s))
        vitro_sink_abandon(s);
    return s->fd >= 0;
}

bool vitro_sink_dial(struct sink *s, int64_t now)
{
    if (!s->dials)
        return false;
    if (vitro_sink_is_left(s))
        vitro_sink_abandon(s);
    if (s->fd >= 0 || now < s->due)
        return false;
    if (!sink_connect(s)) {
        s->pause = MIN(MAX(2 * s->pause, (int64_t)LEAST_PAUSE), most_pause);
        s->due = now + s->pause;
        return false;
    }
    s->due = s->pause = 0;
    s->lost = 0;
    s->interfaces = 0;
    s->torn = false;
    return true;
}

int64_t vitro_sink_rest(const struct sink *s, int64_t now)
{
    return s->fd >= 0 ? LOOK_PAUSE : MAX(s->due - now, (int64_t)0);
}

/* ---- opening -------------------------------------------------------------------------------- */

vitro_code vitro_sink_open(struct sink *s, struct account *account, vitro_str spec,
                           const vitro_trace_options *options, vitro_error *err)
{
    const struct sink_kind *kind;
    char name[PATH_BYTES];

    *s = (struct sink){ .fd = -1, .account = account };
    s->no_secrets = options->no_secrets;
    s->size = options->buffer_bytes ? options->buffer_bytes : DEFAULT_BUFFER;
    s->size = MAX(s->size, LEAST_BUFFER); /* the largest packet always fits */
    if (!expand(spec, name, sizeof name))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "trace", 0,
                          "the name of a sink is too long");
    kind = kind_of(name);
    if (!kind)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "trace", 0, "%s: no such sink; there are %s",
                          name, vitro_sink_kinds);
    s->name = vitro_mem_text(account, vitro_str_of(name));
    if (!s->name)
        return no_memory(s, name, err);
    s->fd = kind->open(s, name + strlen(kind->prefix));
    s->dials = kind->dials;
    if (s->fd < 0) {
        int why = errno;
        if (kind->dials && is_absence(why)) {
            sink_await_reader(s, options->block);
            return VITRO_OK;
        }
        vitro_sink_done(s);
        return vitro_fail(err, VITRO_UNAVAILABLE, "trace", why, "%s: %s", name,
                          reason_of(kind, why));
    }
    sink_examine(s, options->block);
    return sink_buffer(s) ? VITRO_OK : no_memory(s, name, err);
}

enum sink_admission vitro_sink_admit(struct sink *s, const struct sink *listener)
{
    int fd = vitro_local_accept(listener->fd);

    if (fd < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? SINK_NOBODY : SINK_NO_ROOM;
    *s = (struct sink){ .fd = fd,
                        .account = listener->account,
                        .type = SINK_SOCKET,
                        .wait = listener->wait,
                        .no_secrets = listener->no_secrets,
                        .size = listener->size,
                        .attached = true };
    s->name = vitro_mem_text(s->account, vitro_str_of(listener->name));
    if (s->name && sink_buffer(s))
        return SINK_ADMITTED;
    vitro_sink_done(s);
    return SINK_NO_ROOM;
}
