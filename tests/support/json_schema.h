/*
 * json_schema - the types of tests/proto/json.proto with all that it imports, at run time, and
 * messages to JSON and back in one call each.
 */
#ifndef SUPPORT_JSON_SCHEMA_H
#define SUPPORT_JSON_SCHEMA_H

#include "pb/json.h"

struct json_schema {
    struct account account;
    struct pb_schema *types;
    struct buf bytes; /* of the last json_schema_read */
    struct buf text;  /* of the last json_schema_write, terminated */
    vitro_error error;
};

/* budget: bytes that all of it may take; 0: 64 MiB. */
void json_schema_open(struct json_schema *s, size_t budget);
void json_schema_close(struct json_schema *s);

const struct pb_message_type *json_schema_type(const struct json_schema *s, const char *name);

/* Into s->bytes and s->text; on failure s->error says why, and they are empty. */
vitro_code json_schema_read(struct json_schema *s, const struct pb_message_type *type,
                            vitro_str json);
vitro_code json_schema_write(struct json_schema *s, const struct pb_message_type *type,
                             vitro_bytes bytes);

#endif
