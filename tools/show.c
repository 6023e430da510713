#include "show.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "schemas.h"
#include "ui/screen.h"

/* What an event may cost on average, all that is kept for it included, and what all may cost. */
enum { EVENT_BYTES = 64, WINDOW_BYTES = 16 * 1024 * 1024, IDLE_MS = 1000 };

/* ---- options --------------------------------------------------------------------------------- */

int show_usage(const struct show *s, const char *what, const char *why)
{
    char advice[64];

    snprintf(advice, sizeof advice, "vitro help %s tells how", s->command);
    command_fail(s->command, what, why, advice);
    return EXIT_USAGE;
}

static bool add(char **list, size_t *count, char *value)
{
    if (*count == SHOW_LISTS)
        return false;
    list[(*count)++] = value;
    return true;
}

bool show_option(struct show *s, int option, char *value)
{
    switch (option) {
    case SHOW_PLAIN:
        return s->plain = true;
    case SHOW_JSON:
        return s->json = true;
    case SHOW_HPACK:
        return s->hpack = true;
    case SHOW_STATS:
        return s->stats = true;
    case SHOW_ASCII:
        return s->ascii = true;
    case SHOW_MOUSE:
        return s->mouse = true;
    case SHOW_COLOR:
        s->color = value;
        return strcmp(value, "auto") == 0 || strcmp(value, "always") == 0 ||
               strcmp(value, "never") == 0;
    case SHOW_PROTO:
        return add(s->protos, &s->proto_count, value);
    case 'I':
        return add(s->dirs, &s->dir_count, value);
    case SHOW_KEYLOG:
        s->keylog.path = value;
        return true;
    case SHOW_DESCRIPTOR_SET:
        return add(s->sets, &s->set_count, value);
    default:
        return false;
    }
}

int show_check(struct show *s)
{
    if (s->json && s->plain)
        return show_usage(s, "--json", "not together with --plain");
    s->screen = !s->plain && !s->json && !s->stats && screen_possible();
    return EXIT_DONE;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value && *value;
}

/* --color, then NO_COLOR, CLICOLOR_FORCE, a terminal that is not dumb. */
bool show_wants_color(const char *asked)
{
    const char *term = getenv("TERM");

    if (asked && strcmp(asked, "auto") != 0)
        return strcmp(asked, "always") == 0;
    if (is_set("NO_COLOR"))
        return false;
    return is_set("CLICOLOR_FORCE") ||
           (isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void on_event(vitro_decode *d, const vitro_event *ev, void *user)
{
    struct show *s = user;

    if (s->json)
        ndjson_event(&s->ndjson, d, ev);
    else
        print_event(&s->printer, d, ev);
}

static vitro_bytes lend_below(struct show *s, uint64_t limit, uint64_t offset, size_t len)
{
    if (offset >= limit)
        return (vitro_bytes){ NULL, 0 };
    if (len > limit - offset)
        len = (size_t)(limit - offset);
    return source_lend(offset, len, s->source);
}

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    struct show *s = user;

    return lend_below(s, s->limit, offset, len);
}

/* All that is there, whatever was read of it so far. */
static vitro_bytes ahead(uint64_t offset, size_t len, void *user)
{
    struct show *s = user;
    bool is_file = source_wait_fd(s->source) < 0;

    return lend_below(s, is_file ? UINT64_MAX : s->lag.come, offset, len);
}

static int teach(struct show *s)
{
    vitro_error err = { 0 };
    const char *where = "--proto";

    if (s->proto_count &&
        schemas_add_proto(s->decode, s->protos, s->proto_count, s->dirs, s->dir_count, &err))
        goto fail;
    for (size_t i = 0; i < s->set_count; i++) {
        where = s->sets[i];
        if (schemas_add_set(s->decode, where, &err))
            goto fail;
    }
    where = "the schemas that ship";
    if (!schemas_add_shipped(s->decode, &err))
        return EXIT_DONE;
fail:
    command_fail_error(s->command, where, &err, NULL);
    return EXIT_SYSTEM;
}

/* Whose secrets are used is said: that the environment names a log is easily forgotten. */
static int open_keylog(struct show *s)
{
    vitro_error err = { 0 };

    if (keylog_open(&s->keylog, s->follows, &err)) {
        command_fail_error(s->command, s->keylog.path, &err, NULL);
        return EXIT_SYSTEM;
    }
    if (s->keylog.path && !s->screen) {
        fputs("secrets of ", stderr);
        print_escaped(&(struct printer){ .out = stderr }, vitro_str_of(s->keylog.path));
        fputs(s->keylog.asked ? "\n" : ", as SSLKEYLOGFILE says\n", stderr);
    }
    return EXIT_DONE;
}

int show_open(struct show *s, struct source *source)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_error err = { 0 };

    s->source = source;
    s->limit = UINT64_MAX;
    options.lend = lend;
    options.ahead = ahead;
    options.user = s;
    options.keep = s->stats || s->screen;
    if (!s->screen && (!s->stats || s->plain || s->json))
        options.on_event = on_event;
    if (vitro_decode_new(&s->decode, &options, &err)) {
        command_fail_error(s->command, s->name, &err, NULL);
        return EXIT_SYSTEM;
    }
    s->printer.out = s->ndjson.out = stdout;
    s->printer.ascii = s->ascii;
    s->printer.color = show_wants_color(s->color);
    s->printer.hpack = s->ndjson.hpack = s->hpack;
    s->printer.language = command_korean() ? VITRO_KOREAN : VITRO_ENGLISH;
    return open_keylog(s) ? EXIT_SYSTEM : teach(s);
}

void show_close(struct show *s)
{
    vitro_decode_free(s->decode);
    s->decode = NULL;
    keylog_close(&s->keylog);
}

/* ---- showing --------------------------------------------------------------------------------- */

static int run_screen(struct show *s)
{
    char name[512];
    struct screen_options options = {
        .name = name,
        .language = s->printer.language,
        .color = s->printer.color,
        .ascii = s->ascii,
        .mouse = s->mouse,
        .limit = &s->limit,
        .live = s->live,
        .keylog = &s->keylog,
        .lag = &s->lag,
    };
    vitro_error err = { 0 };
    vitro_code rc;

    snprintf(name, sizeof name, s->keylog.path ? "%.255s, secrets of %.220s" : "%.255s", s->name,
             s->keylog.path);
    rc = screen_run(s->decode, s->source, &options, &err);
    if (source_error(s->source)) {
        err = *source_error(s->source);
        rc = err.code;
    }
    if (!rc)
        return EXIT_DONE;
    if (err.code)
        command_fail_error(s->command, s->name, &err, NULL);
    else
        command_fail(s->command, "terminal", "cannot be used", "--plain prints text");
    return EXIT_SYSTEM;
}

/* KiB of memory that this process had at most; 0: nobody tells. */
static unsigned long peak_kib(void)
{
    FILE *in = fopen("/proc/self/status", "r");
    unsigned long kib = 0;
    char line[128];

    while (in && fgets(line, sizeof line, in)) {
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    }
    if (in)
        fclose(in);
    return kib;
}

/* What the decoder counts, and what the process took with all that is around it. */
static void put_memory(const vitro_decode_stats *st, FILE *out)
{
    uint64_t allowed = st->events * EVENT_BYTES + WINDOW_BYTES;

    fprintf(out, "memory %zu bytes, %zu at most: %.1f an event\n", st->memory, st->memory_peak,
            st->events ? (double)st->memory_peak / (double)st->events : 0.0);
    fprintf(out, "process %lu KiB at most of %" PRIu64 " KiB: %d bytes an event and %d MiB\n",
            peak_kib(), allowed >> 10, EVENT_BYTES, WINDOW_BYTES >> 20);
}

static void put_stats(const struct show *s)
{
    FILE *out = s->plain || s->json ? stderr : stdout;
    vitro_decode_stats st;

    vitro_decode_stats_get(s->decode, &st);
    fprintf(out,
            "packets %" PRIu64 " connections %" PRIu64 " events %" PRIu64 " frames %" PRIu64
            " headers %" PRIu64 " messages %" PRIu64 " unknown %" PRIu64 " lost %" PRIu64 "\n",
            st.packets, st.connections, st.events, st.frames, st.headers, st.messages, st.unknown,
            st.lost);
    put_memory(&st, out);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Nothing is ready: wait. So long after the last that was, nothing waits for a hello any more. */
static void wait_for_more(struct show *s, struct pollfd *more, int *idle)
{
    int lag = lag_wait(&s->lag, now_ms()), wait = *idle < IDLE_MS ? IDLE_MS : -1;

    if (lag >= 0)
        poll(NULL, 0, lag);
    else if (poll(more, 1, wait) == 0) {
        *idle = IDLE_MS;
        vitro_decode_idle(s->decode);
    }
}

/* As it comes: what was told is out, and secrets are asked for, before more is waited for. */
static vitro_code take_all(struct show *s, vitro_error *err)
{
    struct pollfd more = { source_wait_fd(s->source), POLLIN, 0 };
    uint64_t size;
    vitro_code rc = VITRO_OK;
    int idle = 0;

    s->limit = 0;
    while (!rc && source_grow(s->source, &size)) {
        lag_take(&s->lag, size, true, now_ms());
        keylog_feed(&s->keylog, s->decode, false);
        if (s->lag.ready == s->limit) {
            wait_for_more(s, &more, &idle);
            continue;
        }
        s->limit = s->lag.ready;
        rc = vitro_decode_advance(s->decode, err);
        fflush(stdout);
        idle = 0;
    }
    s->limit = s->lag.come = UINT64_MAX;
    keylog_feed(&s->keylog, s->decode, true);
    if (s->keylog.asked && !s->keylog.opened)
        command_fail(s->command, s->keylog.path, strerror(s->keylog.why),
                     "nothing was opened with it");
    return rc ? rc : vitro_decode_finish(s->decode, err);
}

static void say_of(const struct show *s, uint64_t n, uint64_t of, const char *what,
                   const char *advice)
{
    char why[160];

    if (!n)
        return;
    snprintf(why, sizeof why, "%" PRIu64 " of %" PRIu64 " TLS connections not opened, or in part%s",
             n, of, what);
    command_fail(s->command, s->name, why, advice);
}

static const char *secrets_advice(const struct show *s)
{
    if (!s->keylog.path)
        return "give the key log that a program wrote (SSLKEYLOGFILE=FILE) with --keylog FILE";
    return s->follows ? "that key log had no secrets of theirs when they came"
                      : "that key log has no secrets of theirs";
}

/* What a key log would show is not seen to be missing from the events alone. */
static void say_sealed(const struct show *s)
{
    vitro_decode_stats st;

    vitro_decode_stats_get(s->decode, &st);
    say_of(s, st.sealed_unknown, st.tls, "", secrets_advice(s));
    say_of(s, st.sealed_wrong, st.tls, ": their secrets do not open them",
           "were they changed, or are bytes missing?");
    say_of(s, st.sealed_unseen, st.tls, ": their handshake is not in the capture",
           "begin it before they do");
    say_of(s, st.sealed - st.sealed_unknown - st.sealed_wrong - st.sealed_unseen, st.tls,
           ": their cipher suite is not opened here", NULL);
}

static int run_stream(struct show *s)
{
    vitro_error err = { 0 };
    char text[512];
    vitro_code rc;

    s->ndjson.live = s->live;
    if (s->json)
        ndjson_begin(&s->ndjson, s->name, s->keylog.path);
    rc = take_all(s, &err);
    if (source_error(s->source)) {
        err = *source_error(s->source);
        rc = err.code;
    }
    if (rc)
        vitro_error_format(&err, text, sizeof text);
    say_sealed(s);
    if (s->json)
        ndjson_end(&s->ndjson, s->decode, rc ? text : NULL);
    if (s->stats)
        put_stats(s);
    if (fflush(stdout) || ferror(stdout)) {
        command_fail(s->command, "stdout", "cannot be written", NULL);
        return EXIT_SYSTEM;
    }
    if (!rc)
        return EXIT_DONE;
    command_fail(s->command, s->name, text,
                 rc == VITRO_DATA_LOSS ? "everything before the cut was shown" : NULL);
    return EXIT_SYSTEM;
}

int show_run(struct show *s)
{
    /* What is watched without a log has its secrets first, or none; who writes to a pipe may not.
     */
    s->lag.wanted = s->follows && (s->keylog.path || !s->live);
    return s->screen ? run_screen(s) : run_stream(s);
}
