/*
 * moment_table - the dynamic table of one direction, made again from what each field did to it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "ui/moment.h"

enum { TABLE = 4096 /* RFC 9113, 6.5.2 */, TEXT_MOST = 512 };

static void entry_done(struct entry *e)
{
    free(e->name);
    free(e->value);
}

void table_forget(struct table *t)
{
    for (size_t i = 0; i < t->evicted_count; i++)
        entry_done(&t->evicted[i]);
    t->evicted_count = 0;
    t->added = 0;
}

void table_lose(struct table *t)
{
    for (size_t i = 0; i < t->old_count; i++)
        entry_done(&t->olds[i]);
    t->old_count = 0;
}

void table_done(struct table *t)
{
    table_forget(t);
    for (size_t i = 0; i < t->count; i++)
        entry_done(&t->entries[i]);
    table_lose(t);
    free(t->olds);
    free(t->entries);
    free(t->evicted);
    memset(t, 0, sizeof *t);
    t->limit = TABLE;
}

static struct entry *push(struct entry **list, size_t *count, size_t *cap)
{
    if (*count == *cap) {
        size_t n = *cap ? *cap * 2 : 16;
        struct entry *p = realloc(*list, n * sizeof *p);
        if (!p)
            return NULL;
        *list = p;
        *cap = n;
    }
    memset(&(*list)[*count], 0, sizeof **list);
    return &(*list)[(*count)++];
}

static void evict(struct table *t, size_t n)
{
    for (size_t i = 0; i < n && i < t->count; i++) {
        struct entry *out = push(&t->evicted, &t->evicted_count, &t->evicted_cap);
        if (out)
            *out = t->entries[i];
        else
            entry_done(&t->entries[i]);
    }
    n = MIN(n, t->count);
    t->count -= n;
    if (n && t->count)
        memmove(t->entries, t->entries + n, t->count * sizeof *t->entries);
}

/* Entries from before the capture: known by their number alone. */
static void add_unseen(struct table *t, size_t n)
{
    size_t had = t->count;

    for (size_t i = 0; i < n; i++) {
        if (!push(&t->entries, &t->count, &t->cap))
            return;
    }
    memmove(t->entries + n, t->entries, had * sizeof *t->entries);
    memset(t->entries, 0, n * sizeof *t->entries);
}

static void insert(struct table *t, const vitro_item_header *h, uint32_t by)
{
    struct entry *e = push(&t->entries, &t->count, &t->cap);

    if (!e)
        return;
    e->name = strndup(h->name.ptr ? h->name.ptr : "", MIN(h->name.len, TEXT_MOST));
    e->value = strndup(h->value.ptr ? h->value.ptr : "", MIN(h->value.len, TEXT_MOST));
    e->size = (uint32_t)(h->name.len + h->value.len + 32);
    e->by = by;
    t->added++;
    t->inserted++;
}

/* ---- older entries that a note has told -------------------------------------------------------
 */

/* Those that can no longer be there, since newer ones fill the table, go. */
static void drop_olds(struct table *t)
{
    int64_t expected = t->inserted - (int64_t)t->count;
    uint64_t taken = t->size;
    size_t kept = 0;

    for (; kept < t->old_count; kept++) {
        const struct entry *e = &t->olds[kept];
        taken += (uint64_t)(expected - e->number) * 32 + e->size;
        if (e->number > expected || taken > t->limit)
            break;
        expected = e->number - 1;
    }
    while (t->old_count > kept)
        entry_done(&t->olds[--t->old_count]);
}

static void add_old(struct table *t, const vitro_item_header *h)
{
    enum { FIRST_DYNAMIC = 62 };
    int64_t number = t->inserted - (int64_t)(h->index - FIRST_DYNAMIC);
    size_t at = 0;
    struct entry *e;

    if (!h->told || !h->indexed || h->index < FIRST_DYNAMIC + t->count)
        return;
    while (at < t->old_count && t->olds[at].number > number)
        at++;
    if (at < t->old_count && t->olds[at].number == number)
        return;
    e = push(&t->olds, &t->old_count, &t->old_cap);
    if (!e)
        return;
    memmove(&t->olds[at + 1], &t->olds[at], (t->old_count - 1 - at) * sizeof *e);
    e = &t->olds[at];
    e->name = strndup(h->name.ptr, MIN(h->name.len, TEXT_MOST));
    e->value = strndup(h->value.ptr, MIN(h->value.len, TEXT_MOST));
    e->size = (uint32_t)(h->name.len + h->value.len + 32);
    e->by = 0;
    e->number = number;
}

static char *copy_of(const char *text)
{
    return text ? strdup(text) : NULL;
}

static void copy_entries(struct entry *to, const struct entry *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        to[i].name = copy_of(from[i].name);
        to[i].value = copy_of(from[i].value);
    }
}

/* What was evicted belongs to one moment alone and is left behind. */
bool table_copy(struct table *out, const struct table *t)
{
    table_done(out);
    *out = *t;
    out->evicted = NULL;
    out->evicted_count = out->evicted_cap = 0;
    out->olds = t->old_count ? calloc(t->old_count, sizeof *out->olds) : NULL;
    out->old_count = out->old_cap = out->olds ? t->old_count : 0;
    copy_entries(out->olds, t->olds, out->old_count);
    out->entries = t->count ? calloc(t->count, sizeof *out->entries) : NULL;
    out->count = out->cap = out->entries ? t->count : 0;
    copy_entries(out->entries, t->entries, out->count);
    return out->count == t->count;
}

/* The decoder says how many entries there are after each field; the oldest go first. */
void table_apply(struct table *t, const vitro_item_header *h, uint32_t by)
{
    if (h->inserted && h->table_count)
        insert(t, h, by);
    if (t->count > h->table_count)
        evict(t, t->count - h->table_count);
    else if (t->count < h->table_count)
        add_unseen(t, h->table_count - t->count);
    t->size = h->table_size;
    add_old(t, h);
    drop_olds(t);
}
