/*
 * metadata - what a call carries beside its messages: an ordered list of keys and values.
 *
 * A key may occur many times; the order among equal keys is kept. A key that ends in "-bin" holds
 * any bytes (base64 on the wire, which nobody here sees); every other value is printable ASCII.
 *
 *      vitro_md *md = vitro_md_new();
 *      vitro_md_add_text(md, "x-tenant", "blue", NULL);
 */
#ifndef VITRO_METADATA_H
#define VITRO_METADATA_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_md vitro_md;

/**
 * Make an empty list.
 *
 * @return gives the list: vitro_md_free(); NULL when memory is out.
 * Thread: any; a list belongs to whoever holds it.
 */
VITRO_API VITRO_CHECKED vitro_md *vitro_md_new(void);

/** Release a list that vitro_md_new() gave. @param md takes it; NULL is accepted. Thread: any. */
VITRO_API void vitro_md_free(vitro_md *md);

/**
 * Add one entry behind the others.
 *
 * @param key    copied. One or more of [0-9a-z_.-]; not one that the protocol itself uses
 *               ("grpc-..." but for grpc-status-details-bin, grpc-trace-bin, grpc-tags-bin and
 *               grpc-retry-pushback-ms; "te", "content-type", "user-agent" and the like).
 * @param value  copied. Any bytes when the key ends in "-bin"; else 0x20 to 0x7E, of which spaces
 *               at either end are left out, as HTTP cannot carry them.
 * @param err    filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for a key or value as above, nothing was added;
 *         VITRO_RESOURCE_EXHAUSTED when memory is out, nothing was added.
 * Thread: any.  Wire: one header field (gRPC PROTOCOL-HTTP2, Custom-Metadata).
 */
VITRO_API vitro_code vitro_md_add(vitro_md *md, vitro_str key, vitro_bytes value, vitro_error *err);

/**
 * Add one entry of terminated texts, as vitro_md_add() does.
 *
 * @param key    copied.
 * @param value  copied.
 * @return as vitro_md_add().
 * Thread: any.
 */
VITRO_API vitro_code vitro_md_add_text(vitro_md *md, const char *key, const char *value,
                                       vitro_error *err);

/**
 * Add all entries of another list: the way to echo what a peer sent, which never fails for what
 * it holds (HTTP allows values that vitro_md_add() refuses).
 *
 * @param from  copied; not md itself.
 * @return VITRO_OK; VITRO_RESOURCE_EXHAUSTED when memory is out, nothing was added.
 * Thread: any.
 */
VITRO_API vitro_code vitro_md_append(vitro_md *md, const vitro_md *from, vitro_error *err);

/**
 * Add the entry number `at` of another list, as vitro_md_append() does with all.
 *
 * @param from  copied; not md itself.
 * @param at    from 0.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT unless at is less than vitro_md_count(from);
 *         VITRO_RESOURCE_EXHAUSTED when memory is out, nothing was added.
 * Thread: any.
 */
VITRO_API vitro_code vitro_md_append_one(vitro_md *md, const vitro_md *from, size_t at,
                                         vitro_error *err);

/** How many entries there are. Thread: any. */
VITRO_API size_t vitro_md_count(const vitro_md *md);

/**
 * Read the entry number `at`.
 *
 * @param at     from 0.
 * @param key    lent until md changes; may be NULL.
 * @param value  lent until md changes; may be NULL.
 * @return false when there are no more.
 * Thread: any.
 */
VITRO_API bool vitro_md_at(const vitro_md *md, size_t at, vitro_str *key, vitro_bytes *value);

/**
 * The first value of a key.
 *
 * @param key    lent until return; compared as it is, and keys are lower case.
 * @param value  lent until md changes; may be NULL. Untouched when there is none.
 * @return false when the key does not occur.
 * Thread: any.
 */
VITRO_API bool vitro_md_get(const vitro_md *md, vitro_str key, vitro_bytes *value);

/**
 * The next value of a key, for those that occur more than once:
 *
 *      vitro_str key = vitro_str_of("x-tenant");
 *      vitro_bytes value;
 *
 *      for (size_t at = 0; vitro_md_find(md, key, &at, &value);)
 *          printf("%.*s\n", (int)value.len, (const char *)value.ptr);
 *
 * @param key    lent until return.
 * @param at     where to begin, from 0; set behind what was found.
 * @param value  lent until md changes; may be NULL. Untouched when there is none.
 * @return false when the key does not occur from there on.
 * Thread: any.
 */
VITRO_API bool vitro_md_find(const vitro_md *md, vitro_str key, size_t *at, vitro_bytes *value);

/**
 * Remove all entries of a key.
 *
 * @param key  lent until return.
 * @return how many there were.
 * Thread: any.
 */
VITRO_API size_t vitro_md_remove(vitro_md *md, vitro_str key);

/** Remove all entries. Thread: any. */
VITRO_API void vitro_md_clear(vitro_md *md);

/**
 * What the list costs against a limit of header bytes: name, value as sent, and 32 an entry.
 * Thread: any.  Source: RFC 9113, 6.5.2; gRPC PROTOCOL-HTTP2.
 */
VITRO_API size_t vitro_md_size(const vitro_md *md);

#ifdef __cplusplus
}
#endif
#endif
