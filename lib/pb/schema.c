#include "pb/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "pb/schema_index.h"
#include "pb/wire.h"

enum { FIRST_BLOCK = 1024 };

vitro_code vitro_pb_schema_new(struct pb_schema **out, struct account *account, vitro_error *err)
{
    struct pb_schema *s = vitro_mem_zalloc(account, sizeof *s);

    *out = s;
    if (!s)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "schema", 0, "out of memory");
    s->account = account;
    vitro_arena_init(&s->arena, account, FIRST_BLOCK);
    for (int kind = 0; kind < PB_SYMBOL_KINDS; kind++)
        vitro_buf_init(&s->index[kind], account, SIZE_MAX / 2);
    return VITRO_OK;
}

void vitro_pb_schema_free(struct pb_schema *s)
{
    if (!s)
        return;
    for (int kind = 0; kind < PB_SYMBOL_KINDS; kind++)
        vitro_buf_done(&s->index[kind]);
    vitro_arena_done(&s->arena);
    vitro_mem_free(s->account, s, sizeof *s);
}

void vitro_pb_schema_rank(struct pb_schema *s, unsigned rank)
{
    s->rank = rank;
}

bool vitro_pb_symbol_add(struct pb_schema *s, enum pb_symbol_kind kind, vitro_str name, void *what)
{
    struct pb_symbol symbol = { name, s->rank, pb_symbol_count(s, kind), what };

    return vitro_buf_append(&s->index[kind], &symbol, sizeof symbol);
}

static int compare_names(vitro_str a, vitro_str b)
{
    size_t n = MIN(a.len, b.len);
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_symbols(const void *a, const void *b)
{
    const struct pb_symbol *x = a, *y = b;
    int order = compare_names(x->name, y->name);

    if (!order)
        order = (x->rank > y->rank) - (x->rank < y->rank);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static const struct pb_symbol *find(const struct pb_schema *s, enum pb_symbol_kind kind,
                                    vitro_str name)
{
    const struct pb_symbol *symbols = pb_symbols(s, kind);
    size_t low = 0, high = s->sorted[kind];

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = compare_names(name, symbols[mid].name);

        if (order == 0)
            return &symbols[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

void *vitro_pb_symbol_find(const struct pb_schema *s, enum pb_symbol_kind kind, vitro_str name)
{
    const struct pb_symbol *symbol = find(s, kind, name);

    return symbol ? symbol->what : NULL;
}

/* What was sorted before comes before what was added: orders are renumbered. */
static void sort_symbols(struct pb_schema *s, enum pb_symbol_kind kind)
{
    struct pb_symbol *symbols = pb_symbols(s, kind);
    size_t count = pb_symbol_count(s, kind), kept = 0;

    if (count == s->sorted[kind])
        return;
    for (size_t i = 0; i < count; i++)
        symbols[i].order = i;
    qsort(symbols, count, sizeof *symbols, compare_symbols);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_names(symbols[kept - 1].name, symbols[i].name) != 0)
            symbols[kept++] = symbols[i];
    }
    s->sorted[kind] = kept;
    s->index[kind].len = kept * sizeof *symbols;
}

static void link_message(const struct pb_schema *s, struct pb_message_type *m)
{
    for (size_t i = 0; i < m->field_count; i++) {
        struct pb_field_type *f = &m->fields[i];

        if (f->type == PB_TYPE_MESSAGE || f->type == PB_TYPE_GROUP)
            f->message = vitro_pb_symbol_find(s, PB_MESSAGES, f->type_name);
        else if (f->type == PB_TYPE_ENUM)
            f->enum_type = vitro_pb_symbol_find(s, PB_ENUMS, f->type_name);
    }
}

static void link_service(const struct pb_schema *s, struct pb_service_type *service)
{
    for (size_t i = 0; i < service->method_count; i++) {
        struct pb_method_type *method = &service->methods[i];

        method->input = vitro_pb_symbol_find(s, PB_MESSAGES, method->input_name);
        method->output = vitro_pb_symbol_find(s, PB_MESSAGES, method->output_name);
    }
}

void vitro_pb_schema_link(struct pb_schema *s)
{
    bool more = false;

    for (int kind = 0; kind < PB_SYMBOL_KINDS; kind++) {
        more |= pb_symbol_count(s, (enum pb_symbol_kind)kind) != s->sorted[kind];
        sort_symbols(s, (enum pb_symbol_kind)kind);
    }
    if (!more)
        return;
    for (size_t i = 0; i < s->sorted[PB_MESSAGES]; i++)
        link_message(s, pb_symbols(s, PB_MESSAGES)[i].what);
    for (size_t i = 0; i < s->sorted[PB_SERVICES]; i++)
        link_service(s, pb_symbols(s, PB_SERVICES)[i].what);
}

/* One file without linking; a damaged one leaves nothing behind that can be found. */
static vitro_code add_file(struct pb_schema *s, vitro_bytes bytes, vitro_error *err)
{
    size_t len[PB_SYMBOL_KINDS];
    vitro_bytes own = { NULL, bytes.len };
    vitro_str name = vitro_pb_schema_file_name(bytes);
    const struct pb_symbol *known = find(s, PB_FILES, name);
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;
    uint8_t *copy;

    if (name.len && known && known->rank <= s->rank)
        return VITRO_OK;
    copy = vitro_arena_alloc(&s->arena, bytes.len + 1);
    if (!copy)
        return vitro_fail(err, rc, "schema", 0, "schema is too large");
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    own.ptr = copy;
    for (int kind = 0; kind < PB_SYMBOL_KINDS; kind++)
        len[kind] = s->index[kind].len;
    rc = vitro_pb_schema_read(s, own, err);
    for (int kind = 0; rc && kind < PB_SYMBOL_KINDS; kind++)
        s->index[kind].len = len[kind];
    return rc;
}

vitro_code vitro_pb_schema_add_file(struct pb_schema *s, vitro_bytes bytes, vitro_error *err)
{
    vitro_code rc = add_file(s, bytes, err);

    vitro_pb_schema_link(s);
    return rc;
}

/* FileDescriptorSet.file is field 1. */
vitro_code vitro_pb_schema_add_set(struct pb_schema *s, vitro_bytes bytes, vitro_error *err)
{
    struct pb_reader r = pb_reader_of(bytes);
    vitro_code rc = VITRO_OK;

    while (!rc && r.at < r.end) {
        struct pb_token t;
        enum pb_fault fault = vitro_pb_read(&r, &t);

        if (fault)
            rc = vitro_fail(err, VITRO_INVALID_ARGUMENT, "schema", (int32_t)fault,
                            "descriptor set is damaged at byte %zu: %s", r.at,
                            vitro_pb_fault_text(fault));
        else if (t.number == 1 && t.wire == PB_LEN)
            rc = add_file(s, pb_token_bytes(&r, &t), err);
    }
    vitro_pb_schema_link(s);
    return rc;
}
