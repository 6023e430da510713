/*
 * enum - enumerations: the C type, and the descriptor with its two indices. Two names of one
 * number are aliases: the first declared stands for it, both are found by name.
 */
#include <stdlib.h>
#include <string.h>

#include "write.h"

void write_enum_type(struct text *out, const struct enumeration *e)
{
    write_comment(out, e->type.place, "");
    text_put(out, "typedef enum _%s {\n", e->type.name);
    for (size_t i = 0; i < e->n_values; i++) {
        const struct value *v = &e->values[i];
        write_comment(out, v->place, "    ");
        /* The least number is no literal of int: its digits alone do not fit. */
        char *number =
            v->number == INT32_MIN ? text_of("(-2147483647 - 1)") : text_of("%ld", (long)v->number);
        text_put(out, "    %s = %s%s\n", v->name, number, i + 1 < e->n_values ? "," : "");
    }
    text_put(out, "    PROTOBUF_C__FORCE_ENUM_TO_BE_INT_SIZE(%s)\n} %s;\n\n", e->type.upper,
             e->type.name);
}

struct distinct {
    const struct value **values;
    size_t n;
};

static int by_number(const void *a, const void *b)
{
    const struct value *x = *(const struct value *const *)a, *y = *(const struct value *const *)b;
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return x < y ? -1 : x > y; /* as declared */
}

static int by_name(const void *a, const void *b)
{
    const struct value *x = *(const struct value *const *)a, *y = *(const struct value *const *)b;
    return strcmp(x->brief, y->brief);
}

static const struct value **sorted(const struct enumeration *e,
                                   int (*order)(const void *, const void *))
{
    const struct value **list = room_pointers(e->n_values);
    for (size_t i = 0; i < e->n_values; i++) {
        list[i] = &e->values[i];
    }
    qsort(list, e->n_values, sizeof(void *), order);
    return list;
}

static struct distinct distinct_values(const struct enumeration *e)
{
    struct distinct d = { sorted(e, by_number), 0 };
    for (size_t i = 0; i < e->n_values; i++) {
        if (i == 0 || d.values[i]->number != d.values[d.n - 1]->number) {
            d.values[d.n++] = d.values[i];
        }
    }
    return d;
}

static size_t index_of(const struct distinct *d, int32_t number)
{
    size_t i = 0;
    while (d->values[i]->number != number) {
        i++;
    }
    return i;
}

static void write_by_number(struct text *out, const struct enumeration *e, const struct distinct *d)
{
    text_put(out, "static const ProtobufCEnumValue %s__values_by_number[] = {\n", e->type.lower);
    for (size_t i = 0; i < d->n; i++) {
        const struct value *v = d->values[i];
        text_put(out, "    { \"%s\", \"%s\", %s },\n", v->brief, v->name, v->name);
    }
    text_put(out, "};\n");
}

static void write_by_name(struct text *out, const struct enumeration *e, const struct distinct *d)
{
    const struct value **list = sorted(e, by_name);
    text_put(out, "static const ProtobufCEnumValueIndex %s__values_by_name[] = {\n", e->type.lower);
    for (size_t i = 0; i < e->n_values; i++) {
        text_put(out, "    { \"%s\", %zu },\n", list[i]->brief, index_of(d, list[i]->number));
    }
    text_put(out, "};\n");
}

void write_enum_descriptor(struct text *out, const struct enumeration *e)
{
    struct distinct d = distinct_values(e);
    int32_t *numbers = room(d.n * sizeof *numbers);
    for (size_t i = 0; i < d.n; i++) {
        numbers[i] = d.values[i]->number;
    }
    write_by_number(out, e, &d);
    write_by_name(out, e, &d);
    size_t runs = write_ranges(out, text_of("%s__value_ranges", e->type.lower), numbers, d.n);
    text_fill(out,
              "const ProtobufCEnumDescriptor $lower$__descriptor = {\n"
              "    PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,\n"
              "    \"$full$\",\n    \"$brief$\",\n    \"$type$\",\n    \"$package$\",\n"
              "    $n$,\n    $lower$__values_by_number,\n"
              "    $n_names$,\n    $lower$__values_by_name,\n"
              "    $runs$,\n    $lower$__value_ranges,\n"
              "    NULL, NULL, NULL, NULL,\n};\n\n",
              (const struct var[]){ { "lower", e->type.lower },
                                    { "full", e->type.full },
                                    { "brief", e->type.brief },
                                    { "type", e->type.name },
                                    { "package", e->type.place.file->package },
                                    { "n", text_of("%zu", d.n) },
                                    { "n_names", text_of("%zu", e->n_values) },
                                    { "runs", text_of("%zu", runs) },
                                    { NULL, NULL } });
}
