/*
 * lists - repeated fields: arrays that double, filled one by one or from a packed run.
 */
#include "base/util.h"
#include "pb/unpack_read.h"

enum { LIST_LEAST = 4 };

static inline size_t *list_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
    return unpack_member(m, field->quantifier_offset);
}

/* The room of a list of n: what it was given when it grew to n. */
static size_t list_room(size_t n)
{
    size_t room = LIST_LEAST;

    while (room < n)
        room *= 2;
    return n ? room : 0;
}

/* Move old bytes to a place of n bytes; stay when the place can grow where it is. */
static void *enlarge(struct unpack *u, void *p, size_t old, size_t n)
{
    struct room *r = &u->room;
    uint8_t *grown;

    if (p && (uint8_t *)p + room_round(old) == r->front &&
        room_round(n) - room_round(old) <= (size_t)(r->back - r->front)) {
        r->front += room_round(n) - room_round(old);
        return p;
    }
    grown = room_take(r, n);
    if (grown && p)
        memcpy(grown, p, old);
    return grown;
}

void *vitro_unpack_list_room(struct unpack *u, void *list, size_t n, size_t more, size_t size)
{
    size_t old = list_room(n), wanted = list_room(n + more);

    return wanted > old ? enlarge(u, list, old * size, wanted * size) : list;
}

/* Room for more elements behind those of a list; where they go, NULL without memory. */
static uint8_t *list_reserve(struct unpack *u, const ProtobufCMessage *m,
                             const ProtobufCFieldDescriptor *field, size_t more)
{
    size_t n = *list_count(m, field), size = vitro_unpack_size[field->type];
    uint8_t **array = unpack_member(m, field->offset);
    uint8_t *list = vitro_unpack_list_room(u, *array, n, more, size);

    if (!list)
        return NULL;
    *array = list;
    return list + n * size;
}

static inline void *list_append(struct unpack *u, const ProtobufCMessage *m,
                                const ProtobufCFieldDescriptor *field)
{
    size_t n = *list_count(m, field);
    bool full = n == 0 || (n >= LIST_LEAST && (n & (n - 1)) == 0);

    if (full)
        return list_reserve(u, m, field, 1);
    return *(uint8_t **)unpack_member(m, field->offset) + n * vitro_unpack_size[field->type];
}

/* A message counts before it is parsed: the room of its list follows from the count. */
const uint8_t *vitro_unpack_element(struct unpack *u, struct unpack_frame *frame,
                                    const ProtobufCFieldDescriptor *field, const uint8_t *p,
                                    const uint8_t *end)
{
    size_t *count = list_count(frame->message, field);
    void *at = list_append(u, frame->message, field);

    if (!at)
        return NULL;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        memset(at, 0, sizeof(void *));
        frame->index = (*count)++;
        return vitro_unpack_value(u, field, at, p, end);
    }
    p = vitro_unpack_value(u, field, at, p, end);
    *count += p != NULL;
    return p;
}

static size_t count_varints(const uint8_t *p, const uint8_t *end)
{
    size_t n = 0;

    for (; p < end; p++)
        n += *p < 0x80;
    return n;
}

const uint8_t *vitro_unpack_packed(struct unpack *u, const ProtobufCMessage *m,
                                   const ProtobufCFieldDescriptor *field, const uint8_t *p,
                                   const uint8_t *end)
{
    size_t size = vitro_unpack_size[field->type];
    bool varints = vitro_unpack_wire[field->type] == PB_VARINT;
    const uint8_t *after = unpack_run(u, p, end, &p);
    size_t count;
    uint8_t *to;

    if (!after || p == after)
        return after;
    count = varints ? count_varints(p, after) : (size_t)(after - p) / size;
    if (!varints && (size_t)(after - p) % size)
        return unpack_fail_at(u, PB_FAULT_PACKED_CUT, p + count * size);
    to = count ? list_reserve(u, m, field, count) : NULL;
    if (count && !to)
        return NULL;
    while (p && p < after) {
        uint64_t value;

        p = varints ? unpack_varint(u, p, after, &value) : unpack_fixed(u, p, after, size, &value);
        if (p) {
            unpack_store(to, field->type, value);
            to += size;
            ++*list_count(m, field);
        }
    }
    return p;
}
