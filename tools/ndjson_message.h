/*
 * ndjson_message - messages and their protobuf fields as members of an event's object.
 */
#ifndef VITRO_TOOLS_NDJSON_MESSAGE_H
#define VITRO_TOOLS_NDJSON_MESSAGE_H

#include "json_out.h"
#include "vitro/lab/decode.h"

/* The list "fields" of those at this depth, from item i on; returns the item behind them. */
size_t ndjson_fields(struct json_out *j, const vitro_detail *dt, size_t i, unsigned depth);

/* A message, or what is in it. */
void ndjson_message(struct json_out *j, const vitro_event *ev, const vitro_detail *dt);

/* The messages that lie whole in a held frame of DATA. */
void ndjson_held_messages(struct json_out *j, const vitro_detail *dt);

#endif
