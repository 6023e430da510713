/*
 * spool - what comes is added by one thread and read by another: a feed whose reader is slower,
 * one whose reader leaves while it waits for room, and a pipe that is drained.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "feed.h"
#include "source.h"

enum { MIB = 1024 * 1024, TOTAL = 64 * MIB };

static int failed;

static void expect(bool true_, const char *what)
{
    if (!true_)
        printf("spool: %s\n", what);
    failed |= !true_;
}

/* Blocks for as long as they are wanted. */
static void run(struct feed *f)
{
    static uint8_t data[60000];

    for (size_t n = 0; n < TOTAL && feed_flush(f); n += sizeof data) {
        struct block b;
        vitro_block_packet(&b, 0, n, sizeof data);
        vitro_block_data(&b, (vitro_bytes){ data, sizeof data });
        vitro_block_end(&b);
        feed_block(f, &b);
        live_add(&f->live.packets, 1);
    }
}

static void nothing(struct feed *f)
{
    feed_done(f);
}

/* Read up to so many bytes, then leave. */
static void read_some(uint64_t most)
{
    struct spool_options options = { "s", 8 * MIB, false };
    struct source *source;
    struct spool *spool;
    struct feed feed;
    uint64_t at = 0, size;

    if (spool_new(&spool, &options, NULL) || source_open_spool(&source, spool, NULL) ||
        !feed_init(&feed, run, nothing) || feed_start(&feed, spool, NULL))
        exit(1);
    while (at < most) {
        vitro_bytes b = source_lend(at, 100000, source);
        if (!b.len)
            break;
        at += b.len;
        source_grow(source, &size);
        expect(size >= at, "more than has come was read");
        expect(live_get(&feed.live.packets) > 0, "packets are counted");
    }
    expect(at >= MIN(most, (uint64_t)TOTAL - 60000), "not all was read");
    feed_free(&feed);
    source_close(source);
    spool_free(spool);
}

static void drain_pipe(void)
{
    static uint8_t data[MIB];
    struct source *source;
    int fds[2];

    if (pipe(fds) || source_open_fd(&source, fds[0], "p", NULL))
        exit(1);
    for (int i = 0; i < 8; i++)
        expect(write(fds[1], data, MIB) == MIB, "a pipe is drained");
    expect(source_lend(7 * MIB, MIB, source).len == MIB, "all of it is there");
    source_close(source); /* while it is open */
    close(fds[1]);
}

int main(void)
{
    read_some(TOTAL);
    read_some(MIB);
    read_some(0);
    drain_pipe();
    return failed;
}
