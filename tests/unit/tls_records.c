#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "support/credentials.h"
#include "support/pair.h"
#include "support/peer.h"
#include "tls/credentials.h"

/* What a connection looks like below HTTP/2: its records, as libssl tells them while it works. */

TestSuite(tls_records, .timeout = 60);

/* What each side has written. */
struct seen {
    size_t records, bytes, largest; /* of data */
    unsigned key_updates, close_notifies;
};

static struct seen client_seen, server_seen;

static void see(int write, int version, int type, const void *bytes, size_t len, SSL *ssl,
                void *user)
{
    struct seen *s = SSL_is_server(ssl) ? &server_seen : &client_seen;
    const uint8_t *p = bytes;
    size_t n;

    if (!write)
        return;
    if (type == SSL3_RT_HEADER && p[0] == SSL3_RT_APPLICATION_DATA) {
        n = (size_t)(p[3] << 8 | p[4]);
        s->records++;
        s->bytes += n;
        s->largest = n > s->largest ? n : s->largest;
    }
    s->key_updates += type == SSL3_RT_HANDSHAKE && p[0] == SSL3_MT_KEY_UPDATE;
    s->close_notifies += type == SSL3_RT_ALERT && len == 2 && p[1] == SSL_AD_CLOSE_NOTIFY;
}

static struct tls_context *watched(vitro_credentials *c)
{
    uint64_t version;
    struct tls_context *context = vitro_credentials_context(c, &version);

    SSL_CTX_set_msg_callback(context->ssl, see);
    vitro_tls_context_unref(context); /* the credentials hold it */
    return context;
}

static struct pair world;

/* records_max 0: as it is. */
static void begin(uint64_t records_max)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca");
    struct tls_context *contexts[2] = { watched(server), watched(client) };

    for (int i = 0; records_max && i < 2; i++)
        contexts[i]->records_max = records_max;
    memset(&client_seen, 0, sizeof client_seen);
    memset(&server_seen, 0, sizeof server_seen);
    pair_init(&world);
    world.sockets = true;
    world.server_credentials = server;
    world.channel_options.credentials = client;
    pair_start(&world);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

static void call(size_t len)
{
    uint8_t *bytes = calloc(1, len);

    cr_assert_eq(
        vitro_unary(world.channel, &echo_unary, (vitro_bytes){ bytes, len }, NULL, NULL, NULL),
        VITRO_OK);
    free(bytes);
}

Test(tls_records, the_frames_of_a_small_call_share_one_record)
{
    struct seen before;

    begin(0);
    call(10);
    call(10);
    before = client_seen;
    call(10); /* HEADERS, DATA */
    cr_assert_eq(client_seen.records - before.records, 1);
    pair_stop(&world);
}

Test(tls_records, a_large_message_fills_its_records)
{
    struct seen before;
    size_t n = 3 * 1024 * 1024;

    begin(0);
    call(10);
    before = client_seen;
    call(n);
    client_seen.records -= before.records;
    client_seen.bytes -= before.bytes;
    cr_assert_geq(client_seen.bytes, n);
    cr_assert_leq(client_seen.largest, 16384 + 256);
    cr_assert_geq(client_seen.bytes / client_seen.records, 12 * 1024, "%zu records",
                  client_seen.records);
    pair_stop(&world);
}

Test(tls_records, keys_are_made_anew_on_both_sides_while_calls_go_on)
{
    begin(3);
    for (int i = 0; i < 20; i++)
        call(i % 5 == 0 ? 100000 : 10);
    cr_assert_geq(client_seen.key_updates, 5);
    cr_assert_geq(server_seen.key_updates, 5);
    pair_stop(&world);
}

Test(tls_records, a_connection_that_ends_says_close_notify_on_both_sides)
{
    begin(0);
    call(10);
    cr_assert_eq(client_seen.close_notifies + server_seen.close_notifies, 0);
    vitro_channel_free(world.channel);
    world.channel = NULL;
    cr_assert_eq(client_seen.close_notifies, 1);
    vitro_loop_run(world.server_loop, 0, NULL);
    vitro_loop_run(world.server_loop, 0, NULL);
    cr_assert_eq(server_seen.close_notifies, 1);
    pair_stop(&world);
}

/* A client that connects, says what `first` holds, and then nothing. */
static void silent(const char *first, size_t len)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server");
    struct peer peer;

    pair_init(&world);
    world.server_credentials = server;
    pair_listen(&world);
    peer_init(&peer, &world, world.client_loop);
    cr_assert(vitro_buf_append(&peer.out, first, len));
    peer_connect(&peer);
    cr_assert(!peer.closed);
    pair_run(&world);
    cr_assert(peer.closed, "it is left at last");
    cr_assert_eq(vitro_sim_now(world.sim) / 1000000000, 20);
    peer_done(&peer);
    pair_stop(&world);
    vitro_credentials_unref(server);
}

Test(tls_records, a_handshake_that_does_not_go_on_is_left_after_twenty_seconds)
{
    silent("\x16", 1);
    silent("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
}
