#include "services/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pb/wire.h"

/* ---- what descriptors declare --------------------------------------------------------------- */

enum kind { NOTHING, FILE_, MESSAGE, FIELD, ONEOF, ENUM, VALUE, SERVICE, METHOD, EXTENSION, KINDS };

/* Field numbers of descriptor.proto, the same for all but files. */
enum { NAME = 1, EXTENDEE = 2, NUMBER = 3, FILE_PACKAGE = 2, NUMBERS = 9 };

static const uint8_t parts[KINDS][NUMBERS] = {
    [FILE_] = { [4] = MESSAGE, [5] = ENUM, [6] = SERVICE, [7] = EXTENSION },
    [MESSAGE] = { [2] = FIELD, [3] = MESSAGE, [4] = ENUM, [6] = EXTENSION, [8] = ONEOF },
    [ENUM] = { [2] = VALUE },
    [SERVICE] = { [2] = METHOD },
};

/* One descriptor: its last fields that hold a text or a number. */
struct declared {
    vitro_str text[NUMBERS];
    uint64_t number;
};

static struct declared look(vitro_bytes bytes)
{
    struct pb_reader r = pb_reader_of(bytes);
    struct declared d = { .number = 0 };
    struct pb_token t;

    while (r.at < r.end && vitro_pb_read(&r, &t) == PB_FAULT_NONE) {
        vitro_bytes value = pb_token_bytes(&r, &t);

        if (t.wire == PB_LEN && t.number < NUMBERS)
            d.text[t.number] = (vitro_str){ (const char *)value.ptr, value.len };
        else if (t.wire == PB_VARINT && t.number == NUMBER)
            d.number = t.value;
    }
    return d;
}

/* "scope.name"; empty when memory is out. */
static vitro_str join(struct symbols *s, vitro_str scope, vitro_str name)
{
    size_t dot = scope.len ? scope.len + 1 : 0, n = dot + name.len;
    char *full = vitro_arena_alloc(&s->names, n + 1);

    if (!full) {
        s->failed = true;
        return (vitro_str){ "", 0 };
    }
    if (dot) {
        memcpy(full, scope.ptr, scope.len);
        full[scope.len] = '.';
    }
    if (name.len)
        memcpy(full + dot, name.ptr, name.len);
    full[n] = '\0';
    return (vitro_str){ full, n };
}

static void add_extension(struct symbols *s, const vitro_pb_file *file, const struct declared *d)
{
    struct extension e = { d->text[EXTENDEE], (int32_t)d->number, file };

    if (e.of.len && e.of.ptr[0] == '.')
        e.of = (vitro_str){ e.of.ptr + 1, e.of.len - 1 };
    s->failed = s->failed || !vitro_buf_append(&s->extensions, &e, sizeof e);
}

static void add_parts(struct symbols *s, const vitro_pb_file *file, enum kind kind,
                      vitro_bytes bytes, vitro_str scope);

static void add_symbol(struct symbols *s, const vitro_pb_file *file, enum kind kind,
                       vitro_bytes bytes, vitro_str scope)
{
    struct declared d = look(bytes);
    struct symbol symbol = { join(s, scope, d.text[NAME]), file, kind == MESSAGE };

    s->failed = s->failed || !vitro_buf_append(&s->all, &symbol, sizeof symbol);
    if (kind == EXTENSION)
        add_extension(s, file, &d);
    /* The values of an enum are named beside it, not in it (descriptor.proto). */
    add_parts(s, file, kind, bytes, kind == ENUM ? scope : symbol.name);
}

static void add_parts(struct symbols *s, const vitro_pb_file *file, enum kind kind,
                      vitro_bytes bytes, vitro_str scope)
{
    struct pb_reader r = pb_reader_of(bytes);
    struct pb_token t;

    while (!s->failed && r.at < r.end && vitro_pb_read(&r, &t) == PB_FAULT_NONE) {
        if (t.wire == PB_LEN && t.number < NUMBERS && parts[kind][t.number])
            add_symbol(s, file, (enum kind)parts[kind][t.number], pb_token_bytes(&r, &t), scope);
    }
}

/* ---- files ---------------------------------------------------------------------------------- */

static size_t count(const struct buf *b, size_t each)
{
    return b->len / each;
}

const vitro_pb_file *vitro_symbols_file(const struct symbols *s, const char *path)
{
    const vitro_pb_file *const *files = (const void *)s->files.ptr;

    for (size_t i = 0; i < count(&s->files, sizeof *files); i++) {
        if (strcmp(files[i]->name, path) == 0)
            return files[i];
    }
    return NULL;
}

/* Imports make no circle: protoc refuses one. */
void vitro_symbols_add(struct symbols *s, const vitro_pb_file *file)
{
    if (s->failed || !file || vitro_symbols_file(s, file->name))
        return;
    for (size_t i = 0; file->deps && file->deps[i]; i++)
        vitro_symbols_add(s, file->deps[i]);
    s->failed = s->failed || !vitro_buf_append(&s->files, &file, sizeof file);
    vitro_bytes bytes = { file->descriptor, file->descriptor_len };
    add_parts(s, file, FILE_, bytes, join(s, (vitro_str){ "", 0 }, look(bytes).text[FILE_PACKAGE]));
}

/* ---- looking up ----------------------------------------------------------------------------- */

static int by_text(vitro_str a, vitro_str b)
{
    int order = memcmp(a.ptr, b.ptr, MIN(a.len, b.len));

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b)
{
    return by_text(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static int by_number(const void *a, const void *b)
{
    const struct extension *x = a, *y = b;
    int order = by_text(x->of, y->of);

    return order ? order : (x->number > y->number) - (x->number < y->number);
}

bool vitro_symbols_sort(struct symbols *s)
{
    if (s->all.len)
        qsort(s->all.ptr, count(&s->all, sizeof(struct symbol)), sizeof(struct symbol), by_name);
    if (s->extensions.len)
        qsort(s->extensions.ptr, count(&s->extensions, sizeof(struct extension)),
              sizeof(struct extension), by_number);
    return !s->failed;
}

const struct symbol *vitro_symbols_find(const struct symbols *s, const char *name)
{
    struct symbol key = { vitro_str_of(name), NULL, false };

    if (!s->all.len)
        return NULL;
    return bsearch(&key, s->all.ptr, count(&s->all, sizeof key), sizeof key, by_name);
}

const struct extension *vitro_symbols_extensions(const struct symbols *s, const char *of, size_t *n)
{
    const struct extension *e = (const void *)s->extensions.ptr;
    size_t end = count(&s->extensions, sizeof *e), i = 0;

    *n = 0;
    while (i < end && by_text(e[i].of, vitro_str_of(of)) < 0)
        i++;
    while (i + *n < end && by_text(e[i + *n].of, vitro_str_of(of)) == 0)
        ++*n;
    return *n ? e + i : NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

void vitro_symbols_init(struct symbols *s, struct account *account)
{
    *s = (struct symbols){ .failed = false };
    vitro_arena_init(&s->names, account, 0);
    vitro_buf_init(&s->files, account, SIZE_MAX / 2);
    vitro_buf_init(&s->all, account, SIZE_MAX / 2);
    vitro_buf_init(&s->extensions, account, SIZE_MAX / 2);
}

void vitro_symbols_done(struct symbols *s)
{
    vitro_buf_done(&s->files);
    vitro_buf_done(&s->all);
    vitro_buf_done(&s->extensions);
    vitro_arena_done(&s->names);
}
