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
    STRIDE = 4096,  /* events between two checkpoints, at first */
    CLOSED_MOST = 64
};

/* ---- header blocks ------------------------------------------------------------------------ */

static void read_block(struct moment *m, const vitro_event *ev)
{
    struct table *t = &m->tables[ev->dir];
    vitro_detail dt;

    table_forget(t);
    if (vitro_decode_fields(m->d, ev, &dt, NULL))
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
        table_apply(t, item->header, ev->number);
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

    if (vitro_decode_fields(m->d, ev, &dt, NULL))
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

/* ---- what notes tell of a connection that was begun before the capture ----------------------- */

static const char *note_text(const vitro_detail *dt, const char *name)
{
    for (size_t i = 0; i < dt->count; i++) {
        if (strcmp(dt->items[i].name, name) == 0)
            return dt->items[i].text.ptr; /* terminated */
    }
    return "";
}

static int64_t note_number(const vitro_detail *dt, const char *name)
{
    return strtoll(note_text(dt, name), NULL, 10);
}

/* The initial window among settings "1=4096 4=65535". */
static int64_t note_initial(const vitro_detail *dt, const char *name)
{
    const char *p = strstr(note_text(dt, name), "4=");

    while (p && p != note_text(dt, name) && p[-1] != ' ')
        p = strstr(p + 1, "4=");
    return p ? strtoll(p + 2, NULL, 10) : WINDOW;
}

static bool is_about(const struct moment *m, const vitro_detail *dt)
{
    return strcmp(note_text(dt, "VITRO_CLIENT"), vitro_decode_endpoint(m->d, m->conn, VITRO_C2S)) ==
               0 &&
           strcmp(note_text(dt, "VITRO_SERVER"), vitro_decode_endpoint(m->d, m->conn, VITRO_S2C)) ==
               0;
}

/* `out` is what the side that has written the note sends: client to server, of a client. */
static void read_note(struct moment *m, const vitro_event *ev)
{
    struct stream_window *s;
    vitro_detail dt;
    int out;

    if (vitro_decode_detail(m->d, ev, &dt, NULL) || !is_about(m, &dt))
        return;
    out = strcmp(note_text(&dt, "VITRO_SIDE"), "client") == 0 ? VITRO_C2S : VITRO_S2C;
    if (ev->type == VITRO_NOTE_GOES_ON) {
        m->count = 0;
        m->left[out] = note_number(&dt, "VITRO_OUT_WINDOW");
        m->left[!out] = note_number(&dt, "VITRO_IN_WINDOW");
        m->initial[out] = note_initial(&dt, "VITRO_PEER_SETTINGS");
        m->initial[!out] = note_initial(&dt, "VITRO_SETTINGS");
        m->from_start = true;
        table_lose(&m->tables[0]);
        table_lose(&m->tables[1]);
        return;
    }
    s = stream_of(m, (uint32_t)note_number(&dt, "VITRO_STREAM"));
    if (!s)
        return;
    s->left[out] = note_number(&dt, "VITRO_OUT_WINDOW");
    s->left[!out] = note_number(&dt, "VITRO_IN_WINDOW");
    s->closed[out] = strcmp(note_text(&dt, "VITRO_ENDED"), "out") == 0;
    s->closed[!out] = strcmp(note_text(&dt, "VITRO_ENDED"), "in") == 0;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static void checkpoint_done(struct checkpoint *c)
{
    table_done(&c->tables[0]);
    table_done(&c->tables[1]);
    free(c->streams);
    memset(c, 0, sizeof *c);
}

static void restart(struct moment *m, uint32_t conn)
{
    table_done(&m->tables[0]);
    table_done(&m->tables[1]);
    if (conn != m->conn) {
        for (size_t i = 0; i < m->saved; i++)
            checkpoint_done(&m->checkpoints[i]);
        m->saved = 0;
        m->stride = STRIDE;
    }
    m->conn = conn;
    m->at = 0;
    m->count = 0;
    m->from_start = false;
    for (int i = 0; i < 2; i++)
        m->left[i] = m->initial[i] = WINDOW;
}

/* Full: every second one goes, and they stand twice as far apart. */
static void thin_out(struct moment *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->saved; i++) {
        if (i % 2)
            m->checkpoints[n++] = m->checkpoints[i];
        else
            checkpoint_done(&m->checkpoints[i]);
    }
    memset(m->checkpoints + n, 0, (m->saved - n) * sizeof *m->checkpoints);
    m->saved = n;
    m->stride *= 2;
}

static void save(struct moment *m)
{
    struct checkpoint *c;

    if (m->saved && m->at < m->checkpoints[m->saved - 1].at + m->stride)
        return;
    if (!m->saved && m->at < m->stride)
        return;
    if (m->saved == CHECKPOINTS)
        thin_out(m);
    c = &m->checkpoints[m->saved];
    c->at = m->at;
    c->count = m->count;
    c->from_start = m->from_start;
    memcpy(c->left, m->left, sizeof c->left);
    memcpy(c->initial, m->initial, sizeof c->initial);
    c->streams = m->count ? malloc(m->count * sizeof *c->streams) : NULL;
    if ((m->count && !c->streams) || !table_copy(&c->tables[0], &m->tables[0]) ||
        !table_copy(&c->tables[1], &m->tables[1])) {
        checkpoint_done(c);
        return;
    }
    if (m->count)
        memcpy(c->streams, m->streams, m->count * sizeof *c->streams);
    m->saved++;
}

/* To the last checkpoint before an event; false when there is none. */
static bool restore(struct moment *m, uint32_t number)
{
    const struct checkpoint *c = NULL;

    for (size_t i = 0; i < m->saved && m->checkpoints[i].at < number; i++)
        c = &m->checkpoints[i];
    if (!c || c->count > m->cap || !table_copy(&m->tables[0], &c->tables[0]) ||
        !table_copy(&m->tables[1], &c->tables[1]))
        return false;
    m->at = c->at;
    m->count = c->count;
    m->from_start = c->from_start;
    memcpy(m->left, c->left, sizeof m->left);
    memcpy(m->initial, c->initial, sizeof m->initial);
    if (c->count)
        memcpy(m->streams, c->streams, c->count * sizeof *m->streams);
    return true;
}

void moment_init(struct moment *m, vitro_decode *d)
{
    memset(m, 0, sizeof *m);
    m->d = d;
    m->stride = STRIDE;
    restart(m, VITRO_NO_CONN);
}

void moment_done(struct moment *m)
{
    for (size_t i = 0; i < m->saved; i++)
        checkpoint_done(&m->checkpoints[i]);
    table_done(&m->tables[0]);
    table_done(&m->tables[1]);
    free(m->streams);
    memset(m, 0, sizeof *m);
}

void moment_ask(struct moment *m, const vitro_event *ev)
{
    uint32_t conn = ev->conn == VITRO_NO_CONN ? m->conn : ev->conn;

    if (conn != m->conn || (ev->number < m->at && !restore(m, ev->number)))
        restart(m, conn);
    m->target = ev->number;
}

bool moment_walk(struct moment *m, uint32_t most)
{
    while (m->at < m->target && most--) {
        vitro_event ev;
        if (!vitro_decode_event(m->d, ++m->at, &ev))
            continue;
        if (ev.kind == VITRO_EVENT_NOTE && !(ev.bits & VITRO_EVENT_HELD) &&
            (ev.type == VITRO_NOTE_GOES_ON || ev.type == VITRO_NOTE_OPEN))
            read_note(m, &ev);
        if (ev.conn != m->conn)
            continue;
        table_forget(&m->tables[0]);
        table_forget(&m->tables[1]);
        if (ev.kind == VITRO_EVENT_TCP && ev.type == VITRO_TCP_GAP)
            table_lose(&m->tables[ev.dir]);
        if (ev.kind == VITRO_EVENT_PREFACE ||
            (ev.kind == VITRO_EVENT_TCP && ev.type == VITRO_TCP_OPEN))
            m->from_start = true;
        else if (ev.kind == VITRO_EVENT_FRAME)
            read_frame(m, &ev);
        save(m);
    }
    return m->at >= m->target;
}
