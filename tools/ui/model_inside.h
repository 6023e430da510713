/*
 * model_inside - what the files of the model share: model.c (the list and the cursor in it),
 * model_event.c (the selected event), model_find.c (filter and search).
 */
#ifndef VITRO_UI_MODEL_INSIDE_H
#define VITRO_UI_MODEL_INSIDE_H

#include "ui/model.h"

enum { MODEL_SLICE = 1024 }; /* events that are looked at before a key is answered */

/* The place of an event, or of the next one shown. */
size_t model_place(const struct model *m, uint32_t number);

/* Decode the event at the cursor anew; forget its lines. */
void model_load(struct model *m);
void model_drop_lines(struct model *m);

/* Look at more events, for those that are listed; true when something came of it. */
bool model_scan(struct model *m);

#endif
