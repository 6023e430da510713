/*
 * inspect - vitro inspect FILE: a capture on the screen, or as text or NDJSON as it is read.
 */
#include <string.h>

#include "command.h"
#include "show.h"

static int parse(struct show *s, const char **path, int argc, char **argv)
{
    static const struct option longs[] = { SHOW_LONG_OPTIONS, { NULL, 0, NULL, 0 } };
    int c;

    optind = 1;
    opterr = 0;
    while ((c = getopt_long(argc, argv, SHOW_SHORT_OPTIONS, longs, NULL)) != -1) {
        if (!show_option(s, c, optarg))
            return show_usage(s, argv[optind - 1], "no such option, or its value is missing");
    }
    if (optind == argc)
        return show_usage(s, "FILE", "missing");
    if (optind + 1 < argc)
        return show_usage(s, argv[optind + 1], "one capture at a time");
    *path = argv[optind];
    s->follows = strcmp(*path, "-") == 0; /* a pipe may be written while it is read */
    s->name = s->follows ? "standard input" : *path;
    return show_check(s);
}

int inspect_main(int argc, char **argv)
{
    struct show s = { .command = "inspect" };
    struct source *source = NULL;
    vitro_error err = { 0 };
    const char *path = NULL;
    int status = parse(&s, &path, argc, argv);

    if (!status && source_open(&source, path, &err)) {
        command_fail_error("inspect", path, &err, NULL);
        status = EXIT_SYSTEM;
    }
    if (!status)
        status = show_open(&s, source);
    if (!status)
        status = show_run(&s);
    show_close(&s);
    source_close(source);
    return status;
}
