#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "crypto/certificate.h"
#include "support/credentials.h"
#include "support/pair.h"
#include "tls/tls.h"

/* Who the peer is, as handlers and clients are told. */

TestSuite(identity, .timeout = 60);

static const vitro_method who_am_i = { "/test.Who/AmI", VITRO_BIDI_STREAMING, NULL };

/* ---- as text -------------------------------------------------------------------------------- */

static const char *kind_name(vitro_name_kind kind)
{
    static const char *const names[] = { [VITRO_NAME_EMAIL] = "email",
                                         [VITRO_NAME_DNS] = "DNS",
                                         [VITRO_NAME_URI] = "URI",
                                         [VITRO_NAME_IP] = "IP" };

    return names[kind];
}

static vitro_bytes describe(const vitro_identity *who, char *room, size_t size)
{
    struct text t;

    vitro_text_init(&t, room, size);
    if (!who)
        vitro_text_add(&t, "unknown");
    else if (!who->secure)
        vitro_text_add(&t, "plain text");
    else
        vitro_text_add(&t, "%x %s %s%s", who->version, who->protocol.ptr,
                       who->resumed ? "resumed " : "", who->verified ? "verified" : "not verified");
    if (who && who->certificate.len)
        vitro_text_add(&t, " (%s) [%s]", who->subject.ptr, who->common_name.ptr);
    for (size_t i = 0; who && i < who->n_names; i++)
        vitro_text_add(&t, " %s:%s", kind_name(who->names[i].kind), who->names[i].text.ptr);
    return (vitro_bytes){ (const uint8_t *)room, t.len };
}

static void answer(vitro_call *call, const vitro_message *m, void *user)
{
    char room[1024];
    vitro_bytes text = describe(vitro_call_peer_identity(call), room, sizeof room);

    cr_assert_eq(vitro_call_send(call, text, 0, NULL, NULL), VITRO_OK);
}

static void end(vitro_call *call, void *user)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events who_events = { .size = sizeof who_events,
                                              .on_message = answer,
                                              .on_end = end };

static void refuse(vitro_call *c, const vitro_message *m, void *user)
{
    vitro_call_finish(c, VITRO_NOT_FOUND, NULL, NULL, NULL);
}

static const vitro_call_events refuses = { .size = sizeof refuses, .on_message = refuse };

static const vitro_method who_are_you = { "/test.Who/AreYou", VITRO_UNARY, NULL };

/* ---- the world ------------------------------------------------------------------------------ */

static struct pair world;
static vitro_call *call;
static char seen_by_server[1024], seen_by_client[1024], certificate[4096], suite[64];

static void begin(bool sockets, vitro_credentials *server, vitro_credentials *client)
{
    pair_init(&world);
    world.sockets = sockets;
    world.server_credentials = server;
    world.channel_options.credentials = client;
    world.channel_options.authority = "vitro.test";
    pair_make_server(&world);
    cr_assert_eq(vitro_server_add(world.server, &who_am_i, NULL, &who_events, NULL, NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_server_add(world.server, &who_are_you, NULL, &refuses, NULL, NULL),
                 VITRO_OK);
    pair_start(&world);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

static void ask(void)
{
    const vitro_identity *who;
    vitro_message m;

    cr_assert_eq(vitro_call_open(&call, world.channel, &who_am_i, NULL, NULL), VITRO_OK);
    cr_assert_null(vitro_call_peer_identity(call), "there is no connection yet");
    cr_assert_eq(vitro_call_write(call, bytes_of("?"), 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_read(call, &m, NULL), VITRO_OK);
    cr_assert(m.bytes.ptr);
    snprintf(seen_by_server, sizeof seen_by_server, "%.*s", (int)m.bytes.len,
             (const char *)m.bytes.ptr);
    who = vitro_call_peer_identity(call);
    describe(who, seen_by_client, sizeof seen_by_client);
    snprintf(suite, sizeof suite, "%s", who->suite.ptr ? who->suite.ptr : "");
    snprintf(certificate, sizeof certificate, "%s", who->pem.ptr ? who->pem.ptr : "");
    cr_assert_eq(vitro_call_peer_identity(call), who, "it is made once");
    cr_assert_eq(vitro_call_close(call, NULL, NULL), VITRO_OK);
}

#define SERVER_NAMES                                                                               \
    "(CN=vitro.test,O=vitro tests) [vitro.test] DNS:localhost DNS:vitro.test DNS:*.vitro.test "    \
    "IP:127.0.0.1 IP:::1"
#define ALICE "(CN=alice,O=vitro tests) [alice] URI:spiffe://vitro.test/alice"

/* ---- claims --------------------------------------------------------------------------------- */

Test(identity, both_sides_of_a_call_are_told_who_the_other_one_is)
{
    for (int i = 0; i < 4; i++) {
        begin(i & 1, SERVER_CREDENTIALS(.own = "server", .ca = "ca"),
              CLIENT_CREDENTIALS(.own = "client", .ca = "ca", .version_max = i & 2 ? 0x0303 : 0));
        ask();
        cr_assert_str_eq(seen_by_server,
                         i & 2 ? "303 h2 verified " ALICE : "304 h2 verified " ALICE);
        cr_assert_str_eq(seen_by_client,
                         i & 2 ? "303 h2 verified " SERVER_NAMES : "304 h2 verified " SERVER_NAMES);
        cr_assert_str_eq(suite, i & 2 ? "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
                                      : "TLS_AES_128_GCM_SHA256");
        pair_stop(&world);
    }
}

Test(identity, over_plain_text_nobody_is_known)
{
    for (int sockets = 0; sockets < 2; sockets++) {
        begin(sockets, NULL, NULL);
        ask();
        cr_assert_str_eq(seen_by_server, "plain text");
        cr_assert_str_eq(seen_by_client, "plain text");
        pair_stop(&world);
    }
}

Test(identity, a_client_without_a_certificate_is_not_verified)
{
    begin(false,
          SERVER_CREDENTIALS(.own = "server", .ca = "ca", .check = VITRO_CLIENT_CHECK_REQUEST),
          CLIENT_CREDENTIALS(.ca = "ca"));
    ask();
    cr_assert_str_eq(seen_by_server, "304 h2 not verified");
    pair_stop(&world);
}

Test(identity, a_server_that_nobody_checked_is_not_verified)
{
    begin(false, SERVER_CREDENTIALS(.own = "self"), CLIENT_CREDENTIALS(.insecure = true));
    ask();
    cr_assert_eq(strncmp(seen_by_client, "304 h2 not verified (CN=self,", 29), 0);
    pair_stop(&world);
    begin(false, SERVER_CREDENTIALS(.own = "server"),
          CLIENT_CREDENTIALS(.ca = "ca", .insecure = true));
    ask();
    cr_assert_eq(strncmp(seen_by_client, "304 h2 not verified (CN=vitro.test,", 35), 0);
    pair_stop(&world);
}

Test(identity, it_is_the_same_when_a_session_is_resumed_and_says_that_it_is)
{
    static const char *const alice[2][2] = {
        { "304 h2 verified " ALICE, "304 h2 resumed verified " ALICE },
        { "303 h2 verified " ALICE, "303 h2 resumed verified " ALICE },
    };
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server", .ca = "ca");

    for (int old = 0; old < 2; old++) {
        vitro_credentials_ref(server);
        begin(true, server,
              CLIENT_CREDENTIALS(.own = "client", .ca = "ca", .version_max = old ? 0x0303 : 0));
        for (int i = 0; i < 2; i++) {
            ask();
            cr_assert_str_eq(seen_by_server, alice[old][i]);
            cr_assert_eq(strstr(seen_by_client, "h2 resumed") != NULL, i == 1);
            vitro_server_free(world.server);
            world.server = pair_another_server(&world);
            cr_assert_eq(vitro_server_add(world.server, &who_am_i, NULL, &who_events, NULL, NULL),
                         VITRO_OK);
            cr_assert_eq(
                vitro_server_listen_secure(world.server, world.target, server, NULL, 0, NULL),
                VITRO_OK);
        }
        pair_stop(&world);
    }
    vitro_credentials_unref(server);
}

/* ---- for those that wait for a call ---------------------------------------------------------- */

/* A blocking call, and who has answered it: "ADDRESS: IDENTITY". */
static const char *answered_by(vitro_peer *peer, const vitro_method *method, vitro_code code)
{
    static char seen[1200];
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    char who[1024];

    o.peer = peer;
    cr_assert_eq(vitro_unary(world.channel, method, bytes_of("x"), &o, NULL, NULL), code);
    describe(peer->identity, who, sizeof who);
    snprintf(seen, sizeof seen, "%.*s: %s", (int)peer->address.len,
             peer->address.ptr ? peer->address.ptr : "", who);
    return seen;
}

Test(identity, a_blocking_call_is_told_who_has_answered_it)
{
    vitro_peer peer = VITRO_PEER_INIT;

    for (int sockets = 0; sockets < 2; sockets++) {
        char expected[1200];

        begin(sockets, SERVER_CREDENTIALS(.own = "server"), CLIENT_CREDENTIALS(.ca = "ca"));
        snprintf(expected, sizeof expected, "%s: 304 h2 verified " SERVER_NAMES, world.target);
        cr_assert_str_eq(answered_by(&peer, &echo_unary, VITRO_OK), expected);
        cr_assert_str_eq(answered_by(&peer, &who_are_you, VITRO_NOT_FOUND), expected);
        pair_stop(&world);
        cr_assert_eq(peer.identity->version, 0x0304, "it outlives the channel");
        vitro_peer_done(&peer);
        vitro_peer_done(&peer);
    }
    begin(true, NULL, NULL);
    snprintf(certificate, sizeof certificate, "%s: plain text", world.target);
    cr_assert_str_eq(answered_by(&peer, &echo_unary, VITRO_OK), certificate);
    vitro_server_free(world.server);
    world.server = NULL;
    cr_assert_str_eq(answered_by(&peer, &echo_unary, VITRO_UNAVAILABLE), ": unknown",
                     "nobody is taken for who answered another call");
    vitro_peer_done(&peer);
    pair_stop(&world);
}

static X509 *fixture_certificate(const char *name)
{
    char path[128];
    FILE *f = fopen(fixture(path, sizeof path, name, "pem"), "r");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    cr_assert(x);
    fclose(f);
    return x;
}

Test(identity, the_certificate_is_the_one_that_the_peer_has)
{
    BIO *text = BIO_new(BIO_s_mem());
    X509 *mine = fixture_certificate("server"), *theirs;

    begin(false, SERVER_CREDENTIALS(.own = "server"), CLIENT_CREDENTIALS(.ca = "ca"));
    ask();
    pair_stop(&world);
    BIO_puts(text, certificate);
    theirs = PEM_read_bio_X509(text, NULL, NULL, NULL);
    cr_assert(theirs);
    cr_assert_eq(X509_cmp(mine, theirs), 0);
    BIO_free(text);
    X509_free(mine);
    X509_free(theirs);
}

/* ---- the end -------------------------------------------------------------------------------- */

static const vitro_identity *lent;
static char seen_last[1024];

static void borrow(vitro_call *c, const vitro_md *md, void *user)
{
    lent = vitro_call_peer_identity(c);
}

static void read_at_end(vitro_call *c, const vitro_status *status, void *user)
{
    describe(user ? lent : vitro_call_peer_identity(c), seen_last, sizeof seen_last);
}

static const vitro_call_events borrows = { .size = sizeof borrows,
                                           .on_headers = borrow,
                                           .on_closed = read_at_end },
                               asks_late = { .size = sizeof asks_late, .on_closed = read_at_end };

/* The connection is cut in mid-call: what the handler knows of its peer then. */
static void cut(const vitro_call_events *events, void *user)
{
    struct record r = { .len = 0 };
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server", .ca = "ca"),
                      *client = CLIENT_CREDENTIALS(.own = "client", .ca = "ca");

    pair_init(&world);
    world.server_credentials = server;
    world.channel_options.credentials = client;
    world.channel_options.authority = "vitro.test";
    pair_make_server(&world);
    cr_assert_eq(vitro_server_add(world.server, &who_am_i, NULL, events, user, NULL), VITRO_OK);
    pair_start(&world);
    call = pair_call(&world, &who_am_i, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("?"), 0, NULL, NULL), VITRO_OK);
    vitro_sim_run_for(world.sim, 1000000000);
    cr_assert(vitro_sim_cut(world.sim, 0));
    pair_run(&world);
    cr_assert_eq(r.code, VITRO_UNAVAILABLE);
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&world);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

Test(identity, what_was_lent_stays_until_closed_when_the_connection_is_lost)
{
    cut(&borrows, &world);
    cr_assert_str_eq(seen_last, "304 h2 verified " ALICE);
}

Test(identity, of_a_lost_connection_nobody_is_known)
{
    cut(&asks_late, NULL);
    cr_assert_str_eq(seen_last, "unknown");
}

/* ---- certificates with hostile names -------------------------------------------------------- */

/* Signed by itself; names NULL: it has no subjectAltName. */
static X509 *made_for(const char *common_name, int len, GENERAL_NAMES *names)
{
    X509 *x = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");

    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               (const unsigned char *)common_name, len, -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 60);
    X509_set_pubkey(x, key);
    cr_assert(!names || X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0));
    cr_assert_gt(X509_sign(x, key, EVP_sha256()), 0);
    EVP_PKEY_free(key);
    return x;
}

static void push_name(GENERAL_NAMES *all, int kind, const char *text, int len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();

    ASN1_STRING_set(value, text, len);
    GENERAL_NAME_set0_value(name, kind, value);
    sk_GENERAL_NAME_push(all, name);
}

Test(identity, a_name_with_a_nul_byte_is_no_name)
{
    struct arena room;
    vitro_identity who = { .secure = true };
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    X509 *x;

    push_name(all, GEN_DNS, "good.test\0.evil", 15);
    push_name(all, GEN_URI, "spiffe://x", 10);
    x = made_for("good\0.evil", 10, all);
    vitro_arena_init(&room, NULL, 0);
    cr_assert(vitro_certificate_read(x, &room, &who));
    cr_assert_eq(who.common_name.len, 0);
    cr_assert_eq(who.n_names, 1);
    cr_assert_eq(who.names[0].kind, VITRO_NAME_URI);
    vitro_arena_done(&room);
    GENERAL_NAMES_free(all);
    X509_free(x);
}

Test(identity, a_subject_is_escaped_and_letters_stay)
{
    struct arena room;
    vitro_identity who = { .secure = true };
    X509 *x = made_for("\xec\x95\x88, \"a\"\x1b[1m", -1, NULL);

    vitro_arena_init(&room, NULL, 0);
    cr_assert(vitro_certificate_read(x, &room, &who));
    cr_assert_str_eq(who.subject.ptr, "CN=\xec\x95\x88\\, \\\"a\\\"\\1B[1m");
    cr_assert_eq(who.n_names, 0);
    vitro_arena_done(&room);
    X509_free(x);
}

Test(identity, without_memory_nobody_is_known)
{
    X509 *x = fixture_certificate("server");
    struct account account;
    bool done = false;

    for (size_t budget = 0; !done; budget += 64) {
        struct arena room;
        vitro_identity who = { .secure = true };

        vitro_account_init(&account, NULL, budget + 1);
        vitro_arena_init(&room, &account, 0);
        done = vitro_certificate_read(x, &room, &who);
        vitro_arena_done(&room);
        cr_assert_eq(account.used, 0);
        cr_assert_lt(budget, 64 * 1024);
    }
    X509_free(x);
}

Test(identity, a_certificate_covers_its_names_and_no_others)
{
    static const struct {
        const char *host;
        bool covers;
    } hosts[] = { { "vitro.test", true },    { "VITRO.test", true }, { "a.vitro.test", true },
                  { "127.0.0.1", true },     { "::1", true },        { "a.b.vitro.test", false },
                  { "vitro.test.x", false }, { "127.0.0.2", false }, { "", false },
                  { "vitro.test\n", false } };
    X509 *x = fixture_certificate("server");
    uint8_t der[4096], *at = der;
    int n = i2d_X509(x, &at);

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        cr_assert_eq(
            vitro_certificate_covers((vitro_bytes){ der, (size_t)n }, vitro_str_of(hosts[i].host)),
            hosts[i].covers, "%s", hosts[i].host);
    cr_assert(!vitro_certificate_covers((vitro_bytes){ der, 20 }, vitro_str_of("vitro.test")));
    X509_free(x);
}
