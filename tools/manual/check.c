/*
 * check - what a doc comment must say, and does not: what it does, each parameter with who owns
 * it, what is returned, on which thread; and functions that it names and nobody has.
 */
#include "manual.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct check {
    const struct header *header;
    const struct item *item;
    unsigned missing;
};

static void lack(struct check *c, const char *what, const char *which)
{
    fprintf(stderr, "%s:%u: %s: %s%s\n", c->header->file, c->item->line,
            *c->item->name ? c->item->name : "enum", what, which);
    c->missing++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The word stands in the text, alone. */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = text; p && (p = strstr(p, word)) != NULL; p += n) {
        if ((p == text || !is_word(p[-1])) && !is_word(p[n]))
            return true;
    }
    return false;
}

/* Who owns what a pointer points to: five verbs, and what is done to a place for a result. */
static bool says_owner(const char *text)
{
    static const char *const verbs[] = {
        "copies", "Copies", "copied", "lends",  "Lends",  "lent",  "takes",
        "Takes",  "gives",  "Gives",  "given",  "keeps",  "Keeps", "kept",
        "filled", "set",    "refs",   "static", "called", "asked", "NULL does nothing",
    };

    for (size_t i = 0; text && i < sizeof verbs / sizeof *verbs; i++) {
        if (has_word(text, verbs[i]))
            return true;
    }
    return false;
}

static bool is_pointer(const char *decl)
{
    return strchr(decl, '*') || strncmp(decl, "vitro_bytes ", 12) == 0 ||
           strncmp(decl, "vitro_str ", 10) == 0;
}

/* The object of the function, which its name says: vitro_call *call. */
static bool is_object(const struct arg *a)
{
    const char *type = strncmp(a->decl, "const ", 6) == 0 ? a->decl + 6 : a->decl;
    size_t n = strlen(a->name);

    return strncmp(type, "vitro_", 6) == 0 && strncmp(type + 6, a->name, n) == 0 &&
           strncmp(type + 6 + n, " *", 2) == 0 && type[8 + n] != '*';
}

static const char *param_text(const struct doc *d, const char *name)
{
    for (size_t i = 0; i < d->n_params; i++) {
        if (strcmp(d->params[i].name, name) == 0)
            return d->params[i].text ? d->params[i].text : "";
    }
    return NULL;
}

static void check_arg(struct check *c, const struct arg *a)
{
    const struct doc *d = &c->item->doc;
    const char *text = param_text(d, a->name);

    if (!text && (is_object(a) || strcmp(a->name, "err") == 0 || strcmp(a->name, "...") == 0))
        return;
    if (!text && !is_pointer(a->decl) && has_word(d->about, a->name))
        return;
    if (!text && d->n_params == 0 && says_owner(d->about))
        return;
    if (!text)
        lack(c, "no @param ", a->name);
    else if (is_pointer(a->decl) && !is_object(a) && strcmp(a->name, "err") && !says_owner(text))
        lack(c, "who owns it is not said: @param ", a->name);
}

static void check_return(struct check *c)
{
    const struct doc *d = &c->item->doc;
    const char *type = c->item->type;

    if (strcmp(type, "void") == 0)
        return;
    if (!d->returns && (strcmp(type, "vitro_code") == 0 || d->n_params > 0))
        lack(c, "no @return", "");
    else if (is_pointer(text_of("%s ", type)) && !says_owner(d->returns) && !says_owner(d->about))
        lack(c, "who owns what is returned is not said", "");
}

static void check_params_exist(struct check *c)
{
    const struct item *i = c->item;

    for (size_t k = 0; k < i->doc.n_params; k++) {
        bool found = false;
        for (size_t a = 0; a < i->n_args; a++)
            found = found || strcmp(i->args[a].name, i->doc.params[k].name) == 0;
        if (!found)
            lack(c, "@param of no parameter: ", i->doc.params[k].name);
    }
}

static void check_function(struct check *c)
{
    const struct item *i = c->item;

    if (!i->documented || !i->doc.about) {
        lack(c, "no doc comment", "");
        return;
    }
    for (size_t a = 0; a < i->n_args; a++)
        check_arg(c, &i->args[a]);
    check_params_exist(c);
    check_return(c);
    if (!i->doc.thread)
        lack(c, "no Thread:", "");
}

static void check_type(struct check *c)
{
    const struct item *i = c->item;

    if (i->documented || i->kind == ITEM_OPAQUE)
        return;
    for (size_t k = 0; k < i->count; k++) {
        if (!*i->fields[k].about) {
            lack(c, "neither a doc comment nor one at ", i->fields[k].decl);
            return;
        }
    }
}

/* ---- references ------------------------------------------------------------------------------ */

const struct item *find_function(const struct header *all, size_t n, const char *name, size_t len,
                                 const struct header **in)
{
    for (size_t h = 0; h < n; h++) {
        for (size_t i = 0; i < all[h].count; i++) {
            const struct item *item = &all[h].items[i];
            if (item->kind == ITEM_FUNCTION && strlen(item->name) == len &&
                memcmp(item->name, name, len) == 0) {
                if (in)
                    *in = &all[h];
                return item;
            }
        }
    }
    return NULL;
}

static void check_names(struct check *c, const char *text, const struct header *all, size_t n)
{
    for (const char *p = text; p && (p = strstr(p, "vitro_")) != NULL; p++) {
        size_t len = 0;
        while (is_word(p[len]))
            len++;
        if (p[len] == '(' && p[len + 1] == ')' && (p == text || !is_word(p[-1])) &&
            !find_function(all, n, p, len, NULL))
            lack(c, "it names what does not exist: ", text_copy(p, len));
    }
}

static void check_references(struct check *c, const struct header *all, size_t n)
{
    const struct doc *d = &c->item->doc;
    const char *const texts[] = { d->about, d->returns, d->thread, d->reentry, d->wire, d->source };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_names(c, texts[i], all, n);
    for (size_t i = 0; i < d->n_params; i++)
        check_names(c, d->params[i].text, all, n);
}

unsigned header_check(const struct header *h, const struct header *all, size_t n)
{
    struct check c = { .header = h };
    struct item head = { .name = "head comment", .line = 1 };

    c.item = &head;
    if (!h->about || !*h->about)
        lack(&c, "no line \"NAME - what it is\"", "");
    check_names(&c, h->intro, all, n);
    for (size_t i = 0; i < h->count; i++) {
        c.item = &h->items[i];
        if (c.item->kind == ITEM_FUNCTION)
            check_function(&c);
        else
            check_type(&c);
        check_references(&c, all, n);
    }
    return c.missing;
}
