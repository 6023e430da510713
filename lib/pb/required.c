/*
 * required - after the last byte: has every required field of the tree come?
 *
 * Only then, and not as each part of a message ends: a sub-message may come in parts, and what a
 * later member of a oneof replaced does not count. Only for trees that hold such a type (proto2).
 */
#include "pb/unpack.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

static bool check(struct unpack *u, struct unpack_frame *frame);

static bool check_inside(struct unpack *u, struct unpack_frame *frame, const ProtobufCMessage *m)
{
    struct unpack_frame inside = { frame, m, NULL, NULL, 0 };
    bool ok;

    if (!m)
        return true;
    if (vitro_unpack_requires(u, m->descriptor))
        inside.seen = vitro_unpack_seen(m);
    u->frame = &inside;
    ok = check(u, &inside);
    if (ok)
        u->frame = frame;
    return ok;
}

static bool check_list(struct unpack *u, struct unpack_frame *frame)
{
    const ProtobufCFieldDescriptor *field = frame->field;
    size_t n = *(size_t *)unpack_member(frame->message, field->quantifier_offset);
    ProtobufCMessage **list = *(ProtobufCMessage ***)unpack_member(frame->message, field->offset);

    for (size_t i = 0; i < n; i++) {
        frame->index = i;
        if (!check_inside(u, frame, list[i]))
            return false;
    }
    return true;
}

static bool check_field(struct unpack *u, struct unpack_frame *frame)
{
    const ProtobufCFieldDescriptor *field = frame->field;
    const ProtobufCMessage *m = frame->message;

    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return check_list(u, frame);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
        *(uint32_t *)unpack_member(m, field->quantifier_offset) != field->id)
        return true;
    return check_inside(u, frame, *(ProtobufCMessage **)unpack_member(m, field->offset));
}

static bool check(struct unpack *u, struct unpack_frame *frame)
{
    const ProtobufCMessageDescriptor *type = frame->message->descriptor;

    for (unsigned i = 0; i < type->n_fields; i++) {
        bool required = type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED;

        frame->field = &type->fields[i];
        assert(!required || frame->seen); /* vitro_unpack_requires said so */
        if (required && !(frame->seen[i / 8] & 1u << i % 8))
            return vitro_unpack_fail(u, PB_FAULT_REQUIRED, u->bytes.ptr + u->bytes.len);
        if (!check_field(u, frame))
            return false;
    }
    return true;
}

bool vitro_unpack_check_required(struct unpack *u, struct unpack_frame *frame)
{
    return check(u, frame);
}
