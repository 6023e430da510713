#include "merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "merge_apart.h"

enum {
    READ_BYTES = 64 * 1024,
    BLOCK_MORE = 1024,                  /* what writing a block anew may add */
    INTERFACES_BYTES = 16 * 1024 * 1024 /* for what all streams say of theirs */
};
enum { OPTION_END = 0, INTERFACE_NAME = 2, INTERFACE_RESOLUTION = 9 };

bool merge_init(struct merge *m, struct feed *feed, bool many)
{
    struct block b;

    memset(m, 0, sizeof *m);
    m->feed = feed;
    m->many = many;
    vitro_account_init(&m->account, NULL, INTERFACES_BYTES);
    vitro_buf_init(&m->note, NULL, MERGE_BLOCK - BLOCK_MORE);
    m->packet = malloc(MERGE_PACKET);
    vitro_block_section(&b);
    feed_block(feed, &b);
    return m->packet != NULL;
}

void merge_done(struct merge *m)
{
    merge_flows_done(&m->flows);
    free(m->free);
    free(m->packet);
    vitro_buf_done(&m->note);
}

/* ---- buffers --------------------------------------------------------------------------------- */

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    const struct merge_stream *s = user;
    uint64_t skip = offset - s->base;

    if (offset < s->base || skip >= s->len)
        return (vitro_bytes){ NULL, 0 };
    return (vitro_bytes){ s->data + skip, MIN(len, s->len - (size_t)skip) };
}

static void resize(struct merge_stream *s, size_t cap)
{
    uint8_t *p = cap ? realloc(s->data, cap) : NULL;

    if (cap && !p)
        return;
    if (!cap)
        free(s->data);
    s->merge->buffers = s->merge->buffers - s->cap + cap;
    s->data = p;
    s->cap = cap;
}

/* A buffer grows only while a block does not fit, so that a claim of length alone costs nothing. */
uint8_t *merge_room(struct merge_stream *s, size_t *room, vitro_error *err)
{
    size_t cap = s->cap ? s->cap * 2 : READ_BYTES;

    if (s->len == s->cap) {
        if (s->cap > MERGE_BLOCK) {
            vitro_fail(err, VITRO_INVALID_ARGUMENT, "merge", 0, "a block longer than 16 MiB");
            return NULL;
        }
        if (!s->cap || s->merge->buffers + cap - s->cap <= MERGE_BUFFERS)
            resize(s, cap); /* those that are modest do not suffer for the others */
    }
    *room = s->cap - s->len;
    if (*room)
        return s->data + s->len;
    vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "merge", 0,
               "no memory for a block of more than %zu bytes", s->cap);
    return NULL;
}

/* What was taken goes; a buffer that one large block had needed as well. */
static void consume(struct merge_stream *s)
{
    size_t n = (size_t)(s->capture.at - s->base);

    s->len -= n;
    s->base += n;
    if (s->len)
        memmove(s->data, s->data + n, s->len);
    if (s->cap > READ_BYTES && s->len < READ_BYTES / 2)
        resize(s, READ_BYTES);
}

/* ---- interfaces ------------------------------------------------------------------------------ */

/* One that a program had which has left. */
static bool reuse_interface(struct merge *m, uint16_t link, uint32_t *id)
{
    for (size_t i = 0; i < m->free_count; i++) {
        if (m->free[i].link != link)
            continue;
        *id = m->free[i].id;
        m->free[i] = m->free[--m->free_count];
        return true;
    }
    return false;
}

static uint32_t new_interface(struct merge *m, uint16_t link)
{
    static const uint8_t nanoseconds = 9; /* 10 to the -9 */
    char name[32];
    struct block b;
    int n = snprintf(name, sizeof name, "trace %" PRIu32, m->interfaces);

    vitro_block_begin(&b, PCAPNG_INTERFACE);
    vitro_block_u16(&b, link);
    vitro_block_u16(&b, 0);
    vitro_block_u32(&b, 0); /* no limit on packets */
    vitro_block_option(&b, INTERFACE_NAME, name, (size_t)n);
    vitro_block_option(&b, INTERFACE_RESOLUTION, &nanoseconds, 1);
    vitro_block_option(&b, OPTION_END, NULL, 0);
    vitro_block_end(&b);
    feed_block(m->feed, &b);
    return m->interfaces++;
}

/* The number in what comes out; false when the stream has too many. */
static bool interface_of(struct merge_stream *s, const struct capture_record *r, uint32_t *id)
{
    struct merge_interface *i = s->interfaces;

    for (; i < s->interfaces + s->count; i++) {
        if (i->from == r->interface_id && i->link == r->link) {
            *id = i->to;
            return true;
        }
    }
    if (s->count == MERGE_INTERFACES)
        return false;
    if (!reuse_interface(s->merge, r->link, id))
        *id = new_interface(s->merge, r->link);
    *i = (struct merge_interface){ r->interface_id, *id, r->link };
    s->count++;
    return true;
}

static void give_interfaces(struct merge_stream *s)
{
    struct merge *m = s->merge;
    size_t most = m->free_count + s->count;

    if (most > m->free_cap) {
        struct merge_free *p = realloc(m->free, most * sizeof *p);
        if (!p)
            return;
        m->free = p;
        m->free_cap = most;
    }
    for (size_t i = 0; i < s->count; i++)
        m->free[m->free_count++] =
            (struct merge_free){ s->interfaces[i].to, s->interfaces[i].link };
    s->count = 0;
}

/* ---- records --------------------------------------------------------------------------------- */

static bool shows(struct merge_stream *s, const struct capture_record *r, vitro_bytes packet)
{
    struct capture_record as = *r;
    struct segment segment;
    const char *why;

    as.bytes = packet;
    if (!s->merge->many || vitro_packet_parse(&as, &segment, &why) != PACKET_TCP)
        return true;
    return merge_flows_shows(&s->merge->flows, &segment, s->program);
}

static bool put_packet(struct merge_stream *s, const struct capture_record *r)
{
    vitro_bytes packet = s->merge->many ? merge_apart_packet(s, r) : r->bytes;
    uint64_t ns;
    uint32_t id;
    struct block b;

    if (!interface_of(s, r, &id))
        return false;
    if (r->has_ts)
        s->last = r->ts;
    if (!shows(s, r, packet))
        return true;
    ns = (uint64_t)s->last;
    vitro_block_begin(&b, PCAPNG_PACKET);
    vitro_block_u32(&b, id);
    vitro_block_u32(&b, (uint32_t)(ns >> 32));
    vitro_block_u32(&b, (uint32_t)ns);
    vitro_block_u32(&b, (uint32_t)packet.len);
    vitro_block_u32(&b, r->original);
    vitro_block_data(&b, packet);
    vitro_block_end(&b);
    feed_block(s->merge->feed, &b);
    live_add(&s->merge->feed->live.packets, 1);
    return true;
}

/* What a program could not write for want of room here is missing as if we had missed it. */
static void count_lost(struct merge_stream *s, vitro_bytes entry)
{
    struct note_field f;
    uint64_t n;

    if (vitro_note_find(entry, vitro_str_of("VITRO_KIND"), &f) &&
        vitro_str_eq(f.value, vitro_str_of("lost")) &&
        vitro_note_find(entry, vitro_str_of("VITRO_COUNT"), &f) &&
        vitro_text_number(f.value, INT64_MAX, &n))
        live_add(&s->merge->feed->live.missed, n);
}

static vitro_bytes bytes_of(const char *text)
{
    return (vitro_bytes){ (const uint8_t *)text, strlen(text) };
}

/* The note with whose it is: in a field, and where people read it: MESSAGE=[2] call 1 ... */
static void add_note_of_program(struct merge_stream *s, struct block *b, vitro_bytes entry)
{
    bool open = entry.len && entry.ptr[entry.len - 1] != '\n';
    struct note_field message;
    size_t at = 0;

    snprintf(s->mark, sizeof s->mark, "[%" PRIu32 "] ", s->program);
    snprintf(s->field, sizeof s->field, "%sVITRO_PROGRAM=%" PRIu32 "\n", open ? "\n" : "",
             s->program);
    if (vitro_note_find(entry, vitro_str_of("MESSAGE"), &message) && message.at &&
        entry.ptr[message.at - 1] == '=') {
        at = message.at;
        vitro_block_data(b, (vitro_bytes){ entry.ptr, at });
        vitro_block_data(b, bytes_of(s->mark));
    }
    vitro_block_data(b, (vitro_bytes){ entry.ptr + at, entry.len - at });
    vitro_block_data(b, bytes_of(s->field));
}

static void put_note(struct merge_stream *s, const struct capture_record *r)
{
    struct block b;

    count_lost(s, r->bytes);
    if (r->has_ts)
        s->last = r->ts;
    vitro_block_begin(&b, PCAPNG_JOURNAL);
    if (s->merge->many)
        add_note_of_program(s, &b, merge_apart_note(s, r->bytes));
    else
        vitro_block_data(&b, r->bytes);
    vitro_block_end(&b);
    feed_block(s->merge->feed, &b);
}

static void put_secrets(struct merge_stream *s, const struct capture_record *r)
{
    struct block b;

    if (r->secrets_type != PCAPNG_TLS_KEYLOG)
        return;
    vitro_block_secrets(&b, r->bytes);
    feed_block(s->merge->feed, &b);
}

static vitro_code put(struct merge_stream *s, const struct capture_record *r, vitro_error *err)
{
    if (r->bytes.len > MERGE_BLOCK - BLOCK_MORE)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "merge", 0, "a block of 16 MiB or more");
    if (r->kind == CAPTURE_PACKET && !put_packet(s, r))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "merge", 0,
                          "more than %d interfaces in one trace", MERGE_INTERFACES);
    if (r->kind == CAPTURE_NOTE)
        put_note(s, r);
    else if (r->kind == CAPTURE_SECRETS)
        put_secrets(s, r);
    return VITRO_OK;
}

/* ---- streams --------------------------------------------------------------------------------- */

void merge_join(struct merge *m, struct merge_stream *s, const char *name, uint32_t process)
{
    memset(s, 0, sizeof *s);
    s->merge = m;
    snprintf(s->name, sizeof s->name, "%s", name);
    s->process = process;
    vitro_capture_init(&s->capture, lend, s, &m->account);
}

/* With its first byte: who only looks whether somebody listens is no program. */
static void announce(struct merge_stream *s)
{
    struct merge *m = s->merge;
    struct note_joined note = { ++m->programs, vitro_str_of(s->name), s->process };

    s->program = m->programs;
    live_add(&m->feed->live.programs, 1);
    live_add(&m->feed->live.joined, 1);
    if (m->many)
        feed_note(m->feed, NOTE_ID_joined, &note);
}

static void take_leave(struct merge_stream *s, const vitro_error *err)
{
    char reason[512];
    struct note_left note = { s->program, VITRO_STR_INIT("its trace has ended") };

    if (err) {
        vitro_error_format(err, reason, sizeof reason);
        note.reason = vitro_str_of(reason);
    } else if (s->len) {
        note.reason = vitro_str_of("its trace is cut within a block");
    }
    live_add(&s->merge->feed->live.programs, UINT64_MAX); /* one less */
    if (s->merge->many)
        feed_note(s->merge->feed, NOTE_ID_left, &note);
}

vitro_code merge_take(struct merge_stream *s, size_t n, vitro_error *err)
{
    struct capture_record r;
    enum capture_step step;
    vitro_error why = { 0 };
    vitro_code rc = VITRO_OK;

    if (!s->program)
        announce(s);
    s->len += n;
    while (!rc && (step = vitro_capture_next(&s->capture, &r, &why)) == CAPTURE_RECORD)
        rc = put(s, &r, &why);
    if (!rc && step == CAPTURE_BAD)
        rc = VITRO_INVALID_ARGUMENT;
    if (rc && err)
        *err = why;
    if (!rc)
        consume(s);
    return rc;
}

void merge_leave(struct merge_stream *s, const vitro_error *err)
{
    if (s->program) {
        take_leave(s, err);
        merge_flows_leave(&s->merge->flows, s->program);
    }
    give_interfaces(s);
    vitro_capture_done(&s->capture);
    resize(s, 0);
}
