#include "json_out.h"

#include <inttypes.h>

#include "base/text.h"
#include "wrap.h"

/* One UTF-16 unit, or the two of a character behind U+FFFF (RFC 8259, 7). */
static void put_escape(FILE *out, uint32_t c)
{
    if (c < 0x10000) {
        fprintf(out, "\\u%04x", (unsigned)c);
        return;
    }
    c -= 0x10000;
    fprintf(out, "\\u%04x\\u%04x", 0xd800U + (unsigned)(c >> 10), 0xdc00U + (unsigned)(c & 0x3ff));
}

/* JSON may hold any character raw; a terminal that shows it may not get every one. */
static void put_string(FILE *out, vitro_str s)
{
    unsigned marks = 0;
    uint32_t c;

    fputc('"', out);
    while (s.len) {
        size_t n = vitro_utf8_decode(s, &c);
        marks = n && wrap_columns_of(c) == 0 ? marks + 1 : 0;
        if (n == 0)
            put_escape(out, 0xfffd);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", (char)c);
        else if (!vitro_utf8_printable(c) || marks > WRAP_MARKS)
            put_escape(out, c);
        else
            fwrite(s.ptr, 1, n, out);
        n = n ? n : 1;
        s.ptr += n;
        s.len -= n;
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
