/* source: the bytes of files and pipes at any offset, as often as they are asked for. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support/flows.h"
#include "support/pcap_write.h"
#include "support/seed.h"

#include "source.c"
#include "spool.c"

enum { N = 1500000 };
static uint8_t text[N];

/* A file without a name that holds n bytes of text. */
static int file_of(size_t n)
{
    int fd = open_unnamed();

    cr_assert(ge(int, fd, 0));
    cr_assert(eq(i64, write(fd, text, n), (int64_t)n));
    cr_assert(eq(i64, lseek(fd, 0, SEEK_SET), 0));
    return fd;
}

static void ask_everywhere(struct source *s, struct chance *c)
{
    for (size_t i = 0; i < 2000; i++) {
        size_t at = seed_between(c, 0, N + 100), len = seed_between(c, 0, i % 50 ? 3000 : N);
        vitro_bytes b = source_lend(at, len, s);
        size_t there = at > N ? 0 : N - at;

        cr_assert(eq(sz, b.len, len < there ? len : there), "length " SEED_TEXT, seed_of_run(), i);
        cr_assert(b.len == 0 || !memcmp(b.ptr, text + at, b.len), "bytes " SEED_TEXT, seed_of_run(),
                  i);
    }
    cr_expect(eq(sz, source_lend(UINT64_MAX, 10, s).len, 0));
    cr_expect(source_error(s) == NULL);
}

Test(source, a_file_gives_any_byte_at_any_time)
{
    struct chance c = seed_chance();
    struct source *s;

    seed_fill(&c, text, N);
    cr_assert(eq(int, source_open_fd(&s, file_of(N), "f", NULL), VITRO_OK));
    ask_everywhere(s, &c);
    source_close(s);
}

Test(source, a_pipe_gives_any_byte_at_any_time)
{
    struct chance c = seed_chance();
    struct source *s;
    int fds[2];
    pid_t writer;

    seed_fill(&c, text, N);
    cr_assert(eq(int, pipe(fds), 0));
    writer = fork();
    if (!writer) {
        for (size_t at = 0; at < N;)
            at += (size_t)write(fds[1], text + at, N - at < 10007 ? N - at : 10007);
        _exit(0);
    }
    close(fds[1]);
    cr_assert(eq(int, source_open_fd(&s, fds[0], "p", NULL), VITRO_OK));
    ask_everywhere(s, &c);
    source_close(s);
}

Test(source, a_pipe_is_followed_while_it_is_written)
{
    struct source *s;
    int fds[2];

    cr_assert(eq(int, pipe(fds), 0));
    cr_assert(eq(int, source_open_fd(&s, fds[0], "p", NULL), VITRO_OK));
    cr_assert(eq(i64, write(fds[1], "abc", 3), 3));
    cr_expect(eq(sz, source_lend(0, 3, s).len, 3)); /* and does not wait for more */
    cr_assert(eq(i64, write(fds[1], "def", 3), 3));
    cr_expect(eq(int, memcmp(source_lend(2, 4, s).ptr, "cdef", 4), 0));
    close(fds[1]);
    cr_expect(eq(sz, source_lend(4, 100, s).len, 2));
    source_close(s);
}

Test(source, a_file_that_shrinks_has_a_hole_and_one_that_grows_goes_on)
{
    struct source *s;
    int fd = file_of(N), other = dup(fd);

    cr_assert(eq(int, source_open_fd(&s, fd, "f", NULL), VITRO_OK));
    cr_expect(eq(sz, source_lend(0, 10, s).len, 10));
    cr_assert(eq(int, ftruncate(other, 500000), 0));
    cr_expect(eq(sz, source_lend(N - 100, 100, s).len, 0));
    cr_expect(eq(sz, source_lend(499990, 100, s).len, 10));
    cr_assert(eq(int, ftruncate(other, 500005), 0));
    cr_expect(eq(sz, source_lend(499990, 100, s).len, 15));
    cr_expect(source_error(s) == NULL);
    close(other);
    source_close(s);
}

Test(source, a_capture_reads_the_same_from_memory_file_and_pipe)
{
    struct pcap_talk talk = { .next = { 1, 1 } };
    struct pcap_write w;
    struct flows memory = { 0 }, file = { 0 };
    struct source *s;
    int fd = open_unnamed();

    pcap_write_init(&w, PCAP_NG, 113);
    pcap_talk_open(&w, &talk);
    pcap_talk_send(&w, &talk, 0, text, 100000);
    pcap_talk_close(&w, &talk);
    cr_assert(eq(i64, write(fd, "before", 6) + write(fd, w.ptr, w.len), (int64_t)(6 + w.len)));
    lseek(fd, 6, SEEK_SET); /* what stands before the descriptor's place is not ours */
    cr_assert(eq(int, source_open_fd(&s, fd, "f", NULL), VITRO_OK));
    cr_expect(eq(int, flows_run(&memory, pcap_write_lend, &w), CAPTURE_END));
    cr_expect(eq(int, flows_run(&file, source_lend, s), CAPTURE_END));
    cr_expect(eq(str, (char *)flows_log(&memory), (char *)flows_log(&file)));
    cr_expect(flows_is(&file, 0, 0, text, 100000));
    source_close(s);
    flows_done(&memory);
    flows_done(&file);
    pcap_write_done(&w);
}

Test(source, what_cannot_be_opened_is_told)
{
    struct source *s;
    vitro_error err;

    cr_expect(eq(int, source_open(&s, "/nowhere/at/all", &err), VITRO_NOT_FOUND));
    cr_expect(strstr(err.frame[0].text, "/nowhere/at/all: cannot be opened") != NULL);
    cr_expect(eq(int, source_open(&s, "/", &err), VITRO_UNAVAILABLE));
    cr_expect(strstr(err.frame[0].text, "directory") != NULL);
    source_close(NULL);
}
