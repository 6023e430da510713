/*
 * followed - who has the secrets reads along what two ends of TLS have said.
 */
#ifndef SUPPORT_FOLLOWED_H
#define SUPPORT_FOLLOWED_H

#include "base/buf.h"
#include "crypto/follow.h"

/* What is seen of a connection: both directions, the client's first. */
struct seen {
    struct secrets secrets;
    struct buf wire[2];
    struct buf data[2];        /* application data, opened */
    struct buf messages[2][2]; /* of the handshake: by side, those in plain records first */
    int early;                 /* records of 0-RTT data that did not open */
    int refused;               /* times that they were not taken */
    int updates[2];            /* of keys */
    struct follow follow;
};

void seen_begin(struct seen *s);
void seen_end(struct seen *s);
void seen_add(struct buf *b, const uint8_t *bytes, size_t len);

/* The record at `from`, whole. */
vitro_bytes seen_record(const struct buf *wire, size_t from);

/* Follow a record; what opens is asserted to open again by what was learnt of it. */
enum follow_result seen_follow_one(struct seen *s, unsigned side, vitro_bytes record);

/*
 * The records of a side from *from on; only: those of a handshake before any other. What comes of
 * each that is sealed is asserted to be `sealed`, 0-RTT data apart.
 */
void seen_follow_side(struct seen *s, unsigned side, size_t *from, bool only,
                      enum follow_result sealed);

/* All of both sides, from the beginning. */
void seen_follow(struct seen *s, enum follow_result sealed);

#endif
