/*
 * fields - the header fields of one block while they are put together: a few on the stack, more
 * in an arena that lives until the block is submitted.
 */
#ifndef VITRO_RPC_FIELDS_H
#define VITRO_RPC_FIELDS_H

#include "base/arena.h"
#include "h2/session.h"
#include "wire/metadata.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FIELDS_ON_STACK = 16 };

struct fields {
    struct h2_field small[FIELDS_ON_STACK];
    struct h2_field *at;
    size_t n, cap;
    struct arena arena;
    bool failed; /* memory is out: the block must not be submitted */
};

/* No field yet. account is kept. */
void vitro_fields_init(struct fields *f, struct account *account);
void vitro_fields_done(struct fields *f);

/* Add one; name and value are lent until done. name is lower case. */
void vitro_fields_add(struct fields *f, vitro_str name, vitro_str value, uint32_t flags);

/* Add metadata as it is sent; md is lent until done. */
void vitro_fields_add_md(struct fields *f, const vitro_md *md);

/* Memory for a value, lent until done; NULL when it is out. */
char *vitro_fields_room(struct fields *f, size_t n);

#ifdef __cplusplus
}
#endif
#endif
