#include "trace/journal.h"

#include <string.h>

#include "base/text.h"

/* Without printf, which would cost more than all the rest of a note. */
vitro_str vitro_journal_digits(uint64_t number, char *out)
{
    size_t at = JOURNAL_DIGITS;

    do {
        out[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return (vitro_str){ out + at, JOURNAL_DIGITS - at };
}

static bool is_line(vitro_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t')
            return false;
    return vitro_utf8_valid(s);
}

static void put_length(uint8_t *p, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(n >> (8 * i));
}

bool vitro_journal_field(struct buf *out, vitro_str name, vitro_str value, bool line)
{
    bool text = line || is_line(value);
    size_t head = name.len + (text ? 1 : 9);
    uint8_t *p = NULL;

    if (value.len < out->max)
        p = vitro_buf_reserve(out, head + value.len + 1);
    if (!p)
        return false;
    memcpy(p, name.ptr, name.len);
    p[name.len] = text ? '=' : '\n';
    if (!text)
        put_length(p + name.len + 1, value.len);
    if (value.len)
        memcpy(p + head, value.ptr, value.len);
    p[head + value.len] = '\n';
    out->len += head + value.len + 1;
    return true;
}

bool vitro_journal_number(struct buf *out, const char *name, uint64_t number)
{
    char digits[JOURNAL_DIGITS];

    return vitro_journal_field(out, vitro_str_of(name), vitro_journal_digits(number, digits), true);
}
