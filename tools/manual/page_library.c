/* page_library - the page of a function, and that of a header with its types and constants. */
#include "manual.h"

#include <ctype.h>
#include <string.h>

enum { SEE_MAX = 64 };

/* What the page is called in one line: the first sentence, or what stands before a colon that
 * does not only say whose function it is ("Server: end the call"). */
static const char *first_sentence(const char *about)
{
    enum { WHOSE = 8 };
    size_t len = 0;

    for (; about[len] && about[len] != ';'; len++) {
        bool last = !about[len + 1] || isspace((unsigned char)about[len + 1]);
        if (last && (about[len] == '.' || (about[len] == ':' && len > WHOSE)))
            break;
    }
    return text_copy(about, len);
}

static const char *page_of(const struct header *h)
{
    return text_of("vitro_%s 3", h->name);
}

/* ---- a function ------------------------------------------------------------------------------ */

static void put_synopsis(struct text *out, const struct item *i, const struct header *h)
{
    text_put(out, ".Sh LIBRARY\nvitro (libvitro, \\-lvitro)\n.Sh SYNOPSIS\n.In vitro/%s.h\n",
             h->name);
    text_put(out, ".Ft %s\n.Fo %s\n", roff_arg(i->type), i->name);
    for (size_t a = 0; a < i->n_args; a++)
        text_put(out, ".Fa %s\n", roff_arg(i->args[a].decl));
    if (i->n_args == 0)
        text_put(out, ".Fa void\n");
    text_put(out, ".Fc\n");
}

static const char *param_text(const struct item *i, const char *name)
{
    for (size_t k = 0; k < i->doc.n_params; k++) {
        if (strcmp(i->doc.params[k].name, name) == 0)
            return i->doc.params[k].text;
    }
    return strcmp(name, "err") == 0 ? "filled on failure; may be NULL." : NULL;
}

static void put_params(struct text *out, const struct item *i)
{
    bool begun = false;

    for (size_t a = 0; a < i->n_args; a++) {
        const char *text = param_text(i, i->args[a].name);
        if (!text)
            continue;
        text_put(out, "%s.It Fa %s\n", begun ? "" : ".Bl -tag -width \"options\"\n",
                 i->args[a].name);
        roff_text(out, text);
        begun = true;
    }
    text_put(out, "%s", begun ? ".El\n" : "");
}

/* "loop." is short for those who know the library. */
static const char *thread_text(const char *text)
{
    static const char *const rows[][2] = {
        { "loop", "The one that drives the object's loop, while it runs" },
        { "any", "Any" },
        { "the first loop's", "The one that drives the first loop" },
        { "the server's first loop's", "The one that drives the server's first loop" },
        { "as ", "As " },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i][0]);
        if (strncmp(text, rows[i][0], n) == 0)
            return text_of("%s%s", rows[i][1], text + n);
    }
    return text;
}

static void put_section(struct text *out, const char *title, const char *text)
{
    char *copy;

    if (!text)
        return;
    copy = text_copy(text, strlen(text));
    copy[0] = (char)toupper((unsigned char)copy[0]);
    text_put(out, ".Sh %s\n", title);
    roff_text(out, copy);
}

/* Pages of the functions that the comment names. */
static void add_named(const char **see, size_t *n, const char *text, const struct item *self,
                      const struct header *all, size_t n_headers)
{
    for (const char *p = text; p && (p = strstr(p, "vitro_")) != NULL; p++) {
        size_t len = 0;
        while (isalnum((unsigned char)p[len]) || p[len] == '_')
            len++;
        const struct item *f = find_function(all, n_headers, p, len, NULL);
        if (f && f != self && *n < SEE_MAX)
            see[(*n)++] = text_of("%s 3", f->name);
    }
}

static void put_see_also(struct text *out, const struct item *i, const struct header *h,
                         const struct header *all, size_t n)
{
    const char *see[SEE_MAX + 2] = { page_of(h), "vitro 7" };
    size_t count = 2;

    add_named(see, &count, i->doc.about, i, all, n);
    add_named(see, &count, i->doc.returns, i, all, n);
    add_named(see, &count, i->doc.thread, i, all, n);
    add_named(see, &count, i->doc.wire, i, all, n);
    for (size_t k = 0; k < i->doc.n_params; k++)
        add_named(see, &count, i->doc.params[k].text, i, all, n);
    roff_see_also(out, see, count);
}

void page_function(struct text *out, const struct item *i, const struct header *h,
                   const struct header *all, size_t n)
{
    roff_title(out, i->name, 3, first_sentence(i->doc.about));
    put_synopsis(out, i, h);
    text_put(out, ".Sh DESCRIPTION\n");
    roff_text(out, i->doc.about);
    put_params(out, i);
    put_section(out, "RETURN VALUES", i->doc.returns);
    put_section(out, "THREADS", thread_text(i->doc.thread));
    put_section(out, "FROM CALLBACKS", i->doc.reentry);
    put_section(out, "ON THE WIRE", i->doc.wire);
    put_see_also(out, i, h, all, n);
    put_section(out, "STANDARDS", i->doc.source);
}

/* ---- a header -------------------------------------------------------------------------------- */

static void put_fields(struct text *out, const struct field *fields, size_t n)
{
    text_put(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < n; i++) {
        text_put(out, ".It Vt %s\n", roff_arg(fields[i].decl));
        if (*fields[i].about)
            roff_text(out, fields[i].about);
        if (fields[i].count)
            put_fields(out, fields[i].fields, fields[i].count);
    }
    text_put(out, ".El\n");
}

/* What the constants of an enum without a name have in common: "VITRO_SEND_..." */
static const char *common_name(const struct item *i)
{
    const char *first = i->fields[0].decl;
    size_t len = strcspn(first, " ");

    if (i->count == 1)
        return text_copy(first, len);
    for (size_t k = 1; k < i->count; k++) {
        size_t n = 0;
        while (n < len && i->fields[k].decl[n] == first[n])
            n++;
        len = n;
    }
    return text_of("%.*s...", (int)len, first);
}

static const char *item_title(const struct item *i)
{
    if (i->kind == ITEM_MACRO && *i->type)
        return text_of("%s(%s)", i->name, i->type);
    return *i->name ? i->name : common_name(i);
}

/* An enum that a list macro makes has that one's words and rows. */
static const struct item *list_of(const struct header *h, const struct item *i)
{
    for (size_t k = 0; i->kind == ITEM_ENUM && i->count == 0 && k < h->count; k++) {
        if (h->items[k].kind == ITEM_MACRO && h->items[k].count)
            return &h->items[k];
    }
    return i;
}

static void put_item(struct text *out, const struct header *h, const struct item *i)
{
    text_put(out, ".Ss %s\n", roff_arg(item_title(i)));
    i = list_of(h, i);
    if (i->doc.about)
        roff_text(out, i->doc.about);
    if (i->init && !(i->doc.about && strstr(i->doc.about, i->init)))
        text_put(out, "%sBegin with \\fB%s\\fR.\n", i->doc.about ? ".Pp\n" : "", i->init);
    if (i->count)
        put_fields(out, i->fields, i->count);
    if (i->doc.source) {
        text_put(out, ".Pp\nSource: ");
        roff_words(out, i->doc.source, strlen(i->doc.source));
    }
}

/* What has a heading of its own: opaque types are told in the head comment. */
static void put_items(struct text *out, const struct header *h, const char *title, enum kind kind)
{
    bool begun = false;

    for (size_t i = 0; i < h->count; i++) {
        if (h->items[i].kind != kind)
            continue;
        text_put(out, "%s%s%s", begun ? "" : ".Sh ", begun ? "" : title, begun ? "" : "\n");
        put_item(out, h, &h->items[i]);
        begun = true;
    }
}

static void put_functions(struct text *out, const struct header *h)
{
    text_put(out, ".Sh FUNCTIONS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < h->count; i++) {
        const struct item *f = &h->items[i];
        const char *about;
        if (f->kind != ITEM_FUNCTION)
            continue;
        about = first_sentence(f->doc.about);
        text_put(out, ".It Xr %s 3\n", f->name);
        roff_words(out, about, strlen(about));
    }
    text_put(out, ".El\n");
}

void page_header(struct text *out, const struct header *h, const struct header *all, size_t n)
{
    const char *see[SEE_MAX] = { "vitro 7" };
    size_t count = 1;

    for (size_t i = 0; i < n && count < SEE_MAX; i++) {
        if (&all[i] != h)
            see[count++] = page_of(&all[i]);
    }
    roff_title(out, text_of("vitro_%s", h->name), 3, h->about);
    text_put(out,
             ".Sh LIBRARY\nvitro (libvitro, \\-lvitro)\n.Sh SYNOPSIS\n.In vitro/%s.h\n"
             ".Sh DESCRIPTION\n",
             h->name);
    roff_text(out, h->intro);
    put_functions(out, h);
    put_items(out, h, "TYPES", ITEM_STRUCT);
    put_items(out, h, "CONSTANTS", ITEM_ENUM);
    put_items(out, h, "MACROS", ITEM_MACRO);
    roff_see_also(out, see, count);
}
