#include "support/json_schema.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "json.vitro.h"

void json_schema_open(struct json_schema *s, size_t budget)
{
    const vitro_pb_file *const files[] = { &json_proto_file };
    size_t n = vitro_pb_file_set(files, 1, NULL, 0);
    uint8_t *set = malloc(n);

    memset(s, 0, sizeof *s);
    vitro_account_init(&s->account, NULL, budget ? budget : 64 << 20);
    vitro_pb_file_set(files, 1, set, n);
    cr_assert(vitro_pb_schema_new(&s->types, &s->account, NULL) == VITRO_OK);
    cr_assert(vitro_pb_schema_add_set(s->types, (vitro_bytes){ set, n }, NULL) == VITRO_OK);
    free(set);
    vitro_buf_init(&s->bytes, &s->account, 16 << 20);
    vitro_buf_init(&s->text, &s->account, 16 << 20);
}

void json_schema_close(struct json_schema *s)
{
    vitro_buf_done(&s->bytes);
    vitro_buf_done(&s->text);
    vitro_pb_schema_free(s->types);
    cr_assert(s->account.used == 0, "%zu bytes were not given back", s->account.used);
}

const struct pb_message_type *json_schema_type(const struct json_schema *s, const char *name)
{
    const struct pb_message_type *type = vitro_pb_schema_message(s->types, vitro_str_of(name));

    cr_assert(type, "there is no %s", name);
    return type;
}

/* The text goes into a block of its exact size: one byte too far is seen by the sanitizer. */
vitro_code json_schema_read(struct json_schema *s, const struct pb_message_type *type,
                            vitro_str json)
{
    char *copy = malloc(json.len ? json.len : 1);
    vitro_code rc;

    memcpy(copy, json.ptr, json.len);
    s->bytes.len = 0;
    memset(&s->error, 0, sizeof s->error);
    rc = vitro_pb_from_json(&s->bytes, s->types, type, (vitro_str){ copy, json.len }, NULL,
                            &s->error);
    cr_assert(!rc || s->bytes.len == 0, "on failure nothing is added");
    cr_assert(rc == s->error.code);
    free(copy);
    return rc;
}

vitro_code json_schema_write(struct json_schema *s, const struct pb_message_type *type,
                             vitro_bytes bytes)
{
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    vitro_code rc;

    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    s->text.len = 0;
    memset(&s->error, 0, sizeof s->error);
    rc = vitro_pb_to_json(&s->text, s->types, type, (vitro_bytes){ copy, bytes.len }, &s->error);
    cr_assert(!rc || s->text.len == 0, "on failure nothing is added");
    cr_assert(rc == s->error.code);
    free(copy);
    if (!vitro_buf_append(&s->text, "", 1))
        return VITRO_RESOURCE_EXHAUSTED;
    s->text.len--;
    return rc;
}
