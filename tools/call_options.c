/*
 * call_options - the command line of `vitro call`.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/text.h"
#include "base/util.h"
#include "call.h"
#include "command.h"
#include "duration.h"

static int usage(const char *what, const char *why)
{
    char safe[256];
    struct text t;

    vitro_text_init(&t, safe, sizeof safe);
    vitro_text_escape(&t, vitro_str_of(what));
    command_fail("call", safe, why, "vitro help call tells how");
    return EXIT_USAGE;
}

/* ---- -H ------------------------------------------------------------------------------------- */

static vitro_str trim(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (from < to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (vitro_str){ from, (size_t)(to - from) };
}

static int bad_header(const char *arg, const char *why)
{
    char where[300];

    snprintf(where, sizeof where, "-H '%s'", arg);
    return usage(where, why);
}

/* What follows a "-bin" name is base64 of either alphabet. */
static bool decode(vitro_str text, uint8_t **out, size_t *n)
{
    char *copy = malloc(text.len + 1);
    bool ok;

    *out = malloc(text.len + 1);
    for (size_t i = 0; copy && i < text.len; i++) {
        copy[i] = text.ptr[i];
        if (copy[i] == '-')
            copy[i] = '+';
        else if (copy[i] == '_')
            copy[i] = '/';
    }
    ok = copy && *out && vitro_base64_decode((vitro_str){ copy, text.len }, *out, n);
    free(copy);
    return ok;
}

static int add_header(struct call_options *o, vitro_str key, vitro_str value, const char *arg)
{
    bool binary = key.len > 4 && memcmp(key.ptr + key.len - 4, "-bin", 4) == 0;
    vitro_bytes bytes = { (const uint8_t *)value.ptr, value.len };
    uint8_t *decoded = NULL;
    vitro_error err = { 0 };
    int status = EXIT_DONE;

    if (binary && !decode(value, &decoded, &bytes.len))
        status = bad_header(arg, "the value of a name that ends in -bin is base64");
    if (decoded)
        bytes.ptr = decoded;
    if (!status && vitro_md_add(o->metadata, key, bytes, &err))
        status = bad_header(arg, err.frame[0].text);
    free(decoded);
    return status;
}

/* Names of HTTP/2 are lower case; what people type is brought to it. */
static int header(struct call_options *o, const char *arg)
{
    const char *colon = strchr(arg, ':');
    vitro_str name = trim(arg, colon ? colon : arg);
    char *key;
    int status;

    if (!colon || !name.len)
        return bad_header(arg, "a header is 'name: value'");
    if (!o->metadata)
        o->metadata = vitro_md_new();
    key = strndup(name.ptr, name.len);
    if (!o->metadata || !key) {
        free(key);
        command_fail("call", "-H", "out of memory", NULL);
        return EXIT_SYSTEM;
    }
    for (char *c = key; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    status = add_header(o, vitro_str_of(key), trim(colon + 1, colon + strlen(colon)), arg);
    free(key);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------ */

static int add(char **list, size_t *count, const char *name)
{
    if (*count == CALL_LIST_MAX)
        return usage(name, "too many of them");
    list[(*count)++] = optarg;
    return EXIT_DONE;
}

/* Each of them asks for TLS. */
static int tls_option(struct call_options *o, int c)
{
    o->tls = true;
    if (c == 'X')
        o->insecure = true;
    else if (c == 'C')
        o->ca_file = optarg;
    else if (c == 'R')
        o->crl_file = optarg;
    else if (c == 'E')
        o->cert_file = optarg;
    else if (c == 'K')
        o->key_file = optarg;
    return EXIT_DONE;
}

static bool has_token(const struct call_options *o)
{
    return o->token || o->token_file || o->service_account;
}

/* A token is never repeated in what is said. */
static int token_option(struct call_options *o, int c)
{
    if (has_token(o))
        return usage("--token", "one token is enough, --token-file and --service-account included");
    if (c == 'B')
        o->token = optarg;
    else if (c == 'F')
        o->token_file = optarg;
    else
        o->service_account = optarg;
    return EXIT_DONE;
}

/* What the library would refuse, told before anything is asked of the server. */
static int check_plain_token(const struct call_options *o)
{
    if (!has_token(o) || o->tls || o->allow_plain_token)
        return EXIT_DONE;
    return usage("--token", "not sent over plain text: --tls, or --allow-plain-token if it may be");
}

static int option(struct call_options *o, int c, const char *word)
{
    switch (c) {
    case 'd':
        if (o->data)
            return usage("-d", "given twice; one -d holds all requests, white space between");
        o->data = optarg;
        return EXIT_DONE;
    case 'H':
        return header(o, optarg);
    case 'v':
        o->verbose = true;
        return EXIT_DONE;
    case 't':
        if (duration_ns(optarg, &o->deadline_ns))
            return EXIT_DONE;
        return usage(optarg, "--deadline: " DURATION_WORDS);
    case 'k':
        if (duration_ms(optarg, &o->keepalive_ms))
            return EXIT_DONE;
        return usage(optarg, "--keepalive: " DURATION_WORDS);
    case 'W':
        o->wait_for_ready = true;
        return EXIT_DONE;
    case 'Z':
        o->compression = optarg;
        if (command_is_compression(optarg))
            return EXIT_DONE;
        return usage(optarg, "--compress: gzip or deflate");
    case 'P':
        return add(o->protos, &o->proto_count, "--proto");
    case 'I':
        return add(o->dirs, &o->dir_count, "-I");
    case 'D':
        return add(o->sets, &o->set_count, "--descriptor-set");
    case 'A':
        o->authority = optarg;
        return EXIT_DONE;
    case 'T':
    case 'X':
    case 'C':
    case 'R':
    case 'E':
    case 'K':
        return tls_option(o, c);
    case 'B':
    case 'F':
    case 'S':
        return token_option(o, c);
    case 'p':
        o->allow_plain_token = true;
        return EXIT_DONE;
    default:
        return usage(word, "no such option, or its value is missing");
    }
}

int call_options_read(struct call_options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        { "deadline", required_argument, NULL, 't' },
        { "wait-for-ready", no_argument, NULL, 'W' },
        { "keepalive", required_argument, NULL, 'k' },
        { "compress", required_argument, NULL, 'Z' },
        { "proto", required_argument, NULL, 'P' },
        { "descriptor-set", required_argument, NULL, 'D' },
        { "authority", required_argument, NULL, 'A' },
        { "tls", no_argument, NULL, 'T' },
        { "insecure", no_argument, NULL, 'X' },
        { "cacert", required_argument, NULL, 'C' },
        { "crl", required_argument, NULL, 'R' },
        { "cert", required_argument, NULL, 'E' },
        { "key", required_argument, NULL, 'K' },
        { "token", required_argument, NULL, 'B' },
        { "token-file", required_argument, NULL, 'F' },
        { "service-account", required_argument, NULL, 'S' },
        { "allow-plain-token", no_argument, NULL, 'p' },
        { NULL, 0, NULL, 0 },
    };
    int c, status = EXIT_DONE;

    optind = 1;
    opterr = 0;
    while (!status && (c = getopt_long(argc, argv, "d:H:I:v", longs, NULL)) != -1)
        status = option(o, c, argv[optind - 1]);
    if (!status)
        status = check_plain_token(o);
    if (status)
        return status;
    if (optind + 2 > argc)
        return usage(optind == argc ? "TARGET" : "METHOD", "missing");
    o->target = argv[optind];
    o->method = argv[optind + 1];
    if (call_is_question(o) && optind + 2 < argc)
        o->name = argv[optind++ + 2];
    if (optind + 2 < argc)
        return usage(argv[optind + 2], "one call at a time: TARGET METHOD");
    if (strcmp(o->method, "describe") == 0 && !o->name)
        return usage("describe", "name a service, a method or a type");
    return EXIT_DONE;
}

bool call_is_question(const struct call_options *o)
{
    return strcmp(o->method, "list") == 0 || strcmp(o->method, "describe") == 0;
}

void call_options_done(struct call_options *o)
{
    vitro_md_free(o->metadata);
}
