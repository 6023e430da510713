/*
 * json_in - the inside of vitro_pb_from_json: a tree of jansson's, walked by the schema, written
 * as bytes in the order of field numbers.
 *
 * The parser keeps no positions, so where we are is a chain of frames on the stack; when
 * something is wrong the text is walked once more along that chain (json_place.c).
 */
#ifndef VITRO_PB_JSON_IN_H
#define VITRO_PB_JSON_IN_H

#include <jansson.h>

#include "pb/json.h"
#include "pb/json_known.h"
#include "pb/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One step from the outermost value inwards. */
struct json_frame {
    const struct json_frame *up;
    vitro_str key; /* ptr NULL: an element of a list */
    size_t index;
};

struct json_in {
    const struct pb_schema *schema;
    struct buf *out;
    vitro_str text;
    struct json_place from;
    const struct json_frame *frame; /* NULL: the outermost value */
    uint32_t depth;                 /* levels that may still open */
    vitro_code rc;
    vitro_error *err;
};

/* The value at the end of a chain; key: the name in front of it. Offset into text, place too. */
size_t vitro_json_locate(const struct json_in *in, const struct json_frame *frame, bool key,
                         struct json_place *place);

/* The place of an offset. */
struct json_place vitro_json_place_of(const struct json_in *in, size_t offset);

/* Record what is wrong with the value at work, or with its key. Both return false. */
bool vitro_json_in_fail(struct json_in *in, const char *format, ...) VITRO_PRINTF(2, 3);
bool vitro_json_in_fail_key(struct json_in *in, vitro_str key, const char *format, ...)
    VITRO_PRINTF(3, 4);
bool vitro_json_in_full(struct json_in *in);

/* "a string", "null" ...: what a value is, for messages. */
const char *vitro_json_word(const json_t *v);

/* The fields of a message, without tag and length. "@type" is no field when skip_type is set. */
bool vitro_json_in_message(struct json_in *in, const struct pb_message_type *type, const json_t *v);
bool vitro_json_in_fields(struct json_in *in, const struct pb_message_type *type, const json_t *v,
                          bool skip_type);

/* A field with its tag; a list and a map with each of theirs. v is not an absent null. */
bool vitro_json_in_field(struct json_in *in, const struct pb_field_type *f, const json_t *v);

/* One value with its tag; with_default: written also when it is the type's default. */
bool vitro_json_in_single(struct json_in *in, const struct pb_field_type *f, const json_t *v,
                          bool with_default);

/* The bits of a number, bool or enum as they stand on the wire. */
bool vitro_json_in_scalar(struct json_in *in, const struct pb_field_type *f, const json_t *v,
                          uint64_t *bits);

/* The same of a map's key. */
bool vitro_json_in_key(struct json_in *in, const struct pb_field_type *f, vitro_str key,
                       uint64_t *bits);

/* Writers; false when out is full. */
bool vitro_json_in_tag(struct json_in *in, uint32_t number, enum pb_wire wire);
bool vitro_json_in_bits(struct json_in *in, enum pb_wire wire, uint64_t bits);
bool vitro_json_in_bytes(struct json_in *in, vitro_bytes bytes); /* with its length */
bool vitro_json_in_base64(struct json_in *in, vitro_str text);   /* with its length */

/* What is written between the two gets its length in front. */
static inline size_t json_in_begin(const struct json_in *in)
{
    return in->out->len;
}
bool vitro_json_in_end(struct json_in *in, size_t begin);

/* null stands for a value of this field, not for its absence. */
bool vitro_json_null_is_value(const struct pb_field_type *f);

#ifdef __cplusplus
}
#endif
#endif
