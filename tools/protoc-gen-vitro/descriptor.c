/*
 * descriptor - the tables that describe a message at run time: fields by number, their order by
 * name, and the runs of consecutive numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "write.h"

size_t write_ranges(struct text *out, const char *name, const int32_t *numbers, size_t n)
{
    size_t runs = 0;
    text_put(out, "static const ProtobufCIntRange %s[] = {\n", name);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || numbers[i] != numbers[i - 1] + 1) {
            /* -2147483648 is no literal of int */
            char *start = numbers[i] == INT32_MIN ? text_of("(-2147483647 - 1)")
                                                  : text_of("%ld", (long)numbers[i]);
            text_put(out, "    { %s, %zu },\n", start, i);
            runs++;
        }
    }
    text_put(out, "    { 0, %zu },\n};\n", n);
    return runs;
}

static int by_number(const void *a, const void *b)
{
    const struct field *x = *(const struct field *const *)a, *y = *(const struct field *const *)b;
    return x->proto->number < y->proto->number ? -1 : x->proto->number > y->proto->number;
}

static const struct field **sorted_fields(const struct message *m)
{
    const struct field **list = room_pointers(m->n_fields);
    for (size_t i = 0; i < m->n_fields; i++) {
        list[i] = &m->fields[i];
    }
    qsort(list, m->n_fields, sizeof(void *), by_number);
    return list;
}

void write_message_defaults(struct text *out, const struct message *m)
{
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct field *f = &m->fields[i];
        if (!f->default_name) {
            continue;
        }
        size_t len = 0;
        if (!field_is_text(f) && !field_is_bytes(f)) {
            text_put(out, "static const %s %s = %s;\n", field_c_type(f), f->default_name,
                     field_default(f));
            continue;
        }
        char *bytes = field_default_bytes(f, &len);
        bool text = field_is_text(f);
        text_put(out, "%s %s%s[] = ", text ? "char" : "uint8_t", f->default_name,
                 text ? "" : "_data");
        text_literal(out, bytes, len);
        text_put(out, ";\n");
        if (!text) {
            text_put(out, "static const ProtobufCBinaryData %s = { %zu, %s_data };\n",
                     f->default_name, len, f->default_name);
        }
    }
}

static const char *label_of(const struct field *f)
{
    if (f->repeated) {
        return "REPEATED";
    }
    if (f->required) {
        return "REQUIRED";
    }
    return f->presence ? "OPTIONAL" : "NONE";
}

static char *flags_of(const struct field *f)
{
    return text_of("0%s%s%s", field_is_packed(f) ? " | PROTOBUF_C_FIELD_FLAG_PACKED" : "",
                   field_is_deprecated(f) ? " | PROTOBUF_C_FIELD_FLAG_DEPRECATED" : "",
                   f->oneof ? " | PROTOBUF_C_FIELD_FLAG_ONEOF" : "");
}

static char *default_of(const struct field *f)
{
    if (f->default_name) {
        return text_of("&%s", f->default_name);
    }
    bool empty = field_is_text(f) && f->owner->file->proto3 && !f->presence;
    return text_of(empty ? "&protobuf_c_empty_string" : "NULL");
}

static char *descriptor_of(const struct field *f)
{
    const struct type *t = f->message       ? &f->message->type
                           : f->enumeration ? &f->enumeration->type
                                            : NULL;
    return t ? text_of("&%s__descriptor", t->lower) : text_of("NULL");
}

static void write_field(struct text *out, const struct field *f)
{
    /* Only proto3 asks that strings be UTF-8. */
    bool any_string = field_is_text(f) && !f->owner->file->proto3;
    char *quantifier = f->quantifier
                           ? text_of("offsetof(%s, %s)", f->owner->type.name, f->quantifier)
                           : text_of("0");
    text_fill(out,
              "    { \"$name$\", $number$, PROTOBUF_C_LABEL_$label$, PROTOBUF_C_TYPE_$type$,\n"
              "      $quantifier$, offsetof($message$, $member$),\n"
              "      $descriptor$, $default$, $flags$, $reserved$, NULL, NULL },\n",
              (const struct var[]){ { "name", f->proto->name },
                                    { "number", text_of("%d", f->proto->number) },
                                    { "label", label_of(f) },
                                    { "type", field_type_name(f) },
                                    { "quantifier", quantifier },
                                    { "message", f->owner->type.name },
                                    { "member", f->member },
                                    { "descriptor", descriptor_of(f) },
                                    { "default", default_of(f) },
                                    { "flags", flags_of(f) },
                                    { "reserved", any_string ? "VITRO_PB_FIELD_ANY_STRING" : "0" },
                                    { NULL, NULL } });
}

struct named {
    const char *name;
    size_t index;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static void write_name_index(struct text *out, const struct message *m,
                             const struct field *const *sorted)
{
    struct named *list = room(m->n_fields * sizeof *list);
    for (size_t i = 0; i < m->n_fields; i++) {
        list[i] = (struct named){ sorted[i]->proto->name, i };
    }
    qsort(list, m->n_fields, sizeof *list, by_name);
    text_put(out, "static const unsigned %s__field_indices_by_name[] = {\n", m->type.lower);
    for (size_t i = 0; i < m->n_fields; i++) {
        text_put(out, "    %zu, /* %s */\n", list[i].index, list[i].name);
    }
    text_put(out, "};\n");
}

/* Three tables; returns the number of runs. A message without fields has none of them. */
static size_t write_tables(struct text *out, const struct message *m)
{
    if (m->n_fields == 0) {
        return 0;
    }
    const struct field **sorted = sorted_fields(m);
    int32_t *numbers = room(m->n_fields * sizeof *numbers);
    text_put(out, "static const ProtobufCFieldDescriptor %s__field_descriptors[] = {\n",
             m->type.lower);
    for (size_t i = 0; i < m->n_fields; i++) {
        write_field(out, sorted[i]);
        numbers[i] = sorted[i]->proto->number;
    }
    text_put(out, "};\n");
    write_name_index(out, m, sorted);
    return write_ranges(out, text_of("%s__number_ranges", m->type.lower), numbers, m->n_fields);
}

void write_message_descriptor(struct text *out, const struct message *m)
{
    size_t runs = write_tables(out, m);
    const char *lower = m->type.lower;
    bool empty = m->n_fields == 0;
    text_fill(out,
              "const ProtobufCMessageDescriptor $lower$__descriptor = {\n"
              "    PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,\n"
              "    \"$full$\",\n    \"$brief$\",\n    \"$type$\",\n    \"$package$\",\n"
              "    sizeof($type$),\n    $n$,\n    $fields$,\n    $indices$,\n    $runs$,\n"
              "    $ranges$,\n    (ProtobufCMessageInit)$lower$__init,\n    NULL, NULL, NULL,\n"
              "};\n\n",
              (const struct var[]){
                  { "lower", lower },
                  { "full", m->type.full },
                  { "brief", m->type.brief },
                  { "type", m->type.name },
                  { "package", m->file->package },
                  { "n", text_of("%zu", m->n_fields) },
                  { "fields", empty ? "NULL" : text_of("%s__field_descriptors", lower) },
                  { "indices", empty ? "NULL" : text_of("%s__field_indices_by_name", lower) },
                  { "runs", text_of("%zu", runs) },
                  { "ranges", empty ? "NULL" : text_of("%s__number_ranges", lower) },
                  { NULL, NULL } });
}
