#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "support/seed.h"
#include "wire/timeout.h"

static int64_t parsed(const char *text)
{
    int64_t ns = -1;

    cr_assert(vitro_timeout_parse(vitro_str_of(text), &ns) == TIMEOUT_OK, "%s", text);
    return ns;
}

static const char *formatted(int64_t ns)
{
    static char out[TIMEOUT_ROOM];
    size_t n = vitro_timeout_format(ns, out);

    cr_assert(n == strlen(out) && n >= 2 && n <= 9);
    return out;
}

Test(timeout, r11_what_is_written_is_read_back_never_shorter_and_at_most_one_unit_longer)
{
    static const struct {
        char unit;
        int64_t ns;
    } units[] = { { 'n', 1 },          { 'u', 1000 },        { 'm', 1000000 },
                  { 'S', 1000000000 }, { 'M', 60000000000 }, { 'H', 3600000000000 } };
    struct chance c = seed_chance();

    for (size_t i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)(vitro_chance_next(&c) >> seed_between(&c, 1, 62)) + 1;
        const char *text = formatted(ns > 0 ? ns : INT64_MAX);
        int64_t back = parsed(text), unit = 0;

        for (size_t k = 0; k < ARRAY_LEN(units); k++)
            unit = text[strlen(text) - 1] == units[k].unit ? units[k].ns : unit;
        cr_assert(back >= ns && (back - ns < unit || back == INT64_MAX),
                  "%lld as %s is %lld " SEED_TEXT, (long long)ns, text, (long long)back,
                  seed_of_run(), i);
    }
}

Test(timeout, r11_unit_is_the_finest_that_fits_8_digits_and_values_round_up)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        { 1, "1n" },
        { 99999999, "99999999n" },
        { 100000000, "100000u" },
        { 100000001, "100001u" },
        { 99999999000, "99999999u" },
        { 99999999001, "100000m" },
        { 3600000000000, "3600000m" },
        { 99999999000000000, "99999999S" },
        { 99999999000000001, "1666667M" },
        { 5999999940000000000, "99999999M" },
        { 5999999940000000001, "1666667H" },
        { INT64_MAX, "2562048H" },
        { 0, "1n" },
        { -5, "1n" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(formatted(cases[i].ns), cases[i].text);
}

Test(timeout, r11_each_unit_means_its_time_and_the_case_matters)
{
    cr_expect(parsed("1n") == 1);
    cr_expect(parsed("2u") == 2000);
    cr_expect(parsed("3m") == 3000000);
    cr_expect(parsed("4S") == 4000000000);
    cr_expect(parsed("5M") == 300000000000);
    cr_expect(parsed("6H") == 21600000000000);
    cr_expect(parsed("00000001S") == 1000000000, "8 digits may begin with zeros");
    cr_expect(parsed("99999999H") == INT64_MAX, "past the range is the longest there is");
}

Test(timeout, r11_malformed_values_are_told_apart)
{
    static const struct {
        const char *text;
        enum timeout_form form;
    } cases[] = {
        { "", TIMEOUT_EMPTY },
        { "S", TIMEOUT_NO_DIGITS },
        { "1", TIMEOUT_BAD_UNIT },
        { "12", TIMEOUT_BAD_UNIT },
        { "1s", TIMEOUT_BAD_UNIT },
        { "1N", TIMEOUT_BAD_UNIT },
        { "1h", TIMEOUT_BAD_UNIT },
        { "1U", TIMEOUT_BAD_UNIT },
        { "abc", TIMEOUT_BAD_DIGIT },
        { "-1S", TIMEOUT_BAD_DIGIT },
        { "+1S", TIMEOUT_BAD_DIGIT },
        { " 1S", TIMEOUT_BAD_DIGIT },
        { "1 S", TIMEOUT_BAD_DIGIT },
        { "1.5S", TIMEOUT_BAD_DIGIT },
        { "1S ", TIMEOUT_BAD_DIGIT },
        { "0m", TIMEOUT_ZERO },
        { "00000000H", TIMEOUT_ZERO },
        { "0x1S", TIMEOUT_BAD_DIGIT },
        { "123456789n", TIMEOUT_TOO_LONG },
        { "000000001S", TIMEOUT_TOO_LONG },
        { "99999999999999999999999S", TIMEOUT_TOO_LONG },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = -7;
        enum timeout_form form = vitro_timeout_parse(vitro_str_of(cases[i].text), &ns);

        cr_expect(form == cases[i].form, "\"%s\" gives %d", cases[i].text, (int)form);
        cr_expect(ns == (form == TIMEOUT_ZERO ? 0 : -7));
        cr_expect(vitro_timeout_problem(form)[0] != '\0');
    }
}

Test(timeout, any_bytes_are_read_without_harm)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 20000; i++) {
        char text[12];
        size_t n = seed_between(&c, 0, sizeof text);
        int64_t ns = 0;

        seed_fill(&c, text, n);
        for (size_t k = 0; k < n && i % 2; k++)
            text[k] = "0123456789HMSmun"[vitro_chance_below(&c, 16)];
        enum timeout_form form = vitro_timeout_parse((vitro_str){ text, n }, &ns);
        cr_assert((form == TIMEOUT_OK) == (ns > 0), SEED_TEXT, seed_of_run(), i);
    }
}
