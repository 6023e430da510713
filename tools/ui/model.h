/*
 * model - everything the screen shows, and nothing of how: events, what is selected, what is
 * looked for. It is loaded, filtered and searched in slices, so that keys are answered meanwhile.
 *
 * The selected event's fields are lines, each with the bytes it came from: the line follows the
 * byte and the byte the line.
 */
#ifndef VITRO_UI_MODEL_H
#define VITRO_UI_MODEL_H

#include "filter.h"
#include "live.h"
#include "ui/edit.h"
#include "ui/facts.h"
#include "ui/moment.h"
#include "vitro/lab/decode.h"

enum pane { PANE_EVENTS, PANE_TREE, PANE_BYTES, PANE_INFO, PANE_COUNT };
enum info { INFO_TEXT, INFO_EXPLAIN, INFO_HPACK, INFO_WINDOWS, INFO_LADDER, INFO_COUNT };

struct study; /* ui/study.h */

enum { LINE_RANGES = 4, KEY_TEXT = 64, MARKS = 26 };

/* Bytes of the event, from its own first; or of what was made of them. */
struct range {
    uint64_t lo, hi;
};

struct line {
    char *text;
    char key[KEY_TEXT]; /* for vitro_explain() */
    uint8_t depth;
    bool derived, unknown;
    bool made; /* it stands in what was made of the event's bytes: opened, inflated */
    struct range at[LINE_RANGES];
    int ranges;
};

struct row { /* one event of the list */
    uint32_t number;
    char arrow;
    uint8_t style; /* enum style */
    bool bad;
    bool held; /* of a lesson: not yet sent */
    char title[160];
    char tail[40]; /* stream and length */
};

struct model {
    vitro_decode *d;
    vitro_language language;
    const char *name; /* of the capture */
    bool loaded;      /* all of it */
    char failure[256];
    uint64_t size, read;     /* bytes of the capture, and how many the decoder was given */
    const struct live *live; /* of what makes it; NULL: nobody counts */
    unsigned rate;           /* events a second that come */
    uint64_t missed;         /* packets that nobody could take in */

    /*
     * A lesson: its text is a pane; what the gate says of itself is not listed, and what is held
     * stands behind all that happened. NULL: none, there is no INFO_TEXT then.
     */
    struct study *study;

    struct filter filter;
    char filter_text[PROMPT_TEXT];
    bool filtered;
    bool sifted;     /* not all are listed: by the filter, or in a lesson */
    uint32_t *shown; /* numbers of the events that are listed, while sifted */
    size_t shown_count, shown_cap;
    uint32_t scanned;
    uint32_t wanted; /* the event to come back to when the filter has passed it */

    uint32_t pick;    /* number of the selected event; 0: none */
    size_t place;     /* its place in the list */
    vitro_event ev;   /* a copy of it */
    vitro_span made;  /* what was made of its bytes; of no length: nothing */
    vitro_span bytes; /* what is looked at: its own bytes, or those, as the selected line says */
    char title[256], key[KEY_TEXT], why[160];
    struct line *lines;
    size_t count;
    size_t line;   /* selected */
    uint64_t byte; /* selected, from the first of bytes */

    enum pane focus;
    enum info info;
    size_t top[PANE_COUNT];
    unsigned depth; /* of the tree that is open */
    bool follow;
    uint32_t unseen; /* events that came since following was left */
    uint32_t marks[MARKS];

    char search[PROMPT_TEXT];
    struct facts_search seek; /* for it */
    bool searching, backwards;
    size_t search_at, search_left;

    struct moment moment;
    bool moment_there;
    bool moment_seen; /* a pane shows it: only then it is worth the walk */
    char message[256];
};

void model_init(struct model *m, vitro_decode *d, vitro_language language, const char *name);
void model_done(struct model *m);

/* From now on it is a lesson's. Lends. */
void model_study(struct model *m, struct study *study);
/* What is known of the selected event has changed. */
void model_again(struct model *m);
/* The selected event is not to be seen yet. */
bool model_masked(const struct model *m, uint32_t number);
/* It is held: not yet sent. */
bool model_held(const struct model *m, uint32_t number);

/* The number that an event is shown with, and the event that is shown with a number. */
uint32_t model_number(const struct model *m, uint32_t event);
uint32_t model_numbered(const struct model *m, uint32_t number);

/* The list: how many are shown, and the number of the event at a place. */
size_t model_count(const struct model *m);
uint32_t model_at(const struct model *m, size_t place);
void model_row(const struct model *m, uint32_t number, struct row *out);

/* Events have come; filter and follow go on. */
void model_grown(struct model *m);

/* Do some of what is not done yet; true when something changed. */
bool model_work(struct model *m);
/* True while there is something to do. */
bool model_busy(const struct model *m);
void model_stop(struct model *m);

void model_select(struct model *m, size_t place);
bool model_go(struct model *m, uint32_t number); /* or the nearest shown behind it */
void model_line(struct model *m, size_t line);
void model_byte(struct model *m, uint64_t byte);
bool model_has_bytes(const struct model *m); /* the selected event: to be looked at */
bool model_drill(struct model *m);           /* to what this event became */
bool model_rise(struct model *m);            /* to what it came from */

/* False, and err filled, leaves the old one. */
bool model_filter(struct model *m, const char *text, struct filter_error *err);
void model_search(struct model *m, bool backwards);

/* Lines that are open, in order; the place of the selected one. */
bool model_open(const struct model *m, size_t line);

void model_say(struct model *m, const char *format, ...) VITRO_PRINTF(2, 3);

#endif
