/*
 * lesson_hand - calls without a library: each byte of the client is written here, so that it may
 * send what a library refuses to.
 *
 *      lesson_hand_open --> lesson_hand_call ... --> lesson_hand_close
 */
#ifndef LESSON_HAND_H
#define LESSON_HAND_H

#include "lesson.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A client by hand. Zero it first. */
typedef struct lesson_hand {
    lesson *l;
    struct vitro_hand *hand; /* private, as what follows */
    uint32_t stream;         /* of the last call */
    size_t looked;           /* bytes of what came: whole frames */
    bool greeted;            /* the server's SETTINGS have come */
    bool over;               /* the last call has its response, or will have none */
} lesson_hand;

/* One more header of a request. */
typedef struct lesson_header {
    const char *name, *value; /* name NULL: the end of a list */
} lesson_header;

/**
 * Connect to the lesson's server, and greet it: preface, SETTINGS, and the acknowledgement of its.
 *
 * @return VITRO_OK; why there is no connection.
 */
VITRO_CHECKED vitro_code lesson_hand_open(lesson_hand *h, lesson *l, vitro_error *err);

/**
 * Make a call: one HEADERS frame and one DATA frame, and wait for the end of the response.
 *
 * @param path     "/package.Service/Method".
 * @param headers  of the request, behind those that each has; lent.
 * @param body     what DATA carries, of 16 KiB at most; lent.
 * @return VITRO_OK, whatever the server answered; VITRO_INTERNAL when the request is too long;
 *         VITRO_UNAVAILABLE when the connection has ended.
 */
VITRO_CHECKED vitro_code lesson_hand_call(lesson_hand *h, const char *path,
                                          const lesson_header *headers, vitro_bytes body,
                                          vitro_error *err);

/** End the connection. Does nothing to one that was not opened. */
void lesson_hand_close(lesson_hand *h);

#ifdef __cplusplus
}
#endif
#endif
