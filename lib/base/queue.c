#include "base/queue.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

static void chunk_drop(struct pool *p, struct chunk *c)
{
    assert(c->refs > 0);
    if (--c->refs == 0)
        vitro_freelist_put(&p->chunks, c);
}

void vitro_pool_init(struct pool *p, struct account *account)
{
    vitro_freelist_init(&p->chunks, account, sizeof(struct chunk));
    vitro_freelist_init(&p->pieces, account, sizeof(struct piece));
    vitro_freelist_init(&p->attachments, account, sizeof(struct attachment));
    p->open = NULL;
    p->dropped = p->dropped_last = NULL;
    p->defer = NULL;
}

/* Releases are the application's code: they may queue, drop and free. */
void vitro_pool_release(struct pool *p)
{
    while (p->dropped) {
        struct attachment *a = p->dropped;

        p->dropped = a->next;
        if (!p->dropped)
            p->dropped_last = NULL;
        a->release(a->ptr, a->len, a->user);
        vitro_freelist_put(&p->attachments, a);
    }
}

void vitro_pool_trim(struct pool *p)
{
    if (p->open) {
        chunk_drop(p, p->open);
        p->open = NULL;
    }
    vitro_freelist_trim(&p->chunks, 0);
    vitro_freelist_trim(&p->pieces, 0);
    vitro_freelist_trim(&p->attachments, 0);
}

void vitro_pool_done(struct pool *p)
{
    vitro_pool_release(p);
    vitro_pool_trim(p);
}

/* The open chunk, with at least min bytes of room; NULL when memory is out. */
static struct chunk *chunk_open(struct pool *p, size_t min)
{
    struct chunk *c = p->open;

    if (c && c->refs == 1)
        c->used = 0; /* nobody reads it any more: begin again */
    if (c && CHUNK_BYTES - c->used >= min)
        return c;
    c = vitro_freelist_take(&p->chunks);
    if (!c)
        return NULL;
    if (p->open)
        chunk_drop(p, p->open);
    c->refs = 1;
    c->used = 0;
    p->open = c;
    return c;
}

/* One piece of it goes. A queue is being changed: the release waits, where it can. */
static void attachment_drop(struct pool *p, struct attachment *a)
{
    assert(a->refs > 0);
    if (--a->refs)
        return;
    a->next = NULL;
    if (p->dropped_last)
        p->dropped_last->next = a;
    else
        p->dropped = a;
    p->dropped_last = a;
    if (!p->defer)
        vitro_pool_release(p);
    else if (p->dropped == a)
        p->defer(p);
}

void vitro_queue_init(struct queue *q, struct pool *pool)
{
    *q = (struct queue){ .pool = pool };
}

static struct piece *piece_take(struct pool *pool, const void *p, size_t n)
{
    struct piece *piece = vitro_freelist_take(&pool->pieces);

    if (piece)
        *piece = (struct piece){ .ptr = p, .len = n };
    return piece;
}

static void piece_link(struct queue *q, struct piece *piece)
{
    if (q->tail)
        q->tail->next = piece;
    else
        q->head = piece;
    q->tail = piece;
    q->len += piece->len;
}

/* The head leaves the queue; its bytes are released. */
static void piece_drop_head(struct queue *q)
{
    struct piece *piece = q->head;

    q->head = piece->next;
    if (!q->head)
        q->tail = NULL;
    q->len -= piece->len;
    if (piece->chunk)
        chunk_drop(q->pool, piece->chunk);
    if (piece->attachment)
        attachment_drop(q->pool, piece->attachment);
    vitro_freelist_put(&q->pool->pieces, piece);
}

void vitro_queue_clear(struct queue *q)
{
    while (q->head)
        piece_drop_head(q);
}

/* True when the tail ends where its chunk's free room begins: it can simply grow. */
static bool tail_can_grow(const struct queue *q)
{
    const struct piece *t = q->tail;

    return t && t->chunk && !t->sealed && t->ptr + t->len == t->chunk->data + t->chunk->used;
}

uint8_t *vitro_queue_reserve(struct queue *q, size_t min, size_t *room)
{
    assert(min <= CHUNK_BYTES);
    if (!tail_can_grow(q) || CHUNK_BYTES - q->tail->chunk->used < min) {
        struct chunk *c = chunk_open(q->pool, min);
        struct piece *piece = c ? piece_take(q->pool, c->data + c->used, 0) : NULL;

        if (!piece)
            return NULL;
        piece->chunk = c;
        c->refs++;
        piece_link(q, piece);
    }
    *room = CHUNK_BYTES - q->tail->chunk->used;
    return q->tail->chunk->data + q->tail->chunk->used;
}

void vitro_queue_commit(struct queue *q, size_t n)
{
    assert(tail_can_grow(q) && n <= CHUNK_BYTES - q->tail->chunk->used);
    q->tail->chunk->used += n;
    q->tail->len += n;
    q->len += n;
    if (q->len == 0)
        vitro_queue_clear(q); /* a queue at rest owns no memory */
}

bool vitro_queue_append(struct queue *q, const void *p, size_t n)
{
    const uint8_t *from = p;

    while (n) {
        size_t room;
        uint8_t *to = vitro_queue_reserve(q, 1, &room);

        if (!to)
            return false;
        room = MIN(room, n);
        memcpy(to, from, room);
        vitro_queue_commit(q, room);
        from += room;
        n -= room;
    }
    return true;
}

bool vitro_queue_attach(struct queue *q, const void *p, size_t n, vitro_release_fn *release,
                        void *user)
{
    struct attachment *a = n ? vitro_freelist_take(&q->pool->attachments) : NULL;
    struct piece *piece = a ? piece_take(q->pool, p, n) : NULL;

    if (!piece) {
        vitro_freelist_put(&q->pool->attachments, a);
        release(p, n, user);
        return n == 0;
    }
    *a = (struct attachment){ NULL, 1, release, p, n, user };
    piece->attachment = a;
    piece_link(q, piece);
    return true;
}

bool vitro_queue_lend(struct queue *q, const void *p, size_t n)
{
    struct piece *piece = n ? piece_take(q->pool, p, n) : NULL;

    if (!piece)
        return n == 0;
    piece_link(q, piece);
    return true;
}

static bool is_lent(const struct piece *piece)
{
    return !piece->chunk && !piece->attachment;
}

/* The head without its bytes being released: the caller has linked or copied it. */
static struct piece *unlink_head(struct queue *q)
{
    struct piece *piece = q->head;

    q->head = piece->next;
    if (!q->head)
        q->tail = NULL;
    q->len -= piece->len;
    piece->next = NULL;
    return piece;
}

/* Copy the lent head behind owned; what was copied leaves the head, also when memory ends. */
static bool own_head(struct queue *owned, struct queue *q)
{
    struct piece *piece = q->head;

    while (piece->len) {
        size_t room;
        uint8_t *to = vitro_queue_reserve(owned, 1, &room);

        if (!to)
            return false;
        room = MIN(room, piece->len);
        memcpy(to, piece->ptr, room);
        vitro_queue_commit(owned, room);
        piece->ptr += room;
        piece->len -= room;
        q->len -= room;
    }
    assert(owned->tail); /* nothing empty is ever lent */
    owned->tail->sealed = piece->sealed;
    piece_drop_head(q);
    return true;
}

bool vitro_queue_own(struct queue *q)
{
    struct queue owned;
    bool lent = false, done = true;

    for (const struct piece *i = q->head; i && !lent; i = i->next)
        lent = is_lent(i);
    if (!lent)
        return true;
    vitro_queue_init(&owned, q->pool);
    while (q->head && done) {
        if (is_lent(q->head))
            done = own_head(&owned, q);
        else
            piece_link(&owned, unlink_head(q));
    }
    vitro_queue_move(&owned, q);
    *q = owned;
    return done;
}

void vitro_queue_seal(struct queue *q)
{
    if (q->tail)
        q->tail->sealed = true;
}

size_t vitro_queue_sealed_len(const struct queue *q, size_t max)
{
    size_t n = 0;

    for (const struct piece *i = q->head; i && n < max; i = i->next) {
        n += i->len;
        if (i->sealed && n)
            break;
    }
    return MIN(n, max);
}

vitro_bytes vitro_queue_peek(const struct queue *q)
{
    for (const struct piece *i = q->head; i; i = i->next) {
        if (i->len)
            return (vitro_bytes){ i->ptr, i->len };
    }
    return (vitro_bytes){ NULL, 0 };
}

void vitro_queue_consume(struct queue *q, size_t n)
{
    assert(n <= q->len);
    while (q->head && n >= q->head->len) {
        n -= q->head->len;
        piece_drop_head(q);
    }
    if (n) {
        q->head->ptr += n;
        q->head->len -= n;
        q->len -= n;
    }
}

void vitro_queue_copy(const struct queue *q, size_t at, void *to, size_t n)
{
    const struct piece *p = q->head;
    uint8_t *out = to;

    for (; n; p = p->next) {
        size_t k = at < p->len ? MIN(p->len - at, n) : 0;
        if (k)
            memcpy(out, p->ptr + at, k);
        at -= MIN(at, p->len);
        out += k;
        n -= k;
    }
}

void vitro_queue_truncate(struct queue *q, size_t n)
{
    struct queue rest;
    struct piece *last = q->head;

    assert(n <= q->len);
    if (n == 0 || !last) {
        vitro_queue_clear(q);
        return;
    }
    for (size_t before = 0; before + last->len < n; last = last->next)
        before += last->len;
    vitro_queue_init(&rest, q->pool);
    rest.head = last->next;
    rest.tail = last->next ? q->tail : NULL;
    last->next = NULL;
    q->tail = last;
    rest.len = 0;
    for (const struct piece *i = rest.head; i; i = i->next)
        rest.len += i->len;
    if (q->len - rest.len > n) {
        last->len -= q->len - rest.len - n;
        last->sealed = false; /* its end is gone */
    }
    q->len = n;
    vitro_queue_clear(&rest);
}

void vitro_queue_move(struct queue *dst, struct queue *src)
{
    assert(dst->pool == src->pool);
    if (!src->head)
        return;
    if (dst->tail)
        dst->tail->next = src->head;
    else
        dst->head = src->head;
    dst->tail = src->tail;
    dst->len += src->len;
    vitro_queue_init(src, src->pool);
}

/* The first n bytes of a piece as a piece of their own; NULL when memory is out. */
static struct piece *piece_part(struct pool *pool, const struct piece *whole, size_t n)
{
    struct piece *part;

    assert(whole);
    part = piece_take(pool, whole->ptr, n);
    if (!part)
        return NULL;
    part->chunk = whole->chunk;
    part->attachment = whole->attachment;
    if (part->chunk)
        part->chunk->refs++;
    if (part->attachment)
        part->attachment->refs++;
    return part;
}

bool vitro_queue_move_some(struct queue *dst, struct queue *src, size_t n)
{
    struct piece *cut = src->head, *part = NULL;
    size_t rest = n;

    assert(n <= src->len && dst->pool == src->pool && dst != src);
    while (cut && rest >= cut->len) {
        rest -= cut->len;
        cut = cut->next;
    }
    if (rest) {
        part = piece_part(src->pool, cut, rest);
        if (!part)
            return false;
    }
    while (src->head != cut)
        piece_link(dst, unlink_head(src));
    if (part) {
        piece_link(dst, part);
        vitro_queue_consume(src, rest);
    }
    return true;
}

static bool share_piece(struct queue *dst, const struct piece *piece, size_t n)
{
    struct piece *part;

    if (!piece->chunk)
        return vitro_queue_append(dst, piece->ptr, n);
    part = piece_part(dst->pool, piece, n);
    if (part)
        piece_link(dst, part);
    return part != NULL;
}

bool vitro_queue_share(struct queue *dst, const struct queue *src, size_t n)
{
    const size_t before = dst->len;

    assert(n <= src->len && dst->pool == src->pool && dst != src);
    for (const struct piece *i = src->head; n; i = i->next) {
        size_t k = MIN(n, i->len);

        if (!share_piece(dst, i, k)) {
            vitro_queue_truncate(dst, before);
            return false;
        }
        if (i->sealed && k == i->len)
            vitro_queue_seal(dst);
        n -= k;
    }
    return true;
}

size_t vitro_queue_view(const struct queue *q, vitro_bytes *out, size_t max)
{
    size_t n = 0;

    for (const struct piece *i = q->head; i && n < max; i = i->next) {
        if (i->len)
            out[n++] = (vitro_bytes){ i->ptr, i->len };
    }
    return n;
}
