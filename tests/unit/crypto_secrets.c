#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/secrets.h"

/* The lines of a key log: what is said is found, and nothing else is. */

TestSuite(crypto_secrets, .timeout = 60);

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"

static struct secrets all;

static bool add(const char *lines)
{
    return vitro_secrets_add(&all, vitro_str_of(lines));
}

static bool found(enum secret_label label, uint8_t random, struct secret *out)
{
    uint8_t key[RANDOM_LEN];

    memset(key, random, sizeof key);
    return vitro_secrets_find(&all, label, key, out);
}

static void begin(void)
{
    vitro_secrets_init(&all, NULL);
}

static void end(void)
{
    vitro_secrets_done(&all);
}

Test(crypto_secrets, each_label_has_its_secret, .init = begin, .fini = end)
{
    static const char *const labels[] = {
        [SECRET_MASTER] = "CLIENT_RANDOM",
        [SECRET_CLIENT_EARLY] = "CLIENT_EARLY_TRAFFIC_SECRET",
        [SECRET_CLIENT_HANDSHAKE] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        [SECRET_SERVER_HANDSHAKE] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        [SECRET_CLIENT_TRAFFIC] = "CLIENT_TRAFFIC_SECRET_0",
        [SECRET_SERVER_TRAFFIC] = "SERVER_TRAFFIC_SECRET_0",
    };
    struct secret s;
    char line[256];

    for (unsigned i = 0; i <= SECRET_SERVER_TRAFFIC; i++) {
        snprintf(line, sizeof line, "%s " ZEROS " %02x" ZEROS "%030d\n", labels[i], i, 0);
        cr_assert(!found(i, 0, &s));
        cr_assert(add(line));
        cr_assert(found(i, 0, &s));
        cr_assert_eq(s.len, 48);
        cr_assert_eq(s.bytes[0], i);
        cr_assert(!found(i, 0x11, &s));
    }
    cr_assert_eq(all.bad + all.others, 0);
}

Test(crypto_secrets, other_lines_are_passed_over_and_counted, .init = begin, .fini = end)
{
    struct secret s;

    cr_assert(add("# a comment\r\n\r\n\n"
                  "EXPORTER_SECRET " ZEROS " " ZEROS "\r\n"
                  "RSA 0011223344556677 " ZEROS "\n"
                  "CLIENT_TRAFFIC_SECRET_0 " ONES " " ONES "\r\n"
                  "CLIENT_TRAFFIC_SECRET_0 " ZEROS " " ZEROS));
    cr_assert_eq(all.others, 2);
    cr_assert_eq(all.bad, 0);
    cr_assert(found(SECRET_CLIENT_TRAFFIC, 0x11, &s) && s.len == 32 && s.bytes[31] == 0x11);
    cr_assert(found(SECRET_CLIENT_TRAFFIC, 0, &s), "the last line lacks its end");
}

Test(crypto_secrets, a_line_that_is_none_says_nothing, .init = begin, .fini = end)
{
    static const char *const bad[] = {
        "CLIENT_RANDOM",
        "CLIENT_RANDOM ",
        "CLIENT_RANDOM " ZEROS,
        "CLIENT_RANDOM " ZEROS " ",
        "CLIENT_RANDOM " ZEROS " " ZEROS, /* 32 bytes: no master secret */
        "CLIENT_TRAFFIC_SECRET_0 " ZEROS " " ZEROS "00",
        "CLIENT_TRAFFIC_SECRET_0 " ZEROS " " ZEROS " ",
        "CLIENT_TRAFFIC_SECRET_0 " ZEROS " " ZEROS ZEROS,
        "CLIENT_TRAFFIC_SECRET_0 " ZEROS "  " ZEROS,
        "CLIENT_TRAFFIC_SECRET_0 00" ZEROS " " ZEROS,
        "CLIENT_TRAFFIC_SECRET_0 0" ZEROS " 0" ZEROS,
        "CLIENT_TRAFFIC_SECRET_0 g" ZEROS " " ZEROS,
        "CLIENT_TRAFFIC_SECRET_0 " ZEROS " g" ZEROS "0",
        "nonsense",
        "\x01\xff",
    };
    struct secret s;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(add(bad[i]));
        cr_assert_eq(all.bad, i + 1, "%s", bad[i]);
        cr_assert_eq(all.count, 0);
    }
    cr_assert(!found(SECRET_MASTER, 0, &s) && !found(SECRET_CLIENT_TRAFFIC, 0, &s));
}

Test(crypto_secrets, what_was_said_first_stays, .init = begin, .fini = end)
{
    struct secret s;

    cr_assert(add("CLIENT_TRAFFIC_SECRET_0 " ZEROS " " ONES "\n"
                  "CLIENT_TRAFFIC_SECRET_0 " ZEROS " " ZEROS "\n"));
    cr_assert_eq(all.count, 1);
    cr_assert(found(SECRET_CLIENT_TRAFFIC, 0, &s) && s.bytes[0] == 0x11);
}

/* ---- many ------------------------------------------------------------------------------------ */

enum { MANY = 4000 };

/* Alike in their first bytes or in their last, as someone who wants a deep tree would choose. */
static void make_random(unsigned i, uint8_t out[RANDOM_LEN])
{
    memset(out, 0, RANDOM_LEN);
    if (i < 256)
        out[i / 8] = (uint8_t)(0x80 >> (i % 8));
    else {
        out[i % 2 ? 0 : 30] = (uint8_t)(i >> 8);
        out[i % 2 ? 1 : 31] = (uint8_t)(i | 3);
        out[15] = (uint8_t)i;
    }
}

static void line_of(unsigned i, char *out, size_t size)
{
    uint8_t random[RANDOM_LEN];
    int n = snprintf(out, size, "SERVER_TRAFFIC_SECRET_0 ");

    make_random(i, random);
    for (int k = 0; k < RANDOM_LEN; k++)
        n += snprintf(out + n, size - (size_t)n, "%02X", random[k]);
    snprintf(out + n, size - (size_t)n, " %08x%056d\n", i, 0);
}

Test(crypto_secrets, of_many_each_is_found_in_whatever_order_they_came, .init = begin, .fini = end)
{
    uint8_t random[RANDOM_LEN];
    struct secret s;
    char line[256];

    for (unsigned i = 0; i < MANY; i++) {
        unsigned which = i * 1237 % MANY; /* without a common factor: each once */
        make_random(which, random);
        cr_assert(!vitro_secrets_find(&all, SECRET_SERVER_TRAFFIC, random, &s));
        line_of(which, line, sizeof line);
        cr_assert(add(line));
        cr_assert_eq(all.count, i + 1);
    }
    for (unsigned i = 0; i < MANY; i++) {
        make_random(i, random);
        cr_assert(vitro_secrets_find(&all, SECRET_SERVER_TRAFFIC, random, &s));
        cr_assert_eq((unsigned)s.bytes[2] << 8 | s.bytes[3], i);
        cr_assert(!vitro_secrets_find(&all, SECRET_CLIENT_TRAFFIC, random, &s));
    }
}

Test(crypto_secrets, a_budget_that_is_spent_ends_it_and_what_was_kept_is_found)
{
    struct account account;
    uint8_t random[RANDOM_LEN];
    struct secret s;
    char line[256];
    unsigned n = 0;

    vitro_account_init(&account, NULL, 64 * 1024);
    vitro_secrets_init(&all, &account);
    for (line_of(0, line, sizeof line); add(line); line_of(n, line, sizeof line))
        n++;
    cr_assert(n > 100 && n < MANY);
    for (unsigned i = 0; i <= n; i++) {
        make_random(i, random);
        cr_assert_eq(vitro_secrets_find(&all, SECRET_SERVER_TRAFFIC, random, &s), i < n);
    }
    vitro_secrets_done(&all);
    cr_assert_eq(account.used, 0);
    cr_assert_eq(account.live, 0);
}

Test(crypto_secrets, bytes_of_any_kind_do_no_harm, .init = begin, .fini = end)
{
    static const char good[] = "CLIENT_RANDOM " ZEROS " " ZEROS "0000000000000000000000000000000\n"
                               "CLIENT_TRAFFIC_SECRET_0 " ONES " " ONES "\n";
    struct chance chance;
    char text[sizeof good];

    vitro_chance_seed(&chance, 1);
    for (int i = 0; i < 20000; i++) {
        memcpy(text, good, sizeof good);
        for (uint64_t n = vitro_chance_next(&chance) % 4; n--;)
            text[vitro_chance_next(&chance) % (sizeof good - 1)] = (char)vitro_chance_next(&chance);
        size_t from = vitro_chance_next(&chance) % sizeof good;
        cr_assert(vitro_secrets_add(&all, (vitro_str){ text + from, sizeof good - 1 - from }));
    }
    cr_assert(all.bad > 1000 && all.count > 0);
}
