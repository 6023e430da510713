/*
 * learn - vitro learn: a lesson's program runs, and its text is shown with the bytes of that run.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "curriculum.h"
#include "learn_screen.h"
#include "lesson_find.h"
#include "lesson_run.h"
#include "lesson_show.h"
#include "progress.h"
#include "schemas.h"
#include "source.h"
#include "ui/screen.h"
#include "wrap.h"

enum { FEW = 64 }; /* bytes shown of an event that has very many */

struct learn {
    const char *wanted; /* NULL: the list */
    char *seed;
    bool list, plain, real, korean, language_given;
    struct lesson_places places;
    const struct lesson_place *place;
    struct lesson_run run;
    struct lesson_text text;
    struct source *source;
    vitro_decode *decode;
};

/* ---- the command line ----------------------------------------------------------------------- */

static int usage(const char *what, const char *why)
{
    command_fail("learn", what, why, "vitro help learn tells how");
    return EXIT_USAGE;
}

static bool is_seed(const char *text)
{
    return *text && strlen(text) < 20 && !text[strspn(text, "0123456789")];
}

static int option(struct learn *in, int c, const char *word)
{
    switch (c) {
    case 'p':
        in->plain = true;
        return EXIT_DONE;
    case 'r':
        in->real = true;
        return EXIT_DONE;
    case 'L':
        in->list = true;
        return EXIT_DONE;
    case 's':
        in->seed = optarg;
        return is_seed(optarg) ? EXIT_DONE : usage(optarg, "a seed is a number");
    case 'l':
        in->language_given = true;
        in->korean = strcmp(optarg, "ko") == 0;
        return in->korean || strcmp(optarg, "en") == 0 ? EXIT_DONE
                                                       : usage(optarg, "a language is en or ko");
    default:
        return usage(word, "no such option, or its value is missing");
    }
}

static int parse(struct learn *in, int argc, char **argv)
{
    static const struct option longs[] = {
        { "plain", no_argument, NULL, 'p' },      { "real", no_argument, NULL, 'r' },
        { "list", no_argument, NULL, 'L' },       { "lang", required_argument, NULL, 'l' },
        { "seed", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
    };
    int c, status = EXIT_DONE;

    optind = 1;
    opterr = 0;
    while (!status && (c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        status = option(in, c, argv[optind - 1]);
    if (status)
        return status;
    if (optind + 1 < argc)
        return usage(argv[optind + 1], "one lesson at a time");
    in->wanted = argv[optind];
    return EXIT_DONE;
}

/* ---- finding -------------------------------------------------------------------------------- */

/* The text in the language that was asked for; English where a lesson has no other. */
static bool read_text(const struct learn *in, const struct lesson_place *place,
                      struct lesson_text *out, vitro_error *err)
{
    char *markdown = in->korean ? lesson_file(place->dir, "lesson.ko.md", NULL) : NULL;
    bool ok;

    if (!markdown)
        markdown = lesson_file(place->dir, "lesson.md", err);
    ok = markdown && lesson_text_read(out, markdown);
    free(markdown);
    return ok;
}

/* Its folder, how far the learner is, how long it takes, its title: eighty columns at most. */
static void put_list(const struct learn *in, FILE *out)
{
    static const char *const words[][2] = {
        [PROGRESS_NONE] = { "", "" },
        [PROGRESS_BEGUN] = { "begun", "하는 중" },
        [PROGRESS_DONE] = { "done", "마침" },
    };
    static const char *const unwritten[2] = { "unwritten", "아직 없음" };
    const struct curriculum_lesson *l;
    struct progress progress;

    progress_read(&progress);
    for (size_t i = 0; (l = curriculum_at(i)) != NULL; i++) {
        const char *word = words[progress_of(&progress, l->name)][in->korean];
        if (!lesson_places_find(&in->places, l->name))
            word = unwritten[in->korean];
        fprintf(out, "%-27s%s%*s%2d%s  %s\n", l->name, word, 10 - wrap_columns(vitro_str_of(word)),
                "", l->minutes, in->korean ? "분" : " min", l->titles[in->korean]);
    }
    progress_done(&progress);
}

/* With the terminal at both ends, else what is printed may be piped, and nobody has keys. */
static bool on_screen(const struct learn *in)
{
    return !in->plain && !in->list && isatty(STDIN_FILENO) && screen_possible();
}

static int find(struct learn *in)
{
    const struct curriculum_lesson *known;
    vitro_error err = { 0 };
    char names[512];
    size_t n = 0;

    if (lesson_places_read(&in->places, &err)) {
        command_fail_error("learn", "lessons", &err, "build them with make");
        return EXIT_SYSTEM;
    }
    if (in->list)
        return EXIT_DONE;
    if (!in->wanted && on_screen(in))
        in->wanted = "00";
    if (!in->wanted)
        return EXIT_DONE;
    known = curriculum_find(in->wanted);
    in->place = lesson_places_find(&in->places, known ? known->name : in->wanted);
    if (in->place)
        return EXIT_DONE;
    for (size_t i = 0; i < in->places.count && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "there is ",
                              in->places.items[i].name);
    command_fail("learn", in->wanted, known ? "not written yet" : "no such lesson", names);
    return EXIT_USAGE;
}

/* ---- running -------------------------------------------------------------------------------- */

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    return source_lend(offset, len, user);
}

static vitro_code open_decode(struct learn *in, vitro_error *err)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_code rc = source_open_fd(&in->source, in->run.fd, in->place->name, err);

    in->run.fd = -1;
    if (rc)
        return rc;
    options.lend = lend;
    options.user = in->source;
    options.keep = true;
    rc = vitro_decode_new(&in->decode, &options, err);
    return rc ? rc : schemas_add_shipped(in->decode, err);
}

/* Run the program to its end; what it left behind is decoded, also when it failed. */
static vitro_code run(struct learn *in, vitro_error *err)
{
    char real[] = "--real", seed[] = "--seed";
    char *argv[5] = { NULL };
    size_t n = 1;
    vitro_error ended = { 0 };
    vitro_code rc;

    if (in->real)
        argv[n++] = real;
    if (in->seed) {
        argv[n++] = seed;
        argv[n] = in->seed;
    }
    lesson_run_interruptible(&in->run);
    rc = lesson_run_start(&in->run, in->place->dir, argv, err);
    if (!rc)
        rc = open_decode(in, err);
    if (!rc)
        rc = vitro_decode_finish(in->decode, err);
    if (!lesson_run_wait(&in->run, &ended))
        return rc;
    *err = ended; /* the reason why the trace is not whole */
    return ended.code;
}

static int show(struct learn *in)
{
    vitro_error err = { 0 };
    struct printer printer = { .out = stdout, .explain = true, .few = FEW };
    vitro_event first;
    struct lesson_show s = { &printer, NULL, in->place->dir };
    vitro_code rc;

    printer.language = in->korean ? VITRO_KOREAN : VITRO_ENGLISH;
    if (!read_text(in, in->place, &in->text, &err)) {
        command_fail_error("learn", in->place->name, &err, NULL);
        return EXIT_SYSTEM;
    }
    rc = run(in, &err);
    s.decode = in->decode;
    printer.timed = in->decode && vitro_decode_event(in->decode, 1, &first);
    printer.start = printer.timed ? first.time : 0;
    if (in->decode && vitro_decode_count(in->decode))
        lesson_show(&s, &in->text);
    if (!rc)
        return EXIT_DONE;
    command_fail_error("learn", in->place->name, &err, "its own words, if any, stand above");
    return EXIT_SYSTEM;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int finish(int status)
{
    if (!fflush(stdout) && !ferror(stdout))
        return status;
    command_fail("learn", "stdout", "cannot be written", NULL);
    return EXIT_SYSTEM;
}

static int run_screen(struct learn *in)
{
    struct learn_screen_options options = {
        .places = &in->places,
        .name = in->place->name,
        .real = in->real,
        .seed = in->seed,
        .language = in->korean ? VITRO_KOREAN : VITRO_ENGLISH,
        .language_given = in->language_given,
    };

    return learn_screen(&options);
}

static int leave(struct learn *in, int status)
{
    vitro_decode_free(in->decode);
    source_close(in->source);
    lesson_text_done(&in->text);
    lesson_places_done(&in->places);
    return status;
}

int learn_main(int argc, char **argv)
{
    struct learn in;
    int status;

    memset(&in, 0, sizeof in);
    in.korean = command_korean();
    status = parse(&in, argc, argv);
    if (!status)
        status = find(&in);
    if (!status && in.place && on_screen(&in))
        return leave(&in, run_screen(&in));
    if (!status && in.place)
        status = show(&in);
    else if (!status)
        put_list(&in, stdout);
    status = leave(&in, status);
    return status == EXIT_USAGE ? status : finish(status);
}
