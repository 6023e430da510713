#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "frame/frame_reader.h"
#include "frame/frame_writer.h"
#include "support/hex.h"
#include "support/seed.h"

#define WRONG(id) ((uint64_t)1 << FRAME_WRONG_##id)

static const uint8_t types[] = {
#define X(id, number, name, rule, least, most, section) number,
#include "frame/frame_types.def"
#undef X
};

/* The parts lie one behind another and cover the payload. */
static void expect_tiled(const struct frame_view *v, uint32_t length, size_t n)
{
    uint32_t at = 0;

    for (unsigned i = 0; i < v->count; i++) {
        cr_assert(v->part[i].off == at, "part %u at %u " SEED_TEXT, i, at, seed_of_run(), n);
        at += v->part[i].len;
    }
    cr_assert(at == length, "%u of %u " SEED_TEXT, at, length, seed_of_run(), n);
}

/* ---- Writing and reading ------------------------------------------------------------------- */

/* What a frame was written from. */
struct frame_made {
    uint8_t type, flags;
    uint32_t stream, number, code;
    struct frame_dress dress;
    uint8_t bytes[64];
    size_t len, name_len;
    struct frame_setting_pair pairs[5];
};

static void make(struct chance *c, struct frame_made *m)
{
    memset(m, 0, sizeof *m);
    m->type = types[seed_between(c, 0, ARRAY_LEN(types) - 1)];
    m->flags = (uint8_t)(vitro_chance_next(c) & 0x05);
    m->stream = (uint32_t)vitro_chance_next(c) >> seed_between(c, 1, 31);
    m->number = (uint32_t)vitro_chance_next(c) >> seed_between(c, 1, 31);
    m->code = (uint32_t)vitro_chance_next(c) >> seed_between(c, 0, 31);
    m->len = seed_between(c, 0, sizeof m->bytes);
    m->name_len = seed_between(c, 0, m->len);
    seed_fill(c, m->bytes, sizeof m->bytes);
    m->dress.padded = seed_between(c, 0, 1);
    m->dress.pad = (uint8_t)(vitro_chance_next(c) >> seed_between(c, 56, 63));
    m->dress.priority = seed_between(c, 0, 1);
    m->dress.exclusive = seed_between(c, 0, 1);
    m->dress.weight = (uint8_t)vitro_chance_next(c);
    m->dress.dependency = m->number;
    for (size_t i = 0; i < ARRAY_LEN(m->pairs); i++) {
        m->pairs[i].id = (uint16_t)seed_between(c, 0, 10);
        m->pairs[i].value = (uint32_t)vitro_chance_next(c);
    }
}

static bool write_one(struct buf *b, const struct frame_made *m)
{
    vitro_bytes body = { m->bytes, m->len };
    vitro_str name = { (const char *)m->bytes, m->name_len };
    vitro_str rest = { (const char *)m->bytes + m->name_len, m->len - m->name_len };
    vitro_str both[2] = { name, rest };

    switch (m->type) {
    case FRAME_DATA:
        return vitro_frame_write_data(b, m->stream, m->flags, body, &m->dress);
    case FRAME_HEADERS:
        return vitro_frame_write_headers(b, m->stream, m->flags, body, &m->dress);
    case FRAME_PRIORITY:
        return vitro_frame_write_priority(b, m->stream, &m->dress);
    case FRAME_RST_STREAM:
        return vitro_frame_write_rst_stream(b, m->stream, m->code);
    case FRAME_SETTINGS:
        return vitro_frame_write_settings(b, m->flags, m->pairs, m->len % 6);
    case FRAME_PUSH_PROMISE:
        return vitro_frame_write_push_promise(b, m->stream, m->flags, m->number, body, &m->dress);
    case FRAME_PING:
        return vitro_frame_write_ping(b, m->flags, m->bytes);
    case FRAME_GOAWAY:
        return vitro_frame_write_goaway(b, m->number, m->code, body);
    case FRAME_WINDOW_UPDATE:
        return vitro_frame_write_window_update(b, m->stream, m->number);
    case FRAME_CONTINUATION:
        return vitro_frame_write_continuation(b, m->stream, m->flags, body);
    case FRAME_ALTSVC:
        return vitro_frame_write_altsvc(b, m->stream, name, rest);
    case FRAME_ORIGIN:
        return vitro_frame_write_origin(b, both, m->len % 3);
    default:
        return vitro_frame_write_priority_update(b, m->number, rest);
    }
}

static bool part_is(const struct frame_view *v, enum frame_field field, vitro_bytes payload,
                    const uint8_t *p, size_t n)
{
    vitro_bytes b = vitro_frame_bytes(v, field, payload);

    return vitro_frame_part(v, field) && b.len == n && (n == 0 || memcmp(b.ptr, p, n) == 0);
}

static bool number_is(const struct frame_view *v, enum frame_field field, uint32_t want)
{
    const struct frame_part *p = vitro_frame_part(v, field);

    return p && p->known && p->value == want;
}

static bool dress_is(const struct frame_view *v, const struct frame_made *m)
{
    const struct frame_part *pad = vitro_frame_part(v, FRAME_FIELD_PAD_LENGTH);
    const struct frame_part *on = vitro_frame_part(v, FRAME_FIELD_DEPENDENCY);
    bool priority = m->type == FRAME_HEADERS && m->dress.priority;

    if (m->dress.padded != (pad != NULL) || priority != (on != NULL))
        return false;
    if (pad && (pad->value != m->dress.pad || v->part[v->count - 1].len < pad->value))
        return false;
    return !on || (on->value == m->number && on->high == m->dress.exclusive &&
                   number_is(v, FRAME_FIELD_WEIGHT, m->dress.weight));
}

static bool settings_are(vitro_bytes payload, const struct frame_made *m)
{
    struct frame_setting s;
    size_t i;

    for (i = 0; i < m->len % 6; i++)
        if (!vitro_frame_setting_at(payload, i, &s) || s.id != m->pairs[i].id ||
            s.value != m->pairs[i].value || s.off != i * 6)
            return false;
    return !vitro_frame_setting_at(payload, i, &s);
}

static bool origins_are(vitro_bytes payload, const struct frame_made *m)
{
    uint32_t off = 0;
    vitro_str s;
    size_t n = 0;

    while (vitro_frame_origin_next(payload, &off, &s)) {
        if (s.len != (n ? m->len - m->name_len : m->name_len))
            return false;
        n++;
    }
    return n == m->len % 3 && off == payload.len;
}

/* True when the view shows what the frame was made of. */
static bool shows(const struct frame_view *v, vitro_bytes payload, const struct frame_made *m)
{
    const uint8_t *rest = m->bytes + m->name_len;

    switch (m->type) {
    case FRAME_DATA:
        return part_is(v, FRAME_FIELD_DATA, payload, m->bytes, m->len) && dress_is(v, m);
    case FRAME_HEADERS:
        return part_is(v, FRAME_FIELD_FRAGMENT, payload, m->bytes, m->len) && dress_is(v, m);
    case FRAME_PRIORITY:
        return number_is(v, FRAME_FIELD_DEPENDENCY, m->number) &&
               number_is(v, FRAME_FIELD_WEIGHT, m->dress.weight);
    case FRAME_RST_STREAM:
        return number_is(v, FRAME_FIELD_ERROR_CODE, m->code);
    case FRAME_SETTINGS:
        return settings_are(payload, m);
    case FRAME_PUSH_PROMISE:
        return part_is(v, FRAME_FIELD_FRAGMENT, payload, m->bytes, m->len) && dress_is(v, m) &&
               number_is(v, FRAME_FIELD_PROMISED_STREAM, m->number);
    case FRAME_PING:
        return part_is(v, FRAME_FIELD_OPAQUE, payload, m->bytes, 8);
    case FRAME_GOAWAY:
        return number_is(v, FRAME_FIELD_LAST_STREAM, m->number) &&
               number_is(v, FRAME_FIELD_ERROR_CODE, m->code) &&
               part_is(v, FRAME_FIELD_DEBUG_DATA, payload, m->bytes, m->len);
    case FRAME_WINDOW_UPDATE:
        return number_is(v, FRAME_FIELD_INCREMENT, m->number);
    case FRAME_CONTINUATION:
        return part_is(v, FRAME_FIELD_FRAGMENT, payload, m->bytes, m->len);
    case FRAME_ALTSVC:
        return part_is(v, FRAME_FIELD_ORIGIN, payload, m->bytes, m->name_len) &&
               part_is(v, FRAME_FIELD_ALT_SVC, payload, rest, m->len - m->name_len);
    case FRAME_ORIGIN:
        return origins_are(payload, m);
    default:
        return number_is(v, FRAME_FIELD_PRIORITIZED_STREAM, m->number) &&
               part_is(v, FRAME_FIELD_PRIORITY_VALUE, payload, rest, m->len - m->name_len);
    }
}

Test(frame, what_is_written_is_read_back)
{
    struct chance c = seed_chance();
    uint8_t room[1024];

    for (size_t i = 0; i < 50000; i++) {
        struct buf b = { room, 0, sizeof room, sizeof room, NULL };
        struct frame_made m;
        struct frame_head head;
        struct frame_view v;
        vitro_bytes payload;
        make(&c, &m);
        cr_assert(write_one(&b, &m));
        head = vitro_frame_head_read(room);
        payload = (vitro_bytes){ room + FRAME_HEAD_BYTES, b.len - FRAME_HEAD_BYTES };
        cr_assert(head.length == payload.len && head.type == m.type, SEED_TEXT, seed_of_run(), i);
        vitro_frame_view(&v, head, payload, 0);
        expect_tiled(&v, head.length, i);
        cr_assert(shows(&v, payload, &m), "%s " SEED_TEXT, vitro_frame_type_name(m.type),
                  seed_of_run(), i);
        cr_assert(!vitro_frame_part(&v, FRAME_FIELD_EXCESS), SEED_TEXT, seed_of_run(), i);
    }
}

Test(frame, any_bytes_are_tiled_and_judged_within_bounds)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 100000; i++) {
        uint8_t *p = vitro_mem_alloc(NULL, 64);
        size_t n = seed_between(&c, 0, 64);
        vitro_bytes payload = { p + 64 - n, n };
        struct frame_head head = { .length = (uint32_t)seed_between(&c, 0, 80) };
        struct frame_view v;
        seed_fill(&c, p, 64);
        head.type = i % 9 ? types[seed_between(&c, 0, ARRAY_LEN(types) - 1)]
                          : (uint8_t)vitro_chance_next(&c);
        head.flags = (uint8_t)vitro_chance_next(&c);
        head.stream = (uint32_t)seed_between(&c, 0, 3);
        if (n && i % 3)
            payload.ptr = memset(p + 64 - n, (int)seed_between(&c, 0, 20), 1);
        vitro_frame_view(&v, head, payload, (uint32_t)seed_between(&c, 0, 60));
        expect_tiled(&v, head.length, i);
        cr_assert(v.wrongs >> FRAME_WRONG_COUNT == 0);
        cr_assert(!v.cut || v.needed > n, SEED_TEXT, seed_of_run(), i);
        cr_assert(v.needed <= FRAME_FRONT_BYTES, SEED_TEXT, seed_of_run(), i);
        vitro_mem_free(NULL, p, 64);
    }
}

/* ---- The reader ---------------------------------------------------------------------------- */

/* All that the reader says, cuts aside: heads with their places, payload bytes in a row. */
struct told {
    struct buf log;
    uint64_t bytes; /* in pieces */
    size_t frames;  /* that ended */
};

static void tell(struct told *t, struct frame_reader *r, vitro_bytes in, size_t n)
{
    for (;;) {
        struct frame_piece p = vitro_frame_read(r, &in);
        if (p.kind == FRAME_PIECE_NONE)
            break;
        cr_assert(p.kind != FRAME_PIECE_NOT_PREFACE);
        cr_assert(p.at == t->bytes, "at %llu of %llu " SEED_TEXT, (unsigned long long)p.at,
                  (unsigned long long)t->bytes, seed_of_run(), n);
        t->bytes += p.bytes.len;
        if (p.kind == FRAME_PIECE_HEAD) {
            cr_assert(vitro_buf_append(&t->log, "|", 1));
            cr_assert(vitro_buf_append(&t->log, &p.at, sizeof p.at));
        }
        cr_assert(vitro_buf_append(&t->log, p.bytes.ptr, p.bytes.len));
        t->frames += p.kind != FRAME_PIECE_PREFACE && p.end;
        if (p.kind == FRAME_PIECE_PAYLOAD)
            cr_assert(p.end == (p.off + p.bytes.len == p.head.length));
    }
    cr_assert(in.len == 0);
}

Test(frame, however_a_stream_is_cut_the_frames_are_the_same)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 2000; i++) {
        struct buf b;
        struct told whole = { .bytes = 0 }, cut = { .bytes = 0 };
        struct frame_reader r;
        size_t frames = seed_between(&c, 0, 12);
        vitro_buf_init(&b, NULL, 1 << 20);
        vitro_buf_init(&whole.log, NULL, 1 << 20);
        vitro_buf_init(&cut.log, NULL, 1 << 20);
        cr_assert(vitro_frame_write_preface(&b));
        for (size_t k = 0; k < frames; k++) {
            struct frame_made m;
            make(&c, &m);
            cr_assert(write_one(&b, &m));
        }
        vitro_frame_reader_init(&r, 0, true);
        tell(&whole, &r, vitro_buf_bytes(&b), i);
        cr_assert(vitro_frame_reader_idle(&r) && whole.frames == frames);
        vitro_frame_reader_init(&r, 0, true);
        for (size_t at = 0, n; at < b.len; at += n) {
            n = i % 4 ? seed_between(&c, 1, i % 4 == 1 ? 30 : 200) : 1;
            n = MIN(n, b.len - at);
            tell(&cut, &r, (vitro_bytes){ b.ptr + at, n }, i);
        }
        cr_assert(cut.frames == frames && cut.log.len == whole.log.len &&
                      memcmp(cut.log.ptr, whole.log.ptr, cut.log.len) == 0,
                  SEED_TEXT, seed_of_run(), i);
        vitro_buf_done(&b);
        vitro_buf_done(&whole.log);
        vitro_buf_done(&cut.log);
    }
}

Test(frame, any_bytes_at_all_come_out_as_pieces_in_a_row)
{
    struct chance c = seed_chance();
    uint8_t bytes[600];

    for (size_t i = 0; i < 5000; i++) {
        struct told told = { .bytes = 0 };
        struct frame_reader r;
        size_t n = seed_between(&c, 0, sizeof bytes), at = 0;
        seed_fill(&c, bytes, n);
        for (size_t k = 0; k + 1 < n && i % 2; k += seed_between(&c, 1, 20))
            bytes[k] = bytes[k + 1] = 0; /* short frames, too */
        vitro_buf_init(&told.log, NULL, 1 << 16);
        vitro_frame_reader_init(&r, 0, false);
        while (at < n) {
            size_t cut = seed_between(&c, 1, 50);
            cut = MIN(cut, n - at);
            tell(&told, &r, (vitro_bytes){ bytes + at, cut }, i);
            at += cut;
        }
        cr_assert(told.bytes + r.have == n, SEED_TEXT, seed_of_run(), i);
        vitro_buf_done(&told.log);
    }
}

Test(frame, what_is_no_preface_is_left_to_the_caller)
{
    const char *text = "PRI * HTTP/1.1";
    struct frame_reader r;

    for (size_t cut = 0; cut <= 11; cut++) {
        vitro_bytes in = { (const uint8_t *)text, cut }, rest = { in.ptr + cut, 14 - cut };
        struct frame_piece p;
        vitro_frame_reader_init(&r, 0, true);
        p = vitro_frame_read(&r, &in);
        cr_expect(p.kind == (cut ? FRAME_PIECE_PREFACE : FRAME_PIECE_NONE) && !p.end);
        p = vitro_frame_read(&r, &rest);
        cr_expect(p.kind == FRAME_PIECE_NOT_PREFACE && p.at == cut && rest.len == 14 - cut);
    }
}

/* ---- What is wrong ------------------------------------------------------------------------- */

static const struct wrong_case {
    const char *hex; /* head and payload */
    uint64_t wrongs;
} wrong_cases[] = {
    { "000003 00 01 00000001 616263", 0 },
    { "000001 00 00 00000000 61", WRONG(DATA_STREAM_0) },
    { "000000 00 08 00000001", WRONG(PADDED_EMPTY) },
    { "000001 00 08 00000001 00", 0 },
    { "000001 00 08 00000001 01", WRONG(PADDING_LONG) },
    { "000004 00 08 00000001 03000000", 0 },
    { "000004 00 08 00000001 04000000", WRONG(PADDING_LONG) },
    { "000004 00 08 00000001 02610001", WRONG(PADDING_NOT_ZERO) },
    { "000000 00 16 00000001", WRONG(FLAGS_UNUSED) },
    { "000000 00 00 80000001", WRONG(RESERVED_BIT) },
    { "000000 01 04 00000000", WRONG(HEADERS_STREAM_0) },
    { "000004 01 24 00000001 00000000", WRONG(HEADERS_SHORT) },
    { "000005 01 24 00000001 0000000010", 0 },
    { "000005 01 24 00000001 8000000110", WRONG(SELF_DEPENDENCY) },
    { "000007 01 2c 00000001 01 0000000010 00", 0 },
    { "000007 01 2c 00000001 02 0000000010 00", WRONG(PADDING_LONG) },
    { "000005 02 00 00000003 0000000110", 0 },
    { "000005 02 00 00000000 0000000110", WRONG(PRIORITY_STREAM_0) },
    { "000004 02 00 00000003 00000001", WRONG(PRIORITY_LENGTH) },
    { "000006 02 00 00000003 000000011000", WRONG(PRIORITY_LENGTH) },
    { "000004 03 00 00000001 00000008", 0 },
    { "000003 03 00 00000001 000008", WRONG(RST_STREAM_LENGTH) },
    { "000004 03 00 00000000 00000008", WRONG(RST_STREAM_STREAM_0) },
    { "000000 04 00 00000000", 0 },
    { "000000 04 00 00000001", WRONG(SETTINGS_STREAM) },
    { "000005 04 00 00000000 0001000000", WRONG(SETTINGS_LENGTH) },
    { "000006 04 01 00000000 000100001000", WRONG(SETTINGS_ACK_LENGTH) },
    { "000006 04 00 00000000 000200000002", WRONG(ENABLE_PUSH_VALUE) },
    { "000006 04 00 00000000 000480000000", WRONG(INITIAL_WINDOW_SIZE_VALUE) },
    { "000006 04 00 00000000 000500000001", WRONG(MAX_FRAME_SIZE_VALUE) },
    { "000006 04 00 00000000 000501000000", WRONG(MAX_FRAME_SIZE_VALUE) },
    { "00000c 04 00 00000000 000800000002 000900000002",
      WRONG(ENABLE_CONNECT_PROTOCOL_VALUE) | WRONG(NO_RFC7540_PRIORITIES_VALUE) },
    { "000006 04 00 00000000 ffff00000002", 0 },
    { "000003 05 04 00000001 000000", WRONG(PUSH_PROMISE_SHORT) },
    { "000004 05 04 00000001 00000002", 0 },
    { "000004 05 04 00000001 00000003", WRONG(PROMISED_STREAM_ID) },
    { "000004 05 04 00000000 00000000", WRONG(PUSH_PROMISE_STREAM_0) | WRONG(PROMISED_STREAM_ID) },
    { "000007 06 00 00000000 00000000000000", WRONG(PING_LENGTH) },
    { "000009 06 00 00000000 000000000000000000", WRONG(PING_LENGTH) },
    { "000008 06 00 00000001 0000000000000000", WRONG(PING_STREAM) },
    { "000007 07 00 00000000 00000000000000", WRONG(GOAWAY_SHORT) },
    { "000009 07 00 00000003 000000000000000061", WRONG(GOAWAY_STREAM) },
    { "000004 08 00 00000000 00000000", WRONG(INCREMENT_0_CONNECTION) },
    { "000004 08 00 00000001 80000000", WRONG(INCREMENT_0) },
    { "000005 08 00 00000001 0000000100", WRONG(WINDOW_UPDATE_LENGTH) },
    { "000000 09 04 00000000", WRONG(CONTINUATION_STREAM_0) },
    { "000001 0a 00 00000000 00", WRONG(ALTSVC_SHORT) },
    { "000003 0a 00 00000000 000261", WRONG(ALTSVC_SHORT) },
    { "000003 0c 00 00000000 000161", 0 },
    { "000003 0c 00 00000000 000261", WRONG(ORIGIN_SHORT) },
    { "000000 0c 00 00000001", WRONG(ORIGIN_STREAM) },
    { "000003 10 00 00000000 000000", WRONG(PRIORITY_UPDATE_SHORT) },
    { "000004 10 00 00000001 00000001", WRONG(PRIORITY_UPDATE_STREAM) },
    { "000002 be ff 00000005 6162", WRONG(TYPE_UNKNOWN) },
};

Test(frame, each_mistake_has_its_reason)
{
    uint64_t seen = WRONG(TOO_LONG);

    for (size_t i = 0; i < ARRAY_LEN(wrong_cases); i++) {
        uint8_t raw[64];
        vitro_bytes b = hex_read(wrong_cases[i].hex, raw, sizeof raw);
        struct frame_head head = vitro_frame_head_read(raw);
        vitro_bytes payload = { raw + FRAME_HEAD_BYTES, b.len - FRAME_HEAD_BYTES };
        struct frame_view v;
        uint64_t deadly = 0;
        cr_assert(head.length == payload.len, "%s", wrong_cases[i].hex);
        vitro_frame_view(&v, head, payload, 16384);
        cr_expect(v.wrongs == wrong_cases[i].wrongs, "%s: %llx", wrong_cases[i].hex,
                  (unsigned long long)v.wrongs);
        expect_tiled(&v, head.length, i);
        seen |= v.wrongs;
        for (unsigned w = 0; w < FRAME_WRONG_COUNT; w++)
            if ((v.wrongs >> w & 1) && vitro_frame_wrong_info((enum frame_wrong)w)->scope)
                deadly |= v.wrongs;
        cr_expect(!vitro_frame_head_plausible(head, 16384) || !deadly || payload.len > 0, "%s",
                  wrong_cases[i].hex);
    }
    cr_expect(seen == ((uint64_t)1 << FRAME_WRONG_COUNT) - 1, "reasons without a case: %llx",
              (unsigned long long)(seen ^ (((uint64_t)1 << FRAME_WRONG_COUNT) - 1)));
}

Test(frame, too_long_depends_on_what_the_receiver_allows)
{
    struct frame_head head = { .length = 16385, .stream = 1 };
    struct frame_view v;
    vitro_bytes nothing = { NULL, 0 };

    vitro_frame_view(&v, head, nothing, 16384);
    cr_expect(v.wrongs == WRONG(TOO_LONG) && !v.cut && v.part[0].len == 16385);
    vitro_frame_view(&v, head, nothing, 0);
    cr_expect(v.wrongs == 0);
    cr_expect(!vitro_frame_head_plausible(head, 16384) && vitro_frame_head_plausible(head, 16385));
}

Test(frame, a_front_is_enough_for_the_fixed_fields)
{
    static const uint8_t front[] = { 5, 0x80, 0, 0, 3, 15, 0x82 };
    struct frame_head head = { .length = 1000, .type = FRAME_HEADERS, .flags = 0x2c, .stream = 5 };
    struct frame_view v;

    vitro_frame_view(&v, head, (vitro_bytes){ front, 7 }, 0);
    cr_expect(v.wrongs == 0 && !v.cut && v.count == 5);
    cr_expect(vitro_frame_value(&v, FRAME_FIELD_DEPENDENCY) == 3 &&
              vitro_frame_part(&v, FRAME_FIELD_DEPENDENCY)->high);
    cr_expect(vitro_frame_part(&v, FRAME_FIELD_FRAGMENT)->len == 1000 - 6 - 5);
    cr_expect(vitro_frame_bytes(&v, FRAME_FIELD_FRAGMENT, (vitro_bytes){ front, 7 }).len == 1);
    vitro_frame_view(&v, head, (vitro_bytes){ front, 3 }, 0);
    cr_expect(v.cut && v.needed == 5 && v.count == 2);
    expect_tiled(&v, 1000, 0);
}

Test(frame, plausible_heads_are_rare_in_noise)
{
    struct chance c = seed_chance();
    size_t n = 0;

    for (size_t i = 0; i < 1000000; i++) {
        uint8_t raw[FRAME_HEAD_BYTES];
        seed_fill(&c, raw, sizeof raw);
        n += vitro_frame_head_plausible(vitro_frame_head_read(raw), 16384);
    }
    cr_expect(n < 20, "%zu of a million", n);
}

/* ---- Blocks and names ---------------------------------------------------------------------- */

Test(frame, a_block_is_split_as_told)
{
    struct buf b;
    char hex[128];

    vitro_buf_init(&b, NULL, 100);
    cr_assert(vitro_frame_write_block(&b, 1, FRAME_END_STREAM,
                                      (vitro_bytes){ (const uint8_t *)"abcde", 5 }, 2, NULL));
    cr_expect_str_eq(hex_text(vitro_buf_bytes(&b), hex, sizeof hex), "0000020101000000016162"
                                                                     "0000020900000000016364"
                                                                     "00000109040000000165");
    b.len = 0;
    cr_assert(vitro_frame_write_block(&b, 1, 0, (vitro_bytes){ NULL, 0 }, 2, NULL));
    cr_expect_str_eq(hex_text(vitro_buf_bytes(&b), hex, sizeof hex), "000000010400000001");
    b.max = 15;
    cr_expect(
        !vitro_frame_write_block(&b, 1, 0, (vitro_bytes){ (const uint8_t *)"abcd", 4 }, 2, NULL));
    cr_expect(b.len == 9, "nothing is added when not all fits");
    vitro_buf_done(&b);
}

Test(frame, all_has_a_name)
{
    cr_expect_str_eq(vitro_frame_type_name(FRAME_RST_STREAM), "RST_STREAM");
    cr_expect_str_eq(vitro_frame_type_section(FRAME_CONTINUATION), "RFC 9113, 6.10");
    cr_expect(!vitro_frame_type_name(11) && !vitro_frame_type_name(0xbe));
    cr_expect_str_eq(vitro_frame_flag_name(FRAME_SETTINGS, 1), "ACK");
    cr_expect_str_eq(vitro_frame_flag_name(FRAME_DATA, 1), "END_STREAM");
    cr_expect(!vitro_frame_flag_name(FRAME_DATA, 4));
    cr_expect_str_eq(vitro_frame_setting_name(6), "SETTINGS_MAX_HEADER_LIST_SIZE");
    cr_expect(!vitro_frame_setting_name(0) && !vitro_frame_setting_name(7));
    cr_expect(vitro_frame_setting_default(4) == 65535);
    cr_expect_str_eq(vitro_frame_error_name(13), "HTTP_1_1_REQUIRED");
    cr_expect(!vitro_frame_error_name(14));
    for (unsigned i = 0; i < FRAME_FIELD_COUNT; i++)
        cr_expect(*vitro_frame_field_name((enum frame_field)i));
    for (unsigned i = 0; i < FRAME_WRONG_COUNT; i++)
        cr_expect(vitro_frame_wrong_info((enum frame_wrong)i)->text);
    cr_expect(!vitro_frame_wrong_info(FRAME_WRONG_COUNT));
    cr_expect(memcmp(vitro_frame_preface, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24) == 0);
}
