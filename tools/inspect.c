/*
 * inspect - vitro inspect FILE: a capture on the screen, or as text or NDJSON as it is read.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "ndjson.h"
#include "print.h"
#include "schemas.h"
#include "source.h"
#include "ui/screen.h"

enum { LISTS_MAX = 64 };

struct inspect {
    const char *path;
    bool json, plain, stats, hpack, ascii, screen;
    uint64_t limit; /* bytes that the decoder may see; the screen lets it see them slice by slice */
    const char *color; /* auto, always, never */
    char *protos[LISTS_MAX], *dirs[LISTS_MAX], *sets[LISTS_MAX];
    size_t proto_count, dir_count, set_count;
    struct source *source;
    vitro_decode *decode;
    struct printer printer;
    struct ndjson ndjson;
};

static void on_event(vitro_decode *d, const vitro_event *ev, void *user)
{
    struct inspect *in = user;

    if (in->json)
        ndjson_event(&in->ndjson, d, ev);
    else
        print_event(&in->printer, d, ev);
}

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    struct inspect *in = user;

    if (offset >= in->limit)
        return (vitro_bytes){ NULL, 0 };
    if (len > in->limit - offset)
        len = (size_t)(in->limit - offset);
    return source_lend(offset, len, in->source);
}

static bool add(char **list, size_t *count, char *value)
{
    if (*count == LISTS_MAX)
        return false;
    list[(*count)++] = value;
    return true;
}

static int usage(const char *what, const char *why)
{
    command_fail("inspect", what, why, "vitro help inspect tells how");
    return EXIT_USAGE;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value && *value;
}

/* --color, then NO_COLOR, CLICOLOR_FORCE, a terminal that is not dumb. */
static bool wants_color(const char *asked)
{
    const char *term = getenv("TERM");

    if (asked && strcmp(asked, "auto") != 0)
        return strcmp(asked, "always") == 0;
    if (is_set("NO_COLOR"))
        return false;
    return is_set("CLICOLOR_FORCE") ||
           (isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0);
}

static bool option(struct inspect *in, int c)
{
    switch (c) {
    case 'p':
        return in->plain = true;
    case 'j':
        return in->json = true;
    case 'k':
        return in->hpack = true;
    case 's':
        return in->stats = true;
    case 'a':
        return in->ascii = true;
    case 'c':
        in->color = optarg;
        return strcmp(optarg, "auto") == 0 || strcmp(optarg, "always") == 0 ||
               strcmp(optarg, "never") == 0;
    case 'P':
        return add(in->protos, &in->proto_count, optarg);
    case 'I':
        return add(in->dirs, &in->dir_count, optarg);
    case 'D':
        return add(in->sets, &in->set_count, optarg);
    default:
        return false;
    }
}

static int parse(struct inspect *in, int argc, char **argv)
{
    static const struct option longs[] = {
        { "plain", no_argument, NULL, 'p' },
        { "json", no_argument, NULL, 'j' },
        { "hpack", no_argument, NULL, 'k' },
        { "stats", no_argument, NULL, 's' },
        { "ascii", no_argument, NULL, 'a' },
        { "color", required_argument, NULL, 'c' },
        { "proto", required_argument, NULL, 'P' },
        { "descriptor-set", required_argument, NULL, 'D' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    optind = 1;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "I:", longs, NULL)) != -1) {
        if (!option(in, c))
            return usage(argv[optind - 1], "no such option, or its value is missing");
    }
    if (optind == argc)
        return usage("FILE", "missing");
    if (optind + 1 < argc)
        return usage(argv[optind + 1], "one capture at a time");
    if (in->json && in->plain)
        return usage("--json", "not together with --plain");
    in->path = argv[optind];
    return EXIT_DONE;
}

static int schemas(struct inspect *in)
{
    vitro_error err = { 0 };
    const char *where = "--proto";

    if (in->proto_count &&
        schemas_add_proto(in->decode, in->protos, in->proto_count, in->dirs, in->dir_count, &err))
        goto fail;
    for (size_t i = 0; i < in->set_count; i++) {
        where = in->sets[i];
        if (schemas_add_set(in->decode, where, &err))
            goto fail;
    }
    where = "the schemas that ship";
    if (!schemas_add_shipped(in->decode, &err))
        return EXIT_DONE;
fail:
    command_fail_error("inspect", where, &err, NULL);
    return EXIT_SYSTEM;
}

static int open_all(struct inspect *in)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_error err = { 0 };

    if (source_open(&in->source, in->path, &err)) {
        command_fail_error("inspect", in->path, &err, NULL);
        return EXIT_SYSTEM;
    }
    options.lend = lend;
    options.user = in;
    in->screen = !in->plain && !in->json && !in->stats && screen_possible();
    in->limit = UINT64_MAX;
    options.keep = in->stats || in->screen;
    if (!in->screen && (!in->stats || in->plain || in->json))
        options.on_event = on_event;
    if (vitro_decode_new(&in->decode, &options, &err)) {
        command_fail_error("inspect", in->path, &err, NULL);
        return EXIT_SYSTEM;
    }
    in->printer.out = in->ndjson.out = stdout;
    in->printer.ascii = in->ascii;
    in->printer.color = wants_color(in->color);
    in->printer.hpack = in->ndjson.hpack = in->hpack;
    in->printer.language = command_korean() ? VITRO_KOREAN : VITRO_ENGLISH;
    return schemas(in);
}

static void put_stats(const struct inspect *in)
{
    FILE *out = in->plain || in->json ? stderr : stdout;
    vitro_decode_stats s;

    vitro_decode_stats_get(in->decode, &s);
    fprintf(out,
            "packets %" PRIu64 " connections %" PRIu64 " events %" PRIu64 " frames %" PRIu64
            " headers %" PRIu64 " messages %" PRIu64 " unknown %" PRIu64 " lost %" PRIu64 "\n",
            s.packets, s.connections, s.events, s.frames, s.headers, s.messages, s.unknown, s.lost);
    fprintf(out, "bytes %zu per event %.1f (%zu of them the event itself) peak %zu\n", s.memory,
            s.events ? (double)s.memory / (double)s.events : 0.0, sizeof(vitro_event),
            s.memory_peak);
}

static int run_screen(struct inspect *in)
{
    struct screen_options options = {
        .name = strcmp(in->path, "-") == 0 ? "standard input" : in->path,
        .language = in->printer.language,
        .color = in->printer.color,
        .ascii = in->ascii,
        .limit = &in->limit,
    };
    vitro_error err = { 0 };
    vitro_code rc = screen_run(in->decode, in->source, &options, &err);

    if (source_error(in->source)) {
        err = *source_error(in->source);
        rc = err.code;
    }
    if (!rc)
        return EXIT_DONE;
    if (err.code)
        command_fail_error("inspect", in->path, &err, NULL);
    else
        command_fail("inspect", "terminal", "cannot be used", "--plain prints text");
    return EXIT_SYSTEM;
}

static int run(struct inspect *in)
{
    vitro_error err = { 0 };
    char text[512];
    vitro_code rc;

    if (strcmp(in->path, "-") == 0) /* a pipe is followed: each event is out when it is told */
        setvbuf(stdout, NULL, _IOLBF, 0);
    if (in->json)
        ndjson_begin(&in->ndjson, in->path);
    rc = vitro_decode_finish(in->decode, &err);
    if (source_error(in->source)) {
        err = *source_error(in->source);
        rc = err.code;
    }
    if (rc)
        vitro_error_format(&err, text, sizeof text);
    if (in->json)
        ndjson_end(&in->ndjson, in->decode, rc ? text : NULL);
    if (in->stats)
        put_stats(in);
    if (fflush(stdout) || ferror(stdout)) {
        command_fail("inspect", "stdout", "cannot be written", NULL);
        return EXIT_SYSTEM;
    }
    if (!rc)
        return EXIT_DONE;
    command_fail("inspect", in->path, text,
                 rc == VITRO_DATA_LOSS ? "everything before the cut was shown" : NULL);
    return EXIT_SYSTEM;
}

int inspect_main(int argc, char **argv)
{
    struct inspect in;
    int status;

    memset(&in, 0, sizeof in);
    status = parse(&in, argc, argv);
    if (!status)
        status = open_all(&in);
    if (!status)
        status = in.screen ? run_screen(&in) : run(&in);
    vitro_decode_free(in.decode);
    source_close(in.source);
    return status;
}
