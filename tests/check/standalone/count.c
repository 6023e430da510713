/*
 * count - linked into a program, it counts the library's memory from the outside: what is not given
 * back by the end of the program makes that end with status 97.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <vitro.h>

static atomic_llong blocks, bytes, made;

static void *count_alloc(size_t n, void *user)
{
    void *p = malloc(n);

    (void)user;
    if (p) {
        atomic_fetch_add(&blocks, 1);
        atomic_fetch_add(&made, 1);
        atomic_fetch_add(&bytes, (long long)n);
    }
    return p;
}

static void *count_resize(void *old, size_t old_n, size_t n, void *user)
{
    void *p = realloc(old, n);

    (void)user;
    if (p)
        atomic_fetch_add(&bytes, (long long)n - (long long)old_n);
    return p;
}

static void count_release(void *p, size_t n, void *user)
{
    (void)user;
    atomic_fetch_sub(&blocks, 1);
    atomic_fetch_sub(&bytes, (long long)n);
    free(p);
}

static void judge(void)
{
    if (made > 0 && blocks == 0 && bytes == 0)
        return;
    fprintf(stderr, "count: %lld allocations, of which %lld (%lld bytes) were not given back\n",
            (long long)made, (long long)blocks, (long long)bytes);
    _exit(97);
}

__attribute__((constructor)) static void begin(void)
{
    vitro_allocator a = VITRO_ALLOCATOR_INIT;

    a.alloc = count_alloc;
    a.resize = count_resize;
    a.release = count_release;
    if (!vitro_allocator_set(&a) || atexit(judge) != 0)
        abort();
}
