#include "wire/encoding.h"

#include <string.h>

static const vitro_str names[ENCODINGS] = {
#define ENCODING(id, name, wrap) VITRO_STR_INIT(name),
#include "wire/encoding.def"
#undef ENCODING
};

bool vitro_encoding_find(vitro_str name, enum encoding *out)
{
    *out = ENCODING_IDENTITY;
    if (!name.len)
        return true;
    for (unsigned e = 0; e < ENCODINGS; e++) {
        if (vitro_str_eq(name, names[e])) {
            *out = (enum encoding)e;
            return true;
        }
    }
    return false;
}

vitro_str vitro_encoding_name(enum encoding e)
{
    return names[e];
}

vitro_str vitro_encoding_all(void)
{
    static const char all[] =
#define ENCODING(id, name, wrap) "," name
#include "wire/encoding.def"
#undef ENCODING
        ;

    return (vitro_str){ all + 1, sizeof all - 2 };
}

static vitro_str trim(vitro_str s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

encoding_set vitro_encoding_listed(vitro_str list)
{
    encoding_set set = 0;

    while (list.len) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t n = comma ? (size_t)(comma - list.ptr) : list.len;
        enum encoding e;

        if (vitro_encoding_find(trim((vitro_str){ list.ptr, n }), &e))
            set |= 1u << e;
        n += comma != NULL;
        list = (vitro_str){ list.ptr + n, list.len - n };
    }
    return set;
}
