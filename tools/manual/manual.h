/*
 * manual - the manual pages, made of what is written already: the doc comments of the public
 * headers, and what `vitro help COMMAND` prints.
 *
 *      header -> scan -> items -> doc: its parts -> check: what lacks? -> page of each function,
 *                                                                       page of the header
 */
#ifndef VITRO_TOOLS_MANUAL_H
#define VITRO_TOOLS_MANUAL_H

#include <stdbool.h>
#include <stddef.h>

#include "protoc-gen-vitro/text.h"

enum { ARGS_MAX = 12 };

/* ---- doc comments ---------------------------------------------------------------------------- */

struct param {
    const char *name;
    const char *text;
};

/* A doc comment in its parts. Texts keep their lines: an empty one parts paragraphs, an indented
 * one is shown as it is. NULL: there is no such part. */
struct doc {
    const char *about;
    struct param params[ARGS_MAX];
    size_t n_params;
    const char *returns, *thread, *reentry, *wire, *source;
};

/* The inside of a comment, its stars and margins removed. */
const char *comment_text(const char *comment, size_t len);

/* False, and *problem, when it cannot be read: a part twice, too many parameters. */
bool doc_read(struct doc *d, const char *text, const char **problem);

/* ---- declarations ---------------------------------------------------------------------------- */

enum kind { ITEM_FUNCTION, ITEM_STRUCT, ITEM_ENUM, ITEM_OPAQUE, ITEM_MACRO };

/* A member of a struct, or a constant of an enum. */
struct field {
    const char *decl;
    const char *about;    /* "": nothing is said */
    struct field *fields; /* of a struct without a name */
    size_t count;
};

struct arg {
    const char *decl; /* "vitro_call *call" */
    const char *name;
};

struct item {
    enum kind kind;
    const char *name; /* "": an enum without one */
    unsigned line;
    bool documented;
    struct doc doc;
    const char *type; /* what a function returns; what a macro takes, "" for nothing */
    struct arg args[ARGS_MAX];
    size_t n_args;
    struct field *fields; /* of structs and enums; of macros that list: X(NAME, NUMBER) */
    size_t count;
    const char *init; /* the macro that begins such a struct; NULL: none */
};

struct header {
    const char *file;  /* as it was given: "lib/include/vitro/call.h" */
    const char *name;  /* "call" */
    const char *about; /* behind the name in its head comment, one line */
    const char *intro; /* the rest of that */
    struct item *items;
    size_t count;
};

/* Read a header. False when it cannot be, said on stderr. */
bool header_scan(struct header *h, const char *file);

/* The whole file, terminated; NULL when it cannot be read. */
const char *file_read(const char *file);

/* decl.c: fill in what the text of a declaration says. */
void decl_function(struct item *i, const char *text);
void decl_members(struct item *i, const char *body, size_t len);
void decl_constants(struct item *i, const char *body, size_t len);
void decl_rows(struct item *i, const char *text);

/* ---- what must be there ---------------------------------------------------------------------- */

/* Each line of what a header's doc comments lack goes to stderr; how many there are. */
unsigned header_check(const struct header *h, const struct header *all, size_t n);

/* The function of that name, and in which header; NULL: there is none. */
const struct item *find_function(const struct header *all, size_t n, const char *name, size_t len,
                                 const struct header **in);

/* ---- roff (mdoc) ----------------------------------------------------------------------------- */

/* Text in paragraphs. */
void roff_text(struct text *out, const char *text);
/* One paragraph, without its .Pp. */
void roff_words(struct text *out, const char *text, size_t len);
/* Lines as they are, between .Bd and .Ed. */
void roff_literal(struct text *out, const char *text, size_t len);
/* A quoted argument of a macro. */
const char *roff_arg(const char *text);
/* The lines of every page before DESCRIPTION. */
void roff_title(struct text *out, const char *name, int section, const char *about);
/* A .Sh SEE ALSO of names, sorted, each once; what is not a page of ours is "NAME SECTION". */
void roff_see_also(struct text *out, const char **names, size_t n);

extern const char *roff_version, *roff_date;

/* ---- pages ----------------------------------------------------------------------------------- */

void page_function(struct text *out, const struct item *i, const struct header *h,
                   const struct header *all, size_t n);
void page_header(struct text *out, const struct header *h, const struct header *all, size_t n);

/* A command's page out of its help text; see: what its SEE ALSO names. */
void page_tool(struct text *out, const char *name, const char *help, const char **see, size_t n);

/* A page written by hand: @VERSION@, @DATE@, and lines @CODE FILE@. NULL file: said on stderr. */
bool page_by_hand(struct text *out, const char *source);

#endif
