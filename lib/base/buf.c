#include "base/buf.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

enum { FIRST_SIZE = 64 };

void vitro_buf_init(struct buf *b, struct account *account, size_t max)
{
    *b = (struct buf){ .account = account, .max = max };
}

void vitro_buf_done(struct buf *b)
{
    vitro_mem_free(b->account, b->ptr, b->cap);
    vitro_buf_init(b, b->account, b->max);
}

uint8_t *vitro_buf_reserve(struct buf *b, size_t n)
{
    size_t need, cap;
    uint8_t *p;

    if (n > b->max || b->len > b->max - n)
        return NULL;
    need = b->len + n;
    if (need > b->cap || !b->ptr) {
        cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
        cap = MIN(MAX(cap, FIRST_SIZE), MAX(b->max, 1));
        cap = MAX(cap, need);
        p = vitro_mem_resize(b->account, b->ptr, b->cap, cap);
        if (!p)
            return NULL;
        b->ptr = p;
        b->cap = cap;
    }
    return b->ptr + b->len;
}

bool vitro_buf_append(struct buf *b, const void *p, size_t n)
{
    uint8_t *room = vitro_buf_reserve(b, n);

    if (!room)
        return false;
    if (n)
        memcpy(room, p, n);
    b->len += n;
    return true;
}

void vitro_buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
}
