/*
 * poller - how a loop learns what is ready. Two kinds: epoll, and the in-memory world of sim.
 */
#ifndef VITRO_IO_POLLER_H
#define VITRO_IO_POLLER_H

#include "io/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IO_READ = 1, IO_WRITE = 2 };

/* A descriptor that is watched. Embedded in its user, found again with CONTAINER_OF. */
struct source {
    int fd;
    unsigned events; /* IO_READ, IO_WRITE that are wanted; 0: it is not in the set */
    void (*ready)(struct source *s, unsigned events);
};

/* fd is kept; nothing is wanted yet. */
void vitro_source_init(struct source *s, int fd, void (*ready)(struct source *s, unsigned events));

/* Want other events; 0 takes it out, which comes before close. False when the kernel refuses. */
bool vitro_source_want(vitro_loop *loop, struct source *s, unsigned events);

#ifdef __cplusplus
}
#endif
#endif
