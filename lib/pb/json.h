/*
 * json - protobuf's JSON mapping: bytes of a message to JSON and back, by a schema.
 *
 *      0a 05 75 73 65 72 31   <->   {"userId":"user1"}
 *
 * Written: fields in the order of their numbers, by their JSON names, on one line; what a field
 * without presence holds by default is left out, and so are fields that the type does not know.
 * Characters that could move a cursor are written as \u. Read: JSON names and names of the .proto
 * file; null is an absent field. Types with a JSON of their own: Timestamp, Duration, FieldMask,
 * Struct, Value, ListValue, the wrappers, NullValue, Any. An Any of a type that the schema does
 * not know is {"@type":..., "@value": base64}, which is ours alone.
 *
 * Numbers above 2^63-1 are read as strings only (the parser's limit), as the mapping writes them.
 * Source: protobuf.dev, programming-guides/json; RFC 8259.
 */
#ifndef VITRO_PB_JSON_H
#define VITRO_PB_JSON_H

#include "base/buf.h"
#include "pb/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PB_JSON_DEPTH = 100 }; /* messages, and values of a Struct, in each other */

/* Where text begins in what people see: lines and columns from 1, columns in characters. */
struct json_place {
    size_t line, column;
};

/*
 * Append the message that a JSON value describes. schema may be NULL: then no Any is known.
 * out->account pays for the tree of the JSON while it is read, out->max bounds the bytes.
 * from says where json begins; NULL: line 1, column 1.
 * INVALID_ARGUMENT: frame 0 of err says what is wrong, frame 1 where: "line 2, column 7, at
 * user.tags[3]". RESOURCE_EXHAUSTED: too large, or out of memory. out is as before then.
 */
vitro_code vitro_pb_from_json(struct buf *out, const struct pb_schema *schema,
                              const struct pb_message_type *type, vitro_str json,
                              const struct json_place *from, vitro_error *err);

/*
 * Append the JSON of a message. INTERNAL when bytes are no such message, or hold what JSON
 * cannot say (a string that is not UTF-8, a time out of range); RESOURCE_EXHAUSTED as above.
 * out is as before then.
 */
vitro_code vitro_pb_to_json(struct buf *out, const struct pb_schema *schema,
                            const struct pb_message_type *type, vitro_bytes bytes,
                            vitro_error *err);

/*
 * A stream of JSON values, cut without reading them: each value begins behind white space and
 * ends with its closing bracket, quote or, for numbers and words, before what cannot belong to
 * it. Whether a value is well-formed is not looked at.
 */
struct json_cut {
    struct json_place place; /* of text[at] */
    struct json_place start; /* of the value that began */
    size_t at;               /* bytes of text that were looked at */
    size_t from;             /* where the value began */
    uint32_t depth;          /* open brackets */
    char within; /* 0 before a value, '{' among brackets, '"' in a string, 'w' in a word */
    bool escaped;
};

enum json_cut_result {
    JSON_CUT_NONE, /* white space only */
    JSON_CUT_PART, /* a value has begun; with `end` it is all there is of it */
    JSON_CUT_WHOLE /* *value is one; it begins at c->start */
};

/* Before the first byte of a stream. */
void vitro_json_cut_init(struct json_cut *c);

/*
 * Look on for the end of a value. text holds all bytes that were not consumed, so it may only
 * have grown since the last call; after WHOLE the next call looks behind the value. end: nothing
 * follows text.
 */
enum json_cut_result vitro_json_cut(struct json_cut *c, vitro_str text, bool end, vitro_str *value);

/* How many bytes in front were dealt with: the caller may drop them. c counts on from there. */
size_t vitro_json_cut_consume(struct json_cut *c);

#ifdef __cplusplus
}
#endif
#endif
