/*
 * filter - which events are shown: `http2.type == 1 && http2.streamid == 3`.
 *
 *      or    = and *( ( "||" | "or" ) and )
 *      and   = not *( ( "&&" | "and" ) not )
 *      not   = ( "!" | "not" ) not | "(" or ")" | test
 *      test  = field [ ( "==" | "!=" | ">" | "<" | ">=" | "<=" | "contains" ) value ]
 *
 * Names and operators are Wireshark's. A field alone asks whether the event has it. A field that
 * an event has several times matches when one of its values does; != when none is equal. The
 * parser is pure and takes any bytes; it knows which names exist, so that a slip is told while
 * it is typed.
 */
#ifndef VITRO_TOOLS_FILTER_H
#define VITRO_TOOLS_FILTER_H

#include "vitro/base.h"

enum { FILTER_NODES = 96, FILTER_TEXT = 256 };

/* FILTER_HTTP2, FILTER_GRPC ... */
enum filter_field_id {
#define FIELD(id, name, kinds, types) FILTER_##id,
#include "filter_fields.def"
#undef FIELD
    FILTER_FIELDS
};

struct filter_field {
    const char *name;
    uint16_t kinds; /* a bit for each vitro_event_kind that may have it */
    uint16_t types; /* of a frame: a bit for each type below 16; all of them: also for others */
    uint8_t id;     /* enum filter_field_id */
};

/* One value that an event has: a number, a text, or a number that has a name. */
struct filter_value {
    bool has_number;
    uint64_t number;
    vitro_str text;
};

struct filter_node {
    uint8_t kind, op;
    uint8_t left, right; /* of and, or, not */
    const struct filter_field *field;
    bool has_number;
    uint64_t number;
    uint16_t text_at, text_len; /* of the filter's texts */
};

struct filter {
    struct filter_node nodes[FILTER_NODES];
    size_t count; /* 0: everything matches */
    uint8_t root;
    char texts[FILTER_TEXT];
    size_t texts_len;
};

struct filter_error {
    size_t at;           /* byte of the text */
    const char *text[2]; /* static; by vitro_language */
};

/* Calls visit for each value that the event has for a field. */
typedef void filter_visit(void *visitor, const struct filter_value *value);
typedef void filter_facts(void *user, const struct filter_field *field, filter_visit *visit,
                          void *visitor);

/* False, and err filled, when the text is no filter; out is undefined then. An empty one is. */
bool filter_parse(struct filter *out, vitro_str text, struct filter_error *err);

bool filter_match(const struct filter *f, filter_facts *facts, void *user);

/* The name of field i, NULL behind the last: for completion and help. */
const char *filter_field(size_t i);

#endif
