#include "decode/events.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "decode/pack.h"
#include "frame/frame_reader.h"
#include "wire/lpm.h"

/* A number of an event that is written only where it is not what was foreseen. */
enum column {
    COL_TIME,
    COL_PACKET,
    COL_OFFSET,
    COL_LENGTH,
    COL_STREAM,
    COL_ROPE,
    COL_CONN, /* up to here the mask is one byte */
    COL_PARENT,
    COL_DETAIL,
    COL_PATH,
    COL_ENCODING,
    COL_COUNT
};

enum {
    CLASSES = 64,
    RECORD_MAX = 2 * PACK_MAX + 8 + COL_COUNT * PACK_MAX, /* bytes of an event */
    SIZE_BYTES = 2
};

static_assert(EVENTS_PAGE * RECORD_MAX <= UINT16_MAX, "the size of a page has two bytes");

struct events_open {
    uint32_t page; /* its number and 1; 0: none */
    vitro_event all[EVENTS_PAGE];
};

void vitro_events_init(struct events *e, struct account *account)
{
    memset(e, 0, sizeof *e);
    e->account = account;
}

static size_t page_size(const uint8_t *page)
{
    return SIZE_BYTES + ((size_t)page[0] | (size_t)page[1] << 8);
}

void vitro_events_done(struct events *e)
{
    for (uint32_t i = 0; i < e->page_count; i++)
        vitro_mem_free(e->account, e->pages[i], page_size(e->pages[i]));
    vitro_mem_free(e->account, e->pages, e->page_cap * sizeof *e->pages);
    vitro_mem_free(e->account, e->tail, EVENTS_PAGE * sizeof *e->tail);
    vitro_mem_free(e->account, e->open, EVENTS_OPEN * sizeof *e->open);
    vitro_events_init(e, e->account);
}

/* ---- Shapes -------------------------------------------------------------------------------- */

static uint64_t shape_of(const vitro_event *ev)
{
    return (uint64_t)ev->kind | (uint64_t)ev->source << 8 | (uint64_t)ev->dir << 16 |
           (uint64_t)ev->type << 24 | (uint64_t)ev->flags << 32 | (uint64_t)ev->bits << 40 |
           (uint64_t)ev->why << 48;
}

static void shape_set(vitro_event *ev, uint64_t shape)
{
    ev->kind = (uint8_t)shape;
    ev->source = (uint8_t)(shape >> 8);
    ev->dir = (uint8_t)(shape >> 16);
    ev->type = (uint8_t)(shape >> 24);
    ev->flags = (uint8_t)(shape >> 32);
    ev->bits = (uint8_t)(shape >> 40);
    ev->why = (uint8_t)(shape >> 48);
}

/* The number of a shape, from 1; 0 when there are too many to give it one. */
static uint32_t shape_number(struct events *e, uint64_t shape)
{
    size_t i = (size_t)((shape * UINT64_C(0x9e3779b97f4a7c15)) >> 54);

    for (;; i = (i + 1) % EVENT_SHAPE_SLOTS) {
        uint32_t n = e->shape_slots[i];
        if (n && e->shapes[n - 1] == shape)
            return n;
        if (n)
            continue;
        if (e->shape_count == EVENT_SHAPES)
            return 0;
        e->shapes[e->shape_count++] = shape;
        e->shape_slots[i] = (uint16_t)e->shape_count;
        return e->shape_count;
    }
}

/* ---- What is foreseen ---------------------------------------------------------------------- */

/* The events of a page before the next one, as far as they tell something about it. */
struct past {
    const vitro_event *all;
    uint32_t count;
    uint8_t last[CLASSES]; /* the last event of each class, its place and 1 */
};

static bool has_block(const vitro_event *ev)
{
    return ev->kind == VITRO_EVENT_FRAME &&
           (ev->type == FRAME_HEADERS || ev->type == FRAME_PUSH_PROMISE ||
            ev->type == FRAME_CONTINUATION);
}

/* Two classes may fall together, which costs bytes and nothing else. */
static uint32_t class_at(const vitro_event *ev, uint32_t what)
{
    return (ev->conn * 37U + ev->dir * 11U + what) % CLASSES;
}

/* Those that are alike. */
static uint32_t class_of(const vitro_event *ev)
{
    return class_at(ev, has_block(ev) ? 0 : ev->kind);
}

/* Those that lie behind each other in one direction, or in what it has sealed. */
static bool is_tile(const vitro_event *ev)
{
    return (ev->source == VITRO_SOURCE_DIRECTION && ev->kind != VITRO_EVENT_TCP) ||
           ev->source == VITRO_SOURCE_TLS;
}

static uint32_t class_of_tile(const vitro_event *ev)
{
    return class_at(ev, 10U + ev->source);
}

/* What stands inside a message: it goes with the message before it. */
static bool is_inner(const struct past *past, const vitro_event *ev)
{
    return past->count && ev->source == VITRO_SOURCE_BODY && ev->kind != VITRO_EVENT_GRPC &&
           past->all[past->count - 1].kind == VITRO_EVENT_GRPC;
}

static void expect_inner(vitro_event *out, const vitro_event *message)
{
    out->offset = message->offset + LPM_PREFIX;
    out->length = message->length - LPM_PREFIX;
    out->stream = message->stream;
    out->rope = message->rope;
    out->parent = message->number;
    out->path = message->path;
    out->encoding = message->encoding;
}

/* By the last one of its class. */
static void expect_like(vitro_event *out, const vitro_event *like, const vitro_event *before)
{
    bool body = out->source == VITRO_SOURCE_BODY;

    out->length = like->length;
    out->stream = like->stream;
    out->rope = like->rope;
    out->path = like->path;
    out->encoding = like->encoding;
    if (body)
        out->parent = before->kind == VITRO_EVENT_FRAME ? before->number : like->parent;
    if (has_block(out) || (out->kind == VITRO_EVENT_TLS && out->flags & VITRO_TLS_OPENED))
        out->detail = like->detail + 1;
    else if (out->kind == VITRO_EVENT_FRAME || out->kind == VITRO_EVENT_TLS)
        out->detail = UINT32_MAX;
}

/* All that a column may say, foreseen; ev has its shape and conn. */
static void expect(vitro_event *out, const struct past *past, const vitro_event *ev)
{
    static const vitro_event none;
    const vitro_event *before = past->count ? &past->all[past->count - 1] : &none;
    const vitro_event *like = &none;
    uint32_t at = past->last[class_of(ev)], tile = past->last[class_of_tile(ev)];
    uint32_t record = past->last[class_at(ev, VITRO_EVENT_TLS)];

    *out = *ev;
    out->time = before->time;
    out->packet = before->packet;
    out->parent = out->detail = 0;
    if (is_inner(past, ev)) {
        expect_inner(out, before);
        return;
    }
    if (at)
        like = &past->all[at - 1];
    expect_like(out, like, before);
    if (ev->source == VITRO_SOURCE_TLS && record)
        out->parent = past->all[record - 1].number;
    out->offset = 0;
    if (tile && is_tile(ev))
        out->offset = past->all[tile - 1].offset + past->all[tile - 1].length;
}

static void past_add(struct past *past, const vitro_event *ev)
{
    past->last[class_of(ev)] = (uint8_t)(++past->count);
    if (is_tile(ev))
        past->last[class_of_tile(ev)] = (uint8_t)past->count;
}

/* ---- Packing ------------------------------------------------------------------------------- */

static void columns_of(const vitro_event *ev, uint64_t out[COL_COUNT])
{
    out[COL_TIME] = (uint64_t)ev->time;
    out[COL_PACKET] = ev->packet;
    out[COL_OFFSET] = ev->offset;
    out[COL_LENGTH] = ev->length;
    out[COL_STREAM] = ev->stream;
    out[COL_ROPE] = ev->rope;
    out[COL_CONN] = ev->conn;
    out[COL_PARENT] = ev->parent;
    out[COL_DETAIL] = ev->detail;
    out[COL_PATH] = ev->path;
    out[COL_ENCODING] = ev->encoding;
}

static void column_set(vitro_event *ev, enum column c, uint64_t delta)
{
    switch (c) {
    case COL_TIME:
        ev->time = (int64_t)pack_apply((uint64_t)ev->time, delta);
        break;
    case COL_PACKET:
        ev->packet = (uint32_t)pack_apply(ev->packet, delta);
        break;
    case COL_OFFSET:
        ev->offset = pack_apply(ev->offset, delta);
        break;
    case COL_LENGTH:
        ev->length = pack_apply(ev->length, delta);
        break;
    case COL_STREAM:
        ev->stream = (uint32_t)pack_apply(ev->stream, delta);
        break;
    case COL_ROPE:
        ev->rope = (uint32_t)pack_apply(ev->rope, delta);
        break;
    case COL_PARENT:
        ev->parent = (uint32_t)pack_apply(ev->parent, delta);
        break;
    case COL_DETAIL:
        ev->detail = (uint32_t)pack_apply(ev->detail, delta);
        break;
    case COL_PATH:
        ev->path = (uint16_t)pack_apply(ev->path, delta);
        break;
    case COL_ENCODING:
        ev->encoding = (uint16_t)pack_apply(ev->encoding, delta);
        break;
    default:
        break;
    }
}

/* shape, mask of the columns that follow, the columns; conn first: what is foreseen needs it. */
static uint8_t *pack_event(struct events *e, const struct past *past, const vitro_event *ev,
                           uint8_t *p)
{
    uint32_t shape = shape_number(e, shape_of(ev)), mask = 0;
    uint32_t conn = past->count ? past->all[past->count - 1].conn : 0;
    uint64_t is[COL_COUNT], was[COL_COUNT];
    vitro_event foreseen;

    expect(&foreseen, past, ev);
    foreseen.conn = conn;
    columns_of(ev, is);
    columns_of(&foreseen, was);
    for (uint32_t c = 0; c < COL_COUNT; c++)
        mask |= (uint32_t)(is[c] != was[c]) << c;
    p = pack_put(p, shape);
    if (!shape)
        p = pack_put(p, shape_of(ev));
    p = pack_put(p, mask);
    if (mask >> COL_CONN & 1)
        p = pack_put(p, pack_delta(conn, ev->conn));
    for (uint32_t c = 0; c < COL_COUNT; c++) {
        if (c != COL_CONN && mask >> c & 1)
            p = pack_put(p, pack_delta(was[c], is[c]));
    }
    return p;
}

static const uint8_t *unpack_event(const struct events *e, const struct past *past,
                                   vitro_event *out, const uint8_t *p)
{
    uint64_t shape, mask, delta;
    vitro_event ev = { 0 };

    p = pack_get(p, &shape);
    if (shape)
        shape = e->shapes[shape - 1];
    else
        p = pack_get(p, &shape);
    shape_set(&ev, shape);
    p = pack_get(p, &mask);
    ev.conn = past->count ? past->all[past->count - 1].conn : 0;
    if (mask >> COL_CONN & 1) {
        p = pack_get(p, &delta);
        ev.conn = (uint32_t)pack_apply(ev.conn, delta);
    }
    expect(out, past, &ev);
    mask &= ~(UINT64_C(1) << COL_CONN);
    for (unsigned c = 0; mask; c++, mask >>= 1) {
        if (mask & 1) {
            p = pack_get(p, &delta);
            column_set(out, (enum column)c, delta);
        }
    }
    return p;
}

static bool pages_room(struct events *e)
{
    uint32_t cap = e->page_cap ? e->page_cap * 2 : 16;
    uint8_t **pages;

    if (e->page_count < e->page_cap)
        return true;
    pages =
        vitro_mem_resize(e->account, e->pages, e->page_cap * sizeof *pages, cap * sizeof *pages);
    if (!pages)
        return false;
    e->pages = pages;
    e->page_cap = cap;
    return true;
}

/* The tail, which is full, becomes a page. */
static bool seal(struct events *e)
{
    uint8_t bytes[SIZE_BYTES + EVENTS_PAGE * RECORD_MAX], *p = bytes + SIZE_BYTES, *page;
    struct past past = { e->tail, 0, { 0 } };
    size_t size;

    if (!pages_room(e))
        return false;
    for (uint32_t i = 0; i < EVENTS_PAGE; i++) {
        p = pack_event(e, &past, &e->tail[i], p);
        past_add(&past, &e->tail[i]);
    }
    size = (size_t)(p - bytes) - SIZE_BYTES;
    bytes[0] = (uint8_t)size;
    bytes[1] = (uint8_t)(size >> 8);
    page = vitro_mem_alloc(e->account, SIZE_BYTES + size);
    if (!page)
        return false;
    memcpy(page, bytes, SIZE_BYTES + size);
    e->pages[e->page_count++] = page;
    return true;
}

bool vitro_events_add(struct events *e, const vitro_event *ev)
{
    assert(ev->number == e->count + 1);
    if (!e->tail)
        e->tail = vitro_mem_alloc(e->account, EVENTS_PAGE * sizeof *e->tail);
    if (!e->tail || (e->count / EVENTS_PAGE > e->page_count && !seal(e)))
        return false;
    e->tail[e->count++ % EVENTS_PAGE] = *ev;
    return true;
}

/* ---- Looking ------------------------------------------------------------------------------- */

static void unpack(const struct events *e, uint32_t page, struct events_open *out)
{
    const uint8_t *p = e->pages[page] + SIZE_BYTES;
    struct past past = { out->all, 0, { 0 } };

    for (uint32_t i = 0; i < EVENTS_PAGE; i++) {
        vitro_event *ev = &out->all[i];
        p = unpack_event(e, &past, ev, p);
        ev->number = page * EVENTS_PAGE + i + 1;
        past_add(&past, ev);
    }
    out->page = page + 1;
}

const vitro_event *vitro_events_get(struct events *e, uint32_t i)
{
    uint32_t page = i / EVENTS_PAGE;
    struct events_open *open;

    if (page >= e->page_count)
        return &e->tail[i % EVENTS_PAGE];
    if (!e->open)
        e->open = vitro_mem_zalloc(e->account, EVENTS_OPEN * sizeof *e->open);
    if (!e->open)
        return NULL;
    open = &e->open[page % EVENTS_OPEN];
    if (open->page != page + 1)
        unpack(e, page, open);
    return &open->all[i % EVENTS_PAGE];
}
