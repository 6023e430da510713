#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/credentials.h"
#include "support/pair.h"

/* The program has the last word on its peer, on either side. */

TestSuite(tls_verify, .timeout = 60);

/* ---- a program that has an opinion ------------------------------------------------------------
 */

struct opinion {
    const char *wants; /* the common name; NULL: anybody */
    const char *says;  /* of all others; NULL: nothing */
    int asked;
    char seen[256];          /* of the last one */
    char certificate[8192];  /* as PEM */
    const char *wants_known; /* a certificate; NULL: any */
};

static bool judge(const vitro_identity *peer, char *why, size_t size, void *user)
{
    struct opinion *o = user;
    bool good =
        (!o->wants || strcmp(peer->common_name.ptr ? peer->common_name.ptr : "", o->wants) == 0) &&
        (!o->wants_known || strcmp(peer->pem.ptr, o->wants_known) == 0);

    o->asked++;
    snprintf(o->seen, sizeof o->seen, "%x %s%s %s", peer->version, peer->resumed ? "resumed " : "",
             peer->verified ? "verified" : "not verified",
             peer->common_name.ptr ? peer->common_name.ptr : "nobody");
    snprintf(o->certificate, sizeof o->certificate, "%s", peer->pem.ptr ? peer->pem.ptr : "");
    if (!good && o->says)
        snprintf(why, size, "%s", o->says);
    return good;
}

/* ---- the world ------------------------------------------------------------------------------ */

static struct opinion of_client, of_server;

struct world {
    bool sockets;
    struct credentials_of server, client;
};

static struct pair pair;

static void begin(struct world w)
{
    w.server.verify = w.client.verify = judge;
    w.server.verify_user = &of_server;
    w.client.verify_user = &of_client;
    pair_init(&pair);
    pair.sockets = w.sockets;
    pair.server_credentials = credentials_make(true, w.server);
    pair.channel_options.credentials = credentials_make(false, w.client);
    pair.channel_options.authority = "vitro.test";
    pair_start(&pair);
}

static void end(void)
{
    pair_stop(&pair);
    vitro_credentials_unref(pair.server_credentials);
    vitro_credentials_unref(pair.channel_options.credentials);
}

/* "OK", or why a call has failed. */
static const char *call(void)
{
    static char line[VITRO_ERROR_LINE];
    vitro_error err;

    snprintf(line, sizeof line, "OK");
    if (vitro_unary(pair.channel, &echo_unary, bytes_of("x"), NULL, NULL, &err))
        vitro_error_format(&err, line, sizeof line);
    return line;
}

static const char *outcome(struct world w)
{
    const char *line;

    begin(w);
    line = call();
    end();
    return line;
}

#define says(line, text) cr_expect(strstr(line, text) != NULL, "\"%s\" says not \"%s\"", line, text)

static void forget(void)
{
    of_client = of_server = (struct opinion){ .asked = 0 };
}

/* ---- claims --------------------------------------------------------------------------------- */

Test(tls_verify, both_sides_are_asked_once_with_who_the_other_one_is)
{
    for (int i = 0; i < 4; i++) {
        struct world w = { .sockets = i & 1,
                           .server = { .own = "server", .ca = "ca" },
                           .client = {
                               .own = "client", .ca = "ca", .version_max = i & 2 ? 0x303 : 0 } };

        forget();
        cr_expect_str_eq(outcome(w), "OK");
        cr_expect_eq(of_client.asked, 1);
        cr_expect_eq(of_server.asked, 1);
        cr_expect_str_eq(of_client.seen,
                         i & 2 ? "303 verified vitro.test" : "304 verified vitro.test");
        cr_expect_str_eq(of_server.seen, i & 2 ? "303 verified alice" : "304 verified alice");
    }
}

Test(tls_verify, a_client_that_refuses_its_server_says_why)
{
    for (int i = 0; i < 4; i++) {
        struct world w = { .sockets = i & 1,
                           .server = { .own = "server" },
                           .client = { .ca = "ca", .version_max = i & 2 ? 0x303 : 0 } };

        forget();
        of_client.wants = "other.test";
        of_client.says = "other.test alone";
        says(outcome(w), "<- tls: other.test alone");
        of_client.says = NULL;
        says(outcome(w), "<- tls: this program refuses the peer");
        of_client.says = "\x1b[2J";
        says(outcome(w), "<- tls: \\u{1b}[2J");
        cr_expect_eq(of_client.asked, 3);
    }
}

Test(tls_verify, a_client_that_its_server_refuses_is_told_that_its_certificate_is_the_reason)
{
    for (int i = 0; i < 4; i++) {
        struct world w = { .sockets = i & 1,
                           .server = { .own = "server", .ca = "ca" },
                           .client = {
                               .own = "client", .ca = "ca", .version_max = i & 2 ? 0x303 : 0 } };

        forget();
        of_server.wants = "bob";
        says(outcome(w), "tls: the peer does not accept our certificate (42)");
        of_server.wants = "alice";
        cr_expect_str_eq(outcome(w), "OK");
    }
}

Test(tls_verify, who_is_not_believed_anyway_is_not_asked_for)
{
    forget();
    says(outcome((struct world){ .server = { .own = "expired" }, .client = { .ca = "ca" } }),
         "certificate has expired");
    says(outcome((struct world){ .server = { .own = "server" },
                                 .client = { .ca = "ca", .server_name = "wrong.test" } }),
         "the channel wants");
    says(outcome((struct world){ .server = { .own = "server", .ca = "ca" },
                                 .client = { .own = "client-other", .ca = "ca" } }),
         "the peer does not know the CA of our certificate");
    cr_expect_eq(of_client.asked, 1);
    cr_expect_eq(of_server.asked, 0);
}

Test(tls_verify, a_certificate_that_is_known_needs_no_authority)
{
    struct world w = { .server = { .own = "self" }, .client = { .insecure = true } };
    char known[8192];

    for (int i = 0; i < 4; i++) {
        w.sockets = i & 1;
        w.client.version_max = i & 2 ? 0x303 : 0;
        forget();
        cr_expect_str_eq(outcome(w), "OK");
        cr_expect_str_eq(of_client.seen, i & 2 ? "303 not verified self" : "304 not verified self");
        memcpy(known, of_client.certificate, sizeof known);
        of_client.wants_known = known;
        cr_expect_str_eq(outcome(w), "OK");
        w.server.own = "server";
        of_client.says = "an unknown certificate";
        says(outcome(w), "tls: an unknown certificate");
        w.server.own = "self";
    }
}

Test(tls_verify, a_resumed_session_is_asked_about_again)
{
    struct world w = { .sockets = true, .server = { .own = "server" } };

    for (int i = 0; i < 4; i++) {
        w.client = (struct credentials_of){ .ca = i & 1 ? NULL : "ca",
                                            .insecure = i & 1,
                                            .version_max = i & 2 ? 0x303 : 0 };
        forget();
        begin(w);
        cr_expect_str_eq(call(), "OK");
        cr_expect_eq(of_client.asked, 1);
        for (int again = 0; again < 2; again++) {
            vitro_server_free(pair.server);
            pair.server = pair_another_server(&pair);
            cr_assert_eq(vitro_server_listen_secure(pair.server, pair.target,
                                                    pair.server_credentials, NULL, 0, NULL),
                         VITRO_OK);
            of_client.wants = again ? "nobody" : NULL;
            of_client.says = "not any more";
            says(call(), again ? "tls: not any more" : "OK");
            cr_expect(strstr(of_client.seen, "resumed"), "%s", of_client.seen);
            cr_expect(strstr(of_client.seen, i & 1 ? "not verified" : "resumed verified"), "%s",
                      of_client.seen);
            cr_expect_eq(of_client.asked, 2 + again);
        }
        end();
    }
}

Test(tls_verify, a_server_is_asked_about_a_client_that_shows_nothing)
{
    struct world w = {
        .server = { .own = "server", .ca = "ca", .check = VITRO_CLIENT_CHECK_REQUEST },
        .client = { .ca = "ca" }
    };

    for (int sockets = 0; sockets < 2; sockets++) {
        w.sockets = sockets;
        forget();
        cr_expect_str_eq(outcome(w), "OK");
        cr_expect_str_eq(of_server.seen, "304 not verified nobody");
        of_server.wants = "alice";
        says(outcome(w), "UNAVAILABLE: ");
    }
}

Test(tls_verify, a_reload_keeps_who_is_asked)
{
    forget();
    begin((struct world){ .server = { .own = "server" }, .client = { .ca = "ca" } });
    of_client.wants = "nobody";
    cr_assert_eq(vitro_credentials_reload(pair.channel_options.credentials, NULL, NULL), VITRO_OK);
    says(call(), "this program refuses the peer");
    end();
}
