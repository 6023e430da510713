/*
 * hostile - texts that would do something to a terminal, captures full of them, and a watch over
 * what a program writes to one.
 */
#ifndef VITRO_TESTS_HOSTILE_H
#define VITRO_TESTS_HOSTILE_H

#include <stdbool.h>

#include "support/pcap_write.h"
#include "support/seed.h"

/*
 * A text of control characters, escape sequences, marks of direction, broken UTF-8, floods of
 * combining characters and wide ones; terminated, without NUL inside.
 */
void hostile_text(struct chance *c, char *out, size_t size);

/* A capture with such texts wherever a peer, a program or a file may put one. */
void hostile_capture(struct pcap_write *w, struct chance *c);

/* What is allowed to come: only text; text and colours; what curses sends to move about. */
enum watch_kind { WATCH_TEXT, WATCH_COLOR, WATCH_SCREEN };

struct watch {
    enum watch_kind kind;
    bool may_copy; /* OSC 52, base64 in it */
    int state;
    uint8_t held[64]; /* of an escape sequence or a character that is not whole yet */
    size_t held_len;
    unsigned marks; /* zero-width characters so far on one place */
    size_t copies;
    char wrong[160]; /* empty: nothing */
};

/* Look at the next bytes; false once something came that may not. */
bool watch_bytes(struct watch *w, const void *bytes, size_t n);

#endif
