#include "pb/json_time.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"

#define SECONDS_MIN  (-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_MAX  253402300799   /* 9999-12-31T23:59:59Z */
#define DURATION_MAX 315576000000   /* 10,000 years */
enum { NANOS = 1000000000, DAY = 86400 };

/* ".5" as ".500": the fewest of 0, 3, 6 or 9 digits that say all. */
static void add_fraction(struct text *t, uint32_t nanos)
{
    if (nanos % 1000000 == 0 && nanos)
        vitro_text_add(t, ".%03" PRIu32, nanos / 1000000);
    else if (nanos % 1000 == 0 && nanos)
        vitro_text_add(t, ".%06" PRIu32, nanos / 1000);
    else if (nanos)
        vitro_text_add(t, ".%09" PRIu32, nanos);
}

/* A day of the Gregorian calendar, counted from 1970-01-01; years begin in March for that. */
static int64_t day_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* The inverse, for years 1 to 9999. */
static void date_of(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = z / 146097, in_era = z % 146097;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;

    *day = (int)(in_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

size_t vitro_json_timestamp_text(int64_t seconds, int64_t nanos, char out[JSON_TIME_TEXT])
{
    struct text t;
    int64_t days, in_day;
    int year, month, day;

    if (seconds < SECONDS_MIN || seconds > SECONDS_MAX || nanos < 0 || nanos >= NANOS)
        return 0;
    in_day = (seconds % DAY + DAY) % DAY;
    days = (seconds - in_day) / DAY;
    date_of(days, &year, &month, &day);
    vitro_text_init(&t, out, JSON_TIME_TEXT);
    vitro_text_add(&t, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, (int)(in_day / 3600),
                   (int)(in_day / 60 % 60), (int)(in_day % 60));
    add_fraction(&t, (uint32_t)nanos);
    vitro_text_add(&t, "Z");
    return t.len;
}

size_t vitro_json_duration_text(int64_t seconds, int64_t nanos, char out[JSON_TIME_TEXT])
{
    struct text t;
    bool negative = seconds < 0 || nanos < 0;

    if (seconds < -DURATION_MAX || seconds > DURATION_MAX || nanos <= -NANOS || nanos >= NANOS ||
        (negative && (seconds > 0 || nanos > 0)))
        return 0;
    vitro_text_init(&t, out, JSON_TIME_TEXT);
    vitro_text_add(&t, "%s%" PRId64, negative ? "-" : "", negative ? -seconds : seconds);
    add_fraction(&t, (uint32_t)(negative ? -nanos : nanos));
    vitro_text_add(&t, "s");
    return t.len;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* So many digits, no more and no less, then one character unless it is 0. */
static bool take(vitro_str *s, size_t digits, char then, int64_t *out)
{
    if (s->len < digits + (then != 0))
        return false;
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(s->ptr[i]))
            return false;
        *out = *out * 10 + (s->ptr[i] - '0');
    }
    if (then && s->ptr[digits] != then)
        return false;
    s->ptr += digits + (then != 0);
    s->len -= digits + (then != 0);
    return true;
}

/* ".123", when a dot stands here: 1 to 9 digits. */
static bool take_fraction(vitro_str *s, int32_t *nanos)
{
    int32_t unit = NANOS / 10;
    size_t n = 1;

    *nanos = 0;
    if (!s->len || s->ptr[0] != '.')
        return true;
    for (; n < s->len && n <= 9 && is_digit(s->ptr[n]); n++, unit /= 10)
        *nanos += (s->ptr[n] - '0') * unit;
    s->ptr += n;
    s->len -= n;
    return n > 1;
}

/* "Z", or what local time is ahead of it: "+09:00". */
static bool take_zone(vitro_str *s, int64_t *ahead)
{
    int64_t hours, minutes;
    bool west = s->len && s->ptr[0] == '-';

    *ahead = 0;
    if (s->len == 1 && s->ptr[0] == 'Z')
        return true;
    if (s->len != 6 || (!west && s->ptr[0] != '+'))
        return false;
    s->ptr++;
    s->len--;
    if (!take(s, 2, ':', &hours) || !take(s, 2, 0, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ahead = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

static bool is_date(int64_t year, int64_t month, int64_t day)
{
    static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] + (month == 2 && leap);
}

bool vitro_json_timestamp_read(vitro_str text, int64_t *seconds, int32_t *nanos)
{
    int64_t year, month, day, hour, minute, second, ahead;

    if (!take(&text, 4, '-', &year) || !take(&text, 2, '-', &month) || !take(&text, 2, 'T', &day) ||
        !take(&text, 2, ':', &hour) || !take(&text, 2, ':', &minute) ||
        !take(&text, 2, 0, &second) || !take_fraction(&text, nanos) || !take_zone(&text, &ahead))
        return false;
    if (!is_date(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return false;
    *seconds = day_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second - ahead;
    return *seconds >= SECONDS_MIN && *seconds <= SECONDS_MAX;
}

bool vitro_json_duration_read(vitro_str text, int64_t *seconds, int32_t *nanos)
{
    bool negative = text.len && text.ptr[0] == '-';
    uint64_t whole;
    size_t n = 0;

    text.ptr += negative;
    text.len -= negative;
    while (n < text.len && is_digit(text.ptr[n]))
        n++;
    if (!vitro_text_number((vitro_str){ text.ptr, n }, DURATION_MAX, &whole))
        return false;
    text.ptr += n;
    text.len -= n;
    if (!take_fraction(&text, nanos) || text.len != 1 || text.ptr[0] != 's')
        return false;
    *seconds = negative ? -(int64_t)whole : (int64_t)whole;
    *nanos = negative ? -*nanos : *nanos;
    return whole < DURATION_MAX || *nanos == 0;
}
