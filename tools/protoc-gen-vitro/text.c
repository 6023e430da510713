/*
 * text - see text.h. A generator runs for milliseconds, so nothing is released before its end;
 * chunks stay linked to each other, so that a leak checker finds them all.
 */
#include "text.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 * 1024, ALIGN = 16 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};
static struct chunk *chunks;

static struct chunk *chunk_new(size_t size)
{
    struct chunk *c = calloc(1, sizeof *c + size);
    if (!c) {
        fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
        abort();
    }
    c->size = size;
    c->next = chunks;
    chunks = c;
    return c;
}

void *room(size_t size)
{
    assert(size < SIZE_MAX / 2);
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct chunk *c = chunks;
    if (!c || c->size - c->used < size) {
        c = chunk_new(size > CHUNK ? size : CHUNK);
    }
    c->used += size;
    return c->bytes + c->used - size;
}

void *room_pointers(size_t n)
{
    return room(n * sizeof(void *));
}

char *text_copy(const char *s, size_t len)
{
    char *copy = room(len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *text_of(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(n >= 0);
    char *s = room((size_t)n + 1);
    va_start(args, format);
    vsnprintf(s, (size_t)n + 1, format, args);
    va_end(args);
    return s;
}

static void text_grow(struct text *t, size_t more)
{
    if (t->room - t->len > more) {
        return;
    }
    size_t size = t->room ? t->room : 4096;
    while (size - t->len <= more) {
        size *= 2;
    }
    char *bigger = room(size);
    if (t->len) {
        memcpy(bigger, t->ptr, t->len);
    }
    t->ptr = bigger;
    t->room = size;
}

void text_add(struct text *t, const char *s, size_t len)
{
    text_grow(t, len);
    memcpy(t->ptr + t->len, s, len);
    t->len += len;
    t->ptr[t->len] = '\0';
}

void text_put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(n >= 0);
    text_grow(t, (size_t)n);
    va_start(args, format);
    vsnprintf(t->ptr + t->len, (size_t)n + 1, format, args);
    va_end(args);
    t->len += (size_t)n;
}

static const char *var_value(const struct var *vars, const char *name, size_t len)
{
    for (const struct var *v = vars; v->name; v++) {
        if (strlen(v->name) == len && !memcmp(v->name, name, len)) {
            return v->value;
        }
    }
    fprintf(stderr, "%s: no variable %.*s in a template\n", program_invocation_short_name, (int)len,
            name);
    abort();
}

void text_fill(struct text *t, const char *template, const struct var *vars)
{
    for (const char *p = template; *p;) {
        const char *name = strchr(p, '$');
        if (!name) {
            text_add(t, p, strlen(p));
            return;
        }
        text_add(t, p, (size_t)(name - p));
        const char *end = strchr(++name, '$');
        assert(end);
        const char *value = var_value(vars, name, (size_t)(end - name));
        text_add(t, value, strlen(value));
        p = end + 1;
    }
}

void text_literal(struct text *t, const char *bytes, size_t len)
{
    text_add(t, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\' || c == '?') { /* "??" would begin a trigraph */
            text_put(t, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            text_put(t, "\\%03o", c);
        } else {
            text_add(t, bytes + i, 1);
        }
    }
    text_add(t, "\"", 1);
}
