#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "vitro/text.h"

vitro_str vitro_str_of(const char *text)
{
    return (vitro_str){ text, text ? strlen(text) : 0 };
}

bool vitro_str_eq(vitro_str a, vitro_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

void vitro_text_init(struct text *t, char *out, size_t size)
{
    *t = (struct text){ out, size, 0 };
    if (size)
        out[0] = '\0';
}

void vitro_text_add(struct text *t, const char *format, ...)
{
    size_t room = t->len < t->size ? t->size - t->len : 0;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(room ? t->out + t->len : NULL, room, format, args);
    va_end(args);
    assert(n >= 0);
    t->len += (size_t)n;
}

void vitro_text_bytes(struct text *t, vitro_str s)
{
    if (t->len < t->size) {
        size_t n = MIN(s.len, t->size - t->len - 1);

        for (int i = 0; i < 3 && n && n < s.len && ((uint8_t)s.ptr[n] & 0xc0u) == 0x80u; i++)
            n--; /* a character is written whole or not at all */
        if (n)
            memcpy(t->out + t->len, s.ptr, n);
        t->out[t->len + n] = '\0';
    }
    t->len += s.len;
}

void vitro_text_escape(struct text *t, vitro_str s)
{
    while (s.len) {
        uint32_t code_point = 0;
        size_t n = vitro_utf8_decode(s, &code_point);

        if (n == 0) {
            vitro_text_add(t, "\\x{%02x}", (unsigned char)s.ptr[0]);
            n = 1;
        } else if (!vitro_utf8_printable(code_point)) {
            vitro_text_add(t, "\\u{%x}", (unsigned)code_point);
        } else {
            vitro_text_bytes(t, (vitro_str){ s.ptr, n });
        }
        s.ptr += n;
        s.len -= n;
    }
}

size_t vitro_escape(vitro_str text, char *out, size_t size)
{
    struct text t;

    vitro_text_init(&t, out, size);
    vitro_text_escape(&t, text);
    return t.len;
}

/* The well-formed sequences of RFC 3629, section 4: first byte, range of the second, length. */
static const struct {
    uint8_t first_low, first_high, second_low, second_high, len;
} utf8_forms[] = {
    { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
    { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
    { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static size_t utf8_multibyte(const uint8_t *p, size_t len, uint32_t *code_point)
{
    for (size_t i = 0; i < ARRAY_LEN(utf8_forms); i++) {
        size_t n = utf8_forms[i].len;

        if (p[0] < utf8_forms[i].first_low || p[0] > utf8_forms[i].first_high)
            continue;
        if (len < n || p[1] < utf8_forms[i].second_low || p[1] > utf8_forms[i].second_high)
            return 0;
        *code_point = p[0] & (0x7fu >> n);
        for (size_t k = 1; k < n; k++) {
            if ((p[k] & 0xc0u) != 0x80u)
                return 0;
            *code_point = *code_point << 6 | (p[k] & 0x3fu);
        }
        return n;
    }
    return 0;
}

size_t vitro_utf8_decode(vitro_str s, uint32_t *code_point)
{
    uint8_t first = (uint8_t)s.ptr[0];

    if (first >= 0x80)
        return utf8_multibyte((const uint8_t *)s.ptr, s.len, code_point);
    *code_point = first;
    return 1;
}

size_t vitro_utf8_encode(uint32_t c, char out[4])
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    assert(c < 0x110000);
    if (n == 1) {
        out[0] = (char)c;
        return 1;
    }
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80u | (c & 0x3fu));
    out[0] = (char)((0xf00u >> n & 0xffu) | c);
    return n;
}

bool vitro_utf8_valid(vitro_str s)
{
    while (s.len) {
        uint32_t code_point;
        size_t n = (uint8_t)s.ptr[0] < 0x80 ? 1 : vitro_utf8_decode(s, &code_point);

        if (n == 0)
            return false;
        s.ptr += n;
        s.len -= n;
    }
    return true;
}

bool vitro_utf8_printable(uint32_t c)
{
    /* C0, DEL and C1; zero-width and direction marks; line separators; tags; private specials */
    static const uint32_t hidden[][2] = {
        { 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad },   { 0x061c, 0x061c },
        { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },
        { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xe0000, 0xe0fff },
    };

    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
        if (c >= hidden[i][0] && c <= hidden[i][1])
            return false;
    }
    return true;
}

bool vitro_text_number(vitro_str s, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;

    if (s.len == 0 || (s.len > 1 && s.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (n > max)
        return false;
    *out = n;
    return true;
}
