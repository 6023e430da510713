#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/credentials.h"
#include "support/pair.h"
#include "tls/credentials.h"

/* A server of several certificates: each client is shown the one for the name that it asks for. */

TestSuite(tls_sites, .timeout = 60);

#define PAIR(name)                                                                                 \
    {                                                                                              \
        .file = FIXTURE(name ".pem"), .key_file = FIXTURE(name ".key")                             \
    }

static const vitro_certificate more[] = { PAIR("site-rsa"), PAIR("site") };

/* vitro.test first, then those of more. */
static vitro_credentials *sites(void)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *made;

    o.certificate_file = FIXTURE("server.pem");
    o.key_file = FIXTURE("server.key");
    o.more_certificates = more;
    o.n_more_certificates = 2;
    cr_assert_eq(vitro_credentials_server(&made, &o, NULL), VITRO_OK);
    return made;
}

/* Only signatures of a kind, as a client that is older has them. Not under sim, where each end has
 * a context of its own. */
static void restrict_to(vitro_credentials *client, const char *signatures)
{
    uint64_t version;
    struct tls_context *context = vitro_credentials_context(client, &version);

    cr_assert_eq(SSL_CTX_set1_sigalgs_list(context->ssl, signatures), 1);
    vitro_tls_context_unref(context);
}

struct visit {
    const char *name;
    const char *signatures; /* NULL: all */
    bool old, sockets;      /* TLS 1.2; not under sim */
};

/* The common name of who is reached by a name. */
static const char *reached(vitro_credentials *server, struct visit v)
{
    static char name[64];
    vitro_credentials *client = CLIENT_CREDENTIALS(.ca = "ca", .version_max = v.old ? 0x0303 : 0);
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_peer peer = VITRO_PEER_INIT;
    char line[VITRO_ERROR_LINE] = "";
    vitro_error err;
    struct pair p;

    if (v.signatures)
        restrict_to(client, v.signatures);
    pair_init(&p);
    p.sockets = v.sockets;
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = v.name;
    pair_start(&p);
    o.peer = &peer;
    if (vitro_unary(p.channel, &echo_unary, bytes_of("x"), &o, NULL, &err))
        vitro_error_format(&err, line, sizeof line);
    snprintf(name, sizeof name, "%s", peer.identity ? peer.identity->common_name.ptr : "nobody");
    cr_assert_eq(peer.identity != NULL, line[0] == '\0', "%s", line);
    vitro_peer_done(&peer);
    pair_stop(&p);
    vitro_credentials_unref(client);
    return name;
}

/* The files of the fixtures, where a test may change them. */
static char directory[64], certificate[80], key[80];

static void copy_pair(const char *name)
{
    char command[512];

    snprintf(command, sizeof command, "cp %s.pem %s && cp %s.key %s", name, certificate, name, key);
    cr_assert_eq(system(command), 0);
}

/* ---- claims --------------------------------------------------------------------------------- */

Test(tls_sites, each_client_is_shown_the_certificate_for_the_name_that_it_asks_for)
{
    static const char *const names[][2] = {
        { "vitro.test", "vitro.test" },  { "www.vitro.test", "vitro.test" },
        { "localhost", "vitro.test" },   { "127.0.0.1", "vitro.test" },
        { "www.a.example", "site" },     { "A.EXAMPLE", "site" },
        { "a.example:50051", "site" },   { "b.example", "nobody" },
        { "x.www.a.example", "nobody" },
    };
    vitro_credentials *server = sites();

    for (int i = 0; i < 4; i++) {
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            struct visit v = { names[n][0], .old = i & 1, .sockets = i & 2 };
            cr_expect_str_eq(reached(server, v), names[n][1], "%s, %d", v.name, i);
        }
    }
    vitro_credentials_unref(server);
}

Test(tls_sites, of_two_for_a_name_the_client_is_shown_the_one_that_it_can_verify)
{
    vitro_credentials *server = sites();

    for (int old = 0; old < 2; old++) {
        struct visit v = { "a.example", .old = old, .sockets = true };

        v.signatures = "ECDSA+SHA256";
        cr_expect_str_eq(reached(server, v), "site");
        v.signatures = "RSA-PSS+SHA256:RSA+SHA256";
        cr_expect_str_eq(reached(server, v), "site-rsa");
    }
    vitro_credentials_unref(server);
}

Test(tls_sites, all_files_are_read_again)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_certificate changing = { .file = certificate, .key_file = key };
    vitro_credentials *server;

    snprintf(directory, sizeof directory, "/tmp/vitro-test-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(certificate, sizeof certificate, "%s/certificate", directory);
    snprintf(key, sizeof key, "%s/key", directory);
    copy_pair(FIXTURE("site"));
    o.certificate_file = FIXTURE("server.pem");
    o.key_file = FIXTURE("server.key");
    o.more_certificates = &changing;
    o.n_more_certificates = 1;
    cr_assert_eq(vitro_credentials_server(&server, &o, NULL), VITRO_OK);
    changing = (vitro_certificate){ NULL, { NULL, 0 }, NULL, { NULL, 0 } }; /* it was lent */
    cr_expect_str_eq(reached(server, (struct visit){ .name = "a.example" }), "site");
    copy_pair(FIXTURE("site-rsa"));
    cr_assert_eq(vitro_credentials_reload(server, NULL, NULL), VITRO_OK);
    cr_expect_str_eq(reached(server, (struct visit){ .name = "a.example" }), "site-rsa");
    cr_expect_str_eq(reached(server, (struct visit){ .name = "vitro.test" }), "vitro.test");
    cr_assert_eq(unlink(key), 0);
    cr_assert_eq(vitro_credentials_reload(server, NULL, NULL), VITRO_INVALID_ARGUMENT);
    cr_expect_str_eq(reached(server, (struct visit){ .name = "a.example" }), "site-rsa",
                     "all stays");
    unlink(certificate);
    rmdir(directory);
    vitro_credentials_unref(server);
}

Test(tls_sites, what_cannot_be_meant_is_refused)
{
    static const struct {
        bool client;
        vitro_certificate other;
        const char *says;
    } bad[] = {
        { true, PAIR("site"), "a client has one certificate" },
        { false, { .file = FIXTURE("site.pem") }, "are given together" },
        { false, { NULL, { NULL, 0 }, NULL, { NULL, 0 } }, "are given together" },
        { false,
          { .file = FIXTURE("site.pem"), .key_file = FIXTURE("site-rsa.key") },
          "site-rsa.key: not the key of the certificate" },
        { false, { .file = FIXTURE("site.pem"), .key_file = "nowhere" }, "nowhere: No such file" },
    };
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *c;
    vitro_error err;

    o.certificate_file = FIXTURE("server.pem");
    o.key_file = FIXTURE("server.key");
    o.n_more_certificates = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.more_certificates = &bad[i].other;
        cr_assert_eq(bad[i].client ? vitro_credentials_client(&c, &o, &err)
                                   : vitro_credentials_server(&c, &o, &err),
                     VITRO_INVALID_ARGUMENT);
        cr_expect(strstr(err.frame[0].text, bad[i].says), "%s", err.frame[0].text);
    }
    o.more_certificates = NULL;
    cr_assert_eq(vitro_credentials_server(&c, &o, &err), VITRO_INVALID_ARGUMENT);
    o.more_certificates = more;
    o.n_more_certificates = SIZE_MAX;
    cr_assert_eq(vitro_credentials_server(&c, &o, &err), VITRO_INVALID_ARGUMENT);
}
