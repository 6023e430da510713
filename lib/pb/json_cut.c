#include "pb/json.h"

#include <string.h>

void vitro_json_cut_init(struct json_cut *c)
{
    *c = (struct json_cut){ .place = { 1, 1 } };
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What a number, true, false or null cannot hold. */
static bool ends_word(char c)
{
    return is_space(c) || (c && strchr("{}[]\",:", c));
}

/* A character counts once, by its first byte. */
static void step(struct json_cut *c, char byte)
{
    c->at++;
    if (byte == '\n')
        c->place = (struct json_place){ c->place.line + 1, 1 };
    else if (((unsigned char)byte & 0xc0u) != 0x80u)
        c->place.column++;
}

static void begin(struct json_cut *c, char byte)
{
    c->from = c->at;
    c->start = c->place;
    c->depth = 0;
    c->escaped = false;
    c->within = 'w';
    if (byte == '{' || byte == '[')
        c->within = '{';
    else if (byte == '"')
        c->within = '"';
}

/* One byte inside brackets or a string that began the value; true when it is the last. */
static bool nested(struct json_cut *c, char byte, bool first)
{
    if (c->within == '"') {
        bool closes = byte == '"' && !c->escaped && !first;

        c->escaped = byte == '\\' && !c->escaped;
        if (closes && c->depth) {
            c->within = '{';
            return false;
        }
        return closes;
    }
    if (byte == '"')
        c->within = '"';
    else if (byte == '{' || byte == '[')
        c->depth++;
    else if (byte == '}' || byte == ']')
        return --c->depth == 0;
    return false;
}

static enum json_cut_result whole(struct json_cut *c, vitro_str text, vitro_str *value)
{
    c->within = 0;
    *value = (vitro_str){ text.ptr + c->from, c->at - c->from };
    return JSON_CUT_WHOLE;
}

enum json_cut_result vitro_json_cut(struct json_cut *c, vitro_str text, bool end, vitro_str *value)
{
    while (c->at < text.len) {
        char byte = text.ptr[c->at];
        bool first = false;

        if (!c->within) {
            if (is_space(byte)) {
                step(c, byte);
                continue;
            }
            begin(c, byte);
            first = true;
        }
        if (c->within == 'w') {
            if (!first && ends_word(byte))
                return whole(c, text, value);
            step(c, byte);
            if (first && ends_word(byte)) /* a bracket or comma that opens nothing */
                return whole(c, text, value);
        } else {
            bool last = nested(c, byte, first);

            step(c, byte);
            if (last)
                return whole(c, text, value);
        }
    }
    if (c->within == 'w' && end)
        return whole(c, text, value);
    if (c->within)
        *value = (vitro_str){ text.ptr + c->from, text.len - c->from };
    return c->within ? JSON_CUT_PART : JSON_CUT_NONE;
}

size_t vitro_json_cut_consume(struct json_cut *c)
{
    size_t done = c->within ? c->from : c->at;

    c->at -= done;
    c->from = 0;
    return done;
}
