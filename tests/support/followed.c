#include "support/followed.h"

#include <criterion/criterion.h>
#include <string.h>

void seen_begin(struct seen *s)
{
    memset(s, 0, sizeof *s);
    vitro_secrets_init(&s->secrets, NULL);
    for (int i = 0; i < 2; i++) {
        vitro_buf_init(&s->wire[i], NULL, SIZE_MAX);
        vitro_buf_init(&s->data[i], NULL, SIZE_MAX);
        for (int k = 0; k < 2; k++)
            vitro_buf_init(&s->messages[i][k], NULL, SIZE_MAX);
    }
}

void seen_end(struct seen *s)
{
    vitro_secrets_done(&s->secrets);
    for (int i = 0; i < 2; i++) {
        vitro_buf_done(&s->wire[i]);
        vitro_buf_done(&s->data[i]);
        for (int k = 0; k < 2; k++)
            vitro_buf_done(&s->messages[i][k]);
    }
}

void seen_add(struct buf *b, const uint8_t *bytes, size_t len)
{
    cr_assert(vitro_buf_append(b, bytes, len));
}

enum follow_result seen_follow_one(struct seen *s, unsigned side, vitro_bytes record)
{
    static uint8_t out[1 << 16], again[1 << 16];
    struct record_plain plain;
    struct follow_record r;
    enum follow_result rc = vitro_follow_record(&s->follow, side, record, out, &r);

    if (rc == FOLLOW_PLAIN && record.ptr[0] == RECORD_HANDSHAKE)
        seen_add(&s->messages[side][0], record.ptr + RECORD_HEAD_LEN, record.len - RECORD_HEAD_LEN);
    if (rc != FOLLOW_OPENED)
        return rc;
    s->refused += r.refused;
    cr_assert_eq(vitro_record_open(&r.keys, r.seq + 1, record, again, &plain), RECORD_SEALED);
    cr_assert_eq(vitro_record_open(&r.keys, r.seq, record, again, &plain), RECORD_OPENED);
    cr_assert(plain.len == r.plain.len && plain.type == r.plain.type);
    cr_assert_eq(memcmp(again, out, plain.len), 0);
    if (plain.type == RECORD_APPLICATION_DATA)
        seen_add(&s->data[side], out, plain.len);
    if (plain.type == RECORD_HANDSHAKE)
        seen_add(&s->messages[side][1], out, plain.len);
    s->updates[side] += plain.type == RECORD_HANDSHAKE && plain.len == 5 && out[0] == 24;
    return rc;
}

vitro_bytes seen_record(const struct buf *wire, size_t from)
{
    const uint8_t *p = wire->ptr + from;
    vitro_bytes record = { p, RECORD_HEAD_LEN + ((size_t)p[3] << 8 | p[4]) };

    cr_assert_leq(from + record.len, wire->len);
    return record;
}

void seen_follow_side(struct seen *s, unsigned side, size_t *from, bool only,
                      enum follow_result sealed)
{
    while (*from < s->wire[side].len) {
        vitro_bytes record = seen_record(&s->wire[side], *from);
        if (only && record.ptr[0] != RECORD_HANDSHAKE)
            return;
        enum follow_result rc = seen_follow_one(s, side, record);
        *from += record.len;
        s->early += rc == FOLLOW_EARLY;
        cr_assert(rc == FOLLOW_PLAIN || rc == FOLLOW_EARLY || rc == sealed, "%d: side %u at %zu",
                  rc, side, *from);
    }
}

void seen_follow(struct seen *s, enum follow_result sealed)
{
    size_t from[2] = { 0, 0 };

    vitro_follow_init(&s->follow, &s->secrets);
    seen_follow_side(s, 0, &from[0], true, sealed);
    seen_follow_side(s, 1, &from[1], false, sealed);
    seen_follow_side(s, 0, &from[0], false, sealed);
}
