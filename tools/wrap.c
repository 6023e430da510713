#include "wrap.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"

enum { COLUMNS = 80 };

static const struct range {
    uint32_t first, last;
} wide[] = { { 0x1100, 0x115f }, { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xa960, 0xa97c },
             { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
             { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } },
  none[] = { { 0x0300, 0x036f }, { 0x1160, 0x11ff }, { 0x200b, 0x200f }, { 0xfe00, 0xfe0f } };

static bool among(const struct range *ranges, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    }
    return false;
}

int wrap_columns(vitro_str s)
{
    int columns = 0;
    uint32_t c;

    while (s.len) {
        size_t n = vitro_utf8_decode(s, &c);
        if (n && !among(none, ARRAY_LEN(none), c))
            columns += among(wide, ARRAY_LEN(wide), c) ? 2 : 1;
        n = n ? n : 1;
        s.ptr += n;
        s.len -= n;
    }
    return columns;
}

void wrap_print(struct printer *p, const char *first, const char *rest, const char *text)
{
    int at = wrap_columns(vitro_str_of(first));
    bool begun = false;

    fputs(first, p->out);
    while (*text) {
        vitro_str word = { text, strcspn(text, " ") };
        int columns = wrap_columns(word);
        if (begun && at + 1 + columns > COLUMNS) {
            fprintf(p->out, "\n%s", rest);
            at = wrap_columns(vitro_str_of(rest));
        } else if (begun) {
            fputc(' ', p->out);
            at++;
        }
        print_escaped(p, word);
        at += columns;
        begun = true;
        text += word.len;
        text += strspn(text, " ");
    }
    fputc('\n', p->out);
}
