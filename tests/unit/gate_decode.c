/*
 * gate - a held unit decodes to the very fields that its frame has once it is on the wire: when
 * its note comes, and when somebody looks back at it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "frame/frame.h"
#include "support/credentials.h"
#include "support/decoded.h"
#include "support/gated.h"
#include "vitro/lab/decode.h"

TestSuite(gate_decode, .timeout = 60);

/* ---- an event as text ----------------------------------------------------------------------- */

static bool is_of_frame(const vitro_item *item)
{
    return strncmp(item->name, "http2.", 6) == 0;
}

static void put_header(FILE *out, const vitro_item_header *h)
{
    fprintf(out, " %s %.*s=%.*s %u %d%d%d%d evicted %u table %u %u", h->repr, (int)h->name.len,
            h->name.ptr, (int)h->value.len, h->value.ptr, h->index, h->indexed, h->inserted,
            h->never, h->unknown_name || h->unknown_value, h->evicted, h->table_count,
            h->table_size);
}

/* The fields of the frame with their bytes, wherever these stand. */
static char *frame_text(vitro_decode *d, const vitro_event *ev)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    vitro_detail dt;

    cr_assert_eq(vitro_decode_detail(d, ev, &dt, NULL), VITRO_OK);
    fprintf(out, "%.*s %s\n", (int)dt.title.len, dt.title.ptr, dt.key);
    for (size_t i = 0; i < dt.count; i++) {
        const vitro_item *item = &dt.items[i];
        uint8_t b[256];
        size_t n = vitro_decode_bytes(d, &item->span, 0, b, sizeof b, NULL);
        if (!is_of_frame(item))
            continue;
        fprintf(out, "%*s%s %llu %.*s +%llu:", item->depth, "", item->name,
                (unsigned long long)item->number, (int)item->text.len, item->text.ptr,
                (unsigned long long)item->span.length);
        for (size_t k = 0; k < n && item->span.length; k++)
            fprintf(out, "%02x", b[k]);
        if (item->header)
            put_header(out, item->header);
        fputc('\n', out);
    }
    fclose(out);
    return text;
}

/* An item's text as a number; 0 without it. */
static uint64_t word(vitro_decode *d, const vitro_event *ev, const char *name)
{
    vitro_detail dt;

    cr_assert_eq(vitro_decode_detail(d, ev, &dt, NULL), VITRO_OK);
    for (size_t i = 0; i < dt.count; i++)
        if (strcmp(dt.items[i].name, name) == 0)
            return strtoull(dt.items[i].text.ptr, NULL, 10);
    return 0;
}

static size_t messages_in(vitro_decode *d, const vitro_event *ev)
{
    vitro_detail dt;
    size_t n = 0;

    cr_assert_eq(vitro_decode_detail(d, ev, &dt, NULL), VITRO_OK);
    for (size_t i = 0; i < dt.count; i++)
        n += strcmp(dt.items[i].name, "grpc.message") == 0;
    return n;
}

/* ---- what was seen when the notes came ------------------------------------------------------ */

enum { HELD_MAX = 4000 };

struct seen {
    struct decoded_bytes bytes;
    char *text[HELD_MAX]; /* of held events in their order */
    size_t messages[HELD_MAX];
    uint64_t offset[HELD_MAX];
    uint8_t dir[HELD_MAX];
    size_t n;
    struct frame {
        uint64_t offset;
        uint32_t number;
        char *text;
        size_t messages; /* that lie whole in it */
    } frame[2][HELD_MAX];
    size_t frames[2];
};

static void on_event(vitro_decode *d, const vitro_event *ev, void *user)
{
    struct seen *s = user;
    struct frame *f = s->frames[ev->dir] ? &s->frame[ev->dir][s->frames[ev->dir] - 1] : NULL;

    if (ev->bits & VITRO_EVENT_HELD) {
        cr_assert(ev->kind == VITRO_EVENT_NOTE && s->n < HELD_MAX);
        s->messages[s->n] = messages_in(d, ev);
        s->offset[s->n] = word(d, ev, "VITRO_OFFSET");
        s->dir[s->n] = ev->dir;
        s->text[s->n++] = frame_text(d, ev);
    } else if (ev->kind == VITRO_EVENT_FRAME || ev->kind == VITRO_EVENT_PREFACE) {
        cr_assert_lt(s->frames[ev->dir], (size_t)HELD_MAX);
        s->frame[ev->dir][s->frames[ev->dir]++] =
            (struct frame){ ev->offset, ev->number, frame_text(d, ev), 0 };
    } else if (ev->kind == VITRO_EVENT_GRPC && f && f->number == ev->parent) {
        vitro_span span = vitro_event_span(ev);
        f->messages += vitro_decode_parts(d, &span, NULL, 0) == 1;
    }
}

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    return decoded_lend(offset, len, &((struct seen *)user)->bytes);
}

static const struct frame *frame_at(const struct seen *s, int dir, uint64_t offset)
{
    for (size_t i = 0; i < s->frames[dir]; i++)
        if (s->frame[dir][i].offset == offset)
            return &s->frame[dir][i];
    return NULL;
}

static void compare(const struct seen *s, size_t number)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct frame *f = frame_at(s, s->dir[i], s->offset[i]);
        cr_assert(f, "unit %zu has no frame " SEED_TEXT, i + 1, seed_of_run(), number);
        cr_assert_str_eq(s->text[i], f->text, "unit %zu:\n%s\nbut\n%s\n" SEED_TEXT, i + 1,
                         s->text[i], f->text, seed_of_run(), number);
        cr_assert_eq(s->messages[i], f->messages, "unit %zu: %zu and %zu messages " SEED_TEXT,
                     i + 1, s->messages[i], f->messages, seed_of_run(), number);
    }
}

/* Looking back at it, the wire having gone on, changes nothing. */
static void look_back(vitro_decode *d, const struct seen *s, size_t number)
{
    vitro_event ev;
    size_t k = s->n;

    for (uint32_t i = vitro_decode_count(d); i > 0; i--) {
        cr_assert(vitro_decode_event(d, i, &ev));
        if (!(ev.bits & VITRO_EVENT_HELD))
            continue;
        char *text = frame_text(d, &ev);
        k--;
        cr_assert_str_eq(text, s->text[k], "unit %zu, later:\n%s\nbut\n%s\n" SEED_TEXT, k + 1, text,
                         s->text[k], seed_of_run(), number);
        free(text);
    }
    cr_assert_eq(k, 0u);
}

static void decode_all(const uint8_t *file, size_t size, bool keep, size_t number)
{
    struct seen *s = calloc(1, sizeof *s);
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_decode *d;

    s->bytes = (struct decoded_bytes){ file, size, 0, NULL };
    options.lend = lend;
    options.on_event = on_event;
    options.user = s;
    options.keep = keep;
    cr_assert_eq(vitro_decode_new(&d, &options, NULL), VITRO_OK);
    cr_assert_eq(vitro_decode_finish(d, NULL), VITRO_OK);
    cr_assert_gt(s->n, 0u);
    compare(s, number);
    if (keep) {
        look_back(d, s, number);
        cr_assert_eq(vitro_decode_check_tiling(d, NULL), VITRO_OK);
    }
    vitro_decode_free(d);
    for (size_t i = 0; i < s->n; i++)
        free(s->text[i]);
    for (int dir = 0; dir < 2; dir++)
        for (size_t i = 0; i < s->frames[dir]; i++)
            free(s->frame[dir][i].text);
    free(s);
}

/* A decoder that has little memory, at whatever point it ends, tells what it can. */
static void decode_little(const uint8_t *file, size_t size, size_t budget)
{
    struct decoded_bytes bytes = { file, size, 0, NULL };
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_decode *d;
    vitro_event ev;
    vitro_detail dt;

    options.lend = decoded_lend;
    options.user = &bytes;
    options.keep = true;
    options.budget = budget;
    if (vitro_decode_new(&d, &options, NULL))
        return;
    (void)!vitro_decode_finish(d, NULL);
    for (uint32_t i = 1; i <= vitro_decode_count(d); i++)
        if (vitro_decode_event(d, i, &ev))
            (void)!vitro_decode_detail(d, &ev, &dt, NULL);
    vitro_decode_free(d);
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* Each act waits for many others: much is held at once. */
static void play_in_heaps(struct gated *s, struct chance *c)
{
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < GATED_CALLS / 3; i++) {
            gated_call(s, &echo_bidi, 0);
            for (size_t k = seed_between(c, 1, 4); k > 0; k--)
                cr_assert_eq(vitro_call_send(s->call[s->calls - 1], bytes_of("0123456789"),
                                             seed_between(c, 0, 1) ? VITRO_SEND_ALONE : 0, NULL,
                                             NULL),
                             VITRO_OK);
        }
        vitro_sim_run_for(s->p.sim, SECOND);
        if (seed_between(c, 0, 1))
            gated_run_for(s, SECOND);
    }
    gated_run_for(s, SECOND);
}

static void run_case(struct chance *c, size_t number, bool sealed)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca");
    struct gated *s = gated_new();
    struct walk w = { 0 };

    s->p.sim_options.seed = number;
    if (sealed) {
        s->p.server_credentials = server;
        s->p.channel_options.credentials = client;
        s->p.channel_options.authority = "vitro.test";
    }
    gated_begin(s, true);
    if (seed_between(c, 0, 1))
        gated_play(s, c, seed_between(c, 0, 4) == 0);
    else
        play_in_heaps(s, c);
    vitro_gate_go(s->gate);
    gated_end(s, &w);
    decode_all(w.file, w.size, true, number);
    decode_all(w.file, w.size, false, number);
    walk_done(&w);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

Test(gate_decode, a_decoder_with_little_memory_goes_on)
{
    struct chance c = seed_chance();
    struct gated *s = gated_new();
    struct walk w = { 0 };

    gated_begin(s, true);
    play_in_heaps(s, &c);
    vitro_gate_go(s->gate);
    gated_end(s, &w);
    for (size_t budget = 1000; budget < 400000; budget += budget / 16)
        decode_little(w.file, w.size, budget);
    walk_done(&w);
}

/* Among the traces of others its number is another: its ends say which connection it is. */
Test(gate_decode, a_held_unit_belongs_to_the_connection_whose_ends_it_names)
{
    static const char number[] = "VITRO_CONN=0\n";
    struct chance c = seed_chance();
    struct gated *s = gated_new();
    struct walk w = { 0 };
    size_t changed = 0;

    gated_begin(s, true);
    gated_play(s, &c, false);
    vitro_gate_go(s->gate);
    gated_end(s, &w);
    for (uint8_t *p = w.file;
         (p = memmem(p, w.size - (size_t)(p - w.file), number, sizeof number - 1)) != NULL;
         changed++)
        p[sizeof number - 3] = '7';
    cr_assert_gt(changed, 10u);
    decode_all(w.file, w.size, true, 0);
    walk_done(&w);
}

/* A note is bytes of a file: nothing in it is believed. */
Test(gate_decode, a_damaged_note_is_no_danger)
{
    struct chance c = seed_chance();
    struct gated *s = gated_new();
    struct walk w = { 0 };

    gated_begin(s, true);
    gated_play(s, &c, false);
    vitro_gate_go(s->gate);
    gated_end(s, &w);
    for (size_t i = 0; i < 300; i++) {
        uint8_t *copy = malloc(w.size);
        memcpy(copy, w.file, w.size);
        for (size_t n = seed_between(&c, 1, 20); n > 0; n--)
            copy[seed_between(&c, 0, w.size - 1)] ^= (uint8_t)seed_between(&c, 1, 255);
        decode_little(copy, w.size, 0);
        free(copy);
    }
    walk_done(&w);
}

Test(gate_decode, a_held_unit_has_the_fields_of_its_frame)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 40; i++)
        run_case(&c, i, false);
}

/* The gate holds what TLS has not sealed yet. */
Test(gate_decode, a_held_unit_of_tls_has_the_fields_of_its_frame)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 10; i++)
        run_case(&c, i, true);
}
