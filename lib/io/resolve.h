/*
 * resolve - from a target to the addresses to try, in order.
 *
 * Numbers are answered without a look-up, under sim a table answers, and everything else is
 * getaddrinfo on a thread that the loop begins for it and that ends with the last look-up.
 */
#ifndef VITRO_IO_RESOLVE_H
#define VITRO_IO_RESOLVE_H

#include "io/loop.h"
#include "io/target.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lookup;

/* Embedded in its user, found again with CONTAINER_OF. */
struct resolve {
    /*
     * Exactly once, in a later turn, unless cancelled. list is lent until return; count is 0 on
     * failure, with why: UNAVAILABLE "resolve: no-such.invalid:443 <- dns: Name or service not
     * known (-2)". The struct is out of use by then.
     */
    void (*done)(struct resolve *r, const struct address *list, size_t count,
                 const vitro_error *err);
    vitro_loop *loop;
    struct task answer;
    struct address *list; /* TARGET_ADDRESSES of them */
    size_t count;
    vitro_error error;
    struct lookup *lookup; /* what the thread works on */
};

/* Begin. target is only read here. */
void vitro_resolve_start(struct resolve *r, vitro_loop *loop, const struct target *target,
                         void (*done)(struct resolve *r, const struct address *list, size_t count,
                                      const vitro_error *err));

/* Give up: done is not called. Does nothing to a zeroed or finished one. */
void vitro_resolve_cancel(struct resolve *r);

#ifdef __cplusplus
}
#endif
#endif
