#include "pb/room.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

struct owner {
    uint64_t magic;
    struct room_block *blocks;
    ProtobufCAllocator *allocator;
    struct account *account;
};

enum { SMALLEST = 128, LARGEST_STEP = 64 * 1024 };

static const uint64_t owner_magic = UINT64_C(0x766974726f2e7062); /* "vitro.pb" */

void vitro_room_init(struct room *r, size_t first, size_t budget, ProtobufCAllocator *allocator,
                     struct account *account)
{
    *r = (struct room){ .next = MAX(first, (size_t)SMALLEST),
                        .left = budget,
                        .allocator = allocator,
                        .account = account };
}

static struct room_block *block_new(struct room *r, size_t size)
{
    if (size > r->left)
        return NULL;
    if (!r->allocator)
        return vitro_mem_alloc(r->account, size);
    if (!vitro_account_charge(r->account, size))
        return NULL;
    struct room_block *block = r->allocator->alloc(r->allocator->allocator_data, size);
    if (!block)
        vitro_account_refund(r->account, size);
    return block;
}

static void blocks_free(struct room_block *block, ProtobufCAllocator *allocator,
                        struct account *account)
{
    while (block) {
        struct room_block *older = block->older;
        size_t size = block->size;

        if (!allocator) {
            vitro_mem_free(account, block, size);
        } else {
            allocator->free(allocator->allocator_data, block);
            vitro_account_refund(account, size);
        }
        block = older;
    }
}

bool vitro_room_grow(struct room *r, size_t n)
{
    struct room_block *block = NULL;
    size_t least = room_round(n + sizeof *block);
    size_t size = room_round(MIN(MAX(least, r->next), MAX(least, r->left)));

    if (n < SIZE_MAX / 2)
        block = block_new(r, size);
    if (!block) {
        r->exhausted = true;
        return false;
    }
    *block = (struct room_block){ r->blocks, size };
    r->blocks = block;
    r->left -= size;
    r->front = (uint8_t *)(block + 1);
    r->back = (uint8_t *)block + size;
    r->next = MIN(MAX(r->next, size) * 2, (size_t)LARGEST_STEP);
    return true;
}

void vitro_room_done(struct room *r)
{
    blocks_free(r->blocks, r->allocator, r->account);
    r->blocks = NULL;
}

ProtobufCMessage *vitro_room_root(struct room *r, size_t size)
{
    struct owner *owner = room_take(r, sizeof *owner + size);

    return owner ? (ProtobufCMessage *)(void *)(owner + 1) : NULL;
}

/* Where the unknown fields of a sealed message stand. */
static ProtobufCMessageUnknownField *behind(const ProtobufCMessage *m)
{
    const uint8_t *end = (const uint8_t *)m + room_round(m->descriptor->sizeof_message);

    return (ProtobufCMessageUnknownField *)(uintptr_t)end;
}

/* The struct and its unknown fields as neighbours: nothing points at the outermost struct. */
static ProtobufCMessage *move_to_unknown(struct room *r, const ProtobufCMessage *m)
{
    size_t size = room_round(m->descriptor->sizeof_message);
    size_t unknown = m->n_unknown_fields * sizeof *m->unknown_fields;
    ProtobufCMessage *moved = vitro_room_root(r, size + unknown);

    if (!moved)
        return NULL;
    memcpy(moved, m, m->descriptor->sizeof_message);
    memcpy(behind(moved), m->unknown_fields, unknown);
    return moved;
}

ProtobufCMessage *vitro_room_seal(struct room *r, ProtobufCMessage *m)
{
    struct owner *owner;

    if (m->n_unknown_fields)
        m = move_to_unknown(r, m);
    if (!m)
        return NULL;
    m->unknown_fields = behind(m);
    owner = (struct owner *)(void *)m - 1;
    *owner = (struct owner){ owner_magic, r->blocks, r->allocator, r->account };
    r->blocks = NULL;
    return m;
}

bool vitro_room_release(ProtobufCMessage *m)
{
    struct owner *owner;

    if (m->unknown_fields != behind(m))
        return false;
    owner = (struct owner *)(void *)m - 1;
    if (owner->magic != owner_magic)
        return false;
    owner->magic = 0;
    blocks_free(owner->blocks, owner->allocator, owner->account);
    return true;
}
