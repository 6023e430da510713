/*
 * names - see names.h. The rules for upper and lower case are protobuf-c's, so that its users'
 * code finds the names that it knows: an underscore before each capital that follows a small
 * letter, two of them for a dot.
 */
#include "names.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static int to_upper(int c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static int to_lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Each part between dots starts anew: no underscore before its first letter. */
static char *snake(const char *full, const char *dot, int (*convert)(int))
{
    struct text t = { 0 };
    text_add(&t, "", 0);
    bool was_upper = true;
    for (const char *p = full; *p; p++) {
        if (*p == '.') {
            text_put(&t, "%s", dot);
            was_upper = true;
            continue;
        }
        if (is_upper(*p) && !was_upper) {
            text_add(&t, "_", 1);
        }
        was_upper = is_upper(*p);
        text_put(&t, "%c", convert(*p));
    }
    return t.ptr;
}

char *name_lower(const char *full)
{
    return snake(full, "__", to_lower);
}

char *name_upper(const char *full)
{
    return snake(full, "__", to_upper);
}

char *name_stub(const char *full)
{
    return snake(full, "_", to_lower);
}

char *snake_lower(const char *name)
{
    return snake(name, "__", to_lower);
}

char *snake_upper(const char *name)
{
    return snake(name, "__", to_upper);
}

char *name_type(const char *full)
{
    struct text t = { 0 };
    text_add(&t, "", 0);
    bool first = true;
    for (const char *p = full; *p; p++) {
        if (*p == '.') {
            text_put(&t, "__");
            first = true;
        } else if (*p == '_') {
            first = true;
        } else {
            text_put(&t, "%c", first ? to_upper(*p) : *p);
            first = false;
        }
    }
    return t.ptr;
}

char *all_lower(const char *name)
{
    char *s = text_copy(name, strlen(name));
    for (char *p = s; *p; p++) {
        *p = (char)to_lower(*p);
    }
    return s;
}

char *name_file(const char *path)
{
    struct text t = { 0 };
    text_put(&t, "%s", isdigit((unsigned char)*path) ? "proto_" : "");
    for (const char *p = path; *p; p++) {
        if (isalnum((unsigned char)*p)) {
            text_add(&t, p, 1);
        } else if (*p == '/' || *p == '.') {
            text_put(&t, "_");
        } else if (*p == '_') {
            text_put(&t, "__");
        } else {
            text_put(&t, "_%02x", (unsigned char)*p);
        }
    }
    return t.ptr;
}

/* Sorted for bsearch. C up to C23, C++ up to C++23, and `errno`, which is a macro. */
static const char *const keywords[] = {
    "alignas",     "alignof",
    "and",         "and_eq",
    "asm",         "auto",
    "bitand",      "bitor",
    "bool",        "break",
    "case",        "catch",
    "char",        "char16_t",
    "char32_t",    "char8_t",
    "class",       "co_await",
    "co_return",   "co_yield",
    "compl",       "concept",
    "const",       "const_cast",
    "consteval",   "constexpr",
    "constinit",   "continue",
    "decltype",    "default",
    "delete",      "do",
    "double",      "dynamic_cast",
    "else",        "enum",
    "errno",       "explicit",
    "export",      "extern",
    "false",       "float",
    "for",         "friend",
    "goto",        "if",
    "inline",      "int",
    "long",        "mutable",
    "namespace",   "new",
    "noexcept",    "not",
    "not_eq",      "nullptr",
    "operator",    "or",
    "or_eq",       "private",
    "protected",   "public",
    "register",    "reinterpret_cast",
    "requires",    "restrict",
    "return",      "short",
    "signed",      "sizeof",
    "static",      "static_assert",
    "static_cast", "struct",
    "switch",      "template",
    "this",        "thread_local",
    "throw",       "true",
    "try",         "typedef",
    "typeid",      "typename",
    "typeof",      "typeof_unqual",
    "union",       "unsigned",
    "using",       "virtual",
    "void",        "volatile",
    "wchar_t",     "while",
    "xor",         "xor_eq",
};

static int keyword_order(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *)row);
}

bool name_is_keyword(const char *name)
{
    return bsearch(name, keywords, sizeof keywords / sizeof *keywords, sizeof *keywords,
                   keyword_order) != NULL;
}

static unsigned names_slot(const struct names *set, const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (const char *p = name; *p; p++) {
        h = (h ^ (unsigned char)*p) * 16777619u;
    }
    unsigned i = h & (set->size - 1);
    while (set->slot[i] && strcmp(set->slot[i], name) != 0) {
        i = (i + 1) & (set->size - 1);
    }
    return i;
}

static void names_grow(struct names *set)
{
    struct names bigger = { .size = set->size ? set->size * 2 : 64 };
    bigger.slot = room(bigger.size * sizeof *bigger.slot);
    for (unsigned i = 0; i < set->size; i++) {
        if (set->slot[i]) {
            bigger.slot[names_slot(&bigger, set->slot[i])] = set->slot[i];
        }
    }
    bigger.used = set->used;
    *set = bigger;
}

bool names_has(const struct names *set, const char *name)
{
    return set->size && set->slot[names_slot(set, name)];
}

bool names_add(struct names *set, const char *name)
{
    if (set->used * 2 >= set->size) {
        names_grow(set);
    }
    unsigned i = names_slot(set, name);
    if (set->slot[i]) {
        return false;
    }
    set->slot[i] = text_copy(name, strlen(name));
    set->used++;
    return true;
}
