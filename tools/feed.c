#include "feed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "thread.h"
#include "trace/tap.h"

enum { NOTE_BYTES = 64 * 1024 };

bool feed_init(struct feed *f, void (*run)(struct feed *f), void (*free)(struct feed *f))
{
    memset(f, 0, sizeof *f);
    f->run = run;
    f->free = free;
    f->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f->out = malloc(FEED_BYTES);
    vitro_buf_init(&f->entry, NULL, NOTE_BYTES);
    return f->out && f->stop >= 0;
}

void feed_done(struct feed *f)
{
    if (f->stop >= 0)
        close(f->stop);
    free(f->out);
    vitro_buf_done(&f->entry);
}

static void *run(void *user)
{
    struct feed *f = user;

    f->run(f);
    feed_flush(f);
    spool_end(f->spool, NULL);
    return NULL;
}

vitro_code feed_start(struct feed *f, struct spool *spool, vitro_error *err)
{
    int number;

    f->spool = spool;
    number = thread_start(&f->thread, run, f);
    if (number)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "feed", number, "no thread to read with");
    f->running = true;
    return VITRO_OK;
}

void feed_stop(struct feed *f)
{
    uint64_t one = 1;

    (void)!write(f->stop, &one, sizeof one);
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    if (f->running) {
        spool_close(f->spool); /* it may be waiting for room */
        feed_stop(f);
        pthread_join(f->thread, NULL);
    }
    f->free(f);
}

bool feed_flush(struct feed *f)
{
    if (f->len && !f->full)
        f->full = !spool_add(f->spool, f->out, f->len);
    f->len = 0;
    return !f->full;
}

void feed_block(struct feed *f, const struct block *b)
{
    if (b->len > FEED_BYTES - f->len)
        feed_flush(f);
    for (size_t i = 0; i < b->n && !f->full; i++) {
        const vitro_bytes *piece = &b->piece[i];
        if (b->len > FEED_BYTES) { /* larger than all of the room */
            f->full = !spool_add(f->spool, piece->ptr, piece->len);
            continue;
        }
        if (piece->len)
            memcpy(f->out + f->len, piece->ptr, piece->len);
        f->len += piece->len;
    }
}

void feed_note(struct feed *f, enum note_id id, const void *note)
{
    struct timespec t;
    struct block b;

    clock_gettime(CLOCK_REALTIME, &t);
    vitro_buf_consume(&f->entry, f->entry.len);
    if (!vitro_note_entry(&f->entry, (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec, id,
                          note))
        return;
    vitro_block_journal(&b, vitro_buf_bytes(&f->entry));
    feed_block(f, &b);
}
