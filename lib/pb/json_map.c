/*
 * json_map - a map as JSON: an object, its members sorted by key so that the same map is always
 * the same text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pb/json_out.h"
#include "pb/walk.h"

struct entry {
    vitro_bytes bytes; /* of the entry's message */
    vitro_str text;    /* a string key */
    uint64_t bits;     /* any other, so that it sorts as it should */
    size_t order;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    size_t n = MIN(x->text.len, y->text.len);
    int order = n ? memcmp(x->text.ptr, y->text.ptr, n) : 0;

    if (!order)
        order = (x->text.len > y->text.len) - (x->text.len < y->text.len);
    if (!order)
        order = (x->bits > y->bits) - (x->bits < y->bits);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static bool same_key(const struct entry *x, const struct entry *y)
{
    return x->bits == y->bits && vitro_str_eq(x->text, y->text);
}

static bool is_signed(enum pb_type type)
{
    return type != PB_TYPE_BOOL && type != PB_TYPE_UINT32 && type != PB_TYPE_UINT64 &&
           type != PB_TYPE_FIXED32 && type != PB_TYPE_FIXED64;
}

/* The key of an entry; the sign bit is turned so that negative numbers come first. */
static bool read_key(struct json_out *o, struct entry *e, const struct pb_message_type *type)
{
    const struct pb_field_type *f = &type->fields[0];
    struct json_fields g;
    struct pb_token t;

    if (!vitro_json_gather(o, &g, type, e->bytes))
        return false;
    t = (struct pb_token){ .value = 0 };
    if (g.last[0])
        vitro_json_token(&g, g.last[0], &t);
    if (f->type == PB_TYPE_STRING)
        e->text = (vitro_str){ (const char *)e->bytes.ptr + t.value_at, t.end - t.value_at };
    else if (is_signed(f->type))
        e->bits = (uint64_t)vitro_pb_value_int(f->type, t.value) ^ (uint64_t)1 << 63;
    else if (f->type == PB_TYPE_BOOL)
        e->bits = t.value != 0;
    else
        e->bits = f->type == PB_TYPE_UINT32 ? (uint32_t)t.value : t.value;
    vitro_json_gather_done(&g);
    return true;
}

static bool put_key(struct json_out *o, const struct pb_field_type *f, const struct entry *e)
{
    char text[32];

    if (f->type == PB_TYPE_STRING)
        return vitro_json_put_string(o, e->text);
    if (f->type == PB_TYPE_BOOL)
        return vitro_json_put_text(o, e->bits ? "\"true\"" : "\"false\"");
    if (is_signed(f->type))
        snprintf(text, sizeof text, "\"%" PRId64 "\"", (int64_t)(e->bits ^ (uint64_t)1 << 63));
    else
        snprintf(text, sizeof text, "\"%" PRIu64 "\"", e->bits);
    return vitro_json_put_text(o, text);
}

static bool put_entry(struct json_out *o, const struct pb_message_type *type, const struct entry *e)
{
    struct json_fields g;
    bool ok;

    if (!put_key(o, &type->fields[0], e) || !vitro_json_put_text(o, ":") ||
        !vitro_json_gather(o, &g, type, e->bytes))
        return false;
    ok = vitro_json_put_field(o, &g, 1);
    vitro_json_gather_done(&g);
    return ok;
}

/* All entries, sorted, into a buffer of struct entry. */
static bool collect(struct json_out *o, const struct json_fields *g, size_t i, struct buf *all)
{
    struct pb_token t;

    for (size_t item = g->first[i]; item;) {
        struct entry e = { { NULL, 0 }, { "", 0 }, 0, item };

        item = vitro_json_token(g, item, &t);
        e.bytes = vitro_json_body(g, &t);
        if (!read_key(o, &e, g->type->fields[i].message))
            return false;
        if (!vitro_buf_append(all, &e, sizeof e))
            return vitro_json_out_full(o);
    }
    if (all->len)
        qsort(all->ptr, all->len / sizeof(struct entry), sizeof(struct entry), compare);
    return true;
}

bool vitro_json_put_map(struct json_out *o, const struct json_fields *g, size_t i)
{
    struct buf all;
    bool ok, more = false;

    vitro_buf_init(&all, o->out->account, SIZE_MAX / 2);
    ok = collect(o, g, i, &all) && vitro_json_put_text(o, "{");
    for (size_t k = 0, n = all.len / sizeof(struct entry); ok && k < n; k++) {
        const struct entry *e = &((const struct entry *)(const void *)all.ptr)[k];

        if (k + 1 < n && same_key(e, e + 1))
            continue;
        ok = (!more || vitro_json_put_text(o, ",")) && put_entry(o, g->type->fields[i].message, e);
        more = true;
    }
    vitro_buf_done(&all);
    return ok && vitro_json_put_text(o, "}");
}
