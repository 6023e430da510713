#include "oom/world/failing.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "vitro/base.h"

struct failing failing;

static bool fails(const char *file, int line)
{
    size_t call = ++failing.calls;

    if (failing.counting && failing.choose && !failing.fail_at && failing.choose(call, file, line))
        failing.fail_at = call;
    if (!failing.fail_at || (failing.once ? call != failing.fail_at : call < failing.fail_at))
        return false;
    failing.failed = true;
    failing.file = file;
    failing.line = line;
    return true;
}

/* ---- the library's -------------------------------------------------------------------------- */

static void *our_alloc(size_t n, void *user)
{
    void *p = fails(NULL, 0) ? NULL : malloc(n);

    failing.ours += p != NULL;
    return p;
}

static void *our_resize(void *p, size_t old, size_t n, void *user)
{
    return fails(NULL, 0) ? NULL : realloc(p, n);
}

static void our_release(void *p, size_t n, void *user)
{
    failing.ours--;
    free(p);
}

/* ---- OpenSSL's: each block knows who asked for it ---------------------------------------------
 */

struct block {
    struct block *previous, *next;
    const char *file;
    int line;
    bool known; /* it was there when failing_know() was called */
};

static struct block first = { .previous = &first, .next = &first };

static void *enlist(struct block *b, const char *file, int line)
{
    if (!b)
        return NULL;
    *b = (struct block){ first.previous, &first, file, line, false };
    b->previous->next = b->next->previous = b;
    return b + 1;
}

static struct block *delist(void *p)
{
    struct block *b = (struct block *)p - 1;

    b->previous->next = b->next;
    b->next->previous = b->previous;
    return b;
}

/*
 * A library context is freed by means of a list that is made then (OpenSSL 3.0): where there is no
 * memory for the list, all of it is left, and what its providers hold.
 */
static bool is_needed_to_free(const char *file)
{
    return (!failing.once || failing.freeing) && strstr(file, "crypto/ex_data.c");
}

static void *openssl_alloc(size_t n, const char *file, int line)
{
    if (n == 0 || (!is_needed_to_free(file) && fails(file, line)))
        return NULL;
    return enlist(malloc(n + sizeof(struct block)), file, line);
}

static void openssl_release(void *p, const char *file, int line)
{
    if (p)
        free(delist(p));
}

static void *openssl_resize(void *p, size_t n, const char *file, int line)
{
    if (!p)
        return openssl_alloc(n, file, line);
    if (n == 0) {
        openssl_release(p, file, line);
        return NULL;
    }
    if (fails(file, line))
        return NULL;
    return enlist(realloc(delist(p), n + sizeof(struct block)), file, line);
}

/* ---- what is left of it -----------------------------------------------------------------------
 */

/* What OpenSSL keeps for the process, or loses by itself when it cannot load an algorithm. */
static const char *const openssl_keeps[] = {
    "crypto/err/",           "crypto/property/",         "crypto/core_",        "crypto/provider",
    "crypto/context.c",      "crypto/ex_data.c",         "crypto/lhash/",       "crypto/stack/",
    "crypto/sparse_array.c", "crypto/threads_pthread.c", "crypto/initthread.c",
};

static bool is_kept(const char *file)
{
    for (size_t i = 0; i < ARRAY_LEN(openssl_keeps); i++) {
        if (strstr(file, openssl_keeps[i]))
            return true;
    }
    return false;
}

void failing_know(void)
{
    for (struct block *b = first.next; b != &first; b = b->next)
        b->known = true;
}

size_t failing_left(FILE *out)
{
    size_t n = 0;

    for (struct block *b = first.next; b != &first; b = b->next) {
        if (b->known || is_kept(b->file))
            continue;
        fprintf(out, "    left: %s:%d\n", b->file, b->line);
        n++;
    }
    return n;
}

/* ---------------------------------------------------------------------------------------------- */

bool failing_install(void)
{
    vitro_allocator a = VITRO_ALLOCATOR_INIT;

    a.alloc = our_alloc;
    a.resize = our_resize;
    a.release = our_release;
    return vitro_allocator_set(&a) &&
           CRYPTO_set_mem_functions(openssl_alloc, openssl_resize, openssl_release);
}

void failing_begin(size_t nth, bool once)
{
    failing.calls = 0;
    failing.counting = true;
    failing.freeing = false;
    failing.once = once;
    failing.fail_at = nth;
    failing.failed = false;
    failing.file = NULL;
    failing.line = 0;
}

void failing_end(void)
{
    failing.fail_at = 0;
    failing.counting = false;
}
