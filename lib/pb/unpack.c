#include "pb/unpack.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"

enum { DEPTH_MOST = 1000, BUDGET = 64 << 20, SLACK = 96, GUESS_MOST = 2048 };

/*
 * One block for nearly every message: the struct, all text, and for arrays and sub-messages as
 * much again, up to a limit. Of bytes that are lent only the latter.
 */
static size_t first_block(const ProtobufCMessageDescriptor *type, size_t len, uint32_t flags)
{
    size_t text = flags & VITRO_PB_LEND_BYTES ? 0 : len;

    return room_round(type->sizeof_message + text + MIN(len, (size_t)GUESS_MOST) + SLACK);
}

static size_t seen_size(const ProtobufCMessageDescriptor *type)
{
    return room_round((type->n_fields + 7) / 8);
}

static void set_default(ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
    void *member = unpack_member(m, field->offset);

    if (!field->default_value || field->label == PROTOBUF_C_LABEL_REPEATED ||
        field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return;
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE)
        memcpy(member, &field->default_value, sizeof field->default_value);
    else
        memcpy(member, field->default_value, vitro_unpack_size[field->type]);
}

/* message_init is NULL in descriptors that were made at run time. */
void vitro_unpack_init(ProtobufCMessage *m, const ProtobufCMessageDescriptor *type)
{
    if (type->message_init) {
        type->message_init(m);
        return;
    }
    memset(m, 0, type->sizeof_message);
    m->descriptor = type;
    for (unsigned i = 0; i < type->n_fields; i++)
        set_default(m, &type->fields[i]);
}

bool vitro_unpack_requires(struct unpack *u, const ProtobufCMessageDescriptor *type)
{
    size_t slot = ((uintptr_t)type >> 5) % UNPACK_KINDS;

    if (u->kinds[slot].type != type) {
        bool required = false;

        for (unsigned i = 0; i < type->n_fields && !required; i++)
            required = type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED;
        u->kinds[slot].type = type;
        u->kinds[slot].required = required;
    }
    return u->kinds[slot].required;
}

ProtobufCMessage *vitro_unpack_message(struct unpack *u, const ProtobufCMessageDescriptor *type)
{
    size_t seen = vitro_unpack_requires(u, type) ? seen_size(type) : 0;
    uint8_t *p = room_take(&u->room, seen + type->sizeof_message);

    if (!p)
        return NULL;
    if (seen) {
        u->any_required = true;
        memset(p, 0, seen);
    }
    vitro_unpack_init((ProtobufCMessage *)(void *)(p + seen), type);
    return (ProtobufCMessage *)(void *)(p + seen);
}

uint8_t *vitro_unpack_seen(const ProtobufCMessage *m)
{
    return (uint8_t *)(uintptr_t)m - seen_size(m->descriptor);
}

static void path_field(struct text *t, const struct unpack_frame *frame, bool inside)
{
    const ProtobufCFieldDescriptor *field = frame->field;
    size_t n;

    if (!field)
        return;
    vitro_text_add(t, ".%s", field->name);
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return;
    memcpy(&n, unpack_member(frame->message, field->quantifier_offset), sizeof n);
    vitro_text_add(t, "[%zu]", inside ? frame->index : n);
}

/* "chat.Room.users[3].name": the frames from the outermost in. */
static void path(struct text *t, const struct unpack_frame *innermost)
{
    const struct unpack_frame *done = NULL;

    while (done != innermost) {
        const struct unpack_frame *frame = innermost;

        while (frame->up != done)
            frame = frame->up;
        if (!done)
            vitro_text_add(t, "%s", frame->message->descriptor->name);
        path_field(t, frame, frame != innermost);
        done = frame;
        if (t->len >= t->size)
            return;
    }
}

bool vitro_unpack_fail(struct unpack *u, enum pb_fault fault, const uint8_t *at)
{
    char where[VITRO_ERROR_TEXT];
    struct text t;

    u->fault = fault;
    if (!u->err)
        return false;
    vitro_text_init(&t, where, sizeof where);
    path(&t, u->frame);
    vitro_fail(u->err, VITRO_INTERNAL, "pb", (int32_t)fault, "%s at byte %zu of %s",
               vitro_pb_fault_text(fault), at ? (size_t)(at - u->bytes.ptr) : 0, where);
    return false;
}

/* Parse into a root struct; NULL on failure. */
static ProtobufCMessage *unpack_root(struct unpack *u, const ProtobufCMessageDescriptor *type)
{
    const uint8_t *end = u->bytes.len ? u->bytes.ptr + u->bytes.len : NULL;
    struct unpack_frame frame = { NULL, NULL, NULL, NULL, 0 };
    ProtobufCMessage *m = vitro_room_root(&u->room, type->sizeof_message);

    if (!m)
        return NULL;
    vitro_unpack_init(m, type);
    frame.message = m;
    if (vitro_unpack_requires(u, type)) {
        frame.seen = room_take(&u->room, seen_size(type));
        if (!frame.seen)
            return NULL;
        memset(frame.seen, 0, seen_size(type));
        u->any_required = true;
    }
    u->frame = &frame;
    if (!vitro_unpack_fields(u, &frame, u->bytes.ptr, end))
        return NULL;
    if (u->any_required && !vitro_unpack_check_required(u, &frame))
        return NULL;
    return vitro_room_seal(&u->room, m);
}

static vitro_code exhausted(const struct unpack *u, const ProtobufCMessageDescriptor *type,
                            size_t budget)
{
    return vitro_fail(u->err, VITRO_RESOURCE_EXHAUSTED, "pb", 0,
                      "%s of %zu bytes needs more than the %zu bytes of memory allowed", type->name,
                      u->bytes.len, budget);
}

vitro_code vitro_pb_unpack_charged(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type,
                                   vitro_bytes bytes, const vitro_pb_options *options,
                                   struct account *account, vitro_error *err)
{
    vitro_pb_options o = { 0 };
    struct unpack u;
    size_t budget, first;

    *out = NULL;
    if (options && !vitro_options_import(&o, sizeof o, options))
        return vitro_options_refuse("pb", err);
    budget = o.max_bytes ? o.max_bytes : (size_t)BUDGET;
    u.bytes = bytes;
    u.flags = o.flags;
    u.depth = o.max_depth ? MIN(o.max_depth, (uint32_t)DEPTH_MOST) : PB_DEPTH;
    u.any_required = false;
    u.frame = NULL;
    u.fault = PB_FAULT_NONE;
    u.err = err;
    for (size_t i = 0; i < UNPACK_KINDS; i++)
        u.kinds[i].type = NULL;
    if (bytes.len > SIZE_MAX / 64)
        return exhausted(&u, type, budget);
    first = first_block(type, bytes.len, o.flags);
    vitro_room_init(&u.room, first, budget, o.allocator, account);
    *out = unpack_root(&u, type);
    if (*out)
        return VITRO_OK;
    vitro_room_done(&u.room);
    return u.fault ? VITRO_INTERNAL : exhausted(&u, type, budget);
}

vitro_code vitro_pb_unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type,
                           vitro_bytes bytes, const vitro_pb_options *options, vitro_error *err)
{
    return vitro_pb_unpack_charged(out, type, bytes, options, NULL, err);
}

ProtobufCMessage *vitro_pb_unpack_message(const ProtobufCMessageDescriptor *type,
                                          ProtobufCAllocator *allocator, size_t len,
                                          const uint8_t *data)
{
    vitro_pb_options options = VITRO_PB_OPTIONS_INIT;
    ProtobufCMessage *m;

    options.allocator = allocator;
    if (vitro_pb_unpack(&m, type, (vitro_bytes){ data, len }, &options, NULL))
        return NULL;
    return m;
}

void vitro_pb_free(ProtobufCMessage *message)
{
    bool ours;

    if (!message)
        return;
    ours = vitro_room_release(message);
    assert(ours);
    (void)ours;
}

void vitro_pb_free_unpacked(ProtobufCMessage *message, ProtobufCAllocator *allocator)
{
    if (message && !vitro_room_release(message))
        protobuf_c_message_free_unpacked(message, allocator);
}
