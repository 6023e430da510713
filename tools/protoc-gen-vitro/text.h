/*
 * text - strings of the generators: an arena that lives as long as the process, growing text,
 * and templates with $name$ in them.
 */
#ifndef PROTOC_GEN_VITRO_TEXT_H
#define PROTOC_GEN_VITRO_TEXT_H

#include <stddef.h>

/** Zeroed memory that is released with the process. Never NULL: ends the process instead. */
void *room(size_t size);
/** Room for n pointers, all NULL. */
void *room_pointers(size_t n);
char *text_copy(const char *s, size_t len);
char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct text {
    char *ptr; /* terminated once something was put */
    size_t len;
    size_t room;
};

void text_add(struct text *t, const char *s, size_t len);
void text_put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct var {
    const char *name;
    const char *value;
};

/** Append a template: $name$ becomes its value. vars ends with a NULL name. */
void text_fill(struct text *t, const char *template, const struct var *vars);

/** Append bytes as a C string literal, split so that no escape runs into a digit. */
void text_literal(struct text *t, const char *bytes, size_t len);

#endif
