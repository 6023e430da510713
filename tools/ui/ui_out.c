/*
 * ui_out - what leaves the screen: copies, and files of what is shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ndjson.h"
#include "print.h"
#include "ui/study.h"
#include "ui/ui.h"
#include "ui/view.h"
#include "ui/write_pcapng.h"

enum { BYTES_MOST = 65536 };

static void put_bytes(FILE *out, const struct model *m)
{
    struct range all = { 0, m->bytes.length };
    const struct line *line = m->line < m->count ? &m->lines[m->line] : NULL;
    const struct range *at = line && line->ranges ? line->at : &all;
    int n = line && line->ranges ? line->ranges : 1;
    uint64_t put = 0;

    for (int i = 0; i < n; i++) {
        for (uint64_t k = at[i].lo; k < at[i].hi && put < BYTES_MOST; k++, put++) {
            uint8_t b;
            if (vitro_decode_bytes(m->d, &m->bytes, k, &b, 1, NULL) == 1)
                fprintf(out, "%s%02x", put ? " " : "", b);
        }
    }
}

char *ui_copy_text(struct ui *ui)
{
    struct model *m = &ui->m;
    struct printer p = { .language = m->language };
    vitro_event ev, first;
    char *text = NULL;
    size_t size;

    if (!vitro_decode_event(m->d, m->pick, &ev) || !vitro_decode_event(m->d, 1, &first) ||
        model_masked(m, m->pick))
        return NULL;
    p.out = open_memstream(&text, &size);
    if (!p.out)
        return NULL;
    p.timed = true;
    p.start = first.time;
    if (m->focus == PANE_TREE && m->line < m->count)
        fputs(m->lines[m->line].text, p.out);
    else if (m->focus == PANE_BYTES)
        put_bytes(p.out, m);
    else
        print_event(&p, m->d, &ev);
    fclose(p.out);
    return text;
}

static bool ends(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && strcmp(text + n - k, end) == 0;
}

static void write_events(struct ui *ui, FILE *out, bool json)
{
    struct model *m = &ui->m;
    struct printer p = { .out = out, .language = m->language, .timed = true };
    struct ndjson j = { .out = out, .hpack = true };
    vitro_event ev;

    vitro_decode_event(m->d, 1, &ev);
    p.start = ev.time;
    if (json)
        ndjson_begin(&j, m->name, NULL);
    for (size_t i = 0; vitro_decode_event(m->d, model_at(m, i), &ev); i++) {
        if (json)
            ndjson_event(&j, m->d, &ev);
        else
            print_event(&p, m->d, &ev);
    }
    if (json)
        ndjson_end(&j, m->d, NULL);
}

enum form { FORM_NONE, FORM_TEXT, FORM_JSON, FORM_PCAPNG };

static enum form form_of(const char *path)
{
    if (ends(path, ".pcapng"))
        return FORM_PCAPNG;
    if (ends(path, ".json") || ends(path, ".ndjson"))
        return FORM_JSON;
    return ends(path, ".txt") ? FORM_TEXT : FORM_NONE;
}

/* A number of what was written: packets or events; -1: it could not be made. */
static int64_t write_form(struct ui *ui, FILE *out, enum form form)
{
    if (form == FORM_PCAPNG)
        return write_pcapng(&ui->m, out);
    write_events(ui, out, form == FORM_JSON);
    return (int64_t)model_count(&ui->m);
}

/* A file that came up meanwhile stays, where the file system can say so. */
static bool give_name(const char *from, const char *to, bool over)
{
    if (over)
        return rename(from, to) == 0;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    return errno == EINVAL && rename(from, to) == 0;
}

/*
 * Under another name first: what is written over may be the very capture that is shown, and a disk
 * that is full costs nobody the file that was there.
 */
static bool write_whole(struct ui *ui, const char *path, enum form form, bool over, int64_t *count)
{
    char temporary[PATH_TEXT + 16];
    FILE *out;
    int fd, why;
    bool bad;

    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    fd = mkostemp(temporary, O_CLOEXEC);
    out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out)
        return false;
    *count = write_form(ui, out, form);
    why = errno;
    bad = ferror(out) || *count < 0;
    bad |= fclose(out) != 0;
    if (!bad && give_name(temporary, path, over))
        return true;
    why = *count < 0 ? why : errno;
    unlink(temporary);
    errno = why;
    return false;
}

/* "~/x" as a shell has it. */
static void expand(const char *path, char *out, size_t size)
{
    const char *home = getenv("HOME");

    if (path[0] == '~' && path[1] == '/' && home && *home)
        snprintf(out, size, "%s%s", home, path + 1);
    else
        snprintf(out, size, "%s", path);
}

void ui_write(struct ui *ui, const char *typed, bool over)
{
    struct model *m = &ui->m;
    char path[PATH_TEXT];
    enum form form;
    int64_t count = 0;

    expand(typed, path, sizeof path);
    form = form_of(path);

    if (form == FORM_NONE) {
        model_say(m, "%s",
                  view_word(m, "the name says the form: .pcapng, .txt or .json",
                            "이름의 끝이 형식을 정함: .pcapng, .txt, .json"));
        return;
    }
    if (m->filtered && m->scanned < vitro_decode_count(m->d)) {
        model_say(m, "%s",
                  view_word(m, "the filter is still at work: write when it is done",
                            "거르는 중: 끝난 다음에 쓰기"));
        return;
    }
    if (m->study && study_masks_some(m->study)) {
        model_say(m, "%s",
                  view_word(m, "a question masks some of it: write when it is answered",
                            "질문이 일부를 가리고 있음: 답한 다음에 쓰기"));
        return;
    }
    if (!over && access(path, F_OK) == 0) {
        snprintf(ui->path, sizeof ui->path, "%s", path);
        ui_prompt_open(ui, 'o', "");
    } else if (!write_whole(ui, path, form, over, &count)) {
        model_say(m, "%s: %s", path, strerror(errno));
    } else {
        model_say(m, "%s: %" PRId64 "%s", path, count,
                  form == FORM_PCAPNG ? view_word(m,
                                                  count == 1 ? " packet written, and all notes"
                                                             : " packets written, and all notes",
                                                  "개 패킷과 모든 노트를 씀")
                                      : view_word(m, " events written", "개 이벤트를 씀"));
    }
}
