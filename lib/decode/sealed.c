#include "decode/sealed.h"

#include <string.h>

#include "base/util.h"
#include "decode/core.h"

/* A row: where the record begins; its number under its keys, and above it which keys they are. */
enum { SEQ_BITS = 40 };

bool vitro_sealed_new(vitro_decode *d, struct past *past)
{
    struct sealed *s = vitro_mem_zalloc(&d->account, sizeof *s);

    if (s)
        s->tracks = vitro_tracks_new(d);
    if (!s || !s->tracks) {
        vitro_mem_free(&d->account, s, sizeof *s);
        return false;
    }
    for (int i = 0; i < 2; i++)
        vitro_packlog_init(&s->log[i].rows, &d->account, 2);
    past->sealed = s;
    return true;
}

void vitro_sealed_free(vitro_decode *d, struct past *past)
{
    struct sealed *s = past->sealed;

    if (!s)
        return;
    for (int i = 0; i < OPENED_COUNT; i++) {
        if (d->opened[i].of == s)
            d->opened[i].of = NULL;
    }
    vitro_tracks_free(d, s->tracks);
    for (int i = 0; i < 2; i++) {
        struct record_log *l = &s->log[i];
        vitro_packlog_done(&l->rows);
        vitro_mem_free(&d->account, l->keys, l->key_cap * sizeof *l->keys);
    }
    vitro_mem_free(&d->account, s, sizeof *s);
    past->sealed = NULL;
}

/* ---- Writing ------------------------------------------------------------------------------- */

static bool same_keys(const struct record_keys *a, const struct record_keys *b)
{
    return a->suite == b->suite && memcmp(a->key, b->key, sizeof a->key) == 0 &&
           memcmp(a->iv, b->iv, sizeof a->iv) == 0;
}

/* The last of the keys are these, from here on. */
static bool keys_known(struct record_log *l, const struct record_keys *keys)
{
    uint32_t cap = l->key_cap ? l->key_cap * 2 : 2;
    struct record_keys *all;

    if (l->key_count && same_keys(&l->keys[l->key_count - 1], keys))
        return true;
    if (l->key_count == l->key_cap) {
        all =
            vitro_mem_resize(l->rows.account, l->keys, l->key_cap * sizeof *all, cap * sizeof *all);
        if (!all)
            return false;
        l->keys = all;
        l->key_cap = cap;
    }
    l->keys[l->key_count++] = *keys;
    return true;
}

uint32_t vitro_sealed_add(struct record_log *log, uint64_t at, const struct follow_record *r)
{
    uint64_t row[2] = { at, r->seq };

    if (r->seq >> SEQ_BITS || log->rows.count == UINT32_MAX - 1 || !keys_known(log, &r->keys))
        return UINT32_MAX;
    row[1] |= (uint64_t)(log->key_count - 1) << SEQ_BITS;
    return vitro_packlog_add(&log->rows, &log->last, row) ? log->rows.count - 1 : UINT32_MAX;
}

void vitro_sealed_drop(struct record_log *log, uint64_t below)
{
    struct packlog_at at;

    if (vitro_packlog_find(&log->rows, below, &at))
        vitro_packlog_drop(&log->rows, at.row - 1);
}

/* ---- Looking ------------------------------------------------------------------------------- */

static const struct sealed *sealed_of(const vitro_decode *d, uint32_t conn, uint8_t dir)
{
    const struct past *past = dir <= VITRO_S2C ? vitro_decode_past(d, conn) : NULL;

    return past ? past->sealed : NULL;
}

static const struct record_keys *keys_of(const struct record_log *l, const struct packlog_at *row)
{
    return &l->keys[row->last.is[1] >> SEQ_BITS];
}

static bool row_of(const struct record_log *l, uint32_t number, struct packlog_at *out)
{
    return vitro_packlog_begin(&l->rows, number, out) && vitro_packlog_next(out);
}

uint16_t vitro_sealed_version(const vitro_decode *d, uint32_t conn, uint8_t dir, uint32_t number)
{
    const struct sealed *s = sealed_of(d, conn, dir);
    struct packlog_at row;

    return s && row_of(&s->log[dir], number, &row) ? keys_of(&s->log[dir], &row)->suite->version
                                                   : 0;
}

bool vitro_sealed_is_http2(const vitro_decode *d, uint32_t conn, uint8_t dir)
{
    const struct sealed *s = sealed_of(d, conn, dir);

    return s && s->tracks[dir].frames;
}

bool vitro_sealed_find(const vitro_decode *d, uint32_t conn, uint8_t dir, uint64_t at,
                       uint32_t *number)
{
    const struct sealed *s = sealed_of(d, conn, dir);
    struct packlog_at row;

    if (!s || !vitro_packlog_find(&s->log[dir].rows, at, &row))
        return false;
    *number = row.row - 1;
    return true;
}

bool vitro_sealed_text(const vitro_decode *d, uint32_t conn, uint8_t dir, uint32_t number,
                       uint64_t *at)
{
    const struct sealed *s = sealed_of(d, conn, dir);
    struct packlog_at row;

    if (!s || !row_of(&s->log[dir], number, &row))
        return false;
    *at = row.last.is[0] + vitro_record_front(keys_of(&s->log[dir], &row)->suite);
    return true;
}

/* The record that begins at an offset, as it was sealed; false when not all of it is at hand. */
static bool read_sealed(vitro_decode *d, uint32_t conn, uint8_t dir, uint64_t at)
{
    vitro_span span = { at, RECORD_HEAD_LEN, conn, 0, 0, VITRO_SOURCE_DIRECTION, dir, 0 };

    vitro_buf_consume(&d->record, d->record.len);
    if (!vitro_decode_gather(d, &span, RECORD_HEAD_LEN, &d->record))
        return false;
    span.offset += RECORD_HEAD_LEN;
    span.length = (uint64_t)d->record.ptr[3] << 8 | d->record.ptr[4];
    return vitro_decode_gather(d, &span, (size_t)span.length, &d->record);
}

static const struct opened *remembered(const vitro_decode *d, const struct sealed *s, uint8_t dir,
                                       uint64_t at)
{
    for (int i = 0; i < OPENED_COUNT; i++) {
        const struct opened *o = &d->opened[i];
        if (o->of == s && o->dir == dir && o->at == at)
            return o;
    }
    return NULL;
}

const struct opened *vitro_sealed_open(const vitro_decode *d, uint32_t conn, uint8_t dir,
                                       uint32_t number)
{
    const struct sealed *s = sealed_of(d, conn, dir);
    vitro_decode *all = (vitro_decode *)(uintptr_t)d;
    struct opened *o = &all->opened[OPENED_LOOKED];
    const struct record_keys *keys;
    const struct opened *known;
    struct packlog_at row;
    uint8_t *text;

    if (!s || !row_of(&s->log[dir], number, &row))
        return NULL;
    known = remembered(d, s, dir, row.last.is[0]);
    if (known)
        return known;
    o->of = NULL;
    vitro_buf_consume(&o->text, o->text.len);
    keys = keys_of(&s->log[dir], &row);
    if (!read_sealed(all, conn, dir, row.last.is[0]) ||
        !(text = vitro_buf_reserve(&o->text, d->record.len)) ||
        vitro_record_open(keys, row.last.is[1] & ((UINT64_C(1) << SEQ_BITS) - 1),
                          vitro_buf_bytes(&d->record), text, &o->plain))
        return NULL;
    o->of = s;
    o->dir = dir;
    o->at = row.last.is[0];
    o->front = vitro_record_front(keys->suite);
    return o;
}
