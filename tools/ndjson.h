/*
 * ndjson - events as JSON, one object a line. Names are Wireshark's where it has one.
 */
#ifndef VITRO_TOOLS_NDJSON_H
#define VITRO_TOOLS_NDJSON_H

#include <stdio.h>

#include "live.h"
#include "vitro/lab/decode.h"

struct ndjson {
    FILE *out;
    bool hpack;              /* what each header field did to the table */
    const struct live *live; /* of a capture that is being made; NULL: of a file */
};

/* keylog: the file whose secrets are used; NULL: none is. */
void ndjson_begin(struct ndjson *n, const char *file, const char *keylog);
void ndjson_event(struct ndjson *n, vitro_decode *d, const vitro_event *ev);

/* error may be NULL: the text of what ended the capture early. */
void ndjson_end(struct ndjson *n, const vitro_decode *d, const char *error);

#endif
