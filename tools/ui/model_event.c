/*
 * model_event - the selected event: its fields as lines, and the bytes that each came from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "print.h"
#include "ui/model_inside.h"

enum { PARTS = 16 };

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

void model_drop_lines(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->lines[i].text);
    free(m->lines);
    m->lines = NULL;
    m->count = 0;
}

void model_load(struct model *m)
{
    vitro_detail dt;

    model_drop_lines(m);
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
    m->moment_there = moment_walk(&m->moment, MODEL_SLICE);
}

void model_again(struct model *m)
{
    size_t line = m->line;

    model_load(m);
    model_line(m, line);
}

/* ---- lines and bytes ------------------------------------------------------------------------- */

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
