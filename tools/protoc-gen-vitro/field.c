/*
 * field - what a field's type means in C: one table, and its default value.
 */
#include <ctype.h>
#include <string.h>

#include "write.h"

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

enum kind { NUMBER, REAL, FLAG, TEXT, BYTES, ENUM, MESSAGE };

struct row {
    const char *name;   /* in protobuf-c's enumeration */
    const char *c_type; /* NULL: depends on the field */
    const char *zero;
    const char *suffix; /* of a literal */
    enum kind kind;
};

static const struct row rows[] = {
    [TYPE(DOUBLE)] = { "DOUBLE", "double", "0", "", REAL },
    [TYPE(FLOAT)] = { "FLOAT", "float", "0", "f", REAL },
    [TYPE(INT64)] = { "INT64", "int64_t", "0", "ll", NUMBER },
    [TYPE(UINT64)] = { "UINT64", "uint64_t", "0", "ull", NUMBER },
    [TYPE(INT32)] = { "INT32", "int32_t", "0", "", NUMBER },
    [TYPE(FIXED64)] = { "FIXED64", "uint64_t", "0", "ull", NUMBER },
    [TYPE(FIXED32)] = { "FIXED32", "uint32_t", "0", "u", NUMBER },
    [TYPE(BOOL)] = { "BOOL", "protobuf_c_boolean", "0", "", FLAG },
    [TYPE(STRING)] = { "STRING", "char *", "NULL", "", TEXT },
    [TYPE(MESSAGE)] = { "MESSAGE", NULL, "NULL", "", MESSAGE },
    [TYPE(BYTES)] = { "BYTES", "ProtobufCBinaryData", "{ 0, NULL }", "", BYTES },
    [TYPE(UINT32)] = { "UINT32", "uint32_t", "0", "u", NUMBER },
    [TYPE(ENUM)] = { "ENUM", NULL, NULL, "", ENUM },
    [TYPE(SFIXED32)] = { "SFIXED32", "int32_t", "0", "", NUMBER },
    [TYPE(SFIXED64)] = { "SFIXED64", "int64_t", "0", "ll", NUMBER },
    [TYPE(SINT32)] = { "SINT32", "int32_t", "0", "", NUMBER },
    [TYPE(SINT64)] = { "SINT64", "int64_t", "0", "ll", NUMBER },
};

static const struct row *row_of(const struct field *f)
{
    return &rows[f->proto->type];
}

const char *field_type_name(const struct field *f)
{
    return row_of(f)->name;
}

const char *field_c_type(const struct field *f)
{
    const struct row *r = row_of(f);
    if (r->kind == MESSAGE) {
        return text_of("%s *", f->message->type.name);
    }
    return r->kind == ENUM ? f->enumeration->type.name : r->c_type;
}

const char *field_zero(const struct field *f)
{
    return row_of(f)->kind == ENUM ? f->enumeration->values[0].name : row_of(f)->zero;
}

bool field_is_text(const struct field *f)
{
    return row_of(f)->kind == TEXT;
}

bool field_is_bytes(const struct field *f)
{
    return row_of(f)->kind == BYTES;
}

bool field_is_packed(const struct field *f)
{
    enum kind kind = row_of(f)->kind;
    if (!f->repeated || kind == TEXT || kind == BYTES || kind == MESSAGE) {
        return false;
    }
    const Google__Protobuf__FieldOptions *options = f->proto->options;
    if (options && options->has_packed) {
        return options->packed;
    }
    return f->owner->file->proto3;
}

bool field_is_deprecated(const struct field *f)
{
    return f->proto->options && f->proto->options->deprecated;
}

bool field_has_math(const struct field *f)
{
    const char *d = f->proto->default_value;
    return d && row_of(f)->kind == REAL && (strstr(d, "inf") || strstr(d, "nan"));
}

static char *default_real(const struct field *f, const char *d)
{
    if (field_has_math(f)) {
        const char *c_type = row_of(f)->c_type;
        const char *sign = *d == '-' ? "-" : "";
        return text_of("%s(%s)%s", sign, c_type, strstr(d, "inf") ? "INFINITY" : "NAN");
    }
    bool whole = !strpbrk(d, ".eE"); /* 1f is no literal */
    return text_of("%s%s%s", d, whole ? ".0" : "", row_of(f)->suffix);
}

static char *default_enum(const struct field *f, const char *d)
{
    const struct enumeration *e = f->enumeration;
    for (size_t i = 0; i < e->n_values; i++) {
        if (!strcmp(e->values[i].brief, d)) {
            return e->values[i].name;
        }
    }
    return e->values[0].name;
}

/* The least number of a type is no literal of it: minus is an operator on a number too large. */
static char *default_number(const struct field *f, const char *d)
{
    const char *suffix = row_of(f)->suffix;
    if (!strcmp(d, "-9223372036854775808")) {
        return text_of("(-9223372036854775807ll - 1)");
    }
    if (!strcmp(d, "-2147483648") && !*suffix) {
        return text_of("(-2147483647 - 1)");
    }
    return text_of("%s%s", d, suffix);
}

char *field_default(const struct field *f)
{
    const char *d = f->proto->default_value;
    switch (row_of(f)->kind) {
    case NUMBER:
        return default_number(f, d);
    case REAL:
        return default_real(f, d);
    case FLAG:
        return text_of("%d", !strcmp(d, "true"));
    case ENUM:
        return default_enum(f, d);
    default:
        return NULL;
    }
}

static int octal(const char **p)
{
    int value = 0;
    for (int n = 0; n < 3 && **p >= '0' && **p <= '7'; n++) {
        value = value * 8 + *(*p)++ - '0';
    }
    return value;
}

/* protoc writes the default of bytes with C escapes, and that of a string as it is. */
static char unescape(const char **p)
{
    static const char from[] = "nrt", to[] = "\n\r\t";
    if (**p >= '0' && **p <= '7') {
        return (char)octal(p);
    }
    const char *at = strchr(from, **p);
    char c = **p;
    *p += c != '\0';
    if (at && c) {
        c = to[at - from];
    }
    return c;
}

char *field_default_bytes(const struct field *f, size_t *len)
{
    const char *d = f->proto->default_value;
    size_t n = strlen(d);
    if (field_is_text(f)) {
        *len = n;
        return text_copy(d, n);
    }
    char *bytes = room(n + 1);
    *len = 0;
    for (const char *p = d; *p;) {
        bytes[*len] = *p++;
        if (bytes[*len] == '\\') {
            bytes[*len] = unescape(&p);
        }
        (*len)++;
    }
    return bytes;
}
