#include "json_out.h"

#include <inttypes.h>

#include "base/text.h"

static void put_string(FILE *out, vitro_str s)
{
    fputc('"', out);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void key_of(struct json_out *j, const char *key)
{
    if (j->more)
        fputc(',', j->out);
    if (key) {
        put_string(j->out, vitro_str_of(key));
        fputc(':', j->out);
    }
    j->more = true;
}

void json_open(struct json_out *j, const char *key, char bracket)
{
    key_of(j, key);
    fputc(bracket, j->out);
    j->more = false;
}

void json_close(struct json_out *j, char bracket)
{
    fputc(bracket, j->out);
    j->more = true;
}

void json_number(struct json_out *j, const char *key, uint64_t value)
{
    key_of(j, key);
    fprintf(j->out, "%" PRIu64, value);
}

void json_bool(struct json_out *j, const char *key, bool value)
{
    key_of(j, key);
    fputs(value ? "true" : "false", j->out);
}

void json_raw(struct json_out *j, const char *key, vitro_str value)
{
    key_of(j, key);
    fwrite(value.ptr, 1, value.len, j->out);
}

void json_hex(struct json_out *j, const char *key, vitro_str value)
{
    key_of(j, key);
    fputs("{\"hex\":\"", j->out);
    for (size_t i = 0; i < value.len; i++)
        fprintf(j->out, "%02x", (unsigned char)value.ptr[i]);
    fputs("\"}", j->out);
}

void json_text(struct json_out *j, const char *key, vitro_str value)
{
    if (!vitro_utf8_valid(value)) {
        json_hex(j, key, value);
        return;
    }
    key_of(j, key);
    put_string(j->out, value);
}
