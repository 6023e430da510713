/*
 * hpack_reader - one representation after another off a header block.
 *
 * Two kinds of faults: those after which the bytes that follow cannot be told apart (an integer
 * without end, a block that stops), and all others, which a tolerant reader notes and passes.
 */
#include "frame/hpack_told.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "frame/huffman.h"

/* ---- Life ---------------------------------------------------------------------------------- */

/* A Huffman string is decoded before it is known to be too long: room for its worst case. */
static size_t scratch_max(uint32_t max_string)
{
    return huffman_most(((size_t)max_string * 30 + 7) / 8) + 1;
}

void vitro_hpack_reader_init(struct hpack_reader *r, struct account *account,
                             const struct hpack_reader_options *options)
{
    uint32_t capacity = options->capacity ? options->capacity : HPACK_DEFAULT_CAPACITY;

    memset(r, 0, sizeof *r);
    r->max_string = options->max_string ? options->max_string : HPACK_DEFAULT_STRING;
    vitro_hpack_table_init(&r->table, account, options->max_size, capacity);
    vitro_buf_init(&r->name, account, scratch_max(r->max_string));
    vitro_buf_init(&r->value, account, scratch_max(r->max_string));
    vitro_buf_init(&r->told, account, HPACK_TOLD_MAX);
    r->tolerant = options->tolerant;
    r->limit = options->max_size;
    r->limit_certain = !options->late;
    if (options->late)
        vitro_hpack_table_lose(&r->table);
}

void vitro_hpack_reader_done(struct hpack_reader *r)
{
    vitro_hpack_table_done(&r->table);
    vitro_buf_done(&r->name);
    vitro_buf_done(&r->value);
    vitro_buf_done(&r->told);
}

void vitro_hpack_reader_limit(struct hpack_reader *r, uint32_t max_size)
{
    r->limit = max_size;
    r->limit_certain = true;
    if (max_size < r->table.max_size && (!r->update_due || max_size < r->due)) {
        r->update_due = r->table.max_certain;
        r->due = max_size;
    }
}

void vitro_hpack_reader_lose(struct hpack_reader *r)
{
    vitro_hpack_table_lose(&r->table);
    r->update_due = false;
}

bool vitro_hpack_reader_copy(struct hpack_reader *dst, const struct hpack_reader *src)
{
    struct hpack_table table;
    struct buf name = dst->name, value = dst->value, told = dst->told;

    vitro_hpack_table_init(&table, dst->table.account, 0, 0);
    if (!vitro_hpack_table_copy(&table, &src->table))
        return false;
    vitro_hpack_table_done(&dst->table);
    *dst = *src;
    dst->table = table;
    dst->name = name;
    dst->value = value;
    dst->told = told;
    vitro_buf_consume(&dst->told, told.len);
    dst->told_at = 0;
    dst->name.max = src->name.max;
    dst->value.max = src->value.max;
    dst->block.ptr = NULL;
    dst->block.len = dst->at = 0;
    return true;
}

void vitro_hpack_block(struct hpack_reader *r, vitro_bytes block, uint64_t origin)
{
    assert(block.len <= UINT32_MAX);
    r->block = block;
    r->at = 0;
    r->origin = origin;
    r->fields_seen = false;
    r->filled = 0;
    if (r->told_at) /* of a block that was left before its end */
        vitro_hpack_told_drop(r);
}

/* ---- Pieces of a representation ------------------------------------------------------------ */

/* Note a fault; the first of a representation stays. */
static void wrong(struct hpack_field *f, enum hpack_wrong w)
{
    if (!f->wrong)
        f->wrong = (uint8_t)w;
}

/*
 * An integer behind a prefix of bits (RFC 7541, 5.1). False, and f->wrong says why, when it does
 * not end or does not fit.
 */
static bool read_int(struct hpack_reader *r, struct hpack_field *f, unsigned bits, uint32_t *out)
{
    uint32_t mask = (1u << bits) - 1;
    uint64_t v = r->block.ptr[r->at++] & mask;
    unsigned shift = 0;
    uint8_t octet;

    if (v == mask) {
        do {
            if (r->at == r->block.len) {
                f->wrong = HPACK_WRONG_ENDS_EARLY;
                return false;
            }
            octet = r->block.ptr[r->at++];
            if (shift <= 28)
                v += (uint64_t)(octet & 0x7f) << shift;
            shift += 7;
            if (shift > 35 || v > UINT32_MAX) {
                f->wrong = HPACK_WRONG_INTEGER;
                return false;
            }
        } while (octet & 0x80);
    }
    *out = (uint32_t)v;
    return true;
}

/* Decode Huffman octets into scratch. */
static enum hpack_wrong read_huffman(struct hpack_reader *r, struct buf *scratch, vitro_bytes in,
                                     vitro_str *out)
{
    enum hpack_wrong w;
    uint8_t *room;
    size_t len;

    if (in.len > ((size_t)r->max_string * 30 + 7) / 8)
        return HPACK_WRONG_LIMIT;
    room = vitro_buf_reserve(scratch, huffman_most(in.len));
    if (!room)
        return HPACK_WRONG_MEMORY;
    w = vitro_huffman_decode(in, room, &len);
    if (w)
        return w;
    out->ptr = (const char *)room;
    out->len = len;
    return len > r->max_string ? HPACK_WRONG_LIMIT : HPACK_WRONG_NOTHING;
}

/* A name or a value. flags of its Huffman bit and of its being unknown. False as read_int. */
static bool read_string(struct hpack_reader *r, struct hpack_field *f, bool is_name)
{
    struct hpack_string *wire = is_name ? &f->name_wire : &f->value_wire;
    vitro_str *out = is_name ? &f->name : &f->value;
    enum hpack_wrong w = HPACK_WRONG_NOTHING;
    vitro_bytes in;
    bool huffman;

    wire->at = (uint32_t)r->at;
    if (r->at == r->block.len) {
        f->wrong = HPACK_WRONG_ENDS_EARLY;
        return false;
    }
    huffman = r->block.ptr[r->at] & 0x80;
    if (!read_int(r, f, 7, &wire->len))
        return false;
    if (wire->len > r->block.len - r->at) {
        f->wrong = HPACK_WRONG_ENDS_EARLY;
        return false;
    }
    wire->off = (uint32_t)r->at;
    in.ptr = r->block.ptr + r->at;
    in.len = wire->len;
    r->at += wire->len;
    if (huffman) {
        f->flags |= is_name ? HPACK_NAME_HUFFMAN : HPACK_VALUE_HUFFMAN;
        w = read_huffman(r, is_name ? &r->name : &r->value, in, out);
    } else if (in.len > r->max_string) {
        w = HPACK_WRONG_LIMIT;
    } else {
        out->ptr = (const char *)in.ptr;
        out->len = in.len;
    }
    if (w) {
        wrong(f, w);
        f->flags |= is_name ? HPACK_NAME_UNKNOWN : HPACK_VALUE_UNKNOWN;
        out->len = 0;
    }
    return true;
}

/* ---- Indices ------------------------------------------------------------------------------- */

/* True when an entry that we do not know may stand so many places behind the known ones. */
static bool may_be_older(const struct hpack_table *t, uint32_t behind)
{
    return behind < t->old_size / HPACK_ENTRY_OVERHEAD;
}

static void take_entry(struct hpack_field *f, const struct hpack_entry *e)
{
    f->name = e->name;
    f->value = e->value;
    f->origin = e->origin;
    if (e->flags & HPACK_ENTRY_NAME_UNKNOWN)
        f->flags |= HPACK_NAME_UNKNOWN;
    if (e->flags & HPACK_ENTRY_VALUE_UNKNOWN)
        f->flags |= HPACK_VALUE_UNKNOWN;
    if (e->flags & HPACK_ENTRY_TOLD)
        f->flags |= HPACK_TOLD;
}

static void index_unknown(struct hpack_reader *r, struct hpack_field *f, uint32_t i)
{
    f->flags |= HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN;
    if (!may_be_older(&r->table, i - r->table.count))
        wrong(f, HPACK_WRONG_INDEX_BEYOND);
}

/* Name and value of what the field's index, which is not 0, refers to. */
static void look_up(struct hpack_reader *r, struct hpack_field *f)
{
    struct hpack_entry e;
    uint32_t i;

    if (f->index <= HPACK_STATIC_COUNT) {
        e = vitro_hpack_static(f->index);
        f->name = e.name;
        f->value = e.value;
        return;
    }
    i = f->index - HPACK_STATIC_COUNT - 1;
    f->refers = r->table.next - 1 - (int64_t)i;
    if (i < r->table.count) {
        e = vitro_hpack_table_entry(&r->table, i);
        take_entry(f, &e);
    } else if (r->table.old_count && vitro_hpack_table_old(&r->table, f->refers, &e)) {
        take_entry(f, &e);
    } else {
        index_unknown(r, f, i);
    }
}

/* ---- Representations ----------------------------------------------------------------------- */

static bool read_indexed(struct hpack_reader *r, struct hpack_field *f)
{
    if (!read_int(r, f, 7, &f->index))
        return false;
    f->head = (uint32_t)r->at - f->off;
    if (f->index == 0) {
        wrong(f, HPACK_WRONG_INDEX_0);
        f->flags |= HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN;
    } else {
        look_up(r, f);
        vitro_hpack_told_fill(r, f);
    }
    return true;
}

static void insert(struct hpack_reader *r, struct hpack_field *f)
{
    struct hpack_entry e = { f->name, f->value, 0, r->origin, 0 };
    bool inserted;

    if (f->flags & HPACK_NAME_UNKNOWN)
        e.flags |= HPACK_ENTRY_NAME_UNKNOWN;
    if (f->flags & HPACK_VALUE_UNKNOWN)
        e.flags |= HPACK_ENTRY_VALUE_UNKNOWN;
    if (f->flags & HPACK_TOLD)
        e.flags |= HPACK_ENTRY_TOLD;
    if (!vitro_hpack_table_insert(&r->table, &e, &inserted, &f->evicted)) {
        wrong(f, HPACK_WRONG_MEMORY);
        return;
    }
    if (!inserted)
        return;
    /* The strings may have moved with the table: its own copy is what is lent. */
    e = vitro_hpack_table_entry(&r->table, 0);
    f->name = e.name;
    f->value = e.value;
    f->flags |= HPACK_INSERTED;
    f->inserted = e.number;
}

/* repr is the one with an indexed name; the one with a new name follows it. */
static bool read_literal(struct hpack_reader *r, struct hpack_field *f, unsigned repr,
                         unsigned bits)
{
    f->repr = (uint8_t)repr;
    if (repr == HPACK_NEVER_INDEXED)
        f->flags |= HPACK_NEVER;
    if (!read_int(r, f, bits, &f->index))
        return false;
    f->head = (uint32_t)r->at - f->off;
    if (f->index == 0) {
        f->repr++;
        if (!read_string(r, f, true))
            return false;
    } else {
        look_up(r, f);
        f->flags &= (uint8_t)~HPACK_VALUE_UNKNOWN;
        f->value.len = 0;
    }
    if (!read_string(r, f, false))
        return false;
    vitro_hpack_told_fill(r, f);
    if (repr == HPACK_INCREMENTAL_INDEXED && (r->tolerant || !f->wrong))
        insert(r, f);
    return true;
}

static bool read_size_update(struct hpack_reader *r, struct hpack_field *f)
{
    uint32_t most = r->update_due ? r->due : r->limit;

    f->repr = HPACK_SIZE_UPDATE;
    if (!read_int(r, f, 5, &f->size))
        return false;
    f->head = (uint32_t)r->at - f->off;
    if (r->fields_seen)
        wrong(f, HPACK_WRONG_UPDATE_LATE);
    else if (f->size > most && r->limit_certain)
        wrong(f, f->size > r->limit ? HPACK_WRONG_UPDATE_LARGE : HPACK_WRONG_UPDATE_MISSING);
    r->update_due = false;
    if (r->tolerant || !f->wrong)
        f->evicted = vitro_hpack_table_resize(&r->table, f->size);
    return true;
}

/* By the pattern of the first octet (RFC 7541, 6). False when the rest cannot be told apart. */
static bool read_one(struct hpack_reader *r, struct hpack_field *f)
{
    uint8_t octet = r->block.ptr[r->at];

    if ((octet & 0xe0) == 0x20)
        return read_size_update(r, f);
    if (r->update_due) {
        r->update_due = false;
        wrong(f, HPACK_WRONG_UPDATE_MISSING);
    }
    r->fields_seen = true;
    if (octet & 0x80)
        return read_indexed(r, f);
    if (octet & 0x40)
        return read_literal(r, f, HPACK_INCREMENTAL_INDEXED, 6);
    return read_literal(r, f, octet & 0x10 ? HPACK_NEVER_INDEXED : HPACK_WITHOUT_INDEXED, 4);
}

/* The rest of the block has no shape; what it would have inserted is not known. */
static void give_up(struct hpack_reader *r, struct hpack_field *f)
{
    uint32_t off = f->off;
    uint8_t why = f->wrong;

    memset(f, 0, sizeof *f);
    f->repr = HPACK_REST;
    f->wrong = why;
    f->off = off;
    r->at = r->block.len;
    if (r->tolerant)
        vitro_hpack_table_lose(&r->table);
}

bool vitro_hpack_next(struct hpack_reader *r, struct hpack_field *f)
{
    if (r->at == r->block.len || r->failed) {
        vitro_hpack_told_drop(r);
        return false;
    }
    memset(f, 0, sizeof *f);
    f->off = (uint32_t)r->at;
    if (!read_one(r, f))
        give_up(r, f);
    f->len = (uint32_t)r->at - f->off;
    if (f->repr < HPACK_SIZE_UPDATE) {
        r->fields++;
        r->unknown += (f->flags & (HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN)) != 0;
    }
    if (f->wrong && !r->tolerant)
        r->failed = f->wrong;
    return true;
}
