#include "wrap.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"

enum { COLUMNS = 80 };

static const struct range {
    uint32_t first, last;
} wide[] = {
#define WIDE(first, last) { first, last },
#include "width.def"
},
  none[] = {
#define NONE(first, last) { first, last },
#include "width.def"
  };

static bool among(const struct range *ranges, size_t n, uint32_t c)
{
    size_t lo = 0;

    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;
        if (c > ranges[mid].last)
            lo = mid + 1;
        else if (c < ranges[mid].first)
            n = mid;
        else
            return true;
    }
    return false;
}

int wrap_columns_of(uint32_t c)
{
    if (c < 0x300)
        return 1;
    if (among(none, ARRAY_LEN(none), c))
        return 0;
    return among(wide, ARRAY_LEN(wide), c) ? 2 : 1;
}

int wrap_columns(vitro_str s)
{
    int columns = 0;
    uint32_t c;

    while (s.len) {
        size_t n = vitro_utf8_decode(s, &c);
        if (n)
            columns += wrap_columns_of(c);
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
