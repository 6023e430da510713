/*
 * ui_out - what leaves the screen: copies, and files of what is shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ndjson.h"
#include "print.h"
#include "ui/ui.h"

enum { BYTES_MOST = 65536 };

static void put_bytes(FILE *out, const struct model *m)
{
    vitro_span span = vitro_event_span(&m->ev);
    struct range all = { 0, m->ev.length };
    const struct line *line = m->line < m->count ? &m->lines[m->line] : NULL;
    const struct range *at = line && line->ranges ? line->at : &all;
    int n = line && line->ranges ? line->ranges : 1;
    uint64_t put = 0;

    for (int i = 0; i < n; i++) {
        for (uint64_t k = at[i].lo; k < at[i].hi && put < BYTES_MOST; k++, put++) {
            uint8_t b;
            if (vitro_decode_bytes(m->d, &span, k, &b, 1, NULL) == 1)
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

    if (!vitro_decode_event(m->d, m->pick, &ev) || !vitro_decode_event(m->d, 1, &first))
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
        ndjson_begin(&j, m->name);
    for (size_t i = 0; vitro_decode_event(m->d, model_at(m, i), &ev); i++) {
        if (json)
            ndjson_event(&j, m->d, &ev);
        else
            print_event(&p, m->d, &ev);
    }
    if (json)
        ndjson_end(&j, m->d, NULL);
}

void ui_write(struct ui *ui, const char *path)
{
    struct model *m = &ui->m;
    bool json = ends(path, ".json") || ends(path, ".ndjson"), bad;
    int fd;
    FILE *out;

    if (!json && !ends(path, ".txt")) {
        model_say(m, "the name says the form: .txt or .json");
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) {
        model_say(m, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return;
    }
    write_events(ui, out, json);
    bad = ferror(out);
    if (fclose(out) || bad)
        model_say(m, "%s: %s", path, strerror(errno));
    else
        model_say(m, "%zu events written to %s", model_count(m), path);
}
