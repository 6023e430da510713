#include "ui/moment.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

enum {
    DATA = 0,
    HEADERS = 1,
    RST_STREAM = 3,
    SETTINGS = 4,
    PUSH_PROMISE = 5,
    WINDOW_UPDATE = 8,
    CONTINUATION = 9,
    END_STREAM = 1,
    ACK = 1,
    FRAME_HEADER = 9,
    WINDOW = 65535, /* RFC 9113, 6.9.2 */
    TABLE = 4096,   /* RFC 7541, 4.2 and RFC 9113, 6.5.2 */
    TEXT_MOST = 512,
    CLOSED_MOST = 64
};

/* ---- tables ---------------------------------------------------------------------------------- */

static void entry_done(struct entry *e)
{
    free(e->name);
    free(e->value);
}

static void forget(struct table *t)
{
    for (size_t i = 0; i < t->evicted_count; i++)
        entry_done(&t->evicted[i]);
    t->evicted_count = 0;
    t->added = 0;
}

static void table_done(struct table *t)
{
    forget(t);
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

/* The decoder says how many entries there are after each field; the oldest go first. */
static void apply(struct table *t, const vitro_item_header *h, uint32_t by)
{
    if (h->inserted && h->table_count)
        insert(t, h, by);
    if (t->count > h->table_count)
        evict(t, t->count - h->table_count);
    else if (t->count < h->table_count)
        add_unseen(t, h->table_count - t->count);
    t->size = h->table_size;
}

static void read_block(struct moment *m, const vitro_event *ev)
{
    struct table *t = &m->tables[ev->dir];
    vitro_detail dt;

    forget(t);
    if (vitro_decode_detail(m->d, ev, &dt, NULL))
        return;
    for (size_t i = 0; i < dt.count; i++) {
        const vitro_item *item = &dt.items[i];
        if (strcmp(item->name, "http2.header_table_size_update.header_table_size") == 0)
            t->limit = (uint32_t)item->number;
        if (!item->header)
            continue;
        if (t->begun && item->span.id == t->block && item->span.offset <= t->block_at)
            continue; /* the frame before has told it */
        t->begun = true;
        t->block = item->span.id;
        t->block_at = item->span.offset;
        apply(t, item->header, ev->number);
    }
}

/* ---- windows --------------------------------------------------------------------------------- */

static void drop_closed(struct moment *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++) {
        if (!m->streams[i].closed[0] || !m->streams[i].closed[1])
            m->streams[n++] = m->streams[i];
    }
    m->count = n;
}

static struct stream_window *stream_of(struct moment *m, uint32_t id)
{
    struct stream_window *s;

    for (size_t i = m->count; i-- > 0;) {
        if (m->streams[i].stream == id)
            return &m->streams[i];
    }
    if (m->count >= CLOSED_MOST)
        drop_closed(m);
    if (m->count == m->cap) {
        size_t n = m->cap ? m->cap * 2 : 16;
        s = realloc(m->streams, n * sizeof *s);
        if (!s)
            return NULL;
        m->streams = s;
        m->cap = n;
    }
    s = &m->streams[m->count++];
    memset(s, 0, sizeof *s);
    s->stream = id;
    s->left[0] = m->initial[0];
    s->left[1] = m->initial[1];
    return s;
}

static bool number_of(struct moment *m, const vitro_event *ev, const char *name, uint64_t *out)
{
    vitro_detail dt;

    if (vitro_decode_detail(m->d, ev, &dt, NULL))
        return false;
    for (size_t i = 0; i < dt.count; i++) {
        if (strcmp(dt.items[i].name, name) == 0) {
            *out = dt.items[i].number;
            return true;
        }
    }
    return false;
}

/* A new initial size moves the windows of all streams (RFC 9113, 6.9.2). */
static void read_settings(struct moment *m, const vitro_event *ev)
{
    int sender = !ev->dir;
    uint64_t v;

    if ((ev->flags & ACK) || !number_of(m, ev, "http2.settings.initial_window_size", &v))
        return;
    for (size_t i = 0; i < m->count; i++)
        m->streams[i].left[sender] += (int64_t)v - m->initial[sender];
    m->initial[sender] = (int64_t)v;
}

static void read_update(struct moment *m, const vitro_event *ev)
{
    struct stream_window *s;
    uint64_t v;

    if (!number_of(m, ev, "http2.window_update.window_size_increment", &v))
        return;
    if (!ev->stream) {
        m->left[!ev->dir] += (int64_t)v;
        return;
    }
    s = stream_of(m, ev->stream);
    if (s)
        s->left[!ev->dir] += (int64_t)v;
}

static void read_data(struct moment *m, const vitro_event *ev)
{
    struct stream_window *s = stream_of(m, ev->stream);
    int64_t n = ev->length > FRAME_HEADER ? (int64_t)ev->length - FRAME_HEADER : 0;

    m->left[ev->dir] -= n;
    if (s)
        s->left[ev->dir] -= n;
}

static void read_end(struct moment *m, const vitro_event *ev)
{
    struct stream_window *s = ev->stream ? stream_of(m, ev->stream) : NULL;

    if (!s)
        return;
    if (ev->type == RST_STREAM)
        s->closed[0] = s->closed[1] = true;
    else if (ev->flags & END_STREAM)
        s->closed[ev->dir] = true;
}

static void read_frame(struct moment *m, const vitro_event *ev)
{
    switch (ev->type) {
    case DATA:
        read_data(m, ev);
        read_end(m, ev);
        break;
    case HEADERS:
        read_end(m, ev);
        read_block(m, ev);
        break;
    case PUSH_PROMISE:
    case CONTINUATION:
        read_block(m, ev);
        break;
    case RST_STREAM:
        read_end(m, ev);
        break;
    case SETTINGS:
        read_settings(m, ev);
        break;
    case WINDOW_UPDATE:
        read_update(m, ev);
        break;
    default:
        break;
    }
}

/* ---- the walk -------------------------------------------------------------------------------- */

static void restart(struct moment *m, uint32_t conn)
{
    table_done(&m->tables[0]);
    table_done(&m->tables[1]);
    m->conn = conn;
    m->at = 0;
    m->count = 0;
    m->from_start = false;
    for (int i = 0; i < 2; i++)
        m->left[i] = m->initial[i] = WINDOW;
}

void moment_init(struct moment *m, vitro_decode *d)
{
    memset(m, 0, sizeof *m);
    m->d = d;
    restart(m, VITRO_NO_CONN);
}

void moment_done(struct moment *m)
{
    table_done(&m->tables[0]);
    table_done(&m->tables[1]);
    free(m->streams);
    memset(m, 0, sizeof *m);
}

void moment_ask(struct moment *m, const vitro_event *ev)
{
    uint32_t conn = ev->conn == VITRO_NO_CONN ? m->conn : ev->conn;

    if (conn != m->conn || ev->number < m->at)
        restart(m, conn);
    m->target = ev->number;
}

bool moment_walk(struct moment *m, uint32_t most)
{
    while (m->at < m->target && most--) {
        const vitro_event *ev = vitro_decode_event(m->d, ++m->at);
        if (!ev || ev->conn != m->conn)
            continue;
        forget(&m->tables[0]);
        forget(&m->tables[1]);
        if (ev->kind == VITRO_EVENT_PREFACE)
            m->from_start = true;
        else if (ev->kind == VITRO_EVENT_FRAME)
            read_frame(m, ev);
    }
    return m->at >= m->target;
}
