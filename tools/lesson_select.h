/*
 * lesson_select - which events of a run a `wire` block shows.
 *
 *      all                          every event
 *      c2s HEADERS 1                all of these words describe the event
 *      SETTINGS !ACK                and those with a ! do not
 *      c2s PREFACE, c2s SETTINGS    one of the two
 *      c2s DATA 3 [1-4]             of those that the words describe, the first four
 *      NOTE waiting [2], GRPC [9-]  the second; from the ninth on
 *      c2s DATA 3 [1-4+], DATA [+]  the first four, and a line that says how many there are; it
 *                                   alone
 *      c2s HEADERS 1 ^              and the record that it came in, with what else that holds
 *
 * Words: c2s, s2c; the connection as conn=0; the stream's number; TLS and what its line says of a
 * record (ClientHello, alert, unknown_ca); PREFACE, the frame's type (HEADERS) and its flags
 * (END_STREAM); TCP with SYN, FIN, RST; GRPC; PROTOBUF and the message's type; NOTE, its kind
 * (say) and its side (client, server), which of a said sentence is its beginning, up to a colon,
 * of a message in memory (lesson_message.h) its name, and its other fields as call=2. What came out
 * of a chosen event is chosen, too: with DATA its messages and their fields.
 */
#ifndef VITRO_TOOLS_LESSON_SELECT_H
#define VITRO_TOOLS_LESSON_SELECT_H

#include "vitro/lab/decode.h"

enum {
    LESSON_TERMS = 32, /* alternatives of a selector that are looked at */
    LESSON_WORDS = 32,
    LESSON_WORD = 64
};

/*
 * Is the event, or one that it came from, described by the words of the selector? Ranges are
 * not looked at: shown or only counted, the event belongs to the block. d keeps its events.
 */
bool lesson_selects(vitro_decode *d, const vitro_event *ev, const char *selector);

/* The words that describe an event. */
struct lesson_words {
    char text[LESSON_WORDS][LESSON_WORD];
    size_t count;
};

/* Without memory there are none. */
void lesson_words_of(struct lesson_words *out, vitro_decode *d, const vitro_event *ev);

/* The alternatives that the words fit: bit i stands for the one after i commas. */
uint32_t lesson_words_fit(const struct lesson_words *w, const char *selector);

#endif
