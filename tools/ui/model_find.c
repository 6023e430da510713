/*
 * model_find - the events that a filter leaves and the one that a search finds, a slice at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "ui/facts.h"
#include "ui/model_inside.h"
#include "ui/study.h"

enum { COST_BYTES = 4096 };

static const char *word(const struct model *m, const char *english, const char *korean)
{
    return m->language == VITRO_KOREAN ? korean : english;
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

bool model_scan(struct model *m)
{
    uint32_t n = vitro_decode_count(m->d);
    size_t had = m->shown_count;
    uint64_t cost = 0;

    while (cost < MODEL_SLICE && m->scanned < n) {
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
        model_select(m, model_place(m, m->wanted));
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
    model_scan(m); /* a short capture is done at once */
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
    for (; cost < MODEL_SLICE && m->search_left; cost += cost_of(&ev), m->search_left--) {
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
        changed |= model_scan(m);
    if (m->searching)
        changed |= search_on(m);
    if (m->moment_seen && !m->moment_there && !m->searching &&
        !(m->sifted && m->scanned < vitro_decode_count(m->d)))
        changed = m->moment_there = moment_walk(&m->moment, MODEL_SLICE);
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
        model_scan(m);
    }
    m->sifted = m->study != NULL;
    model_go(m, m->wanted ? m->wanted : m->pick);
    m->place = model_place(m, m->pick);
    m->wanted = 0;
    model_say(
        m, "%s",
        word(m, "filter stopped: all is shown, f goes on", "거르기 멈춤: 모두 보임, f로 계속"));
}
