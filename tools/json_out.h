/*
 * json_out - JSON text, member by member.
 */
#ifndef VITRO_TOOLS_JSON_OUT_H
#define VITRO_TOOLS_JSON_OUT_H

#include <stdio.h>

#include "vitro/base.h"

/* A comma when something stands before in the same object or list, then the key when not NULL. */
struct json_out {
    FILE *out;
    bool more;
};

void json_open(struct json_out *j, const char *key, char bracket); /* { or [ */
void json_close(struct json_out *j, char bracket);                 /* } or ] */
void json_number(struct json_out *j, const char *key, uint64_t value);
void json_bool(struct json_out *j, const char *key, bool value);
void json_raw(struct json_out *j, const char *key, vitro_str value); /* as it is */

/* A string when it is UTF-8, else {"hex":"..."}. */
void json_text(struct json_out *j, const char *key, vitro_str value);
void json_hex(struct json_out *j, const char *key, vitro_str value);

#endif
