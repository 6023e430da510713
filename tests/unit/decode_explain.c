/* The dictionary: sorted, complete, in both languages. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "decode/tls_names.h"
#include "frame/frame.h"
#include "frame/hpack.h"
#include "vitro/lab/decode.h"

static void assert_has(const char *key)
{
    vitro_explanation e;

    cr_assert(vitro_explain(key, VITRO_ENGLISH, &e), "no entry %s", key);
    cr_assert(eq(str, (char *)e.key, (char *)key));
}

static void assert_has_number(const char *key, unsigned long number)
{
    char full[64];

    snprintf(full, sizeof full, "%s.%lu", key, number);
    assert_has(full);
}

Test(explain, keys_are_sorted_and_each_is_found)
{
    vitro_explanation e, found;
    char last[64] = "";
    size_t n = 0;

    for (; vitro_explain_at(n, VITRO_ENGLISH, &e); n++) {
        cr_assert(strcmp(last, e.key) < 0, "%s stands before %s", last, e.key);
        cr_assert(vitro_explain(e.key, VITRO_ENGLISH, &found));
        cr_assert(eq(str, (char *)found.text, (char *)e.text));
        snprintf(last, sizeof last, "%s", e.key);
    }
    cr_assert(gt(sz, n, 150));
    cr_assert(not(vitro_explain("nothing", VITRO_ENGLISH, &found)));
    cr_assert(not(vitro_explain(NULL, VITRO_ENGLISH, &found)));
}

static bool has_hangul(const char *text)
{
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p >= 0xea && (unsigned char)*p <= 0xed)
            return true;
    }
    return false;
}

Test(explain, each_entry_has_words_in_both_languages)
{
    vitro_explanation en, ko;

    for (size_t i = 0; vitro_explain_at(i, VITRO_ENGLISH, &en); i++) {
        cr_assert(vitro_explain_at(i, VITRO_KOREAN, &ko));
        cr_assert(en.name[0] && en.text[0], "%s is empty", en.key);
        cr_assert(not(has_hangul(en.text)), "%s", en.key);
        cr_assert(has_hangul(ko.text), "%s", en.key);
        cr_assert(vitro_utf8_valid(vitro_str_of(ko.text)), "%s", en.key);
        cr_assert(eq(str, (char *)en.section, (char *)ko.section));
    }
}

Test(explain, every_frame_setting_and_error_has_an_entry)
{
#define X(id, number, ...) assert_has_number("h2.frame", number);
#include "frame/frame_types.def"
#undef X
#define X(id, number, ...) assert_has_number("h2.settings", number);
#include "frame/frame_settings.def"
#undef X
#define X(id, number) assert_has_number("h2.error", number);
#include "frame/frame_errors.def"
#undef X
}

Test(explain, every_flag_has_an_entry){
#define X(type, bit, name, ...)                                                                    \
    {                                                                                              \
        char key[64] = "h2.flag.";                                                                 \
        size_t n = strlen(key);                                                                    \
        for (const char *p = name; *p; p++)                                                        \
            key[n++] = *p == '_' ? '_' : (char)(*p | 0x20);                                        \
        key[n] = '\0';                                                                             \
        assert_has(key);                                                                           \
    }
#include "frame/frame_flags.def"
#undef X
}

Test(explain, every_status_representation_and_wire_type_has_an_entry)
{
#define X(name, number) assert_has_number("grpc.status", number);
    VITRO_CODES(X)
#undef X
    static const char *const reprs[] = { "indexed",         "incremental.indexed",
                                         "incremental.new", "without.indexed",
                                         "without.new",     "never.indexed",
                                         "never.new",       "size_update" };
    for (size_t i = 0; i < sizeof reprs / sizeof reprs[0]; i++) {
        char key[64];
        snprintf(key, sizeof key, "hpack.%s", reprs[i]);
        assert_has(key);
    }
    for (unsigned i = 0; i < 6; i++)
        assert_has_number("pb.wire", i);
    assert_has("grpc.prefix.flag");
    assert_has("grpc.prefix.length");
    assert_has("h2.preface");
}

Test(explain, every_reserved_header_has_an_entry)
{
#define HEADER(id, name, kind) assert_has("header." name);
#include "wire/header.def"
#undef HEADER
}

Test(explain, every_note_has_an_entry)
{
#define VITRO_FIELD(type, name)
#define VITRO_NOTE(id, text, fields) assert_has("note." #id);
#include "trace/notes.def"
#undef VITRO_NOTE
#undef VITRO_FIELD
}

Test(explain, every_reason_has_words)
{
    for (unsigned i = 1; i < 100; i++) {
        const char *why = vitro_decode_why((uint8_t)i);
        if (!why[0])
            cr_assert(gt(uint, i, 60), "reason %u is empty", i);
    }
    cr_assert(eq(str, (char *)vitro_decode_why(0), ""));
    cr_assert(eq(str, (char *)vitro_decode_why(255), ""));
}

Test(explain, every_record_handshake_message_and_alert_of_RFC_8446_has_an_entry)
{
    static const struct {
        int registry;
        unsigned number;
        const char *section;
    } names[] = {
#define NAME(registry, number, name, section) { TLS_##registry, number, section },
#include "decode/tls_names.def"
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncmp(names[i].section, "RFC 8446", 8) != 0)
            continue;
        if (names[i].registry == TLS_CONTENT)
            assert_has_number("tls.record.content_type", names[i].number);
        else if (names[i].registry == TLS_MESSAGE && names[i].number != 254)
            assert_has_number("tls.handshake.type", names[i].number);
        else if (names[i].registry == TLS_ALERT)
            assert_has_number("tls.alert_message.desc", names[i].number);
    }
}
