/*
 * vitro-interop-server - gRPC's TestService, for the interoperability tests of any gRPC client
 * (grpc/doc/interop-test-descriptions.md). Its address is the end of its first line. With
 * --bad_case it is one of the servers that misbehave, and ends with status 1 and why when the
 * client did not do what it had to.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interop/server/service.h"

static const int64_t grace_ns = INT64_C(2000000000);

struct flags {
    const char *port, *address;
    const char *cert_file, *key_file, *bad_case;
    bool use_tls;
};

static int usage(void)
{
    fputs("usage: vitro-interop-server --port N [--use_tls] [--tls_cert_file FILE]\n"
          "       [--tls_key_file FILE] [--address 127.0.0.1] [--bad_case CASE]; port 0 is a free"
          " one\nbad cases:"
#define BAD(name, ...) " " #name
#include "support/bad_cases.def"
#undef BAD
          "\n",
          stderr);
    return 2;
}

static bool parse(struct flags *f, int argc, char **argv)
{
    static const struct option longs[] = {
        { "port", required_argument, NULL, 'p' },
        { "address", required_argument, NULL, 'a' },
        { "use_tls", optional_argument, NULL, 't' },
        { "tls_cert_file", required_argument, NULL, 'c' },
        { "tls_key_file", required_argument, NULL, 'k' },
        { "bad_case", required_argument, NULL, 'b' },
        { 0 },
    };
    int c;

    while ((c = getopt_long_only(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'p':
            f->port = optarg;
            break;
        case 'a':
            f->address = optarg;
            break;
        case 't':
            f->use_tls = !optarg || !strcmp(optarg, "true");
            break;
        case 'c':
            f->cert_file = optarg;
            break;
        case 'k':
            f->key_file = optarg;
            break;
        case 'b':
            f->bad_case = optarg;
            break;
        default:
            return false;
        }
    }
    return optind == argc;
}

void say_where(const char *bound)
{
    printf("listening on %s\n", bound);
    fflush(stdout);
}

static vitro_code credentials_of(vitro_credentials **out, const struct flags *f, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;

    options.certificate_file = f->cert_file;
    options.key_file = f->key_file;
    return f->use_tls ? vitro_credentials_server(out, &options, err) : VITRO_OK;
}

static vitro_code serve(const char *target, vitro_credentials *credentials, vitro_error *err)
{
    vitro_server *server = NULL;
    char bound[300];
    vitro_code rc = vitro_server_new(&server, NULL, 0, NULL, err);

    if (!rc)
        rc = service_register(server, err);
    if (!rc)
        rc = vitro_server_listen_secure(server, target, credentials, bound, sizeof bound, err);
    if (!rc) {
        say_where(bound);
        rc = vitro_server_run(server, grace_ns, err);
    }
    vitro_server_free(server);
    return rc;
}

int main(int argc, char **argv)
{
    struct flags f = { .port = "10000",
                       .address = "127.0.0.1",
                       .cert_file = "tests/fixtures/tls/server.pem",
                       .key_file = "tests/fixtures/tls/server.key" };
    vitro_credentials *credentials = NULL;
    char line[VITRO_ERROR_LINE], target[300];
    vitro_error err;
    vitro_code rc;

    if (!parse(&f, argc, argv))
        return usage();
    snprintf(target, sizeof target, "%s:%s", f.address, f.port);
    rc = credentials_of(&credentials, &f, &err);
    if (!rc && f.bad_case)
        rc = serve_badly(f.bad_case, target, credentials, &err);
    else if (!rc)
        rc = serve(target, credentials, &err);
    vitro_credentials_unref(credentials);
    if (rc) {
        vitro_error_format(&err, line, sizeof line);
        fprintf(stderr, "vitro-interop-server: %s\n", line);
    }
    return rc == VITRO_FAILED_PRECONDITION ? 1 : rc ? 3 : 0;
}
