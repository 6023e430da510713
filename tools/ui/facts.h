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

bool facts_text_holds(vitro_str hay, vitro_str text);

#endif
