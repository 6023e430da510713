/*
 * door - the service of the chat behind a token, with all four kinds of call: what is checked, and
 * where, is what the lesson is about; what the calls carry is not. Their messages are empty.
 */
#ifndef DOOR_H
#define DOOR_H

#include "../lesson_stage.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What both sides share. */
struct door {
    lesson *l;
    bool helper;       /* handlers with one response call the introduction's helper */
    bool replies;      /* responses carry metadata, too */
    const char *right; /* the token that opens */
    vitro_md *md;      /* what the client's calls carry */
    int handled;       /* handlers that were run */
};

/** Is the token in the metadata the right one? */
bool door_opens(const struct door *d, const vitro_md *md);

/** Register a handler for each kind of call, which says that it was run, and what it was given. */
vitro_code door_serve(vitro_server *server, void *door, vitro_error *err);

/** Say each entry, as text or as the bytes of one that is binary. what: "metadata"; md NULL: none.
 */
void door_say(const struct door *d, const char *what, const vitro_md *md);

#ifdef __cplusplus
}
#endif
#endif
