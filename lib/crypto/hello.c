#include "crypto/hello.h"

#include "base/util.h"

enum { VERSION_AND_RANDOM = 2 + 32, EARLY_DATA = 42 };

/* Behind a vector whose length has so many bytes; SIZE_MAX when it is not whole. */
static size_t behind(vitro_bytes b, size_t at, size_t width)
{
    size_t n = 0;

    if (at > b.len || width > b.len - at)
        return SIZE_MAX;
    for (size_t i = 0; i < width; i++)
        n = n << 8 | b.ptr[at + i];
    at += width;
    return n > b.len - at ? SIZE_MAX : at + n;
}

bool vitro_hello_offers_early(vitro_bytes body)
{
    static const uint8_t before[] = { 1, 2, 1 }; /* session, suites, compression */
    size_t at = VERSION_AND_RANDOM;

    for (size_t i = 0; i < ARRAY_LEN(before); i++)
        at = behind(body, at, before[i]);
    if (at > body.len || body.len - at < 2)
        return false;
    for (at += 2; at < body.len && body.len - at >= 4; at = behind(body, at + 2, 2)) {
        if ((body.ptr[at] << 8 | body.ptr[at + 1]) == EARLY_DATA)
            return true;
    }
    return false;
}
