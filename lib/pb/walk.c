#include "pb/walk.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"

struct walk {
    vitro_bytes bytes;
    size_t base;
    pb_walk_fn *fn;
    void *user;
    bool ended; /* by fn */
};

/* A message or group whose fields are being walked. */
struct level {
    const struct pb_message_type *type;
    uint32_t depth;
    uint32_t group; /* number of the end tag that ends it; 0: only its length does */
};

/* Returns where the end tag stands that ended it; r->end when none did. */
static size_t walk_fields(struct walk *w, struct pb_reader *r, struct level level);

/* Spans are relative to bytes until here. */
static void emit(struct walk *w, struct pb_node node)
{
    if (w->ended)
        return;
    node.start += w->base;
    node.after_tag += w->base;
    node.value_at += w->base;
    node.end += w->base;
    node.at += w->base;
    w->ended = !w->fn(&node, w->user);
}

static void emit_damage(struct walk *w, struct level level, size_t start, size_t end,
                        enum pb_fault fault, size_t at)
{
    emit(w, (struct pb_node){ .kind = PB_NODE_DAMAGE,
                              .depth = level.depth,
                              .fault = fault,
                              .at = at,
                              .start = start,
                              .after_tag = start,
                              .value_at = start,
                              .end = end });
}

/* The end of what `open` began; [start, end) is a group's end tag, else empty. */
static void emit_close(struct walk *w, const struct pb_node *open, size_t start, size_t end)
{
    struct pb_node node = *open;

    node.kind = PB_NODE_CLOSE;
    node.fault = PB_FAULT_NONE;
    node.start = start;
    node.after_tag = node.value_at = node.end = end;
    emit(w, node);
}

static struct pb_node node_of(struct level level, const struct pb_token *t)
{
    return (struct pb_node){ .depth = level.depth,
                             .number = t->number,
                             .wire = t->wire,
                             .field = vitro_pb_message_field(level.type, t->number),
                             .start = t->start,
                             .after_tag = t->after_tag,
                             .value_at = t->value_at,
                             .end = t->end,
                             .value = t->value };
}

/* One element of a packed list at r->at. */
static enum pb_fault read_element(struct pb_reader *r, int wire, uint64_t *value)
{
    size_t size = wire == PB_FIXED64 ? 8 : 4;

    if (wire == PB_VARINT)
        return vitro_pb_read_varint(r, value);
    if (r->end - r->at < size)
        return PB_FAULT_PACKED_CUT;
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value |= (uint64_t)r->base[r->at + i] << (8 * i);
    r->at += size;
    return PB_FAULT_NONE;
}

static void walk_packed(struct walk *w, struct pb_node node)
{
    struct pb_reader r = { w->bytes.ptr, node.value_at, node.end };
    struct pb_node element = node;
    struct level inside = { NULL, node.depth + 1, 0 };

    node.kind = PB_NODE_OPEN;
    node.group = PB_GROUP_PACKED;
    emit(w, node);
    element.kind = PB_NODE_ELEMENT;
    element.wire = (enum pb_wire)vitro_pb_type_wire(node.field->type);
    element.depth = inside.depth;
    element.fault = PB_FAULT_NONE;
    while (r.at < r.end && !w->ended) {
        size_t start = r.at;
        enum pb_fault fault = read_element(&r, (int)element.wire, &element.value);

        if (fault) {
            emit_damage(w, inside, start, r.end, fault, start);
            break;
        }
        element.start = element.after_tag = element.value_at = start;
        element.end = r.at;
        emit(w, element);
    }
    emit_close(w, &node, node.end, node.end);
}

static void walk_message(struct walk *w, struct pb_node node)
{
    struct pb_reader r = { w->bytes.ptr, node.value_at, node.end };
    struct level inside = { node.field->message, node.depth + 1, 0 };

    if (node.depth >= PB_DEPTH) {
        node.kind = PB_NODE_BYTES;
        node.fault = PB_FAULT_DEPTH;
        emit(w, node);
        return;
    }
    node.kind = PB_NODE_OPEN;
    node.group = PB_GROUP_MESSAGE;
    node.type = node.field->message;
    emit(w, node);
    walk_fields(w, &r, inside);
    emit_close(w, &node, node.end, node.end);
}

static void walk_run(struct walk *w, struct pb_node node)
{
    const struct pb_field_type *field = node.field;
    vitro_str text = { (const char *)w->bytes.ptr + node.value_at, node.end - node.value_at };

    if (field && field->type == PB_TYPE_MESSAGE) {
        walk_message(w, node);
        return;
    }
    if (field && field->label == PB_REPEATED && vitro_pb_type_packable(field->type)) {
        walk_packed(w, node);
        return;
    }
    node.kind = PB_NODE_BYTES;
    node.mismatch = field && field->type != PB_TYPE_STRING && field->type != PB_TYPE_BYTES;
    if (field && field->type == PB_TYPE_STRING && !node.fault && !vitro_utf8_valid(text))
        node.fault = PB_FAULT_UTF8;
    emit(w, node);
}

/* r stands behind the start tag, and is left behind the end tag. */
static void walk_group(struct walk *w, struct pb_reader *r, struct pb_node node)
{
    struct pb_reader ahead = *r;
    size_t body_end = r->end;
    enum pb_fault fault = vitro_pb_skip_group(&ahead, node.number, PB_DEPTH, &body_end);
    struct level inside = { NULL, node.depth + 1, node.number };

    node.mismatch = node.field && node.field->type != PB_TYPE_GROUP;
    if (node.depth >= PB_DEPTH) {
        node.kind = PB_NODE_BYTES;
        node.fault = PB_FAULT_DEPTH;
        r->at = fault ? r->end : ahead.at;
        node.end = r->at;
        emit(w, node);
        return;
    }
    node.kind = PB_NODE_OPEN;
    node.group = PB_GROUP_GROUP;
    node.end = fault ? r->end : body_end;
    if (node.field && !node.mismatch)
        node.type = inside.type = node.field->message;
    emit(w, node);
    body_end = walk_fields(w, r, inside);
    emit_close(w, &node, body_end, r->at);
}

/*
 * What cannot be read: the rest is damage. A length past the end still tells where its bytes
 * begin, so that a message that was cut off shows what came of it.
 */
static void walk_damage(struct walk *w, struct pb_reader *r, struct level level,
                        const struct pb_token *t, enum pb_fault fault)
{
    struct pb_node node = node_of(level, t);
    size_t at = t->after_tag ? t->after_tag : r->at;

    if (fault == PB_FAULT_LENGTH_PAST_END) {
        node.end = r->end;
        node.fault = fault;
        walk_run(w, node);
        emit_damage(w, level, r->end, r->end, fault, at);
    } else {
        emit_damage(w, level, r->at, r->end, fault, at);
    }
    r->at = r->end;
}

static void walk_field(struct walk *w, struct pb_reader *r, struct level level,
                       const struct pb_token *t)
{
    struct pb_node node = node_of(level, t);

    switch (t->wire) {
    case PB_LEN:
        walk_run(w, node);
        break;
    case PB_START:
        walk_group(w, r, node);
        break;
    default:
        node.kind = PB_NODE_SCALAR;
        node.mismatch = node.field && vitro_pb_type_wire(node.field->type) != (int)t->wire;
        emit(w, node);
    }
}

static size_t walk_fields(struct walk *w, struct pb_reader *r, struct level level)
{
    while (r->at < r->end && !w->ended) {
        struct pb_token t;
        enum pb_fault fault = vitro_pb_read(r, &t);

        if (fault) {
            walk_damage(w, r, level, &t, fault);
        } else if (t.wire != PB_END) {
            walk_field(w, r, level, &t);
        } else if (t.number == level.group) {
            return t.start;
        } else {
            emit_damage(w, level, t.start, r->end, PB_FAULT_GROUP_END, t.start);
            r->at = r->end;
        }
    }
    if (level.group)
        emit_damage(w, level, r->end, r->end, PB_FAULT_GROUP_OPEN, r->end);
    return r->end;
}

bool vitro_pb_walk(vitro_bytes bytes, const struct pb_message_type *type, size_t base,
                   pb_walk_fn *fn, void *user)
{
    struct walk w = { bytes, base, fn, user, false };
    struct pb_reader r = pb_reader_of(bytes);

    walk_fields(&w, &r, (struct level){ type, 0, 0 });
    assert(w.ended || r.at == r.end);
    return !w.ended;
}
