/*
 * json_read - vitro_pb_from_json: the text is weighed, parsed by jansson, and walked.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "pb/json_in.h"

enum {
    VALUE_BYTES = 256, /* what jansson spends on a value or member at most, its text apart */
    NATIVE_DEPTH = 2 * PB_JSON_DEPTH + 2, /* brackets: an object and a list or map a message */
    ERROR_TOKEN = JSON_ERROR_TEXT_LENGTH
};

/* What the tree of a text may cost at most, and how deep its brackets go. */
static size_t weigh(vitro_str text, size_t *deepest)
{
    size_t values = 1, depth = 0;
    bool quoted = false;

    *deepest = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
            continue;
        }
        quoted = c == '"';
        values += c == ',' || c == '{' || c == '[';
        if (c == '{' || c == '[')
            *deepest = ++depth > *deepest ? depth : *deepest;
        else if ((c == '}' || c == ']') && depth)
            depth--;
    }
    return values * VALUE_BYTES + text.len;
}

/* jansson points behind the token that it could not take, and quotes it. */
static size_t blame(const json_error_t *e, size_t len)
{
    const char *near = strstr(e->text, " near '");
    size_t at = e->position > 0 ? (size_t)e->position : 0, quoted = near ? strlen(near + 7) : 0;

    if (quoted && near[7 + quoted - 1] == '\'')
        at -= quoted - 1 <= at ? quoted - 1 : at;
    return at < len ? at : len;
}

/* A parser's message, with a hint where its own words leave one alone. */
static vitro_code refuse(const struct json_in *in, const json_error_t *e)
{
    struct json_place p = vitro_json_place_of(in, blame(e, in->text.len));
    const char *hint = "";

    if (strstr(e->text, "too big integer") || strstr(e->text, "too big negative integer"))
        hint = "; write it as a string";
    vitro_fail(in->err, VITRO_INVALID_ARGUMENT, "json", 0, "%s%s", e->text, hint);
    return vitro_wrap(in->err, VITRO_INVALID_ARGUMENT, "json", "line %zu, column %zu", p.line,
                      p.column);
}

static vitro_code parse(struct json_in *in, json_t **root)
{
    json_error_t e;

    *root = json_loadb(in->text.ptr, in->text.len,
                       JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &e);
    if (*root)
        return VITRO_OK;
    if (json_error_code(&e) == json_error_out_of_memory)
        return vitro_fail(in->err, VITRO_RESOURCE_EXHAUSTED, "json", 0, "out of memory");
    return refuse(in, &e);
}

vitro_code vitro_pb_from_json(struct buf *out, const struct pb_schema *schema,
                              const struct pb_message_type *type, vitro_str json,
                              const struct json_place *from, vitro_error *err)
{
    struct json_in in = { .schema = schema, .out = out, .text = json, .depth = PB_JSON_DEPTH };
    size_t before = out->len, deepest, weight = weigh(json, &deepest);
    json_t *root;

    in.from = from ? *from : (struct json_place){ 1, 1 };
    in.err = err;
    if (deepest > NATIVE_DEPTH)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "json", 0, "nested too deep: %zu brackets",
                          deepest);
    if (out->account && !vitro_account_charge(out->account, weight))
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "json", 0, "the text is too large");
    in.rc = parse(&in, &root);
    if (!in.rc) {
        vitro_json_in_message(&in, type, root);
        json_decref(root);
    }
    if (out->account)
        vitro_account_refund(out->account, weight);
    if (in.rc)
        out->len = before;
    return in.rc;
}
