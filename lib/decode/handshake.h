/*
 * handshake - what an open record of TLS holds, cut into fields: handshake messages with their
 * extensions, alerts, ChangeCipherSpec.
 *
 *      handshake   | type (1) | length (3) | fields by type ... | type ...
 *      alert       | level (1) | description (1) |
 *
 * The bytes are hostile: a field never leaves what it is in, and what does not fit is told as
 * wrong. They may end anywhere: what is there is told as far as it goes. Pure. Thread: any.
 */
#ifndef VITRO_DECODE_HANDSHAKE_H
#define VITRO_DECODE_HANDSHAKE_H

#include "decode/tls_names.h"
#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum handshake_form {
    HANDSHAKE_GROUP, /* a message, an extension: only holds the fields below it */
    HANDSHAKE_NUMBER,
    HANDSHAKE_TEXT,
    HANDSHAKE_BYTES,
    HANDSHAKE_WRONG /* bytes, may be none, that do not fit; text says why */
};

/* One field, in the order of the bytes; those below it have a greater depth. */
struct handshake_field {
    const char *name; /* Wireshark's where it has one; static */
    const char *text; /* of a number or a group: what it is called; NULL: nobody has named it */
    uint32_t off, len;
    uint32_t number; /* of a group: of its type */
    uint8_t form;
    uint8_t depth;
    uint8_t registry; /* tls_registry of number */
};

/* Lends the field until it returns; false ends the reading. */
typedef bool handshake_field_fn(const struct handshake_field *f, void *user);

/*
 * Read what a record of this content type holds, from the first byte of a message on. is_1_3: keys
 * of TLS 1.3 have opened it, where some messages are laid out in another way.
 */
void vitro_handshake_read(uint8_t content_type, bool is_1_3, vitro_bytes content,
                          handshake_field_fn *fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
