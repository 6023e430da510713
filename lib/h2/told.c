#include "h2/told.h"

#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "base/util.h"
#include "frame/frame_reader.h"
#include "frame/hpack.h"

enum { BLOCK_MAX = 256 * 1024, WAITING_MAX = 256, LINES_MAX = 128 * 1024 };

/* A whole header block that nghttp2 has not told the fields of yet. */
struct waiting {
    struct waiting *next;
    uint32_t stream;
    uint64_t at; /* of its first frame in the direction */
    size_t len;
    uint8_t bytes[];
};

struct h2_told {
    bool sent;
    struct frame_reader frames;
    struct hpack_reader hpack;
    struct buf block; /* fragments of the one under way */
    bool open;
    uint32_t stream;
    uint64_t at;
    struct buf payload; /* of the HEADERS or CONTINUATION frame under way */
    struct waiting *first, **last;
    size_t count;
    struct buf lines; /* fields of the block that nghttp2 is at */
    bool mute;        /* they cannot be told */
    bool broken;      /* memory is out, or the bytes make no sense */
};

/* ---- life ------------------------------------------------------------------------------------ */

static void waiting_free(struct h2_session *h, struct waiting *w)
{
    vitro_h2_memory_free(h->config.memory, w);
}

static struct waiting *pop(struct h2_told *t)
{
    struct waiting *w = t->first;

    t->first = w->next;
    if (!t->first)
        t->last = &t->first;
    t->count--;
    return w;
}

static void told_free(struct h2_session *h, struct h2_told **at)
{
    struct h2_told *t = *at;

    if (!t)
        return;
    while (t->first)
        waiting_free(h, pop(t));
    vitro_hpack_reader_done(&t->hpack);
    vitro_buf_done(&t->block);
    vitro_buf_done(&t->payload);
    vitro_buf_done(&t->lines);
    vitro_h2_memory_free(h->config.memory, t);
    *at = NULL;
}

static struct h2_told *told_new(struct h2_session *h, bool sent, uint64_t at, uint32_t max_size,
                                size_t size)
{
    struct hpack_reader_options options = { max_size, 0, 0, true, true };
    struct account *account = h->config.memory->account;
    struct h2_told *t = vitro_h2_memory_alloc(h->config.memory, sizeof *t);

    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->sent = sent;
    t->last = &t->first;
    vitro_frame_reader_init(&t->frames, at, false);
    vitro_hpack_reader_init(&t->hpack, account, &options);
    vitro_hpack_table_resume(&t->hpack.table, max_size, (uint32_t)MIN(size, UINT32_MAX));
    vitro_buf_init(&t->block, account, BLOCK_MAX);
    vitro_buf_init(&t->payload, account, BLOCK_MAX);
    vitro_buf_init(&t->lines, account, LINES_MAX);
    return t;
}

uint32_t vitro_h2_table_limit(const struct h2_session *h, bool sent)
{
    uint32_t limit =
        sent ? nghttp2_session_get_remote_settings(h->ng, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE)
             : nghttp2_session_get_local_settings(h->ng, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE);

    return sent ? MIN(limit, (uint32_t)HPACK_DEFAULT_SIZE) : limit; /* we never use more */
}

size_t vitro_h2_table_size(const struct h2_session *h, bool sent)
{
    return sent ? nghttp2_session_get_hd_deflate_dynamic_table_size(h->ng)
                : nghttp2_session_get_hd_inflate_dynamic_table_size(h->ng);
}

void vitro_h2_tell(struct h2_session *h)
{
    vitro_h2_tell_done(h);
    for (int sent = 0; sent < 2; sent++)
        h->told[sent] = told_new(h, sent, sent ? h->out : h->in, vitro_h2_table_limit(h, sent),
                                 vitro_h2_table_size(h, sent));
    vitro_told_check(h);
}

void vitro_h2_tell_done(struct h2_session *h)
{
    told_free(h, &h->told[0]);
    told_free(h, &h->told[1]);
}

/* An entry with a gap is in a field that nobody could fill: there is more to tell. */
static bool has_gaps(const struct hpack_table *table)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (vitro_hpack_table_entry(table, i).flags &
            (HPACK_ENTRY_NAME_UNKNOWN | HPACK_ENTRY_VALUE_UNKNOWN))
            return true;
    return false;
}

/* Between two blocks, with nothing left to find out. */
static bool is_done(const struct h2_told *t)
{
    return !t->open && !t->first && vitro_hpack_table_complete(&t->hpack.table) &&
           !has_gaps(&t->hpack.table);
}

void vitro_told_check(struct h2_session *h)
{
    for (int sent = 0; sent < 2; sent++) {
        const struct h2_told *t = h->told[sent];
        if (t && (t->broken || is_done(t)))
            told_free(h, &h->told[sent]);
    }
}

/* ---- fields ---------------------------------------------------------------------------------- */

void vitro_told_block(struct h2_told *t)
{
    vitro_buf_consume(&t->lines, t->lines.len);
    t->mute = false;
}

void vitro_told_field(struct h2_told *t, vitro_str name, vitro_str value)
{
    size_t len = name.len + value.len + 3;
    uint8_t *p = memchr(value.ptr, '\n', value.len) ? NULL : vitro_buf_reserve(&t->lines, len);

    if (!p) {
        t->mute = true;
        return;
    }
    memcpy(p, name.ptr, name.len);
    p[name.len] = ':';
    p[name.len + 1] = ' ';
    if (value.len)
        memcpy(p + name.len + 2, value.ptr, value.len);
    p[len - 1] = '\n';
    t->lines.len += len;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Read it as one would who came late; true when he had to be told. */
static bool read_block(struct h2_told *t, const struct waiting *w, bool with_fields)
{
    struct hpack_field f;

    if (with_fields && !t->mute)
        vitro_hpack_tell(&t->hpack, vitro_buf_bytes(&t->lines));
    vitro_hpack_block(&t->hpack, (vitro_bytes){ w->bytes, w->len }, w->at);
    while (vitro_hpack_next(&t->hpack, &f)) {
        /* only the table counts */
    }
    return t->hpack.filled > 0;
}

void vitro_told_end(struct h2_session *h, struct h2_told *t, int32_t stream)
{
    bool found = false;

    while (t->first && !found) {
        struct waiting *w = pop(t);
        found = (int32_t)w->stream == stream;
        if (read_block(t, w, found))
            h->ops->unseen(h, t->sent, w->stream, w->at, vitro_buf_bytes(&t->lines));
        waiting_free(h, w);
    }
    if (stream == TOLD_ALL)
        return;          /* fields of a block that goes on may be there */
    t->broken |= !found; /* a block that the bytes did not show */
    vitro_told_block(t);
}

void vitro_told_end_first(struct h2_session *h, struct h2_told *t)
{
    if (t->first)
        vitro_told_end(h, t, (int32_t)t->first->stream);
}

static void block_done(struct h2_session *h, struct h2_told *t)
{
    struct waiting *w = t->count < WAITING_MAX
                            ? vitro_h2_memory_alloc(h->config.memory, sizeof *w + t->block.len)
                            : NULL;

    t->open = false;
    if (!w) {
        t->broken = true;
        return;
    }
    w->next = NULL;
    w->stream = t->stream;
    w->at = t->at;
    w->len = t->block.len;
    if (w->len)
        memcpy(w->bytes, t->block.ptr, w->len);
    *t->last = w;
    t->last = &w->next;
    t->count++;
}

static void frame_done(struct h2_session *h, struct h2_told *t, struct frame_head head)
{
    vitro_bytes payload = vitro_buf_bytes(&t->payload), part;
    struct frame_view view;

    vitro_frame_view(&view, head, payload, 0);
    part = vitro_frame_bytes(&view, FRAME_FIELD_FRAGMENT, payload);
    t->broken |= !vitro_buf_append(&t->block, part.ptr, part.len);
    if (head.flags & FRAME_END_HEADERS)
        block_done(h, t);
}

static bool has_block(uint8_t type)
{
    return type == FRAME_HEADERS || type == FRAME_PUSH_PROMISE || type == FRAME_CONTINUATION;
}

static void piece(struct h2_session *h, struct h2_told *t, const struct frame_piece *p)
{
    if (!has_block(p->head.type))
        return;
    if (p->kind == FRAME_PIECE_HEAD) {
        vitro_buf_consume(&t->payload, t->payload.len);
        if (p->head.type != FRAME_CONTINUATION) {
            vitro_buf_consume(&t->block, t->block.len);
            t->stream = p->head.stream;
            t->at = p->at;
            t->open = true;
        }
    } else if (p->kind == FRAME_PIECE_PAYLOAD) {
        t->broken |= !vitro_buf_append(&t->payload, p->bytes.ptr, p->bytes.len);
    }
    if (p->end)
        frame_done(h, t, p->head);
}

void vitro_told_bytes(struct h2_session *h, struct h2_told *t, vitro_bytes bytes)
{
    while (bytes.len && !t->broken) {
        struct frame_piece p = vitro_frame_read(&t->frames, &bytes);
        if (p.kind == FRAME_PIECE_NONE)
            return;
        piece(h, t, &p);
    }
}

void vitro_told_skip(struct h2_told *t, size_t n)
{
    t->broken |= !vitro_frame_reader_idle(&t->frames);
    t->frames.at += n;
}
