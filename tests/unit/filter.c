/* Filters: whatever is typed is answered, and what is accepted means what it says. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "filter.h"
#include "support/seed.h"
#include "vitro/lab/decode.h"

/* An event as a filter sees it: some fields with some values each. */
struct fact {
    const char *field;
    struct filter_value value;
};

struct event {
    struct fact facts[16];
    size_t count;
};

static void facts(void *user, const struct filter_field *field, filter_visit *visit, void *visitor)
{
    const struct event *e = user;

    for (size_t i = 0; i < e->count; i++) {
        if (strcmp(e->facts[i].field, field->name) == 0)
            visit(visitor, &e->facts[i].value);
    }
}

static void add_number(struct event *e, const char *field, uint64_t n)
{
    e->facts[e->count++] = (struct fact){ field, { true, n, { "", 0 } } };
}

static void add_text(struct event *e, const char *field, const char *text)
{
    e->facts[e->count++] = (struct fact){ field, { false, 0, vitro_str_of(text) } };
}

static bool accepts(const char *text, struct filter *f, struct filter_error *err)
{
    return filter_parse(f, vitro_str_of(text), err);
}

static bool matches(const char *text, struct event *e)
{
    struct filter_error err = { 0 };
    struct filter f;

    cr_assert(accepts(text, &f, &err), "%s: %s at %zu", text, err.text[0], err.at);
    return filter_match(&f, facts, e);
}

/* ---- whatever is typed ----------------------------------------------------------------------- */

static const char *const soup[] = {
    "http2.type", "==", "!=",  "&&",  "||",   "!", "(",  ")",        "1", "0x1f", "\"a",
    "\"",         "or", "and", "not", "grpc", "<", ">=", "contains", " ", "zzz",  "="
};

Test(filter, any_text_is_accepted_or_refused_with_a_place_in_it)
{
    struct chance c = seed_chance();
    struct event e = { .count = 0 };

    add_number(&e, "http2.type", 1);
    for (size_t k = 0; k < 20000; k++) {
        struct filter_error err = { 0 };
        struct filter f;
        char text[300] = "";
        size_t n = seed_between(&c, 0, 40), len = 0;
        for (size_t i = 0; i < n; i++) {
            const char *piece = soup[seed_between(&c, 0, ARRAY_LEN(soup) - 1)];
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", piece);
        }
        if (k % 4 == 0)
            seed_fill(&c, text, len);
        if (filter_parse(&f, (vitro_str){ text, len }, &err))
            (void)filter_match(&f, facts, &e);
        else
            cr_assert(err.at <= len && err.text[0] && err.text[1], "%s " SEED_TEXT, text,
                      seed_of_run(), k);
    }
}

Test(filter, deep_and_long_ones_are_refused_not_followed)
{
    struct filter_error err;
    struct filter f;
    char text[4096];

    memset(text, '(', sizeof text);
    cr_expect(not(filter_parse(&f, (vitro_str){ text, sizeof text }, &err)));
    memset(text, '!', sizeof text);
    cr_expect(not(filter_parse(&f, (vitro_str){ text, sizeof text }, &err)));
    text[0] = 0;
    for (size_t n = 0; n < 200; n++)
        strcat(text, n ? "||grpc" : "grpc");
    cr_expect(not(accepts(text, &f, &err)));
    cr_expect(eq(str, (char *)err.text[0], "too long"));
}

/* ---- what it means --------------------------------------------------------------------------- */

/* A random expression as text, and what it must give for the event. */
struct made {
    char text[1024];
    size_t len;
};

static void put(struct made *m, const char *text)
{
    m->len += (size_t)snprintf(m->text + m->len, sizeof m->text - m->len, "%s", text);
}

static bool make(struct made *m, struct chance *c, int depth, uint64_t type)
{
    static const char *const signs[] = { "==", "!=", ">",  "<",  ">=", "<=",
                                         "eq", "ne", "gt", "lt", "ge", "le" };
    static const unsigned same[] = { 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5 };
    size_t what = depth ? seed_between(c, 0, 3) : 0;
    char number[32];
    bool a, b;

    if (what == 1) {
        put(m, "!(");
        a = make(m, c, depth - 1, type);
        put(m, ")");
        return !a;
    }
    if (what > 1) {
        put(m, "(");
        a = make(m, c, depth - 1, type);
        put(m, what == 2 ? " && " : " or ");
        b = make(m, c, depth - 1, type);
        put(m, ")");
        return what == 2 ? a && b : a || b;
    }
    size_t op = seed_between(c, 0, 11);
    uint64_t n = seed_between(c, 0, 9);
    snprintf(number, sizeof number, n % 2 ? " %llu" : " 0x%llx", (unsigned long long)n);
    put(m, "http2.type ");
    put(m, signs[op]);
    put(m, number);
    const bool results[] = { type == n, type != n, type > n, type < n, type >= n, type <= n };
    return results[same[op]];
}

Test(filter, an_expression_gives_what_its_parts_give)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 5000; k++) {
        struct made m = { .len = 0 };
        struct event e = { .count = 0 };
        uint64_t type = seed_between(&c, 0, 9);
        bool want = make(&m, &c, 3, type);
        add_number(&e, "http2.type", type);
        cr_assert(eq(int, matches(m.text, &e), want), "%s of %d " SEED_TEXT, m.text, (int)type,
                  seed_of_run(), k);
    }
}

Test(filter, and_binds_closer_than_or)
{
    struct event e = { .count = 0 };

    add_number(&e, "http2.type", 1);
    add_number(&e, "http2.streamid", 3);
    cr_expect(matches("http2.type == 1 && http2.streamid == 3", &e));
    cr_expect(not(matches("http2.type==1&&http2.streamid==5", &e)));
    cr_expect(matches("http2.type == 1 or http2.type == 2 and http2.streamid == 5", &e));
    cr_expect(not(matches("(http2.type == 1 or http2.type == 2) and http2.streamid == 5", &e)));
}

Test(filter, a_field_alone_asks_whether_it_is_there)
{
    struct event e = { .count = 0 };

    add_number(&e, "http2.type", 0);
    cr_expect(matches("http2.type", &e));
    cr_expect(not(matches("grpc", &e)));
    cr_expect(matches("not grpc", &e));
    cr_expect(matches("", &e));
    cr_expect(not(matches("grpc.path != \"x\"", &e)));
}

Test(filter, of_several_values_one_is_enough_and_unequal_means_none)
{
    struct event e = { .count = 0 };

    add_text(&e, "http2.header.name", ":path");
    add_text(&e, "http2.header.name", "te");
    add_text(&e, "http2.header.value", "/chat.ChatService/Chat");
    cr_expect(matches("http2.header.name == te", &e));
    cr_expect(matches("http2.header.name == \":path\"", &e));
    cr_expect(not(matches("http2.header.name != te", &e)));
    cr_expect(matches("http2.header.name != cookie", &e));
    cr_expect(matches("http2.header.value contains ChatService", &e));
    cr_expect(matches("http2.header.value contains \"vice/C\"", &e));
}

Test(filter, a_number_with_a_name_is_found_by_either)
{
    struct event e = { .count = 0 };

    e.facts[e.count++] = (struct fact){ "http2.type", { true, 1, vitro_str_of("HEADERS (1)") } };
    cr_expect(matches("http2.type == 1", &e));
    cr_expect(matches("http2.type == HEADERS", &e));
    cr_expect(not(matches("http2.type == HEAD", &e)));
}

Test(filter, a_slip_is_told_with_its_place)
{
    static const struct {
        const char *text, *why;
        size_t at;
    } slips[] = {
        { "http2.typ == 1", "no such field", 0 },
        { "http2.type ==", "a value is missing: a number, a word or \"text\"", 13 },
        { "http2.type = 1", "&& or || belongs here", 11 },
        { "(grpc", "this ( is never closed", 0 },
        { "grpc &&", "something is missing", 7 },
        { "grpc.path == \"x", "the quotation has no end", 13 },
        { "grpc tcp", "&& or || belongs here", 5 },
    };

    for (size_t i = 0; i < ARRAY_LEN(slips); i++) {
        struct filter_error err = { 0 };
        struct filter f;
        cr_expect(not(accepts(slips[i].text, &f, &err)), "%s", slips[i].text);
        cr_expect(eq(str, (char *)err.text[VITRO_ENGLISH], (char *)slips[i].why), "%s",
                  slips[i].text);
        cr_expect(ne(str, (char *)err.text[VITRO_KOREAN], (char *)slips[i].why), "%s",
                  slips[i].text);
        cr_expect(eq(sz, err.at, slips[i].at), "%s", slips[i].text);
    }
}
