/*
 * symbols - which file declares what: an index over the descriptors that generated code embeds.
 *
 * It is built once, by one thread, and only read afterwards. Names have no leading dot and are
 * terminated.  Source: google/protobuf/descriptor.proto.
 */
#ifndef VITRO_SERVICES_SYMBOLS_H
#define VITRO_SERVICES_SYMBOLS_H

#include "base/arena.h"
#include "base/buf.h"
#include "vitro/pb.h"

#ifdef __cplusplus
extern "C" {
#endif

struct symbol {
    vitro_str name; /* full: "chat.ChatService.SendMessage" */
    const vitro_pb_file *file;
    bool message; /* a type that may be extended */
};

struct extension {
    vitro_str of; /* the message that is extended */
    int32_t number;
    const vitro_pb_file *file;
};

struct symbols {
    struct arena names;
    struct buf files;      /* of const vitro_pb_file *, imports first; one of each name */
    struct buf all;        /* of struct symbol, by name */
    struct buf extensions; /* of struct extension, by message and number */
    bool failed;           /* memory was out: of no use */
};

void vitro_symbols_init(struct symbols *s, struct account *account);
void vitro_symbols_done(struct symbols *s);

/* Add a file and what it imports, each once. file may be NULL. */
void vitro_symbols_add(struct symbols *s, const vitro_pb_file *file);

/* After the last add: false when memory was out. */
bool vitro_symbols_sort(struct symbols *s);

/* NULL when there is none. */
const vitro_pb_file *vitro_symbols_file(const struct symbols *s, const char *path);
const struct symbol *vitro_symbols_find(const struct symbols *s, const char *name);

/* The extensions of a message, in the order of their numbers: the first one, and how many. */
const struct extension *vitro_symbols_extensions(const struct symbols *s, const char *of,
                                                 size_t *n);

#ifdef __cplusplus
}
#endif
#endif
