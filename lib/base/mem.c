#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void *system_alloc(size_t n, void *user)
{
    (void)user;
    return malloc(n);
}

static void *system_resize(void *p, size_t old, size_t n, void *user)
{
    (void)old;
    (void)user;
    return realloc(p, n);
}

static void system_release(void *p, size_t n, void *user)
{
    (void)n;
    (void)user;
    free(p);
}

static const vitro_allocator system_allocator = { sizeof system_allocator, system_alloc,
                                                  system_resize, system_release, NULL };
static vitro_allocator active = { sizeof active, system_alloc, system_resize, system_release,
                                  NULL };

bool vitro_allocator_set(const vitro_allocator *allocator)
{
    vitro_allocator wanted = system_allocator;

    if (allocator && !vitro_options_import(&wanted, sizeof wanted, allocator))
        return false;
    if (!wanted.alloc || !wanted.resize || !wanted.release)
        return false;
    active = wanted;
    return true;
}

void vitro_account_init(struct account *a, struct account *parent, size_t budget)
{
    *a = (struct account){ .parent = parent, .budget = budget };
}

/* Add grow bytes to every account up to the root, or to none. */
static bool account_grow(struct account *a, size_t grow)
{
    for (struct account *i = a; i; i = i->parent) {
        size_t limit = i->budget ? i->budget : SIZE_MAX;
        if (grow > limit || i->used > limit - grow)
            return false;
    }
    for (struct account *i = a; i; i = i->parent)
        i->used += grow;
    return true;
}

static void account_shrink(struct account *a, size_t shrink)
{
    for (; a; a = a->parent) {
        assert(a->used >= shrink);
        a->used -= shrink;
    }
}

bool vitro_account_charge(struct account *a, size_t n)
{
    if (!account_grow(a, n))
        return false;
    for (; a; a = a->parent)
        a->live++;
    return true;
}

void vitro_account_refund(struct account *a, size_t n)
{
    account_shrink(a, n);
    for (; a; a = a->parent) {
        assert(a->live > 0);
        a->live--;
    }
}

void *vitro_mem_alloc(struct account *a, size_t n)
{
    void *p;

    if (!vitro_account_charge(a, n))
        return NULL;
    p = active.alloc(n ? n : 1, active.user);
    if (!p)
        vitro_account_refund(a, n);
    return p;
}

void *vitro_mem_zalloc(struct account *a, size_t n)
{
    void *p = vitro_mem_alloc(a, n);

    if (p)
        memset(p, 0, n);
    return p;
}

void *vitro_mem_resize(struct account *a, void *p, size_t old, size_t n)
{
    void *q;

    if (!p)
        return vitro_mem_alloc(a, n);
    if (n > old && !account_grow(a, n - old))
        return NULL;
    q = active.resize(p, old ? old : 1, n ? n : 1, active.user);
    if (!q) {
        if (n > old)
            account_shrink(a, n - old);
        return NULL;
    }
    if (n < old)
        account_shrink(a, old - n);
    return q;
}

void vitro_mem_free(struct account *a, void *p, size_t n)
{
    if (!p)
        return;
    active.release(p, n ? n : 1, active.user);
    vitro_account_refund(a, n);
}

/* A compiler leaves out what it sees to be read by nobody; whom this calls it cannot know. */
static void *(*volatile const fill)(void *, int, size_t) = memset;

void vitro_mem_wipe(void *p, size_t n)
{
    if (n)
        fill(p, 0, n);
}

char *vitro_mem_text(struct account *a, vitro_str text)
{
    char *p = vitro_mem_alloc(a, text.len + 1);

    if (!p)
        return NULL;
    if (text.len)
        memcpy(p, text.ptr, text.len);
    p[text.len] = '\0';
    return p;
}

/* The header keeps 8-byte alignment, which is all that nghttp2 and protobuf-c ask for. */
enum { FOREIGN_HEADER = 8 };

static void foreign_write(char *base, uint64_t n)
{
    memcpy(base, &n, sizeof n);
}

static size_t foreign_size(const char *base)
{
    uint64_t n;
    memcpy(&n, base, sizeof n);
    return (size_t)n;
}

void *vitro_mem_foreign_alloc(struct account *a, size_t n)
{
    char *base = n <= SIZE_MAX - FOREIGN_HEADER ? vitro_mem_alloc(a, n + FOREIGN_HEADER) : NULL;

    if (!base)
        return NULL;
    foreign_write(base, n + FOREIGN_HEADER);
    return base + FOREIGN_HEADER;
}

void *vitro_mem_foreign_resize(struct account *a, void *p, size_t n)
{
    char *base;

    if (!p)
        return vitro_mem_foreign_alloc(a, n);
    if (n > SIZE_MAX - FOREIGN_HEADER)
        return NULL;
    base = (char *)p - FOREIGN_HEADER;
    base = vitro_mem_resize(a, base, foreign_size(base), n + FOREIGN_HEADER);
    if (!base)
        return NULL;
    foreign_write(base, n + FOREIGN_HEADER);
    return base + FOREIGN_HEADER;
}

void vitro_mem_foreign_free(struct account *a, void *p)
{
    char *base = p ? (char *)p - FOREIGN_HEADER : NULL;

    if (base)
        vitro_mem_free(a, base, foreign_size(base));
}
