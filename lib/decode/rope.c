#include "decode/rope.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

/*
 * A row: the offset in the direction; and how far behind it the bytes stand in the capture, twice,
 * odd for a hole, which stands nowhere. What lies evenly in the capture gives even steps.
 */
static void seg_row(const struct segs *s, const struct packlog_row *last, uint64_t capture,
                    uint64_t row[2])
{
    row[0] = s->end;
    row[1] = capture == ROPE_HOLE ? last->is[1] | 1 : (capture - s->end) << 1;
}

static uint64_t row_capture(const uint64_t row[2])
{
    return row[1] & 1 ? ROPE_HOLE : ((row[1] >> 1) + row[0]) & (UINT64_MAX >> 1);
}

void vitro_segs_init(struct segs *s, struct account *account)
{
    memset(s, 0, sizeof *s);
    vitro_packlog_init(&s->log, account, 2);
}

void vitro_segs_done(struct segs *s)
{
    vitro_packlog_done(&s->log);
}

bool vitro_segs_add(struct segs *s, struct packlog_row *last, uint64_t capture, uint64_t len)
{
    uint64_t row[2];

    if (!len)
        return true;
    seg_row(s, last, capture, row);
    if (!vitro_packlog_add(&s->log, last, row))
        return false;
    s->last = s->end;
    s->capture = capture;
    s->end += len;
    if (capture == ROPE_HOLE)
        s->holes += len;
    return true;
}

uint32_t vitro_segs_held(const struct segs *s)
{
    return s->log.count - vitro_packlog_first(&s->log);
}

void vitro_segs_drop(struct segs *s, uint64_t below)
{
    struct packlog_at at;

    if (!vitro_packlog_find(&s->log, below, &at))
        return;
    vitro_packlog_drop(&s->log, at.row - 1);
    if (vitro_packlog_begin(&s->log, vitro_packlog_first(&s->log), &at) && vitro_packlog_next(&at))
        s->dropped = MAX(s->dropped, at.last.is[0]);
}

uint64_t vitro_segs_middle(const struct segs *s)
{
    struct packlog_at at;
    uint32_t row = vitro_packlog_first(&s->log) + vitro_segs_held(s) / 2;

    return vitro_packlog_begin(&s->log, row, &at) && vitro_packlog_next(&at) ? at.last.is[0] : 0;
}

/* The seg that was just read; `at` goes on behind it. */
static struct seg seg_of(const struct segs *s, const struct packlog_at *at)
{
    struct packlog_at ahead = *at;
    struct seg seg = { at->last.is[0], 0, row_capture(at->last.is) };

    seg.len = (vitro_packlog_next(&ahead) ? ahead.last.is[0] : s->end) - seg.at;
    return seg;
}

bool vitro_segs_next(const struct segs *s, struct packlog_at *at, struct seg *out)
{
    if (!at->log && !vitro_packlog_begin(&s->log, vitro_packlog_first(&s->log), at))
        return false;
    if (!vitro_packlog_next(at))
        return false;
    *out = seg_of(s, at);
    return true;
}

/* The seg that holds an offset below the end; false when it was dropped. */
static bool seg_find(const struct segs *s, uint64_t at, struct seg *out)
{
    struct packlog_at row;

    if (at >= s->last) { /* what is asked for most while the capture is read */
        *out = (struct seg){ s->last, s->end - s->last, s->capture };
        return true;
    }
    if (!vitro_packlog_find(&s->log, at, &row))
        return false;
    *out = seg_of(s, &row);
    return true;
}

/* What the memory has, or some steps further. */
static bool seg_near(const struct segs *s, struct segs_memo *memo, uint64_t at)
{
    if (memo->of != s || memo->count != s->log.count || memo->dropped != s->log.dropped ||
        at < memo->seg.at)
        return false;
    for (int i = 0; i < PACKLOG_PAGE / 2; i++) {
        if (at - memo->seg.at < memo->seg.len)
            return true;
        if (!vitro_packlog_next(&memo->at))
            break;
        memo->seg = seg_of(s, &memo->at);
    }
    memo->of = NULL;
    return false;
}

static bool seg_recall(const struct segs *s, struct segs_memo *memo, uint64_t at, struct seg *out)
{
    if (at >= s->last)
        return seg_find(s, at, out);
    if (!seg_near(s, memo, at)) {
        if (!vitro_packlog_find(&s->log, at, &memo->at))
            return false;
        memo->seg = seg_of(s, &memo->at);
        memo->of = s;
        memo->count = s->log.count;
        memo->dropped = s->log.dropped;
    }
    *out = memo->seg;
    return true;
}

uint64_t vitro_segs_run_near(const struct segs *s, struct segs_memo *memo, uint64_t at,
                             uint64_t *capture)
{
    struct seg seg;

    *capture = ROPE_HOLE;
    if (at >= s->end)
        return 0;
    if (!(memo ? seg_recall(s, memo, at, &seg) : seg_find(s, at, &seg)))
        return s->dropped - at;
    if (seg.capture != ROPE_HOLE)
        *capture = seg.capture + (at - seg.at);
    return seg.at + seg.len - at;
}

uint64_t vitro_segs_run(const struct segs *s, uint64_t at, uint64_t *capture)
{
    return vitro_segs_run_near(s, NULL, at, capture);
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
    for (uint32_t i = 0; i < l->count; i += LINKS_PAGE)
        vitro_mem_free(l->account, l->pages[i / LINKS_PAGE], LINKS_PAGE * sizeof(struct link));
    vitro_mem_free(l->account, l->pages, l->page_cap * sizeof *l->pages);
    vitro_links_init(l, l->account);
}

/* Room for link l->count. */
static bool links_room(struct links *l)
{
    uint32_t page = l->count / LINKS_PAGE, cap = l->page_cap ? l->page_cap * 2 : 4;
    struct link **pages;

    if (l->count % LINKS_PAGE)
        return true;
    if (l->count == ROPE_END - LINKS_PAGE + 1)
        return false;
    if (page == l->page_cap) {
        pages = vitro_mem_resize(l->account, l->pages, l->page_cap * sizeof *pages,
                                 cap * sizeof *pages);
        if (!pages)
            return false;
        l->pages = pages;
        l->page_cap = cap;
    }
    l->pages[page] = vitro_mem_alloc(l->account, LINKS_PAGE * sizeof(struct link));
    return l->pages[page] != NULL;
}

static uint32_t links_take(struct links *l)
{
    uint32_t i = l->free;

    if (i != ROPE_END) {
        l->free = vitro_link_at(l, i)->next;
        return i;
    }
    return links_room(l) ? l->count++ : ROPE_END;
}

void vitro_rope_init(struct rope *r)
{
    *r = (struct rope){ ROPE_END, ROPE_END, 0 };
}

bool vitro_rope_add(struct links *l, struct rope *r, uint64_t at, uint32_t len)
{
    struct link *last = r->last != ROPE_END ? vitro_link_at(l, r->last) : NULL;
    uint32_t i;

    if (last && last->at + last->len == at && last->len + len >= len) {
        last->len += len;
        r->end += len;
        return true;
    }
    i = links_take(l);
    if (i == ROPE_END)
        return false;
    *vitro_link_at(l, i) = (struct link){ r->end, at, len, ROPE_END };
    if (last)
        last->next = i;
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
        struct link *link = vitro_link_at(l, i);
        if (link->off + link->len > below || (link->next == ROPE_END && below != UINT64_MAX))
            return;
        r->first = link->next;
        link->next = l->free;
        l->free = i;
    }
    r->last = ROPE_END;
}

uint32_t vitro_links_find(const struct links *l, uint32_t i, uint64_t off)
{
    const struct link *link = NULL;

    for (; i < l->count; i = link->next) {
        link = vitro_link_at(l, i);
        if (link->off + link->len > off)
            return link->off <= off ? i : ROPE_END;
    }
    return ROPE_END;
}
