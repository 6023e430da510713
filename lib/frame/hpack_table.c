/*
 * hpack_table - the static table, and a dynamic table that can begin late.
 *
 * Names and values lie one entry behind another in one run of bytes, oldest first:
 *
 *      bytes: |  gone  | name value | name value | ... | free |
 *             0        head                            tail   byte_cap
 *
 * so an entry is two spans without a copy, and insertion only appends; when the end is reached
 * the live bytes move to the front.
 *
 * Of a late table it is known how much room older entries can still take (old_size). That number
 * only shrinks; below 32 there can be none, and the table is as good as any other. Evicting too
 * much is always safe, since indices count from the newest: what is missing is told as unknown.
 */
#include "frame/hpack_olds.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

enum { FIRST_SLOTS = 16, FIRST_BYTES = 256 };

static const struct hpack_entry statics[] = {
#define X(index, name, value) { VITRO_STR_INIT(name), VITRO_STR_INIT(value), 0, 0, 0 },
#include "frame/hpack_static.def"
#undef X
};

struct hpack_entry vitro_hpack_static(uint32_t index)
{
    assert(index >= 1 && index <= HPACK_STATIC_COUNT);
    return statics[index - 1];
}

void vitro_hpack_table_init(struct hpack_table *t, struct account *account, uint32_t max_size,
                            uint32_t capacity)
{
    memset(t, 0, sizeof *t);
    t->account = account;
    t->max_size = max_size;
    t->capacity = MIN(capacity, (uint32_t)HPACK_CAPACITY_MAX);
    t->max_certain = true;
    t->next = 1;
}

void vitro_hpack_table_done(struct hpack_table *t)
{
    vitro_hpack_olds_done(t);
    vitro_mem_free(t->account, t->slots, t->slot_cap * sizeof *t->slots);
    vitro_mem_free(t->account, t->bytes, t->byte_cap);
    vitro_hpack_table_init(t, t->account, t->max_size, t->capacity);
}

static struct hpack_slot *slot_at(const struct hpack_table *t, uint32_t from_oldest)
{
    return &t->slots[(t->first + from_oldest) & (t->slot_cap - 1)];
}

static uint32_t slot_size(const struct hpack_slot *s)
{
    return s->name_len + s->value_len + HPACK_ENTRY_OVERHEAD;
}

/* Older entries cannot take more than what the known ones leave. */
static void old_size_clamp(struct hpack_table *t)
{
    if (t->max_certain)
        t->old_size = MIN(t->old_size, t->max_size - MIN(t->size, t->max_size));
    vitro_hpack_olds_prune(t);
}

/* Drop from the oldest until the rest takes at most size. Returns how many went. */
static uint32_t evict_to(struct hpack_table *t, uint32_t size)
{
    uint32_t n = 0;

    while (t->size > size) {
        const struct hpack_slot *s = slot_at(t, 0);
        t->size -= slot_size(s);
        t->head += s->name_len + s->value_len;
        t->first = (t->first + 1) & (t->slot_cap - 1);
        t->count--;
        n++;
    }
    return n;
}

/* What does not fit into our memory is forgotten, but the encoder may still refer to it. */
static void forget_to(struct hpack_table *t, uint32_t size)
{
    uint32_t before = t->size;

    if (before <= size)
        return;
    evict_to(t, size);
    before -= t->size;
    t->old_size = t->old_size > UINT32_MAX - before ? UINT32_MAX : t->old_size + before;
}

void vitro_hpack_table_lose(struct hpack_table *t)
{
    evict_to(t, 0);
    vitro_hpack_olds_done(t);
    t->head = t->tail = 0;
    t->old_size = UINT32_MAX;
    t->max_certain = false;
    /* Numbers are never used again: those of older entries stay below the new ones. */
    if (t->next > 1)
        t->next = (int64_t)((((uint64_t)t->next >> 32) + 1) << 32 | 1);
}

void vitro_hpack_table_resume(struct hpack_table *t, uint32_t max_size, uint32_t size)
{
    vitro_hpack_table_lose(t);
    t->max_size = max_size;
    t->max_certain = true;
    t->old_size = size;
    old_size_clamp(t);
}

struct hpack_entry vitro_hpack_table_entry(const struct hpack_table *t, uint32_t i)
{
    const struct hpack_slot *s;
    struct hpack_entry e;

    assert(i < t->count);
    s = slot_at(t, t->count - 1 - i);
    e.name.ptr = (const char *)t->bytes + s->pos;
    e.name.len = s->name_len;
    e.value.ptr = e.name.ptr + s->name_len;
    e.value.len = s->value_len;
    e.number = t->next - 1 - (int64_t)i;
    e.origin = s->origin;
    e.flags = s->flags;
    return e;
}

/* ---- Room ---------------------------------------------------------------------------------- */

static bool slots_grow(struct hpack_table *t)
{
    uint32_t cap = t->slot_cap ? t->slot_cap * 2 : FIRST_SLOTS;
    struct hpack_slot *slots;

    if (t->count < t->slot_cap)
        return true;
    slots = vitro_mem_alloc(t->account, cap * sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        slots[i] = *slot_at(t, i);
    vitro_mem_free(t->account, t->slots, t->slot_cap * sizeof *t->slots);
    t->slots = slots;
    t->slot_cap = cap;
    t->first = 0;
    return true;
}

/* Put the live bytes at the front of `to`. */
static void bytes_move(struct hpack_table *t, uint8_t *to)
{
    if (t->tail > t->head)
        memmove(to, t->bytes + t->head, t->tail - t->head);
    for (uint32_t i = 0; i < t->count; i++)
        slot_at(t, i)->pos -= t->head;
    t->tail -= t->head;
    t->head = 0;
}

/*
 * Room for need more bytes at the tail: the live ones move to the front or to larger memory, of
 * at most twice the capacity (both live and need are at most the capacity).
 */
static bool bytes_grow(struct hpack_table *t, uint32_t need)
{
    uint32_t live = t->tail - t->head, limit = 2 * t->capacity, cap = FIRST_BYTES;
    uint8_t *bytes;

    if (t->byte_cap - t->tail >= need)
        return true;
    while (cap < limit && cap / 2 < live + need)
        cap *= 2;
    cap = MIN(cap, limit);
    if (cap <= t->byte_cap) {
        bytes_move(t, t->bytes);
        return true;
    }
    bytes = vitro_mem_alloc(t->account, cap);
    if (!bytes)
        return false;
    bytes_move(t, bytes);
    vitro_mem_free(t->account, t->bytes, t->byte_cap);
    t->bytes = bytes;
    t->byte_cap = cap;
    return true;
}

/* ---- Insertion ----------------------------------------------------------------------------- */

/* A span that may lie in the table, and then moves with it. */
struct span {
    const char *ptr;
    uint32_t len, off;
    bool own;
};

static struct span span_of(const struct hpack_table *t, vitro_str s)
{
    struct span m = { s.ptr, (uint32_t)s.len, 0, false };
    uintptr_t p = (uintptr_t)s.ptr, from = (uintptr_t)t->bytes;

    if (s.len && t->bytes && p >= from + t->head && p < from + t->tail) {
        m.own = true;
        m.off = (uint32_t)(p - from) - t->head;
    }
    return m;
}

static void span_append(struct hpack_table *t, const struct span *m)
{
    if (m->len)
        memcpy(t->bytes + t->tail, m->own ? (const char *)t->bytes + t->head + m->off : m->ptr,
               m->len);
    t->tail += m->len;
}

/* The entry has no place: an empty table is what is left (RFC 7541, 4.4), if we know max_size. */
static void insert_too_large(struct hpack_table *t, uint64_t size, uint32_t *evicted)
{
    bool kept_by_peer = !t->max_certain || size <= t->max_size;

    *evicted = evict_to(t, 0);
    if (kept_by_peer)
        t->old_size = UINT32_MAX;
    else
        t->old_size = 0;
    old_size_clamp(t);
}

bool vitro_hpack_table_insert(struct hpack_table *t, const struct hpack_entry *entry,
                              bool *inserted, uint32_t *evicted)
{
    uint64_t size = (uint64_t)entry->name.len + entry->value.len + HPACK_ENTRY_OVERHEAD;
    struct span name, value;
    struct hpack_slot *s;

    *inserted = false;
    *evicted = 0;
    if (size > MIN(t->max_size, t->capacity)) {
        insert_too_large(t, size, evicted);
        return true;
    }
    name = span_of(t, entry->name);
    value = span_of(t, entry->value);
    /* The bytes last: what the caller lends from them stays valid when memory is out. */
    if (!slots_grow(t) || !bytes_grow(t, name.len + value.len)) {
        vitro_hpack_table_lose(t);
        return false;
    }
    span_append(t, &name);
    span_append(t, &value);
    *evicted = evict_to(t, t->max_size - (uint32_t)size);
    forget_to(t, MIN(t->max_size, t->capacity) - (uint32_t)size);
    s = slot_at(t, t->count++);
    s->name_len = name.len;
    s->value_len = value.len;
    s->pos = t->tail - name.len - value.len;
    s->flags = entry->flags;
    s->origin = entry->origin;
    t->size += (uint32_t)size;
    t->next++;
    old_size_clamp(t);
    *inserted = true;
    return true;
}

uint32_t vitro_hpack_table_resize(struct hpack_table *t, uint32_t max_size)
{
    uint32_t n = evict_to(t, max_size);

    t->max_size = max_size;
    t->max_certain = true;
    forget_to(t, t->capacity);
    old_size_clamp(t);
    return n;
}

/* ---- Checkpoints --------------------------------------------------------------------------- */

bool vitro_hpack_table_copy(struct hpack_table *dst, const struct hpack_table *src)
{
    uint32_t live = src->tail - src->head, slots = src->count ? 1 : 0;
    struct hpack_table copy = *src;

    while (slots < src->count)
        slots *= 2;
    copy.account = dst->account;
    copy.slots = slots ? vitro_mem_alloc(copy.account, slots * sizeof *copy.slots) : NULL;
    copy.bytes = live ? vitro_mem_alloc(copy.account, live) : NULL;
    copy.slot_cap = copy.slots ? slots : 0;
    copy.byte_cap = copy.bytes ? live : 0;
    if (!vitro_hpack_olds_copy(&copy, src) || copy.slot_cap < slots || copy.byte_cap < live) {
        vitro_hpack_table_done(&copy);
        return false;
    }
    for (uint32_t i = 0; i < src->count; i++) {
        copy.slots[i] = *slot_at(src, i);
        copy.slots[i].pos -= src->head;
    }
    if (live)
        memcpy(copy.bytes, src->bytes + src->head, live);
    copy.first = copy.head = 0;
    copy.tail = live;
    vitro_hpack_table_done(dst);
    *dst = copy;
    return true;
}
