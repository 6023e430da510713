#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/util.h"
#include "crypto/certificate.h"
#include "decode/handshake.h"
#include "support/hex.h"
#include "support/seed.h"
#include "support/tls_ends.h"

/* What records of TLS hold, cut into fields: the messages of RFC 8448, of libssl, and broken ones.
 */

TestSuite(handshake, .timeout = 120);

static const struct example {
    const char *hex;
    bool is_1_3;
} examples[] = {
#define MESSAGE(name, is_1_3, hex) { hex, is_1_3 },
#include "support/rfc8448.def"
};

enum {
#define MESSAGE(name, is_1_3, hex) name,
#include "support/rfc8448.def"
};

/* The fields of a content, as they were told. */
static struct told {
    struct handshake_field field[20000];
    size_t count, wrong;
    bool is_1_3;
} told;

static bool remember(const struct handshake_field *f, void *user)
{
    (void)user;
    cr_assert_lt(told.count, ARRAY_LEN(told.field));
    told.field[told.count++] = *f;
    told.wrong += f->form == HANDSHAKE_WRONG;
    return true;
}

static void read_content(uint8_t type, bool is_1_3, vitro_bytes content)
{
    told.count = told.wrong = 0;
    vitro_handshake_read(type, is_1_3, content, remember, NULL);
}

/* The lowest fields cover each byte once, in order, and stay in the group they are under. */
static void fields_tile(vitro_bytes content)
{
    uint32_t at = 0, end[256];

    for (size_t i = 0; i < told.count; i++) {
        const struct handshake_field *f = &told.field[i];
        cr_assert_eq(f->off, at, "field %zu, %s, at %" PRIu32 " not %" PRIu32, i, f->name, f->off,
                     at);
        cr_assert_leq(f->off + f->len, content.len);
        if (f->depth)
            cr_assert_leq(f->off + f->len, end[f->depth - 1], "%s leaves its group", f->name);
        end[f->depth] = f->form == HANDSHAKE_GROUP ? f->off + f->len : 0;
        if (f->form != HANDSHAKE_GROUP)
            at += f->len;
    }
    cr_assert_eq(at, content.len);
}

static vitro_bytes example(size_t i)
{
    static uint8_t bytes[1024];

    return hex_read(examples[i].hex, bytes, sizeof bytes);
}

static void read_example(size_t i)
{
    vitro_bytes content = example(i);

    read_content(RECORD_HANDSHAKE, examples[i].is_1_3, content);
    fields_tile(content);
    cr_assert_eq(told.wrong, 0);
}

/* The field of this name, the n-th, with this number and text. */
static void says(const char *name, size_t n, uint32_t number, const char *text)
{
    for (size_t i = 0; i < told.count; i++) {
        const struct handshake_field *f = &told.field[i];
        if (strcmp(f->name, name) == 0 && n-- == 0) {
            cr_assert_eq(f->number, number, "%s: %" PRIu32, name, f->number);
            cr_assert_str_eq(f->text ? f->text : "", text);
            return;
        }
    }
    cr_assert_fail("no %s", name);
}

/* Likewise with these bytes of the content. */
static void holds(vitro_bytes content, const char *name, const char *bytes)
{
    for (size_t i = 0; i < told.count; i++) {
        const struct handshake_field *f = &told.field[i];
        if (strcmp(f->name, name) == 0) {
            cr_assert_eq(f->len, strlen(bytes));
            cr_assert_eq(memcmp(content.ptr + f->off, bytes, f->len), 0);
            return;
        }
    }
    cr_assert_fail("no %s", name);
}

/* A copy that ends with its last byte, for whoever watches memory. */
static vitro_bytes cut_at(vitro_bytes content, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    if (len)
        memcpy(copy, content.ptr, len);
    return (vitro_bytes){ copy, len };
}

/* ---- what is sound --------------------------------------------------------------------------- */

Test(handshake, the_hellos_of_RFC_8448_are_read_as_it_prints_them)
{
    read_example(CLIENT_HELLO);
    says("tls.handshake", 0, 1, "ClientHello");
    says("tls.handshake.length", 0, 192, "");
    says("tls.handshake.version", 0, 0x0303, "TLS 1.2");
    says("tls.handshake.ciphersuite", 1, 0x1303, "TLS_CHACHA20_POLY1305_SHA256");
    says("tls.handshake.extension", 0, 0, "server_name");
    says("tls.handshake.extensions_supported_group", 8, 0x0104, "ffdhe8192");
    says("tls.handshake.extensions_key_share_group", 0, 0x001d, "x25519");
    says("tls.handshake.extensions.supported_version", 0, 0x0304, "TLS 1.3");
    says("tls.handshake.sig_hash_alg", 4, 0x0804, "rsa_pss_rsae_sha256");
    says("tls.extension.psk_ke_mode", 0, 1, "psk_dhe_ke");
    says("tls.record_size_limit", 0, 0x4001, "");
    holds(example(CLIENT_HELLO), "tls.handshake.extensions_server_name", "server");
    read_example(SERVER_HELLO);
    says("tls.handshake", 0, 2, "ServerHello");
    says("tls.handshake.ciphersuite", 0, 0x1301, "TLS_AES_128_GCM_SHA256");
    says("tls.handshake.extensions.supported_version", 0, 0x0304, "TLS 1.3");
    read_example(RESUMING_HELLO);
    says("tls.handshake.extensions.psk.identity.identity_length", 0, 178, "");
    says("tls.handshake.extensions.psk.identity.obfuscated_ticket_age", 0, 0xfad6aacb, "");
    says("tls.handshake.extensions.psk.binders_len", 0, 33, "");
}

Test(handshake, the_other_messages_of_RFC_8448_are_read_as_it_prints_them)
{
    read_example(ENCRYPTED_EXTENSIONS);
    says("tls.handshake.extension", 2, 0, "server_name");
    says("tls.handshake.extension.len", 2, 0, "");
    read_example(CERTIFICATE);
    says("tls.handshake.certificate_length", 0, 432, "");
    says("tls.handshake.extensions_length", 0, 0, "");
    read_example(CERTIFICATE_VERIFY);
    says("tls.handshake.sig_hash_alg", 0, 0x0804, "rsa_pss_rsae_sha256");
    says("tls.handshake.client_cert_vrfy.sig_len", 0, 128, "");
    read_example(FINISHED);
    says("tls.handshake", 0, 20, "Finished");
    read_example(NEW_SESSION_TICKET);
    says("tls.handshake.session_ticket_lifetime_hint", 0, 30, "");
    says("tls.early_data.max_early_data_size", 0, 1024, "");
}

Test(handshake, a_certificate_says_whom_it_is_for_and_how_long_and_a_damaged_one_nothing)
{
    struct certificate_words words;
    uint8_t der[432];
    struct arena a;

    vitro_arena_init(&a, NULL, 4096);
    memcpy(der, example(CERTIFICATE).ptr + 11, sizeof der);
    for (size_t cut = 0; cut <= sizeof der; cut++) {
        vitro_bytes bytes = cut_at((vitro_bytes){ der, sizeof der }, cut);
        memset(&words, 0, sizeof words);
        cr_assert_eq(vitro_certificate_words(bytes, &a, &words), cut == sizeof der);
        free((void *)bytes.ptr);
    }
    cr_assert_str_eq(words.subject.ptr, "CN=rsa");
    cr_assert_str_eq(words.issuer.ptr, "CN=rsa");
    cr_assert_eq(words.names.len, 0);
    cr_assert_eq(words.usage.len, 0);
    cr_assert_str_eq(words.not_before.ptr, "2016-07-30T01:23:59Z");
    cr_assert_str_eq(words.not_after.ptr, "2026-07-30T01:23:59Z");
    vitro_arena_done(&a);
}

Test(handshake, an_authority_is_told_by_its_name_and_a_damaged_one_is_not)
{
    /* its certificate names it rsa, in RFC 8448, 3 */
    static const uint8_t der[] = { 0x30, 0x0e, 0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                                   0x04, 0x03, 0x13, 0x03, 0x72, 0x73, 0x61, 0x00 };
    size_t whole = sizeof der - 1;
    struct arena a;

    vitro_arena_init(&a, NULL, 4096);
    for (size_t cut = 0; cut <= sizeof der; cut++) {
        vitro_bytes bytes = cut_at((vitro_bytes){ der, sizeof der }, cut);
        vitro_str name = { NULL, 0 };
        cr_assert_eq(vitro_certificate_name(bytes, &a, &name), cut == whole);
        cr_assert(cut != whole || strcmp(name.ptr, "CN=rsa") == 0);
        free((void *)bytes.ptr);
    }
    vitro_arena_done(&a);
}

Test(handshake, a_server_hello_with_the_random_of_a_retry_is_a_HelloRetryRequest)
{
    static const char retry[] =
        "020000340303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c001301000"
        "00c002b00020304003300020017";
    uint8_t bytes[128];
    vitro_bytes content = hex_read(retry, bytes, sizeof bytes);

    read_content(RECORD_HANDSHAKE, false, content);
    fields_tile(content);
    cr_assert_eq(told.wrong, 0);
    says("tls.handshake", 0, 6, "HelloRetryRequest");
    says("tls.handshake.type", 0, 2, "ServerHello");
    says("tls.handshake.extensions_key_share_selected_group", 0, 0x0017, "secp256r1");
}

Test(handshake, alerts_and_ChangeCipherSpec_are_read)
{
    static const uint8_t alert[] = { 2, 48 }, change[] = { 1 };

    read_content(RECORD_ALERT, true, (vitro_bytes){ alert, sizeof alert });
    says("tls.alert_message.level", 0, 2, "fatal");
    says("tls.alert_message.desc", 0, 48, "unknown_ca");
    read_content(RECORD_CHANGE_CIPHER_SPEC, false, (vitro_bytes){ change, sizeof change });
    says("tls.change_cipher_spec", 0, 1, "");
}

static void read_messages(vitro_bytes content, bool is_1_3)
{
    read_content(RECORD_HANDSHAKE, is_1_3, content);
    fields_tile(content);
    for (size_t i = 0; i < told.count; i++) {
        const struct handshake_field *f = &told.field[i];
        cr_assert_neq(f->form, HANDSHAKE_WRONG, "%s", f->text);
        cr_assert(f->form != HANDSHAKE_GROUP || f->text, "%s %" PRIu32, f->name, f->number);
    }
}

Test(handshake, all_that_libssl_says_under_any_suite_is_read_and_has_names)
{
    static const uint16_t suites[] = {
#define SUITE(id, version, name, kind, key_len, digest) (id),
#include "crypto/suites.def"
    };

    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        const struct suite *suite = vitro_suite_find(suites[i]);
        ends_begin(suite);
        ends_connect();
        ends_talk();
        ends_all_was_read();
        for (int side = 0; side < 2; side++) {
            read_messages(vitro_buf_bytes(&ends.seen.messages[side][0]), false);
            read_messages(vitro_buf_bytes(&ends.seen.messages[side][1]), suite->version == 0x0304);
        }
        ends_end();
    }
}

Test(handshake, a_suite_is_called_as_where_it_is_opened)
{
#define SUITE(id, version, name, kind, key_len, digest)                                            \
    cr_assert_str_eq(vitro_tls_name(TLS_SUITE, id), name);
#include "crypto/suites.def"
}

Test(handshake, numbers_are_in_order_and_found_and_others_have_no_name)
{
    static const struct {
        unsigned registry, number;
        const char *name;
    } all[] = {
#define NAME(registry, number, name, section) { TLS_##registry, number, name },
#include "decode/tls_names.def"
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        cr_assert_str_eq(vitro_tls_name((enum tls_registry)all[i].registry, all[i].number),
                         all[i].name);
        if (i)
            cr_assert(
                all[i - 1].registry < all[i].registry ||
                    (all[i - 1].registry == all[i].registry && all[i - 1].number < all[i].number),
                "%s", all[i].name);
    }
    cr_assert_str_eq(vitro_tls_name(TLS_EXTENSION, 0x7a7a), "GREASE");
    cr_assert_null(vitro_tls_name(TLS_ALERT, 0x7a));
    cr_assert_null(vitro_tls_name(TLS_EXTENSION, 0x7a6a));
    cr_assert_null(vitro_tls_name(TLS_NO_NAMES, 0));
}

/* ---- what is not ----------------------------------------------------------------------------- */

Test(handshake, cut_anywhere_it_tells_the_same_fields_as_far_as_they_go)
{
    static struct told whole;

    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        read_example(i);
        whole = told;
        for (size_t len = 0; len < example(i).len; len++) {
            vitro_bytes content = cut_at(example(i), len);
            read_content(RECORD_HANDSHAKE, examples[i].is_1_3, content);
            fields_tile(content);
            cr_assert_eq(told.wrong, 0);
            for (size_t k = 0; k < told.count; k++) {
                const struct handshake_field *a = &told.field[k], *b = &whole.field[k];
                cr_assert(a->name == b->name && a->off == b->off && a->depth == b->depth);
                cr_assert_leq(a->len, b->len);
                cr_assert(a->len < b->len || a->number == b->number || a->depth == 1 ||
                          a->form == HANDSHAKE_GROUP);
            }
            free((void *)content.ptr);
        }
    }
}

Test(handshake, whatever_bytes_are_changed_fields_never_leave_the_message)
{
    struct chance c = seed_chance();
    size_t wrongs = 0;

    for (size_t n = 0; n < 20000; n++) {
        vitro_bytes content = example(seed_between(&c, 0, ARRAY_LEN(examples) - 1));
        vitro_bytes copy = cut_at(content, content.len);
        for (size_t k = seed_between(&c, 1, 4); k; k--)
            seed_fill(&c, (uint8_t *)copy.ptr + seed_between(&c, 0, copy.len - 1), 1);
        read_content(RECORD_HANDSHAKE, seed_between(&c, 0, 1), copy);
        fields_tile(copy);
        wrongs += told.wrong > 0;
        free((void *)copy.ptr);
    }
    cr_assert_gt(wrongs, 1000);
}

Test(handshake, any_bytes_are_covered)
{
    struct chance c = seed_chance();
    uint8_t bytes[600];

    for (size_t n = 0; n < 20000; n++) {
        vitro_bytes content = { bytes, seed_between(&c, 0, sizeof bytes) };
        seed_fill(&c, bytes, content.len);
        bytes[0] %= 26;
        bytes[1] = bytes[2] = 0;
        read_content((uint8_t)seed_between(&c, 20, 24), seed_between(&c, 0, 1), content);
        fields_tile(content);
    }
}

Test(handshake, a_length_that_says_too_much_is_wrong_and_the_rest_goes_on)
{
    uint8_t bytes[1024];
    vitro_bytes content = hex_read(examples[CLIENT_HELLO].hex, bytes, sizeof bytes);

    bytes[59] = 99; /* of the name that is asked for; its extension ends as it did */
    read_content(RECORD_HANDSHAKE, false, content);
    fields_tile(content);
    cr_assert_eq(told.wrong, 1);
    says("tls.unknown", 0, 0, "its length says more than there is");
    says("tls.record_size_limit", 0, 0x4001, "");
}

static bool stop_at_third(const struct handshake_field *f, void *user)
{
    (void)f;
    return ++*(int *)user < 3;
}

Test(handshake, who_has_seen_enough_is_told_no_more)
{
    int seen = 0;

    vitro_handshake_read(RECORD_HANDSHAKE, false, example(CLIENT_HELLO), stop_at_third, &seen);
    cr_assert_eq(seen, 3);
}
