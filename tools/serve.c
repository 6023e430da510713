/*
 * serve - vitro serve: the introduction's services on sockets, until a signal.
 *
 * The first loop runs here, in vitro_server_run(). The others, with --threads, have threads of
 * their own.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "command.h"
#include "duration.h"
#include "print.h"
#include "serve/serve.h"

enum { LISTEN_MAX = 16, CERTIFICATES_MAX = 64 };
static const int64_t grace_ns = INT64_C(30) * SERVE_SECOND;

struct run {
    const char *listen[LISTEN_MAX];
    size_t listen_count, threads;
    vitro_server_options options;
    vitro_loop *loops[SERVE_LOOPS];
    struct serve serve;
    struct log *log;
    vitro_server *server;
    vitro_certificate certs[CERTIFICATES_MAX]; /* the first is for all other names */
    size_t cert_count, key_count;
    const char *client_ca, *client_crl; /* NULL: none */
    vitro_credentials *credentials;     /* NULL: plain text */
    int hangup;                         /* SIGHUP, to be read from; -1: as it is elsewhere */
    vitro_watch *watch;                 /* of it; NULL: none */
    char inside[64];                    /* a folder of our own, with a socket; empty: none */
};

/* ---- the command line ----------------------------------------------------------------------- */

static int usage(const char *what, const char *why)
{
    command_fail("serve", what, why, "vitro help serve tells how");
    return EXIT_USAGE;
}

static int set_threads(struct run *r, const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n < 1 || n > SERVE_LOOPS)
        return usage(text, "threads are a number from 1 to 64");
    r->threads = n;
    return EXIT_DONE;
}

/* Behind the letters: the times among the server's options, by their place. */
enum { TIMES = 256 };
#define TIME(field) (TIMES + (int)offsetof(vitro_server_options, field))

static int set_time(struct run *r, size_t at, const char *text)
{
    uint32_t ms;

    if (!duration_ms(text, &ms))
        return usage(text, DURATION_WORDS);
    memcpy((char *)&r->options + at, &ms, sizeof ms);
    return EXIT_DONE;
}

static int option(struct run *r, int c, const char *word)
{
    if (c >= TIMES)
        return set_time(r, (size_t)(c - TIMES), optarg);
    switch (c) {
    case 'l':
        if (r->listen_count == LISTEN_MAX)
            return usage(optarg, "16 addresses are enough");
        r->listen[r->listen_count++] = optarg;
        return EXIT_DONE;
    case 'Z':
        r->options.compression = optarg;
        if (command_is_compression(optarg))
            return EXIT_DONE;
        return usage(optarg, "--compress: gzip or deflate");
    case 't':
        return set_threads(r, optarg);
    case 'p':
        r->options.keepalive_permit_without_calls = true;
        return EXIT_DONE;
    case 'C':
        if (r->cert_count == CERTIFICATES_MAX)
            return usage(optarg, "64 certificates are enough");
        r->certs[r->cert_count++].file = optarg;
        return EXIT_DONE;
    case 'K':
        if (r->key_count == CERTIFICATES_MAX)
            return usage(optarg, "64 keys are enough");
        r->certs[r->key_count++].key_file = optarg;
        return EXIT_DONE;
    case 'A':
        r->client_ca = optarg;
        return EXIT_DONE;
    case 'R':
        r->client_crl = optarg;
        return EXIT_DONE;
    default:
        return usage(word, "no such option, or its value is missing");
    }
}

static int parse(struct run *r, int argc, char **argv)
{
    static const struct option longs[] = {
        { "listen", required_argument, NULL, 'l' },
        { "threads", required_argument, NULL, 't' },
        { "compress", required_argument, NULL, 'Z' },
        { "tls-cert", required_argument, NULL, 'C' },
        { "tls-key", required_argument, NULL, 'K' },
        { "client-ca", required_argument, NULL, 'A' },
        { "client-crl", required_argument, NULL, 'R' },
        { "keepalive", required_argument, NULL, TIME(keepalive_time_ms) },
        { "keepalive-timeout", required_argument, NULL, TIME(keepalive_timeout_ms) },
        { "keepalive-without-calls", no_argument, NULL, 'p' },
        { "min-ping-interval", required_argument, NULL,
          TIME(min_recv_ping_interval_without_data_ms) },
        { "max-connection-age", required_argument, NULL, TIME(max_connection_age_ms) },
        { "max-connection-age-grace", required_argument, NULL, TIME(max_connection_age_grace_ms) },
        { "max-connection-idle", required_argument, NULL, TIME(max_connection_idle_ms) },
        { NULL, 0, NULL, 0 },
    };
    int c, status = EXIT_DONE;

    optind = 1;
    opterr = 0;
    r->threads = 1;
    while (!status && (c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        status = option(r, c, argv[optind - 1]);
    if (!status && optind < argc)
        status = usage(argv[optind], "no such argument");
    if (!status && (r->cert_count != r->key_count || (r->client_ca && !r->cert_count)))
        status = usage(r->cert_count > r->key_count ? "--tls-cert"
                       : r->key_count               ? "--tls-key"
                                                    : "--client-ca",
                       "--tls-cert and --tls-key are given together");
    if (!status && r->client_crl && !r->client_ca)
        status = usage("--client-crl", "it belongs to --client-ca");
    if (!r->listen_count)
        r->listen[r->listen_count++] = "127.0.0.1:50051";
    return status;
}

/* ---- building ------------------------------------------------------------------------------- */

static int fail(const char *where, const vitro_error *err, const char *what_to_do)
{
    command_fail_error("serve", where, err, what_to_do);
    return EXIT_SYSTEM;
}

static int fail_listen(const char *target, const vitro_error *err)
{
    if (err->code == VITRO_INVALID_ARGUMENT) {
        fail(target, err, "an address is HOST:PORT, ipv4:, ipv6: or unix:");
        return EXIT_USAGE;
    }
    return fail(target, err, "another one: --listen ADDRESS; port 0 takes a free one");
}

/* From the start: a signal that comes before vitro_server_run() waits for it. */
static void block_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN); /* nobody reads the log any more: go on serving */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int build(struct run *r)
{
    vitro_error err;
    vitro_code rc = VITRO_OK;

    r->log = log_new(stdout);
    if (!r->log) {
        command_fail("serve", "log", "neither memory nor a thread for it", NULL);
        return EXIT_SYSTEM;
    }
    for (size_t i = 0; i < r->threads && !rc; i++) {
        vitro_loop_options options = VITRO_LOOP_OPTIONS_INIT;
        char name[32];
        snprintf(name, sizeof name, "serve%zu", i);
        options.name = name;
        rc = vitro_loop_new(&r->loops[i], &options, &err);
    }
    serve_init(&r->serve, r->loops[0], r->log);
    if (!rc)
        rc = vitro_server_new(&r->server, r->loops, r->threads, &r->options, &err);
    if (!rc)
        rc = serve_register(&r->serve, r->server, &err);
    if (!rc)
        rc = serve_known(r->server, &err);
    return rc ? fail("services", &err, NULL) : EXIT_DONE;
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static int make_credentials(struct run *r)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_error err;

    if (!r->cert_count)
        return EXIT_DONE;
    o.certificate_file = r->certs->file;
    o.key_file = r->certs->key_file;
    o.more_certificates = r->certs + 1;
    o.n_more_certificates = r->cert_count - 1;
    o.ca_file = r->client_ca;
    o.crl_file = r->client_crl;
    if (vitro_credentials_server(&r->credentials, &o, &err))
        return fail("TLS", &err,
                    "--tls-cert, --tls-key, --client-ca and --client-crl are files of PEM");
    return EXIT_DONE;
}

/* What is wrong with the new files is told, and those in use stay in use. */
static void reload(void *user)
{
    struct run *r = user;
    struct signalfd_siginfo came;
    char files[4096];
    struct text t;
    vitro_error err;

    if (read(r->hangup, &came, sizeof came) != (ssize_t)sizeof came)
        return;
    if (vitro_credentials_reload(r->credentials, NULL, &err)) {
        fail("TLS", &err, "the files that were read before stay in use");
        return;
    }
    vitro_text_init(&t, files, sizeof files);
    for (size_t i = 0; i < r->cert_count; i++)
        vitro_text_add(&t, "%s%s, %s", i ? ", " : "", r->certs[i].file, r->certs[i].key_file);
    if (r->client_ca)
        vitro_text_add(&t, ", %s", r->client_ca);
    if (r->client_crl)
        vitro_text_add(&t, ", %s", r->client_crl);
    log_line(r->log, "read again", files);
}

/* Without TLS there is nothing to read again: SIGHUP ends the program. */
static int watch_hangup(struct run *r)
{
    vitro_error err;
    sigset_t set;

    if (!r->credentials)
        return EXIT_DONE;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    r->hangup = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (r->hangup < 0) {
        command_fail("serve", "SIGHUP", strerror(errno), NULL);
        return EXIT_SYSTEM;
    }
    if (vitro_watch_new(&r->watch, r->loops[0], r->hangup, reload, r, &err))
        return fail("SIGHUP", &err, NULL);
    return EXIT_DONE;
}

static void close_tls(struct run *r)
{
    vitro_watch_free(r->watch);
    if (r->hangup >= 0)
        close(r->hangup);
    vitro_credentials_unref(r->credentials);
}

/*
 * OrderService calls UserService of this very server: whatever clients have to show, it comes in
 * by a door of its own, a socket in a folder that nobody else can enter.
 */
static int open_inside(struct run *r, char *target, size_t size)
{
    const char *parent = getenv("TMPDIR");
    vitro_error err;

    snprintf(r->inside, sizeof r->inside, "%.40s/vitro-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(r->inside)) {
        command_fail("serve", r->inside, "no folder can be made there", "set TMPDIR to another");
        r->inside[0] = '\0';
        return EXIT_SYSTEM;
    }
    snprintf(target, size, "unix:%s/own", r->inside);
    if (vitro_server_listen(r->server, target, NULL, 0, &err))
        return fail(target, &err, NULL);
    return EXIT_DONE;
}

static void close_inside(struct run *r)
{
    char path[sizeof r->inside + 8];

    if (!r->inside[0])
        return;
    snprintf(path, sizeof path, "%s/own", r->inside);
    unlink(path);
    rmdir(r->inside);
}

/* ---- listening ------------------------------------------------------------------------------ */

static int listen_on(struct run *r, const char *target, char *bound, size_t size)
{
    char whole[256];
    vitro_error err;

    if (target[0] == ':') { /* :PORT is this machine's */
        snprintf(whole, sizeof whole, "127.0.0.1%s", target);
        target = whole;
    }
    if (vitro_server_listen_secure(r->server, target, r->credentials, bound, size, &err))
        return fail_listen(target, &err);
    return EXIT_DONE;
}

/* Nothing is told before all addresses are there: who reads the first line may call at once. */
static int open_addresses(struct run *r)
{
    char bound[LISTEN_MAX][160], inside[96];
    const char *own = bound[0];
    vitro_error err;
    int status = make_credentials(r);

    if (!status)
        status = watch_hangup(r);
    for (size_t i = 0; i < r->listen_count && !status; i++)
        status = listen_on(r, r->listen[i], bound[i], sizeof bound[i]);
    if (!status && r->credentials) {
        status = open_inside(r, inside, sizeof inside);
        own = inside;
    }
    if (status)
        return status;
    if (serve_connect(&r->serve, own, r->loops, r->threads, &err))
        return fail(own, &err, NULL);
    for (size_t i = 1; i < r->threads; i++) {
        if (vitro_loop_start(r->loops[i], &err))
            return fail("threads", &err, "fewer: --threads 1");
    }
    for (size_t i = 0; i < r->listen_count; i++) {
        fputs("listening on ", stdout);
        print_escaped(&(struct printer){ .out = stdout }, vitro_str_of(bound[i]));
        fputc('\n', stdout);
    }
    fflush(stdout);
    return EXIT_DONE;
}

/* ---- running -------------------------------------------------------------------------------- */

static int run(struct run *r)
{
    vitro_error err;
    vitro_code rc = vitro_server_run(r->server, grace_ns, &err);

    if (rc == VITRO_CANCELLED) {
        close_inside(r);
        log_end(r->log);
        _exit(EXIT_INTERRUPTED);
    }
    return rc ? fail("loop", &err, NULL) : EXIT_DONE;
}

/* ---- the command ---------------------------------------------------------------------------- */

static void tear_down(struct run *r)
{
    for (size_t i = 1; i < r->threads && r->loops[i]; i++)
        vitro_loop_stop(r->loops[i]);
    serve_disconnect(&r->serve);
    vitro_server_free(r->server);
    close_tls(r);
    close_inside(r);
    for (size_t i = r->threads; i-- > 0;)
        vitro_loop_unref(r->loops[i]);
    serve_done(&r->serve);
    log_end(r->log);
}

int serve_main(int argc, char **argv)
{
    struct run r;
    int status;

    memset(&r, 0, sizeof r);
    r.options = (vitro_server_options)VITRO_SERVER_OPTIONS_INIT;
    r.hangup = -1;
    status = parse(&r, argc, argv);
    if (status)
        return status;
    block_signals();
    status = build(&r);
    if (!status)
        status = open_addresses(&r);
    if (!status)
        status = run(&r);
    tear_down(&r);
    return status;
}
