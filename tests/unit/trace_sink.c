#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/util.h"
#include "support/heap.h"
#include "support/walk.h"
#include "trace/note.h"
#include "trace/trace.h"

TestSuite(trace_sink);

static vitro_trace *open_fd(int fd, bool block)
{
    vitro_trace_options options = VITRO_TRACE_OPTIONS_INIT;
    vitro_trace *t;
    char sink[32];

    options.block = block;
    options.buffer_bytes = 1; /* the least that there is */
    snprintf(sink, sizeof sink, "fd:%d", fd);
    cr_assert(eq(int, vitro_trace_open(&t, sink, &options, NULL), VITRO_OK));
    return t;
}

static size_t open_descriptors(void)
{
    size_t n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void read_all(int fd, struct walk *w)
{
    uint8_t *p = NULL;
    size_t n = 0;
    ssize_t got;

    do {
        p = realloc(p, n + 65536);
        got = read(fd, p + n, 65536);
        n += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    walk_bytes(w, p, n);
}

/* ---- files ---------------------------------------------------------------------------------- */

Test(trace_sink, a_file_is_written_anew_and_for_its_owner_alone)
{
    char folder[] = "/tmp/vitro-trace-XXXXXX", sink[128], path[128];
    vitro_trace *t;
    struct stat st;
    struct walk w;
    int fd;

    cr_assert(mkdtemp(folder) != NULL);
    snprintf(sink, sizeof sink, "file:%s/%%p.pcapng", folder);
    snprintf(path, sizeof path, "%s/%ld.pcapng", folder, (long)getpid());
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    cr_assert(eq(int, (int)write(fd, "what was there before", 21), 21));
    close(fd);
    cr_assert(eq(int, vitro_trace_open(&t, sink, NULL, NULL), VITRO_OK));
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC, "the number that was free is the trace's");
    vitro_trace_say(t, "hello");
    vitro_trace_flush(t);
    fd = open(path, O_RDONLY);
    cr_assert(eq(int, fstat(fd, &st), 0));
    cr_expect(eq(int, (int)(st.st_mode & 0777), 0600));
    walk_fd(&w, fd);
    cr_expect(eq(str, w.why, ""), "what was flushed is whole");
    cr_expect(eq(sz, w.n, 1));
    walk_done(&w);
    vitro_trace_unref(t);
    close(fd);
    unlink(path);
    rmdir(folder);
}

Test(trace_sink, every_sink_gets_the_same)
{
    char sinks[64];
    int a = memfd_create("a", MFD_CLOEXEC), b = memfd_create("b", MFD_CLOEXEC);
    int late = memfd_create("late", MFD_CLOEXEC);
    struct recorder *r;
    vitro_trace *t;
    struct walk wa, wb, wl;

    snprintf(sinks, sizeof sinks, "fd:%d,fd:%d", a, b);
    cr_assert(eq(int, vitro_trace_open(&t, sinks, NULL, NULL), VITRO_OK));
    r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 5);
    vitro_recorder_established(r);
    snprintf(sinks, sizeof sinks, "fd:%d", late);
    cr_assert(eq(int, vitro_trace_add(t, sinks, NULL, NULL), VITRO_OK));
    cr_expect(vitro_recorder_awaited(r));
    vitro_recorder_join(r, vitro_recorder_waiting(r), 7, 9);
    cr_expect_not(vitro_recorder_awaited(r));
    vitro_recorder_free(r);
    vitro_trace_unref(t);
    walk_fd(&wa, a);
    walk_fd(&wb, b);
    walk_fd(&wl, late);
    cr_expect(eq(sz, wa.n, 6));
    cr_expect(wa.size == wb.size && !memcmp(wa.file, wb.file, wa.size));
    cr_expect(eq(str, wl.why, ""), "a late sink has a section and interfaces of its own");
    cr_assert(eq(sz, wl.n, 3));
    cr_expect(eq(u32, wl.item[0].seq, 8), "behind the SYN and what has crossed");
    cr_expect(eq(u32, wl.item[0].ack, 10));
    walk_done(&wa);
    walk_done(&wb);
    walk_done(&wl);
    close(a);
    close(b);
    close(late);
}

/* ---- pipes and sockets ---------------------------------------------------------------------- */

enum { PACKETS = 400, PACKET = 3000 };

static void write_packets(vitro_trace *t, struct recorder *r, size_t n)
{
    static const uint8_t bytes[PACKET];
    vitro_bytes piece = { bytes, sizeof bytes };

    for (size_t i = 0; i < n; i++) {
        vitro_recorder_bytes(r, RECORD_SENT, &piece, 1);
        vitro_trace_flush(t);
    }
}

static void expect_drops(int read_end, int write_end)
{
    vitro_trace *t = open_fd(write_end, false);
    struct recorder *r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
    const struct walked *lost;
    uint8_t *early = malloc(1 << 20);
    ssize_t got;
    size_t n = 0, packets = 0, told = 0;
    struct walk w;

    close(write_end);
    write_packets(t, r, PACKETS); /* would wait for ever if it waited at all */
    fcntl(read_end, F_SETFL, O_NONBLOCK);
    do {
        while ((got = read(read_end, early + n, (1 << 20) - n)) > 0)
            n += (size_t)got;
        vitro_trace_flush(t);
    } while ((got = read(read_end, early + n, (1 << 20) - n)) > 0 && (n += (size_t)got));
    write_packets(t, r, 2);
    vitro_recorder_free(r);
    vitro_trace_unref(t);
    while ((got = read(read_end, early + n, (1 << 20) - n)) > 0)
        n += (size_t)got;
    walk_bytes(&w, early, n);
    cr_assert(eq(str, w.why, ""), "only whole blocks are dropped");
    for (size_t i = 0; i < w.n; i++)
        packets += w.item[i].type == WALKED_PACKET && w.item[i].len == PACKET;
    for (size_t i = 0; (lost = walk_note(&w, i, "lost")); i = (size_t)(lost - w.item) + 1)
        told += strtoul(walk_field(lost, "VITRO_COUNT"), NULL, 10);
    cr_expect(told > 0);
    cr_expect(eq(sz, packets + told, PACKETS + 2));
    cr_expect(packets > 2 && packets < PACKETS);
    walk_done(&w);
    close(read_end);
}

Test(trace_sink, a_full_pipe_or_socket_loses_whole_blocks_and_says_how_many)
{
    int ends[2];

    cr_assert(eq(int, pipe(ends), 0));
    expect_drops(ends[0], ends[1]);
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0));
    expect_drops(ends[0], ends[1]);
}

Test(trace_sink, others_who_write_to_the_pipe_still_wait)
{
    int ends[2];
    vitro_trace *t;

    cr_assert(eq(int, pipe(ends), 0));
    t = open_fd(ends[1], false);
    cr_expect(eq(int, fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0));
    vitro_trace_unref(t);
    cr_expect(fcntl(ends[1], F_GETFD) >= 0, "the number stays the caller's");
    close(ends[0]);
    close(ends[1]);
}

struct reader {
    int fd;
    struct walk w;
};

static void *reader_main(void *arg)
{
    struct reader *r = arg;

    read_all(r->fd, &r->w);
    return NULL;
}

Test(trace_sink, a_descriptor_that_blocks_loses_nothing)
{
    for (int kind = 0; kind < 2; kind++) {
        int ends[2];
        struct reader reader;
        pthread_t thread;
        vitro_trace *t;
        struct recorder *r;

        cr_assert(eq(int, kind ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0));
        reader.fd = ends[0];
        t = open_fd(ends[1], true);
        close(ends[1]);
        pthread_create(&thread, NULL, reader_main, &reader);
        r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
        write_packets(t, r, PACKETS);
        vitro_recorder_free(r);
        vitro_trace_unref(t);
        pthread_join(thread, NULL);
        cr_expect(eq(str, reader.w.why, ""));
        cr_expect(eq(sz, reader.w.n, PACKETS + 6));
        walk_done(&reader.w);
        close(ends[0]);
    }
}

Test(trace_sink, the_end_of_a_trace_is_not_lost_to_a_reader_who_reads_on)
{
    int ends[2];
    struct reader reader;
    pthread_t thread;
    vitro_trace *t;
    struct recorder *r;

    cr_assert(eq(int, pipe(ends), 0));
    t = open_fd(ends[1], false);
    close(ends[1]);
    r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
    write_packets(t, r, 45); /* more than the pipe, less than pipe and buffer hold */
    vitro_recorder_free(r);
    cr_expect(vitro_trace_flush(t), "something waits");
    reader.fd = ends[0];
    pthread_create(&thread, NULL, reader_main, &reader);
    vitro_trace_unref(t);
    pthread_join(thread, NULL);
    cr_expect(eq(str, reader.w.why, ""));
    cr_expect(eq(sz, reader.w.n, 45 + 6));
    walk_done(&reader.w);
    close(ends[0]);
}

Test(trace_sink, a_reader_that_left_raises_no_signal)
{
    for (int kind = 0; kind < 4; kind++) {
        int ends[2];
        vitro_trace *t;
        struct recorder *r;

        cr_assert(eq(int, kind & 1 ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0));
        t = open_fd(ends[1], kind & 2);
        close(ends[1]);
        close(ends[0]);
        r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
        write_packets(t, r, 3); /* SIGPIPE has its default here: it would end the test */
        vitro_recorder_free(r);
        vitro_trace_unref(t);
    }
}

/* ---- what goes wrong ------------------------------------------------------------------------ */

/* What `work` wrote to stderr. */
static char *stderr_of(void (*work)(void))
{
    static char text[1024];
    int fd = memfd_create("stderr", MFD_CLOEXEC), before = dup(2);
    ssize_t n;

    dup2(fd, 2);
    work();
    fflush(stderr);
    dup2(before, 2);
    n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(before);
    close(fd);
    return text;
}

static void fill_the_disk(void)
{
    vitro_trace *t;

    cr_assert(eq(int, vitro_trace_open(&t, "file:/dev/full", NULL, NULL), VITRO_OK));
    vitro_trace_say(t, "one");
    vitro_trace_flush(t);
    vitro_trace_say(t, "two");
    vitro_trace_flush(t);
    vitro_trace_unref(t);
}

Test(trace_sink, a_full_disk_ends_the_trace_with_one_line)
{
    cr_expect(eq(str, stderr_of(fill_the_disk),
                 "vitro: trace: file:/dev/full: No space left on device; the trace ends here, the "
                 "program goes on\n"));
}

Test(trace_sink, a_sink_that_cannot_be_is_a_clear_error_and_leaves_nothing_open)
{
    static const struct {
        const char *sinks;
        vitro_code code;
        const char *text;
    } bad[] = {
        { "", VITRO_INVALID_ARGUMENT,
          "no sink; there are file:PATH, fd:N, unix:PATH, listen:PATH" },
        { NULL, VITRO_INVALID_ARGUMENT,
          "no sink; there are file:PATH, fd:N, unix:PATH, listen:PATH" },
        { "udp:7", VITRO_INVALID_ARGUMENT,
          "udp:7: no such sink; there are file:PATH, fd:N, unix:PATH, listen:PATH" },
        { "file:/dev/null,,fd:1", VITRO_INVALID_ARGUMENT,
          ": no such sink; there are file:PATH, fd:N, unix:PATH, listen:PATH" },
        { "file:/dev/null,lisen:/x", VITRO_INVALID_ARGUMENT,
          "lisen:/x: no such sink; there are file:PATH, fd:N, unix:PATH, listen:PATH" },
        { "fd:250", VITRO_UNAVAILABLE, "fd:250: Bad file descriptor" },
        { "fd:-1", VITRO_UNAVAILABLE, "fd:-1: Invalid argument" },
        { "fd:1x", VITRO_UNAVAILABLE, "fd:1x: Invalid argument" },
        { "file:/nowhere/at/all", VITRO_UNAVAILABLE,
          "file:/nowhere/at/all: No such file or directory" },
        { "file:/tmp", VITRO_UNAVAILABLE, "file:/tmp: Is a directory" },
    };
    size_t before = open_descriptors();

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        vitro_trace *t;
        vitro_error err;
        cr_expect(eq(int, (int)vitro_trace_open(&t, bad[i].sinks, NULL, &err), (int)bad[i].code));
        cr_expect(eq(ptr, t, NULL));
        cr_expect(eq(str, err.frame[0].text, (char *)bad[i].text));
    }
    cr_expect(eq(sz, open_descriptors(), before));
}

Test(trace_sink, a_descriptor_to_read_from_is_refused)
{
    int fd = open("/dev/null", O_RDONLY);
    vitro_trace *t;
    char sink[32];

    snprintf(sink, sizeof sink, "fd:%d", fd);
    cr_expect(eq(int, vitro_trace_open(&t, sink, NULL, NULL), VITRO_UNAVAILABLE));
    close(fd);
}

/* ---- forks ---------------------------------------------------------------------------------- */

static int child_writes(vitro_trace *t, struct recorder *r, size_t descriptors)
{
    if (open_descriptors() != descriptors - 1)
        return 1;
    vitro_trace_say(t, "of the child");
    write_packets(t, r, 3);
    vitro_recorder_free(r);
    vitro_trace_flush(t);
    vitro_trace_unref(t);
    return 0;
}

Test(trace_sink, the_child_of_a_fork_writes_nothing)
{
    int fd = memfd_create("trace", MFD_CLOEXEC), status;
    vitro_trace *t = open_fd(fd, false);
    struct recorder *r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
    size_t descriptors = open_descriptors();
    struct walk w;
    pid_t child;

    vitro_recorder_established(r);
    child = fork(); /* with the SYN exchange still in the buffer */
    if (!child)
        _exit(child_writes(t, r, descriptors));
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    cr_expect(eq(int, status, 0));
    vitro_trace_say(t, "of the parent");
    vitro_recorder_free(r);
    vitro_trace_unref(t);
    walk_fd(&w, fd);
    cr_expect(eq(str, w.why, ""));
    cr_expect(eq(sz, w.n, 3 + 1 + 3));
    cr_expect(eq(str, (char *)walk_field(&w.item[3], "MESSAGE"), "of the parent"));
    walk_done(&w);
    close(fd);
}

/* ---- the process's trace -------------------------------------------------------------------- */

static void ask_twice(void)
{
    cr_expect(eq(ptr, vitro_trace_process(), NULL));
    cr_expect(eq(ptr, vitro_trace_process(), NULL));
}

Test(trace_sink, a_process_trace_that_fails_is_one_line_once)
{
    setenv("VITRO_TRACE", "file:/nowhere/x", 1);
    cr_expect(eq(str, stderr_of(ask_twice),
                 "vitro: trace: VITRO_TRACE: file:/nowhere/x: No such file or directory; the "
                 "program goes on without a trace\n"));
}

Test(trace_sink, no_process_trace_is_silent)
{
    unsetenv("VITRO_TRACE");
    cr_expect(eq(str, stderr_of(ask_twice), ""));
}

Test(trace_sink, a_process_has_one_trace_and_its_child_none)
{
    int fd = memfd_create("trace", MFD_CLOEXEC), status;
    vitro_trace *a, *b;
    char sink[32];
    pid_t child;

    snprintf(sink, sizeof sink, "fd:%d", fd);
    setenv("VITRO_TRACE", sink, 1);
    a = vitro_trace_process();
    b = vitro_trace_process();
    cr_assert(ne(ptr, a, NULL));
    cr_expect(eq(ptr, a, b));
    child = fork();
    if (!child)
        _exit(vitro_trace_process() != NULL);
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    cr_expect(eq(int, status, 0));
    vitro_trace_unref(a);
    vitro_trace_unref(b);
    close(fd);
}

/* ---- memory --------------------------------------------------------------------------------- */

static bool a_trace(const char *sink)
{
    struct endpoint c = { 4, { 127, 0, 0, 1 }, 1 }, s = { 4, { 127, 0, 0, 1 }, 2 };
    struct recorder *r;
    vitro_trace *t;

    if (vitro_trace_open(&t, sink, NULL, NULL))
        return false;
    r = vitro_recorder_new(t, RECORD_CLIENT, &c, &s, 0);
    vitro_recorder_established(r);
    vitro_trace_say(t, "hello");
    vitro_trace_schema(t, vitro_str_of("a.proto"), (vitro_bytes){ (const uint8_t *)"abc", 3 });
    vitro_recorder_free(r);
    vitro_trace_unref(t);
    return true;
}

Test(trace_sink, without_memory_a_trace_is_poorer_and_leaks_nothing)
{
    struct heap heap = { 0 };
    char sink[32];
    int fd = memfd_create("trace", MFD_CLOEXEC);
    size_t calls;

    snprintf(sink, sizeof sink, "fd:%d", fd);
    heap_install(&heap);
    cr_assert(a_trace(sink));
    calls = heap.calls;
    for (size_t i = 1; i <= calls; i++) {
        struct walk w;
        cr_assert(eq(int, ftruncate(fd, 0), 0));
        lseek(fd, 0, SEEK_SET);
        heap.calls = 0;
        heap.fail_at = i;
        if (a_trace(sink)) {
            walk_fd(&w, fd);
            cr_expect(eq(str, w.why, ""), "allocation %zu", i);
            walk_done(&w);
        }
        cr_expect(eq(sz, heap.live, 0), "allocation %zu", i);
        cr_expect(eq(sz, heap.bytes, 0), "allocation %zu", i);
    }
    heap_remove();
    close(fd);
}
