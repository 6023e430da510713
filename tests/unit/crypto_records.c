#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

#include "base/util.h"
#include "crypto/record.h"
#include "support/hex.h"

/* Known answers of RFC 8448, section 3, and what does not open. tls_opened.c has the rest. */

TestSuite(crypto_records, .timeout = 60);

/* One direction of the RFC's connection, of TLS_AES_128_GCM_SHA256. */
struct known {
    const char *secret, *key, *iv;
};

static const struct known server_handshake = {
    "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
    "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"
};
static const struct known client_traffic = {
    "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
    "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9"
};
static const struct known server_traffic = {
    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
    "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984"
};

/* The client's first record: 50 bytes that count up; then close_notify. */
static const char client_data[] =
    "1703030043 a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5"
    "b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
static const char client_close[] = "1703030013 c9872760655666b74d7ff1153efd6db6d0b0e3";

static struct record_keys keys_of(const struct known *k)
{
    struct secret secret = { .len = 32 };
    struct record_keys keys;

    hex_read(k->secret, secret.bytes, sizeof secret.bytes);
    cr_assert(vitro_keys_1_3(&keys, vitro_suite_find(0x1301), &secret));
    return keys;
}

Test(crypto_records, keys_are_those_of_RFC_8448)
{
    const struct known *all[] = { &server_handshake, &client_traffic, &server_traffic };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct record_keys keys = keys_of(all[i]);
        uint8_t want[32];
        vitro_bytes key = hex_read(all[i]->key, want, sizeof want);
        cr_assert_eq(key.len, 16);
        cr_assert_eq(memcmp(keys.key, want, 16), 0);
        cr_assert_eq(hex_read(all[i]->iv, want, sizeof want).len, NONCE_LEN);
        cr_assert_eq(memcmp(keys.iv, want, NONCE_LEN), 0);
    }
}

Test(crypto_records, records_of_RFC_8448_open_in_any_order)
{
    struct record_keys keys = keys_of(&client_traffic);
    uint8_t sealed[128], out[128];
    struct record_plain plain;

    for (int i = 0; i < 2; i++) {
        vitro_bytes r = hex_read(client_close, sealed, sizeof sealed);
        cr_assert_eq(vitro_record_open(&keys, 1, r, out, &plain), RECORD_OPENED);
        cr_assert_eq(plain.type, RECORD_ALERT);
        cr_assert_eq(plain.len, 2);
        cr_assert(out[0] == 1 && out[1] == 0);
        r = hex_read(client_data, sealed, sizeof sealed);
        cr_assert_eq(vitro_record_open(&keys, 0, r, out, &plain), RECORD_OPENED);
        cr_assert_eq(plain.type, RECORD_APPLICATION_DATA);
        cr_assert_eq(plain.len, 50);
        for (uint8_t k = 0; k < 50; k++)
            cr_assert_eq(out[k], k);
    }
}

/* Nothing of what was not authenticated is left, and the thread's errors are as they were. */
static void refuse(const struct record_keys *keys, uint64_t seq, vitro_bytes record,
                   enum record_result want)
{
    struct record_plain plain;
    uint8_t out[128];

    memset(out, 0xee, sizeof out);
    cr_assert_eq(vitro_record_open(keys, seq, record, out, &plain), want);
    cr_assert_eq(plain.len, 0);
    for (size_t i = 0; i + RECORD_HEAD_LEN < record.len; i++)
        cr_assert_eq(out[i], 0);
    cr_assert_eq(ERR_peek_error(), 0);
}

Test(crypto_records, one_changed_bit_another_number_or_other_keys_do_not_open)
{
    struct record_keys keys = keys_of(&client_traffic), other = keys_of(&server_traffic);
    uint8_t sealed[128];
    vitro_bytes r = hex_read(client_data, sealed, sizeof sealed);

    for (size_t bit = 0; bit < 8 * r.len; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool of_head = bit / 8 == 0 || bit / 8 == 3 || bit / 8 == 4; /* type, length */
        refuse(&keys, 0, r, of_head ? RECORD_BAD : RECORD_SEALED);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    refuse(&keys, 1, r, RECORD_SEALED);
    refuse(&keys, UINT64_MAX, r, RECORD_SEALED);
    refuse(&other, 0, r, RECORD_SEALED);
}

Test(crypto_records, what_is_too_short_or_too_long_is_no_record)
{
    struct record_keys all[3] = { keys_of(&client_traffic) };
    struct secret master = { .len = 48 };
    uint8_t random[RANDOM_LEN] = { 0 }, sealed[128] = { 0 };
    static uint8_t large[RECORD_HEAD_LEN + 65535], out[65535];
    struct record_plain plain;

    cr_assert(vitro_keys_1_2(all + 1, vitro_suite_find(0xc02b), &master, random, random));
    for (int k = 0; k < 2; k++) {
        hex_read(client_data, sealed, sizeof sealed);
        for (size_t len = 0; len < 72; len++)
            refuse(&all[k], 0, (vitro_bytes){ sealed, len }, RECORD_BAD);
        for (size_t body = 0; body < (k ? 24 : 16); body++) {
            sealed[3] = 0;
            sealed[4] = (uint8_t)body;
            refuse(&all[k], 0, (vitro_bytes){ sealed, RECORD_HEAD_LEN + body }, RECORD_BAD);
        }
        for (size_t body = 16384 + 16; body <= 65535; body += body < 16600 ? 1 : 499) {
            memset(large, 0, sizeof large);
            large[0] = RECORD_APPLICATION_DATA;
            large[3] = (uint8_t)(body >> 8);
            large[4] = (uint8_t)body;
            vitro_bytes r = { large, RECORD_HEAD_LEN + body };
            cr_assert_eq(vitro_record_open(&all[k], 0, r, out, &plain),
                         body > 16384 + (k ? 24 : 17) ? RECORD_BAD : RECORD_SEALED);
        }
    }
}

Test(crypto_records, a_secret_that_does_not_fit_its_suite_makes_no_keys)
{
    uint8_t random[RANDOM_LEN] = { 0 };
    struct secret s = { .len = 32 }, before;
    struct record_keys keys[2];

    cr_assert(!vitro_keys_1_3(keys, vitro_suite_find(0x1302), &s), "SHA384 makes 48 bytes");
    cr_assert(!vitro_keys_1_3(keys, vitro_suite_find(0xc02b), &s), "a suite of 1.2");
    cr_assert(!vitro_keys_1_2(keys, vitro_suite_find(0xc02b), &s, random, random));
    s.len = 48;
    before = s;
    cr_assert(!vitro_secret_update(&s, vitro_suite_find(0x1301)));
    cr_assert_eq(memcmp(&s, &before, sizeof s), 0);
    cr_assert(!vitro_keys_1_3(keys, vitro_suite_find(0x1301), &s));
    cr_assert(!vitro_keys_1_2(keys, vitro_suite_find(0x1302), &s, random, random));
    cr_assert_null(vitro_suite_find(0x000a), "3DES");
    cr_assert_null(vitro_suite_find(0x1304), "CCM");
}
