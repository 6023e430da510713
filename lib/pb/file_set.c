/*
 * file_set - the descriptors that generated code embeds, as one FileDescriptorSet.
 */
#include <string.h>

#include "base/buf.h"
#include "pb/wire.h"
#include "vitro/pb.h"

struct set {
    struct buf met; /* of const vitro_pb_file *, in the order met */
    uint8_t *out;
    size_t room, len;
    bool failed;
};

/* Known by name: two copies of one file may be linked into a program. */
static bool meet(struct set *s, const vitro_pb_file *file)
{
    for (size_t at = 0; at < s->met.len; at += sizeof file) {
        const vitro_pb_file *other;

        memcpy(&other, s->met.ptr + at, sizeof other);
        if (strcmp(other->name, file->name) == 0)
            return false;
    }
    s->failed = s->failed || !vitro_buf_append(&s->met, &file, sizeof file);
    return !s->failed;
}

static void put(struct set *s, const void *p, size_t n)
{
    if (s->len <= s->room && n <= s->room - s->len)
        memcpy(s->out + s->len, p, n);
    s->len += n;
}

/* FileDescriptorSet.file is field 1. */
static void put_file(struct set *s, const vitro_pb_file *file)
{
    uint8_t head[PB_TAG_MAX + PB_VARINT_MAX];
    size_t n = vitro_pb_write_tag(head, 1, PB_LEN);

    n += vitro_pb_write_varint(head + n, file->descriptor_len);
    put(s, head, n);
    if (file->descriptor_len)
        put(s, file->descriptor, file->descriptor_len);
}

static void add(struct set *s, const vitro_pb_file *file)
{
    if (!meet(s, file))
        return;
    for (size_t i = 0; file->deps && file->deps[i]; i++)
        add(s, file->deps[i]);
    put_file(s, file);
}

size_t vitro_pb_file_set(const vitro_pb_file *const *files, size_t count, uint8_t *out, size_t room)
{
    struct set s = { .out = out, .room = room };

    vitro_buf_init(&s.met, NULL, SIZE_MAX / 2);
    for (size_t i = 0; i < count; i++)
        add(&s, files[i]);
    vitro_buf_done(&s.met);
    return s.failed ? 0 : s.len;
}
