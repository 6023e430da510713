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
    const char *right; /* the token that opens */
    vitro_md *md;      /* what the client's calls carry */
};

/** Is the token in the metadata the right one? */
bool door_opens(const struct door *d, const vitro_md *md);

/** Register a handler for each kind of call, which says that it was run, and what it was given. */
vitro_code door_serve(vitro_server *server, void *door, vitro_error *err);

/** Let the client's calls carry one entry more, or say why they may not. */
void door_add(struct door *d, const char *key, const char *value);

/**
 * Call a method, and say what came of it: a call that fails is what the lesson is about.
 *
 * @param credentials  NULL: none.
 */
void door_call(struct door *d, vitro_channel *channel, const vitro_method *method,
               vitro_call_credentials *credentials);

/** Call each of the four methods with this token, which stays in the metadata; NULL: without. */
void door_knock(struct door *d, vitro_channel *channel, const char *token);

#ifdef __cplusplus
}
#endif
#endif
