#include <string.h>

#include "base/text.h"
#include "trace/note.h"
#include "trace/tap.h"
#include "vitro/pb.h"

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

static void write_schema(vitro_trace *t, vitro_str file, vitro_bytes descriptor)
{
    struct note_schema note = { file, descriptor };

    if (schema_known(t, file))
        return;
    vitro_note_write(t, NOTE_ID_schema, &note);
    vitro_buf_done(&t->entry); /* no other note is as long */
    schema_remember(t, file);
}

void vitro_trace_schema(vitro_trace *trace, vitro_str file, vitro_bytes descriptor)
{
    if (!vitro_trace_on(trace))
        return;
    vitro_trace_enter(trace);
    write_schema(trace, file, descriptor);
    vitro_trace_leave(trace);
}

/* As deep as imports go, which protoc keeps from going round. */
static void write_file(vitro_trace *t, const vitro_pb_file *file)
{
    vitro_str name = vitro_str_of(file->name);
    vitro_bytes descriptor = { file->descriptor, file->descriptor_len };

    if (schema_known(t, name))
        return;
    for (const vitro_pb_file *const *dep = file->deps; dep && *dep; dep++)
        write_file(t, *dep);
    write_schema(t, name, descriptor);
}

void vitro_trace_file(vitro_trace *trace, const struct vitro_pb_file *file)
{
    if (!vitro_trace_on(trace) || !file)
        return;
    vitro_trace_enter(trace);
    write_file(trace, file);
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
