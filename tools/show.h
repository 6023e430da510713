/*
 * show - a capture for people and programs: on the screen, as text, as NDJSON. What commands that
 * show one share: their options, the decoder, the schemas, what is said in the end.
 */
#ifndef VITRO_TOOLS_SHOW_H
#define VITRO_TOOLS_SHOW_H

#include <getopt.h>

#include "keylog.h"
#include "lag.h"
#include "live.h"
#include "ndjson.h"
#include "print.h"
#include "source.h"

enum { SHOW_LISTS = 64 };

struct show {
    const char *command; /* for errors: "inspect" */
    const char *name;    /* of the capture, for people */
    bool follows;        /* it is being made: each event is out before more is waited for */
    bool json, plain, stats, hpack, ascii, mouse, screen;
    const char *color; /* auto, always, never */
    char *protos[SHOW_LISTS], *dirs[SHOW_LISTS], *sets[SHOW_LISTS];
    size_t proto_count, dir_count, set_count;
    struct keylog keylog;
    struct lag lag; /* of what comes, behind what its secrets may take to come */
    struct source *source;
    vitro_decode *decode;
    uint64_t limit; /* bytes that the decoder may see; the screen lets it see them slice by slice */
    const struct live *live; /* of what makes it; NULL: nobody counts */
    struct printer printer;
    struct ndjson ndjson;
};

/* The options for getopt_long(); their values are no short options of anybody. */
enum {
    SHOW_PLAIN = 0x100,
    SHOW_JSON,
    SHOW_HPACK,
    SHOW_STATS,
    SHOW_ASCII,
    SHOW_MOUSE,
    SHOW_COLOR,
    SHOW_PROTO,
    SHOW_DESCRIPTOR_SET,
    SHOW_KEYLOG,
    SHOW_END /* where a command's own begin */
};

#define SHOW_SHORT_OPTIONS "I:"
#define SHOW_LONG_OPTIONS                                                                          \
    { "plain", no_argument, NULL, SHOW_PLAIN }, { "json", no_argument, NULL, SHOW_JSON },          \
        { "hpack", no_argument, NULL, SHOW_HPACK }, { "stats", no_argument, NULL, SHOW_STATS },    \
        { "ascii", no_argument, NULL, SHOW_ASCII }, { "mouse", no_argument, NULL, SHOW_MOUSE },    \
        { "color", required_argument, NULL, SHOW_COLOR },                                          \
        { "proto", required_argument, NULL, SHOW_PROTO },                                          \
        { "keylog", required_argument, NULL, SHOW_KEYLOG },                                        \
    {                                                                                              \
        "descriptor-set", required_argument, NULL, SHOW_DESCRIPTOR_SET                             \
    }

/* Take an option that getopt_long() found; false when it is none of these, or its value is bad. */
bool show_option(struct show *s, int option, char *value);

/* After the options. What a program ends with, 0 to go on; an error has been told. */
int show_check(struct show *s);

/* Make the decoder over source, which stays the caller's, and teach it the schemas. */
int show_open(struct show *s, struct source *source);

/* Show all of it. Returns what a program ends with. */
int show_run(struct show *s);

/* Before the source is closed. Accepts what was never opened. */
void show_close(struct show *s);

/* --color as it was given, or NULL; then what the environment says, and whether this is a terminal.
 */
bool show_wants_color(const char *asked);

/* A mistake of the command line. */
int show_usage(const struct show *s, const char *what, const char *why);

#endif
