/*
 * Connections under TLS begin, are resumed and end on many threads, while the credentials of both
 * sides are reloaded on another. Calls carry tokens that one service account signs for all of them:
 * for two services in turn, so that none is kept for long.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitro/channel.h"
#include "vitro/credentials.h"
#include "vitro/server.h"

/*
 * libcrypto is not built for the sanitizer, which does not see how it guards what certificates
 * remember: what it reads and writes is not looked at.
 */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

enum { THREADS = 3, ROUNDS = 12, CALLS = 3 };

#define FIXTURE(name) "tests/fixtures/tls/" name

static const vitro_method methods[] = { { .path = "/test.Threads/Unary", .kind = VITRO_UNARY },
                                        { .path = "/test.Others/Unary", .kind = VITRO_UNARY } };

static vitro_credentials *server_credentials, *client_credentials;
static vitro_call_credentials *account;
static char target[64];
static unsigned bad, running = THREADS;

static void expect(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "tls: %s\n", what);
    __atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED);
}

static void answer(vitro_call *call, const vitro_message *m, void *user)
{
    const vitro_identity *who = vitro_call_peer_identity(call);

    (void)user;
    expect(who && who->verified && strcmp(who->common_name.ptr, "alice") == 0, "who is it?");
    expect(vitro_md_get(vitro_call_metadata(call), vitro_str_of("authorization"), NULL),
           "a call without a token");
    if (vitro_call_send(call, m->bytes, 0, NULL, NULL) == VITRO_OK)
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events unary_events = { .size = sizeof unary_events, .on_message = answer };

static void *client_main(void *arg)
{
    vitro_channel_options o = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_bytes bytes = { (const uint8_t *)"hello", 5 };

    (void)arg;
    o.credentials = client_credentials;
    o.call_credentials = account;
    for (int i = 0; i < ROUNDS; i++) {
        vitro_channel *channel;
        if (vitro_channel_new(&channel, NULL, target, &o, NULL) != VITRO_OK)
            abort();
        for (int k = 0; k < CALLS; k++)
            expect(vitro_unary(channel, &methods[k % 2], bytes, NULL, NULL, NULL) == VITRO_OK,
                   "a call failed");
        vitro_channel_free(channel);
    }
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void make_credentials(void)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;

    o.ca_file = FIXTURE("ca.pem");
    o.certificate_file = FIXTURE("server.pem");
    o.key_file = FIXTURE("server.key");
    if (vitro_credentials_server(&server_credentials, &o, NULL) != VITRO_OK)
        abort();
    o.certificate_file = FIXTURE("client.pem");
    o.key_file = FIXTURE("client.key");
    if (vitro_credentials_client(&client_credentials, &o, NULL) != VITRO_OK)
        abort();
}

/* The file of an account whose key is the client's: PEM in JSON, "\n" at its line ends. */
static void make_account(void)
{
    char json[4096], line[256];
    int n = snprintf(json, sizeof json,
                     "{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"");
    FILE *f = fopen(FIXTURE("client.key"), "r");
    vitro_bytes text;

    while (f && fgets(line, sizeof line, f))
        n += snprintf(json + n, sizeof json - (size_t)n, "%.*s\\n", (int)strcspn(line, "\n"), line);
    n += snprintf(json + n, sizeof json - (size_t)n, "\"}");
    text = (vitro_bytes){ (const uint8_t *)json, (size_t)n };
    if (!f || vitro_call_credentials_service_account(&account, NULL, text, NULL, NULL) != VITRO_OK)
        abort();
    fclose(f);
}

int main(void)
{
    vitro_loop *loops[2];
    vitro_server *server;
    pthread_t thread[THREADS];

    make_credentials();
    make_account();
    for (int i = 0; i < 2; i++) {
        if (vitro_loop_new(&loops[i], NULL, NULL) != VITRO_OK)
            abort();
    }
    if (vitro_server_new(&server, loops, 2, NULL, NULL) != VITRO_OK ||
        vitro_server_add(server, &methods[0], NULL, &unary_events, NULL, NULL) != VITRO_OK ||
        vitro_server_add(server, &methods[1], NULL, &unary_events, NULL, NULL) != VITRO_OK ||
        vitro_server_listen_secure(server, "ipv4:127.0.0.1:0", server_credentials, target,
                                   sizeof target, NULL) != VITRO_OK ||
        vitro_loop_start(loops[0], NULL) != VITRO_OK ||
        vitro_loop_start(loops[1], NULL) != VITRO_OK)
        abort();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, client_main, NULL);
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
        expect(vitro_credentials_reload(server_credentials, NULL, NULL) == VITRO_OK, "no reload");
        expect(vitro_credentials_reload(client_credentials, NULL, NULL) == VITRO_OK, "no reload");
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    vitro_loop_stop(loops[1]);
    vitro_loop_stop(loops[0]);
    vitro_server_free(server);
    vitro_loop_unref(loops[0]);
    vitro_loop_unref(loops[1]);
    vitro_credentials_unref(server_credentials);
    vitro_credentials_unref(client_credentials);
    vitro_call_credentials_unref(account);
    return bad != 0;
}
