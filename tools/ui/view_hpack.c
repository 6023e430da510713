/*
 * view_hpack - the dynamic tables of both directions behind the selected event.
 */
#include "ui/view.h"

#include <inttypes.h>
#include <stdio.h>

enum { FIRST_DYNAMIC = 62 }; /* RFC 7541, 2.3.3 */

static void put_entry(struct area a, int y, const struct model *m, const struct entry *e,
                      size_t index)
{
    bool fresh = e->by == m->pick;
    int x;

    if (!e->name) {
        area_put(a, y, 0, ST_DIM, "%5zu %s", index,
                 view_word(m, "from before the capture", "캡처 이전의 항목"));
        return;
    }
    x = area_put(a, y, 0, fresh ? ST_OK : ST_TEXT, "%c%4zu ", fresh ? '+' : ' ', index);
    x = area_put(a, y, x, ST_DIM, "#%-4" PRIu32 "%3" PRIu32 " ", model_number(m, e->by), e->size);
    x = area_put(a, y, x, ST_KEY, "%s", e->name);
    area_put(a, y, x, fresh ? ST_OK : ST_TEXT, ": %s", e->value);
}

/* From before the capture, but a note has told it. */
static void put_old(struct area a, int y, const struct model *m, const struct entry *e,
                    size_t index)
{
    int x = area_put(a, y, 0, ST_TEXT, " %4zu ", index);

    x = area_put(a, y, x, ST_DIM, "%s %3" PRIu32 " ", view_word(m, "note", "메모"), e->size);
    x = area_put(a, y, x, ST_KEY, "%s", e->name);
    area_put(a, y, x, ST_TEXT, ": %s", e->value);
}

static int put_table(struct area a, int y, const struct model *m, int dir)
{
    const struct table *t = &m->moment.tables[dir];

    area_put(a, y++, 0, dir ? ST_S2C : ST_C2S,
             "%c %s: %zu %s %" PRIu32 "/%" PRIu32 " B +%" PRIu32 " -%zu", dir ? '<' : '>',
             dir ? view_word(m, "server", "서버") : view_word(m, "client", "클라이언트"), t->count,
             view_word(m, "fields", "필드"), t->size, t->limit, t->added, t->evicted_count);
    for (size_t i = 0; i < t->count; i++, y++)
        put_entry(a, y, m, &t->entries[t->count - 1 - i], FIRST_DYNAMIC + i);
    for (size_t i = 0; i < t->old_count; i++, y++)
        put_old(a, y, m, &t->olds[i], FIRST_DYNAMIC + (size_t)(t->inserted - t->olds[i].number));
    for (size_t i = 0; i < t->evicted_count; i++, y++)
        area_put(a, y, 0, ST_BAD, "-     #%-4" PRIu32 "%3" PRIu32 " %s: %s",
                 model_number(m, t->evicted[i].by), t->evicted[i].size,
                 t->evicted[i].name ? t->evicted[i].name : "?",
                 t->evicted[i].value ? t->evicted[i].value : "?");
    return y;
}

void view_hpack(struct area a, const struct model *m)
{
    int first = m->ev.dir;
    int y;

    a = view_head(a, m, PANE_INFO, view_word(m, "HPACK tables here", "이 순간의 HPACK 테이블"));
    if (!m->moment_there) {
        area_put(a, 0, 1, ST_DIM, "%s #%" PRIu32 " / %" PRIu32,
                 view_word(m, "working it out", "알아내는 중"), m->moment.at, m->moment.target);
        return;
    }
    y = -(int)m->top[PANE_INFO];
    y = put_table(a, y, m, first);
    put_table(a, y, m, !first);
}
