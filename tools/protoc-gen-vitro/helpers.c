/*
 * helpers - the functions of each message. Packing is protobuf-c's own; taking apart is the
 * library's, which has limits (vitro/pb.h).
 */
#include "write.h"

static const char init_prototype[] = "void $lower$__init($type$ *message)";
static const char *const prototypes[] = {
    "size_t $lower$__get_packed_size(const $type$ *message)",
    "size_t $lower$__pack(const $type$ *message, uint8_t *out)",
    "size_t $lower$__pack_to_buffer(const $type$ *message, ProtobufCBuffer *buffer)",
    "$type$ *$lower$__unpack(ProtobufCAllocator *allocator, size_t len, const uint8_t *data)",
    "void $lower$__free_unpacked($type$ *message, ProtobufCAllocator *allocator)",
};

static const char init_body[] = "\n{\n"
                                "    static const $type$ init_value = $upper$__INIT;\n"
                                "    *message = init_value;\n"
                                "}\n\n";
#define CHECKED "    assert(message->base.descriptor == &$lower$__descriptor);\n"
static const char *const bodies[] = {
    "\n{\n" CHECKED "    return protobuf_c_message_get_packed_size(&message->base);\n}\n\n",
    "\n{\n" CHECKED "    return protobuf_c_message_pack(&message->base, out);\n}\n\n",
    "\n{\n" CHECKED "    return protobuf_c_message_pack_to_buffer(&message->base, buffer);\n}\n\n",
    "\n{\n"
    "    return ($type$ *)vitro_pb_unpack_message(&$lower$__descriptor, allocator, len, data);\n"
    "}\n\n",
    "\n{\n"
    "    if (message) {\n"
    "        assert(message->base.descriptor == &$lower$__descriptor);\n"
    "        vitro_pb_free_unpacked(&message->base, allocator);\n"
    "    }\n}\n\n",
};

enum { COUNT = sizeof prototypes / sizeof *prototypes };

struct vars {
    struct var list[4];
};

static struct vars vars_of(const struct message *m)
{
    return (struct vars){ { { "lower", m->type.lower },
                            { "upper", m->type.upper },
                            { "type", m->type.name },
                            { NULL, NULL } } };
}

/* A map entry is a part of its message: it is never packed alone. */
static int count_of(const struct message *m)
{
    return m->map_entry ? 0 : COUNT;
}

void write_message_prototypes(struct text *out, const struct message *m)
{
    struct vars vars = vars_of(m);
    text_fill(out, init_prototype, vars.list);
    text_put(out, ";\n");
    for (int i = 0; i < count_of(m); i++) {
        text_fill(out, prototypes[i], vars.list);
        text_put(out, ";\n");
    }
    text_put(out, "\n");
}

void write_message_helpers(struct text *out, const struct message *m)
{
    struct vars vars = vars_of(m);
    text_fill(out, init_prototype, vars.list);
    text_fill(out, init_body, vars.list);
    for (int i = 0; i < count_of(m); i++) {
        text_fill(out, prototypes[i], vars.list);
        text_fill(out, bodies[i], vars.list);
    }
}
