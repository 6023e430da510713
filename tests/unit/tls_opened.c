#include <criterion/criterion.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "crypto/cbc.h"
#include "support/tls_ends.h"

/* Who has the secrets reads along what libssl's two ends have said; what does not open says why. */

TestSuite(tls_opened, .timeout = 120);

static int let_in(int sound, X509_STORE_CTX *chain)
{
    (void)sound;
    (void)chain;
    return 1;
}

static const uint16_t suites[] = {
#define SUITE(id, version, name, kind, key_len, digest) (id),
#include "crypto/suites.def"
};

Test(tls_opened, of_each_suite_every_record_opens)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        ends_begin(vitro_suite_find(suites[i]));
        ends_connect();
        ends_talk();
        ends_all_was_read();
        ends_end();
    }
}

Test(tls_opened, where_nobody_asks_for_encrypt_then_mac_every_record_opens)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        if (!vitro_is_cbc(vitro_suite_find(suites[i])))
            continue;
        ends_begin(vitro_suite_find(suites[i]));
        SSL_CTX_set_options(ends.context[i % 2], SSL_OP_NO_ENCRYPT_THEN_MAC);
        ends_connect();
        ends_talk();
        ends_all_was_read();
        ends_end();
    }
}

Test(tls_opened, one_changed_bit_of_what_is_sealed_in_blocks_does_not_open)
{
    static const uint16_t some[] = { 0xc009, 0xc023, 0xc024 };
    static uint8_t out[1 << 12];

    for (unsigned k = 0; k < 2 * ARRAY_LEN(some); k++) {
        struct record_plain plain;
        struct follow_record r;
        vitro_bytes record;
        size_t from;
        ends_begin(vitro_suite_find(some[k / 2]));
        SSL_CTX_set_options(ends.context[0], k % 2 ? SSL_OP_NO_ENCRYPT_THEN_MAC : 0);
        ends_connect();
        ends_talk();
        ends_all_was_read();
        from = ends.seen.wire[0].len;
        ends_say(0, 10 + k);
        record = seen_record(&ends.seen.wire[0], from);
        cr_assert_eq(vitro_follow_record(&ends.seen.follow, 0, record, out, &r), FOLLOW_OPENED);
        for (size_t bit = 0; bit < 8 * record.len; bit++) {
            ends.seen.wire[0].ptr[from + bit / 8] ^= (uint8_t)(1 << bit % 8);
            cr_assert_neq(vitro_record_open(&r.keys, r.seq, record, out, &plain), RECORD_OPENED);
            for (size_t i = 0; i < record.len - RECORD_HEAD_LEN; i++)
                cr_assert_eq(out[i], 0);
            ends.seen.wire[0].ptr[from + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        cr_assert_eq(vitro_record_open(&r.keys, r.seq + 1, record, out, &plain), RECORD_SEALED);
        cr_assert_eq(vitro_record_open(&r.keys, r.seq, record, out, &plain), RECORD_OPENED);
        cr_assert_eq(plain.len, 10 + k);
        ends_end();
    }
}

Test(tls_opened, keys_that_are_updated_again_and_again_are_followed)
{
    for (size_t i = 0; i < 3; i++) {
        ends_begin(vitro_suite_find(suites[i]));
        ends_connect();
        ends_talk();
        for (int n = 0; n < 5; n++) {
            cr_assert_eq(SSL_key_update(ends.ssl[n % 2], n ? SSL_KEY_UPDATE_REQUESTED
                                                           : SSL_KEY_UPDATE_NOT_REQUESTED),
                         1);
            ends_say(n % 2, 100);
            ends_say(!(n % 2), 20000);
        }
        ends_all_was_read();
        cr_assert_eq(ends.seen.updates[0], 5);
        cr_assert_eq(ends.seen.updates[1], 4);
        ends_end();
    }
}

Test(tls_opened, a_second_hello_of_the_client_changes_no_secret)
{
    ends_begin(vitro_suite_find(0x1301));
    SSL_CTX_set1_groups_list(ends.context[0], "X25519:P-256");
    SSL_CTX_set1_groups_list(ends.context[1], "P-256");
    ends_connect();
    ends_talk();
    cr_assert_eq(memcmp(ends.seen.wire[1].ptr + RECORD_HEAD_LEN + 4 + 2, "\xcf\x21\xad\x74", 4), 0,
                 "a HelloRetryRequest has this random (RFC 8446, 4.1.3)");
    ends_all_was_read();
    ends_end();
}

Test(tls_opened, padding_is_no_data)
{
    ends_begin(vitro_suite_find(0x1302));
    for (int i = 0; i < 2; i++)
        cr_assert_eq(SSL_CTX_set_block_padding(ends.context[i], 512), 1);
    ends_connect();
    ends_talk();
    ends_all_was_read();
    ends_end();
}

Test(tls_opened, messages_that_are_split_over_records_are_put_together)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        ends_begin(vitro_suite_find(suites[i]));
        for (int k = 0; k < 2; k++)
            cr_assert_eq(SSL_CTX_set_max_send_fragment(ends.context[k], 512), 1);
        SSL_CTX_set_verify(ends.context[1], SSL_VERIFY_PEER, let_in);
        SSL_CTX_use_certificate(ends.context[0], SSL_CTX_get0_certificate(ends.context[1]));
        SSL_CTX_use_PrivateKey(ends.context[0], SSL_CTX_get0_privatekey(ends.context[1]));
        ends_connect();
        ends_talk();
        ends_all_was_read();
        ends_end();
    }
}

Test(tls_opened, a_session_that_is_resumed_opens_by_its_own_secrets)
{
    for (int old = 0; old < 2; old++) {
        ends_begin(vitro_suite_find(old ? 0xc02b : 0x1301));
        ends_connect();
        ends_talk();
        ends_resume();
        ends_talk();
        cr_assert(SSL_session_reused(ends.ssl[0]));
        ends_all_was_read();
        ends_end();
    }
}

/* Before the server has said anything; it takes them, or passes over them. */
static void talk_early(uint16_t suite, bool taken)
{
    ends_begin(vitro_suite_find(suite));
    SSL_CTX_set_max_early_data(ends.context[1], 16384);
    ends_connect();
    ends_talk();
    ends_resume();
    ends_early("early", 5, taken);
    ends_talk();
}

Test(tls_opened, early_data_opens_by_its_own_secret_and_so_does_what_follows)
{
    for (size_t i = 0; i < 6; i++) {
        talk_early(suites[i / 2], i % 2);
        seen_follow(&ends.seen, FOLLOW_OPENED);
        cr_expect_eq(SSL_get_early_data_status(ends.ssl[0]),
                     i % 2 ? SSL_EARLY_DATA_ACCEPTED : SSL_EARLY_DATA_REJECTED);
        cr_expect_eq(ends.seen.early, 0);
        cr_expect_eq(ends.seen.refused, i % 2 ? 0 : 1);
        cr_assert_eq(ends.seen.data[0].len, 5 + ends.said[0].len);
        cr_expect_eq(memcmp(ends.seen.data[0].ptr, "early", 5), 0);
        cr_expect_eq(ends.seen.data[1].len, ends.said[1].len);
        ends_end();
    }
}

Test(tls_opened, early_data_whose_secret_is_not_known_is_told_and_what_follows_opens)
{
    for (size_t i = 0; i < 6; i++) {
        struct secrets others;
        vitro_str log, line;
        talk_early(suites[i / 2], i % 2);
        vitro_secrets_init(&others, NULL);
        log = (vitro_str){ (const char *)ends.log.ptr, ends.log.len };
        while (log.len) {
            line =
                (vitro_str){ log.ptr, (size_t)((char *)memchr(log.ptr, '\n', log.len) - log.ptr) };
            if (memcmp(line.ptr, "CLIENT_EARLY", 12) != 0)
                cr_assert(vitro_secrets_add(&others, line));
            log.ptr += line.len + 1;
            log.len -= line.len + 1;
        }
        vitro_secrets_done(&ends.seen.secrets);
        ends.seen.secrets = others;
        seen_follow(&ends.seen, FOLLOW_OPENED);
        cr_expect_eq(ends.seen.early, i % 2 ? 2 : 1, "with its end, where it was taken");
        cr_expect_eq(ends.seen.refused, 0, "which is not known");
        cr_assert_eq(ends.seen.data[0].len, ends.said[0].len);
        ends_end();
    }
}

/* ---- what does not open ---------------------------------------------------------------------- */

Test(tls_opened, without_a_secret_it_is_said_that_there_is_none)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        ends_begin(vitro_suite_find(suites[i]));
        ends_connect();
        ends_talk();
        vitro_secrets_done(&ends.seen.secrets);
        seen_follow(&ends.seen, FOLLOW_NO_SECRET);
        cr_assert_eq(ends.seen.data[0].len + ends.seen.data[1].len, 0);
        ends_end();
    }
}

Test(tls_opened, a_suite_that_is_not_opened_is_said_to_be_none)
{
    static const struct suite ccm = { .version = 0x0303,
                                      .name = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM" };

    ends_begin(&ccm);
    ends_connect();
    ends_talk();
    seen_follow(&ends.seen, FOLLOW_NO_SUITE);
    ends_end();
}

Test(tls_opened, a_suite_of_an_older_version_is_not_taken_for_that_of_1_2)
{
    ends_begin(vitro_suite_find(0xc013));
    for (int i = 0; i < 2; i++) {
        SSL_CTX_set_min_proto_version(ends.context[i], TLS1_1_VERSION);
        SSL_CTX_set_max_proto_version(ends.context[i], TLS1_1_VERSION);
        cr_assert_eq(SSL_CTX_set_cipher_list(ends.context[i], "ECDHE-RSA-AES128-SHA:@SECLEVEL=0"),
                     1);
    }
    ends_connect();
    ends_talk();
    seen_follow(&ends.seen, FOLLOW_NO_SUITE);
    ends_end();
}

/* All records, in the order in which both ends have said them. */
static void follow_in_order(const struct conversation *said)
{
    size_t at[2] = { 0, 0 };

    for (size_t i = 0; i < said->turn_count; i++) {
        int side = said->turns[i].dir;
        for (size_t end = at[side] + said->turns[i].len; at[side] < end;) {
            vitro_bytes record = seen_record(&said->out[side], at[side]);
            enum follow_result rc = seen_follow_one(&ends.seen, (unsigned)side, record);
            cr_assert(rc == FOLLOW_PLAIN || rc == FOLLOW_OPENED, "turn %zu: %d", i, rc);
            at[side] += record.len;
        }
    }
}

/* The second handshake is sealed by the first. */
Test(tls_opened, each_handshake_of_1_2_has_its_own_keys)
{
    static const uint16_t some[] = { 0xc02b, 0xcca9, 0xc023 };

    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        struct conversation all;
        conversation_init(&all);
        ends_begin(vitro_suite_find(some[i]));
        SSL_CTX_set_options(ends.context[1], SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
        ends.carried = &all;
        ends_connect();
        ends_talk();
        for (int n = 0; n < 2; n++) {
            cr_assert_eq(SSL_renegotiate(ends.ssl[n == 0]), 1);
            ends_pump();
            ends_say(0, 100);
            ends_say(1, 100);
        }
        vitro_follow_init(&ends.seen.follow, &ends.seen.secrets);
        follow_in_order(&all);
        for (int k = 0; k < 2; k++)
            cr_assert_eq(ends.seen.data[k].len, ends.said[k].len);
        conversation_done(&all);
        ends_end();
    }
}

Test(tls_opened, without_the_hellos_no_keys_are_known)
{
    size_t from = 0;

    ends_begin(vitro_suite_find(0x1301));
    ends_connect();
    ends_talk();
    vitro_follow_init(&ends.seen.follow, &ends.seen.secrets);
    seen_follow_side(&ends.seen, 1, &from, false, FOLLOW_NO_HELLO);
    cr_assert_eq(ends.seen.data[1].len, 0);
    ends_end();
}

Test(tls_opened, a_record_with_a_hole_counts_and_those_behind_it_open)
{
    for (int old = 0; old < 2; old++) {
        size_t from = 0, n = 0, before;
        ends_begin(vitro_suite_find(old ? 0xc02b : 0x1301));
        ends_connect();
        ends_talk();
        seen_follow(&ends.seen, FOLLOW_OPENED);
        for (int i = 0; i < 4; i++) {
            before = ends.seen.wire[1].len;
            ends_say(1, 100);
            from = before;
            if (i == 1)
                vitro_follow_hole(&ends.seen.follow, 1, RECORD_APPLICATION_DATA);
            else
                seen_follow_side(&ends.seen, 1, &from, false, FOLLOW_OPENED);
            n += i != 1;
        }
        cr_assert_eq(ends.seen.data[1].len, 50000 + 100 * n);
        ends_end();
    }
}

Test(tls_opened, bytes_of_any_kind_do_no_harm)
{
    static const uint16_t some[] = { 0x1301, 0xcca9 };
    struct chance chance;

    vitro_chance_seed(&chance, 3);
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        ends_begin(vitro_suite_find(some[i]));
        ends_connect();
        ends_talk();
        for (int round = 0; round < 300; round++) {
            static uint8_t copy[1 << 16], out[1 << 16];
            struct follow f;
            vitro_follow_init(&f, &ends.seen.secrets);
            for (int side = 0; side < 2; side++)
                for (size_t at = 0, n = 0; at < ends.seen.wire[side].len && n < 12; n++) {
                    vitro_bytes record = seen_record(&ends.seen.wire[side], at);
                    struct follow_record r;
                    at += record.len;
                    memcpy(copy, record.ptr, record.len);
                    if (vitro_chance_next(&chance) % 3 == 0)
                        copy[vitro_chance_next(&chance) % record.len] =
                            (uint8_t)vitro_chance_next(&chance);
                    if (vitro_chance_next(&chance) % 9 == 0)
                        record.len = vitro_chance_next(&chance) % record.len;
                    vitro_follow_record(&f, (unsigned)side, (vitro_bytes){ copy, record.len }, out,
                                        &r);
                }
        }
        ends_end();
    }
}
