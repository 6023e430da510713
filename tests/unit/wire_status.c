#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "support/seed.h"
#include "wire/content_type.h"
#include "wire/status.h"

Test(status, r21_http_status_means_what_the_mapping_says_and_all_else_is_unknown)
{
    for (unsigned http = 0; http < 1000; http++) {
        vitro_code want = VITRO_UNKNOWN;

        if (http == 400)
            want = VITRO_INTERNAL;
        else if (http == 401)
            want = VITRO_UNAUTHENTICATED;
        else if (http == 403)
            want = VITRO_PERMISSION_DENIED;
        else if (http == 404)
            want = VITRO_UNIMPLEMENTED;
        else if (http == 429 || (http >= 502 && http <= 504))
            want = VITRO_UNAVAILABLE;
        cr_expect(vitro_status_of_http(http) == want, "%u", http);
    }
}

Test(status, r23_every_code_is_read_back_and_nothing_else_is_a_code)
{
    static const char *const none[] = { "",   "00",  "01", "17", "-1", "+1",         " 1",
                                        "1 ", "0x1", "1a", "a",  "99", "4294967296", "1.0" };
    vitro_code code;

    for (int i = 0; i <= VITRO_UNAUTHENTICATED; i++) {
        vitro_str text = vitro_status_text((vitro_code)i);

        cr_expect(vitro_status_parse(text, &code) && (int)code == i);
        cr_expect(text.len == (i < 10 ? 1 : 2));
    }
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        code = VITRO_OK;
        cr_expect(!vitro_status_parse(vitro_str_of(none[i]), &code), "%s", none[i]);
        cr_expect(code == VITRO_UNKNOWN);
    }
    cr_expect(vitro_str_eq(vitro_status_text((vitro_code)99), vitro_str_of("2")));
}

static vitro_str encoded(const char *text, size_t n)
{
    static char out[4096];
    vitro_str in = { text, n };
    size_t len = vitro_status_message_encode(in, out);

    cr_assert(len == vitro_status_message_len(in));
    return (vitro_str){ out, len };
}

Test(status, r24_any_message_is_read_back_and_travels_as_printable_ascii)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 3000; i++) {
        char text[300], back[1024];
        size_t n = seed_between(&c, 0, sizeof text);
        vitro_str wire;

        seed_fill(&c, text, n);
        for (size_t k = 0; k < n && i % 2; k++)
            text[k] = " %a4~!"[vitro_chance_below(&c, 6)];
        wire = encoded(text, n);
        for (size_t k = 0; k < wire.len; k++)
            cr_assert(wire.ptr[k] >= ' ' && wire.ptr[k] <= '~', SEED_TEXT, seed_of_run(), i);
        cr_assert(!wire.len || (wire.ptr[0] != ' ' && wire.ptr[wire.len - 1] != ' '));
        cr_assert(vitro_status_message_decode(wire, back) == n && memcmp(back, text, n) == 0,
                  SEED_TEXT, seed_of_run(), i);
    }
}

Test(status, r24_only_bytes_outside_0x20_to_0x7e_and_the_percent_are_escaped_in_upper_case)
{
    for (int b = 0; b < 256; b++) {
        const char text[3] = { 'a', (char)b, 'a' };
        char want[8];
        bool plain = b >= 0x20 && b <= 0x7e && b != '%';

        if (plain)
            snprintf(want, sizeof want, "a%ca", b);
        else
            snprintf(want, sizeof want, "a%%%02Xa", (unsigned)b);
        cr_expect(vitro_str_eq(encoded(text, 3), vitro_str_of(want)), "byte %02x", (unsigned)b);
    }
}

Test(status, r24_a_broken_percent_stays_as_it_is)
{
    static const struct {
        const char *text, *back;
    } cases[] = {
        { "%", "%" },       { "%4", "%4" },       { "%4g", "%4g" },
        { "%g4", "%g4" },   { "%%41", "%A" },     { "%4%41", "%4A" },
        { "100%", "100%" }, { "%41%4", "A%4" },   { "%e2%98%BA", "\xe2\x98\xba" },
        { "a%20b", "a b" }, { "%zz%41", "%zzA" }, { "", "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[64];
        size_t n = vitro_status_message_decode(vitro_str_of(cases[i].text), out);

        cr_expect(vitro_str_eq((vitro_str){ out, n }, vitro_str_of(cases[i].back)), "%s",
                  cases[i].text);
    }
}

Test(status, decoding_in_place_gives_the_same)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 3000; i++) {
        char text[64], out[64];
        size_t len = seed_between(&c, 0, sizeof text), n;

        for (size_t k = 0; k < len; k++)
            text[k] = "%%%4aFg "[vitro_chance_below(&c, 8)];
        n = vitro_status_message_decode((vitro_str){ text, len }, out);
        cr_assert(n <= len);
        cr_assert(vitro_status_message_decode((vitro_str){ text, len }, text) == n &&
                      memcmp(text, out, n) == 0,
                  SEED_TEXT, seed_of_run(), i);
    }
}

Test(status, r25_a_space_at_either_end_is_percent_encoded_and_comes_back)
{
    static const struct {
        const char *text, *wire;
    } cases[] = {
        { " ", "%20" },
        { "  ", "%20%20" },
        { "boom ", "boom%20" },
        { " boom", "%20boom" },
        { " a b ", "%20a b%20" },
        { "a b", "a b" },
        { "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n",
          "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP "
          "%F0%9F%98%88%09%0A" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        vitro_str wire = encoded(cases[i].text, strlen(cases[i].text));
        char out[256];
        size_t n;

        cr_expect(vitro_str_eq(wire, vitro_str_of(cases[i].wire)), "%.*s", (int)wire.len, wire.ptr);
        n = vitro_status_message_decode(wire, out);
        cr_expect(vitro_str_eq((vitro_str){ out, n }, vitro_str_of(cases[i].text)));
    }
}

Test(status, r26_reset_codes_mean_what_the_table_says)
{
    static const vitro_code want[] = {
        VITRO_INTERNAL,          VITRO_INTERNAL, VITRO_INTERNAL, VITRO_INTERNAL,
        VITRO_INTERNAL,          VITRO_UNKNOWN,  VITRO_INTERNAL, VITRO_UNAVAILABLE,
        VITRO_CANCELLED,         VITRO_INTERNAL, VITRO_INTERNAL, VITRO_RESOURCE_EXHAUSTED,
        VITRO_PERMISSION_DENIED, VITRO_UNKNOWN,
    };

    for (uint32_t i = 0; i < ARRAY_LEN(want); i++)
        cr_expect(vitro_status_of_rst(i) == want[i], "%u", i);
    cr_expect(vitro_status_of_rst(14) == VITRO_UNKNOWN);
    cr_expect(vitro_status_of_rst(UINT32_MAX) == VITRO_UNKNOWN);
}

Test(content_type, r09_only_application_grpc_alone_or_before_plus_or_semicolon_is_grpc)
{
    static const struct {
        const char *value;
        bool grpc;
        const char *codec;
    } cases[] = {
        { "application/grpc", true, "" },
        { "application/grpc+proto", true, "proto" },
        { "application/grpc+json", true, "json" },
        { "application/grpc;charset=utf-8", true, "" },
        { "application/grpc+proto; charset=utf-8", true, "proto" },
        { "application/grpc+proto ; charset=utf-8", true, "proto" },
        { "application/grpc+", true, "" },
        { "application/grpc;", true, "" },
        { "Application/GRPC+proto", true, "proto" },
        { "application/grpc-web", false, "" },
        { "application/grpc-web+proto", false, "" },
        { "application/grpcx", false, "" },
        { "application/grp", false, "" },
        { " application/grpc", false, "" },
        { "application/json", false, "" },
        { "text/plain", false, "" },
        { "", false, "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        vitro_str codec = { NULL, 99 };
        bool grpc = vitro_content_type_is_grpc(vitro_str_of(cases[i].value), &codec);

        cr_expect(grpc == cases[i].grpc, "%s", cases[i].value);
        cr_expect(vitro_str_eq(codec, vitro_str_of(cases[i].codec)), "%s: %.*s", cases[i].value,
                  (int)codec.len, codec.ptr);
        cr_expect(vitro_content_type_is_grpc(vitro_str_of(cases[i].value), NULL) == grpc);
    }
}
