#include <criterion/criterion.h>

#include "support/credentials.h"
#include "support/heap.h"
#include "support/pair.h"

/* Memory that runs out in a call over TLS. */

TestSuite(tls_memory, .timeout = 240);

/* ---- one run: both sides from nothing, a call, both sides gone ------------------------------- */

static vitro_code make_both(vitro_credentials **server, vitro_credentials **client)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_code rc;

    *client = NULL;
    o.ca_file = FIXTURE("ca.pem");
    o.certificate_file = FIXTURE("server.pem");
    o.key_file = FIXTURE("server.key");
    rc = vitro_credentials_server(server, &o, NULL);
    if (rc)
        return rc;
    o.certificate_file = FIXTURE("client.pem");
    o.key_file = FIXTURE("client.key");
    rc = vitro_credentials_client(client, &o, NULL);
    if (rc)
        vitro_credentials_unref(*server);
    return rc;
}

static vitro_code talk(struct pair *p, bool wait_for_ready)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.wait_for_ready = wait_for_ready;
    return vitro_unary(p->channel, &echo_unary, bytes_of("hello"), &o, NULL, NULL);
}

/*
 * Credentials that memory was out for are none; a call over what there is ends, and a later one
 * that waits for a connection is none the worse for it. How many allocations there were.
 */
static size_t run_once(struct heap *h, size_t nth)
{
    vitro_credentials *server, *client;
    size_t before, made;
    struct pair p;
    vitro_code rc;

    h->calls = 0;
    h->fail_at = nth;
    rc = make_both(&server, &client);
    if (rc) {
        h->fail_at = 0;
        cr_assert(nth, "code %d", rc);
        return 0;
    }
    pair_init(&p);
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = "vitro.test";
    before = h->calls;
    h->fail_at = 0;
    pair_start(&p);
    h->calls = before;
    h->fail_at = nth;
    rc = talk(&p, false);
    cr_expect(rc == VITRO_OK || rc == VITRO_UNAVAILABLE || rc == VITRO_RESOURCE_EXHAUSTED ||
                  rc == VITRO_CANCELLED,
              "allocation %zu: %s", nth, vitro_code_name((int)rc));
    cr_expect(nth || rc == VITRO_OK);
    h->fail_at = 0;
    made = h->calls;
    pair_run(&p);
    cr_expect_eq(talk(&p, true), VITRO_OK, "allocation %zu: the call after it", nth);
    pair_stop(&p);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
    return made;
}

Test(tls_memory, one_allocation_of_ours_that_fails_ends_calls_at_most)
{
    struct heap h = { 0 };
    size_t all;

    heap_install(&h);
    h.once = true;
    all = run_once(&h, 0);
    cr_assert_gt(all, 50);
    for (size_t nth = 1; nth <= all; nth++) {
        run_once(&h, nth);
        cr_assert_eq(h.live, 0, "allocation %zu: %zu blocks are left", nth, h.live);
    }
    heap_remove();
}
