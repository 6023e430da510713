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
    p->open = NULL;
}

void vitro_pool_trim(struct pool *p)
{
    if (p->open) {
        chunk_drop(p, p->open);
        p->open = NULL;
    }
    vitro_freelist_trim(&p->chunks, 0);
    vitro_freelist_trim(&p->pieces, 0);
}

void vitro_pool_done(struct pool *p)
{
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
    else if (piece->release)
        piece->release(piece->origin, piece->origin_len, piece->user);
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
    struct piece *piece = piece_take(q->pool, p, n);

    if (!piece) {
        release(p, n, user);
        return false;
    }
    piece->release = release;
    piece->origin = p;
    piece->origin_len = n;
    piece->user = user;
    piece_link(q, piece);
    return true;
}

bool vitro_queue_lend(struct queue *q, const void *p, size_t n)
{
    struct piece *piece = piece_take(q->pool, p, n);

    if (!piece)
        return false;
    piece_link(q, piece);
    return true;
}

static bool is_lent(const struct piece *piece)
{
    return !piece->chunk && !piece->release;
}

bool vitro_queue_own(struct queue *q)
{
    struct queue owned;
    bool lent = false;

    for (const struct piece *i = q->head; i && !lent; i = i->next)
        lent = is_lent(i);
    if (!lent)
        return true;
    vitro_queue_init(&owned, q->pool);
    while (q->head) {
        struct piece *piece = q->head;

        if (is_lent(piece)) {
            if (!vitro_queue_append(&owned, piece->ptr, piece->len)) {
                vitro_queue_move(&owned, q);
                *q = owned;
                return false;
            }
            piece_drop_head(q);
        } else {
            q->head = piece->next;
            q->len -= piece->len;
            piece->next = NULL;
            piece_link(&owned, piece);
        }
    }
    *q = owned;
    return true;
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

/* Add the first n bytes of the head as a piece of their own. */
static bool move_part(struct queue *dst, const struct piece *head, size_t n)
{
    struct piece *part;

    if (!head->chunk) /* the origin's release belongs to the rest */
        return vitro_queue_append(dst, head->ptr, n);
    part = piece_take(dst->pool, head->ptr, n);
    if (!part)
        return false;
    part->chunk = head->chunk;
    part->chunk->refs++;
    piece_link(dst, part);
    return true;
}

bool vitro_queue_move_some(struct queue *dst, struct queue *src, size_t n)
{
    struct queue moved;
    struct piece *piece = src->head;
    size_t rest = n;

    assert(n <= src->len && dst->pool == src->pool);
    while (piece && rest >= piece->len) {
        rest -= piece->len;
        piece = piece->next;
    }
    vitro_queue_init(&moved, src->pool);
    if (rest && !move_part(&moved, piece, rest)) {
        vitro_queue_clear(&moved);
        return false;
    }
    while (src->head != piece) {
        struct piece *whole = src->head;
        src->head = whole->next;
        src->len -= whole->len;
        whole->next = NULL;
        piece_link(dst, whole);
    }
    if (!src->head)
        src->tail = NULL;
    if (rest)
        vitro_queue_consume(src, rest);
    vitro_queue_move(dst, &moved);
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
