#include "ui/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

enum { FRAME_HEADER = 9, PREFIX = 5 };

static void give(filter_visit *visit, void *visitor, bool has_number, uint64_t number,
                 vitro_str text)
{
    struct filter_value v = { has_number, number, text };

    visit(visitor, &v);
}

static void give_number(filter_visit *visit, void *visitor, uint64_t number)
{
    give(visit, visitor, true, number, vitro_str_of(""));
}

/* As the text of a number that has no name. */
static void give_decimal(filter_visit *visit, void *visitor, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    give(visit, visitor, true, number, vitro_str_of(text));
}

/* "HEADERS (1)": the same for all frames of a type. */
static vitro_str type_text(struct facts *f)
{
    static char texts[256][32];
    char *text = texts[f->ev->type];
    vitro_detail dt;

    if (*text || vitro_decode_fields(f->d, f->ev, &dt, NULL))
        return vitro_str_of(text);
    for (size_t i = 0; i < dt.count; i++) {
        if (strcmp(dt.items[i].name, "http2.type") == 0)
            snprintf(text, sizeof texts[0], "%.*s", (int)MIN(dt.items[i].text.len, 31U),
                     dt.items[i].text.ptr);
    }
    return vitro_str_of(text);
}

/* A frame as well, that is not on the wire. */
static bool is_held(const vitro_event *ev)
{
    return ev->bits & VITRO_EVENT_HELD;
}

/* ---- without its fields ---------------------------------------------------------------------- */

/* A unit that is held has what is inside of it as well. */
static bool may_have(const vitro_event *ev, const struct filter_field *field)
{
    if (is_held(ev))
        return true;
    if (ev->kind > 15 || !(field->kinds >> ev->kind & 1))
        return false;
    return ev->kind != VITRO_EVENT_FRAME || field->types == UINT16_MAX ||
           (ev->type < 16 && field->types >> ev->type & 1);
}

/* The protocol whose name alone matches. */
static enum filter_field_id protocol_of(const vitro_event *ev)
{
    static const uint8_t protocols[] = {
        [VITRO_EVENT_TCP] = FILTER_TCP,           [VITRO_EVENT_PREFACE] = FILTER_HTTP2,
        [VITRO_EVENT_FRAME] = FILTER_HTTP2,       [VITRO_EVENT_GRPC] = FILTER_GRPC,
        [VITRO_EVENT_PROTOBUF] = FILTER_PROTOBUF, [VITRO_EVENT_NOTE] = FILTER_NOTE,
        [VITRO_EVENT_UNKNOWN] = FILTER_UNKNOWN,
    };

    return ev->kind < ARRAY_LEN(protocols) ? (enum filter_field_id)protocols[ev->kind]
                                           : FILTER_UNKNOWN;
}

/* What any event may have; false when the field is another one. */
static bool give_common(const vitro_event *ev, const struct filter_field *field,
                        filter_visit *visit, void *x)
{
    bool streamed = ev->kind == VITRO_EVENT_FRAME || ev->stream;

    switch (field->id) {
    case FILTER_N:
        give_number(visit, x, ev->number);
        break;
    case FILTER_FRAME_NUMBER:
        give_number(visit, x, ev->packet);
        break;
    case FILTER_CONN:
    case FILTER_TCP_STREAM:
        if (ev->conn != VITRO_NO_CONN)
            give_number(visit, x, ev->conn);
        break;
    case FILTER_DIR:
        if (ev->conn != VITRO_NO_CONN)
            give(visit, x, false, 0, vitro_str_of(ev->dir == VITRO_C2S ? "c2s" : "s2c"));
        break;
    case FILTER_STREAMID:
        if (streamed && (ev->kind != VITRO_EVENT_NOTE || is_held(ev)))
            give_number(visit, x, ev->stream);
        break;
    default:
        if (field->id > FILTER_UNKNOWN)
            return false;
        if (protocol_of(ev) == field->id)
            give_number(visit, x, 1);
    }
    return true;
}

/* The flag of a frame that a field stands for; 0: it stands for none. */
static uint8_t flag_of(const struct filter_field *field)
{
    static const uint8_t flags[FILTER_FIELDS] = {
        [FILTER_END_STREAM] = 1, [FILTER_END_HEADERS] = 4,  [FILTER_PADDED] = 8,
        [FILTER_ACK_PING] = 1,   [FILTER_ACK_SETTINGS] = 1, [FILTER_PRIORITY_FLAG] = 32,
    };

    return flags[field->id];
}

/* What its fields would say, when the event itself is enough to know. */
static bool give_quick(struct facts *f, const struct filter_field *field, filter_visit *visit,
                       void *x)
{
    const vitro_event *ev = f->ev;
    bool whole = !(ev->bits & (VITRO_EVENT_CUT | VITRO_EVENT_HOLE | VITRO_EVENT_HELD));
    vitro_detail dt;

    switch (field->id) {
    case FILTER_FLAGS:
        give_number(visit, x, ev->flags);
        return true;
    case FILTER_LENGTH:
        if (whole && ev->length >= FRAME_HEADER)
            give_decimal(visit, x, ev->length - FRAME_HEADER);
        return whole;
    case FILTER_MESSAGE_LENGTH:
        if (whole && ev->length >= PREFIX)
            give_decimal(visit, x, ev->length - PREFIX);
        return whole;
    case FILTER_COMPRESSED:
        if (whole)
            give_decimal(visit, x, ev->type);
        return whole;
    case FILTER_TYPE:
        if (whole)
            give(visit, x, true, ev->type, type_text(f));
        return whole;
    case FILTER_PATH:
        if (vitro_decode_path(f->d, ev).len)
            give(visit, x, false, 0, vitro_decode_path(f->d, ev));
        return !is_held(ev);
    case FILTER_ENCODING:
        if (vitro_decode_encoding(f->d, ev).len)
            give(visit, x, false, 0, vitro_decode_encoding(f->d, ev));
        return !is_held(ev);
    case FILTER_MESSAGE_NAME:
        if (ev->kind == VITRO_EVENT_PROTOBUF && !vitro_decode_brief(f->d, ev, &dt, NULL))
            give(visit, x, false, 0, dt.title);
        return !is_held(ev);
    default:
        return !is_held(ev) && flag_of(field) && !(ev->flags & flag_of(field));
    }
}

/* ---- header fields --------------------------------------------------------------------------- */

struct header_visit {
    const struct filter_field *field;
    filter_visit *visit;
    void *x;
};

static bool give_header(const vitro_item_header *h, void *user)
{
    const struct header_visit *v = user;

    if (v->field->id == FILTER_HEADER_NAME)
        give(v->visit, v->x, false, 0, h->name);
    else if (v->field->id == FILTER_HEADER_VALUE && !h->unknown_value)
        give(v->visit, v->x, false, 0, h->value);
    else if (v->field->id == FILTER_HEADER_REPR)
        give(v->visit, v->x, false, 0, vitro_str_of(h->repr));
    else if (v->field->id == FILTER_HEADER_INDEX && h->index)
        give_number(v->visit, v->x, h->index);
    return true;
}

/* ---- its fields ------------------------------------------------------------------------------ */

static uint64_t number_in(vitro_str s)
{
    uint64_t v = 0;

    for (size_t i = 0; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
        v = v * 10 + (uint64_t)(s.ptr[i] - '0');
    return v;
}

static void give_field(const vitro_item_field *f, const struct filter_field *field,
                       filter_visit *visit, void *x)
{
    if (field->id == FILTER_FIELD_NAME)
        give(visit, x, false, 0, f->name);
    else if (field->id == FILTER_FIELD_NUMBER)
        give_number(visit, x, f->number);
    else if (field->id == FILTER_FIELD_WIRETYPE)
        give_number(visit, x, f->wiretype);
    else if (field->id == FILTER_FIELD_VALUE)
        give(visit, x, f->bare_number && f->value.len && f->value.ptr[0] != '-',
             number_in(f->value), f->value);
}

static void give_item(const vitro_item *item, const struct filter_field *field, filter_visit *visit,
                      void *x)
{
    if (item->field)
        give_field(item->field, field, visit, x);
    else if (!item->header && strcmp(item->name, field->name) == 0)
        give(visit, x, item->form == VITRO_ITEM_NUMBER, item->number, item->text);
}

static void give_items(struct facts *f, const struct filter_field *field, filter_visit *visit,
                       void *x)
{
    if (!f->decoded && vitro_decode_fields(f->d, f->ev, &f->detail, NULL))
        return;
    f->decoded = true;
    for (size_t i = 0; i < f->detail.count; i++)
        give_item(&f->detail.items[i], field, visit, x);
}

void facts_of(void *user, const struct filter_field *field, filter_visit *visit, void *visitor)
{
    struct facts *f = user;
    struct header_visit headers = { field, visit, visitor };

    if (give_common(f->ev, field, visit, visitor) || !may_have(f->ev, field) ||
        give_quick(f, field, visit, visitor))
        return;
    if (field->id >= FILTER_HEADER_NAME && field->id <= FILTER_HEADER_INDEX)
        (void)vitro_decode_headers(f->d, f->ev, give_header, &headers);
    else
        give_items(f, field, visit, visitor);
}

/* ---- search ---------------------------------------------------------------------------------- */

static char small(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c + ('a' - 'A'));
    return c;
}

/* Where c or its other case comes next; end when it does not. */
static const char *next_of(const char *p, const char *end, char c)
{
    char other = c;

    if (c >= 'a' && c <= 'z')
        other = (char)(c - ('a' - 'A'));
    while (p < end && *p != c && *p != other)
        p++;
    return p;
}

bool facts_text_holds(vitro_str hay, vitro_str text)
{
    const char *p = hay.ptr, *end;

    if (!text.len || text.len > hay.len)
        return text.len == 0;
    end = hay.ptr + (hay.len - text.len) + 1;
    while ((p = next_of(p, end, small(text.ptr[0]))) < end) {
        size_t n = 1;
        while (n < text.len && small(p[n]) == small(text.ptr[n]))
            n++;
        if (n == text.len)
            return true;
        p++;
    }
    return false;
}

static bool item_holds(const vitro_item *item, vitro_str text)
{
    if (item->header)
        return facts_text_holds(item->header->name, text) ||
               facts_text_holds(item->header->value, text);
    if (item->field)
        return facts_text_holds(item->field->name, text) ||
               facts_text_holds(item->field->value, text);
    return facts_text_holds(item->text, text) || facts_text_holds(vitro_str_of(item->name), text);
}

bool facts_hold(vitro_decode *d, const vitro_event *ev, vitro_str text)
{
    vitro_detail dt;

    if (vitro_decode_fields(d, ev, &dt, NULL))
        return false;
    if (facts_text_holds(dt.title, text) || facts_text_holds(dt.path, text))
        return true;
    for (size_t i = 0; i < dt.count; i++) {
        if (item_holds(&dt.items[i], text))
            return true;
    }
    return false;
}
