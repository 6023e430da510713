/*
 * schema_index - what a schema is made of, and how a file gets into it.
 */
#ifndef VITRO_PB_SCHEMA_INDEX_H
#define VITRO_PB_SCHEMA_INDEX_H

#include "base/arena.h"
#include "base/buf.h"
#include "pb/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pb_symbol {
    vitro_str name;
    unsigned rank; /* the lowest of a name stays */
    size_t order;  /* of arrival: of one rank the first */
    void *what;
};

enum pb_symbol_kind { PB_FILES, PB_MESSAGES, PB_ENUMS, PB_SERVICES, PB_SYMBOL_KINDS };

struct pb_schema {
    struct account *account;
    unsigned rank;                     /* of what is added */
    struct arena arena;                /* types, names, and a copy of each file */
    struct buf index[PB_SYMBOL_KINDS]; /* of struct pb_symbol */
    size_t sorted[PB_SYMBOL_KINDS];    /* so many from the front are sorted, without doubles */
};

static inline size_t pb_symbol_count(const struct pb_schema *s, enum pb_symbol_kind kind)
{
    return s->index[kind].len / sizeof(struct pb_symbol);
}

static inline struct pb_symbol *pb_symbols(const struct pb_schema *s, enum pb_symbol_kind kind)
{
    return (struct pb_symbol *)(void *)s->index[kind].ptr;
}

/* False when memory is out. */
bool vitro_pb_symbol_add(struct pb_schema *s, enum pb_symbol_kind kind, vitro_str name, void *what);

/* The first of that name among the sorted; NULL when there is none. */
void *vitro_pb_symbol_find(const struct pb_schema *s, enum pb_symbol_kind kind, vitro_str name);

/* Sort what was added and fill in the references between types. */
void vitro_pb_schema_link(struct pb_schema *s);

/* Read one file into symbols; bytes stay where they are. On failure symbols may be left over. */
vitro_code vitro_pb_schema_read(struct pb_schema *s, vitro_bytes bytes, vitro_error *err);

/* The name in a serialized FileDescriptorProto; empty when it has none or is damaged. */
vitro_str vitro_pb_schema_file_name(vitro_bytes bytes);

#ifdef __cplusplus
}
#endif
#endif
