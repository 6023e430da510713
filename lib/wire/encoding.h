/*
 * encoding - what grpc-encoding and grpc-accept-encoding name (gRPC compression.md).
 */
#ifndef VITRO_WIRE_ENCODING_H
#define VITRO_WIRE_ENCODING_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum encoding {
#define ENCODING(id, name, wrap) ENCODING_##id,
#include "wire/encoding.def"
#undef ENCODING
    ENCODINGS
};

/* A set of encodings: bit 1 << encoding. */
typedef uint32_t encoding_set;

/* The encoding of a name; the empty one is identity. False when it is none of ours. */
bool vitro_encoding_find(vitro_str name, enum encoding *out);

/* Static text. */
vitro_str vitro_encoding_name(enum encoding e);

/* All of ours, as grpc-accept-encoding lists them; static text. */
vitro_str vitro_encoding_all(void);

/* Which of ours a grpc-accept-encoding lists, blanks around its commas or not. */
encoding_set vitro_encoding_listed(vitro_str list);

static inline bool encoding_in(encoding_set set, enum encoding e)
{
    return e == ENCODING_IDENTITY || (set >> e & 1u) != 0; /* everybody takes identity */
}

#ifdef __cplusplus
}
#endif
#endif
