/*
 * room - the memory of one unpacked message: blocks that are filled from both ends.
 *
 *      [block | owner | message, arrays, sub-messages ->      free      <- strings, bytes]
 *
 * What must be aligned grows from the front, text from the back, so that no byte is lost
 * between them. The owner stands right in front of the outermost struct and leads back to the
 * blocks; its unknown_fields point right behind the struct. Together the two tell a message
 * made here from any other without reading memory that may not be there.
 */
#ifndef VITRO_PB_ROOM_H
#define VITRO_PB_ROOM_H

#include <protobuf-c/protobuf-c.h>

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

struct room_block {
    struct room_block *older;
    size_t size; /* this struct included */
};

struct room {
    uint8_t *front, *back; /* what lies between is free */
    struct room_block *blocks;
    size_t next;    /* size of the next block */
    size_t left;    /* bytes that blocks may still take */
    bool exhausted; /* a block was refused */
    ProtobufCAllocator *allocator;
    struct account *account;
};

enum { ROOM_ALIGN = 8 };

/* Kept until the message is released: allocator, account; each may be NULL. */
void vitro_room_init(struct room *r, size_t first, size_t budget, ProtobufCAllocator *allocator,
                     struct account *account);
void vitro_room_done(struct room *r);

/* A new block with at least n free bytes; false over the budget. */
bool vitro_room_grow(struct room *r, size_t n);

/*
 * Make m, whose struct was taken by vitro_room_root, the outermost message: its owner takes
 * over the blocks. With unknown fields the struct moves in front of them. NULL: no memory.
 */
ProtobufCMessage *vitro_room_root(struct room *r, size_t size);
ProtobufCMessage *vitro_room_seal(struct room *r, ProtobufCMessage *m);

/* The inverse: release all blocks of a sealed message; false when m is none. */
bool vitro_room_release(ProtobufCMessage *m);

static inline size_t room_round(size_t n)
{
    return (n + ROOM_ALIGN - 1) & ~(size_t)(ROOM_ALIGN - 1);
}

/* n bytes for a struct or an array; not zeroed. */
static inline void *room_take(struct room *r, size_t n)
{
    void *p;

    n = room_round(n);
    if (n > (size_t)(r->back - r->front) && !vitro_room_grow(r, n))
        return NULL;
    p = r->front;
    r->front += n;
    return p;
}

/* n bytes for text. */
static inline uint8_t *room_take_text(struct room *r, size_t n)
{
    if (n > (size_t)(r->back - r->front) && !vitro_room_grow(r, n))
        return NULL;
    r->back -= n;
    return r->back;
}

#ifdef __cplusplus
}
#endif
#endif
