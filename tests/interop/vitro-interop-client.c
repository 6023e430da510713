/*
 * vitro-interop-client - one case of gRPC's interoperability tests against any TestService
 * (grpc/doc/interop-test-descriptions.md).
 *
 * Status: 0 passed; 1 failed, and why on stdout; 2 usage, or a case that it does not have.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interop/client/session.h"

enum { PASSED = 0, FAILED = 1, USAGE = 2 };

static const struct row {
    const char *name;
    case_function *function;
} rows[] = {
#define CASE(name) { #name, name },
#include "interop/client/cases.def"
#undef CASE
};

/* ---- flags ---------------------------------------------------------------------------------- */

enum kind { TEXT, FLAG, NUMBER };

static struct flags flags = {
    .server_host = "localhost",
    .server_port = "10000",
    .test_case = "large_unary",
    .ca_file = "tests/fixtures/tls/ca.pem",
    .soak_iterations = 10,
    .soak_per_iteration_max_acceptable_latency_ms = 1000,
    .soak_overall_timeout_seconds = 10,
    .soak_request_size = 271828,
    .soak_response_size = 314159,
    .soak_num_threads = 1,
};

static const struct flag {
    const char *name;
    enum kind kind;
    void *to;
} table[] = {
#define OF(name, kind)                                                                             \
    {                                                                                              \
#name, kind, &flags.name                                                                   \
    }
    OF(server_host, TEXT),
    OF(server_port, TEXT),
    OF(server_host_override, TEXT),
    OF(test_case, TEXT),
    OF(ca_file, TEXT),
    OF(use_tls, FLAG),
    OF(use_test_ca, FLAG),
    OF(soak_iterations, NUMBER),
    OF(soak_max_failures, NUMBER),
    OF(soak_per_iteration_max_acceptable_latency_ms, NUMBER),
    OF(soak_overall_timeout_seconds, NUMBER),
    OF(soak_min_time_ms_between_rpcs, NUMBER),
    OF(soak_request_size, NUMBER),
    OF(soak_response_size, NUMBER),
    OF(soak_num_threads, NUMBER),
#undef OF
};
enum { FLAGS = sizeof table / sizeof table[0], ROWS = sizeof rows / sizeof rows[0] };

static bool set(const struct flag *flag, const char *value)
{
    char *end;
    long n;

    switch (flag->kind) {
    case TEXT:
        *(const char **)flag->to = value;
        return true;
    case FLAG:
        *(bool *)flag->to = !value || !strcmp(value, "true");
        return true;
    case NUMBER:
        break;
    }
    n = strtol(value, &end, 10);
    *(int *)flag->to = (int)n;
    return *value && !*end && n >= 0 && n <= 1 << 22;
}

static bool parse(int argc, char **argv)
{
    struct option longs[FLAGS + 1] = { { 0 } };
    int c, at;

    for (size_t i = 0; i < FLAGS; i++)
        longs[i] = (struct option){ table[i].name,
                                    table[i].kind == FLAG ? optional_argument : required_argument,
                                    NULL, 'o' };
    while ((c = getopt_long_only(argc, argv, "", longs, &at)) != -1)
        if (c != 'o' || !set(&table[at], optarg))
            return false;
    return optind == argc;
}

static int usage(void)
{
    fputs("usage: vitro-interop-client --server_host HOST --server_port N --test_case CASE\n"
          "       [--use_tls] [--use_test_ca] [--ca_file FILE] [--server_host_override NAME]\n"
          "       [--soak_... N]\ncases:",
          stderr);
    for (size_t i = 0; i < ROWS; i++)
        fprintf(stderr, " %s", rows[i].name);
    fputc('\n', stderr);
    return USAGE;
}

/* ---- one case ------------------------------------------------------------------------------- */

static int run(const struct row *row)
{
    struct session s;
    vitro_error err;
    bool good;

    good = session_open(&s, &flags, &err) ? failed_by(&s, "channel", &err) : row->function(&s);
    printf("%s: %s%s\n", row->name, good ? "passed" : "FAILED: ", good ? "" : s.why);
    session_close(&s);
    return good ? PASSED : FAILED;
}

int main(int argc, char **argv)
{
    if (!parse(argc, argv))
        return usage();
    for (size_t i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].name, flags.test_case))
            return run(&rows[i]);
    return usage();
}
