/*
 * failing - memory that runs out when it is told to.
 *
 * The allocator of the library (nghttp2, protobuf-c and zlib draw from it, too) and that of
 * OpenSSL, in one count.
 */
#ifndef OOM_FAILING_H
#define OOM_FAILING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct failing {
    bool counting;
    size_t calls;     /* allocations and growths since the count began */
    size_t fail_at;   /* this call fails, counted from 1; 0: none */
    bool once;        /* and those after it do not */
    bool freeing;     /* what was made is being freed meanwhile */
    bool failed;      /* it did */
    size_t ours;      /* blocks of the library that live */
    const char *file; /* whose allocation failed last, when it was one of OpenSSL; NULL: ours */
    int line;
    /* Asked at each call while none is to fail: true, this one. NULL: nobody is. */
    bool (*choose)(size_t call, const char *file, int line);
};

extern struct failing failing;

/* Before anything has used OpenSSL: false when something has. */
bool failing_install(void);

/* From now on the nth call fails; 0: none. */
void failing_begin(size_t nth, bool once);

/* No more. */
void failing_end(void);

/*
 * The blocks that OpenSSL holds now are its own. Those since then that somebody should have given
 * back, told a line each: how many.
 */
void failing_know(void);
size_t failing_left(FILE *out);

#endif
