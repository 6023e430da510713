#include "duration.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"

static int64_t unit_of(const char *name)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = { { "ns", 1 },           { "us", 1000 },         { "ms", 1000000 },
                  { "s", 1000000000LL }, { "m", 60000000000LL }, { "h", 3600000000000LL } };

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(name, units[i].name) == 0)
            return units[i].ns;
    }
    return 0;
}

bool duration_ns(const char *text, int64_t *ns)
{
    size_t whole = strspn(text, "0123456789"), part = 0;
    const char *rest = text + whole;
    uint64_t n = 0;
    int64_t unit, scale;

    if (*rest == '.')
        part = 1 + strspn(rest + 1, "0123456789");
    unit = unit_of(rest + part);
    if (!unit || part == 1 || !vitro_text_number((vitro_str){ text, whole }, INT64_MAX / 2, &n) ||
        n > (uint64_t)(INT64_MAX / 2 / unit))
        return false;
    *ns = (int64_t)n * unit;
    scale = unit / 10;
    for (size_t i = 1; i < part; i++, scale /= 10)
        *ns += (rest[i] - '0') * scale;
    return *ns > 0;
}

bool duration_ms(const char *text, uint32_t *ms)
{
    int64_t ns;

    if (!duration_ns(text, &ns))
        return false;
    *ms = (uint32_t)MIN((ns + 999999) / 1000000, (int64_t)UINT32_MAX);
    return true;
}
