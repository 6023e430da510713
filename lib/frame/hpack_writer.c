#include "frame/hpack_writer.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "frame/huffman.h"

static const struct pattern {
    uint8_t pattern, bits;
} patterns[] = {
#define X(id, pattern, bits, name, section) { pattern, bits },
#include "frame/hpack_reprs.def"
#undef X
};

/* Values of these are never to be put into a table (RFC 7541, 7.1.3). */
static const vitro_str secrets[] = {
    VITRO_STR_INIT("authorization"),
    VITRO_STR_INIT("proxy-authorization"),
    VITRO_STR_INIT("cookie"),
    VITRO_STR_INIT("set-cookie"),
};

bool vitro_hpack_name_secret(vitro_str name)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (vitro_str_eq(secrets[i], name))
            return true;
    return false;
}

void vitro_hpack_writer_init(struct hpack_writer *w, struct account *account, uint32_t max_size)
{
    vitro_hpack_table_init(&w->table, account, max_size, HPACK_CAPACITY_MAX);
    w->origin = 0;
}

void vitro_hpack_writer_done(struct hpack_writer *w)
{
    vitro_hpack_table_done(&w->table);
}

bool vitro_hpack_write_int(struct buf *b, uint8_t pattern, unsigned bits, uint64_t value)
{
    uint8_t octets[12];
    uint64_t mask = (1u << bits) - 1;
    size_t n = 0;

    assert(bits >= 1 && bits <= 8);
    if (value < mask) {
        octets[n++] = (uint8_t)(pattern | value);
    } else {
        octets[n++] = (uint8_t)(pattern | mask);
        for (value -= mask; value >= 0x80; value >>= 7)
            octets[n++] = (uint8_t)(0x80 | (value & 0x7f));
        octets[n++] = (uint8_t)value;
    }
    return vitro_buf_append(b, octets, n);
}

bool vitro_hpack_write_string(struct buf *b, vitro_str s, enum hpack_choice huffman)
{
    size_t start = b->len, len = huffman == HPACK_CHOICE_NO ? s.len : vitro_huffman_length(s);
    bool packed = huffman == HPACK_CHOICE_YES || (huffman == HPACK_CHOICE_AUTO && len < s.len);
    uint8_t *room;

    if (!packed)
        len = s.len;
    if (!vitro_hpack_write_int(b, packed ? 0x80 : 0, 7, len))
        return false;
    room = vitro_buf_reserve(b, len);
    if (!room) {
        b->len = start;
        return false;
    }
    if (packed)
        vitro_huffman_encode(room, s);
    else if (len)
        memcpy(room, s.ptr, len);
    b->len += len;
    return true;
}

/* The lowest index with the name, and with both; 0: none. */
struct found {
    uint32_t name, both;
};

static void found_add(struct found *f, uint32_t index, const struct hpack_entry *e, vitro_str name,
                      vitro_str value)
{
    if (e->flags || !vitro_str_eq(e->name, name))
        return;
    if (!f->name)
        f->name = index;
    if (!f->both && vitro_str_eq(e->value, value))
        f->both = index;
}

static struct found find(const struct hpack_table *t, vitro_str name, vitro_str value)
{
    struct found f = { 0, 0 };

    for (uint32_t i = 1; i <= HPACK_STATIC_COUNT && !f.both; i++) {
        struct hpack_entry e = vitro_hpack_static(i);
        found_add(&f, i, &e, name, value);
    }
    for (uint32_t i = 0; i < t->count && !f.both; i++) {
        struct hpack_entry e = vitro_hpack_table_entry(t, i);
        found_add(&f, HPACK_STATIC_COUNT + 1 + i, &e, name, value);
    }
    return f;
}

/* The representation, of those with an indexed name, that the caller's wish comes to. */
static enum hpack_repr choose(const struct hpack_writer *w, enum hpack_how how,
                              const struct found *f, vitro_str name, vitro_str value)
{
    static const uint8_t asked[] = {
        [HPACK_HOW_INDEXED] = HPACK_INDEXED,
        [HPACK_HOW_INCREMENTAL] = HPACK_INCREMENTAL_INDEXED,
        [HPACK_HOW_WITHOUT] = HPACK_WITHOUT_INDEXED,
        [HPACK_HOW_NEVER] = HPACK_NEVER_INDEXED,
    };

    if (how != HPACK_HOW_AUTO)
        return (enum hpack_repr)asked[how];
    if (vitro_hpack_name_secret(name))
        return HPACK_NEVER_INDEXED;
    if (f->both)
        return HPACK_INDEXED;
    /* What is larger than the table would only empty it (RFC 7541, 4.4). */
    return name.len + value.len + HPACK_ENTRY_OVERHEAD > w->table.max_size
               ? HPACK_WITHOUT_INDEXED
               : HPACK_INCREMENTAL_INDEXED;
}

static bool write_literal(struct buf *b, enum hpack_repr repr, uint32_t index, vitro_str name,
                          vitro_str value, const struct hpack_style *style)
{
    if (!vitro_hpack_write_int(b, patterns[repr].pattern, patterns[repr].bits, index))
        return false;
    if (!index && !vitro_hpack_write_string(b, name, (enum hpack_choice)style->huffman_name))
        return false;
    return vitro_hpack_write_string(b, value, (enum hpack_choice)style->huffman_value);
}

static bool insert(struct hpack_writer *w, vitro_str name, vitro_str value)
{
    struct hpack_entry e = { name, value, 0, w->origin, 0 };
    bool inserted;
    uint32_t evicted;

    return vitro_hpack_table_insert(&w->table, &e, &inserted, &evicted);
}

bool vitro_hpack_write(struct hpack_writer *w, struct buf *b, vitro_str name, vitro_str value,
                       const struct hpack_style *style)
{
    static const struct hpack_style automatic = { 0, 0, 0, 0 };
    const struct hpack_style *s = style ? style : &automatic;
    struct found f = find(&w->table, name, value);
    enum hpack_repr repr = choose(w, (enum hpack_how)s->how, &f, name, value);
    size_t start = b->len;
    bool ok;

    if (repr == HPACK_INDEXED)
        return f.both && vitro_hpack_write_int(b, 0x80, 7, f.both);
    if (s->name_index == HPACK_CHOICE_YES && !f.name)
        return false;
    ok = write_literal(b, repr, s->name_index == HPACK_CHOICE_NO ? 0 : f.name, name, value, s) &&
         (repr != HPACK_INCREMENTAL_INDEXED || insert(w, name, value));
    if (!ok)
        b->len = start;
    return ok;
}

bool vitro_hpack_write_size(struct hpack_writer *w, struct buf *b, uint32_t max_size)
{
    if (!vitro_hpack_write_int(b, patterns[HPACK_SIZE_UPDATE].pattern,
                               patterns[HPACK_SIZE_UPDATE].bits, max_size))
        return false;
    vitro_hpack_table_resize(&w->table, max_size);
    return true;
}
