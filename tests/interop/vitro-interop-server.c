/*
 * vitro-interop-server - gRPC's TestService, for the interoperability tests of any gRPC client
 * (grpc/doc/interop-test-descriptions.md). Its address is the end of its first line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interop/server/service.h"

static const int64_t grace_ns = INT64_C(2000000000);

struct flags {
    const char *port, *address;
    const char *cert_file, *key_file;
    bool use_tls;
};

static int usage(void)
{
    fputs("usage: vitro-interop-server --port N [--use_tls] [--tls_cert_file FILE]\n"
          "       [--tls_key_file FILE] [--address 127.0.0.1]; port 0 is a free one\n",
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
        default:
            return false;
        }
    }
    return optind == argc;
}

static vitro_code listen_at(vitro_server *server, const struct flags *f, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *credentials = NULL;
    char target[300], bound[300];
    vitro_code rc = VITRO_OK;

    options.certificate_file = f->cert_file;
    options.key_file = f->key_file;
    if (f->use_tls)
        rc = vitro_credentials_server(&credentials, &options, err);
    snprintf(target, sizeof target, "%s:%s", f->address, f->port);
    if (!rc)
        rc = vitro_server_listen_secure(server, target, credentials, bound, sizeof bound, err);
    vitro_credentials_unref(credentials);
    if (!rc) {
        printf("listening on %s\n", bound);
        fflush(stdout);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct flags f = { "10000", "127.0.0.1", "tests/fixtures/tls/server.pem",
                       "tests/fixtures/tls/server.key", false };
    vitro_server *server = NULL;
    char line[VITRO_ERROR_LINE];
    vitro_error err;
    vitro_code rc;

    if (!parse(&f, argc, argv))
        return usage();
    rc = vitro_server_new(&server, NULL, 0, NULL, &err);
    if (!rc)
        rc = service_register(server, &err);
    if (!rc)
        rc = listen_at(server, &f, &err);
    if (!rc)
        rc = vitro_server_run(server, grace_ns, &err);
    vitro_server_free(server);
    if (rc) {
        vitro_error_format(&err, line, sizeof line);
        fprintf(stderr, "vitro-interop-server: %s\n", line);
    }
    return rc ? 3 : 0;
}
