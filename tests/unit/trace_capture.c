#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "decode/capture.h"
#include "support/seed.h"
#include "trace/note.h"
#include "trace/trace.h"

/* What the tap writes is what the decoder's reader reads: one format, two pieces of code. */
TestSuite(trace_capture);

static vitro_bytes lend_file(uint64_t offset, size_t len, void *user)
{
    const vitro_bytes *file = user;
    size_t have = offset < file->len ? file->len - (size_t)offset : 0;

    return (vitro_bytes){ file->ptr + (have ? offset : 0), len < have ? len : have };
}

enum { STEPS = 300, TEXT = 40 };

struct step {
    enum capture_kind kind;
    int64_t ns;
    uint32_t loop;
    char text[TEXT];
    size_t len;
};

/* One thing after another into the trace, each at a time of its own. */
static void any_step(struct chance *c, vitro_trace *t, struct recorder *const *r,
                     struct clock_virtual *clock, struct step *s)
{
    static const enum capture_kind kinds[] = { CAPTURE_PACKET, CAPTURE_NOTE, CAPTURE_SECRETS };

    clock->now += (int64_t)seed_between(c, 1, 5000000000);
    s->ns = clock->wall_start + clock->now;
    s->kind = kinds[seed_between(c, 0, 2)];
    s->loop = (uint32_t)seed_between(c, 0, 1);
    s->len = seed_between(c, 1, TEXT);
    seed_fill(c, s->text, s->len);
    if (s->kind == CAPTURE_PACKET) {
        vitro_bytes piece = { (const uint8_t *)s->text, s->len };
        vitro_recorder_bytes(r[s->loop], RECORD_SENT, &piece, 1);
    } else if (s->kind == CAPTURE_NOTE) {
        vitro_note(t, connecting, .address = { s->text, s->len });
    } else {
        vitro_trace_secrets(t, (vitro_bytes){ (const uint8_t *)s->text, s->len });
    }
}

static void expect_step(const struct step *s, const struct capture_record *got, size_t number)
{
    struct note_field field;

    cr_assert(got->kind == s->kind, "kind " SEED_TEXT, seed_of_run(), number);
    if (s->kind == CAPTURE_PACKET) {
        cr_assert(eq(int, got->link, 101));
        cr_assert(eq(u32, got->interface_id, s->loop));
        cr_assert(eq(sz, got->bytes.len, 40 + s->len));
        cr_assert(memcmp(got->bytes.ptr + 40, s->text, s->len) == 0);
    } else if (s->kind == CAPTURE_NOTE) {
        cr_assert(vitro_note_find(got->bytes, vitro_str_of("VITRO_ADDRESS"), &field));
        cr_assert(field.value.len == s->len && !memcmp(field.value.ptr, s->text, s->len));
    } else {
        cr_assert(eq(u32, got->secrets_type, CAPTURE_SECRETS_TLS));
        cr_assert(got->bytes.len == s->len && !memcmp(got->bytes.ptr, s->text, s->len));
        return;
    }
    cr_assert(got->has_ts);
    cr_assert(got->ts == s->ns || (s->kind == CAPTURE_NOTE && got->ts == s->ns / 1000 * 1000),
              "time " SEED_TEXT, seed_of_run(), number);
}

static vitro_trace *open_trace(int fd, struct clock_virtual *clock)
{
    vitro_trace *t;
    char sink[32];

    snprintf(sink, sizeof sink, "fd:%d", fd);
    cr_assert(eq(int, vitro_trace_open(&t, sink, NULL, NULL), VITRO_OK));
    vitro_trace_clock(t, vitro_clock_virtual(clock));
    return t;
}

Test(trace_capture, any_trace_is_read_back_block_by_block)
{
    static struct step step[STEPS];
    struct chance c = seed_chance();
    struct clock_virtual clock = { 0, 1758326400000000000 };
    int fd = memfd_create("trace", MFD_CLOEXEC);
    vitro_trace *t = open_trace(fd, &clock);
    struct recorder *r[2];
    struct capture capture;
    struct capture_record got;
    vitro_bytes file;
    vitro_error err;

    for (uint32_t i = 0; i < 2; i++) {
        r[i] = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, i);
        vitro_recorder_established(r[i]);
    }
    for (size_t i = 0; i < STEPS; i++)
        any_step(&c, t, r, &clock, &step[i]);
    vitro_trace_flush(t);
    file.len = (size_t)lseek(fd, 0, SEEK_END);
    file.ptr = mmap(NULL, file.len, PROT_READ, MAP_PRIVATE, fd, 0);
    vitro_capture_init(&capture, lend_file, &file, NULL);
    for (size_t i = 0; i < 6; i++) /* two SYN exchanges */
        cr_assert(eq(int, (int)vitro_capture_next(&capture, &got, &err), CAPTURE_RECORD));
    for (size_t i = 0; i < STEPS; i++) {
        cr_assert(eq(int, (int)vitro_capture_next(&capture, &got, &err), CAPTURE_RECORD));
        expect_step(&step[i], &got, i);
    }
    cr_expect(eq(int, (int)vitro_capture_next(&capture, &got, &err), CAPTURE_END));
    vitro_capture_done(&capture);
    vitro_recorder_free(r[0]);
    vitro_recorder_free(r[1]);
    vitro_trace_unref(t);
    munmap((void *)file.ptr, file.len);
    close(fd);
}
