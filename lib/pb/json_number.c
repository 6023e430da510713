#include "pb/json_number.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

/* Whatever the locale's decimal point is, JSON has a dot; and -0 needs one to be no integer. */
static size_t with_dot(char *text, int len)
{
    if (len == 2 && text[0] == '-' && text[1] == '0')
        len = snprintf(text, JSON_NUMBER_TEXT, "-0.0");
    for (int i = 0; i < len; i++) {
        char c = text[i];

        if ((c < '0' || c > '9') && c != '-' && c != '+' && c != 'e')
            text[i] = '.';
    }
    return (size_t)len;
}

/*
 * DBL_DIG digits read back as the same digits, so a number that has so few is found at once;
 * only numbers near zero, which have less precision, are asked from one digit on.
 */
size_t vitro_json_double_text(double value, char out[JSON_NUMBER_TEXT])
{
    int digits = value != 0 && fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    int len = snprintf(out, JSON_NUMBER_TEXT, "%.*g", digits, value);

    while (digits < DBL_DECIMAL_DIG && strtod(out, NULL) != value)
        len = snprintf(out, JSON_NUMBER_TEXT, "%.*g", ++digits, value);
    return with_dot(out, len);
}

size_t vitro_json_float_text(float value, char out[JSON_NUMBER_TEXT])
{
    int digits = value != 0 && fabsf(value) < FLT_MIN ? 1 : FLT_DIG;
    int len = snprintf(out, JSON_NUMBER_TEXT, "%.*g", digits, (double)value);

    while (digits < FLT_DECIMAL_DIG && strtof(out, NULL) != value)
        len = snprintf(out, JSON_NUMBER_TEXT, "%.*g", ++digits, (double)value);
    return with_dot(out, len);
}

struct json_number vitro_json_number_of(double real)
{
    static const double end = 18446744073709551616.0; /* 2^64 */
    struct json_number n = { false, signbit(real) != 0, 0, real };

    if (!isfinite(real) || fabs(real) >= end)
        return n;
    n.magnitude = (uint64_t)fabs(real);
    n.whole = (double)n.magnitude == fabs(real);
    return n;
}

struct json_number vitro_json_number_of_int(int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    struct json_number n = { true, value < 0, magnitude, (double)value };

    return n;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool vitro_json_number_read(vitro_str text, struct json_number *out)
{
    bool negative = text.len && text.ptr[0] == '-';
    vitro_str digits = { text.ptr + negative, text.len - negative };
    json_t *real;

    if (vitro_text_number(digits, UINT64_MAX, &out->magnitude)) {
        out->whole = true;
        out->negative = negative;
        out->real = negative ? -(double)out->magnitude : (double)out->magnitude;
        return true;
    }
    if (!digits.len || !is_digit(digits.ptr[0]) || !is_digit(digits.ptr[digits.len - 1]))
        return false;
    real = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    if (!json_is_real(real)) {
        json_decref(real);
        return false;
    }
    *out = vitro_json_number_of(json_real_value(real));
    json_decref(real);
    return true;
}
