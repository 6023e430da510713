/*
 * metadata - the list behind vitro/metadata.h, embedded in a call, and its form on the wire.
 *
 * All of it lies in one block: bytes of names and values grow from the front, entries from the
 * back, so that a call with a few keys asks for memory once.
 *
 *      block: name value name value ... free ... entry1 entry0
 */
#ifndef VITRO_WIRE_METADATA_H
#define VITRO_WIRE_METADATA_H

#include "base/mem.h"
#include "vitro/metadata.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vitro_md {
    struct account *account; /* may be NULL */
    uint8_t *block;
    uint32_t cap;     /* bytes of block, a multiple of an entry's size */
    uint32_t used;    /* bytes of names and values at its front */
    uint32_t count;   /* entries at its back */
    size_t wire_size; /* as vitro_md_size() */
};

/* One header field as it stands on the wire. */
struct wire_field {
    vitro_str name, value;
};

/* An empty list that owns nothing yet; account is kept. done leaves it empty and usable. */
void vitro_md_init(vitro_md *md, struct account *account);
void vitro_md_done(vitro_md *md);

/* Overwrite what the list holds, which was secret, before it is released. NULL is accepted. */
void vitro_md_wipe(vitro_md *md);

/* Exchange the contents of two lists, accounts and all. */
void vitro_md_swap(vitro_md *a, vitro_md *b);

/*
 * Add a field that a peer sent, one entry for each base64 text of a "-bin" key. Tolerant: what
 * HTTP allows is kept, blanks at the ends are not. INTERNAL for bad base64 and for NUL, CR and LF,
 * RESOURCE_EXHAUSTED when memory is out; nothing was added then.
 */
vitro_code vitro_md_add_wire(vitro_md *md, vitro_str name, vitro_str value, vitro_error *err);

/* Bytes that vitro_md_fields needs at scratch: the base64 of all "-bin" values. */
size_t vitro_md_scratch(const vitro_md *md);

/*
 * The list as it is sent: fills out[0..vitro_md_count(md)). What out points to lies in md and in
 * scratch, and is lent until either changes.
 */
void vitro_md_fields(const vitro_md *md, struct wire_field *out, char *scratch);

/* True when a key's values are bytes. */
static inline bool md_key_is_binary(vitro_str key)
{
    return key.len >= 4 && key.ptr[key.len - 4] == '-' && key.ptr[key.len - 3] == 'b' &&
           key.ptr[key.len - 2] == 'i' && key.ptr[key.len - 1] == 'n';
}

#ifdef __cplusplus
}
#endif
#endif
