#include "server/router.h"

#include <string.h>

enum { FIRST_CAP = 16 };

void vitro_router_init(struct router *r, struct account *account)
{
    *r = (struct router){ .account = account };
}

void vitro_router_done(struct router *r)
{
    vitro_mem_free(r->account, r->slots, r->cap * sizeof *r->slots);
    vitro_router_init(r, r->account);
}

/* FNV-1a: paths are short, and the routes are ours, not a peer's. */
static size_t hash(vitro_str path)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < path.len; i++)
        h = (h ^ (uint8_t)path.ptr[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* The slot that holds path, or the free one where it would stand. */
static struct route *slot(const struct router *r, vitro_str path)
{
    size_t i = hash(path) & (r->cap - 1);

    while (r->slots[i].path.len && !vitro_str_eq(r->slots[i].path, path))
        i = (i + 1) & (r->cap - 1);
    return &r->slots[i];
}

static bool grow(struct router *r)
{
    struct router bigger = { .account = r->account, .cap = r->cap ? r->cap * 2 : FIRST_CAP };

    bigger.slots = vitro_mem_zalloc(r->account, bigger.cap * sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < r->cap; i++) {
        if (r->slots[i].path.len)
            *slot(&bigger, r->slots[i].path) = r->slots[i];
    }
    bigger.count = r->count;
    vitro_router_done(r);
    *r = bigger;
    return true;
}

bool vitro_router_add(struct router *r, const struct route *route)
{
    struct route *at;

    if ((r->count + 1) * 2 > r->cap && !grow(r))
        return false;
    at = slot(r, route->path);
    if (!at->path.len)
        r->count++;
    *at = *route;
    return true;
}

const struct route *vitro_router_find(const struct router *r, vitro_str path)
{
    const struct route *at = r->cap && path.len ? slot(r, path) : NULL;

    return at && at->path.len ? at : NULL;
}

bool vitro_router_has_service(const struct router *r, vitro_str service)
{
    for (size_t i = 0; i < r->cap; i++) {
        vitro_str path = r->slots[i].path;

        if (path.len > service.len + 1 && path.ptr[service.len + 1] == '/' &&
            memcmp(path.ptr + 1, service.ptr, service.len) == 0)
            return true;
    }
    return false;
}
