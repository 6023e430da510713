/* JSON of messages: there and back is the same, whatever the message; tables are in pb_json_table.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "pb/json_number.h"
#include "pb/json_time.h"
#include "pbtest.vitro.h"
#include "support/json_schema.h"
#include "support/pb_make.h"

TestSuite(pb_json);

enum { ROOM = 8192, CASES = 4000 };

static uint8_t space[ROOM];
static struct json_schema s;

static char *written(const struct pb_message_type *type, vitro_bytes bytes)
{
    return json_schema_write(&s, type, bytes) ? NULL : strdup((char *)s.text.ptr);
}

/* What unpack, which merges and chooses on its own, makes of the same bytes. */
static char *written_of_struct(const struct pb_message_type *type, vitro_bytes bytes)
{
    ProtobufCMessage *m;
    uint8_t *packed;
    size_t n;
    char *json;

    if (vitro_pb_unpack(&m, &pbtest__all__descriptor, bytes, NULL, NULL))
        return NULL;
    n = vitro_pb_size(m);
    packed = malloc(n ? n : 1);
    vitro_pb_pack(m, packed, n);
    json = written(type, (vitro_bytes){ packed, n });
    free(packed);
    vitro_pb_free(m);
    return json;
}

Test(pb_json, there_and_back_is_the_same_for_any_message)
{
    struct chance c = seed_chance();
    const struct pb_message_type *all;
    size_t good = 0;

    json_schema_open(&s, 0);
    all = json_schema_type(&s, "pbtest.All");
    for (size_t i = 0; i < CASES; i++) {
        struct pb_make m = { &c, i % 2 == 0, space, ROOM, 0 };
        vitro_bytes bytes = pb_make_message(&m, &pbtest__all__descriptor, 3);
        char *first = written(all, bytes), *other = written_of_struct(all, bytes), *second;

        if (!other) { /* not UTF-8, a NUL: unpack is the stricter */
            free(first);
            continue;
        }
        cr_assert(first, "%s " SEED_TEXT, s.error.frame[0].text, seed_of_run(), i);
        cr_assert(strcmp(first, other) == 0, "%s\nis not\n%s\n" SEED_TEXT, first, other,
                  seed_of_run(), i);
        cr_assert(json_schema_read(&s, all, vitro_str_of(first)) == VITRO_OK,
                  "%s: %s\n%s\n" SEED_TEXT, s.error.frame[1].text, s.error.frame[0].text, first,
                  seed_of_run(), i);
        second = written(all, vitro_buf_bytes(&s.bytes));
        cr_assert(second && strcmp(first, second) == 0, "%s\nis not\n%s\n" SEED_TEXT, first, second,
                  seed_of_run(), i);
        good++;
        free(first);
        free(other);
        free(second);
    }
    cr_assert(good > CASES / 4, "%zu of %d were messages", good, CASES);
    json_schema_close(&s);
}

/* ---- numbers -------------------------------------------------------------------------------- */

static int digits_of(const char *text)
{
    const char *e = strchr(text, 'e');
    size_t end = e ? (size_t)(e - text) : strlen(text);
    int n = 0, zeros = 0;

    for (size_t i = 0; i < end; i++) {
        if (text[i] < '0' || text[i] > '9' || (!n && text[i] == '0'))
            continue;
        zeros = text[i] == '0' ? zeros + 1 : 0;
        n++;
    }
    return n - zeros;
}

Test(pb_json, numbers_are_the_shortest_text_that_reads_back)
{
    static const double some[] = { 0,       0.1,      -0.5,    1e22,    1e23,
                                   5e-324,  DBL_MAX,  DBL_MIN, 1.0 / 3, 9007199254740993.0,
                                   123e-20, 4.35e300, 100,     -1e15,   72057594037927945.0 };
    struct chance c = seed_chance();
    char text[JSON_NUMBER_TEXT], shorter[64];

    for (size_t i = 0; i < 50000; i++) {
        uint64_t bits = vitro_chance_next(&c);
        uint32_t half = (uint32_t)(bits >> 32);
        double d = i < ARRAY_LEN(some) ? some[i] : 0;
        float f;

        if (i >= ARRAY_LEN(some))
            memcpy(&d, &bits, sizeof d);
        memcpy(&f, &half, sizeof f);
        if (isfinite(d)) {
            cr_assert(vitro_json_double_text(d, text) == strlen(text));
            cr_assert(strtod(text, NULL) == d, "%s is not %a", text, d);
            snprintf(shorter, sizeof shorter, "%.*e", MAX(digits_of(text) - 2, 0), d);
            cr_assert(digits_of(text) <= 1 || strtod(shorter, NULL) != d, "%s for %s", text,
                      shorter);
        }
        if (isfinite(f)) {
            cr_assert(vitro_json_float_text(f, text) == strlen(text));
            cr_assert(strtof(text, NULL) == f, "%s is not %a", text, (double)f);
        }
    }
    vitro_json_double_text(-0.0, text);
    cr_assert_str_eq(text, "-0.0", "an integer -0 would read back as 0");
    vitro_json_double_text(0.1, text);
    cr_assert_str_eq(text, "0.1");
    vitro_json_float_text(0.1f, text);
    cr_assert_str_eq(text, "0.1");
}

/* ---- times ---------------------------------------------------------------------------------- */

Test(pb_json, times_are_those_of_the_calendar)
{
    struct chance c = seed_chance();
    char text[JSON_TIME_TEXT], expected[40];

    for (size_t i = 0; i < 50000; i++) {
        int64_t seconds = (int64_t)vitro_chance_below(&c, 315537897600u) - 62135596800, back;
        int32_t nanos = i % 3 ? (int32_t)vitro_chance_below(&c, 1000000000) : 0, back_nanos;
        time_t t = (time_t)seconds;
        struct tm tm;
        size_t n = vitro_json_timestamp_text(seconds, nanos, text);

        gmtime_r(&t, &tm);
        snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        cr_assert(n == strlen(text) && strncmp(text, expected, 19) == 0, "%s, not %s", text,
                  expected);
        cr_assert(vitro_json_timestamp_read((vitro_str){ text, n }, &back, &back_nanos) &&
                      back == seconds && back_nanos == nanos,
                  "%s", text);
        seconds -= 150000000000;
        nanos = seconds < 0 ? -nanos : nanos;
        n = vitro_json_duration_text(seconds, nanos, text);
        cr_assert(n && vitro_json_duration_read((vitro_str){ text, n }, &back, &back_nanos) &&
                      back == seconds && back_nanos == nanos,
                  "%s", text);
    }
}

/* ---- streams of values ---------------------------------------------------------------------- */

Test(pb_json, values_are_cut_the_same_however_they_arrive)
{
    static const char text[] =
        " {\"a\":\"}\\\"{\",\"b\":[1,{}]}{}\n[\"]\\\\\"] \"x\\\"y\" 12 true\t"
        "{\"\xea\xb0\x80\":1}\r\n \"\" ] null";
    static const char *const values[] = { "{\"a\":\"}\\\"{\",\"b\":[1,{}]}",
                                          "{}",
                                          "[\"]\\\\\"]",
                                          "\"x\\\"y\"",
                                          "12",
                                          "true",
                                          "{\"\xea\xb0\x80\":1}",
                                          "\"\"",
                                          "]",
                                          "null" };
    static const size_t columns[] = { 2, 25, 1, 9, 16, 19, 24, 2, 5, 7 };
    struct chance c = seed_chance();

    for (size_t round = 0; round < 2000; round++) {
        struct json_cut cut;
        struct buf all;
        vitro_str value;
        size_t given = 0, n = 0;
        enum json_cut_result r = JSON_CUT_NONE;

        vitro_json_cut_init(&cut);
        vitro_buf_init(&all, NULL, 4096);
        while (given < sizeof text - 1 || r == JSON_CUT_WHOLE) {
            size_t left = sizeof text - 1 - given, more = seed_between(&c, 0, MIN(left, 9));

            vitro_buf_append(&all, text + given, more);
            given += more;
            r = vitro_json_cut(&cut, (vitro_str){ (char *)all.ptr, all.len },
                               given == sizeof text - 1, &value);
            if (r == JSON_CUT_WHOLE) {
                cr_assert(n < ARRAY_LEN(values) && vitro_str_eq(value, vitro_str_of(values[n])),
                          "%zu: %.*s " SEED_TEXT, n, (int)value.len, value.ptr, seed_of_run(),
                          round);
                cr_assert(cut.start.column == columns[n], "%zu: column %zu", n, cut.start.column);
                n++;
            }
            if (round % 2)
                vitro_buf_consume(&all, vitro_json_cut_consume(&cut));
        }
        cr_assert(n == ARRAY_LEN(values) && r == JSON_CUT_NONE, "%zu values " SEED_TEXT, n,
                  seed_of_run(), round);
        cr_assert(cut.start.line == 3);
        vitro_buf_done(&all);
    }
}

Test(pb_json, a_value_that_is_cut_off_is_told_as_part)
{
    static const char *const parts[] = { "{", "[1,", "\"a", "{\"a\":\"}", "\"\\\"" };

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct json_cut cut;
        vitro_str value;

        vitro_json_cut_init(&cut);
        cr_assert(vitro_json_cut(&cut, vitro_str_of(parts[i]), false, &value) == JSON_CUT_PART);
        cr_assert(vitro_json_cut(&cut, vitro_str_of(parts[i]), true, &value) == JSON_CUT_PART);
        cr_assert(vitro_str_eq(value, vitro_str_of(parts[i])));
    }
}
