#include "decode/reassembled.h"

#include "base/util.h"
#include "decode/core.h"

/* A record may hold one byte: more runs than these are only made to cost something. */
enum { RUNS_MAX = 4096, MESSAGE_HEAD = 4, TEXT_MAX = 2 * (TLS_BACK_MAX + 1) };

/* What the record at an offset holds of handshake messages, maybe nothing; false: not at hand. */
static bool content_at(vitro_decode *d, const vitro_event *ev, uint64_t at, vitro_span *out,
                       uint64_t *next)
{
    vitro_span head = { at, RECORD_HEAD_LEN, ev->conn, 0, 0, VITRO_SOURCE_DIRECTION, ev->dir, 0 };
    uint8_t p[RECORD_HEAD_LEN];
    const struct opened *o;
    size_t missing;
    uint64_t text;
    uint32_t number;

    vitro_decode_bytes(d, &head, 0, p, sizeof p, &missing);
    if (missing)
        return false;
    *out = head;
    out->offset += RECORD_HEAD_LEN;
    out->length = (uint64_t)p[3] << 8 | p[4];
    *next = out->offset + out->length;
    if (vitro_sealed_find(d, ev->conn, ev->dir, at, &number) &&
        vitro_sealed_text(d, ev->conn, ev->dir, number, &text) && text >= out->offset) {
        o = vitro_sealed_open(d, ev->conn, ev->dir, number);
        if (!o)
            return false;
        *out =
            (vitro_span){ 0, o->plain.len, ev->conn, number, 0, VITRO_SOURCE_RECORD, ev->dir, 0 };
        p[0] = o->plain.type;
    }
    if (p[0] != RECORD_HANDSHAKE)
        out->length = 0;
    return true;
}

/* All records from where a message begins up to the one that completes the last of them. */
static bool gather(vitro_decode *d, const vitro_event *ev, struct reassembled *r)
{
    uint64_t at = ev->offset - MIN(ev->offset, tls_back(ev));
    vitro_span run;

    while (at <= ev->offset) {
        if (!content_at(d, ev, at, &run, &at))
            return false;
        if (at > ev->offset)
            run.length = MIN(run.length, tls_rest(ev));
        if (run.length && (r->runs.len >= RUNS_MAX * sizeof run ||
                           !vitro_decode_gather(d, &run, TEXT_MAX, &r->text) ||
                           !vitro_buf_append(&r->runs, &run, sizeof run)))
            return false;
    }
    return true;
}

/* The last of the messages; false when they do not end where they should. */
static bool find_last(struct reassembled *r)
{
    const uint8_t *p = r->text.ptr;
    size_t at = 0, len = 0;

    while (r->text.len - at >= MESSAGE_HEAD) {
        len = MESSAGE_HEAD + ((size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 | p[at + 3]);
        if (len >= r->text.len - at)
            break;
        at += len;
    }
    r->from = at;
    r->len = len;
    return len && at + len == r->text.len;
}

const struct reassembled *vitro_reassemble(const vitro_decode *d, const vitro_event *ev)
{
    vitro_decode *all = (vitro_decode *)(uintptr_t)d;
    struct reassembled *r = &all->reassembled;

    if (ev->kind != VITRO_EVENT_TLS || !tls_back(ev))
        return NULL;
    if (r->of.number != ev->number) {
        vitro_buf_done(&r->text);
        vitro_buf_done(&r->runs);
        r->of = *ev;
        r->is = gather(all, ev, r) && find_last(r);
    }
    return r->is ? r : NULL;
}

const struct reassembled *vitro_reassemble_number(const vitro_decode *d, uint32_t number)
{
    vitro_event ev;

    if (number && d->reassembled.of.number == number)
        return d->reassembled.is ? &d->reassembled : NULL;
    return vitro_decode_event(d, number, &ev) ? vitro_reassemble(d, &ev) : NULL;
}

bool vitro_reassembled_take(const struct reassembled *r, const vitro_span *span, vitro_span *out)
{
    const vitro_span *runs = (const vitro_span *)(const void *)r->runs.ptr;
    uint64_t skip = r->from + span->offset;

    for (size_t i = 0; i < r->runs.len / sizeof *runs; i++) {
        if (skip < runs[i].length) {
            *out = runs[i];
            out->offset += skip;
            out->length = MIN(out->length - skip, span->length);
            return true;
        }
        skip -= runs[i].length;
    }
    return false;
}

vitro_bytes vitro_reassembled_bytes(const struct reassembled *r)
{
    return (vitro_bytes){ r->text.ptr + r->from, r->len };
}

vitro_span vitro_reassembled_span(const struct reassembled *r)
{
    return (vitro_span){ .length = r->len,
                         .conn = r->of.conn,
                         .id = r->of.number,
                         .source = VITRO_SOURCE_HANDSHAKE,
                         .dir = r->of.dir };
}
