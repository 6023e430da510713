/*
 * facts - what an event has, for filters and for search.
 */
#ifndef VITRO_UI_FACTS_H
#define VITRO_UI_FACTS_H

#include "filter.h"
#include "vitro/lab/decode.h"

struct facts {
    vitro_decode *d;
    const vitro_event *ev;
    vitro_detail detail; /* its fields, once they were asked for */
    bool decoded;
};

/* A filter_facts: user is a struct facts. */
void facts_of(void *user, const struct filter_field *field, filter_visit *visit, void *visitor);

/* True when the event's title or one of its fields holds the text, capital letters or small. */
bool facts_hold(vitro_decode *d, const vitro_event *ev, vitro_str text);

/*
 * The same for one text and many events. Most of them are alike, and differ in numbers or in header
 * fields only: what one of them says of the text, the others say as well.
 */
enum { SEARCH_ALIKE = 1024, SEARCH_TEXT = 256 };

struct facts_search {
    char text[SEARCH_TEXT];
    bool steady;                  /* no number holds the text, nor a part of it */
    bool steady_blocks;           /* and no part of a header block but its fields */
    uint64_t alike[SEARCH_ALIKE]; /* kinds of events that do not hold it; 0: none */
};

void facts_search_begin(struct facts_search *s, const char *text);
bool facts_search_holds(struct facts_search *s, vitro_decode *d, const vitro_event *ev);

bool facts_text_holds(vitro_str hay, vitro_str text);

#endif
