#include "lesson_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "pb/json.h"
#include "trace/note.h"

enum { JSON_MAX = 1024 * 1024 };

void lesson_message(lesson *l, const char *name, const vitro_pb_file *file, const char *type,
                    vitro_bytes bytes)
{
    vitro_trace_file(l->trace, file);
    vitro_note(l->trace, message, .name = vitro_str_of(name), .type = vitro_str_of(type),
               .bytes = bytes);
    if (l->alone)
        printf("%s: %s, %zu bytes\n", name, type, bytes.len);
}

/* A schema of one file and what it imports. */
static vitro_code make_schema(struct pb_schema **out, const vitro_pb_file *file, vitro_error *err)
{
    size_t len = vitro_pb_file_set(&file, 1, NULL, 0);
    uint8_t *set = len ? malloc(len) : NULL;
    vitro_code rc;

    *out = NULL;
    if (!set)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "schema", 0, "out of memory");
    vitro_pb_file_set(&file, 1, set, len);
    rc = vitro_pb_schema_new(out, NULL, err);
    if (!rc)
        rc = vitro_pb_schema_add_set(*out, (vitro_bytes){ set, len }, err);
    free(set);
    return rc;
}

static vitro_code copy_text(const struct buf *json, char *out, size_t room, vitro_error *err)
{
    if (json->len >= room)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "json", 0, "%zu bytes, and room for %zu",
                          json->len + 1, room);
    memcpy(out, json->ptr, json->len);
    out[json->len] = '\0';
    return VITRO_OK;
}

vitro_code lesson_json(const vitro_pb_file *file, const char *type, vitro_bytes bytes, char *out,
                       size_t room, vitro_error *err)
{
    const struct pb_message_type *message;
    struct pb_schema *schema;
    struct buf json;
    vitro_code rc = make_schema(&schema, file, err);

    vitro_buf_init(&json, NULL, JSON_MAX);
    message = rc ? NULL : vitro_pb_schema_message(schema, vitro_str_of(type));
    if (!rc && !message)
        rc = vitro_fail(err, VITRO_INVALID_ARGUMENT, "json", 0, "%s has no type %s", file->name,
                        type);
    if (!rc)
        rc = vitro_pb_to_json(&json, schema, message, bytes, err);
    if (!rc)
        rc = copy_text(&json, out, room, err);
    vitro_buf_done(&json);
    vitro_pb_schema_free(schema);
    return rc;
}
