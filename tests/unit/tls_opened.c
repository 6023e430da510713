#include <criterion/criterion.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
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

/* A second connection of the same ends. */
static void connect_again(void)
{
    SSL_SESSION *session = SSL_get1_session(ends.ssl[0]);

    for (int i = 0; i < 2; i++) {
        SSL_shutdown(ends.ssl[i]);
        SSL_free(ends.ssl[i]);
        vitro_buf_consume(&ends.seen.wire[i], ends.seen.wire[i].len);
        vitro_buf_consume(&ends.said[i], ends.said[i].len);
    }
    ends_connect();
    cr_assert_eq(SSL_set_session(ends.ssl[0], session), 1);
    SSL_SESSION_free(session);
}

Test(tls_opened, a_session_that_is_resumed_opens_by_its_own_secrets)
{
    for (int old = 0; old < 2; old++) {
        ends_begin(vitro_suite_find(old ? 0xc02b : 0x1301));
        ends_connect();
        ends_talk();
        connect_again();
        ends_talk();
        cr_assert(SSL_session_reused(ends.ssl[0]));
        ends_all_was_read();
        ends_end();
    }
}

Test(tls_opened, early_data_is_told_and_what_follows_opens)
{
    size_t n;

    ends_begin(vitro_suite_find(0x1301));
    SSL_CTX_set_max_early_data(ends.context[1], 16384);
    ends_connect();
    ends_talk();
    connect_again();
    cr_assert_eq(SSL_write_early_data(ends.ssl[0], "early", 5, &n), 1);
    ends_talk(); /* the server passes over what it does not ask for */
    ends_all_was_read();
    cr_assert_eq(ends.seen.early, 1);
    ends_end();
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
    static const struct suite cbc = { .version = 0x0303,
                                      .name = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256" };

    ends_begin(&cbc);
    ends_connect();
    ends_talk();
    seen_follow(&ends.seen, FOLLOW_NO_SUITE);
    ends_end();
}

Test(tls_opened, behind_a_second_handshake_of_1_2_nothing_opens)
{
    size_t from[2];

    ends_begin(vitro_suite_find(0xc02b));
    ends_connect();
    ends_talk();
    ends_all_was_read();
    for (int i = 0; i < 2; i++)
        from[i] = ends.seen.wire[i].len;
    cr_assert_eq(SSL_renegotiate(ends.ssl[1]), 1);
    ends_pump();
    ends_say(0, 100);
    for (unsigned side = 0; side < 2; side++) {
        enum follow_result last = FOLLOW_PLAIN;
        while (from[side] < ends.seen.wire[side].len) {
            vitro_bytes record = seen_record(&ends.seen.wire[side], from[side]);
            enum follow_result rc = seen_follow_one(&ends.seen, side, record);
            cr_assert(rc == FOLLOW_AGAIN || (rc == FOLLOW_OPENED && last != FOLLOW_AGAIN));
            from[side] += record.len;
            last = rc;
        }
        cr_assert_eq(last, FOLLOW_AGAIN);
    }
    ends_end();
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
