#include "decode/rope.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

void vitro_segs_init(struct segs *s, struct account *account)
{
    memset(s, 0, sizeof *s);
    s->account = account;
}

void vitro_segs_done(struct segs *s)
{
    vitro_mem_free(s->account, s->all, s->cap * sizeof *s->all);
    memset(s, 0, sizeof *s);
}

/* Room for one more behind the last. */
static bool segs_room(struct segs *s)
{
    size_t cap;
    struct seg *all;

    if (s->first + s->count < s->cap)
        return true;
    if (s->first >= s->cap / 2 && s->first) {
        memmove(s->all, s->all + s->first, s->count * sizeof *s->all);
        s->first = 0;
        return true;
    }
    cap = s->cap ? s->cap * 2 : 8;
    all = vitro_mem_resize(s->account, s->all, s->cap * sizeof *all, cap * sizeof *all);
    if (!all)
        return false;
    s->all = all;
    s->cap = cap;
    return true;
}

bool vitro_segs_add(struct segs *s, uint64_t capture, uint64_t len, uint32_t packet, int64_t time)
{
    if (!len)
        return true;
    if (!segs_room(s))
        return false;
    s->all[s->first + s->count++] = (struct seg){ s->end, capture, time, packet };
    s->end += len;
    if (capture == ROPE_HOLE)
        s->holes += len;
    return true;
}

void vitro_segs_drop(struct segs *s, uint64_t below)
{
    while (s->count > 1 && s->all[s->first + 1].at <= below) {
        s->first++;
        s->count--;
    }
    if (s->count)
        s->dropped = MAX(s->dropped, s->all[s->first].at);
}

const struct seg *vitro_segs_find(const struct segs *s, uint64_t at)
{
    size_t low = s->first, high = s->first + s->count;

    if (!s->count || at < s->all[low].at)
        return NULL;
    if (at >= s->all[high - 1].at)
        return &s->all[high - 1];
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (s->all[mid].at <= at)
            low = mid;
        else
            high = mid;
    }
    return &s->all[low];
}

uint64_t vitro_segs_run(const struct segs *s, uint64_t at, uint64_t *capture)
{
    const struct seg *seg;
    uint64_t end;

    *capture = ROPE_HOLE;
    if (at >= s->end)
        return 0;
    seg = vitro_segs_find(s, at);
    if (!seg)
        return s->count ? s->all[s->first].at - at : s->end - at;
    end = seg + 1 < s->all + s->first + s->count ? seg[1].at : s->end;
    if (seg->capture != ROPE_HOLE)
        *capture = seg->capture + (at - seg->at);
    return end - at;
}

bool vitro_segs_hole(const struct segs *s, uint64_t at, uint64_t len)
{
    uint64_t end = at + len;

    while (s->holes && at < end) {
        uint64_t capture, run = vitro_segs_run(s, at, &capture);
        if (!run)
            return false;
        if (capture == ROPE_HOLE)
            return true;
        at += run;
    }
    return false;
}

void vitro_links_init(struct links *l, struct account *account)
{
    memset(l, 0, sizeof *l);
    l->account = account;
    l->free = ROPE_END;
}

void vitro_links_done(struct links *l)
{
    vitro_mem_free(l->account, l->all, l->cap * sizeof *l->all);
    vitro_links_init(l, l->account);
}

static uint32_t links_take(struct links *l)
{
    uint32_t i = l->free;

    if (i != ROPE_END) {
        l->free = l->all[i].next;
        return i;
    }
    if (l->count == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 64;
        struct link *all;
        if (cap < l->cap)
            return ROPE_END;
        all = vitro_mem_resize(l->account, l->all, l->cap * sizeof *all, cap * sizeof *all);
        if (!all)
            return ROPE_END;
        l->all = all;
        l->cap = cap;
    }
    return l->count++;
}

void vitro_rope_init(struct rope *r)
{
    *r = (struct rope){ ROPE_END, ROPE_END, 0 };
}

bool vitro_rope_add(struct links *l, struct rope *r, uint64_t at, uint32_t len)
{
    uint32_t i;

    if (r->last != ROPE_END && l->all[r->last].at + l->all[r->last].len == at &&
        l->all[r->last].len + len >= len) {
        l->all[r->last].len += len;
        r->end += len;
        return true;
    }
    i = links_take(l);
    if (i == ROPE_END)
        return false;
    l->all[i] = (struct link){ r->end, at, len, ROPE_END };
    if (r->last != ROPE_END)
        l->all[r->last].next = i;
    else
        r->first = i;
    r->last = i;
    r->end += len;
    return true;
}

void vitro_rope_release(struct links *l, struct rope *r, uint64_t below)
{
    while (r->first != ROPE_END) {
        uint32_t i = r->first;
        if (l->all[i].off + l->all[i].len > below ||
            (l->all[i].next == ROPE_END && below != UINT64_MAX))
            return;
        r->first = l->all[i].next;
        l->all[i].next = l->free;
        l->free = i;
    }
    r->last = ROPE_END;
}

uint32_t vitro_links_find(const struct links *l, uint32_t i, uint64_t off)
{
    while (i < l->count && l->all[i].off + l->all[i].len <= off)
        i = l->all[i].next;
    return i < l->count && l->all[i].off <= off ? i : ROPE_END;
}
