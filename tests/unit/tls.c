#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "support/credentials.h"
#include "support/pair.h"
#include "tls/credentials.h"

/* Calls over TLS, under sim and over sockets; tls_failures.c has what goes wrong. */

TestSuite(tls, .timeout = 60);

static struct pair world;

static void begin(bool sockets, vitro_credentials *server, vitro_credentials *client)
{
    pair_init(&world);
    world.sockets = sockets;
    world.server_credentials = server;
    world.channel_options.credentials = client;
    world.channel_options.authority = "vitro.test";
    pair_start(&world);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

/* One call that is answered with what was sent. */
static void call(const uint8_t *bytes, size_t len)
{
    vitro_reply reply = VITRO_REPLY_INIT;
    char line[VITRO_ERROR_LINE];
    vitro_error err;

    if (vitro_unary(world.channel, &echo_unary, (vitro_bytes){ bytes, len }, NULL, &reply, &err)) {
        vitro_error_format(&err, line, sizeof line);
        cr_assert_fail("%s", line);
    }
    cr_assert_eq(reply.message.len, len);
    cr_assert_eq(memcmp(reply.message.ptr, bytes, len), 0);
    vitro_reply_done(&reply);
}

static void call_short(void)
{
    call((const uint8_t *)"hello", 5);
}

/* ---- versions and kinds --------------------------------------------------------------------- */

Test(tls, a_call_is_answered_in_both_versions_under_sim_and_over_sockets)
{
    for (int i = 0; i < 4; i++) {
        begin(i & 1, SERVER_CREDENTIALS(.own = "server"),
              CLIENT_CREDENTIALS(.ca = "ca", .version_max = i & 2 ? TLS1_2_VERSION : 0));
        call_short();
        call_short();
        pair_stop(&world);
    }
}

Test(tls, a_message_of_three_megabytes_comes_whole)
{
    size_t n = 3 * 1024 * 1024;
    uint8_t *bytes = malloc(n);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 12));
    for (int i = 0; i < 4; i++) {
        begin(i & 1, SERVER_CREDENTIALS(.own = "server"),
              CLIENT_CREDENTIALS(.ca = "ca", .version_max = i & 2 ? TLS1_2_VERSION : 0));
        call(bytes, n);
        pair_stop(&world);
    }
    free(bytes);
}

Test(tls, however_reads_and_writes_are_cut_a_call_is_answered)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        vitro_credentials *server = SERVER_CREDENTIALS(.own = "server", .ca = "ca"),
                          *client = CLIENT_CREDENTIALS(.own = "client", .ca = "ca");
        pair_init(&world);
        world.server_credentials = server;
        world.channel_options.credentials = client;
        world.channel_options.authority = "vitro.test";
        world.sim_options.seed = seed;
        world.sim_options.read_max = seed % 2 ? 7 : 1;
        world.sim_options.write_max = seed % 3 ? 500 : 3;
        pair_start(&world);
        call_short();
        call_short();
        pair_stop(&world);
        vitro_credentials_unref(server);
        vitro_credentials_unref(client);
    }
}

/* ---- names ---------------------------------------------------------------------------------- */

Test(tls, an_address_is_checked_as_an_address)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca");
    pair_init(&world);
    world.sockets = true;
    world.server_credentials = server;
    world.channel_options.credentials = client;
    pair_start(&world); /* the authority is 127.0.0.1:PORT */
    call_short();
    pair_stop(&world);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
}

Test(tls, a_name_of_the_credentials_takes_the_place_of_the_authority)
{
    begin(false, SERVER_CREDENTIALS(.own = "server"),
          CLIENT_CREDENTIALS(.ca = "ca", .server_name = "a.vitro.test"));
    call_short();
    pair_stop(&world);
}

/* ---- client certificates -------------------------------------------------------------------- */

Test(tls, a_client_shows_its_certificate_when_it_is_asked)
{
    for (int i = 0; i < 4; i++) {
        begin(i & 1, SERVER_CREDENTIALS(.own = "server", .ca = "ca"),
              CLIENT_CREDENTIALS(.own = "client", .ca = "ca",
                                 .version_max = i & 2 ? TLS1_2_VERSION : 0));
        call_short();
        pair_stop(&world);
    }
}

Test(tls, a_certificate_that_is_only_requested_may_be_missing)
{
    begin(false,
          SERVER_CREDENTIALS(.own = "server", .ca = "ca", .check = VITRO_CLIENT_CHECK_REQUEST),
          CLIENT_CREDENTIALS(.ca = "ca"));
    call_short();
    pair_stop(&world);
}

Test(tls, insecure_takes_any_certificate)
{
    begin(false, SERVER_CREDENTIALS(.own = "self"),
          CLIENT_CREDENTIALS(.insecure = true, .server_name = "anybody"));
    call_short();
    pair_stop(&world);
}

/* ---- sessions ------------------------------------------------------------------------------- */

/* The lines that a file has with a word in it. */
static int count_lines(const char *path, const char *word)
{
    FILE *f = fopen(path, "r");
    char line[1024];
    int n = 0;

    cr_assert(f);
    while (fgets(line, sizeof line, f))
        n += strstr(line, word) != NULL;
    fclose(f);
    return n;
}

static SSL_CTX *context_of(vitro_credentials *c)
{
    uint64_t version;
    struct tls_context *context = vitro_credentials_context(c, &version);
    SSL_CTX *ssl = context->ssl;

    vitro_tls_context_unref(context); /* the credentials hold it */
    return ssl;
}

/* So many calls, each on a connection of its own: the channel goes on, the server changes. */
static void call_again_and_again(int n, vitro_credentials *server)
{
    for (int i = 0; i < n; i++) {
        call_short();
        vitro_server_free(world.server);
        world.server = pair_another_server(&world);
        cr_assert_eq(vitro_server_listen_secure(world.server, world.target, server, NULL, 0, NULL),
                     VITRO_OK);
    }
}

Test(tls, the_next_connection_of_a_channel_resumes_the_session)
{
    for (int old = 0; old < 2; old++) {
        vitro_credentials *server = SERVER_CREDENTIALS(.own = "server", .ca = "ca"),
                          *client = CLIENT_CREDENTIALS(.own = "client", .ca = "ca",
                                                       .version_max = old ? TLS1_2_VERSION : 0);
        vitro_credentials_ref(server);
        vitro_credentials_ref(client);
        begin(true, server, client);
        call_again_and_again(4, server);
        call_short();
        cr_assert_eq(SSL_CTX_sess_connect_good(context_of(client)), 5);
        cr_assert_eq(SSL_CTX_sess_hits(context_of(client)), 4);
        cr_assert_eq(vitro_credentials_reload(server, NULL, NULL), VITRO_OK);
        call_again_and_again(1, server);
        call_short(); /* keys of tickets are new: a whole handshake */
        cr_assert_eq(SSL_CTX_sess_hits(context_of(client)), 4);
        pair_stop(&world);
        vitro_credentials_unref(server);
        vitro_credentials_unref(client);
    }
}

/* ---- reload --------------------------------------------------------------------------------- */

static void copy_fixture(const char *name, const char *to)
{
    char from[128], buffer[8192];
    FILE *in, *out;
    size_t n;

    snprintf(from, sizeof from, FIXTURE("%s"), name);
    in = fopen(from, "r");
    out = fopen(to, "w");
    cr_assert(in && out);
    while ((n = fread(buffer, 1, sizeof buffer, in)) > 0)
        cr_assert_eq(fwrite(buffer, 1, n, out), n);
    fclose(in);
    fclose(out);
}

static char directory[64], file_a[96], file_b[96];

static void make_directory(void)
{
    snprintf(directory, sizeof directory, "/tmp/vitro-test-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(file_a, sizeof file_a, "%s/a", directory);
    snprintf(file_b, sizeof file_b, "%s/b", directory);
}

static void remove_directory(void)
{
    unlink(file_a);
    unlink(file_b);
    rmdir(directory);
}

Test(tls, files_are_read_anew_for_the_connections_from_then_on, .init = make_directory,
     .fini = remove_directory)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *server;
    vitro_error err;

    copy_fixture("expired.pem", file_a);
    copy_fixture("expired.key", file_b);
    o.certificate_file = file_a;
    o.key_file = file_b;
    cr_assert_eq(vitro_credentials_server(&server, &o, NULL), VITRO_OK);
    vitro_credentials_ref(server);
    begin(true, server, CLIENT_CREDENTIALS(.ca = "ca"));
    cr_assert_eq(vitro_unary(world.channel, &echo_unary, bytes_of("x"), NULL, NULL, &err),
                 VITRO_UNAVAILABLE);
    copy_fixture("server.pem", file_a);
    cr_assert_eq(vitro_credentials_reload(server, NULL, &err), VITRO_INVALID_ARGUMENT,
                 "the key is another certificate's");
    copy_fixture("server.key", file_b);
    cr_assert_eq(vitro_credentials_reload(server, NULL, &err), VITRO_OK);
    vitro_channel_reset_backoff(world.channel);
    call_short();
    pair_stop(&world);
    vitro_credentials_unref(server);
}

/* ---- the key log ---------------------------------------------------------------------------- */

Test(tls, SSLKEYLOGFILE_is_appended_to_and_is_private, .init = make_directory,
     .fini = remove_directory)
{
    struct stat st;

    setenv("SSLKEYLOGFILE", file_a, 1);
    for (int i = 1; i <= 2; i++) {
        begin(true, SERVER_CREDENTIALS(.own = "server"), CLIENT_CREDENTIALS(.ca = "ca"));
        call_short();
        pair_stop(&world);
        cr_assert_eq(count_lines(file_a, "CLIENT_TRAFFIC_SECRET_0 "), 2 * i, "each end says its");
        cr_assert_eq(count_lines(file_a, "SERVER_HANDSHAKE_TRAFFIC_SECRET "), 2 * i);
    }
    unsetenv("SSLKEYLOGFILE");
    cr_assert_eq(stat(file_a, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(tls, SSLKEYLOGFILE_that_nobody_reads_does_not_hold_a_connection_up, .init = make_directory,
     .fini = remove_directory)
{
    cr_assert_eq(mkfifo(file_a, 0600), 0);
    setenv("SSLKEYLOGFILE", file_a, 1);
    begin(true, SERVER_CREDENTIALS(.own = "server"), CLIENT_CREDENTIALS(.ca = "ca"));
    call_short();
    pair_stop(&world);
    unsetenv("SSLKEYLOGFILE");
}

/* ---- simulated worlds ----------------------------------------------------------------------- */

static char *read_all(const char *path, size_t *len)
{
    FILE *f = fopen(path, "r");
    char *bytes = malloc(1 << 20);

    cr_assert(f && bytes);
    *len = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

static time_t passed; /* seconds that libssl believes to have passed, too */

__attribute__((visibility("default"))) time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += passed;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

/* A trace of two connections, the second of which is resumed after so many seconds. */
static char *trace_of_run(uint64_t seed, time_t pause, const char *path, size_t *len)
{
    char sink[128];
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server", .ca = "ca"),
                      *client = CLIENT_CREDENTIALS(.own = "client", .ca = "ca");
    vitro_trace *trace;

    unlink(path);
    snprintf(sink, sizeof sink, "file:%s", path);
    cr_assert_eq(vitro_trace_open(&trace, sink, NULL, NULL), VITRO_OK);
    pair_init(&world);
    world.sim_options.seed = seed;
    world.server_credentials = server;
    world.server_options.trace = world.channel_options.trace = trace;
    world.channel_options.credentials = client;
    world.channel_options.authority = "vitro.test";
    pair_make_world(&world);
    vitro_sim_trace(world.sim, trace);
    world.server = pair_another_server(&world);
    pair_start(&world);
    call_short();
    cr_assert(vitro_sim_cut(world.sim, 0));
    vitro_sim_run(world.sim);
    passed += pause;
    call_short();
    pair_stop(&world);
    vitro_trace_unref(trace);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
    return read_all(path, len);
}

Test(tls, a_world_of_one_seed_makes_the_same_bytes_however_long_it_takes, .init = make_directory,
     .fini = remove_directory)
{
    size_t n[3];
    char *run[3];

    for (int i = 0; i < 3; i++)
        run[i] = trace_of_run(i == 2 ? 8 : 7, i == 1 ? 100 : 0, file_a, &n[i]);
    cr_assert_eq(n[0], n[1]);
    cr_assert_eq(memcmp(run[0], run[1], n[0]), 0);
    cr_assert(n[0] > 8000 && (n[2] != n[0] || memcmp(run[0], run[2], n[0]) != 0));
    for (int i = 0; i < 3; i++)
        free(run[i]);
}
