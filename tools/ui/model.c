#include "ui/model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "print.h"
#include "ui/facts.h"
#include "ui/grid.h"
#include "ui/study.h"

enum { SLICE = 1024, COST_BYTES = 4096, PARTS = 16 };

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

static void drop_lines(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->lines[i].text);
    free(m->lines);
    m->lines = NULL;
    m->count = 0;
}

void model_study(struct model *m, struct study *study)
{
    m->study = study;
    m->sifted = true;
    m->info = INFO_TEXT;
}

void model_done(struct model *m)
{
    drop_lines(m);
    moment_done(&m->moment);
    free(m->shown);
    memset(m, 0, sizeof *m);
}

static const char *word(const struct model *m, const char *english, const char *korean)
{
    return m->language == VITRO_KOREAN ? korean : english;
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

/* The place of an event, or of the next one shown. */
static size_t place_of(const struct model *m, uint32_t number)
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

static void row_tail(const vitro_event *ev, struct row *out)
{
    uint64_t n = ev->length;

    if (is_frame(ev))
        n = n > 9 ? n - 9 : 0;
    if ((ev->kind == VITRO_EVENT_NOTE && !(ev->bits & VITRO_EVENT_HELD)) ||
        (ev->kind == VITRO_EVENT_TCP && !n))
        return;
    if (ev->stream)
        snprintf(out->tail, sizeof out->tail, "s%" PRIu32 " %4" PRIu64, ev->stream, n);
    else
        snprintf(out->tail, sizeof out->tail, "%4" PRIu64, n);
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
    row_tail(&ev, out);
}

/* ---- the selected event ---------------------------------------------------------------------- */

static void add_range(struct line *line, uint64_t lo, uint64_t hi)
{
    if (line->ranges && line->at[line->ranges - 1].hi == lo) {
        line->at[line->ranges - 1].hi = hi;
        return;
    }
    if (line->ranges < LINE_RANGES && lo < hi)
        line->at[line->ranges++] = (struct range){ lo, hi };
}

/* Bytes that are none of those below them, but made of them. */
static bool is_made(const vitro_span *span)
{
    return span->source == VITRO_SOURCE_RECORD || span->source == VITRO_SOURCE_INFLATED ||
           span->source == VITRO_SOURCE_HANDSHAKE;
}

static void range_made(struct model *m, const vitro_span *span, struct line *line)
{
    uint64_t end = span->offset + span->length;

    line->made = true;
    add_range(line, span->offset, end);
    end = MAX(end, m->made.length);
    m->made = *span;
    m->made.offset = 0;
    m->made.length = end;
}

/* The bytes of a span within the event's own, through the ropes between them. */
static void ranges_of(const struct model *m, const vitro_span *span, struct line *line, int depth)
{
    vitro_span parts[PARTS];
    size_t n;
    uint64_t lo, hi, end = m->ev.offset + m->ev.length;

    if (span->source == m->ev.source && span->source != VITRO_SOURCE_BLOCK) {
        lo = MAX(span->offset, m->ev.offset);
        hi = MIN(span->offset + span->length, end);
        if (span->dir == m->ev.dir && lo < hi)
            add_range(line, lo - m->ev.offset, hi - m->ev.offset);
        return;
    }
    if (span->source <= m->ev.source || depth > 4)
        return;
    n = vitro_decode_parts(m->d, span, parts, PARTS);
    for (size_t i = 0; i < MIN(n, PARTS); i++)
        ranges_of(m, &parts[i], line, depth + 1);
}

static char *text_of(const struct model *m, const vitro_item *item)
{
    struct printer p = { .language = m->language };
    char *text = NULL;
    size_t size;

    p.out = open_memstream(&text, &size);
    if (!p.out)
        return NULL;
    print_item(&p, item);
    fclose(p.out);
    return text;
}

/* Of a note, what a learner has nothing from: how the trace keeps it, and what is said already. */
static bool is_of_trace(const struct model *m, const vitro_item *item)
{
    static const char *const names[] = { "__REALTIME_TIMESTAMP", "MESSAGE", "VITRO_NS", "VITRO_IN",
                                         "VITRO_OUT" };

    if (!m->study || m->ev.kind != VITRO_EVENT_NOTE)
        return false;
    if (m->ev.bits & VITRO_EVENT_HELD) /* it is shown as the frame that it is */
        return strncmp(item->name, "VITRO_", 6) == 0 || strcmp(item->name, names[0]) == 0 ||
               strcmp(item->name, names[1]) == 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(item->name, names[i]) == 0)
            return true;
    }
    return false;
}

static void copy_line(struct model *m, const vitro_item *item)
{
    struct line *line = &m->lines[m->count];

    if (is_of_trace(m, item))
        return;
    memset(line, 0, sizeof *line);
    line->text = text_of(m, item);
    if (!line->text)
        return;
    snprintf(line->key, sizeof line->key, "%s", item->key ? item->key : "");
    line->depth = item->depth;
    line->derived = item->bits & VITRO_ITEM_DERIVED;
    line->unknown = item->bits & VITRO_ITEM_UNKNOWN;
    if (!line->derived && is_made(&item->span))
        range_made(m, &item->span, line);
    else if (!line->derived)
        ranges_of(m, &item->span, line, 0);
    m->count++;
}

static void load(struct model *m)
{
    vitro_detail dt;

    drop_lines(m);
    m->line = 0;
    m->byte = 0;
    m->top[PANE_TREE] = m->top[PANE_BYTES] = m->top[PANE_INFO] = 0;
    m->title[0] = m->key[0] = m->why[0] = 0;
    if (!vitro_decode_event(m->d, m->pick, &m->ev) || model_masked(m, m->pick) ||
        vitro_decode_detail(m->d, &m->ev, &dt, NULL))
        return;
    snprintf(m->title, sizeof m->title, "%.*s", (int)MIN(dt.title.len, 255), dt.title.ptr);
    snprintf(m->key, sizeof m->key, "%s", dt.key ? dt.key : "");
    snprintf(m->why, sizeof m->why, "%s", dt.why ? dt.why : "");
    m->bytes = vitro_event_span(&m->ev);
    m->made = (vitro_span){ .length = 0 };
    m->lines = dt.count ? calloc(dt.count, sizeof *m->lines) : NULL;
    for (size_t i = 0; m->lines && i < dt.count; i++)
        copy_line(m, &dt.items[i]);
    moment_ask(&m->moment, &m->ev);
    m->moment_there = moment_walk(&m->moment, SLICE);
}

void model_again(struct model *m)
{
    size_t line = m->line;

    load(m);
    model_line(m, line);
}

void model_select(struct model *m, size_t place)
{
    size_t n = model_count(m);
    uint32_t number;

    if (!n) {
        m->pick = 0;
        m->place = 0;
        load(m);
        return;
    }
    m->place = MIN(place, n - 1);
    number = model_at(m, m->place);
    if (number == m->pick)
        return;
    m->pick = number;
    load(m);
}

bool model_go(struct model *m, uint32_t number)
{
    if (!number || number > vitro_decode_count(m->d))
        return false;
    model_select(m, place_of(m, number));
    return m->pick == number;
}

bool model_open(const struct model *m, size_t line)
{
    return line < m->count && m->lines[line].depth < m->depth;
}

void model_line(struct model *m, size_t line)
{
    if (line >= m->count)
        return;
    while (line > 0 && !model_open(m, line))
        line--;
    m->line = line;
    m->bytes = m->lines[line].made ? m->made : vitro_event_span(&m->ev);
    if (m->lines[line].ranges)
        m->byte = m->lines[line].at[0].lo;
    else
        m->byte = MIN(m->byte, m->bytes.length ? m->bytes.length - 1 : 0);
}

/* The narrowest open line with this byte of those that are looked at. */
static size_t line_with(const struct model *m, uint64_t byte)
{
    uint64_t best = UINT64_MAX;
    size_t found = m->line;

    for (size_t i = 0; i < m->count; i++) {
        if (m->lines[i].made != is_made(&m->bytes))
            continue;
        for (int k = 0; k < m->lines[i].ranges; k++) {
            const struct range *r = &m->lines[i].at[k];
            if (model_open(m, i) && byte >= r->lo && byte < r->hi && r->hi - r->lo <= best) {
                best = r->hi - r->lo;
                found = i;
            }
        }
    }
    return found;
}

bool model_has_bytes(const struct model *m)
{
    return m->ev.bits & VITRO_EVENT_HELD ||
           (m->ev.kind != VITRO_EVENT_TCP && m->ev.kind != VITRO_EVENT_NOTE);
}

void model_byte(struct model *m, uint64_t byte)
{
    if (!m->bytes.length || !model_has_bytes(m))
        return;
    m->byte = MIN(byte, m->bytes.length - 1);
    m->line = line_with(m, m->byte);
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

/* ---- filter ---------------------------------------------------------------------------------- */

/* What decoding an event costs: a large message as much as many small ones. */
static uint64_t cost_of(const vitro_event *ev)
{
    return ev->kind == VITRO_EVENT_PROTOBUF ? 1 + ev->length / COST_BYTES : 1;
}

static bool matches(struct model *m, uint32_t number, uint64_t *cost)
{
    vitro_event ev;
    struct facts f = { .d = m->d, .ev = &ev };
    bool match;

    ++*cost;
    if (!vitro_decode_event(m->d, number, &ev) || (m->study && study_hides(m->d, &ev)))
        return false;
    match = filter_match(&m->filter, facts_of, &f);
    if (f.decoded)
        *cost += cost_of(&ev);
    return match;
}

static bool show(struct model *m, uint32_t number)
{
    if (m->shown_count == m->shown_cap) {
        size_t n = m->shown_cap ? m->shown_cap * 2 : 256;
        uint32_t *p = realloc(m->shown, n * sizeof *p);
        if (!p)
            return false;
        m->shown = p;
        m->shown_cap = n;
    }
    m->shown[m->shown_count++] = number;
    return true;
}

static bool scan(struct model *m)
{
    uint32_t n = vitro_decode_count(m->d);
    size_t had = m->shown_count;
    uint64_t cost = 0;

    while (cost < SLICE && m->scanned < n) {
        m->scanned++;
        if (matches(m, m->scanned, &cost) && !show(m, m->scanned)) {
            m->scanned = n;
            model_say(m, "%s",
                      word(m, "out of memory: not all that match are shown",
                           "메모리가 모자람: 맞는 것이 모두 보이지는 않음"));
        }
    }
    if (had == 0 && m->shown_count)
        model_select(m, 0);
    if (m->wanted && m->scanned >= m->wanted) {
        model_select(m, place_of(m, m->wanted));
        m->wanted = 0;
    }
    return m->shown_count != had || m->scanned == n;
}

bool model_filter(struct model *m, const char *text, struct filter_error *err)
{
    struct filter f;
    uint32_t pick = m->pick;

    if (!filter_parse(&f, vitro_str_of(text), err))
        return false;
    m->filter = f;
    if (text != m->filter_text)
        snprintf(m->filter_text, sizeof m->filter_text, "%s", text);
    m->filtered = f.count > 0;
    m->sifted = m->filtered || m->study;
    m->shown_count = 0;
    m->scanned = 0;
    m->top[PANE_EVENTS] = 0;
    if (!m->sifted) {
        model_go(m, pick);
        m->place = pick ? pick - 1 : 0;
        return true;
    }
    m->pick = 0;
    m->wanted = pick;
    scan(m); /* a short capture is done at once */
    if (!m->shown_count)
        model_select(m, 0);
    return true;
}

/* ---- search ---------------------------------------------------------------------------------- */

void model_search(struct model *m, bool backwards)
{
    m->searching = m->search[0] && model_count(m);
    m->backwards = backwards;
    m->search_at = m->place;
    m->search_left = model_count(m);
    facts_search_begin(&m->seek, m->search);
    if (m->search[0] && !m->searching)
        model_say(m, "%s", word(m, "nothing to search in", "찾을 것이 없음"));
}

static void found(struct model *m)
{
    m->searching = false;
    model_select(m, m->search_at);
    for (size_t i = 0; i < m->count; i++) {
        if (facts_text_holds(vitro_str_of(m->lines[i].text), vitro_str_of(m->search))) {
            model_line(m, i);
            break;
        }
    }
}

static bool search_on(struct model *m)
{
    size_t n = model_count(m);
    uint64_t cost = 0;
    vitro_event ev;

    if (n == 0) /* the filter shows nothing */
        m->search_left = 0;
    for (; cost < SLICE && m->search_left; cost += cost_of(&ev), m->search_left--) {
        m->search_at = (m->search_at + (m->backwards ? n - 1 : 1)) % n;
        if (vitro_decode_event(m->d, model_at(m, m->search_at), &ev) &&
            !model_masked(m, ev.number) && facts_search_holds(&m->seek, m->d, &ev)) {
            found(m);
            return true;
        }
    }
    if (!m->search_left) {
        m->searching = false;
        model_say(m, "%s: %s", word(m, "not found", "없음"), m->search);
        return true;
    }
    return false;
}

/* ---- work ------------------------------------------------------------------------------------ */

bool model_busy(const struct model *m)
{
    return m->searching || (m->moment_seen && !m->moment_there) ||
           (m->sifted && m->scanned < vitro_decode_count(m->d));
}

bool model_work(struct model *m)
{
    bool changed = false;

    if (m->sifted && m->scanned < vitro_decode_count(m->d))
        changed |= scan(m);
    if (m->searching)
        changed |= search_on(m);
    if (m->moment_seen && !m->moment_there && !m->searching &&
        !(m->sifted && m->scanned < vitro_decode_count(m->d)))
        changed = m->moment_there = moment_walk(&m->moment, SLICE);
    return changed;
}

void model_stop(struct model *m)
{
    if (m->searching)
        model_say(m, "%s", word(m, "search stopped", "찾기 멈춤"));
    m->searching = false;
    if (!m->filtered || m->scanned >= vitro_decode_count(m->d))
        return;
    /* Half a list would look like a whole one. */
    m->filtered = false;
    if (m->study) {
        m->filter.count = 0;
        m->shown_count = m->scanned = 0;
        scan(m);
    }
    m->sifted = m->study != NULL;
    model_go(m, m->wanted ? m->wanted : m->pick);
    m->place = place_of(m, m->pick);
    m->wanted = 0;
    model_say(
        m, "%s",
        word(m, "filter stopped: all is shown, f goes on", "거르기 멈춤: 모두 보임, f로 계속"));
}

void model_grown(struct model *m)
{
    size_t n;

    if (m->study && m->scanned < vitro_decode_count(m->d)) {
        scan(m);
        m->place = place_of(m, m->pick); /* what is held moves on when something happens */
    }
    n = model_count(m);
    if (m->follow && n)
        model_select(m, n - 1);
    else if (!m->pick && n)
        model_select(m, 0);
}
