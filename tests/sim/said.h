/*
 * said - what each call says, made of a seed: both applications, and who reads the tap, know every
 * message and every entry of metadata without a list of them.
 */
#ifndef VITRO_TESTS_SIM_SAID_H
#define VITRO_TESTS_SIM_SAID_H

#include "vitro/call.h"

struct said {
    uint64_t seed;
    size_t large; /* bytes of a large message at most */
    bool well;    /* every handler ends with OK */
};

enum said_way { SAID_REQUEST, SAID_RESPONSE };
enum said_part { SAID_OF_REQUEST, SAID_OF_RESPONSE, SAID_OF_TRAILERS };

/* The message number k, from 0, of a call in one direction. */
size_t said_len(const struct said *s, unsigned call, enum said_way way, unsigned k);
void said_fill(const struct said *s, unsigned call, enum said_way way, unsigned k, uint8_t *out);
bool said_is(const struct said *s, unsigned call, enum said_way way, unsigned k, vitro_bytes bytes);

/* The entry number i of its metadata; false behind the last. The first of a request: SAID_CALL. */
#define SAID_CALL "x-call"
struct said_entry {
    char key[24];
    uint8_t value[80];
    size_t len;
};
bool said_metadata(const struct said *s, unsigned call, enum said_part part, size_t i,
                   struct said_entry *out);

/* All of it as a list to be freed; NULL when memory is out. */
vitro_md *said_list(const struct said *s, unsigned call, enum said_part part);
bool said_is_list(const struct said *s, unsigned call, enum said_part part, const vitro_md *md);

/* How a handler ends the call, and the text beside it. */
vitro_code said_code(const struct said *s, unsigned call);
const char *said_text(const struct said *s, unsigned call);

#endif
