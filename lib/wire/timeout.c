#include "wire/timeout.h"

#include <stdio.h>

#include "base/util.h"

enum { MAX_DIGITS = 8, MAX_VALUE = 99999999 };

/* Finest first: the order in which format tries them. */
static const struct {
    char letter;
    int64_t ns;
} units[] = {
    { 'n', 1 },          { 'u', 1000 },        { 'm', 1000000 },
    { 'S', 1000000000 }, { 'M', 60000000000 }, { 'H', 3600000000000 },
};

static int64_t unit_ns(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (units[i].letter == letter)
            return units[i].ns;
    }
    return 0;
}

enum timeout_form vitro_timeout_parse(vitro_str text, int64_t *ns)
{
    int64_t value = 0, unit;
    size_t digits = text.len ? text.len - 1 : 0;

    if (text.len == 0)
        return TIMEOUT_EMPTY;
    for (size_t i = 0; i < digits; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return TIMEOUT_BAD_DIGIT;
        if (i < MAX_DIGITS)
            value = value * 10 + (text.ptr[i] - '0');
    }
    unit = unit_ns(text.ptr[digits]);
    if (!unit)
        return TIMEOUT_BAD_UNIT;
    if (digits == 0)
        return TIMEOUT_NO_DIGITS;
    if (digits > MAX_DIGITS)
        return TIMEOUT_TOO_LONG;
    *ns = value > INT64_MAX / unit ? INT64_MAX : value * unit;
    return value ? TIMEOUT_OK : TIMEOUT_ZERO;
}

const char *vitro_timeout_problem(enum timeout_form form)
{
    static const char *const problems[] = {
        [TIMEOUT_OK] = "",
        [TIMEOUT_EMPTY] = "it is empty",
        [TIMEOUT_NO_DIGITS] = "there is no number before the unit",
        [TIMEOUT_BAD_DIGIT] = "there is something other than digits before the unit",
        [TIMEOUT_TOO_LONG] = "it has more than 8 digits",
        [TIMEOUT_BAD_UNIT] = "its unit is not one of H M S m u n",
        [TIMEOUT_ZERO] = "it is zero",
    };

    return problems[form];
}

size_t vitro_timeout_format(int64_t ns, char out[TIMEOUT_ROOM])
{
    size_t i = 0;
    int64_t value;

    ns = MAX(ns, 1);
    /* INT64_MAX is 2562048 hours: hours always fit, so the clamp of the protocol is never reached
     */
    while (i + 1 < ARRAY_LEN(units) && (ns - 1) / units[i].ns + 1 > MAX_VALUE)
        i++;
    value = (ns - 1) / units[i].ns + 1;
    return (size_t)snprintf(out, TIMEOUT_ROOM, "%u%c", (unsigned)value, units[i].letter);
}
