/*
 * print - events as text: one line an event, its bytes, then its fields with the bytes of each.
 *
 *      #12 0.001234 > HEADERS stream 1 flags END_HEADERS length 119
 *          0018  00 00 77 01 04 00 00 00  01 83 86 44 9a ...  |..w........D....|
 *          0018+3  00 00 77                 length: 119
 *
 * `>` is client to server, `<` the other way, `*` a note. Nothing of a peer's reaches the output
 * unescaped. vitro inspect and vitro learn print through this one file.
 */
#ifndef VITRO_TOOLS_PRINT_H
#define VITRO_TOOLS_PRINT_H

#include <stdio.h>

#include "vitro/lab/decode.h"

struct printer {
    FILE *out;
    vitro_language language;
    bool ascii;    /* everything else as \u{..} */
    bool explain;  /* a line of the dictionary under each event */
    bool no_bytes; /* leave the dump out */
    bool color;    /* first lines in the colour of their direction */
    bool hpack;    /* what each header field did to the table */
    bool timed;    /* start is set */
    int64_t start; /* time of the first event: times are shown from here */
    size_t most;   /* bytes of an event, or of a text in it, that are shown; 0: 512 */
    size_t few;    /* of one that has more: so many; 0: most */
};

/* Print one event; d is inside on_event, or keeps its events. */
void print_event(struct printer *p, vitro_decode *d, const vitro_event *ev);

/* Print only its first line. */
void print_headline(struct printer *p, vitro_decode *d, const vitro_event *ev,
                    const vitro_detail *detail);

/* Print one field: its name and what it says, without its bytes and without an end of line. */
void print_item(struct printer *p, const vitro_item *item);

/* Text of a peer, safe for a terminal. */
void print_escaped(struct printer *p, vitro_str s);

#endif
