/*
 * client - load on a server of bench.proto, made by vitro; one thread, one loop, events.
 *
 *      client IP:PORT MODE [key=value ...]       prints one line of JSON
 *
 *      unary       conns= out= secs=   out calls at a time on each of conns connections
 *      sstream     n= size=            one server stream of n messages
 *      upload      n= size=            one client stream of n messages
 *      pingpong    n= size=            one bidi stream, n round trips
 *      first                           one call
 *      idleconn    n= hold=            n connections, a call each, then hold seconds
 *      idlestream  n= hold=            n bidi streams, an echo each, then hold seconds
 *
 * With ca=FILE under TLS, where the server is one that FILE vouches for.
 *
 * The messages of unary, upload and pingpong are bytes, made once, as the bare client's; sstream
 * goes through the generated stub and unpacks each message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.vitro.h"
#include "vitro/channel.h"
#include "vitro/credentials.h"

enum { LATENCIES = 1 << 22 };

struct one { /* a call that is made again and again, or a stream */
    vitro_channel *channel;
    vitro_call *call;
    double since;
    long left;
};

static vitro_loop *loop;
static const char *address;
static vitro_channel_options options = VITRO_CHANNEL_OPTIONS_INIT;
static vitro_bytes message;
static float *latency;
static size_t latencies;
static long live, done;
static double until; /* when unary begins no more calls */

static void die(const char *what, const vitro_error *err)
{
    char text[512] = "";

    if (err)
        vitro_error_format(err, text, sizeof text);
    fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static double cpu(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return seconds(r.ru_utime) + seconds(r.ru_stime);
}

static long rss_kb(void)
{
    long all, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f && fscanf(f, "%ld %ld", &all, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void took(double t)
{
    if (latencies < LATENCIES)
        latency[latencies++] = (float)t;
}

static bool is_done(void *user)
{
    (void)user;
    return live == 0;
}

static void run(void)
{
    vitro_error err;

    if (vitro_loop_run_until(loop, is_done, NULL, INT64_MAX, &err) != VITRO_OK)
        die("run", &err);
}

static vitro_channel *dial(void)
{
    vitro_channel *channel;
    vitro_error err;

    if (vitro_channel_new(&channel, loop, address, &options, &err) != VITRO_OK)
        die("channel", &err);
    return channel;
}

/* A payload of size bytes as it stands on the wire, packed by the generated code. */
static vitro_bytes pack(size_t size)
{
    Bench__Payload payload = BENCH__PAYLOAD__INIT;
    uint8_t *bytes;

    payload.body.data = memset(malloc(size + 1), 'x', size);
    payload.body.len = size;
    bytes = malloc(bench__payload__get_packed_size(&payload) + 1);
    return (vitro_bytes){ bytes, bench__payload__pack(&payload, bytes) };
}

static void start(struct one *o, const vitro_method *method, const vitro_call_events *events,
                  uint32_t flags)
{
    vitro_error err;

    o->since = now();
    if (vitro_call_start(&o->call, o->channel, method, NULL, events, o, &err) != VITRO_OK)
        die("start", &err);
    if (vitro_call_send(o->call, message, flags, NULL, &err) != VITRO_OK)
        die("send", &err);
}

static void must_be_ok(const vitro_status *status)
{
    if (status->code != VITRO_OK) {
        fprintf(stderr, "rpc failed: %s %.*s\n", vitro_code_name((int)status->code),
                (int)status->message.len, status->message.ptr);
        exit(1);
    }
}

static void closed(vitro_call *call, const vitro_status *status, void *user)
{
    (void)user;
    must_be_ok(status);
    vitro_call_unref(call);
    live--;
}

/* ---- unary ---------------------------------------------------------------------------------- */

static const vitro_call_events unary_events;

static void unary_start(struct one *o)
{
    start(o, &bench_bench_unary_method, &unary_events, VITRO_SEND_LAST);
}

static void unary_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct one *o = user;
    double t = now();

    must_be_ok(status);
    vitro_call_unref(call);
    done++;
    took(t - o->since);
    if (t < until)
        unary_start(o);
    else
        live--;
}

static const vitro_call_events unary_events = { .size = sizeof unary_events,
                                                .on_closed = unary_closed };

static void once(vitro_channel *channel)
{
    struct one o = { .channel = channel };
    double before = until;

    until = 0;
    live = 1;
    unary_start(&o);
    run();
    until = before;
}

/* ---- streams -------------------------------------------------------------------------------- */

static void sstream_message(vitro_call *call, const Bench__Payload *payload, void *user)
{
    struct one *o = user;

    (void)call;
    (void)payload;
    o->left--;
}

static void sstream(struct one *o, size_t size)
{
    static bench_bench_server_stream_events events = BENCH_BENCH_SERVER_STREAM_EVENTS_INIT;
    Bench__StreamReq request = BENCH__STREAM_REQ__INIT;
    vitro_error err;

    events.call.on_closed = closed;
    events.on_message = sstream_message;
    request.count = (int32_t)o->left;
    request.size = (int32_t)size;
    if (bench_bench_server_stream_start(&o->call, o->channel, &request, NULL, &events, o, &err) !=
        VITRO_OK)
        die("start", &err);
    run();
    if (o->left)
        die("messages are missing", NULL);
}

static void not_released(const void *p, size_t n, void *user)
{
    (void)p;
    (void)n;
    (void)user;
}

static void upload_on(vitro_call *call, void *user)
{
    struct one *o = user;
    bool more = true;

    while (more && o->left > 0) {
        uint32_t flags = o->left == 1 ? VITRO_SEND_LAST : 0;
        if (vitro_call_attach(call, message, not_released, NULL, flags, &more, NULL) != VITRO_OK)
            return;
        o->left--;
    }
}

static void upload(struct one *o)
{
    static const vitro_call_events events = { .size = sizeof events,
                                              .on_writable = upload_on,
                                              .on_closed = closed };
    vitro_error err;

    if (vitro_call_start(&o->call, o->channel, &bench_bench_client_stream_method, NULL, &events, o,
                         &err) != VITRO_OK)
        die("start", &err);
    upload_on(o->call, o);
    run();
}

static void ping(vitro_call *call, const vitro_message *m, void *user)
{
    struct one *o = user;
    double t = now();

    (void)m;
    took(t - o->since);
    o->since = t;
    o->left--;
    if (o->left == 0)
        vitro_call_send_end(call, NULL);
    else if (vitro_call_send(call, message, 0, NULL, NULL) != VITRO_OK)
        die("send", NULL);
}

static void pingpong(struct one *o)
{
    static const vitro_call_events events = { .size = sizeof events,
                                              .on_message = ping,
                                              .on_closed = closed };

    start(o, &bench_bench_bidi_method, &events, 0);
    run();
}

/* ---- what a connection or a stream at rest costs -------------------------------------------- */

static void echoed(vitro_call *call, const vitro_message *m, void *user)
{
    (void)call;
    (void)m;
    (void)user;
    live--; /* the stream stays open */
}

static void hold(long n, long before, long hold_seconds)
{
    printf("{\"n\":%ld,\"kb_per\":%.2f}\n", n, (double)(rss_kb() - before) / (double)n);
    fflush(stdout);
    sleep((unsigned)hold_seconds);
}

static void idle_connections(long n, long hold_seconds)
{
    long before = rss_kb();

    for (long i = 0; i < n; i++)
        once(dial());
    hold(n, before, hold_seconds);
}

static void idle_streams(vitro_channel *channel, long n, long hold_seconds)
{
    static const vitro_call_events events = { .size = sizeof events, .on_message = echoed };
    struct one *all = calloc((size_t)n, sizeof *all);
    long before = rss_kb();

    live = n;
    for (long i = 0; i < n; i++) {
        all[i].channel = channel;
        start(&all[i], &bench_bench_bidi_method, &events, 0);
    }
    run();
    hold(n, before, hold_seconds);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static const char *arg(int argc, char **argv, const char *key, const char *otherwise)
{
    size_t n = strlen(key);

    for (int i = 3; i < argc; i++) {
        if (strncmp(argv[i], key, n) == 0 && argv[i][n] == '=')
            return argv[i] + n + 1;
    }
    return otherwise;
}

static long number(int argc, char **argv, const char *key, const char *otherwise)
{
    return strtol(arg(argc, argv, key, otherwise), NULL, 10);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

static double percentile(double at)
{
    return latencies ? (double)latency[(size_t)((double)latencies * at)] * 1e6 : 0;
}

static void report(long n, double t, double c)
{
    qsort(latency, latencies, sizeof *latency, compare);
    printf("{\"n\":%ld,\"sec\":%.6f,\"rate\":%.1f,\"cpu_us\":%.3f,\"p50\":%.1f,\"p99\":%.1f,"
           "\"rss_kb\":%ld}\n",
           n, t, (double)n / t, c * 1e6 / (double)n, percentile(.5), percentile(.99), rss_kb());
}

static void unary(vitro_channel *first, long conns, long out, double secs)
{
    struct one *all = calloc((size_t)(conns * out), sizeof *all);
    vitro_channel **channels = calloc((size_t)conns, sizeof *channels);
    double t0, c0;

    channels[0] = first;
    for (long i = 1; i < conns; i++)
        once(channels[i] = dial());
    live = conns * out;
    done = 0;
    latencies = 0;
    t0 = now();
    c0 = cpu();
    until = t0 + secs;
    for (long i = 0; i < conns * out; i++) {
        all[i].channel = channels[i % conns];
        unary_start(&all[i]);
    }
    run();
    report(done, now() - t0, cpu() - c0);
}

static void stream(vitro_channel *channel, const char *mode, long n, size_t size)
{
    struct one o = { .channel = channel, .left = n };
    double t0 = now(), c0 = cpu();

    live = 1;
    latencies = 0;
    if (*mode == 's')
        sstream(&o, size);
    else if (*mode == 'u')
        upload(&o);
    else
        pingpong(&o);
    report(n, now() - t0, cpu() - c0);
}

static void trust(const char *ca_file)
{
    vitro_credentials_options tls = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_error err;

    tls.ca_file = ca_file;
    if (vitro_credentials_client(&options.credentials, &tls, &err) != VITRO_OK)
        die(ca_file, &err);
}

int main(int argc, char **argv)
{
    const char *ca_file = arg(argc, argv, "ca", NULL), *mode = argc > 2 ? argv[2] : "";
    long n = number(argc, argv, "n", "1000"), size = number(argc, argv, "size", "16");
    long hold_seconds = number(argc, argv, "hold", "0");
    vitro_channel *channel;
    vitro_error err;

    if (argc < 3)
        return 2;
    address = argv[1];
    message = pack((size_t)size);
    latency = malloc(LATENCIES * sizeof *latency);
    if (vitro_loop_new(&loop, NULL, &err) != VITRO_OK)
        die("loop", &err);
    if (ca_file)
        trust(ca_file);
    channel = dial();
    once(channel);
    if (strcmp(mode, "idleconn") == 0)
        idle_connections(n, hold_seconds);
    else if (strcmp(mode, "idlestream") == 0)
        idle_streams(channel, n, hold_seconds);
    else if (strcmp(mode, "unary") == 0)
        unary(channel, number(argc, argv, "conns", "1"), number(argc, argv, "out", "1"),
              strtod(arg(argc, argv, "secs", "1"), NULL));
    else if (strcmp(mode, "first") != 0)
        stream(channel, mode, n, (size_t)size);
    return 0;
}
