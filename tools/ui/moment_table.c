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

void table_done(struct table *t)
{
    table_forget(t);
    for (size_t i = 0; i < t->count; i++)
        entry_done(&t->entries[i]);
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
}

static char *copy_of(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* What was evicted belongs to one moment alone and is left behind. */
bool table_copy(struct table *out, const struct table *t)
{
    table_done(out);
    *out = *t;
    out->evicted = NULL;
    out->evicted_count = out->evicted_cap = 0;
    out->entries = t->count ? calloc(t->count, sizeof *out->entries) : NULL;
    out->count = out->cap = out->entries ? t->count : 0;
    for (size_t i = 0; i < out->count; i++) {
        out->entries[i] = t->entries[i];
        out->entries[i].name = copy_of(t->entries[i].name);
        out->entries[i].value = copy_of(t->entries[i].value);
    }
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
}
