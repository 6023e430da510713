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
        [VITRO_EVENT_UNKNOWN] = FILTER_UNKNOWN,   [VITRO_EVENT_TLS] = FILTER_TLS,
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

/* ---- search in many events ------------------------------------------------------------------- */

enum { DATA = 0, HEADERS = 1, PING = 6, WINDOW_UPDATE = 8, END_HEADERS = 4 };

void facts_search_begin(struct facts_search *s, const char *text)
{
    static const char update[] = "http2.header_table_size_update.header_table_size";

    memset(s, 0, sizeof *s);
    snprintf(s->text, sizeof s->text, "%s", text);
    s->steady = strlen(text) > 2 && !strpbrk(text, "0123456789");
    s->steady_blocks = s->steady && !facts_text_holds(vitro_str_of(update), vitro_str_of(s->text));
}

static uint64_t mix(uint64_t key, uint64_t with)
{
    return (key ^ with) * UINT64_C(0x100000001b3);
}

/* What events are alike by, if only numbers differ between them; 0: they may differ in more. */
static uint64_t key_of(const struct facts_search *s, const vitro_event *ev)
{
    bool frame = ev->kind == VITRO_EVENT_FRAME && ev->flags <= 1 &&
                 (ev->type == DATA || ev->type == PING || ev->type == WINDOW_UPDATE);
    uint64_t key;

    if (!s->steady || ev->bits || ev->why ||
        (!frame && ev->kind != VITRO_EVENT_GRPC && ev->kind != VITRO_EVENT_TCP))
        return 0;
    key = mix(mix(mix(ev->kind, ev->type), ev->flags), ev->dir);
    return mix(mix(key, ev->path), ev->length > FRAME_HEADER) | 1; /* an empty frame has less */
}

/* The fields of a block while they are looked through. */
struct block_search {
    vitro_str text;
    uint64_t key; /* of how they are written */
    bool holds;
};

static bool look_at_header(const vitro_item_header *h, void *user)
{
    struct block_search *b = user;

    b->key = mix(b->key, (uint64_t)(uintptr_t)h->repr);
    b->key = mix(b->key, (uint64_t)h->huffman_name | (uint64_t)h->huffman_value << 1 |
                             (uint64_t)(h->index != 0) << 2 | (uint64_t)(h->value.len != 0) << 3 |
                             (uint64_t)(h->name.len != 0) << 4 | (uint64_t)h->unknown_name << 5 |
                             (uint64_t)h->unknown_value << 6);
    b->holds = facts_text_holds(h->name, b->text) || facts_text_holds(h->value, b->text);
    return !b->holds;
}

/* Likewise for a block in one frame: it may be known by its fields whether it holds the text. */
static bool look_at_block(const struct facts_search *s, vitro_decode *d, const vitro_event *ev,
                          struct block_search *b)
{
    b->text = vitro_str_of(s->text);
    if (!s->steady_blocks || ev->kind != VITRO_EVENT_FRAME || ev->type != HEADERS || ev->bits ||
        ev->why || ev->rope || (ev->flags & ~1) != END_HEADERS)
        return false;
    b->key = mix(mix(mix(HEADERS, ev->flags), ev->dir), ev->length > FRAME_HEADER);
    if (!vitro_decode_headers(d, ev, look_at_header, b))
        return false;
    b->key |= 1;
    return true;
}

bool facts_search_holds(struct facts_search *s, vitro_decode *d, const vitro_event *ev)
{
    struct block_search b = { .holds = false };
    uint64_t key = key_of(s, ev), *slot;

    if (!key && look_at_block(s, d, ev, &b)) {
        if (b.holds)
            return true;
        key = b.key;
    }
    slot = &s->alike[(key >> 20) % SEARCH_ALIKE];
    if (key && *slot == key)
        return false;
    if (facts_hold(d, ev, vitro_str_of(s->text)))
        return true;
    if (key)
        *slot = key;
    return false;
}
