#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t vitro_base64_encode(vitro_bytes bytes, char *out)
{
    const uint8_t *p = bytes.ptr;
    char *to = out;
    size_t left = bytes.len;

    for (; left >= 3; left -= 3, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63u];
        *to++ = alphabet[v >> 6 & 63u];
        *to++ = alphabet[v & 63u];
    }
    if (left) {
        uint32_t v = (uint32_t)p[0] << 16 | (left > 1 ? (uint32_t)p[1] << 8 : 0);

        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63u];
        if (left > 1)
            *to++ = alphabet[v >> 6 & 63u];
    }
    return (size_t)(to - out);
}

/* The six bits of a character, 64 for what is none of the alphabet. */
static uint32_t six_bits(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Length without padding; SIZE_MAX when there is padding that fills no group of four. */
static size_t unpadded_len(vitro_str text)
{
    size_t len = text.len;

    while (len && text.len - len < 2 && text.ptr[len - 1] == '=')
        len--;
    return len != text.len && text.len % 4 ? SIZE_MAX : len;
}

bool vitro_base64_decode(vitro_str text, uint8_t *out, size_t *n)
{
    size_t len = unpadded_len(text);
    uint8_t *to = out;
    uint32_t group = 0;

    if (len == SIZE_MAX || len % 4 == 1)
        return false;
    for (size_t i = 0; i < len; i++) {
        uint32_t bits = six_bits(text.ptr[i]);

        if (bits > 63)
            return false;
        group = group << 6 | bits;
        if (i % 4 == 3) {
            *to++ = (uint8_t)(group >> 16);
            *to++ = (uint8_t)(group >> 8);
            *to++ = (uint8_t)group;
            group = 0;
        }
    }
    if (len % 4 == 2) {
        *to++ = (uint8_t)(group >> 4);
        group &= 0x0fu;
    } else if (len % 4 == 3) {
        *to++ = (uint8_t)(group >> 10);
        *to++ = (uint8_t)(group >> 2);
        group &= 0x03u;
    }
    *n = (size_t)(to - out);
    return group == 0; /* RFC 4648, 3.5: two texts must not mean the same bytes */
}
