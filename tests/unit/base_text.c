#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "support/seed.h"
#include "vitro/text.h"
#include "vitro/version.h"

/* The oracle: encode a code point as RFC 3629 says; 0 for what has no form. */
static size_t encode(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return c >= 0xd800 && c <= 0xdfff ? 0 : 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return c <= 0x10ffff ? 4 : 0;
}

Test(utf8, every_code_point_is_written_as_it_is_read)
{
    for (uint32_t c = 0; c < 0x110000; c++) {
        uint8_t want[4] = { 0 };
        char got[4] = { 0 };
        size_t n = encode(c, want);

        if (n)
            cr_assert(vitro_utf8_encode(c, got) == n && memcmp(got, want, n) == 0, "U+%X",
                      (unsigned)c);
    }
}

Test(utf8, every_code_point_is_read_and_no_surrogate_or_more)
{
    for (uint32_t c = 0; c < 0x120000; c++) {
        uint8_t bytes[4] = { 0 };
        size_t n = encode(c, bytes), all = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        uint32_t got = 0;

        cr_assert(vitro_utf8_decode((vitro_str){ (char *)bytes, all }, &got) == n, "U+%X",
                  (unsigned)c);
        cr_assert(n == 0 || got == c);
        for (size_t cut = 1; cut < n; cut++)
            cr_assert(vitro_utf8_decode((vitro_str){ (char *)bytes, cut }, &got) == 0);
    }
}

/* All texts of four bytes of the classes that matter: valid exactly when the oracle can split it.
 */
static bool oracle_valid(const uint8_t *p, size_t n)
{
    while (n) {
        size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        uint32_t c = 0;
        uint8_t again[4];

        if (len > n)
            return false;
        c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
        for (size_t i = 1; i < len; i++)
            c = c << 6 | (p[i] & 0x3fu);
        if (encode(c, again) != len || memcmp(again, p, len) != 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

Test(utf8, validity_agrees_with_encoding_again)
{
    static const uint8_t edges[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                     0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                     0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff };
    const size_t n = ARRAY_LEN(edges);

    for (size_t i = 0; i < n * n * n * n; i++) {
        const uint8_t p[4] = { edges[i % n], edges[i / n % n], edges[i / n / n % n],
                               edges[i / n / n / n] };

        for (size_t len = 0; len <= 4; len++)
            cr_assert(vitro_utf8_valid((vitro_str){ (const char *)p, len }) == oracle_valid(p, len),
                      "%02x %02x %02x %02x, %zu of them", p[0], p[1], p[2], p[3], len);
    }
}

Test(text, escaped_bytes_of_any_kind_are_printable_and_valid)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 5000; i++) {
        char bytes[60], out[1024];
        size_t n = seed_between(&c, 0, sizeof bytes);
        struct text t;
        vitro_str s;

        seed_fill(&c, bytes, n);
        for (size_t k = 0; k + 4 < n && i % 2; k += 3)
            encode((uint32_t)vitro_chance_below(&c, 0x3000), (uint8_t *)bytes + k);
        vitro_text_init(&t, out, sizeof out);
        vitro_text_escape(&t, (vitro_str){ bytes, n });
        cr_assert(t.len < sizeof out && t.len == strlen(out));
        for (s = (vitro_str){ out, t.len }; s.len;) {
            uint32_t point;
            size_t len = vitro_utf8_decode(s, &point);

            cr_assert(len && vitro_utf8_printable(point), SEED_TEXT, seed_of_run(), i);
            s = (vitro_str){ s.ptr + len, s.len - len };
        }
    }
}

Test(text, nothing_that_moves_a_cursor_or_turns_text_is_printable)
{
    static const uint32_t hidden[] = { 0,      7,      0x1b,   0x7f,   0x9b,   0xad,   0x200b,
                                       0x200e, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff, 0xe0001 };
    static const uint32_t shown[] = { ' ', 'a', '~', 0xa0, 0xe9, 0xc548, 0x1f600 };

    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        cr_expect(!vitro_utf8_printable(hidden[i]), "U+%X", (unsigned)hidden[i]);
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        cr_expect(vitro_utf8_printable(shown[i]), "U+%X", (unsigned)shown[i]);
}

Test(text, a_text_that_is_too_long_is_cut_between_characters_and_its_whole_length_is_known)
{
    for (size_t size = 0; size < 24; size++) {
        char out[24];
        struct text t;

        memset(out, 'z', sizeof out);
        vitro_text_init(&t, size ? out : NULL, size);
        vitro_text_add(&t, "%s=", "k");
        vitro_text_bytes(&t, vitro_str_of("\xec\x95\x88\xeb\x85\x95")); /* two of three bytes */
        vitro_text_escape(&t, vitro_str_of("\n"));
        cr_expect(t.len == 2 + 6 + 5);
        if (size) {
            cr_expect(strlen(out) < size && vitro_utf8_valid(vitro_str_of(out)), "size %zu", size);
            cr_expect(size == 24 || out[size] == 'z');
        }
    }
}

Test(text, numbers_have_no_sign_no_leading_zero_and_a_maximum)
{
    static const char *const bad[] = { "",
                                       "00",
                                       "01",
                                       "-1",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "a",
                                       "1a",
                                       "18446744073709551616",
                                       "99999999999999999999999" };
    uint64_t n = 7;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect(!vitro_text_number(vitro_str_of(bad[i]), UINT64_MAX, &n) && n == 7, "%s", bad[i]);
    cr_expect(vitro_text_number(vitro_str_of("0"), 0, &n) && n == 0);
    cr_expect(vitro_text_number(vitro_str_of("16"), 16, &n) && n == 16);
    cr_expect(!vitro_text_number(vitro_str_of("17"), 16, &n) && n == 16);
    cr_expect(vitro_text_number(vitro_str_of("18446744073709551615"), UINT64_MAX, &n));
    cr_expect(n == UINT64_MAX);
}

Test(error, newest_cause_comes_first_and_the_origin_is_never_dropped)
{
    vitro_error err;
    char line[512];

    cr_assert(vitro_fail(&err, VITRO_UNAVAILABLE, "socket", 111, "Connection %s", "refused") ==
              VITRO_UNAVAILABLE);
    cr_assert(vitro_wrap(&err, VITRO_UNAVAILABLE, "connect", "%s", "ipv4:127.0.0.1:1") ==
              VITRO_UNAVAILABLE);
    vitro_error_format(&err, line, sizeof line);
    cr_expect_str_eq(line,
                     "UNAVAILABLE: connect: ipv4:127.0.0.1:1 <- socket: Connection refused (111)");
    for (int i = 0; i < 6; i++)
        vitro_wrap(&err, VITRO_INTERNAL, "layer", "%d", i);
    vitro_error_format(&err, line, sizeof line);
    cr_expect_str_eq(line, "INTERNAL: layer: 5 <- layer: 0 <- connect: ipv4:127.0.0.1:1 <- "
                           "socket: Connection refused (111)");
    cr_expect(vitro_fail(NULL, VITRO_INTERNAL, "x", 0, "y") == VITRO_INTERNAL);
    cr_expect(vitro_wrap(NULL, VITRO_INTERNAL, "x", "y") == VITRO_INTERNAL);
}

Test(error, what_a_peer_wrote_reaches_no_terminal_raw_and_any_room_will_do)
{
    char line[200], whole[512];
    vitro_error err;
    size_t len;

    vitro_fail(&err, VITRO_INTERNAL, "peer", 0, "\x1b[2J\xff%s", "\xec\x95\x88");
    len = vitro_error_format(&err, whole, sizeof whole);
    cr_expect_str_eq(whole, "INTERNAL: peer: \\u{1b}[2J\\x{ff}\xec\x95\x88");
    for (size_t size = 0; size < sizeof line; size++) {
        cr_expect(vitro_error_format(&err, line, size) == len);
        if (size)
            cr_expect(strncmp(line, whole, strlen(line)) == 0 && strlen(line) <= size - 1);
    }
}

static const char *text_of(const char *format, const char *where)
{
    static vitro_error err;

    vitro_fail(&err, VITRO_UNAVAILABLE, "file", 0, format, where);
    return err.frame[0].text;
}

Test(error, of_a_text_that_is_too_long_the_middle_is_left_out_and_the_reason_stays)
{
    static char path[4096];

    for (size_t len = 0; len < sizeof path - 8; len += len < 300 ? 1 : 97) {
        const char *korean = "\xec\x95\x88", *text;

        memset(path, 'a', len);
        memcpy(path + len, korean, 4);
        text = text_of("open %s: No such file or directory", path);
        cr_expect(strncmp(text, "open ", 5) == 0);
        cr_expect(strstr(text, ": No such file or directory") != NULL, "%s", text);
        cr_expect(strlen(text) < VITRO_ERROR_TEXT);
        cr_expect_eq(strstr(text, "...") != NULL,
                     len + 3 + strlen("open : No such file or directory") >= VITRO_ERROR_TEXT);
    }
    for (size_t shift = 0; shift < 3; shift++) {
        memset(path, 'a', shift);
        for (size_t at = shift; at + 4 < sizeof path; at += 3)
            memcpy(path + at, "\xec\x95\x88", 4);
        cr_expect(vitro_utf8_valid(vitro_str_of(text_of("%s", path))), "characters stay whole");
    }
}

Test(error, every_code_has_its_name)
{
    cr_expect_str_eq(vitro_code_name(0), "OK");
    cr_expect_str_eq(vitro_code_name(5), "NOT_FOUND");
    cr_expect_str_eq(vitro_code_name(16), "UNAUTHENTICATED");
    cr_expect_str_eq(vitro_code_name(17), "CODE_OUT_OF_RANGE");
    cr_expect_str_eq(vitro_code_name(-1), "CODE_OUT_OF_RANGE");
}

/* The same options as three versions of a program know them. */
struct options_old {
    size_t size;
    int a;
};
struct options_ours {
    size_t size;
    int a, b;
};
struct options_new {
    size_t size;
    int a, b, c;
};

Test(options, older_callers_get_defaults_and_newer_ones_pass_while_they_ask_for_nothing_new)
{
    struct options_old old = { sizeof old, 1 };
    struct options_new new = { sizeof new, 1, 2, 0 };
    struct options_ours got;

    memset(&got, 0xee, sizeof got);
    memset((char *)&old + offsetof(struct options_old, a) + sizeof old.a, 0,
           sizeof old - offsetof(struct options_old, a) - sizeof old.a);
    old.size = offsetof(struct options_old, a) + sizeof old.a;
    cr_assert(vitro_options_import(&got, sizeof got, &old) && got.a == 1 && got.b == 0);
    memset((char *)&new + offsetof(struct options_new, c), 0,
           sizeof new - offsetof(struct options_new, c));
    cr_assert(vitro_options_import(&got, sizeof got, &new) && got.a == 1 && got.b == 2);
    new.c = 1;
    got.b = 77;
    cr_assert(!vitro_options_import(&got, sizeof got, &new) && got.b == 77,
              "what we do not know is refused, and nothing is changed");
    cr_assert(vitro_options_import(&got, sizeof got, NULL) && got.a == 0 && got.b == 0);
    new.size = 0;
    cr_assert(!vitro_options_import(&got, sizeof got, &new), "a size that was never set");
}

Test(text, what_a_peer_said_is_escaped_in_room_of_any_size)
{
    vitro_str hostile = vitro_str_of("\033[31m\xff 안녕\n\u202e");
    const char *want = "\\u{1b}[31m\\x{ff} 안녕\\u{a}\\u{202e}";
    char out[64];

    cr_expect_eq(vitro_escape(hostile, NULL, 0), strlen(want));
    for (size_t size = 1; size <= sizeof out; size++) {
        cr_assert_eq(vitro_escape(hostile, out, size), strlen(want));
        cr_assert(strlen(out) < size && strncmp(out, want, strlen(out)) == 0, "%zu: %s", size, out);
    }
    cr_expect_str_eq(out, want);
}

Test(version, it_is_the_same_as_text_and_as_a_number)
{
    unsigned a = 0, b = 0, c = 0;
    int n = 0;

    cr_assert_eq(sscanf(VITRO_VERSION, "%u.%u.%u%n", &a, &b, &c, &n), 3);
    cr_expect_eq(VITRO_VERSION[n], '\0');
    cr_expect(a < 256 && b < 256 && c < 256);
    cr_expect_eq(VITRO_VERSION_NUMBER, a << 16 | b << 8 | c);
    cr_expect_str_eq(vitro_library_version(), VITRO_VERSION);
}
