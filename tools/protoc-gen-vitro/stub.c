/*
 * stub - the client's side of a service.
 */
#include "write.h"

void write_service_header(struct text *out, const struct service *s)
{
    write_comment(out, s->place, "");
}

void write_service_source(struct text *out, const struct service *s)
{
    (void)out;
    (void)s;
}
