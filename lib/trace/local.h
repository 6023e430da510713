/*
 * local - UNIX sockets by their path, for one user alone: a trace has secrets in it.
 *
 * A socket that listens here is made with mode 0600, and who connects to it, or is connected to,
 * must be this process's user or root. Functions that give a descriptor give -1 and errno
 * instead: ENAMETOOLONG for a path that no socket can have, ENOTSOCK when a file that is no
 * socket is in the way, EADDRINUSE when somebody listens already, EPERM for another user's.
 */
#ifndef VITRO_TRACE_LOCAL_H
#define VITRO_TRACE_LOCAL_H

#include <sys/types.h>

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which file a socket has made, so that nothing else is removed in its place. */
struct local_file {
    dev_t device;
    ino_t number;
};

/* Connect to who listens at path. Never waits. */
int vitro_local_connect(const char *path);

/* Listen at path; the file of a program that is gone is replaced. */
int vitro_local_listen(const char *path, struct local_file *file);

/* Take one who has connected; EAGAIN when there is none. */
int vitro_local_accept(int fd);

/* Remove the file at path when it still is this one. */
void vitro_local_remove(const char *path, const struct local_file *file);

/* True when path is a socket on which nobody listens any more. */
bool vitro_local_stale(const char *path);

#ifdef __cplusplus
}
#endif
#endif
