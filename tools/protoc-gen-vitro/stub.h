/*
 * stub - the two sides of a service: stub.c writes the client's, handler.c the server's.
 */
#ifndef PROTOC_GEN_VITRO_STUB_H
#define PROTOC_GEN_VITRO_STUB_H

#include "write.h"

/** Fill a template with a method's names: $name$, $Request$, $path$ ... */
void stub_fill(struct text *out, const char *template, const struct service *s,
               const struct method *m);

void write_client_header(struct text *out, const struct service *s, const struct method *m);
void write_client_source(struct text *out, const struct service *s, const struct method *m);

#endif
