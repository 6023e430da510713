/* scan - a header as a list of what it declares, each with the doc comment before it. */
#include "manual.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { ITEMS_MAX = 256 };

struct scan {
    struct header *header;
    const char *at;
    const char *doc; /* the comment before what comes next; NULL: none */
    unsigned line;
    bool ok;
};

const char *file_read(const char *file)
{
    struct text t = { 0 };
    char chunk[8192];
    FILE *f = fopen(file, "rb");

    if (!f)
        return NULL;
    text_add(&t, "", 0);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        text_add(&t, chunk, n);
    fclose(f);
    return t.ptr;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void advance(struct scan *s, const char *to)
{
    for (; s->at < to; s->at++)
        s->line += *s->at == '\n';
}

static struct item *add_item(struct scan *s, enum kind kind, const char *name)
{
    struct header *h = s->header;
    struct item *i = &h->items[h->count];
    const char *problem = NULL;

    if (h->count + 1 >= ITEMS_MAX)
        return i; /* the last one is written over: check finds the page missing */
    h->count++;
    memset(i, 0, sizeof *i);
    i->kind = kind;
    i->name = name;
    i->line = s->line;
    i->documented = s->doc != NULL;
    i->type = "";
    if (s->doc && !doc_read(&i->doc, s->doc, &problem)) {
        fprintf(stderr, "%s:%u: %s\n", h->file, s->line, problem);
        s->ok = false;
    }
    s->doc = NULL;
    return i;
}

static const char *word_at(const char *p)
{
    size_t n = 0;

    while (isalnum((unsigned char)p[n]) || p[n] == '_')
        n++;
    return text_copy(p, n);
}

/* ---- comments and macros --------------------------------------------------------------------- */

/* " * call - one remote procedure call", then the rest. */
static void read_head(struct header *h, const char *text)
{
    const char *dash = strstr(text, " - "), *end = strchr(text, '\n');

    if (!dash || (end && dash > end)) {
        h->about = "";
        h->intro = text;
        return;
    }
    h->about = end ? text_copy(dash + 3, (size_t)(end - dash - 3)) : dash + 3;
    h->intro = end ? end + 1 : "";
}

static void read_comment(struct scan *s)
{
    const char *end = strstr(s->at + 2, "*/");
    bool doc = begins(s->at, "/**");
    const char *text;

    if (!end)
        end = s->at + strlen(s->at) - 2;
    text = comment_text(s->at, (size_t)(end + 2 - s->at));
    if (!s->header->about)
        read_head(s->header, text);
    s->doc = doc ? text : NULL;
    advance(s, end + 2);
}

static const char *line_end(const char *p)
{
    while (*p && (*p != '\n' || p[-1] == '\\'))
        p++;
    return p;
}

static void attach_init(struct header *h, const char *macro)
{
    size_t n = strlen(macro) - strlen("_INIT");

    for (size_t i = 0; i < h->count; i++) {
        if (strlen(h->items[i].name) == n && strncasecmp(h->items[i].name, macro, n) == 0)
            h->items[i].init = macro;
    }
}

static void read_define(struct scan *s, const char *end)
{
    const char *name = word_at(s->at + strlen("#define ")), *rest;
    struct item *i;

    if (!s->doc) {
        if (strlen(name) > 5 && strcmp(name + strlen(name) - 5, "_INIT") == 0)
            attach_init(s->header, name);
        return;
    }
    i = add_item(s, ITEM_MACRO, name);
    rest = s->at + strlen("#define ") + strlen(name);
    if (*rest == '(')
        i->type = text_copy(rest + 1, strcspn(rest + 1, ")"));
    decl_rows(i, text_copy(rest, (size_t)(end - rest)));
}

static void read_directive(struct scan *s)
{
    const char *end = line_end(s->at);

    if (begins(s->at, "#define "))
        read_define(s, end);
    advance(s, end);
}

/* ---- declarations ---------------------------------------------------------------------------- */

/* Behind the ; that ends the declaration. */
static const char *declaration_end(const char *p)
{
    int depth = 0;

    while (*p) {
        if (begins(p, "/*")) {
            const char *end = strstr(p + 2, "*/");
            p = end ? end + 2 : p + strlen(p);
            continue;
        }
        depth += *p == '{' || *p == '(';
        depth -= *p == '}' || *p == ')';
        if (*p++ == ';' && depth == 0)
            break;
    }
    return p;
}

/* The { and what matches it. */
static bool body_of(const char *text, const char **begin, const char **end)
{
    *begin = strchr(text, '{');
    *end = *begin ? strrchr(text, '}') : NULL;
    if (!*end)
        return false;
    ++*begin;
    return true;
}

static void read_type(struct scan *s, const char *text)
{
    bool is_enum = strstr(text, "enum") && strstr(text, "enum") < strchr(text, '{');
    const char *begin, *end;
    struct item *i;

    if (!body_of(text, &begin, &end))
        return;
    i = add_item(s, is_enum ? ITEM_ENUM : ITEM_STRUCT, word_at(end + 1 + strspn(end + 1, " ")));
    (is_enum ? decl_constants : decl_members)(i, begin, (size_t)(end - begin));
}

static void read_declaration(struct scan *s)
{
    const char *end = declaration_end(s->at), *text = text_copy(s->at, (size_t)(end - s->at));

    if (begins(text, "VITRO_API"))
        decl_function(add_item(s, ITEM_FUNCTION, ""), text);
    else if (strchr(text, '{'))
        read_type(s, text);
    else if (begins(text, "typedef struct "))
        add_item(s, ITEM_OPAQUE, word_at(text + strlen("typedef struct ")));
    s->doc = NULL;
    advance(s, end);
}

static void read_next(struct scan *s)
{
    if (isspace((unsigned char)*s->at) || *s->at == '}')
        advance(s, s->at + 1);
    else if (begins(s->at, "/*"))
        read_comment(s);
    else if (*s->at == '#')
        read_directive(s);
    else if (begins(s->at, "extern \"C\" {"))
        advance(s, s->at + strlen("extern \"C\" {"));
    else
        read_declaration(s);
}

bool header_scan(struct header *h, const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    struct scan s = { .header = h, .at = file_read(file), .line = 1, .ok = true };

    if (!s.at) {
        perror(file);
        return false;
    }
    memset(h, 0, sizeof *h);
    h->file = file;
    h->name = text_copy(name, strcspn(name, "."));
    h->items = room(ITEMS_MAX * sizeof *h->items);
    while (*s.at)
        read_next(&s);
    return s.ok;
}
