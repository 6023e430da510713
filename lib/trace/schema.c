#include <string.h>

#include "base/text.h"
#include "trace/note.h"
#include "trace/tap.h"

/* A schema that a trace has, by the name of its file. */
struct schema {
    struct schema *next;
    char *file;
};

static bool schema_known(const vitro_trace *t, vitro_str file)
{
    for (const struct schema *s = t->schemas; s; s = s->next)
        if (vitro_str_eq(vitro_str_of(s->file), file))
            return true;
    return false;
}

static void schema_remember(vitro_trace *t, vitro_str file)
{
    struct schema *s = vitro_mem_alloc(&t->account, sizeof *s);

    if (!s)
        return;
    s->file = vitro_mem_text(&t->account, file);
    if (!s->file) {
        vitro_mem_free(&t->account, s, sizeof *s);
        return;
    }
    s->next = t->schemas;
    t->schemas = s;
}

void vitro_trace_schema(vitro_trace *trace, vitro_str file, vitro_bytes descriptor)
{
    struct note_schema note = { file, descriptor };

    if (!vitro_trace_on(trace))
        return;
    vitro_trace_enter(trace);
    if (!schema_known(trace, file)) {
        vitro_note_write(trace, NOTE_ID_schema, &note);
        vitro_buf_done(&trace->entry); /* no other note is as long */
        schema_remember(trace, file);
    }
    vitro_trace_leave(trace);
}

void vitro_schemas_free(vitro_trace *t)
{
    while (t->schemas) {
        struct schema *s = t->schemas;
        t->schemas = s->next;
        vitro_mem_free(&t->account, s->file, strlen(s->file) + 1);
        vitro_mem_free(&t->account, s, sizeof *s);
    }
}
