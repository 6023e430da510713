/*
 * view_bytes - the bytes of the selected event, or what was made of them when the selected field
 * stands there; those of the field stand out.
 */
#include "ui/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROW_MOST = 16, OFFSET = 6 };

/* The offset of the first byte. What is not sent yet has none but its own. */
static uint64_t base_of(const struct model *m)
{
    return model_held(m, m->pick) ? 0 : m->bytes.offset;
}

/* Where the bytes begin behind the offset. */
static int offset_columns(const struct model *m)
{
    int n = 4;

    for (uint64_t end = (base_of(m) + m->bytes.length) >> 16; end; end >>= 4)
        n++;
    return n + 2;
}

int view_bytes_in_row(int width)
{
    return width >= OFFSET + ROW_MOST * 4 + 2 ? ROW_MOST : 8;
}

int view_bytes_column(const struct model *m, int width, int x)
{
    int wide = view_bytes_in_row(width), left = offset_columns(m);
    int text = left + wide * 3 + (wide > 8) + 1;

    for (int i = 0; i < wide; i++) {
        int at = left + i * 3 + (i >= 8);
        if ((x >= at && x < at + 2) || x == text + i)
            return i;
    }
    return -1;
}

static bool within(const struct model *m, uint64_t byte)
{
    const struct line *line;

    if (m->line >= m->count)
        return false;
    line = &m->lines[m->line];
    for (int i = 0; i < line->ranges; i++) {
        if (byte >= line->at[i].lo && byte < line->at[i].hi)
            return true;
    }
    return false;
}

static enum style style_at(const struct model *m, uint64_t byte)
{
    if (byte == m->byte && m->focus == PANE_BYTES)
        return ST_PICK;
    return within(m, byte) ? ST_MARK : ST_TEXT;
}

static void put_row(struct area a, const struct model *m, int y, uint64_t from, int wide)
{
    uint64_t rest = m->bytes.length - from;
    size_t want = rest < (uint64_t)wide ? (size_t)rest : (size_t)wide, missing = 0;
    uint8_t b[ROW_MOST];
    size_t n = vitro_decode_bytes(m->d, &m->bytes, from, b, want, &missing);
    int left = offset_columns(m), text = left + wide * 3 + (wide > 8) + 1;

    area_put(a, y, 0, ST_DIM, "%04" PRIx64, base_of(m) + from);
    for (size_t i = 0; i < n; i++) {
        enum style st = style_at(m, from + i);
        int x = left + (int)i * 3 + (i >= 8);
        bool joined = i + 1 < n && st != ST_TEXT && style_at(m, from + i + 1) == st;
        area_put(a, y, x, st, missing == n ? "??" : "%02x", b[i]);
        if (joined)
            area_put(a, y, x + 2, st, "%s", i == 7 ? "  " : " ");
        area_put(a, y, text + (int)i, st, "%c", b[i] >= 0x20 && b[i] < 0x7f ? b[i] : '.');
    }
}

/* Why there are none; of a note what it says, which the list cuts. */
static void put_no_bytes(struct area a, const struct model *m)
{
    vitro_explanation e;
    int y = 0;

    if (!m->pick)
        return;
    if (model_masked(m, m->pick)) {
        for (; y < 4 && y < a.h; y++)
            area_put(a, y, 0, ST_DIM, "?? ?? ?? ?? ?? ?? ?? ??");
        area_wrap(area_part(a, y, 0, a.h - y, a.w), 0, ST_TEXT,
                  vitro_str_of(view_word(m, "masked, until the question is answered or it is sent",
                                         "질문에 답하거나 보낼 때까지 가려 둠")));
        return;
    }
    if (m->ev.kind != VITRO_EVENT_NOTE) {
        area_put(a, 0, 0, ST_DIM, "%s", view_word(m, "no bytes above TCP", "TCP 위의 바이트 없음"));
        return;
    }
    y = area_wrap(a, y, ST_KEY, vitro_str_of(m->title));
    if (vitro_explain(m->key, m->language, &e))
        y = area_wrap(a, y, ST_TEXT, vitro_str_of(e.text));
    area_put(a, y, 0, ST_DIM, "%s",
             view_word(m, "(a note: no byte shows this)", "(기록: 바이트에는 나타나지 않음)"));
}

void view_bytes(struct area a, const struct model *m)
{
    int wide = view_bytes_in_row(a.w);
    uint64_t rows, top;
    char name[64], head[128];

    vitro_span_name(&m->bytes, name, sizeof name);
    if (!m->pick || (m->study && m->ev.kind == VITRO_EVENT_NOTE && !model_held(m, m->pick)))
        snprintf(head, sizeof head, "%s", view_word(m, "bytes", "바이트"));
    else
        snprintf(head, sizeof head, "%s %s %04" PRIx64 "+%" PRIu64, view_word(m, "bytes", "바이트"),
                 model_held(m, m->pick) ? view_word(m, "not yet sent", "아직 보내지 않음") : name,
                 base_of(m), m->bytes.length);
    a = view_head(a, m, PANE_BYTES, head);
    if (!m->pick || model_masked(m, m->pick) || !model_has_bytes(m)) {
        put_no_bytes(area_part(a, 0, 1, a.h, a.w - 2), m);
        return;
    }
    rows = (m->bytes.length + (uint64_t)wide - 1) / (uint64_t)wide;
    top = view_scroll(m->top[PANE_BYTES], (size_t)(m->byte / (uint64_t)wide), (size_t)rows, a.h);
    for (int y = 0; y < a.h && top + (uint64_t)y < rows; y++)
        put_row(a, m, y, (top + (uint64_t)y) * (uint64_t)wide, wide);
}
