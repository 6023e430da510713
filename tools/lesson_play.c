#include "lesson_play.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "schemas.h"
#include "ui/study.h"

enum { GRACE_MS = 300, STEP_MS = 10 };

/* ---- starting -------------------------------------------------------------------------------- */

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    struct lesson_play *p = user;

    if (offset >= p->limit)
        return (vitro_bytes){ NULL, 0 };
    if (len > p->limit - offset)
        len = (size_t)(p->limit - offset);
    return source_lend(offset, len, p->source);
}

static vitro_code open_decode(struct lesson_play *p, const char *name, vitro_error *err)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_code rc = source_open_fd(&p->source, p->run.fd, name, err);

    p->run.fd = -1;
    if (rc)
        return rc;
    options.lend = lend;
    options.user = p;
    options.keep = true;
    rc = vitro_decode_new(&p->decode, &options, err);
    return rc ? rc : schemas_add_shipped(p->decode, err);
}

vitro_code lesson_play_start(struct lesson_play *p, const struct lesson_play_options *options,
                             vitro_error *err)
{
    char real[] = "--real", seed[] = "--seed", number[24];
    char *argv[5] = { NULL };
    size_t n = 1;
    vitro_code rc;

    memset(p, 0, sizeof *p);
    p->words = memfd_create("vitro-lesson", MFD_CLOEXEC);
    p->run =
        (struct lesson_run){ .fd = -1, .hold = true, .unseen = options->unseen, .words = p->words };
    if (options->real)
        argv[n++] = real;
    if (options->seed) {
        snprintf(number, sizeof number, "%s", options->seed);
        argv[n++] = seed;
        argv[n] = number;
    }
    p->commands = -1;
    rc = lesson_run_start(&p->run, options->dir, argv, err);
    if (rc)
        return rc;
    p->commands = fcntl(p->run.fd, F_DUPFD_CLOEXEC, 3);
    return open_decode(p, options->name, err);
}

/* ---- while it runs --------------------------------------------------------------------------- */

void lesson_play_tell(struct lesson_play *p, unsigned wishes)
{
    static const struct {
        unsigned wish;
        const char *command;
    } rows[] = { { STUDY_HOLD, "hold\n" },
                 { STUDY_NEXT, "next\n" },
                 { STUDY_GO, "go\n" },
                 { STUDY_ASK, "ask\n" } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((wishes & rows[i].wish) && p->commands >= 0)
            (void)send(p->commands, rows[i].command, strlen(rows[i].command),
                       MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* The last line that the program printed; "": none. */
static void last_words(const struct lesson_play *p, char *out, size_t size)
{
    struct stat st;
    ssize_t n = 0;
    char *line;

    out[0] = '\0';
    if (p->words < 0 || fstat(p->words, &st) < 0)
        return;
    n = pread(p->words, out, size - 1, st.st_size < (off_t)size ? 0 : st.st_size - (off_t)size + 1);
    out[n > 0 ? n : 0] = '\0';
    while (n > 0 && out[n - 1] == '\n')
        out[--n] = '\0';
    line = strrchr(out, '\n');
    if (line)
        memmove(out, line + 1, strlen(line));
}

bool lesson_play_ended(struct lesson_play *p, vitro_error *err)
{
    char words[64];
    vitro_code rc;

    if (p->run.pid > 0 && !lesson_run_over(&p->run, &rc, err))
        return false;
    if (err->code) {
        last_words(p, words, sizeof words);
        if (words[0])
            (void)vitro_wrap(err, err->code, "said", "%s", words);
    }
    return true;
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* Politely, then for sure: a program that hangs must not outlive its lesson. */
static void end_child(struct lesson_play *p)
{
    vitro_error err = { 0 };
    vitro_code rc;

    if (p->run.pid <= 0)
        return;
    kill(p->run.pid, SIGTERM);
    kill(p->run.pid, SIGCONT);
    for (int ms = 0; ms < GRACE_MS; ms += STEP_MS) {
        if (lesson_run_over(&p->run, &rc, &err))
            return;
        poll(NULL, 0, STEP_MS);
    }
    kill(p->run.pid, SIGKILL);
    (void)lesson_run_wait(&p->run, &err);
}

void lesson_play_stop(struct lesson_play *p)
{
    bool begun = p->decode || p->source || p->run.pid > 0;

    if (begun && p->commands >= 0)
        close(p->commands);
    end_child(p);
    vitro_decode_free(p->decode);
    source_close(p->source);
    if (p->words > 0)
        close(p->words);
    memset(p, 0, sizeof *p);
    p->commands = p->words = -1;
}
