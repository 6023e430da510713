#include "decode/packlog.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "decode/pack.h"

enum { SIZE_BYTES = 2, TAIL_FIRST = 16, ROW_MAX = PACKLOG_COLUMNS * PACK_MAX };

static_assert(PACKLOG_PAGE * ROW_MAX <= UINT16_MAX / 2, "the size of a page has two bytes");

void vitro_packlog_init(struct packlog *l, struct account *account, uint8_t columns)
{
    assert(columns <= PACKLOG_COLUMNS);
    memset(l, 0, sizeof *l);
    l->account = account;
    l->columns = columns;
}

static size_t page_size(const uint8_t *page)
{
    return SIZE_BYTES + ((size_t)page[0] | (size_t)page[1] << 8);
}

void vitro_packlog_done(struct packlog *l)
{
    for (uint32_t i = 0; i < l->page_count; i++)
        vitro_mem_free(l->account, l->pages[i], page_size(l->pages[i]));
    vitro_mem_free(l->account, l->pages, l->page_cap * sizeof *l->pages);
    vitro_mem_free(l->account, l->tail, l->tail_cap);
    vitro_packlog_init(l, l->account, l->columns);
}

/* ---- Writing ------------------------------------------------------------------------------- */

static uint8_t *row_put(const struct packlog *l, struct packlog_row *last, const uint64_t *row,
                        uint8_t *p)
{
    bool first = l->count % PACKLOG_PAGE == 0;

    if (first)
        memset(last, 0, sizeof *last);
    for (unsigned c = 0; c < l->columns; c++) {
        p = pack_put(p, pack_delta(last->is[c] + last->step[c], row[c]));
        last->step[c] = first ? 0 : row[c] - last->is[c];
        last->is[c] = row[c];
    }
    return p;
}

static bool pages_room(struct packlog *l)
{
    uint32_t cap = l->page_cap ? l->page_cap * 2 : 4;
    uint8_t **pages;

    if (l->page_count < l->page_cap)
        return true;
    pages =
        vitro_mem_resize(l->account, l->pages, l->page_cap * sizeof *pages, cap * sizeof *pages);
    if (!pages)
        return false;
    l->pages = pages;
    l->page_cap = cap;
    return true;
}

/* The tail is full: a page of its size holds it from now on. */
static bool seal(struct packlog *l)
{
    uint8_t *page = pages_room(l) ? vitro_mem_alloc(l->account, SIZE_BYTES + l->tail_len) : NULL;

    if (!page)
        return false;
    page[0] = (uint8_t)l->tail_len;
    page[1] = (uint8_t)(l->tail_len >> 8);
    memcpy(page + SIZE_BYTES, l->tail, l->tail_len);
    l->pages[l->page_count++] = page;
    l->tail_len = 0;
    return true;
}

static bool tail_room(struct packlog *l, size_t n)
{
    uint16_t cap = l->tail_cap ? l->tail_cap : TAIL_FIRST;
    uint8_t *tail;

    while (cap < l->tail_len + n)
        cap = (uint16_t)(cap * 2);
    if (cap == l->tail_cap)
        return true;
    tail = vitro_mem_resize(l->account, l->tail, l->tail_cap, cap);
    if (!tail)
        return false;
    l->tail = tail;
    l->tail_cap = cap;
    return true;
}

bool vitro_packlog_add(struct packlog *l, struct packlog_row *last, const uint64_t *row)
{
    uint8_t bytes[ROW_MAX];
    struct packlog_row next = *last;
    size_t n;

    if (l->count == UINT32_MAX)
        return false;
    if (l->count && l->count % PACKLOG_PAGE == 0 &&
        l->count / PACKLOG_PAGE > l->dropped + l->page_count && !seal(l))
        return false;
    n = (size_t)(row_put(l, &next, row, bytes) - bytes);
    if (!tail_room(l, n))
        return false;
    memcpy(l->tail + l->tail_len, bytes, n);
    l->tail_len = (uint16_t)(l->tail_len + n);
    l->count++;
    *last = next;
    return true;
}

void vitro_packlog_drop(struct packlog *l, uint32_t row)
{
    uint32_t n = MIN(row / PACKLOG_PAGE - MIN(row / PACKLOG_PAGE, l->dropped), l->page_count);

    for (uint32_t i = 0; i < n; i++)
        vitro_mem_free(l->account, l->pages[i], page_size(l->pages[i]));
    if (n)
        memmove(l->pages, l->pages + n, (l->page_count - n) * sizeof *l->pages);
    l->page_count -= n;
    l->dropped += n;
}

/* ---- Reading ------------------------------------------------------------------------------- */

uint32_t vitro_packlog_first(const struct packlog *l)
{
    return l->dropped * PACKLOG_PAGE;
}

/* Page i of those held; the tail is behind the last of them. */
static const uint8_t *page_at(const struct packlog *l, uint32_t i)
{
    return i < l->page_count ? l->pages[i] + SIZE_BYTES : l->tail;
}

/* Pages with rows in them, the tail included. */
static uint32_t page_total(const struct packlog *l)
{
    uint32_t rows = l->count - vitro_packlog_first(l);

    return (rows + PACKLOG_PAGE - 1) / PACKLOG_PAGE;
}

static void page_begin(const struct packlog *l, uint32_t page, struct packlog_at *at)
{
    at->log = l;
    at->next = NULL;
    at->row = vitro_packlog_first(l) + page * PACKLOG_PAGE;
    memset(&at->last, 0, sizeof at->last);
}

bool vitro_packlog_next(struct packlog_at *at)
{
    const struct packlog *l = at->log;
    bool first = at->row % PACKLOG_PAGE == 0;
    uint64_t delta, is;

    if (at->row >= l->count)
        return false;
    if (first) {
        at->next = page_at(l, at->row / PACKLOG_PAGE - l->dropped);
        memset(&at->last, 0, sizeof at->last);
    }
    assert(at->next);
    for (unsigned c = 0; c < l->columns; c++) {
        at->next = pack_get(at->next, &delta);
        is = pack_apply(at->last.is[c] + at->last.step[c], delta);
        at->last.step[c] = first ? 0 : is - at->last.is[c];
        at->last.is[c] = is;
    }
    at->row++;
    return true;
}

bool vitro_packlog_begin(const struct packlog *l, uint32_t row, struct packlog_at *at)
{
    if (row < vitro_packlog_first(l) || row >= l->count)
        return false;
    page_begin(l, row / PACKLOG_PAGE - l->dropped, at);
    while (at->row < row)
        vitro_packlog_next(at);
    return true;
}

/* The first number of a page. */
static uint64_t page_key(const struct packlog *l, uint32_t page)
{
    uint64_t delta;

    pack_get(page_at(l, page), &delta);
    return pack_apply(0, delta);
}

bool vitro_packlog_find(const struct packlog *l, uint64_t key, struct packlog_at *at)
{
    uint32_t low = 0, high = page_total(l);
    struct packlog_at ahead;

    if (!high || page_key(l, 0) > key)
        return false;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (page_key(l, mid) <= key)
            low = mid;
        else
            high = mid;
    }
    page_begin(l, low, &ahead);
    vitro_packlog_next(&ahead);
    do
        *at = ahead;
    while (at->row % PACKLOG_PAGE != 0 && vitro_packlog_next(&ahead) && ahead.last.is[0] <= key);
    return true;
}
