/* JSON of messages: whatever comes, it ends, within its memory, and gives all of it back. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pb/wire.h"
#include "pbtest.vitro.h"
#include "support/heap.h"
#include "support/json_schema.h"
#include "support/pb_make.h"

TestSuite(pb_json_hostile);

static struct json_schema s;

static const char seed_text[] =
    "{\"any\":{\"@type\":\"x/pbtest.Leaf\",\"name\":\"a\"},\"time\":\"2025-09-20T09:00:00.5+09:00\","
    "\"duration\":\"-0.000001s\",\"mask\":\"fooBar,b.cD\",\"object\":{\"x\":[1,null,\"s\"]},"
    "\"values\":[{},[]],\"aDouble\":5e-324,\"anInt64\":\"-9\",\"someBytes\":\"-_8\","
    "\"byName\":{\"\\u00e9\":\"\\ud83d\\ude08\"}}";

static const char bits_of_json[] = "{}[]\",:\\\"0123456789eE+-.truefalsn ul@\xff\xea\n";

static void mutate(struct chance *c, char *text, size_t *len, size_t room)
{
    for (size_t n = seed_between(c, 1, 6); n--;) {
        size_t at = seed_between(c, 0, *len - 1), cut = seed_between(c, 1, MIN(*len - at, 8));

        switch (vitro_chance_below(c, 4)) {
        case 0:
            text[at] = bits_of_json[vitro_chance_below(c, sizeof bits_of_json - 1)];
            break;
        case 1:
            memmove(text + at, text + at + cut, *len - at - cut);
            *len = MAX(*len - cut, 1);
            break;
        case 2:
            if (*len + cut < room) {
                memmove(text + at + cut, text + at, *len - at);
                *len += cut;
            }
            break;
        default:
            text[at] = (char)vitro_chance_next(c);
        }
    }
}

Test(pb_json_hostile, text_of_any_kind_is_read_or_refused)
{
    struct chance c = seed_chance();
    const struct pb_message_type *known;
    size_t good = 0;

    json_schema_open(&s, 0);
    known = json_schema_type(&s, "jsontest.Known");
    for (size_t i = 0; i < 30000; i++) {
        char text[1024];
        size_t len = sizeof seed_text - 1;

        memcpy(text, seed_text, len);
        if (i)
            mutate(&c, text, &len, sizeof text);
        if (json_schema_read(&s, known, (vitro_str){ text, len }))
            continue;
        cr_assert(json_schema_write(&s, known, vitro_buf_bytes(&s.bytes)) == VITRO_OK,
                  "%.*s: %s " SEED_TEXT, (int)len, text, s.error.frame[0].text, seed_of_run(), i);
        good++;
    }
    cr_assert(good > 100, "%zu were read", good);
    json_schema_close(&s);
}

Test(pb_json_hostile, bytes_of_any_kind_are_written_or_refused)
{
    static const char *const types[] = { "jsontest.Known", "jsontest.Names", "pbtest.All",
                                         "google.protobuf.Struct", "google.protobuf.Any" };
    struct chance c = seed_chance();
    uint8_t space[512];

    json_schema_open(&s, 0);
    json_schema_read(&s, json_schema_type(&s, "jsontest.Known"), vitro_str_of(seed_text));
    for (size_t i = 0; i < 30000; i++) {
        const struct pb_message_type *type = json_schema_type(&s, types[i % ARRAY_LEN(types)]);
        struct pb_make m = { &c, false, space, sizeof space, 0 };
        vitro_bytes bytes;

        if (i % 3 == 0) {
            bytes = pb_make_fields(&m, 3);
        } else {
            bytes = (vitro_bytes){ space, MIN(s.bytes.len, sizeof space) };
            memcpy(space, s.bytes.ptr, bytes.len);
            for (size_t n = seed_between(&c, 1, 8); n--;)
                space[seed_between(&c, 0, bytes.len - 1)] ^= (uint8_t)(1u << (i + n) % 8);
        }
        json_schema_write(&s, type, bytes);
    }
    json_schema_close(&s);
}

static void nest(char *out, const char *open, const char *middle, const char *close, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++, at += strlen(open))
        memcpy(out + at, open, strlen(open));
    memcpy(out + at, middle, strlen(middle));
    at += strlen(middle);
    for (size_t i = 0; i < n; i++, at += strlen(close))
        memcpy(out + at, close, strlen(close));
    out[at] = '\0';
}

Test(pb_json_hostile, depth_has_a_limit_both_ways)
{
    char *text = malloc(4000000);
    uint8_t *bytes = malloc(1 << 20);
    size_t n = 0;

    json_schema_open(&s, 0);
    nest(text, "{\"inner\":", "{}", "}", PB_JSON_DEPTH - 1);
    cr_assert(json_schema_read(&s, json_schema_type(&s, "pbtest.Nest"), vitro_str_of(text)) ==
              VITRO_OK);
    cr_assert(json_schema_write(&s, json_schema_type(&s, "pbtest.Nest"),
                                vitro_buf_bytes(&s.bytes)) == VITRO_OK);
    cr_assert_str_eq((char *)s.text.ptr, text);
    nest(text, "{\"inner\":", "{}", "}", PB_JSON_DEPTH);
    cr_assert(json_schema_read(&s, json_schema_type(&s, "pbtest.Nest"), vitro_str_of(text)) ==
              VITRO_INVALID_ARGUMENT);
    nest(text, "[", "", "]", 1000000);
    cr_assert(json_schema_read(&s, json_schema_type(&s, "google.protobuf.Value"),
                               vitro_str_of(text)) == VITRO_INVALID_ARGUMENT);
    nest(text, "{\"a\":", "1", "}", 300000);
    cr_assert(json_schema_read(&s, json_schema_type(&s, "google.protobuf.Struct"),
                               vitro_str_of(text)) == VITRO_INVALID_ARGUMENT);
    for (size_t i = 0; i < 20000; i++) { /* messages in each other, from the inside out */
        uint8_t head[12];
        size_t h = vitro_pb_write_tag(head, 1, PB_LEN);

        h += vitro_pb_write_varint(head + h, n);
        n += h;
        memcpy(bytes + (1 << 20) - n, head, h);
    }
    cr_assert(json_schema_write(&s, json_schema_type(&s, "pbtest.Nest"),
                                (vitro_bytes){ bytes + (1 << 20) - n, n }) == VITRO_INTERNAL);
    json_schema_close(&s);
    free(text);
    free(bytes);
}

Test(pb_json_hostile, memory_has_a_limit_both_ways)
{
    size_t most = 0;

    json_schema_open(&s, 0);
    most = s.account.used;
    json_schema_close(&s);
    for (size_t budget = most; budget < most + 60000; budget += 997) {
        vitro_code rc;

        json_schema_open(&s, budget);
        rc = json_schema_read(&s, json_schema_type(&s, "jsontest.Known"), vitro_str_of(seed_text));
        cr_assert(!rc || rc == VITRO_RESOURCE_EXHAUSTED);
        if (!rc)
            rc = json_schema_write(&s, json_schema_type(&s, "jsontest.Known"),
                                   vitro_buf_bytes(&s.bytes));
        cr_assert(!rc || rc == VITRO_RESOURCE_EXHAUSTED);
        cr_assert(!rc || budget < most + 50000, "a little memory is enough for a little text");
        json_schema_close(&s);
    }
}

Test(pb_json_hostile, a_failing_allocation_is_told)
{
    struct heap h = { 0 };
    size_t calls;

    heap_install(&h);
    json_schema_open(&s, 0);
    calls = h.calls;
    cr_assert(
        !json_schema_read(&s, json_schema_type(&s, "jsontest.Known"), vitro_str_of(seed_text)));
    cr_assert(
        !json_schema_write(&s, json_schema_type(&s, "jsontest.Known"), vitro_buf_bytes(&s.bytes)));
    calls = h.calls - calls;
    json_schema_close(&s);
    for (size_t n = 1; n <= calls; n++) {
        vitro_code rc;

        h.fail_at = 0;
        json_schema_open(&s, 0);
        h.fail_at = h.calls + n;
        rc = json_schema_read(&s, json_schema_type(&s, "jsontest.Known"), vitro_str_of(seed_text));
        if (!rc)
            rc = json_schema_write(&s, json_schema_type(&s, "jsontest.Known"),
                                   vitro_buf_bytes(&s.bytes));
        cr_assert(rc == VITRO_RESOURCE_EXHAUSTED, "allocation %zu: %s", n, vitro_code_name(rc));
        json_schema_close(&s);
    }
    cr_assert(h.live == 0);
    heap_remove();
}
