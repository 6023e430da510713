#include "sim/said.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"

enum what { MESSAGE, METADATA, STATUS };

/* A number that follows from the seed and from what it is for. */
static struct chance chance_of(const struct said *s, enum what what, unsigned call, unsigned part,
                               uint64_t k)
{
    struct chance c;

    vitro_chance_seed(&c, s->seed ^ (k << 24 | (uint64_t)call << 8 | part << 4 | what));
    return c;
}

static size_t below(struct chance *c, size_t n)
{
    return (size_t)vitro_chance_below(c, n);
}

/* ---- messages ------------------------------------------------------------------------------- */

static size_t draw_len(const struct said *s, struct chance *c)
{
    switch (below(c, 8)) {
    case 0:
        return 0;
    case 1:
        return below(c, s->large + 1);
    case 2:
        return below(c, MIN(s->large, 5000) + 1);
    default:
        return 1 + below(c, 100);
    }
}

size_t said_len(const struct said *s, unsigned call, enum said_way way, unsigned k)
{
    struct chance c = chance_of(s, MESSAGE, call, way, k);

    return draw_len(s, &c);
}

/* Eight bytes at a time: every other message is chance, the others repeat and can be compressed. */
static void fill(struct chance *c, size_t len, uint8_t *out)
{
    bool repeats = below(c, 2) == 0;
    uint64_t word = vitro_chance_next(c);

    for (size_t at = 0; at < len; at += sizeof word) {
        memcpy(out + at, &word, MIN(sizeof word, len - at));
        word = repeats ? word + 1 : vitro_chance_next(c);
    }
}

void said_fill(const struct said *s, unsigned call, enum said_way way, unsigned k, uint8_t *out)
{
    struct chance c = chance_of(s, MESSAGE, call, way, k);
    size_t len = draw_len(s, &c);

    fill(&c, len, out);
}

bool said_is(const struct said *s, unsigned call, enum said_way way, unsigned k, vitro_bytes bytes)
{
    struct chance c = chance_of(s, MESSAGE, call, way, k);
    size_t len = draw_len(s, &c);
    bool repeats = below(&c, 2) == 0;
    uint64_t word = vitro_chance_next(&c);

    if (bytes.len != len)
        return false;
    for (size_t at = 0; at < len; at += sizeof word) {
        if (memcmp(bytes.ptr + at, &word, MIN(sizeof word, len - at)) != 0)
            return false;
        word = repeats ? word + 1 : vitro_chance_next(&c);
    }
    return true;
}

/* ---- metadata ------------------------------------------------------------------------------- */

static void draw_value(struct chance *c, struct said_entry *e, bool binary)
{
    e->len = below(c, sizeof e->value);
    for (size_t i = 0; i < e->len; i++)
        e->value[i] = binary ? (uint8_t)below(c, 256) : (uint8_t)('!' + below(c, '~' - '!' + 1));
}

bool said_metadata(const struct said *s, unsigned call, enum said_part part, size_t i,
                   struct said_entry *out)
{
    struct chance c = chance_of(s, METADATA, call, part, 0);
    size_t count = below(&c, 3) ? below(&c, 2) : below(&c, 6);
    bool binary;

    if (part == SAID_OF_REQUEST) {
        if (i == 0) {
            snprintf(out->key, sizeof out->key, SAID_CALL);
            out->len = (size_t)snprintf((char *)out->value, sizeof out->value, "%u", call);
            return true;
        }
        i--;
    }
    if (i >= count)
        return false;
    c = chance_of(s, METADATA, call, part, i + 1);
    binary = below(&c, 3) == 0;
    snprintf(out->key, sizeof out->key, "x-%zu%s", below(&c, 4), binary ? "-bin" : "");
    draw_value(&c, out, binary);
    return true;
}

vitro_md *said_list(const struct said *s, unsigned call, enum said_part part)
{
    vitro_md *md = vitro_md_new();
    struct said_entry e;

    for (size_t i = 0; md && said_metadata(s, call, part, i, &e); i++) {
        vitro_bytes value = { e.value, e.len };
        if (vitro_md_add(md, vitro_str_of(e.key), value, NULL) != VITRO_OK) {
            vitro_md_free(md);
            return NULL;
        }
    }
    return md;
}

bool said_is_list(const struct said *s, unsigned call, enum said_part part, const vitro_md *md)
{
    struct said_entry e;
    vitro_bytes value;
    vitro_str key;
    size_t i = 0;

    for (; said_metadata(s, call, part, i, &e); i++) {
        if (!vitro_md_at(md, i, &key, &value) || key.len != strlen(e.key) ||
            memcmp(key.ptr, e.key, key.len) != 0 || value.len != e.len ||
            (e.len && memcmp(value.ptr, e.value, e.len) != 0))
            return false;
    }
    return i == vitro_md_count(md);
}

/* ---- the status ----------------------------------------------------------------------------- */

vitro_code said_code(const struct said *s, unsigned call)
{
    struct chance c = chance_of(s, STATUS, call, 0, 0);

    return s->well || below(&c, 4) ? VITRO_OK : (vitro_code)below(&c, 17);
}

const char *said_text(const struct said *s, unsigned call)
{
    static const char *const texts[] = { "",           "no such room", "100 % full",
                                         "두 줄\n끝 ", "%41%zz%",      " \x7f\t" };
    struct chance c = chance_of(s, STATUS, call, 1, 0);

    return texts[below(&c, ARRAY_LEN(texts))];
}
