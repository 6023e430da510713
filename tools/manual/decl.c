/* decl - what the text of a declaration says: arguments, members, constants. */
#include "manual.h"

#include <ctype.h>
#include <string.h>

enum { FIELDS_MAX = 64 };

/* One space for each run of white space, none at the ends; comments are left out. */
static const char *tidy(const char *text, size_t len)
{
    struct text t = { 0 };
    bool space = false;

    text_add(&t, "", 0);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '/' && i + 1 < len && text[i + 1] == '*') {
            const char *end = memmem(text + i, len - i, "*/", 2);
            i = end ? (size_t)(end + 1 - text) : len;
            space = true;
        } else if (isspace((unsigned char)text[i])) {
            space = true;
        } else {
            if (space && t.len && t.ptr[t.len - 1] != '(')
                text_add(&t, " ", 1);
            space = false;
            text_add(&t, text + i, 1);
        }
    }
    return t.ptr;
}

/* ---- functions ------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* "void (*release)(const void *ptr)" is called release, "const char *const *names" names. */
static const char *arg_name(const char *decl)
{
    const char *star = strstr(decl, "(*"), *end, *begin;

    if (star) {
        begin = star + 2;
        for (end = begin; is_word(*end);)
            end++;
        return text_copy(begin, (size_t)(end - begin));
    }
    end = decl + strlen(decl);
    if (strchr(decl, '['))
        end = strchr(decl, '[');
    for (begin = end; begin > decl && is_word(begin[-1]);)
        begin--;
    return text_copy(begin, (size_t)(end - begin));
}

static void add_arg(struct item *i, const char *text, size_t len)
{
    const char *decl = tidy(text, len);

    if (strcmp(decl, "void") == 0 || i->n_args == ARGS_MAX)
        return;
    i->args[i->n_args++] = (struct arg){ decl, strcmp(decl, "...") ? arg_name(decl) : "..." };
}

/* text begins behind the ( of the arguments. */
static void split_args(struct item *i, const char *text)
{
    int depth = 1;

    for (const char *begin = text; depth > 0 && *text; text++) {
        depth += *text == '(';
        depth -= *text == ')';
        if (depth == 0 || (depth == 1 && *text == ',')) {
            add_arg(i, begin, (size_t)(text - begin));
            begin = text + 1;
        }
    }
}

void decl_function(struct item *i, const char *text)
{
    static const char *const attributes[] = { "VITRO_API ", "VITRO_CHECKED " };
    const char *flat = tidy(text, strlen(text)), *paren, *name, *end;

    for (size_t a = 0; a < 2; a++) {
        if (strncmp(flat, attributes[a], strlen(attributes[a])) == 0)
            flat += strlen(attributes[a]);
    }
    paren = strchr(flat, '(');
    if (!paren)
        return;
    for (name = paren; name > flat && is_word(name[-1]);)
        name--;
    i->name = text_copy(name, (size_t)(paren - name));
    for (end = name; end > flat && end[-1] == ' ';)
        end--;
    i->type = text_copy(flat, (size_t)(end - flat));
    split_args(i, paren + 1);
}

/* ---- members and constants ------------------------------------------------------------------- */

struct list {
    struct field *fields;
    size_t count;
    const char *before; /* a comment on lines of its own: of what follows */
};

static struct field *add_field(struct list *l, const char *decl)
{
    struct field *f = &l->fields[l->count];

    if (l->count + 1 < FIELDS_MAX)
        l->count++;
    *f = (struct field){ .decl = decl, .about = l->before ? l->before : "" };
    l->before = NULL;
    return f;
}

/* Lines of a comment in a body are no paragraphs. */
static const char *one_line(const char *text)
{
    return tidy(text, strlen(text));
}

/* A comment behind a member, on its line or the next ones, is the member's. */
static const char *read_comment(struct list *l, const char *p, const char *end, bool same_line)
{
    const char *stop = memmem(p, (size_t)(end - p), "*/", 2);
    const char *text = one_line(comment_text(p, (size_t)((stop ? stop + 2 : end) - p)));

    if (same_line && l->count && !*l->fields[l->count - 1].about)
        l->fields[l->count - 1].about = text;
    else
        l->before = text;
    return stop ? stop + 2 : end;
}

static void read_members(struct list *l, const char *p, const char *end, char separator);

/* "struct { ... } frame[4]": a member with members. */
static void add_member(struct list *l, const char *begin, const char *end)
{
    const char *open = memchr(begin, '{', (size_t)(end - begin)), *close = open;
    struct field *f;

    if (!open) {
        const char *decl = tidy(begin, (size_t)(end - begin));
        if (*decl)
            add_field(l, decl);
        return;
    }
    for (const char *p = open; p < end; p++)
        close = *p == '}' ? p : close;
    f = add_field(l, text_of("struct %s", tidy(close + 1, (size_t)(end - close - 1))));
    struct list inner = { .fields = room(FIELDS_MAX * sizeof *inner.fields) };
    read_members(&inner, open + 1, close, ';');
    f->fields = inner.fields;
    f->count = inner.count;
}

static void read_members(struct list *l, const char *p, const char *end, char separator)
{
    const char *begin = p;
    bool same_line = false;
    int depth = 0;

    while (p < end) {
        if (depth == 0 && p + 1 < end && p[0] == '/' && p[1] == '*') {
            if (separator == ',' && p > begin) { /* the last constant has no comma */
                add_member(l, begin, p);
                same_line = same_line || *tidy(begin, (size_t)(p - begin));
            }
            begin = p = read_comment(l, p, end, same_line);
            continue;
        }
        same_line = same_line && *p != '\n';
        depth += *p == '{' || *p == '(';
        depth -= *p == '}' || *p == ')';
        if (depth == 0 && *p == separator) {
            add_member(l, begin, p);
            begin = p + 1;
            same_line = true;
        }
        p++;
    }
    add_member(l, begin, end);
}

static void read_body(struct item *i, const char *body, size_t len, char separator)
{
    struct list l = { .fields = room(FIELDS_MAX * sizeof *l.fields) };

    read_members(&l, body, body + len, separator);
    i->fields = l.fields;
    i->count = l.count;
}

void decl_members(struct item *i, const char *body, size_t len)
{
    read_body(i, body, len, ';');
}

/* An enum made of a list macro has nothing to read here: the macro's rows are shown. */
void decl_constants(struct item *i, const char *body, size_t len)
{
    if (!memchr(body, '#', len))
        read_body(i, body, len, ',');
}

/* The rows of a list macro: X(NOT_FOUND, 5). */
void decl_rows(struct item *i, const char *text)
{
    struct list l = { .fields = room(FIELDS_MAX * sizeof *l.fields) };

    if (strcmp(i->type, "X") != 0)
        return;
    for (const char *p = text; (p = strstr(p, "X(")) != NULL; p += 2) {
        size_t name = strcspn(p + 2, ",)"), all = strcspn(p + 2, ")");
        if (name < all)
            add_field(&l, text_of("VITRO_%.*s =%.*s", (int)name, p + 2, (int)(all - name - 1),
                                  p + 3 + name));
    }
    i->fields = l.fields;
    i->count = l.count;
}
