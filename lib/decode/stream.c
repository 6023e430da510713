/*
 * stream - what the headers of a stream said about its two bodies.
 *
 * A stream is kept until both directions ended; of those that never end the oldest is given up
 * when there are STREAMS_MAX. Who resets a stream sends no more of it, but what the other side had
 * sent by then still comes (RFC 9113, 5.4.2): the last RESETS_MAX of such streams are kept, too.
 */
#include "decode/core.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "wire/content_type.h"

static bool buckets_grow(struct conn *c)
{
    uint32_t count = c->bucket_count ? c->bucket_count * 2 : 16;
    struct account *account = &c->decode->account;
    struct stream **buckets = vitro_mem_zalloc(account, count * sizeof(struct stream *));

    if (!buckets)
        return c->bucket_count > 0;
    for (struct list *l = c->streams.next; l != &c->streams; l = l->next) {
        struct stream *s = CONTAINER_OF(l, struct stream, link);
        s->next = buckets[(s->id >> 1) & (count - 1)];
        buckets[(s->id >> 1) & (count - 1)] = s;
    }
    vitro_mem_free(account, c->buckets, c->bucket_count * sizeof(struct stream *));
    c->buckets = buckets;
    c->bucket_count = count;
    return true;
}

static struct stream **slot_of(struct conn *c, uint32_t id)
{
    struct stream **slot = &c->buckets[(id >> 1) & (c->bucket_count - 1)];

    while (*slot && (*slot)->id != id)
        slot = &(*slot)->next;
    return slot;
}

static void stream_drop(struct conn *c, struct stream *s)
{
    *slot_of(c, s->id) = s->next;
    list_remove(&s->link);
    c->stream_count--;
    c->reset_count -= s->reset;
    for (int i = 0; i < 2; i++) {
        if (!c->decode->options.keep)
            vitro_rope_release(&c->decode->links, &s->body[i].rope, UINT64_MAX);
    }
    vitro_freelist_put(&c->decode->stream_list, s);
}

static void body_close(struct direction *d, struct stream *s)
{
    struct body *b = &s->body[d->dir];

    if (!b->ended)
        vitro_body_end(d, s);
    b->ended = true;
}

static void give_up(struct conn *c, struct stream *s)
{
    body_close(conn_http2(c, 0), s);
    body_close(conn_http2(c, 1), s);
    stream_drop(c, s);
}

static struct stream *stream_new(struct conn *c, uint32_t id)
{
    struct stream *s;

    if (c->stream_count == STREAMS_MAX)
        give_up(c, CONTAINER_OF(c->streams.next, struct stream, link));
    if (c->stream_count >= c->bucket_count && !buckets_grow(c))
        return NULL;
    s = vitro_freelist_take(&c->decode->stream_list);
    if (!s)
        return NULL;
    memset(s, 0, sizeof *s);
    s->id = id;
    vitro_rope_init(&s->body[0].rope);
    vitro_rope_init(&s->body[1].rope);
    s->body[0].cursor = s->body[1].cursor = ROPE_END;
    list_append(&c->streams, &s->link);
    s->next = NULL;
    *slot_of(c, id) = s;
    c->stream_count++;
    return s;
}

struct stream *vitro_seen_stream_get(struct conn *c, uint32_t id, bool create)
{
    struct stream *s = c->bucket_count ? *slot_of(c, id) : NULL;

    return s || !create ? s : stream_new(c, id);
}

/* What a block said of the call; text is empty where it said nothing. */
struct said {
    vitro_str path, type, encoding;
    bool type_unknown; /* it may be among the fields that nobody can name */
};

static struct said read_said(const struct block_list *fields)
{
    struct said said = { { "", 0 }, { "", 0 }, { "", 0 }, fields->partial };

    for (const struct block_field *f = fields->first; f; f = f->next) {
        if (f->wire.flags & (HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN))
            said.type_unknown = true;
        else if (vitro_str_eq(f->wire.name, vitro_str_of(":path")))
            said.path = f->wire.value;
        else if (vitro_str_eq(f->wire.name, vitro_str_of("content-type")))
            said.type = f->wire.value;
        else if (vitro_str_eq(f->wire.name, vitro_str_of("grpc-encoding")))
            said.encoding = f->wire.value;
        if (f->wire.repr == HPACK_REST)
            said.type_unknown = true;
    }
    return said;
}

void vitro_seen_stream_headers(struct direction *d, uint32_t id, const struct block_list *fields)
{
    struct stream *s = vitro_seen_stream_get(d->conn, id, true);
    struct said said = read_said(fields);
    struct names *names = &d->conn->decode->names;
    struct body *b;

    if (!s)
        return;
    b = &s->body[d->dir];
    if (said.path.len)
        s->path = vitro_names_add(names, said.path);
    if (said.encoding.len)
        b->encoding = vitro_names_add(names, said.encoding);
    b->headers = true;
    if (b->kind != BODY_OPEN)
        return; /* trailers, or headers after 1xx */
    if (said.type.len) {
        bool grpc = vitro_content_type_is_grpc(said.type, NULL);
        b->kind = grpc ? BODY_GRPC : BODY_OTHER;
        b->why = grpc ? 0 : WHY_NOT_GRPC;
    } else if (!said.type_unknown && b->rope.end == 0 && said.path.len) {
        b->kind = BODY_OTHER; /* a request whose type is known to be missing */
        b->why = WHY_NOT_GRPC;
    }
}

static void drop_if_over(struct conn *c, struct stream *s)
{
    if (s->body[0].ended && s->body[1].ended)
        stream_drop(c, s);
}

void vitro_seen_stream_end(struct direction *d, uint32_t id)
{
    struct stream *s = vitro_seen_stream_get(d->conn, id, false);

    if (!s)
        return;
    body_close(d, s);
    drop_if_over(d->conn, s);
}

/* The oldest that was reset. */
static void give_up_reset(struct conn *c)
{
    struct list *l = c->streams.next;

    while (!CONTAINER_OF(l, struct stream, link)->reset)
        l = l->next;
    give_up(c, CONTAINER_OF(l, struct stream, link));
}

void vitro_seen_stream_reset(struct direction *d, uint32_t id)
{
    struct stream *s = vitro_seen_stream_get(d->conn, id, false);

    if (!s)
        return;
    body_close(d, s);
    if (s->body[!d->dir].ended) {
        stream_drop(d->conn, s);
    } else if (!s->reset) {
        if (d->conn->reset_count == RESETS_MAX)
            give_up_reset(d->conn);
        s->reset = true;
        d->conn->reset_count++;
    }
}

void vitro_seen_streams_doubt(struct direction *d)
{
    for (struct list *l = d->conn->streams.next; l != &d->conn->streams; l = l->next)
        vitro_body_doubt(d, CONTAINER_OF(l, struct stream, link));
}

void vitro_seen_streams_finish(struct direction *d)
{
    struct list *next;

    for (struct list *l = d->conn->streams.next; l != &d->conn->streams; l = next) {
        struct stream *s = CONTAINER_OF(l, struct stream, link);
        next = l->next;
        body_close(d, s);
        drop_if_over(d->conn, s);
    }
}

void vitro_seen_streams_free(struct conn *c)
{
    while (!list_empty(&c->streams))
        stream_drop(c, CONTAINER_OF(c->streams.next, struct stream, link));
    vitro_mem_free(&c->decode->account, c->buckets, c->bucket_count * sizeof(struct stream *));
    c->buckets = NULL;
    c->bucket_count = 0;
}

uint64_t vitro_seen_streams_oldest(const struct direction *d)
{
    const struct links *links = &d->conn->decode->links;
    uint64_t oldest = UINT64_MAX;

    for (struct list *l = d->conn->streams.next; l != &d->conn->streams; l = l->next) {
        const struct stream *s = CONTAINER_OF(l, struct stream, link);
        const struct rope *r = &s->body[d->dir].rope;
        if (r->first != ROPE_END && s->body[d->dir].from < r->end)
            oldest = MIN(oldest, vitro_link_at(links, r->first)->at);
    }
    return oldest;
}
