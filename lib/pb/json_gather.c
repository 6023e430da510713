/*
 * json_gather - the bytes of a message, sorted by field.
 */
#include <string.h>

#include "base/util.h"
#include "pb/json_out.h"

static bool fits(const struct pb_field_type *f, enum pb_wire wire)
{
    if ((int)wire == vitro_pb_type_wire(f->type))
        return true;
    return wire == PB_LEN && f->label == PB_REPEATED && vitro_pb_type_packable(f->type);
}

/* What another member of the same oneof left is forgotten. */
static void choose(struct json_fields *g, size_t i)
{
    const struct pb_message_type *type = g->type;

    for (size_t j = 0; type->fields[i].oneof >= 0 && j < type->field_count; j++) {
        if (j != i && type->fields[j].oneof == type->fields[i].oneof)
            g->first[j] = g->last[j] = 0;
    }
}

static bool add(struct json_fields *g, size_t i, size_t start)
{
    struct json_item item = { start, 0 };
    size_t number;

    choose(g, i);
    if (!vitro_buf_append(&g->items, &item, sizeof item))
        return false;
    number = g->items.len / sizeof item;
    if (g->last[i])
        ((struct json_item *)(void *)g->items.ptr)[g->last[i] - 1].next = number;
    else
        g->first[i] = number;
    g->last[i] = number;
    return true;
}

static bool fault(struct json_out *o, const struct json_fields *g, enum pb_fault what, size_t at)
{
    return vitro_json_out_fail(o, "%s at byte %zu of %.*s", vitro_pb_fault_text(what), at,
                               (int)MIN(g->type->name.len, 40), g->type->name.ptr);
}

static bool read_all(struct json_out *o, struct json_fields *g)
{
    struct pb_reader r = pb_reader_of(g->bytes);

    while (r.at < r.end) {
        struct pb_token t;
        const struct pb_field_type *f;
        enum pb_fault what = vitro_pb_read(&r, &t);
        size_t body_end;

        if (!what && t.wire == PB_END)
            what = PB_FAULT_GROUP_END;
        if (!what && t.wire == PB_START)
            what = vitro_pb_skip_group(&r, t.number, PB_DEPTH, &body_end);
        if (what)
            return fault(o, g, what, MAX(r.at, t.after_tag));
        f = vitro_pb_message_field(g->type, t.number);
        if (f && fits(f, t.wire) && !add(g, (size_t)(f - g->type->fields), t.start))
            return vitro_json_out_full(o);
    }
    return true;
}

bool vitro_json_gather(struct json_out *o, struct json_fields *g,
                       const struct pb_message_type *type, vitro_bytes bytes)
{
    size_t n = MAX(2 * type->field_count, 1) * sizeof *g->first;
    bool ok;

    *g = (struct json_fields){ .type = type, .bytes = bytes };
    vitro_buf_init(&g->links, o->out->account, SIZE_MAX / 2);
    vitro_buf_init(&g->items, o->out->account, SIZE_MAX / 2);
    g->first = (size_t *)(void *)vitro_buf_reserve(&g->links, n);
    if (!g->first)
        return vitro_json_out_full(o);
    memset(g->first, 0, n);
    g->last = g->first + type->field_count;
    ok = read_all(o, g);
    if (!ok)
        vitro_json_gather_done(g);
    return ok;
}

void vitro_json_gather_done(struct json_fields *g)
{
    vitro_buf_done(&g->links);
    vitro_buf_done(&g->items);
}

/* It was read before: there is no fault. */
size_t vitro_json_token(const struct json_fields *g, size_t item, struct pb_token *t)
{
    const struct json_item *at = &((const struct json_item *)(const void *)g->items.ptr)[item - 1];
    struct pb_reader r = pb_reader_of(g->bytes);

    r.at = at->start;
    vitro_pb_read(&r, t);
    if (t->wire == PB_START)
        vitro_pb_skip_group(&r, t->number, PB_DEPTH, &t->end);
    return at->next;
}

vitro_bytes vitro_json_body(const struct json_fields *g, const struct pb_token *t)
{
    return (vitro_bytes){ g->bytes.ptr + t->value_at, t->end - t->value_at };
}
