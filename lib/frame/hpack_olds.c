#include "frame/hpack_olds.h"

#include <string.h>

#include "base/util.h"

static void olds_drop(struct hpack_table *t, uint32_t from)
{
    for (uint32_t i = from; i < t->old_count; i++)
        vitro_mem_free(t->account, t->olds[i].text,
                       (size_t)t->olds[i].name_len + t->olds[i].value_len + 1);
    t->old_count = MIN(t->old_count, from);
}

void vitro_hpack_olds_done(struct hpack_table *t)
{
    olds_drop(t, 0);
    vitro_mem_free(t->account, t->olds, t->old_cap * sizeof *t->olds);
    t->olds = NULL;
    t->old_cap = 0;
}

/* Bytes of the entry; of one whose value is not known, at least so many. */
static uint64_t old_entry_size(const struct hpack_old *o)
{
    return (uint64_t)o->name_len + o->value_len + HPACK_ENTRY_OVERHEAD;
}

/*
 * Walk over the older entries that were told, newest first, as far as they can still be there:
 * how many, and what they take with at least 32 bytes for each between them that was not told.
 * *gaps: something between them, or of them, is not known.
 */
static uint32_t olds_walk(const struct hpack_table *t, uint64_t *taken, bool *gaps)
{
    int64_t expected = t->next - (int64_t)t->count - 1;
    uint32_t i = 0;

    *taken = 0;
    *gaps = false;
    for (; i < t->old_count; i++) {
        const struct hpack_old *o = &t->olds[i];
        uint64_t between = (uint64_t)(expected - o->number) * HPACK_ENTRY_OVERHEAD;
        if (o->number > expected || *taken + between + old_entry_size(o) > t->old_size)
            break;
        *taken += between + old_entry_size(o);
        *gaps |= between || o->flags & (HPACK_ENTRY_NAME_UNKNOWN | HPACK_ENTRY_VALUE_UNKNOWN);
        expected = o->number - 1;
    }
    return i;
}

void vitro_hpack_olds_prune(struct hpack_table *t)
{
    uint64_t taken;
    bool gaps;

    if (t->old_count)
        olds_drop(t, olds_walk(t, &taken, &gaps));
}

bool vitro_hpack_table_complete(const struct hpack_table *t)
{
    uint64_t taken = 0;
    bool gaps = false;

    if (t->old_count && olds_walk(t, &taken, &gaps) < t->old_count)
        return false;
    return !gaps && t->old_size - taken < HPACK_ENTRY_OVERHEAD;
}

/* Where an entry of that number is, or belongs. */
static uint32_t old_place(const struct hpack_table *t, int64_t number)
{
    uint32_t from = 0, to = t->old_count;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (t->olds[middle].number > number)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool vitro_hpack_table_old(const struct hpack_table *t, int64_t number, struct hpack_entry *out)
{
    uint32_t i = old_place(t, number);
    const struct hpack_old *o = &t->olds[i];

    if (i == t->old_count || o->number != number)
        return false;
    *out = (struct hpack_entry){
        { o->text, o->name_len }, { o->text + o->name_len, o->value_len }, number, 0, o->flags
    };
    return true;
}

static bool olds_grow(struct hpack_table *t)
{
    uint32_t cap = t->old_cap ? t->old_cap * 2 : 8;
    struct hpack_old *olds;

    if (t->old_count < t->old_cap)
        return true;
    if (cap > t->capacity / HPACK_ENTRY_OVERHEAD + 8)
        return false;
    olds = vitro_mem_resize(t->account, t->olds, t->old_cap * sizeof *olds, cap * sizeof *olds);
    if (!olds)
        return false;
    t->olds = olds;
    t->old_cap = cap;
    return true;
}

static bool old_copy(struct hpack_old *to, struct account *account, const struct hpack_entry *e)
{
    to->text = vitro_mem_alloc(account, e->name.len + e->value.len + 1);
    if (!to->text)
        return false;
    if (e->name.len)
        memcpy(to->text, e->name.ptr, e->name.len);
    if (e->value.len)
        memcpy(to->text + e->name.len, e->value.ptr, e->value.len);
    to->name_len = (uint32_t)e->name.len;
    to->value_len = (uint32_t)e->value.len;
    to->number = e->number;
    to->flags = e->flags | HPACK_ENTRY_TOLD;
    return true;
}

void vitro_hpack_table_tell(struct hpack_table *t, const struct hpack_entry *entry)
{
    uint32_t i = old_place(t, entry->number);
    struct hpack_old old;

    if (entry->number > t->next - (int64_t)t->count - 1 ||
        entry->name.len + entry->value.len > t->capacity || !old_copy(&old, t->account, entry))
        return;
    if (i < t->old_count && t->olds[i].number == entry->number) {
        vitro_mem_free(t->account, t->olds[i].text,
                       (size_t)t->olds[i].name_len + t->olds[i].value_len + 1);
    } else if (olds_grow(t)) {
        memmove(&t->olds[i + 1], &t->olds[i], (t->old_count - i) * sizeof *t->olds);
        t->old_count++;
    } else {
        vitro_mem_free(t->account, old.text, (size_t)old.name_len + old.value_len + 1);
        return;
    }
    t->olds[i] = old;
    vitro_hpack_olds_prune(t);
}

bool vitro_hpack_olds_copy(struct hpack_table *dst, const struct hpack_table *src)
{
    dst->olds = NULL;
    dst->old_count = dst->old_cap = 0;
    for (uint32_t i = 0; i < src->old_count; i++) {
        struct hpack_entry e;
        if (!vitro_hpack_table_old(src, src->olds[i].number, &e) || !olds_grow(dst) ||
            !old_copy(&dst->olds[dst->old_count], dst->account, &e))
            return false;
        dst->old_count++;
    }
    return true;
}
