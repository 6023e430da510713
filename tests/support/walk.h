/*
 * walk - a pcapng file of packets and notes read back, by other code than the library's.
 *
 * It accepts what the tap is allowed to write and nothing else: one section, little-endian, RAW
 * links, nanoseconds, plain TCP. Anything else, a wrong checksum too, sets `why`.
 */
#ifndef TESTS_SUPPORT_WALK_H
#define TESTS_SUPPORT_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum walked_type { WALKED_INTERFACE = 1, WALKED_PACKET = 6, WALKED_NOTE = 9, WALKED_SECRETS = 10 };

struct walked {
    enum walked_type type;
    uint32_t interface_id;
    uint64_t ns;
    /* a packet */
    int family; /* 4 or 6 */
    const uint8_t *from, *to;
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    uint8_t flags;
    /* a packet's payload, a note's entry, the secrets */
    const uint8_t *data;
    size_t len;
};

struct walk {
    uint8_t *file;
    size_t size;
    struct walked *item;
    size_t n;
    size_t interfaces;
    char name[64][16]; /* of the first interfaces */
    char why[200];     /* "": the file is good */
};

/* Read everything; the text of why says what is wrong. */
void walk_bytes(struct walk *w, uint8_t *file, size_t size); /* takes file, from malloc */
void walk_fd(struct walk *w, int fd);                        /* a file, from its beginning */
void walk_done(struct walk *w);

/* A field of a note as text, "" when it is not there; the result lives until the next call. */
const char *walk_field(const struct walked *note, const char *name);

/* The bytes of a field, NULL when it is not there. */
const uint8_t *walk_raw(const struct walked *note, const char *name, size_t *len);

/* The first note of a kind at or after item i; NULL when there is none. */
const struct walked *walk_note(const struct walk *w, size_t i, const char *kind);

/* All payload from one port to the other, in sequence; to be freed. NULL when there is a gap. */
uint8_t *walk_payload(const struct walk *w, uint16_t from_port, uint16_t to_port, size_t *len);

#endif
