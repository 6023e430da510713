#include <string.h>

#include "base/text.h"
#include "trace/note.h"
#include "trace/tap.h"
#include "vitro/pb.h"

/* A schema that a trace has, by the name of its file; kept for sinks that are yet to come. */
struct schema {
    struct schema *next; /* in the order of writing: imports come first */
    char *file;
    vitro_bytes descriptor;
};

static bool schema_known(const vitro_trace *t, vitro_str file)
{
    for (const struct schema *s = t->schemas; s; s = s->next)
        if (vitro_str_eq(vitro_str_of(s->file), file))
            return true;
    return false;
}

static void schema_free(vitro_trace *t, struct schema *s)
{
    if (s->file)
        vitro_mem_free(&t->account, s->file, strlen(s->file) + 1);
    vitro_mem_free(&t->account, (uint8_t *)(uintptr_t)s->descriptor.ptr, s->descriptor.len);
    vitro_mem_free(&t->account, s, sizeof *s);
}

static bool copy_bytes(struct account *a, vitro_bytes from, vitro_bytes *to)
{
    uint8_t *copy = from.len ? vitro_mem_alloc(a, from.len) : NULL;

    if (from.len && !copy)
        return false;
    if (copy)
        memcpy(copy, from.ptr, from.len);
    *to = (vitro_bytes){ copy, from.len };
    return true;
}

static void schema_remember(vitro_trace *t, vitro_str file, vitro_bytes descriptor)
{
    struct schema *s = vitro_mem_zalloc(&t->account, sizeof *s), **at = &t->schemas;

    if (!s)
        return;
    s->file = vitro_mem_text(&t->account, file);
    if (!s->file || !copy_bytes(&t->account, descriptor, &s->descriptor)) {
        schema_free(t, s);
        return;
    }
    while (*at)
        at = &(*at)->next;
    *at = s;
}

static void write_schema(vitro_trace *t, vitro_str file, vitro_bytes descriptor)
{
    struct note_schema note = { file, descriptor };

    if (schema_known(t, file))
        return;
    if (vitro_trace_heard(t))
        vitro_note_write(t, NOTE_ID_schema, &note);
    vitro_buf_done(&t->entry); /* no other note is as long */
    schema_remember(t, file, descriptor);
}

void vitro_schemas_tell(vitro_trace *t, struct sink *sink)
{
    for (const struct schema *s = t->schemas; s; s = s->next) {
        struct note_schema note = { vitro_str_of(s->file), s->descriptor };
        vitro_note_write_to(t, sink, NOTE_ID_schema, &note);
    }
    vitro_buf_done(&t->entry);
}

void vitro_trace_schema(vitro_trace *trace, vitro_str file, vitro_bytes descriptor)
{
    if (!trace)
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
    /* asked before each call, of the same file as a rule: without the lock */
    if (!trace || !file || __atomic_load_n(&trace->last_file, __ATOMIC_RELAXED) == file)
        return;
    vitro_trace_enter(trace);
    write_file(trace, file);
    __atomic_store_n(&trace->last_file, file, __ATOMIC_RELAXED);
    vitro_trace_leave(trace);
}

void vitro_schemas_free(vitro_trace *t)
{
    while (t->schemas) {
        struct schema *s = t->schemas;
        t->schemas = s->next;
        schema_free(t, s);
    }
}
