#include "ui/model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "ui/grid.h"
#include "ui/model_inside.h"
#include "ui/study.h"

void model_init(struct model *m, vitro_decode *d, vitro_language language, const char *name)
{
    memset(m, 0, sizeof *m);
    m->d = d;
    m->language = language;
    m->name = name;
    m->depth = 2;
    m->info = INFO_EXPLAIN;
    moment_init(&m->moment, d);
}

void model_study(struct model *m, struct study *study)
{
    m->study = study;
    m->sifted = true;
    m->info = INFO_TEXT;
}

void model_done(struct model *m)
{
    model_drop_lines(m);
    moment_done(&m->moment);
    free(m->shown);
    memset(m, 0, sizeof *m);
}

void model_say(struct model *m, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(m->message, sizeof m->message, format, args);
    va_end(args);
}

/* ---- the list -------------------------------------------------------------------------------- */

static size_t held_count(const struct model *m)
{
    return m->study ? m->study->held_count : 0;
}

bool model_held(const struct model *m, uint32_t number)
{
    return m->study && study_holds(m->study, number);
}

bool model_masked(const struct model *m, uint32_t number)
{
    return m->study && study_masks(m->study, number);
}

uint32_t model_number(const struct model *m, uint32_t event)
{
    return m->study ? study_number(m->study, event) : event;
}

uint32_t model_numbered(const struct model *m, uint32_t number)
{
    return m->study ? study_event(m->study, number) : number;
}

size_t model_count(const struct model *m)
{
    return m->sifted ? m->shown_count + held_count(m) : vitro_decode_count(m->d);
}

uint32_t model_at(const struct model *m, size_t place)
{
    if (place >= model_count(m))
        return 0;
    if (!m->sifted)
        return (uint32_t)(place + 1);
    return place < m->shown_count ? m->shown[place] : m->study->held[place - m->shown_count].event;
}

size_t model_place(const struct model *m, uint32_t number)
{
    size_t lo = 0, hi = m->shown_count;

    if (!m->sifted)
        return number ? number - 1 : 0;
    for (size_t i = 0; i < held_count(m); i++) {
        if (m->study->held[i].event == number)
            return m->shown_count + i;
    }
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->shown[mid] < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static enum style style_of(const vitro_event *ev)
{
    if (ev->kind == VITRO_EVENT_NOTE)
        return ST_NOTE;
    if (ev->kind == VITRO_EVENT_UNKNOWN || ev->why)
        return ST_BAD;
    return ev->dir == VITRO_C2S ? ST_C2S : ST_S2C;
}

/* On the wire, or held before it; a preface that is held has neither type nor stream. */
static bool is_frame(const vitro_event *ev)
{
    return ev->kind == VITRO_EVENT_FRAME ||
           (ev->bits & VITRO_EVENT_HELD && (ev->type || ev->stream));
}

static void row_title(const vitro_event *ev, const vitro_detail *dt, struct row *out)
{
    const char *mark = "", *before = ev->kind == VITRO_EVENT_TCP    ? "TCP "
                                     : ev->kind == VITRO_EVENT_GRPC ? "gRPC "
                                                                    : "";
    int n = (int)MIN(dt->title.len, 150);

    if (ev->kind == VITRO_EVENT_GRPC && dt->path.len) {
        n = (int)MIN(dt->path.len, 150);
        snprintf(out->title, sizeof out->title, "gRPC %.*s", n, dt->path.ptr);
        return;
    }
    if (is_frame(ev) && (ev->type == 0 || ev->type == 1) && (ev->flags & 1))
        mark = " END";
    else if (is_frame(ev) && (ev->type == 4 || ev->type == 6) && (ev->flags & 1))
        mark = " ACK";
    snprintf(out->title, sizeof out->title, "%s%.*s%s",
             out->held                     ? ""
             : ev->bits & VITRO_EVENT_HELD ? "held "
                                           : before,
             n, dt->title.ptr, mark);
}

/* Its connection where there are several, its stream, and how long it is. */
static void row_tail(const struct model *m, const vitro_event *ev, struct row *out)
{
    uint64_t n = ev->length;
    vitro_decode_stats stats;
    struct text t;

    vitro_text_init(&t, out->tail, sizeof out->tail);
    vitro_decode_stats_get(m->d, &stats);
    if (stats.connections > 1 && ev->conn != VITRO_NO_CONN)
        vitro_text_add(&t, "c%" PRIu32 " ", ev->conn);
    if (is_frame(ev))
        n = n > 9 ? n - 9 : 0;
    if ((ev->kind == VITRO_EVENT_NOTE && !(ev->bits & VITRO_EVENT_HELD)) ||
        (ev->kind == VITRO_EVENT_TCP && !n))
        return;
    if (ev->stream)
        vitro_text_add(&t, "s%" PRIu32 " ", ev->stream);
    vitro_text_add(&t, "%4" PRIu64, n);
}

void model_row(const struct model *m, uint32_t number, struct row *out)
{
    vitro_event ev;
    vitro_detail dt;

    memset(out, 0, sizeof *out);
    if (!vitro_decode_event(m->d, number, &ev) || vitro_decode_brief(m->d, &ev, &dt, NULL))
        return;
    out->number = number;
    out->arrow = '*';
    if (ev.conn != VITRO_NO_CONN)
        out->arrow = ev.dir == VITRO_C2S ? '>' : '<';
    out->style = (uint8_t)style_of(&ev);
    out->bad = ev.why || ev.kind == VITRO_EVENT_UNKNOWN || (ev.bits & ~VITRO_EVENT_HELD);
    out->held = model_held(m, number);
    if (model_masked(m, number)) {
        snprintf(out->title, sizeof out->title, "????????");
        return;
    }
    row_title(&ev, &dt, out);
    row_tail(m, &ev, out);
}

/* ---- where the cursor is --------------------------------------------------------------------- */

void model_select(struct model *m, size_t place)
{
    size_t n = model_count(m);
    uint32_t number;

    if (!n) {
        m->pick = 0;
        m->place = 0;
        model_load(m);
        return;
    }
    m->place = MIN(place, n - 1);
    number = model_at(m, m->place);
    if (number == m->pick)
        return;
    m->pick = number;
    model_load(m);
}

bool model_go(struct model *m, uint32_t number)
{
    if (!number || number > vitro_decode_count(m->d))
        return false;
    model_select(m, model_place(m, number));
    return m->pick == number;
}

bool model_drill(struct model *m)
{
    vitro_event ev;

    for (uint32_t i = m->pick + 1; i < m->pick + 4096 && vitro_decode_event(m->d, i, &ev); i++) {
        if (ev.parent == m->pick)
            return model_go(m, i);
    }
    return false;
}

bool model_rise(struct model *m)
{
    return m->ev.parent && model_go(m, m->ev.parent);
}

void model_grown(struct model *m)
{
    size_t n;

    if (m->study && m->scanned < vitro_decode_count(m->d)) {
        model_scan(m);
        m->place = model_place(m, m->pick); /* what is held moves on when something happens */
    }
    n = model_count(m);
    if (m->follow && n)
        model_select(m, n - 1);
    else if (!m->pick && n)
        model_select(m, 0);
}
