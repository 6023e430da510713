/* The walker: spans tile whatever comes, and no reading is passed off as a fact. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "pb/walk.h"
#include "pbtest.vitro.h"
#include "support/pb_make.h"
#include "support/seed.h"

enum { ROOM = 8192, CASES = 5000, BASE = 1000 };

static uint8_t space[ROOM];

static struct pb_schema *schema_of_tests(void)
{
    struct pb_schema *s;
    vitro_bytes file = { pbtest_proto_file.descriptor, pbtest_proto_file.descriptor_len };

    cr_assert(vitro_pb_schema_new(&s, NULL, NULL) == VITRO_OK);
    cr_assert(vitro_pb_schema_add_file(s, file, NULL) == VITRO_OK);
    return s;
}

/* Checks the order and the borders of nodes as they come. */
struct tiling {
    size_t at;        /* all bytes before it are covered */
    unsigned depth;   /* open levels */
    size_t ends[256]; /* where each is to end; of a group 0 */
    bool damaged;
    bool too_deep;
    size_t nodes;
};

static bool tile(const struct pb_node *n, void *user)
{
    struct tiling *t = user;
    bool group = n->group == PB_GROUP_GROUP;

    t->nodes++;
    cr_assert(n->start <= n->after_tag && n->after_tag <= n->value_at && n->value_at <= n->end);
    cr_assert(n->start == t->at, "%zu after %zu: no gap and no overlap", n->start, t->at);
    t->damaged = t->damaged || n->kind == PB_NODE_DAMAGE;
    t->too_deep = t->too_deep || n->fault == PB_FAULT_DEPTH;
    if (n->kind == PB_NODE_CLOSE) {
        t->depth--;
        cr_assert(group || (n->start == n->end && n->end == t->ends[t->depth]));
    }
    cr_assert(n->depth == t->depth);
    t->at = n->kind == PB_NODE_OPEN ? n->value_at : n->end;
    if (n->kind == PB_NODE_OPEN) {
        cr_assert(t->depth < ARRAY_LEN(t->ends));
        t->ends[t->depth++] = n->end;
    }
    if (n->kind == PB_NODE_DAMAGE)
        cr_assert(n->start == n->end || (n->at >= n->start && n->at <= n->end));
    return true;
}

static void expect_tiling(vitro_bytes bytes, const struct pb_message_type *type, size_t i)
{
    struct tiling t = { .at = BASE };
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);

    memcpy(copy, bytes.ptr, bytes.len);
    cr_assert(vitro_pb_walk((vitro_bytes){ copy, bytes.len }, type, BASE, tile, &t));
    cr_assert(t.at == BASE + bytes.len, "covers all " SEED_TEXT, seed_of_run(), i);
    cr_assert(t.depth == 0, "all that was opened is closed " SEED_TEXT, seed_of_run(), i);
    cr_assert(type || t.too_deep || t.damaged == !vitro_pb_is_message(bytes), SEED_TEXT,
              seed_of_run(), i);
    free(copy);
}

Test(pb_walk, tiles_any_bytes_with_or_without_a_schema)
{
    struct chance c = seed_chance();
    struct pb_schema *s = schema_of_tests();
    const struct pb_message_type *all = vitro_pb_schema_message(s, vitro_str_of("pbtest.All"));

    cr_assert(all);
    for (size_t i = 0; i < CASES; i++) {
        struct pb_make make = { &c, false, space, seed_between(&c, 600, 2000), 0 };
        vitro_bytes bytes = { space, seed_between(&c, 0, 60) };

        switch (vitro_chance_below(&c, 3)) {
        case 0:
            seed_fill(&c, space, bytes.len);
            break;
        case 1:
            bytes = pb_make_fields(&make, 5);
            break;
        default:
            bytes = pb_make_message(&make, &pbtest__all__descriptor, 4);
        }
        for (size_t n = vitro_chance_below(&c, 3); n && bytes.len; n--)
            space[vitro_chance_below(&c, bytes.len)] = (uint8_t)vitro_chance_next(&c);
        expect_tiling(bytes, NULL, i);
        expect_tiling(bytes, all, i);
        bytes.len = vitro_chance_below(&c, bytes.len + 1);
        expect_tiling(bytes, all, i);
    }
    vitro_pb_schema_free(s);
}

Test(pb_walk, nesting_is_bounded)
{
    struct pb_schema *s = schema_of_tests();
    static uint8_t deep[20000];

    memset(deep, 0x0b, sizeof deep);
    expect_tiling((vitro_bytes){ deep, sizeof deep }, NULL, 0);
    memset(deep + sizeof deep / 2, 0x0c, sizeof deep / 2);
    expect_tiling((vitro_bytes){ deep, sizeof deep }, NULL, 0);
    for (size_t n = 98; n < 104; n++) {
        memset(deep, 0x0b, n);
        memset(deep + n, 0x0c, n);
        expect_tiling((vitro_bytes){ deep, 2 * n }, NULL, 0);
    }
    for (size_t i = 0; i < 128; i += 2) {
        deep[i] = 0x0a;
        deep[i + 1] = (uint8_t)(126 - i);
    }
    expect_tiling((vitro_bytes){ deep, 128 },
                  vitro_pb_schema_message(s, vitro_str_of("pbtest.Nest")), 0);
    vitro_pb_schema_free(s);
}

/* A node as text: "1 SCALAR 08 [0,1) [1,1) [1,2) 5". */
struct log {
    char text[4096];
    size_t len;
};

static bool write_down(const struct pb_node *n, void *user)
{
    static const char *const kinds[] = { "scalar", "bytes", "open", "element", "close", "damage" };
    struct log *log = user;
    int k = snprintf(log->text + log->len, sizeof log->text - log->len,
                     "%*s%s %u %.*s %zu,%zu,%zu,%zu", (int)n->depth, "", kinds[n->kind], n->number,
                     n->field ? (int)n->field->name.len : 1, n->field ? n->field->name.ptr : "-",
                     n->start, n->after_tag, n->value_at, n->end);

    log->len += (size_t)k;
    if (n->kind == PB_NODE_SCALAR || n->kind == PB_NODE_ELEMENT)
        log->len += (size_t)sprintf(log->text + log->len, " =%llu", (unsigned long long)n->value);
    if (n->fault)
        log->len += (size_t)sprintf(log->text + log->len, " !%s", vitro_pb_fault_text(n->fault));
    if (n->mismatch)
        log->len += (size_t)sprintf(log->text + log->len, " mismatch");
    log->len += (size_t)sprintf(log->text + log->len, "\n");
    return true;
}

static void expect_log(const char *type, const void *bytes, size_t n, const char *text)
{
    struct pb_schema *s = schema_of_tests();
    struct log log = { "", 0 };

    vitro_pb_walk((vitro_bytes){ bytes, n },
                  type ? vitro_pb_schema_message(s, vitro_str_of(type)) : NULL, 0, write_down,
                  &log);
    cr_assert(strcmp(log.text, text) == 0, "%s\ninstead of\n%s", log.text, text);
    vitro_pb_schema_free(s);
}
#define EXPECT_LOG(type, bytes, text) expect_log(type, bytes, sizeof(bytes) - 1, text)

Test(pb_walk, delivers_each_field_with_its_spans)
{
    EXPECT_LOG("pbtest.All", "\x08\x96\x01\x8a\x01\x06\x0a\x01\x61\x1a\x01\x07\xaa\x01\x02\x05\x06",
               "scalar 1 i32 0,1,1,3 =150\n"
               "open 17 leaf 3,5,6,12\n"
               " bytes 1 name 6,7,8,9\n"
               " open 3 list 9,10,11,12\n"
               "  element 3 list 11,11,11,12 =7\n"
               " close 3 list 12,12,12,12\n"
               "close 17 leaf 12,12,12,12\n"
               "open 21 i32s 12,14,15,17\n"
               " element 21 i32s 15,15,15,16 =5\n"
               " element 21 i32s 16,16,16,17 =6\n"
               "close 21 i32s 17,17,17,17\n");
}

Test(pb_walk, without_a_schema_a_run_of_bytes_stays_one)
{
    EXPECT_LOG(NULL, "\x0a\x02\x08\x01\x13\x08\x01\x14",
               "bytes 1 - 0,1,2,4\n"
               "open 2 - 4,5,5,7\n"
               " scalar 1 - 5,6,6,7 =1\n"
               "close 2 - 7,8,8,8\n");
}

Test(pb_walk, what_the_schema_does_not_fit_is_marked)
{
    EXPECT_LOG("pbtest.All", "\x0a\x01\x61\x78\x01\x7a\x01\xff\xf8\x06\x01",
               "bytes 1 i32 0,1,2,3 mismatch\n"
               "scalar 15 st 3,4,4,5 =1 mismatch\n"
               "bytes 15 st 5,6,7,8 !string is not UTF-8\n"
               "scalar 111 - 8,10,10,11 =1\n");
}

Test(pb_walk, damage_inside_a_message_ends_with_that_message)
{
    EXPECT_LOG("pbtest.All", "\x8a\x01\x03\x0a\x01\x00\x8a\x01\x02\x10\x80\x08\x01",
               "open 17 leaf 0,2,3,6\n"
               " bytes 1 name 3,4,5,6\n"
               "close 17 leaf 6,6,6,6\n"
               "open 17 leaf 6,8,9,11\n"
               " damage 0 - 9,9,9,11 !varint is cut off\n"
               "close 17 leaf 11,11,11,11\n"
               "scalar 1 i32 11,12,12,13 =1\n");
}

Test(pb_walk, a_message_that_was_cut_off_shows_what_came_of_it)
{
    EXPECT_LOG("pbtest.All", "\x8a\x01\x20\x10\x05\x0a\x09\x61",
               "open 17 leaf 0,2,3,8 !length reaches past the end\n"
               " scalar 2 value 3,4,4,5 =5\n"
               " bytes 1 name 5,6,7,8 !length reaches past the end\n"
               " damage 0 - 8,8,8,8 !length reaches past the end\n"
               "close 17 leaf 8,8,8,8\n"
               "damage 0 - 8,8,8,8 !length reaches past the end\n");
}

static bool stop_at_second(const struct pb_node *n, void *user)
{
    (void)n;
    return ++*(int *)user < 2;
}

Test(pb_walk, ends_when_told_to)
{
    int calls = 0;

    cr_assert(!vitro_pb_walk((vitro_bytes){ (const uint8_t *)"\x08\x01\x08\x02\x08\x03", 6 }, NULL,
                             0, stop_at_second, &calls));
    cr_assert(calls == 2);
}

static const char *readings_of(enum pb_node_kind kind, enum pb_wire wire, uint64_t value,
                               const char *bytes, size_t n)
{
    static char text[256];
    struct pb_reading out[PB_READ_KINDS];
    struct pb_node node = { .kind = kind, .wire = wire, .value = value };
    size_t count = vitro_pb_readings(&node, (vitro_bytes){ (const uint8_t *)bytes, n }, out);

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(text, i ? "," : "");
        strcat(text, vitro_pb_reading_name(out[i].kind));
    }
    return text;
}

Test(pb_walk, every_reading_is_offered_and_none_chosen)
{
    cr_assert(!strcmp(readings_of(PB_NODE_SCALAR, PB_VARINT, 1, "", 0), "uint,int,sint,bool"));
    cr_assert(!strcmp(readings_of(PB_NODE_SCALAR, PB_VARINT, 2, "", 0), "uint,int,sint"));
    cr_assert(!strcmp(readings_of(PB_NODE_SCALAR, PB_FIXED32, 1, "", 0), "uint,int,float"));
    cr_assert(!strcmp(readings_of(PB_NODE_SCALAR, PB_FIXED64, 1, "", 0), "uint,int,double"));
    cr_assert(!strcmp(readings_of(PB_NODE_BYTES, PB_LEN, 0, "", 0), "string,message,bytes"));
    cr_assert(!strcmp(readings_of(PB_NODE_BYTES, PB_LEN, 0, "\x08\x01\x10\x02", 4),
                      "string,message,packed varint,packed fixed32,bytes"));
    cr_assert(!strcmp(readings_of(PB_NODE_BYTES, PB_LEN, 0, "\xff", 1), "bytes"));
    cr_assert(!strcmp(readings_of(PB_NODE_CLOSE, PB_LEN, 0, "", 0), ""));
}

Test(pb_walk, values_read_as_their_type_says)
{
    cr_assert(vitro_pb_value_int(PB_TYPE_INT32, UINT64_MAX) == -1);
    cr_assert(vitro_pb_value_int(PB_TYPE_SINT32, 3) == -2);
    cr_assert(vitro_pb_value_int(PB_TYPE_SINT64, UINT64_MAX) == INT64_MIN);
    cr_assert(vitro_pb_value_int(PB_TYPE_UINT32, UINT64_MAX) == UINT32_MAX);
    cr_assert(vitro_pb_value_int(PB_TYPE_BOOL, 7) == 1);
    cr_assert(vitro_pb_value_double(PB_TYPE_FLOAT, 0x3fc00000) == 1.5);
    cr_assert(vitro_pb_value_double(PB_TYPE_DOUBLE, 0x3ff8000000000000) == 1.5);
    cr_assert(vitro_pb_value_double(PB_TYPE_UINT64, UINT64_MAX) > 1.8e19);
}
