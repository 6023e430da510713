#include "ui/facts.h"

#include <string.h>

#include "base/util.h"

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

/* A protocol's name alone. */
static bool is_protocol(const vitro_event *ev, const char *field)
{
    static const char *const names[] = {
        [VITRO_EVENT_TCP] = "tcp",           [VITRO_EVENT_PREFACE] = "http2",
        [VITRO_EVENT_FRAME] = "http2",       [VITRO_EVENT_GRPC] = "grpc",
        [VITRO_EVENT_PROTOBUF] = "protobuf", [VITRO_EVENT_NOTE] = "note",
        [VITRO_EVENT_UNKNOWN] = "unknown",
    };

    return ev->kind < ARRAY_LEN(names) && names[ev->kind] && strcmp(names[ev->kind], field) == 0;
}

static const char *const protocols[] = { "http2", "grpc", "protobuf", "tcp", "note", "unknown" };

/* A frame as well, that is not on the wire. */
static bool is_held(const vitro_event *ev)
{
    return ev->bits & VITRO_EVENT_HELD;
}

/* What the event says without its fields; false when they are needed. */
static bool give_quick(const vitro_event *ev, const char *field, filter_visit *visit, void *x)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        if (strcmp(field, protocols[i]) == 0) {
            if (is_protocol(ev, field))
                give_number(visit, x, 1);
            return true;
        }
    }
    if (strcmp(field, "n") == 0)
        give_number(visit, x, ev->number);
    else if (strcmp(field, "frame.number") == 0)
        give_number(visit, x, ev->packet);
    else if (strcmp(field, "conn") != 0 && strcmp(field, "tcp.stream") != 0 &&
             strcmp(field, "dir") != 0)
        return strncmp(field, "http2.", 6) == 0 && ev->kind != VITRO_EVENT_FRAME &&
               ev->kind != VITRO_EVENT_PREFACE && !is_held(ev) &&
               strcmp(field, "http2.streamid") != 0;
    else if (ev->conn != VITRO_NO_CONN && strcmp(field, "dir") == 0)
        give(visit, x, false, 0, vitro_str_of(ev->dir == VITRO_C2S ? "c2s" : "s2c"));
    else if (ev->conn != VITRO_NO_CONN)
        give_number(visit, x, ev->conn);
    return true;
}

static bool give_frame(const vitro_event *ev, const char *field, filter_visit *visit, void *x)
{
    bool streamed = ev->kind == VITRO_EVENT_FRAME || ev->stream;

    if (strcmp(field, "http2.streamid") == 0) {
        if (streamed && (ev->kind != VITRO_EVENT_NOTE || is_held(ev)))
            give_number(visit, x, ev->stream);
        return true;
    }
    if ((ev->kind != VITRO_EVENT_FRAME && !is_held(ev)) || strcmp(field, "http2.flags") != 0)
        return false;
    give_number(visit, x, ev->flags);
    return true;
}

static void give_header(const vitro_item_header *h, const char *field, filter_visit *visit, void *x)
{
    if (strcmp(field, "http2.header.name") == 0)
        give(visit, x, false, 0, h->name);
    else if (strcmp(field, "http2.header.value") == 0 && !h->unknown_value)
        give(visit, x, false, 0, h->value);
    else if (strcmp(field, "http2.header.repr") == 0)
        give(visit, x, false, 0, vitro_str_of(h->repr));
    else if (strcmp(field, "http2.header.index") == 0 && h->index)
        give_number(visit, x, h->index);
}

static uint64_t number_in(vitro_str s)
{
    uint64_t v = 0;

    for (size_t i = 0; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
        v = v * 10 + (uint64_t)(s.ptr[i] - '0');
    return v;
}

static void give_field(const vitro_item_field *f, const char *field, filter_visit *visit, void *x)
{
    if (strcmp(field, "protobuf.field.name") == 0)
        give(visit, x, false, 0, f->name);
    else if (strcmp(field, "protobuf.field.number") == 0)
        give_number(visit, x, f->number);
    else if (strcmp(field, "protobuf.field.wiretype") == 0)
        give_number(visit, x, f->wiretype);
    else if (strcmp(field, "protobuf.field.value") == 0)
        give(visit, x, f->bare_number && f->value.len && f->value.ptr[0] != '-',
             number_in(f->value), f->value);
}

static void give_item(const vitro_item *item, const char *field, filter_visit *visit, void *x)
{
    if (item->header)
        give_header(item->header, field, visit, x);
    else if (item->field)
        give_field(item->field, field, visit, x);
    else if (strcmp(item->name, field) == 0 && strncmp(field, "http2.header.", 13) != 0)
        give(visit, x, item->form == VITRO_ITEM_NUMBER, item->number, item->text);
}

void facts_of(void *user, const char *field, filter_visit *visit, void *visitor)
{
    struct facts *f = user;
    const vitro_event *ev = f->ev;
    vitro_detail dt;

    if (give_quick(ev, field, visit, visitor) || give_frame(ev, field, visit, visitor))
        return;
    if (vitro_decode_detail(f->d, ev, &dt, NULL))
        return;
    if (strcmp(field, "grpc.path") == 0 && dt.path.len)
        give(visit, visitor, false, 0, dt.path);
    else if (strcmp(field, "grpc.encoding") == 0 && dt.encoding.len)
        give(visit, visitor, false, 0, dt.encoding);
    else if (strcmp(field, "protobuf.message.name") == 0 && ev->kind == VITRO_EVENT_PROTOBUF)
        give(visit, visitor, false, 0, dt.title);
    for (size_t i = 0; i < dt.count; i++)
        give_item(&dt.items[i], field, visit, visitor);
}

/* ---- search ---------------------------------------------------------------------------------- */

static char small(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c + ('a' - 'A'));
    return c;
}

bool facts_text_holds(vitro_str hay, vitro_str text)
{
    for (size_t i = 0; text.len <= hay.len && i <= hay.len - text.len; i++) {
        size_t n = 0;
        while (n < text.len && small(hay.ptr[i + n]) == small(text.ptr[n]))
            n++;
        if (n == text.len)
            return true;
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

    if (vitro_decode_detail(d, ev, &dt, NULL))
        return false;
    if (facts_text_holds(dt.title, text) || facts_text_holds(dt.path, text))
        return true;
    for (size_t i = 0; i < dt.count; i++) {
        if (item_holds(&dt.items[i], text))
            return true;
    }
    return false;
}
