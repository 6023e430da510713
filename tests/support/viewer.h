/*
 * viewer - those who look at a trace by a UNIX socket in a temporary folder: they attach to a
 * program (`listen:`), or programs connect to them (`unix:`). One at a time.
 */
#ifndef SUPPORT_VIEWER_H
#define SUPPORT_VIEWER_H

#include <stdbool.h>
#include <sys/un.h>

#include "support/walk.h"

enum { VIEWER_FOLDER = 64, VIEWER_PATH = 100, VIEWER_SINK = 128 };

/* The folder, the socket in it, and the sink that names it. */
extern char viewer_folder[VIEWER_FOLDER], viewer_path[VIEWER_PATH], viewer_sink[VIEWER_SINK];

/* Make the folder, for sinks of a kind: "unix:". At the end the socket's file must be gone. */
void viewer_begin(const char *kind);
void viewer_end(void);

struct sockaddr_un viewer_address(void);

/* A descriptor at the program that listens; one at which programs connect. */
int viewer_attach(void);
int viewer_listen(void);

/* What has come, whole blocks as far as the walk can tell; fd is closed. */
void viewer_walk(struct walk *w, int fd, bool to_the_end);

/* Some note says that. */
void viewer_expect(const struct walk *w, const char *message);

#endif
