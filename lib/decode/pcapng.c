#include "decode/pcapng.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "decode/order.h"

/*
 *      type (4) | total length (4) | body ... padded to 4 | total length (4)
 *
 * The first field of a section's body is 1a2b3c4d in the byte order of the section, which its own
 * length is written in as well.
 */
enum { HEAD = 8, TAIL = 4, OPTION_END = 0, IF_TSRESOL = 9, IF_TSOFFSET = 14 };

/* A block that has been lent. fail() names its offset. */
struct block {
    struct capture *c;
    struct capture_record *out;
    vitro_error *err;
    uint32_t type;
    uint64_t at;
    vitro_bytes body;
};

static enum capture_step fail(const struct block *b, const char *why)
{
    vitro_fail(b->err, VITRO_INVALID_ARGUMENT, "capture", 0,
               "block of type %" PRIu32 " at offset %" PRIu64 ": %s", b->type, b->at, why);
    return CAPTURE_BAD;
}

static uint32_t word(const struct block *b, size_t at)
{
    return read32(b->body.ptr + at, b->c->big_endian);
}

/* The bytes of the body from `at` on, len of them, become the record's. */
static bool carry(const struct block *b, enum capture_kind kind, size_t at, size_t len)
{
    if (len > b->body.len - at)
        return false;
    b->out->kind = kind;
    b->out->offset = b->at + HEAD + at;
    b->out->bytes.ptr = b->body.ptr + at;
    b->out->bytes.len = len;
    b->out->number = b->c->number;
    return true;
}

/* ---- sections and interfaces ----------------------------------------------------------------- */

static enum capture_step read_section(const struct block *b)
{
    if (read16(b->body.ptr + 4, b->c->big_endian) != 1)
        return fail(b, "a pcapng version other than 1");
    b->c->count = 0;
    return CAPTURE_RECORD;
}

/* One option; false at the end of the list and when it is longer than its block (then *bad). */
static bool next_option(const struct block *b, size_t *at, uint16_t *code, vitro_bytes *value,
                        bool *bad)
{
    const uint8_t *p = b->body.ptr + *at;
    size_t left = b->body.len - *at, len;

    if (left < 4 || read16(p, b->c->big_endian) == OPTION_END)
        return false;
    *code = read16(p, b->c->big_endian);
    len = read16(p + 2, b->c->big_endian);
    *bad = len > left - 4;
    if (*bad)
        return false;
    value->ptr = p + 4;
    value->len = len;
    *at += 4 + MIN((len + 3) & ~(size_t)3, left - 4);
    return true;
}

/* if_tsresol: 10 or, with the high bit, 2 to the power of minus the rest. 0 when out of range. */
static uint64_t resolution(uint8_t code)
{
    unsigned power = code & 0x7fu;
    uint64_t units = 1;

    if (code & 0x80)
        return power < 64 ? (uint64_t)1 << power : 0;
    while (power-- > 0 && units)
        units = units <= UINT64_MAX / 10 ? units * 10 : 0;
    return units;
}

static enum capture_step read_interface(const struct block *b)
{
    struct capture_interface add = { 1000000, 0, word(b, 4),
                                     read16(b->body.ptr, b->c->big_endian) };
    size_t at = 8;
    uint16_t code;
    vitro_bytes value;
    bool bad = false;

    while (next_option(b, &at, &code, &value, &bad)) {
        if (code == IF_TSRESOL && value.len >= 1)
            add.units = resolution(value.ptr[0]);
        else if (code == IF_TSOFFSET && value.len >= 8)
            add.offset = (int64_t)read64(value.ptr, b->c->big_endian);
    }
    if (bad)
        return fail(b, "an option is longer than its block");
    if (!add.units)
        return fail(b, "a clock finer than 64 bits can count");
    return vitro_capture_interface(b->c, &add, b->err) ? CAPTURE_BAD : CAPTURE_RECORD;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* What the two kinds of packet block with a header of 20 bytes share. */
static enum capture_step read_packet(const struct block *b, uint32_t interface_id)
{
    const struct capture_interface *on;
    uint64_t ticks = (uint64_t)word(b, 4) << 32 | word(b, 8);
    uint32_t captured = word(b, 12);

    if (interface_id >= b->c->count)
        return fail(b, "a packet of an interface that its section does not describe");
    if (!carry(b, CAPTURE_PACKET, 20, captured))
        return fail(b, "a packet longer than its block");
    on = &b->c->interfaces[interface_id];
    b->out->original = MAX(word(b, 16), captured);
    b->out->has_ts = vitro_capture_time(on, ticks, &b->out->ts);
    b->out->link = on->link;
    b->out->interface_id = interface_id;
    b->out->number = ++b->c->number;
    return CAPTURE_RECORD;
}

static enum capture_step read_enhanced(const struct block *b)
{
    return read_packet(b, word(b, 0));
}

static enum capture_step read_obsolete(const struct block *b)
{
    return read_packet(b, read16(b->body.ptr, b->c->big_endian));
}

/* A simple packet tells its length on the wire only: what was captured follows from the rest. */
static enum capture_step read_simple(const struct block *b)
{
    const struct capture_interface *on = b->c->interfaces;
    uint32_t original = word(b, 0);
    size_t captured = MIN((size_t)original, b->body.len - 4);

    if (!b->c->count)
        return fail(b, "a packet before any interface");
    if (on->snaplen)
        captured = MIN(captured, (size_t)on->snaplen);
    if (captured < original && (!on->snaplen || original < on->snaplen))
        return fail(b, "a packet longer than its block");
    carry(b, CAPTURE_PACKET, 4, captured);
    b->out->original = original;
    b->out->link = on->link;
    b->out->number = ++b->c->number;
    return CAPTURE_RECORD;
}

/* ---- notes and secrets ----------------------------------------------------------------------- */

/* VITRO_NS is exact; the journal's own time, which must be there, counts microseconds. */
static bool note_time(vitro_bytes entry, int64_t *ns)
{
    static const vitro_str exact = VITRO_STR_INIT("VITRO_NS");
    static const vitro_str journal = VITRO_STR_INIT("__REALTIME_TIMESTAMP");
    struct note_field field;
    uint64_t value;

    if (vitro_note_find(entry, exact, &field) &&
        vitro_text_number(field.value, INT64_MAX, &value)) {
        *ns = (int64_t)value;
        return true;
    }
    if (!vitro_note_find(entry, journal, &field) ||
        !vitro_text_number(field.value, INT64_MAX / 1000, &value))
        return false;
    *ns = (int64_t)value * 1000;
    return true;
}

/* The entry has no length of its own: it ends at its last byte that is not zero. */
static enum capture_step read_journal(const struct block *b)
{
    size_t len = b->body.len;

    while (len && !b->body.ptr[len - 1])
        len--;
    carry(b, CAPTURE_NOTE, 0, len);
    b->out->has_ts = note_time(b->out->bytes, &b->out->ts);
    b->out->number = ++b->c->number;
    return CAPTURE_RECORD;
}

static enum capture_step read_secrets(const struct block *b)
{
    if (!carry(b, CAPTURE_SECRETS, 8, word(b, 4)))
        return fail(b, "secrets longer than their block");
    b->out->secrets_type = word(b, 0);
    return CAPTURE_RECORD;
}

/* Wireshark lists a custom block as a frame of its own: it takes a number. */
static enum capture_step count_custom(const struct block *b)
{
    b->c->number++;
    b->c->skipped++;
    return CAPTURE_RECORD;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

struct block_kind {
    uint32_t type;
    uint32_t min; /* bytes of body */
    bool record;  /* read fills the record */
    enum capture_step (*read)(const struct block *b);
};

static const struct block_kind kinds[] = {
    { 6, 20, true, read_enhanced },
    { 9, 0, true, read_journal },
    { PCAPNG_SECTION, 16, false, read_section },
    { 1, 8, false, read_interface },
    { 10, 8, true, read_secrets },
    { 3, 4, true, read_simple },
    { 2, 20, true, read_obsolete },
    { 0x00000bad, 4, false, count_custom },
    { 0x40000bad, 4, false, count_custom },
};

static const struct block_kind *find_kind(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

/* Type and length of the block at c->at; a section header sets the byte order first. */
static enum capture_step read_head(struct block *b, uint64_t *total)
{
    struct capture *c = b->c;
    vitro_bytes head = c->lend(c->at, HEAD + 4, c->user);

    if (!head.len)
        return CAPTURE_END;
    if (head.len < HEAD + 4)
        return vitro_capture_cut(b->err, "block header", c->at, head.len, HEAD + 4);
    b->type = read32(head.ptr, c->big_endian);
    if (b->type == PCAPNG_SECTION) { /* the same in both orders */
        if (read32(head.ptr + HEAD, true) == 0x1a2b3c4d)
            c->big_endian = true;
        else if (read32(head.ptr + HEAD, false) == 0x1a2b3c4d)
            c->big_endian = false;
        else
            return fail(b, "no byte order");
    }
    *total = ((uint64_t)read32(head.ptr + 4, c->big_endian) + 3) & ~(uint64_t)3;
    return *total < HEAD + TAIL ? fail(b, "shorter than a block can be") : CAPTURE_RECORD;
}

/* Both copies of the length agree, one of them rounded up where a writer forgot to. */
static bool tail_agrees(const struct block *b, const uint8_t *tail, uint64_t total)
{
    return (((uint64_t)read32(tail, b->c->big_endian) + 3) & ~(uint64_t)3) == total;
}

static enum capture_step skip_block(struct block *b, uint64_t total)
{
    vitro_bytes tail = b->c->lend(b->at + total - TAIL, TAIL, b->c->user);

    if (tail.len < TAIL)
        return vitro_capture_cut(b->err, "block", b->at, tail.len, TAIL);
    if (!tail_agrees(b, tail.ptr, total))
        return fail(b, "its two lengths differ");
    b->c->skipped++;
    b->c->at += total;
    return CAPTURE_RECORD;
}

static enum capture_step read_block(struct block *b, const struct block_kind *kind, uint64_t total)
{
    vitro_bytes whole;
    enum capture_step step;

    if (total > VITRO_LEND_MAX)
        return fail(b, "longer than 16 MiB");
    if (total < HEAD + TAIL + kind->min)
        return fail(b, "shorter than its kind");
    whole = b->c->lend(b->at, (size_t)total, b->c->user);
    if (whole.len < total)
        return vitro_capture_cut(b->err, "block", b->at, whole.len, (size_t)total);
    if (!tail_agrees(b, whole.ptr + total - TAIL, total))
        return fail(b, "its two lengths differ");
    b->body.ptr = whole.ptr + HEAD;
    b->body.len = (size_t)total - HEAD - TAIL;
    step = kind->read(b);
    if (step == CAPTURE_RECORD)
        b->c->at += total;
    return step;
}

enum capture_step vitro_pcapng_next(struct capture *c, struct capture_record *out, vitro_error *err)
{
    for (;;) {
        struct block b = { c, out, err, 0, c->at, { NULL, 0 } };
        const struct block_kind *kind;
        uint64_t total = 0;
        enum capture_step step = read_head(&b, &total);

        if (step != CAPTURE_RECORD)
            return step;
        kind = find_kind(b.type);
        step = kind ? read_block(&b, kind, total) : skip_block(&b, total);
        if (step != CAPTURE_RECORD || (kind && kind->record))
            return step;
    }
}
