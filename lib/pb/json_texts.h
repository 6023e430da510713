/*
 * json_texts - texts of a small JSON object by their names, for files of settings and keys.
 */
#ifndef VITRO_PB_JSON_TEXTS_H
#define VITRO_PB_JSON_TEXTS_H

#include "base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_TEXTS_MAX = 64 * 1024 }; /* bytes of the whole object */

struct json_text {
    const char *name;
    vitro_str value; /* ptr NULL: there is no such member, or it is no text */
};

/*
 * Fill the values of n members, terminated, in memory of the arena. INVALID_ARGUMENT for what is no
 * JSON object, and why; nothing of the text is quoted, it may be secret.
 */
vitro_code vitro_json_texts(vitro_str json, struct arena *into, struct json_text *members, size_t n,
                            vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
