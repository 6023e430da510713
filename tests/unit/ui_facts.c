/*
 * What a filter is told of an event, mostly without decoding it, is what its fields say.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "schemas.h"
#include "support/conversation.h"
#include "support/decoded.h"
#include "ui/facts.h"

/* Values of a field as text, one behind the other. */
struct values {
    FILE *out;
};

static void put(void *visitor, const struct filter_value *v)
{
    struct values *x = visitor;

    fprintf(x->out, "[%d %" PRIu64 " %.*s]", v->has_number, v->has_number ? v->number : 0,
            (int)v->text.len, v->text.ptr);
}

static char *told(vitro_decode *d, const vitro_event *ev, const struct filter_field *field)
{
    struct facts f = { .d = d, .ev = ev };
    char *text = NULL;
    size_t size;
    struct values x = { open_memstream(&text, &size) };

    facts_of(&f, field, put, &x);
    fclose(x.out);
    return text;
}

static void put_header(const vitro_item_header *h, const char *name, struct values *x)
{
    struct filter_value v = { .text = { "", 0 } };

    if (strcmp(name, "http2.header.name") == 0)
        v.text = h->name;
    else if (strcmp(name, "http2.header.value") == 0 && !h->unknown_value)
        v.text = h->value;
    else if (strcmp(name, "http2.header.repr") == 0)
        v.text = vitro_str_of(h->repr);
    else if (strcmp(name, "http2.header.index") == 0 && h->index)
        v = (struct filter_value){ true, h->index, { "", 0 } };
    else
        return;
    put(x, &v);
}

/* The same from all that the decoder says of the event. */
static char *decoded(vitro_decode *d, const vitro_event *ev, const char *name)
{
    char *text = NULL;
    size_t size;
    struct values x = { open_memstream(&text, &size) };
    vitro_detail dt;

    cr_assert(eq(int, vitro_decode_detail(d, ev, &dt, NULL), VITRO_OK));
    if (strcmp(name, "grpc.path") == 0 && dt.path.len)
        put(&x, &(struct filter_value){ false, 0, dt.path });
    if (strcmp(name, "grpc.encoding") == 0 && dt.encoding.len)
        put(&x, &(struct filter_value){ false, 0, dt.encoding });
    if (strcmp(name, "protobuf.message.name") == 0 && ev->kind == VITRO_EVENT_PROTOBUF)
        put(&x, &(struct filter_value){ false, 0, dt.title });
    for (size_t i = 0; i < dt.count; i++) {
        const vitro_item *item = &dt.items[i];
        if (item->header)
            put_header(item->header, name, &x);
        else if (!item->field && strcmp(item->name, name) == 0 &&
                 strncmp(name, "http2.header.", 13) != 0)
            put(&x, &(struct filter_value){ item->form == VITRO_ITEM_NUMBER, item->number,
                                            item->text });
    }
    fclose(x.out);
    return text;
}

/* Those that are an event's own, or a field's of a message. */
static bool is_item(const char *name)
{
    return strchr(name, '.') && strcmp(name, "frame.number") != 0 &&
           strcmp(name, "tcp.stream") != 0 && strcmp(name, "http2.streamid") != 0 &&
           strcmp(name, "http2.flags") != 0 && strncmp(name, "protobuf.field.", 15) != 0;
}

static void assert_same(vitro_decode *d, const vitro_event *ev, const char *name, size_t k)
{
    struct filter_error err;
    struct filter f;
    char *fast, *full;

    cr_assert(filter_parse(&f, vitro_str_of(name), &err));
    fast = told(d, ev, f.nodes[f.root].field);
    full = decoded(d, ev, name);
    cr_assert(eq(str, fast, full), "%s of event %u " SEED_TEXT, name, ev->number, seed_of_run(), k);
    free(fast);
    free(full);
}

/* A piece of what there is to find, or something else. */
static void any_text(struct chance *c, vitro_decode *d, char *out, size_t size)
{
    static const char *const texts[] = { "padding", "Huffman", ".value", "table_size", "/chat",
                                         "no such", "index",   "(1)",    "ping",       "message",
                                         "ROWS",    "0x0",     "grpc-" };
    uint32_t n = (uint32_t)seed_between(c, 1, vitro_decode_count(d));
    vitro_str text = vitro_str_of(texts[vitro_chance_below(c, ARRAY_LEN(texts))]);
    vitro_event ev;
    vitro_detail dt;
    size_t at, len;

    cr_assert(vitro_decode_event(d, n, &ev));
    cr_assert(eq(int, vitro_decode_detail(d, &ev, &dt, NULL), VITRO_OK));
    if (dt.count && vitro_chance_below(c, 4)) {
        const vitro_item *item = &dt.items[vitro_chance_below(c, dt.count)];
        bool name = vitro_chance_below(c, 2);
        text = item->header  ? name ? item->header->name : item->header->value
               : item->field ? item->field->value
               : name        ? vitro_str_of(item->name)
                             : item->text;
    }
    at = text.len ? vitro_chance_below(c, text.len) : 0;
    len = text.len - at ? 1 + vitro_chance_below(c, MIN(text.len - at, size - 1)) : 0;
    snprintf(out, size, "%.*s", (int)len, text.ptr + at);
}

/* One search through all of it, in an order that is not theirs. */
static void assert_search(struct chance *c, vitro_decode *d, size_t k)
{
    static struct facts_search s;
    uint32_t count = vitro_decode_count(d);
    char text[24];
    vitro_event ev;

    any_text(c, d, text, sizeof text);
    facts_search_begin(&s, text);
    for (uint32_t i = 0; *text && i < count; i++) {
        cr_assert(vitro_decode_event(d, i * 7919U % count + 1, &ev));
        cr_assert(eq(int, facts_search_holds(&s, d, &ev), facts_hold(d, &ev, vitro_str_of(text))),
                  "\"%s\" in event %u " SEED_TEXT, text, ev.number, seed_of_run(), k);
    }
}

static void assert_event(vitro_decode *d, const vitro_event *ev, size_t k)
{
    vitro_detail brief, full;
    vitro_str title;

    for (size_t i = 0; filter_field(i); i++) {
        if (is_item(filter_field(i)))
            assert_same(d, ev, filter_field(i), k);
    }
    cr_assert(eq(int, vitro_decode_brief(d, ev, &brief, NULL), VITRO_OK));
    title = (vitro_str){ strndup(brief.title.ptr, brief.title.len), brief.title.len };
    cr_assert(eq(int, vitro_decode_detail(d, ev, &full, NULL), VITRO_OK));
    cr_assert(vitro_str_eq(title, full.title));
    cr_assert(vitro_str_eq(brief.path, full.path) && brief.why == full.why);
    free((char *)(uintptr_t)title.ptr);
}

Test(ui_facts, what_is_told_without_decoding_is_what_decoding_tells, .timeout = 120)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 30; k++) {
        struct conversation_shape shape = {
            .calls = 4,
            .padding = k & 1,
            .continuation = k & 2,
            .styles = true,
            .sizes = k & 4,
            .controls = true,
            .empty = k & 8,
            .split = k & 16,
            .interleave = true,
        };
        struct pcap_talk talk = { .next = { 1000, 5000 } };
        struct decoded_bytes b;
        struct conversation conv;
        struct pcap_write w;
        vitro_decode *d;
        vitro_event ev;

        conversation_make(&conv, &shape, vitro_chance_next(&c), k);
        pcap_write_init(&w, PCAP_NG, 1);
        conversation_capture(&conv, &w, &talk, k % 3 ? NULL : &c);
        w.len -= k % 5 ? 0 : vitro_chance_below(&c, w.len / 2); /* and one that is cut */
        b = (struct decoded_bytes){ .ptr = w.ptr, .len = w.len };
        d = decoded_of(&b, true, NULL);
        cr_assert(eq(int, schemas_add_shipped(d, NULL), VITRO_OK));
        for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++)
            assert_event(d, &ev, k);
        for (size_t i = 0; i < 40; i++)
            assert_search(&c, d, k);
        vitro_decode_free(d);
        pcap_write_done(&w);
        conversation_done(&conv);
    }
}

Test(ui_facts, a_text_is_found_whatever_its_case_and_wherever_it_stands)
{
    static const struct {
        const char *hay, *text;
        bool holds;
    } cases[] = {
        { "HEADERS (1)", "headers", true },
        { "aab", "AB", true },
        { "aab", "abb", false },
        { "", "", true },
        { "x", "", true },
        { "", "x", false },
        { "xyz", "z", true },
        { "xyz", "xyzz", false },
        { "1-2", "-2", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect(eq(int, facts_text_holds(vitro_str_of(cases[i].hay), vitro_str_of(cases[i].text)),
                     cases[i].holds),
                  "%s in %s", cases[i].text, cases[i].hay);
}
