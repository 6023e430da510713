#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/text.h"
#include "base/util.h"
#include "support/credentials.h"
#include "support/heap.h"
#include "support/pair.h"

/* Tokens that are signed here, verified by OpenSSL with a key that was made for the test. */

TestSuite(service_account, .timeout = 120);

static const vitro_method methods[] = { { "/test.One/Do", VITRO_UNARY, NULL },
                                        { "/test.One/Undo", VITRO_UNARY, NULL },
                                        { "/test.Two/Do", VITRO_UNARY, NULL } };

/* ---- the key and its file ------------------------------------------------------------------- */

static EVP_PKEY *key;
static char file_text[16 * 1024];

/* PEM as JSON holds it: line ends are "\n". */
static void add_pem(struct text *t)
{
    BIO *pem = BIO_new(BIO_s_mem());
    char *bytes;
    long n;

    cr_assert(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL));
    n = BIO_get_mem_data(pem, &bytes);
    for (long i = 0; i < n; i++)
        vitro_text_add(t, bytes[i] == '\n' ? "\\n" : "%c", bytes[i]);
    BIO_free(pem);
}

/* The file of an account, with the members that were given after its key; takes k. */
static const char *make_file(EVP_PKEY *k, const char *others)
{
    struct text t;

    EVP_PKEY_free(key);
    key = k;
    vitro_text_init(&t, file_text, sizeof file_text);
    vitro_text_add(&t, "{\n  \"private_key\": \"");
    add_pem(&t);
    vitro_text_add(&t, "\",\n  %s\n}\n", others);
    cr_assert_lt(t.len, sizeof file_text);
    return file_text;
}

#define ACCOUNT                                                                                    \
    "\"type\": \"service_account\", \"client_email\": \"robot@vitro.test\", "                      \
    "\"private_key_id\": \"k1\", \"project_id\": \"p\", \"nested\": {\"a\": [1]}"

static vitro_call_credentials *account(const char *text)
{
    vitro_call_credentials *made;
    char line[VITRO_ERROR_LINE];
    vitro_error err;

    if (vitro_call_credentials_service_account(&made, NULL, bytes_of(text), NULL, &err)) {
        vitro_error_format(&err, line, sizeof line);
        cr_assert_fail("%s", line);
    }
    return made;
}

static void free_key(void)
{
    EVP_PKEY_free(key);
    key = NULL;
}

/* ---- a server that answers with the token ---------------------------------------------------- */

static struct pair world;

static void answer(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_bytes value = { NULL, 0 };

    cr_assert(vitro_md_get(vitro_call_metadata(call), vitro_str_of("authorization"), &value));
    vitro_call_finish(call, vitro_call_send(call, value, 0, NULL, NULL), NULL, NULL, NULL);
}

static const vitro_call_events answers = { .size = sizeof answers, .on_message = answer };

static void begin(bool sockets, uint64_t seed, vitro_call_credentials *c)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca");

    pair_init(&world);
    world.sockets = sockets;
    world.sim_options.seed = seed;
    world.server_credentials = server;
    world.channel_options.credentials = client;
    world.channel_options.call_credentials = c;
    world.channel_options.authority = "vitro.test:443";
    pair_make_server(&world);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        cr_assert_eq(vitro_server_add(world.server, &methods[i], NULL, &answers, NULL, NULL),
                     VITRO_OK);
    pair_start(&world);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
    vitro_call_credentials_unref(c);
}

/* What came as the value of authorization. */
static void call(const vitro_method *m, char *token, size_t size)
{
    vitro_reply reply = VITRO_REPLY_INIT;
    char line[VITRO_ERROR_LINE];
    vitro_error err;

    if (vitro_unary(world.channel, m, bytes_of("?"), NULL, &reply, &err)) {
        vitro_error_format(&err, line, sizeof line);
        cr_assert_fail("%s", line);
    }
    cr_assert_lt(reply.message.len, size);
    memcpy(token, reply.message.ptr, reply.message.len);
    token[reply.message.len] = '\0';
    vitro_reply_done(&reply);
}

/* ---- tokens, read without the code that made them -------------------------------------------- */

static size_t decode(const char *from, const char *to, uint8_t *out)
{
    static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    int have = 0;
    size_t n = 0;

    for (; from < to; from++) {
        const char *c = strchr(url, *from);

        cr_assert(*from && c, "%c is in no text of base64url", *from);
        bits = bits << 6 | (uint32_t)(c - url);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    return n;
}

/* DER of a signature of ES256. */
static int as_der(const uint8_t *raw, unsigned char **der)
{
    ECDSA_SIG *s = ECDSA_SIG_new();
    int n;

    ECDSA_SIG_set0(s, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
    n = i2d_ECDSA_SIG(s, der);
    ECDSA_SIG_free(s);
    return n;
}

static bool is_signed(const char *text, size_t len, const uint8_t *signature, size_t n)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    unsigned char *der = NULL;
    bool ok;

    if (EVP_PKEY_is_a(key, "EC")) {
        cr_assert_eq(n, 64);
        n = (size_t)as_der(signature, &der);
    }
    ok = EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
         EVP_DigestVerify(c, der ? der : signature, n, (const uint8_t *)text, len) == 1;
    EVP_MD_CTX_free(c);
    OPENSSL_free(der);
    return ok;
}

static void check(const char *value, const char *header, const char *claims)
{
    const char *token = value + 7, *dot = strchr(token, '.'), *last = strrchr(token, '.');
    uint8_t room[4096];
    size_t n;

    cr_assert_eq(strncmp(value, "Bearer ", 7), 0);
    cr_assert(dot && last != dot);
    n = decode(token, dot, room);
    room[n] = '\0';
    cr_assert_str_eq((char *)room, header);
    n = decode(dot + 1, last, room);
    room[n] = '\0';
    cr_assert_str_eq((char *)room, claims);
    n = decode(last + 1, last + strlen(last), room);
    cr_assert(is_signed(token, (size_t)(last - token), room, n));
    cr_assert(!is_signed(token, (size_t)(last - token) - 1, room, n));
}

/* The world begins at 2025-09-20T00:00:00Z. */
#define CLAIMS(service, at)                                                                            \
    "{\"iss\":\"robot@vitro.test\",\"sub\":\"robot@vitro.test\",\"aud\":\"https://vitro.test/" service \
    "\"," at "}"
#define AT_START "\"iat\":1758326400,\"exp\":1758330000"

/* ---- claims --------------------------------------------------------------------------------- */

Test(service_account, a_token_is_what_the_key_has_signed_for_the_service)
{
    static const struct {
        const char *others, *header;
        bool ec;
    } kinds[] = {
        { ACCOUNT, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}", false },
        { ACCOUNT, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}", true },
        { "\"type\": \"service_account\", \"client_email\": \"robot@vitro.test\"",
          "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", true },
    };
    char token[4096];

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        EVP_PKEY *k = kinds[i].ec ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);

        begin(false, 0, account(make_file(k, kinds[i].others)));
        call(&methods[0], token, sizeof token);
        check(token, kinds[i].header, CLAIMS("test.One", AT_START));
        call(&methods[2], token, sizeof token);
        check(token, kinds[i].header, CLAIMS("test.Two", AT_START));
        pair_stop(&world);
    }
    free_key();
}

Test(service_account, a_token_is_used_until_five_minutes_before_its_end)
{
    const int64_t second = 1000000000;
    char first[4096], token[4096];

    begin(false, 0, account(make_file(EVP_EC_gen("P-256"), ACCOUNT)));
    call(&methods[0], first, sizeof first);
    call(&methods[1], token, sizeof token);
    cr_assert_str_eq(token, first, "another method of the same service");
    vitro_sim_run_for(world.sim, 3299 * second - vitro_sim_now(world.sim));
    call(&methods[0], token, sizeof token);
    cr_assert_str_eq(token, first);
    vitro_sim_run_for(world.sim, 3300 * second - vitro_sim_now(world.sim));
    call(&methods[0], token, sizeof token);
    check(token, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
          CLAIMS("test.One", "\"iat\":1758329700,\"exp\":1758333300"));
    pair_stop(&world);
    free_key();
}

Test(service_account, a_world_of_one_seed_makes_the_same_token)
{
    char token[3][4096];

    make_file(EVP_EC_gen("P-256"), ACCOUNT);
    for (int i = 0; i < 3; i++) {
        begin(false, i < 2 ? 7 : 8, account(file_text));
        call(&methods[0], token[i], sizeof token[i]);
        pair_stop(&world);
    }
    cr_assert_str_eq(token[0], token[1]);
    cr_assert_str_neq(token[0], token[2]);
    free_key();
}

/* A file, over sockets, by the clock of the system. */
Test(service_account, a_key_file_is_read)
{
    char path[] = "/tmp/vitro-test-XXXXXX", token[4096], claims[512];
    int fd = mkstemp(path);
    vitro_call_credentials *c;
    long long before, iat;
    uint8_t room[1024];
    const char *dot;

    make_file(EVP_EC_gen("P-256"), ACCOUNT);
    cr_assert_eq(write(fd, file_text, strlen(file_text)), (ssize_t)strlen(file_text));
    close(fd);
    cr_assert_eq(
        vitro_call_credentials_service_account(&c, path, (vitro_bytes){ NULL, 0 }, NULL, NULL),
        VITRO_OK);
    unlink(path);
    begin(true, 0, c);
    before = vitro_loop_wall(world.client_loop) / 1000000000;
    call(&methods[0], token, sizeof token);
    dot = strchr(token, '.');
    room[decode(dot + 1, strrchr(token, '.'), room)] = '\0';
    iat = atoll(strstr((char *)room, "\"iat\":") + 6);
    cr_assert(iat >= before && iat <= before + 60);
    snprintf(claims, sizeof claims, CLAIMS("test.One", "\"iat\":%lld,\"exp\":%lld"), iat,
             iat + 3600);
    check(token, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}", claims);
    pair_stop(&world);
    free_key();
}

/* ---- what is no account ---------------------------------------------------------------------- */

static void refused(const char *text, const char *why)
{
    vitro_call_credentials *made;
    char line[VITRO_ERROR_LINE];
    vitro_error err;

    cr_assert_eq(vitro_call_credentials_service_account(&made, NULL, bytes_of(text), NULL, &err),
                 VITRO_INVALID_ARGUMENT, "%s", text);
    cr_assert_null(made);
    vitro_error_format(&err, line, sizeof line);
    cr_assert(strstr(line, why), "%s", line);
}

#define KEYLESS "\"type\": \"service_account\", \"client_email\": \"a@b\""

Test(service_account, what_is_no_account_says_why)
{
    static const char *const emails[] = { "7", "\"\"", "\"a \\\"b\"", "\"a\\\\b\"", "\"\\u00e9\"" };
    char others[256], *large = calloc(1, 70000);

    refused("", "no service account");
    refused("not json", "no JSON object: line 1");
    refused("[1]", "no JSON object");
    refused("{\"a\":1", "no JSON object");
    refused("{\"a\":\"\\u0000\"}", "no JSON object");
    refused("{}", "its type is not service_account");
    refused("{\"type\":\"authorized_user\"}", "its type is not service_account");
    refused("{" KEYLESS "}", "no client_email or private_key");
    refused("{" KEYLESS ", \"private_key\": \"\"}", "no client_email or private_key");
    refused("{" KEYLESS ", \"private_key\": \"words\"}", "no private key");
    refused("{" KEYLESS ", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\nAAAA\\n"
            "-----END PRIVATE KEY-----\\n\"}",
            "no private key that can be read");
    refused(make_file(EVP_RSA_gen(1024), KEYLESS), "2048 bits or more");
    refused(make_file(EVP_EC_gen("P-384"), KEYLESS), "of P-256");
    refused(make_file(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), KEYLESS), "of P-256");
    for (size_t i = 0; i < ARRAY_LEN(emails); i++) {
        snprintf(others, sizeof others, "\"type\":\"service_account\",\"client_email\":%s",
                 emails[i]);
        refused(make_file(EVP_EC_gen("P-256"), others), "no client_email");
    }
    refused(make_file(EVP_EC_gen("P-256"), KEYLESS ", \"private_key_id\": \"\\\"\""),
            "one that cannot be");
    memset(large, ' ', 66000);
    large[66000] = '{';
    refused(large, "more than 64 KiB");
    memset(large, '[', 60000);
    large[60000] = '\0';
    refused(large, "no JSON object");
    free(large);
    free_key();
}

/* A line of the key's text, which JSON and PEM hold as it is. */
static const char *secret_of(const char *file)
{
    static char line[33];

    snprintf(line, sizeof line, "%s", strstr(file, "KEY-----\\n") + 10 + 16);
    return line;
}

static void forgotten(const char *text, const char *secret, size_t fail_at, vitro_code expect)
{
    struct heap h = { .secret = secret, .fail_at = fail_at };
    vitro_call_credentials *made;

    heap_install(&h);
    cr_assert_eq(vitro_call_credentials_service_account(&made, NULL, bytes_of(text), NULL, NULL),
                 expect);
    vitro_call_credentials_unref(made);
    cr_assert_eq(h.spilt, 0, "when allocation %zu fails", fail_at);
    heap_remove();
}

Test(service_account, a_key_is_overwritten_before_its_memory_is_released)
{
    const char *text = make_file(EVP_EC_gen("P-256"), ACCOUNT), *secret = secret_of(text);
    struct heap h = { .secret = secret };

    heap_install(&h);
    vitro_call_credentials_unref(account(text));
    heap_remove();
    cr_assert_eq(h.spilt, 0);
    for (size_t i = 1; i <= h.calls; i++)
        forgotten(text, secret, i, VITRO_RESOURCE_EXHAUSTED);
    text = make_file(EVP_EC_gen("P-256"), "\"type\": \"another\"");
    forgotten(text, secret_of(text), 0, VITRO_INVALID_ARGUMENT);
    free_key();
}

Test(service_account, a_file_that_is_not_there_says_so_by_its_name)
{
    vitro_call_credentials *made;
    vitro_error err;

    cr_assert_eq(vitro_call_credentials_service_account(&made, "/nowhere/key.json",
                                                        (vitro_bytes){ NULL, 0 }, NULL, &err),
                 VITRO_INVALID_ARGUMENT);
    cr_assert_str_eq(err.frame[0].text, "/nowhere/key.json: No such file or directory");
}

Test(service_account, a_service_with_a_strange_name_gets_no_token)
{
    static const vitro_method strange = { "/a\"b/Do", VITRO_UNARY, NULL };
    vitro_error err;

    begin(false, 0, account(make_file(EVP_EC_gen("P-256"), ACCOUNT)));
    cr_assert_eq(vitro_unary(world.channel, &strange, bytes_of("?"), NULL, NULL, &err),
                 VITRO_INTERNAL);
    cr_assert_str_eq(err.frame[0].text, "a service with that name gets no token");
    pair_stop(&world);
    free_key();
}
