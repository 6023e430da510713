/*
 * decode - the public face: the capture is read, its packets become connections, its notes
 * events; events are numbered, kept and told.
 */
#include "decode/core.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"

enum { BUDGET = 256 * 1024 * 1024 };

vitro_bytes vitro_decode_lend(uint64_t offset, size_t len, void *user)
{
    vitro_decode *d = user;

    d->lends++;
    return d->options.lend(offset, len, d->options.user);
}

static bool index_new(vitro_decode *d)
{
    d->index = vitro_mem_alloc(&d->account, sizeof *d->index);
    if (d->index)
        vitro_events_init(d->index, &d->account);
    return d->index != NULL;
}

vitro_code vitro_decode_new(vitro_decode **out, const vitro_decode_options *options,
                            vitro_error *err)
{
    vitro_decode *d = vitro_mem_zalloc(NULL, sizeof *d);

    *out = NULL;
    if (!d)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "decode", 0, "out of memory");
    if (!vitro_options_import(&d->options, sizeof d->options, options) || !d->options.lend) {
        vitro_mem_free(NULL, d, sizeof *d);
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "decode", 0, "options without lend");
    }
    vitro_account_init(&d->account, NULL,
                       d->options.budget || d->options.keep ? d->options.budget : BUDGET);
    vitro_capture_init(&d->capture, vitro_decode_lend, d, &d->account);
    vitro_tcp_init(&d->tcp, NULL, &d->account, vitro_decode_lend, d, vitro_seen_conn_flow, d);
    vitro_secrets_init(&d->secrets, &d->account);
    vitro_ahead_init(d);
    list_init(&d->waiting);
    for (int i = 0; i < OPENED_COUNT; i++)
        vitro_buf_init(&d->opened[i].text, &d->account, LOOK_MAX);
    vitro_buf_init(&d->inflated.text, &d->account, INFLATED_MAX);
    vitro_buf_init(&d->reassembled.text, &d->account, SIZE_MAX);
    vitro_buf_init(&d->reassembled.runs, &d->account, SIZE_MAX);
    vitro_buf_init(&d->record, &d->account, RECORD_HEAD_LEN + UINT16_MAX);
    vitro_links_init(&d->links, &d->account);
    vitro_names_init(&d->names, &d->account);
    vitro_freelist_init(&d->stream_list, &d->account, sizeof(struct stream));
    vitro_block_list_init(&d->fields, &d->account);
    vitro_block_list_init(&d->replayed, &d->account);
    vitro_arena_init(&d->detail, &d->account, 4096);
    vitro_buf_init(&d->scratch, &d->account, VITRO_LEND_MAX);
    if (d->options.keep && !index_new(d)) {
        vitro_decode_free(d);
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "decode", 0, "out of memory");
    }
    *out = d;
    return VITRO_OK;
}

void vitro_decode_free(vitro_decode *d)
{
    if (!d)
        return;
    vitro_tcp_done(&d->tcp);
    vitro_capture_done(&d->capture);
    vitro_decode_pasts_free(d);
    if (d->index)
        vitro_events_done(d->index);
    vitro_mem_free(&d->account, d->index, sizeof *d->index);
    vitro_freelist_trim(&d->stream_list, 0);
    vitro_secrets_done(&d->secrets);
    vitro_ahead_done(d);
    for (int i = 0; i < OPENED_COUNT; i++)
        vitro_buf_done(&d->opened[i].text);
    vitro_buf_done(&d->inflated.text);
    vitro_buf_done(&d->reassembled.text);
    vitro_buf_done(&d->reassembled.runs);
    vitro_buf_done(&d->record);
    vitro_links_done(&d->links);
    vitro_names_done(&d->names);
    vitro_held_done(d);
    vitro_block_list_done(&d->fields);
    vitro_block_list_done(&d->replayed);
    for (int i = 0; i < REPLAYS; i++) {
        if (d->replays[i])
            vitro_block_replay_done(d->replays[i]);
        vitro_mem_free(&d->account, d->replays[i], sizeof *d->replays[i]);
    }
    vitro_arena_done(&d->detail);
    vitro_buf_done(&d->scratch);
    vitro_pb_schema_free(d->schema);
    assert(d->account.used == 0);
    vitro_mem_free(NULL, d, sizeof *d);
}

/* ---- The index ----------------------------------------------------------------------------- */

static void count(vitro_decode_stats *s, const vitro_event *ev)
{
    s->events++;
    s->frames += ev->kind == VITRO_EVENT_FRAME;
    s->messages += ev->kind == VITRO_EVENT_GRPC;
    s->unknown += ev->kind == VITRO_EVENT_UNKNOWN;
}

void vitro_decode_emit(vitro_decode *d, vitro_event *ev)
{
    struct past *past;

    ev->number = d->events + 1;
    if (!ev->number || (d->index && !vitro_events_add(d->index, ev))) {
        d->stats.lost++;
        ev->number = 0;
        return;
    }
    d->events++;
    past = vitro_decode_past(d, ev->conn);
    if (past && past->live)
        past->live->told = true;
    count(&d->stats, ev);
    d->peak = MAX(d->peak, d->account.used);
    if (d->options.on_event)
        d->options.on_event(d, ev, d->options.user);
}

uint32_t vitro_decode_count(const vitro_decode *d)
{
    return d->events;
}

bool vitro_decode_event(const vitro_decode *d, uint32_t number, vitro_event *out)
{
    const vitro_event *ev =
        d->index && number && number <= d->events ? vitro_events_get(d->index, number - 1) : NULL;

    if (ev)
        *out = *ev;
    else
        memset(out, 0, sizeof *out);
    return ev != NULL;
}

void vitro_decode_stats_get(const vitro_decode *d, vitro_decode_stats *out)
{
    *out = d->stats;
    out->memory = d->account.used;
    out->memory_peak = MAX(d->peak, d->account.used);
    out->packets = d->capture.number;
}

const char *vitro_decode_endpoint(const vitro_decode *d, uint32_t conn, int dir)
{
    const struct past *past = vitro_decode_past(d, conn);
    char *text = ((vitro_decode *)(uintptr_t)d)->ends[dir == VITRO_S2C];

    if (!past || !past->ends[0].family)
        return "";
    vitro_endpoint_format(&past->ends[dir == VITRO_S2C], text, ENDPOINT_TEXT);
    return text;
}

/* ---- The capture --------------------------------------------------------------------------- */

vitro_code vitro_schema_learn(vitro_decode *d, vitro_bytes set, enum schema_rank rank,
                              vitro_error *err)
{
    vitro_code rc = d->schema ? VITRO_OK : vitro_pb_schema_new(&d->schema, &d->account, err);

    if (rc)
        return rc;
    vitro_pb_schema_rank(d->schema, rank);
    rc = vitro_pb_schema_add_set(d->schema, set, err);
    if (rc == VITRO_INVALID_ARGUMENT && !vitro_pb_schema_add_file(d->schema, set, NULL))
        rc = VITRO_OK; /* one file, not a set of them */
    return rc;
}

vitro_code vitro_decode_schema(vitro_decode *d, vitro_bytes set, vitro_error *err)
{
    return vitro_schema_learn(d, set, RANK_GIVEN, err);
}

vitro_code vitro_decode_schema_fallback(vitro_decode *d, vitro_bytes set, vitro_error *err)
{
    return vitro_schema_learn(d, set, RANK_FALLBACK, err);
}

vitro_code vitro_decode_secrets(vitro_decode *d, vitro_bytes lines, vitro_error *err)
{
    if (!vitro_secrets_add(&d->secrets, (vitro_str){ (const char *)lines.ptr, lines.len }))
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "decode", 0, "no memory for secrets");
    return VITRO_OK;
}

static void note_schema(vitro_decode *d, vitro_bytes entry)
{
    struct note_field kind, file;

    if (!vitro_note_find(entry, vitro_str_of("VITRO_KIND"), &kind) ||
        !vitro_str_eq(kind.value, vitro_str_of("schema")) ||
        !vitro_note_find(entry, vitro_str_of("VITRO_DESCRIPTOR"), &file))
        return;
    /* A damaged schema is one that is not known. */
    (void)vitro_schema_learn(d, (vitro_bytes){ (const uint8_t *)file.value.ptr, file.value.len },
                             RANK_NOTE, NULL);
}

/* Who was behind says how many: the writer of the trace, or who watched. */
static void note_missed(vitro_decode *d, vitro_bytes entry)
{
    struct note_field kind, count;
    uint64_t n;

    if (vitro_note_find(entry, vitro_str_of("VITRO_KIND"), &kind) &&
        (vitro_str_eq(kind.value, vitro_str_of("lost")) ||
         vitro_str_eq(kind.value, vitro_str_of("missed"))) &&
        vitro_note_find(entry, vitro_str_of("VITRO_COUNT"), &count) &&
        vitro_text_number(count.value, UINT32_MAX, &n))
        d->stats.missed += n;
}

static void tell_note(vitro_decode *d, const struct capture_record *r)
{
    struct note_message message;
    bool holds_message = vitro_note_message_read(d, r->bytes, &message);
    struct held_unit unit;
    bool held = vitro_held_read(d, r, &unit);
    vitro_event ev;

    note_schema(d, r->bytes);
    note_missed(d, r->bytes);
    memset(&ev, 0, sizeof ev);
    ev.type = vitro_joined_note(d, r);
    ev.kind = VITRO_EVENT_NOTE;
    ev.source = VITRO_SOURCE_CAPTURE;
    ev.conn = VITRO_NO_CONN;
    ev.offset = r->offset;
    ev.length = r->bytes.len;
    ev.packet = (uint32_t)r->number;
    ev.time = r->ts;
    if (held)
        vitro_held_add(d, &unit, (vitro_bytes){ r->bytes.ptr + unit.at, unit.len }, &ev);
    vitro_decode_emit(d, &ev);
    if (holds_message)
        vitro_note_message_tell(d, &ev, &message);
}

static vitro_code record(vitro_decode *d, struct capture_record *r, vitro_error *err)
{
    uint64_t lends;
    struct segment s;
    const char *why;

    if (r->kind == CAPTURE_NOTE)
        tell_note(d, r);
    if (r->kind == CAPTURE_SECRETS && r->secrets_type == CAPTURE_SECRETS_TLS &&
        vitro_decode_secrets(d, r->bytes, NULL))
        d->stats.lost++;
    lends = d->lends;
    if (r->has_ts)
        vitro_records_time(d, r->ts);
    if (d->lends != lends) /* what was lent is stale */
        r->bytes = vitro_decode_lend(r->offset, r->bytes.len, d);
    if (r->kind == CAPTURE_PACKET && vitro_packet_parse(r, &s, &why) == PACKET_TCP)
        return vitro_tcp_push(&d->tcp, &s, err);
    return VITRO_OK;
}

/* Everything the capture has; the step at which that ended. */
static vitro_code read_all(vitro_decode *d, enum capture_step *step, vitro_error *err)
{
    struct capture_record r;
    vitro_code rc = VITRO_OK;

    *step = CAPTURE_BAD;
    d->ahead_wanted = true;
    while (!rc && !d->failed &&
           (*step = vitro_capture_next(&d->capture, &r, err)) == CAPTURE_RECORD)
        rc = record(d, &r, err);
    if (*step == CAPTURE_BAD)
        d->failed = true;
    return rc;
}

vitro_code vitro_decode_advance(vitro_decode *d, vitro_error *err)
{
    enum capture_step step;
    vitro_code rc = read_all(d, &step, err);

    if (rc)
        return rc;
    return step == CAPTURE_BAD ? VITRO_INVALID_ARGUMENT : VITRO_OK;
}

void vitro_decode_idle(vitro_decode *d)
{
    vitro_records_time(d, INT64_MAX);
}

vitro_code vitro_decode_finish(vitro_decode *d, vitro_error *err)
{
    enum capture_step step = CAPTURE_BAD;
    vitro_code rc, end;

    if (d->finished)
        return VITRO_OK;
    rc = read_all(d, &step, err);
    d->finished = true;
    end = vitro_tcp_finish(&d->tcp, rc || step != CAPTURE_END ? NULL : err);
    if (rc)
        return rc;
    if (step == CAPTURE_CUT)
        return VITRO_DATA_LOSS;
    return step == CAPTURE_BAD ? VITRO_INVALID_ARGUMENT : end;
}
