/*
 * queue - bytes on their way between two layers, as a list of pieces.
 *
 *      queue: [piece]->[piece]->[piece]      a piece: a run of bytes and what keeps it alive
 *
 * Small writes of all queues share one open chunk of the pool; large ones are attached with a
 * release callback and never copied; bytes of the loop's read buffer are lent for the length of a
 * turn. A queue at rest owns no memory. Queues move pieces between each other without copying. All
 * queues of one pool belong to one loop.
 */
#ifndef VITRO_BASE_QUEUE_H
#define VITRO_BASE_QUEUE_H

#include "base/freelist.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CHUNK_BYTES = 16 * 1024 };

/* A chunk of shared bytes; freed to the pool when its last piece goes. */
struct chunk {
    size_t refs;
    size_t used; /* bytes handed out from the front */
    uint8_t data[CHUNK_BYTES];
};

typedef void vitro_release_fn(const void *ptr, size_t len, void *user);

/* Bytes of somebody else; released when the last piece of them goes. */
struct attachment {
    struct attachment *next; /* in pool->dropped */
    size_t refs;
    vitro_release_fn *release;
    const void *ptr;
    size_t len;
    void *user;
};

struct pool {
    struct freelist chunks;
    struct freelist pieces;
    struct freelist attachments;
    struct chunk *open; /* what small writes of all queues share; the pool holds one reference */
    struct attachment *dropped, *dropped_last; /* to be released, in this order */
    void (*defer)(struct pool *p);             /* asks for vitro_pool_release; NULL: at once */
};

/* A run of a chunk, of an attachment, or, with neither, of bytes that are lent. */
struct piece {
    struct piece *next;
    const uint8_t *ptr;
    size_t len;
    struct chunk *chunk;
    struct attachment *attachment;
    bool sealed; /* nothing is added to it, and vitro_queue_sealed_len stops here */
};

struct queue {
    struct piece *head, *tail;
    size_t len; /* bytes in all pieces */
    struct pool *pool;
};

void vitro_pool_init(struct pool *p, struct account *account);
void vitro_pool_release(struct pool *p); /* call the release of what was dropped */
void vitro_pool_done(struct pool *p);    /* all queues are empty by then */
void vitro_pool_trim(struct pool *p);    /* give free chunks and pieces back to the account */

void vitro_queue_init(struct queue *q, struct pool *pool);
void vitro_queue_clear(struct queue *q); /* releases everything; usable again */

/* Add a copy of n bytes; false when memory is out: what was added before stays. */
bool vitro_queue_append(struct queue *q, const void *p, size_t n);

/*
 * Room to write into at the end, min <= CHUNK_BYTES: *room says how much there is, at least
 * min. NULL when memory is out. Nothing is added until commit, which follows at once.
 */
uint8_t *vitro_queue_reserve(struct queue *q, size_t min, size_t *room);
void vitro_queue_commit(struct queue *q, size_t n);

/* Add n bytes without copying. release is called once the last has left, and on failure too. */
bool vitro_queue_attach(struct queue *q, const void *p, size_t n, vitro_release_fn *release,
                        void *user);

/* Add n bytes that the caller keeps valid until vitro_queue_own or until they are consumed. */
bool vitro_queue_lend(struct queue *q, const void *p, size_t n);

/*
 * Copy what is still lent, so that the lender may reuse its memory. False when memory is out: the
 * bytes are all there, but some are still lent, so the queue is of no use but to be cleared.
 */
bool vitro_queue_own(struct queue *q);

/* Mark the end of what was added: bytes added later do not merge with it. */
void vitro_queue_seal(struct queue *q);

/* Bytes from the front up to the first seal, at most max. */
size_t vitro_queue_sealed_len(const struct queue *q, size_t max);

/* The first piece, empty when the queue is. Valid until the queue is changed. */
vitro_bytes vitro_queue_peek(const struct queue *q);

/* Copy n bytes from offset at on, at + n <= len. */
void vitro_queue_copy(const struct queue *q, size_t at, void *to, size_t n);

/* Drop what lies behind the first n bytes, n <= len: undo an addition that failed half-way. */
void vitro_queue_truncate(struct queue *q, size_t n);

/* Drop the first n bytes, n <= len. */
void vitro_queue_consume(struct queue *q, size_t n);

/* Move everything behind what dst holds. The two share a pool. */
void vitro_queue_move(struct queue *dst, struct queue *src);

/*
 * Move the first n bytes, n <= src->len, copying none: a piece that is cut is shared. False when
 * memory is out, nothing has moved then.
 */
bool vitro_queue_move_some(struct queue *dst, struct queue *src, size_t n);

/*
 * Add the first n bytes of src, n <= src->len, which keeps them. Both share the chunks; what is
 * somebody else's is copied, for its release is waited for. False, and nothing is added, when
 * memory is out.
 */
bool vitro_queue_share(struct queue *dst, const struct queue *src, size_t n);

/* View up to max pieces from the front, for writev and the tap; returns how many. */
size_t vitro_queue_view(const struct queue *q, vitro_bytes *out, size_t max);

#ifdef __cplusplus
}
#endif
#endif
