#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "support/credentials.h"
#include "support/pair.h"
#include "tls/credentials.h"
#include "tls/tls.h"
#include "vitro/lab/tls.h"

/* What goes wrong in a handshake, as the status of the call says it. */

TestSuite(tls_failures, .timeout = 60);

struct failure {
    struct credentials_of server, client;
    bool plain_server, plain_client;
    const char *says;
};

#define FOR_OTHERS                                                                                 \
    "certificate is for \"localhost\", \"vitro.test\", \"*.vitro.test\", \"127.0.0.1\", \"::1\"; the "

static const struct failure failures[] = {
    { { .own = "expired" }, { .ca = "ca" }, .says = "tls: certificate has expired (10)" },
    { { .own = "early" }, { .ca = "ca" }, .says = "tls: certificate is not yet valid (9)" },
    { { .own = "other" }, { .ca = "ca" }, .says = "tls: unknown CA: nobody trusted" },
    { { .own = "self" }, { .ca = "ca" }, .says = "tls: self-signed certificate (18)" },
    { { .own = "server" },
      { .ca = "ca", .server_name = "wrong.test" },
      .says = "tls: " FOR_OTHERS "channel wants \"wrong.test\" (62)" },
    { { .own = "server" },
      { .ca = "ca", .server_name = "a.b.vitro.test" },
      .says = "tls: " FOR_OTHERS "channel wants \"a.b.vitro.test\" (62)" },
    { { .own = "server" },
      { .ca = "ca", .server_name = "10.1.2.3" },
      .says = "tls: " FOR_OTHERS "channel wants \"10.1.2.3\" (64)" },
    { { .own = "server", .ca = "ca" },
      { .ca = "ca" },
      .says = "tls: the peer requires a certificate, and none was shown (116)" },
    { { .own = "server", .ca = "ca" },
      { .own = "client-other", .ca = "ca" },
      .says = "tls: the peer does not know the CA of our certificate (48)" },
    { { .own = "server", .ca = "ca" },
      { .own = "expired", .ca = "ca" },
      .says = "tls: the peer says that our certificate has expired (45)" },
    { { .own = "revoked" },
      { .ca = "ca", .crl = "crl" },
      .says = "tls: certificate is revoked (23)" },
    { { .own = "server", .ca = "ca", .crl = "crl" },
      { .own = "revoked", .ca = "ca" },
      .says = "tls: the peer says that our certificate is revoked (44)" },
    { { .own = "server" },
      { .ca = "ca", .crl = "old-crl" },
      .says = "tls: the list of revoked certificates has expired (12)" },
    { { .own = "other" },
      { .ca = "other-ca", .crl = "crl" },
      .says = "tls: an authority of the certificate has no list of revoked ones here (3)" },
    { { NULL }, { .ca = "ca" }, .plain_server = true, .says = "tls: the peer does not speak TLS" },
    { { .own = "server" },
      { NULL },
      .plain_client = true,
      .says = "http2: the peer speaks TLS, this side plain text" },
};

static void status_of(const struct failure *f, bool sockets, char *line)
{
    vitro_credentials *server = f->plain_server ? NULL : credentials_make(true, f->server),
                      *client = f->plain_client ? NULL : credentials_make(false, f->client);
    vitro_error err = { .code = VITRO_OK };
    vitro_code rc;
    struct pair p;

    pair_init(&p);
    p.sockets = sockets;
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = "vitro.test";
    pair_start(&p);
    rc = vitro_unary(p.channel, &echo_unary, bytes_of("x"), NULL, NULL, &err);
    line[0] = '\0';
    if (rc != VITRO_OK)
        vitro_error_format(&err, line, VITRO_ERROR_LINE);
    pair_stop(&p);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

Test(tls_failures, each_has_its_own_reason)
{
    char line[VITRO_ERROR_LINE];

    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        for (int sockets = 0; sockets < 2; sockets++) {
            const char *says = failures[i].says;
            status_of(&failures[i], sockets, line);
            cr_assert(strstr(line, says) != NULL, "failure %zu, %s: \"%s\" says not \"%s\"", i,
                      sockets ? "sockets" : "sim", line, says);
            cr_assert(strncmp(line, "UNAVAILABLE: ", 13) == 0, "%s", line);
        }
    }
}

/* The certificate is missed after the client believes that it is connected (RFC 8446, 4.4.2.4);
 * in TLS 1.2 before. Both say the same. */
Test(tls_failures, a_missing_certificate_has_one_reason_in_both_versions)
{
    struct failure f = { .server = { .own = "server", .ca = "ca" }, .client = { .ca = "ca" } };
    char line[VITRO_ERROR_LINE];

    status_of(&f, true, line);
    cr_assert(strstr(line, "requires a certificate") != NULL, "%s", line);
    f.client.version_max = TLS1_2_VERSION;
    status_of(&f, true, line);
    cr_assert(strstr(line, "requires a certificate, and none was shown (40)") != NULL, "%s", line);
}

/* ---- revoked certificates -------------------------------------------------------------------- */

Test(tls_failures, a_certificate_that_no_list_has_is_good)
{
    struct failure f = { .server = { .own = "server", .ca = "ca", .crl = "crl" },
                         .client = { .own = "client", .ca = "ca", .crl = "crl" } };
    char line[VITRO_ERROR_LINE];

    for (int sockets = 0; sockets < 2; sockets++) {
        status_of(&f, sockets, line);
        cr_assert_str_eq(line, "");
    }
}

Test(tls_failures, a_list_comes_with_a_reload_and_a_session_from_before_does_not_outlive_it)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "revoked"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca");
    vitro_error err;
    struct pair p;

    pair_init(&p);
    p.sockets = true;
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = "vitro.test";
    pair_start(&p);
    o.ca_file = FIXTURE("ca.pem");
    o.crl_file = FIXTURE("crl.pem");
    for (int again = 0; again < 3; again++) {
        vitro_code rc = vitro_unary(p.channel, &echo_unary, bytes_of("x"), NULL, NULL, &err);

        cr_assert_eq(rc, again ? VITRO_UNAVAILABLE : VITRO_OK);
        cr_assert(!again || strcmp(err.frame[0].text, "certificate is revoked") == 0);
        cr_assert_eq(vitro_credentials_reload(client, again ? NULL : &o, &err), VITRO_OK);
        vitro_server_free(p.server);
        p.server = pair_another_server(&p);
        cr_assert_eq(vitro_server_listen_secure(p.server, p.target, server, NULL, 0, NULL),
                     VITRO_OK);
        vitro_channel_reset_backoff(p.channel);
    }
    pair_stop(&p);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

Test(tls_failures, a_list_that_is_none_is_refused)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *c;
    vitro_error err;

    o.crl_file = FIXTURE("ca.pem");
    cr_assert_eq(vitro_credentials_client(&c, &o, &err), VITRO_INVALID_ARGUMENT);
    cr_assert_str_eq(err.frame[0].text, FIXTURE("ca.pem") ": no list of revoked certificates in it "
                                                          "(PEM is expected)");
    o.crl_file = NULL;
    o.crl = bytes_of("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
    cr_assert_eq(vitro_credentials_client(&c, &o, &err), VITRO_INVALID_ARGUMENT);
    cr_assert(strncmp(err.frame[0].text, "the revoked certificates: ", 26) == 0, "%s",
              err.frame[0].text);
}

/* ---- names ---------------------------------------------------------------------------------- */

static unsigned served;

static void count_call(vitro_call *call, const vitro_message *m, void *user)
{
    served++;
    vitro_call_finish(call, vitro_call_send(call, m->bytes, 0, NULL, NULL), NULL, NULL, NULL);
}

static const vitro_call_events counts = { .size = sizeof counts, .on_message = count_call };

/* A call with an authority of its own on a connection whose server is one of vitro.test. */
static const char *claim(bool sockets, bool insecure, const char *authority)
{
    static const vitro_method counted = { "/test.Echo/Counted", VITRO_UNARY, NULL };
    static char line[VITRO_ERROR_LINE];
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca", .insecure = insecure);
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_error err;
    struct pair p;

    pair_init(&p);
    p.sockets = sockets;
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = "vitro.test";
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &counted, NULL, &counts, NULL, NULL), VITRO_OK);
    pair_start(&p);
    o.authority = authority;
    snprintf(line, sizeof line, "OK");
    served = 0;
    if (vitro_unary(p.channel, &counted, bytes_of("x"), &o, NULL, &err))
        vitro_error_format(&err, line, sizeof line);
    cr_assert_eq(served, strcmp(line, "OK") == 0 ? 1 : 0);
    o.authority = NULL;
    cr_assert_eq(vitro_unary(p.channel, &counted, bytes_of("x"), &o, NULL, &err), VITRO_OK,
                 "the connection is none the worse for it");
    pair_stop(&p);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
    return line;
}

Test(tls_failures, r18_an_authority_that_the_certificate_is_not_for_is_not_claimed)
{
    for (int sockets = 0; sockets < 2; sockets++) {
        cr_assert_str_eq(claim(sockets, false, "vitro.test"), "OK");
        cr_assert_str_eq(claim(sockets, false, "a.vitro.test:50051"), "OK");
        cr_assert_str_eq(claim(sockets, false, "[::1]:50051"), "OK");
        cr_assert_str_eq(claim(sockets, false, "evil.test"),
                         "UNAVAILABLE: call: " FOR_OTHERS "call wants \"evil.test\"");
        cr_assert_neq(strcmp(claim(sockets, false, "127.0.0.2"), "OK"), 0);
        cr_assert_neq(strcmp(claim(sockets, false, ""), "OK"), 0);
        cr_assert_str_eq(claim(sockets, true, "evil.test"), "OK", "nobody was verified");
    }
}

/* They are words of a peer: a certificate may have thousands of them, and anything in them. */
Test(tls_failures, the_names_of_a_certificate_are_told_safely_and_no_more_than_have_room)
{
    static char text[300][300];
    static vitro_name names[300];
    vitro_identity who = { .names = names };
    vitro_error err;

    for (size_t i = 0; i < 300; i++) {
        snprintf(text[i], sizeof text[i], "%zu.test", i);
        names[i] = (vitro_name){ VITRO_NAME_DNS, vitro_str_of(text[i]) };
    }
    vitro_tls_not_for(&who, "tls", 62, "channel", "b.test", &err);
    cr_expect_str_eq(err.frame[0].text, "certificate is for no name; the channel wants \"b.test\"");
    who.n_names = 300;
    vitro_tls_not_for(&who, "tls", 62, "channel", "b.test", &err);
    cr_expect_str_eq(
        err.frame[0].text,
        "certificate is for \"0.test\", \"1.test\", \"2.test\", \"3.test\", \"4.test\", "
        "\"5.test\", \"6.test\" and 293 more; the channel wants \"b.test\"");
    names[0].text = vitro_str_of("\x1b[2J\n\xff");
    vitro_tls_not_for(&who, "tls", 62, "channel", "b.test", &err);
    cr_expect(strncmp(err.frame[0].text, "certificate is for \"\\u{1b}[2J\\u{a}\\x{ff}\", ", 38) ==
                  0,
              "%s", err.frame[0].text);
    memset(text[1], 'x', sizeof text[1] - 1);
    names[0].text = names[1].text = vitro_str_of(text[1]);
    vitro_tls_not_for(&who, "tls", 62, "channel", "b.test", &err);
    cr_expect(strstr(err.frame[0].text, "; the channel wants \"b.test\""), "%s", err.frame[0].text);
}

/* ---- ALPN ----------------------------------------------------------------------------------- */

static SSL_CTX *context_of(vitro_credentials *c)
{
    uint64_t version;
    struct tls_context *context = vitro_credentials_context(c, &version);
    SSL_CTX *ssl = context->ssl;

    vitro_tls_context_unref(context);
    return ssl;
}

/* offer: of the client, as it stands in the extension; NULL: none. ignored: the server looks at
 * none. An offer of its own is in libssl's context, and so on sockets only. */
static void alpn(const char *offer, bool ignored, bool sockets, const char *says)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca");
    char line[VITRO_ERROR_LINE];
    vitro_error err;
    struct pair p;

    if (!offer)
        cr_assert_eq(vitro_credentials_without_alpn(client, &err), VITRO_OK);
    else
        SSL_CTX_set_alpn_protos(context_of(client), (const unsigned char *)offer,
                                (unsigned)strlen(offer));
    if (ignored)
        cr_assert_eq(vitro_credentials_without_alpn(server, &err), VITRO_OK);
    pair_init(&p);
    p.sockets = sockets;
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = "vitro.test";
    pair_start(&p);
    cr_assert_eq(vitro_unary(p.channel, &echo_unary, bytes_of("x"), NULL, NULL, &err),
                 VITRO_UNAVAILABLE);
    vitro_error_format(&err, line, sizeof line);
    cr_assert(strstr(line, says) != NULL, "%s", line);
    pair_stop(&p);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

Test(tls_failures, r44_a_client_without_h2_is_refused)
{
    alpn(NULL, false, true, "tls: the peer does not speak h2 (ALPN) (120)");
    alpn(NULL, false, false, "tls: the peer does not speak h2 (ALPN) (120)");
    alpn("\x08http/1.1", false, true, "tls: the peer does not speak h2 (ALPN) (120)");
}

Test(tls_failures, r44_a_server_that_ignores_the_offer_is_refused)
{
    alpn("\x02h2", true, true, "tls: the peer did not choose the protocol h2 (ALPN)");
    alpn("\x02h2", true, false, "tls: the peer did not choose the protocol h2 (ALPN)");
}

/* ---- credentials ---------------------------------------------------------------------------- */

static void refused(bool server, const char *certificate, const char *key, const char *says)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    char line[VITRO_ERROR_LINE];
    vitro_credentials *c;
    vitro_error err;

    o.certificate_file = certificate;
    o.key_file = key;
    cr_assert_eq(server ? vitro_credentials_server(&c, &o, &err)
                        : vitro_credentials_client(&c, &o, &err),
                 VITRO_INVALID_ARGUMENT);
    cr_assert_null(c);
    vitro_error_format(&err, line, sizeof line);
    cr_assert(strstr(line, says) != NULL, "%s", line);
}

Test(tls_failures, credentials_that_cannot_be_meant_say_why)
{
    refused(true, NULL, NULL, "a server needs a certificate and its key");
    refused(true, FIXTURE("server.pem"), NULL, "a certificate and its key are given together");
    refused(true, FIXTURE("server.pem"), FIXTURE("client.key"),
            "client.key: not the key of the certificate");
    refused(true, FIXTURE("none.pem"), FIXTURE("server.key"),
            "none.pem: No such file or directory");
    refused(true, FIXTURE("server.key"), FIXTURE("server.key"), "server.key: no certificate in it");
    refused(false, FIXTURE("server.pem"), FIXTURE("server.pem"), "server.pem: no private key");
    refused(false, FIXTURE("make.sh"), FIXTURE("server.key"), "make.sh: no certificate in it");
}

/* Nothing would be checked then, or nothing agreed on. */
Test(tls_failures, credentials_that_could_never_connect_are_refused_at_once)
{
    static const char *const nobody[] = { "", ":1", "[]:1" };
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_channel *channel;
    vitro_credentials *c;
    struct pair p;

    o.version_min = 0x0304;
    o.version_max = 0x0303;
    cr_assert_eq(vitro_credentials_client(&c, &o, NULL), VITRO_INVALID_ARGUMENT);
    o.version_min = 0;
    o.version_max = 0x0302;
    cr_assert_eq(vitro_credentials_client(&c, &o, NULL), VITRO_INVALID_ARGUMENT);
    pair_init(&p);
    pair_make_server(&p);
    for (size_t i = 0; i <= ARRAY_LEN(nobody); i++) {
        bool named = i < ARRAY_LEN(nobody);

        c = CLIENT_CREDENTIALS(.ca = "ca", .server_name = named ? NULL : "");
        p.channel_options.credentials = c;
        p.channel_options.authority = named ? nobody[i] : "vitro.test";
        cr_assert_eq(vitro_channel_new(&channel, p.client_loop, "sim:x", &p.channel_options, NULL),
                     VITRO_INVALID_ARGUMENT);
        vitro_credentials_unref(c);
    }
    pair_stop(&p);
}

/* What is no regular file may never end, or never begin; a file of a gigabyte is no certificate. */
Test(tls_failures, a_file_that_would_block_or_fill_the_memory_is_refused_at_once)
{
    static const char not_regular[] = ": not a regular file";
    char directory[] = "/tmp/vitro-test-XXXXXX", pipe[64], large[64];
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *c = SERVER_CREDENTIALS(.own = "server");

    cr_assert(mkdtemp(directory));
    snprintf(pipe, sizeof pipe, "%s/pipe", directory);
    snprintf(large, sizeof large, "%s/large", directory);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    close(open(large, O_WRONLY | O_CREAT, 0600));
    cr_assert_eq(truncate(large, 1 << 30), 0);
    for (int server = 0; server < 2; server++) {
        refused(server, FIXTURE("server.pem"), pipe, not_regular);
        refused(server, pipe, FIXTURE("server.key"), not_regular);
        refused(server, FIXTURE("server.pem"), "/dev/zero", not_regular);
        refused(server, directory, FIXTURE("server.key"), not_regular);
        refused(server, FIXTURE("server.pem"), large, "large: more than 4096 KiB");
    }
    o.certificate_file = FIXTURE("server.pem");
    o.key_file = pipe;
    cr_assert_eq(vitro_credentials_reload(c, &o, NULL), VITRO_INVALID_ARGUMENT);
    cr_assert_eq(vitro_credentials_reload(c, NULL, NULL), VITRO_OK, "all stays as it was");
    vitro_credentials_unref(c);
    unlink(pipe);
    unlink(large);
    rmdir(directory);
}

Test(tls_failures, credentials_of_the_other_side_are_refused)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca");
    vitro_channel *channel;
    struct pair p;

    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_listen_secure(p.server, "sim:x", client, NULL, 0, NULL),
                 VITRO_INVALID_ARGUMENT);
    p.channel_options.credentials = server;
    cr_assert_eq(vitro_channel_new(&channel, p.client_loop, "sim:x", &p.channel_options, NULL),
                 VITRO_INVALID_ARGUMENT);
    pair_stop(&p);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}
