#include "decode/core.h"

#include <string.h>

#include "base/util.h"

enum { NAME_LENGTH_MAX = 4096 };

void vitro_names_init(struct names *n, struct account *account)
{
    memset(n, 0, sizeof *n);
    n->account = account;
}

void vitro_names_done(struct names *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        vitro_mem_free(n->account, (char *)(uintptr_t)n->all[i].ptr, n->all[i].len + 1);
    vitro_mem_free(n->account, n->all, n->cap * sizeof *n->all);
    vitro_mem_free(n->account, n->slots, n->slot_count * sizeof *n->slots);
    vitro_names_init(n, n->account);
}

/* FNV-1a; what a peer can do with collisions is bounded by NAMES_MAX. */
static uint32_t hash(vitro_str s)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (uint8_t)s.ptr[i]) * 16777619U;
    return h;
}

static uint16_t *slot_of(const struct names *n, vitro_str text)
{
    uint32_t i = hash(text);

    for (;; i++) {
        uint16_t *slot = &n->slots[i & (n->slot_count - 1)];
        if (!*slot || vitro_str_eq(n->all[*slot - 1], text))
            return slot;
    }
}

static bool names_room(struct names *n)
{
    uint32_t cap = n->cap ? n->cap * 2 : 16, slot_count = cap * 2;
    uint16_t *slots;
    vitro_str *all;

    if (n->count < n->cap)
        return true;
    slots = vitro_mem_zalloc(n->account, slot_count * sizeof *slots);
    if (!slots)
        return false;
    all = vitro_mem_resize(n->account, n->all, n->cap * sizeof *all, cap * sizeof *all);
    if (!all) {
        vitro_mem_free(n->account, slots, slot_count * sizeof *slots);
        return false;
    }
    n->all = all;
    vitro_mem_free(n->account, n->slots, n->slot_count * sizeof *n->slots);
    n->slots = slots;
    n->slot_count = slot_count;
    n->cap = cap;
    for (uint32_t i = 0; i < n->count; i++)
        *slot_of(n, n->all[i]) = (uint16_t)(i + 1);
    return true;
}

uint16_t vitro_names_add(struct names *n, vitro_str text)
{
    uint16_t *slot;
    char *copy;

    if (!text.len || text.len > NAME_LENGTH_MAX)
        return 0;
    if (n->slot_count && *slot_of(n, text))
        return *slot_of(n, text);
    if (n->count == NAMES_MAX || !names_room(n))
        return 0;
    copy = vitro_mem_text(n->account, text);
    if (!copy)
        return 0;
    slot = slot_of(n, text);
    n->all[n->count++] = (vitro_str){ copy, text.len };
    *slot = (uint16_t)n->count;
    return *slot;
}

vitro_str vitro_names_get(const struct names *n, uint16_t handle)
{
    vitro_str none = { "", 0 };

    return handle && handle <= n->count ? n->all[handle - 1] : none;
}
