/*
 * frame_view - the walk along frame_layout.def that cuts a payload into parts, and what one
 * frame by itself shows to be wrong.
 */
#include "frame/frame.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

enum { ALWAYS = 0, PADDED = FRAME_PADDED, PRIORITY = FRAME_PRIORITY_FLAG };

/* Widths that are no number of bytes. */
enum { REST = 0x80, EACH_6, LENGTH, BITS_31 };

static const struct layout_row {
    uint8_t type, field, width, flag;
} rows[] = {
#define X(type, field, width, flag) { FRAME_##type, FRAME_FIELD_##field, width, flag },
#include "frame/frame_layout.def"
#undef X
};

enum {
#define X(type, field, width, flag) ROW_##type##_##field,
#include "frame/frame_layout.def"
#undef X
    ROW_COUNT
};

/* Where a type's rows begin, and which reasons its stream rule and its length rule give. */
static const struct type_row {
    uint8_t first, stream_wrong, length_wrong;
} types[] = {
    [FRAME_DATA] = { ROW_DATA_PAD_LENGTH, FRAME_WRONG_DATA_STREAM_0, FRAME_WRONG_PADDED_EMPTY },
    [FRAME_HEADERS] = { ROW_HEADERS_PAD_LENGTH, FRAME_WRONG_HEADERS_STREAM_0,
                        FRAME_WRONG_HEADERS_SHORT },
    [FRAME_PRIORITY] = { ROW_PRIORITY_DEPENDENCY, FRAME_WRONG_PRIORITY_STREAM_0,
                         FRAME_WRONG_PRIORITY_LENGTH },
    [FRAME_RST_STREAM] = { ROW_RST_STREAM_ERROR_CODE, FRAME_WRONG_RST_STREAM_STREAM_0,
                           FRAME_WRONG_RST_STREAM_LENGTH },
    [FRAME_SETTINGS] = { ROW_SETTINGS_SETTINGS, FRAME_WRONG_SETTINGS_STREAM,
                         FRAME_WRONG_SETTINGS_LENGTH },
    [FRAME_PUSH_PROMISE] = { ROW_PUSH_PROMISE_PAD_LENGTH, FRAME_WRONG_PUSH_PROMISE_STREAM_0,
                             FRAME_WRONG_PUSH_PROMISE_SHORT },
    [FRAME_PING] = { ROW_PING_OPAQUE, FRAME_WRONG_PING_STREAM, FRAME_WRONG_PING_LENGTH },
    [FRAME_GOAWAY] = { ROW_GOAWAY_LAST_STREAM, FRAME_WRONG_GOAWAY_STREAM,
                       FRAME_WRONG_GOAWAY_SHORT },
    [FRAME_WINDOW_UPDATE] = { ROW_WINDOW_UPDATE_INCREMENT, FRAME_WRONG_COUNT,
                              FRAME_WRONG_WINDOW_UPDATE_LENGTH },
    [FRAME_CONTINUATION] = { ROW_CONTINUATION_FRAGMENT, FRAME_WRONG_CONTINUATION_STREAM_0,
                             FRAME_WRONG_COUNT },
    [FRAME_ALTSVC] = { ROW_ALTSVC_ORIGIN_LENGTH, FRAME_WRONG_COUNT, FRAME_WRONG_ALTSVC_SHORT },
    [FRAME_ORIGIN] = { ROW_ORIGIN_ORIGINS, FRAME_WRONG_ORIGIN_STREAM, FRAME_WRONG_ORIGIN_SHORT },
    [FRAME_PRIORITY_UPDATE] = { ROW_PRIORITY_UPDATE_PRIORITIZED_STREAM,
                                FRAME_WRONG_PRIORITY_UPDATE_STREAM,
                                FRAME_WRONG_PRIORITY_UPDATE_SHORT },
};

/* A walk over one payload. */
struct walk {
    struct frame_view *v;
    struct frame_head head;
    vitro_bytes payload; /* what of it is there */
    uint32_t pos;
    uint32_t pad;        /* bytes of padding at the end */
    uint32_t last_value; /* of the field before */
};

static void wrong(struct frame_view *v, unsigned w)
{
    if (w < FRAME_WRONG_COUNT)
        v->wrongs |= (uint64_t)1 << w;
}

static struct frame_part *part_add(struct walk *w, unsigned field, uint32_t len)
{
    struct frame_part *p = &w->v->part[w->v->count++];

    assert(w->v->count <= FRAME_PARTS_MAX);
    memset(p, 0, sizeof *p);
    p->field = (uint8_t)field;
    p->off = w->pos;
    p->len = len;
    w->pos += len;
    return p;
}

/* All that is left has no field. */
static bool excess(struct walk *w)
{
    if (w->pos < w->head.length)
        part_add(w, FRAME_FIELD_EXCESS, w->head.length - w->pos);
    return false;
}

static uint32_t load(const uint8_t *p, unsigned n)
{
    uint32_t v = 0;

    while (n--)
        v = v << 8 | *p++;
    return v;
}

static bool field_fixed(struct walk *w, const struct layout_row *row)
{
    uint32_t width = row->width == BITS_31 ? 4 : row->width;
    uint32_t at = w->pos;
    struct frame_part *p;

    if (w->head.length - at < width) {
        wrong(w->v, row->field == FRAME_FIELD_PAD_LENGTH ? FRAME_WRONG_PADDED_EMPTY
                                                         : types[row->type].length_wrong);
        return excess(w);
    }
    if (w->payload.len < at + width) {
        w->v->cut = true;
        w->v->needed = at + width;
        return excess(w);
    }
    p = part_add(w, row->field, width);
    if (width > 4)
        return true;
    p->known = true;
    p->value = load(w->payload.ptr + at, width);
    if (row->width == BITS_31) {
        p->high = p->value >> 31;
        p->value &= 0x7fffffff;
    }
    if (row->field == FRAME_FIELD_PAD_LENGTH)
        w->pad = p->value;
    w->last_value = p->value;
    return true;
}

static bool field_open(struct walk *w, const struct layout_row *row)
{
    uint32_t left = w->head.length - w->pos;

    if (w->pad > left) {
        wrong(w->v, FRAME_WRONG_PADDING_LONG);
        return excess(w);
    }
    left -= w->pad;
    if (row->width == EACH_6)
        left -= left % 6;
    if (row->width == LENGTH && w->last_value > left) {
        wrong(w->v, types[row->type].length_wrong);
        return excess(w);
    }
    part_add(w, row->field, row->width == LENGTH ? w->last_value : left);
    return true;
}

static void padding(struct walk *w)
{
    size_t end = MIN(w->payload.len, (size_t)w->pos + w->pad);

    for (size_t i = w->pos; i < end; i++)
        if (w->payload.ptr[i]) {
            wrong(w->v, FRAME_WRONG_PADDING_NOT_ZERO);
            break;
        }
    part_add(w, FRAME_FIELD_PADDING, w->pad);
}

/* Walk the rows of the type; what they leave is padding, then excess. */
static void walk_rows(struct walk *w)
{
    for (unsigned i = types[w->head.type].first; i < ROW_COUNT; i++) {
        const struct layout_row *row = &rows[i];
        bool on = row->flag == ALWAYS || (w->head.flags & row->flag);
        if (row->type != w->head.type)
            break;
        if (on && !(row->width < REST || row->width == BITS_31 ? field_fixed(w, row)
                                                               : field_open(w, row)))
            return;
    }
    if (w->pad)
        padding(w);
    if (w->pos < w->head.length)
        wrong(w->v, types[w->head.type].length_wrong);
    excess(w);
}

/* ---- Judging ------------------------------------------------------------------------------- */

enum { STREAM = 1, CONNECTION, EITHER };

#define LONGEST FRAME_LENGTH_MAX
static const struct type_rule {
    uint8_t stream; /* 0: not a known type */
    uint32_t least, most;
} rules[] = {
#define X(id, number, name, rule, least, most, section) [number] = { rule, least, most },
#include "frame/frame_types.def"
#undef X
};

static bool type_known(uint8_t type)
{
    return type < ARRAY_LEN(rules) && rules[type].stream;
}

static bool stream_fits(struct frame_head head)
{
    unsigned rule = rules[head.type].stream;

    return rule == EITHER || (rule == STREAM) == (head.stream != 0);
}

static void judge_head(struct frame_view *v, struct frame_head head, uint32_t max_length)
{
    if (max_length && head.length > max_length)
        wrong(v, FRAME_WRONG_TOO_LONG);
    if (head.reserved)
        wrong(v, FRAME_WRONG_RESERVED_BIT);
    if (!type_known(head.type)) {
        wrong(v, FRAME_WRONG_TYPE_UNKNOWN);
        return;
    }
    if (head.flags & ~vitro_frame_type_flags(head.type))
        wrong(v, FRAME_WRONG_FLAGS_UNUSED);
    if (!stream_fits(head))
        wrong(v, types[head.type].stream_wrong);
}

static void judge_settings(struct frame_view *v, struct frame_head head, vitro_bytes payload)
{
    struct frame_setting s;

    if ((head.flags & FRAME_ACK) && head.length)
        wrong(v, FRAME_WRONG_SETTINGS_ACK_LENGTH);
    for (size_t i = 0; vitro_frame_setting_at(payload, i, &s); i++)
        wrong(v, vitro_frame_setting_wrong(s.id, s.value));
}

static void judge_origins(struct frame_view *v, struct frame_head head, vitro_bytes payload)
{
    uint32_t off = 0;
    vitro_str origin;

    while (vitro_frame_origin_next(payload, &off, &origin))
        ;
    if (payload.len == head.length && off != head.length)
        wrong(v, FRAME_WRONG_ORIGIN_SHORT);
}

static void judge_part(struct frame_view *v, struct frame_head head, const struct frame_part *p)
{
    if (!p->known)
        return;
    if (p->field == FRAME_FIELD_DEPENDENCY && p->value == head.stream && head.stream)
        wrong(v, FRAME_WRONG_SELF_DEPENDENCY);
    if (p->field == FRAME_FIELD_PROMISED_STREAM && (p->value == 0 || p->value % 2))
        wrong(v, FRAME_WRONG_PROMISED_STREAM_ID);
    if (p->field == FRAME_FIELD_INCREMENT && p->value == 0)
        wrong(v, head.stream ? FRAME_WRONG_INCREMENT_0 : FRAME_WRONG_INCREMENT_0_CONNECTION);
}

void vitro_frame_view(struct frame_view *v, struct frame_head head, vitro_bytes payload,
                      uint32_t max_length)
{
    struct walk w = { .v = v, .head = head, .payload = payload };

    v->wrongs = 0;
    v->needed = 0;
    v->cut = false;
    v->count = 0;
    w.payload.len = MIN(payload.len, head.length);
    judge_head(v, head, max_length);
    if (!type_known(head.type)) {
        part_add(&w, FRAME_FIELD_PAYLOAD, head.length);
        return;
    }
    walk_rows(&w);
    if (head.type == FRAME_SETTINGS)
        judge_settings(v, head, w.payload);
    if (head.type == FRAME_ORIGIN)
        judge_origins(v, head, w.payload);
    for (unsigned i = 0; i < v->count; i++)
        judge_part(v, head, &v->part[i]);
}

bool vitro_frame_head_plausible(struct frame_head head, uint32_t max_length)
{
    uint32_t least;

    if (!type_known(head.type) || head.reserved || !stream_fits(head) ||
        (head.flags & ~vitro_frame_type_flags(head.type)))
        return false;
    least = rules[head.type].least + (head.flags & FRAME_PADDED ? 1 : 0) +
            (head.flags & FRAME_PRIORITY_FLAG ? 5 : 0);
    if (head.length < least || head.length > MIN(max_length, rules[head.type].most))
        return false;
    return head.type != FRAME_SETTINGS ||
           (head.length % 6 == 0 && !((head.flags & FRAME_ACK) && head.length));
}
