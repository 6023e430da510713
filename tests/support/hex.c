#include "support/hex.h"

#include <stdio.h>
#include <stdlib.h>

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

vitro_bytes hex_read(const char *text, uint8_t *out, size_t size)
{
    vitro_bytes b = { out, 0 };

    for (; *text; text++) {
        if (*text == ' ')
            continue;
        if (digit(text[0]) < 0 || digit(text[1]) < 0 || b.len == size)
            abort();
        out[b.len++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
        text++;
    }
    return b;
}

const char *hex_text(vitro_bytes b, char *out, size_t size)
{
    size_t n = 0;

    out[0] = 0;
    for (size_t i = 0; i < b.len && n + 2 < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%02x", b.ptr[i]);
    return out;
}
