/*
 * json_out - the inside of vitro_pb_to_json: bytes gathered by field, then written as text.
 *
 * Fields may come in any order and in parts: a list is spread over the bytes, a message that is
 * not repeated is merged of its parts, a oneof is what came last. So the fields of a message are
 * first sorted into one list a field.
 */
#ifndef VITRO_PB_JSON_OUT_H
#define VITRO_PB_JSON_OUT_H

#include "pb/json.h"
#include "pb/json_known.h"
#include "pb/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_out {
    const struct pb_schema *schema;
    struct buf *out;
    uint32_t depth; /* levels that may still open */
    vitro_code rc;
    vitro_error *err;
};

/* The fields of one message as they came. Links are numbers of items from 1; 0 ends a list. */
struct json_item {
    size_t start; /* of its tag */
    size_t next;
};
struct json_fields {
    const struct pb_message_type *type;
    vitro_bytes bytes;
    size_t *first, *last; /* by index of the type's fields */
    struct buf items;     /* of struct json_item */
    struct buf links;     /* where first and last are */
};

/* Sort the bytes of a message; on failure nothing is held. */
bool vitro_json_gather(struct json_out *o, struct json_fields *g,
                       const struct pb_message_type *type, vitro_bytes bytes);
void vitro_json_gather_done(struct json_fields *g);

/* The token of an item, and the one behind it in its list: 0 at the end. */
size_t vitro_json_token(const struct json_fields *g, size_t item, struct pb_token *t);

/* What a token of a message, group, string or bytes field holds. */
vitro_bytes vitro_json_body(const struct json_fields *g, const struct pb_token *t);

/* Record a failure; both return false. */
bool vitro_json_out_fail(struct json_out *o, const char *format, ...) VITRO_PRINTF(2, 3);
bool vitro_json_out_full(struct json_out *o);

/* Text as it is; a string in quotes; base64 in quotes. */
bool vitro_json_put(struct json_out *o, const char *text, size_t len);
bool vitro_json_put_text(struct json_out *o, const char *text);
bool vitro_json_put_string(struct json_out *o, vitro_str s);
bool vitro_json_put_base64(struct json_out *o, vitro_bytes bytes);

/* A number, bool or enum from its bits on the wire. */
bool vitro_json_put_scalar(struct json_out *o, const struct pb_field_type *f, uint64_t bits);

/* A message as its type has it; its fields with a comma in front of each when `more`. */
bool vitro_json_put_message(struct json_out *o, const struct pb_message_type *type,
                            vitro_bytes bytes);
bool vitro_json_put_fields(struct json_out *o, const struct pb_message_type *type,
                           vitro_bytes bytes, bool more);

/* The value of field number i of the type: a list, a map, the last of singles, or a default. */
bool vitro_json_put_field(struct json_out *o, const struct json_fields *g, size_t i);

/* A map, sorted by key; of equal keys the last counts. */
bool vitro_json_put_map(struct json_out *o, const struct json_fields *g, size_t i);

/* One value of a field, whose token is t. */
bool vitro_json_put_single(struct json_out *o, const struct json_fields *g,
                           const struct pb_field_type *f, const struct pb_token *t);

/* What a field holds when it is not there. */
bool vitro_json_put_default(struct json_out *o, const struct pb_field_type *f);

#ifdef __cplusplus
}
#endif
#endif
