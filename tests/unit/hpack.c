#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "frame/hpack_writer.h"
#include "support/heap.h"
#include "support/hex.h"
#include "support/seed.h"

static const struct hpack_reader_options strict = { HPACK_DEFAULT_SIZE, 0, 0, false, false };
static const struct hpack_reader_options tolerant = { HPACK_DEFAULT_SIZE, 0, 0, true, false };

static vitro_str str(const char *text)
{
    return vitro_str_of(text);
}

/* Fields as "name: value\n", in a block given as hex. */
static const char *fields_of(struct hpack_reader *r, const char *hex, char *out, size_t size)
{
    uint8_t block[512];
    struct hpack_field f;
    size_t n = 0;

    out[0] = 0;
    vitro_hpack_block(r, hex_read(hex, block, sizeof block), 0);
    while (vitro_hpack_next(r, &f)) {
        cr_assert(f.wrong == HPACK_WRONG_NOTHING, "%s", vitro_hpack_wrong_text(f.wrong));
        n += (size_t)snprintf(out + n, size - n, "%.*s: %.*s\n", (int)f.name.len, f.name.ptr,
                              (int)f.value.len, f.value.ptr);
    }
    return out;
}

struct example {
    const char *hex, *fields;
    uint32_t size, count; /* of the table afterwards */
};

#define REQUEST_1 ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define REQUEST_2 REQUEST_1 "cache-control: no-cache\n"
#define REQUEST_3                                                                                  \
    ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\n"              \
    "custom-key: custom-value\n"
#define RESPONSE(status, second)                                                                   \
    ":status: " status "\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:" second " GMT\n"   \
    "location: https://www.example.com\n"
#define RESPONSE_3                                                                                 \
    RESPONSE("200", "22")                                                                          \
    "content-encoding: gzip\n"                                                                     \
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

/* RFC 7541, C.3 to C.6: four connections of three blocks; responses with a table of 256. */
static const struct example requests[] = {
    { "828684410f7777772e6578616d706c652e636f6d", REQUEST_1, 57, 1 },
    { "828684be58086e6f2d6361636865", REQUEST_2, 110, 2 },
    { "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", REQUEST_3, 164, 3 },
};
static const struct example requests_huffman[] = {
    { "828684418cf1e3c2e5f23a6ba0ab90f4ff", REQUEST_1, 57, 1 },
    { "828684be5886a8eb10649cbf", REQUEST_2, 110, 2 },
    { "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", REQUEST_3, 164, 3 },
};
static const struct example responses[] = {
    { "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
      "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      RESPONSE("302", "21"), 222, 4 },
    { "4803333037c1c0bf", RESPONSE("307", "21"), 222, 4 },
    { "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d"
      "4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572"
      "73696f6e3d31",
      RESPONSE_3, 215, 3 },
};
static const struct example responses_huffman[] = {
    { "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b"
      "97c8e9ae82ae43d3",
      RESPONSE("302", "21"), 222, 4 },
    { "4883640effc1c0bf", RESPONSE("307", "21"), 222, 4 },
    { "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf"
      "cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
      RESPONSE_3, 215, 3 },
};

/* Read the three blocks, then write their fields again: the same bytes, the same table. */
static void appendix_c(const struct example *e, uint32_t max_size, enum hpack_choice huffman)
{
    struct hpack_reader_options options = { max_size, 0, 0, false, false };
    struct hpack_style style = { HPACK_HOW_AUTO, 0, (uint8_t)huffman, (uint8_t)huffman };
    struct hpack_style cookie = { HPACK_HOW_INCREMENTAL, 0, (uint8_t)huffman, (uint8_t)huffman };
    struct hpack_reader r;
    struct hpack_writer w;
    char text[1024], hex[1024];

    vitro_hpack_reader_init(&r, NULL, &options);
    vitro_hpack_writer_init(&w, NULL, max_size);
    for (size_t i = 0; i < 3; i++) {
        struct buf out;
        cr_expect_str_eq(fields_of(&r, e[i].hex, text, sizeof text), e[i].fields);
        cr_expect(r.table.size == e[i].size && r.table.count == e[i].count);
        vitro_buf_init(&out, NULL, 4096);
        for (char *line = text, *end; *line; line = end + 1) {
            char *colon = strstr(line, ": ");
            end = strchr(line, '\n');
            *end = 0;
            *colon = 0;
            cr_assert(vitro_hpack_write(&w, &out, str(line), str(colon + 2),
                                        strcmp(line, "set-cookie") ? &style : &cookie));
        }
        cr_expect_str_eq(hex_text(vitro_buf_bytes(&out), hex, sizeof hex), e[i].hex);
        cr_expect(w.table.size == e[i].size && w.table.count == e[i].count);
        vitro_buf_done(&out);
    }
    vitro_hpack_reader_done(&r);
    vitro_hpack_writer_done(&w);
}

Test(hpack, appendix_c_is_read_and_written_to_the_byte)
{
    appendix_c(requests, 4096, HPACK_CHOICE_NO);
    appendix_c(requests_huffman, 4096, HPACK_CHOICE_YES);
    appendix_c(responses, 256, HPACK_CHOICE_NO);
    appendix_c(responses_huffman, 256, HPACK_CHOICE_YES);
}

Test(hpack, integers_of_appendix_c_1)
{
    static const struct {
        unsigned bits;
        uint64_t value;
        const char *hex;
    } cases[] = { { 5, 10, "0a" },      { 5, 1337, "1f9a0a" },
                  { 8, 42, "2a" },      { 5, 31, "1f00" },
                  { 1, 0, "00" },       { 7, 127, "7f00" },
                  { 7, 255, "7f8001" }, { 8, 4294967295, "ff80feffff0f" } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        char hex[64];
        vitro_buf_init(&b, NULL, 64);
        cr_assert(vitro_hpack_write_int(&b, 0, cases[i].bits, cases[i].value));
        cr_expect_str_eq(hex_text(vitro_buf_bytes(&b), hex, sizeof hex), cases[i].hex);
        vitro_buf_done(&b);
    }
}

Test(hpack, every_octet_of_a_representation_has_its_place)
{
    /* C.2.1 to C.2.4, then an incremental literal with an indexed name and Huffman. */
    static const struct {
        const char *hex;
        struct hpack_field want;
        const char *name, *value;
    } cases[] = {
        { "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
          { .repr = HPACK_INCREMENTAL_NEW,
            .flags = HPACK_INSERTED,
            .head = 1,
            .name_wire = { 1, 2, 10 },
            .value_wire = { 12, 13, 13 },
            .inserted = 1 },
          "custom-key",
          "custom-header" },
        { "040c2f73616d706c652f70617468",
          { .repr = HPACK_WITHOUT_INDEXED, .head = 1, .index = 4, .value_wire = { 1, 2, 12 } },
          ":path",
          "/sample/path" },
        { "100870617373776f726406736563726574",
          { .repr = HPACK_NEVER_NEW,
            .flags = HPACK_NEVER,
            .head = 1,
            .name_wire = { 1, 2, 8 },
            .value_wire = { 10, 11, 6 } },
          "password",
          "secret" },
        { "82", { .repr = HPACK_INDEXED, .head = 1, .index = 2 }, ":method", "GET" },
        { "7f0082197f",
          { .repr = HPACK_INCREMENTAL_INDEXED,
            .wrong = HPACK_WRONG_INDEX_BEYOND,
            .flags = HPACK_NAME_UNKNOWN | HPACK_VALUE_HUFFMAN | HPACK_INSERTED,
            .head = 2,
            .index = 63,
            .value_wire = { 2, 3, 2 },
            .refers = -1,
            .inserted = 1 },
          "",
          "ae" },
        { "1f088118",
          { .repr = HPACK_NEVER_INDEXED,
            .flags = HPACK_NEVER | HPACK_VALUE_HUFFMAN,
            .head = 2,
            .index = 23,
            .value_wire = { 2, 3, 1 },
            .wrong = HPACK_WRONG_HUFFMAN_PADDING },
          "authorization",
          "" },
        { "3fe11f", { .repr = HPACK_SIZE_UPDATE, .head = 3, .size = 4096 }, "", "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hpack_reader r;
        struct hpack_field f;
        uint8_t block[64];
        vitro_bytes b = hex_read(cases[i].hex, block, sizeof block);
        struct hpack_field want = cases[i].want;
        vitro_hpack_reader_init(&r, NULL, &tolerant);
        vitro_hpack_block(&r, b, 7);
        cr_assert(vitro_hpack_next(&r, &f));
        cr_expect(vitro_str_eq(f.name, str(cases[i].name)), "%zu", i);
        cr_expect(vitro_str_eq(f.value, str(cases[i].value)), "%zu: %.*s", i, (int)f.value.len,
                  f.value.ptr);
        want.name = f.name;
        want.value = f.value;
        want.len = (uint32_t)b.len;
        if (want.wrong == HPACK_WRONG_HUFFMAN_PADDING)
            want.flags |= HPACK_VALUE_UNKNOWN;
        cr_expect(memcmp(&want, &f, sizeof f) == 0, "case %zu", i);
        cr_expect(!vitro_hpack_next(&r, &f));
        vitro_hpack_reader_done(&r);
    }
}

Test(hpack, each_fault_has_its_reason_and_ends_a_strict_reader)
{
    static const struct {
        const char *hex;
        enum hpack_wrong wrong;
        enum hpack_repr repr;
    } cases[] = {
        { "80", HPACK_WRONG_INDEX_0, HPACK_INDEXED },
        { "ff49", HPACK_WRONG_INDEX_BEYOND, HPACK_INDEXED },
        { "be", HPACK_WRONG_INDEX_BEYOND, HPACK_INDEXED },
        { "7f000161", HPACK_WRONG_INDEX_BEYOND, HPACK_INCREMENTAL_INDEXED },
        { "40", HPACK_WRONG_ENDS_EARLY, HPACK_REST },
        { "ff", HPACK_WRONG_ENDS_EARLY, HPACK_REST },
        { "4002", HPACK_WRONG_ENDS_EARLY, HPACK_REST },
        { "400161", HPACK_WRONG_ENDS_EARLY, HPACK_REST },
        { "40016102", HPACK_WRONG_ENDS_EARLY, HPACK_REST },
        { "ff808080808001", HPACK_WRONG_INTEGER, HPACK_REST },
        { "ffffffffffff7f", HPACK_WRONG_INTEGER, HPACK_REST },
        { "ff818080801000", HPACK_WRONG_INTEGER, HPACK_REST },
        { "0484ffffffff", HPACK_WRONG_HUFFMAN_EOS, HPACK_WITHOUT_INDEXED },
        { "0482ffff", HPACK_WRONG_HUFFMAN_PADDING_LONG, HPACK_WITHOUT_INDEXED },
        { "048118", HPACK_WRONG_HUFFMAN_PADDING, HPACK_WITHOUT_INDEXED },
        { "3fe21f", HPACK_WRONG_UPDATE_LARGE, HPACK_SIZE_UPDATE },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hpack_reader r;
        struct hpack_field f;
        uint8_t block[64];
        vitro_hpack_reader_init(&r, NULL, &strict);
        vitro_hpack_block(&r, hex_read(cases[i].hex, block, sizeof block), 0);
        cr_assert(vitro_hpack_next(&r, &f));
        cr_expect(f.wrong == cases[i].wrong && f.repr == cases[i].repr, "%s: %s", cases[i].hex,
                  vitro_hpack_wrong_text(f.wrong));
        cr_expect(!vitro_hpack_next(&r, &f));
        vitro_hpack_block(&r, hex_read("82", block, sizeof block), 0);
        cr_expect(!vitro_hpack_next(&r, &f), "dead after %s", cases[i].hex);
        vitro_hpack_reader_done(&r);
    }
}

/* The first fault of a block; HPACK_WRONG_NOTHING when it has none. */
static enum hpack_wrong fault_of(struct hpack_reader *r, const char *hex)
{
    uint8_t block[64];
    struct hpack_field f;
    enum hpack_wrong w = HPACK_WRONG_NOTHING;

    vitro_hpack_block(r, hex_read(hex, block, sizeof block), 0);
    while (vitro_hpack_next(r, &f))
        w = w ? w : (enum hpack_wrong)f.wrong;
    return w;
}

Test(hpack, a_reduced_limit_asks_for_a_size_update_first)
{
    struct hpack_reader r;

    vitro_hpack_reader_init(&r, NULL, &tolerant);
    cr_expect(fault_of(&r, "8220") == HPACK_WRONG_UPDATE_LATE);
    cr_expect(fault_of(&r, "3fe11f82") == HPACK_WRONG_NOTHING);
    vitro_hpack_reader_limit(&r, 100);
    cr_expect(fault_of(&r, "82") == HPACK_WRONG_UPDATE_MISSING);
    cr_expect(fault_of(&r, "82") == HPACK_WRONG_NOTHING, "told once");
    vitro_hpack_reader_limit(&r, 100);
    cr_expect(fault_of(&r, "3f4582") == HPACK_WRONG_NOTHING); /* to 100 */
    vitro_hpack_reader_limit(&r, 0);
    vitro_hpack_reader_limit(&r, 4096);
    cr_expect(fault_of(&r, "3fe11f82") == HPACK_WRONG_UPDATE_MISSING, "the smallest comes first");
    vitro_hpack_reader_limit(&r, 0);
    vitro_hpack_reader_limit(&r, 4096);
    cr_expect(fault_of(&r, "203fe11f82") == HPACK_WRONG_NOTHING);
    cr_expect(r.table.max_size == 4096);
    vitro_hpack_reader_limit(&r, 8192);
    cr_expect(fault_of(&r, "82") == HPACK_WRONG_NOTHING, "a larger one may be ignored");
    vitro_hpack_reader_done(&r);
}

Test(hpack, a_tolerant_reader_goes_on_behind_what_it_can_still_tell_apart)
{
    uint8_t block[64];
    struct hpack_reader r;
    struct hpack_field f;
    static const uint8_t reprs[] = { HPACK_INDEXED,         HPACK_INDEXED, HPACK_WITHOUT_INDEXED,
                                     HPACK_INCREMENTAL_NEW, HPACK_INDEXED, HPACK_REST };
    uint32_t at = 0;

    vitro_hpack_reader_init(&r, NULL, &tolerant);
    /* index 0; beyond; bad Huffman; a: b; that entry; a string that is not all there */
    vitro_hpack_block(&r, hex_read("80 ff49 048118 4001610162 be 40056162", block, sizeof block),
                      0);
    for (size_t i = 0; i < ARRAY_LEN(reprs); i++) {
        cr_assert(vitro_hpack_next(&r, &f));
        cr_expect(f.repr == reprs[i] && f.off == at, "%zu: %u at %u", i, f.repr, f.off);
        at += f.len;
    }
    cr_expect(at == r.block.len && !vitro_hpack_next(&r, &f));
    cr_expect(r.fields == 5 && r.unknown == 3);
    cr_expect(r.table.count == 0 && !vitro_hpack_table_complete(&r.table));
    vitro_hpack_reader_done(&r);
}

Test(hpack, limits_hold_whatever_the_block_asks)
{
    struct hpack_reader_options options = { 1u << 30, 1000, 50, true, false };
    struct account account;
    struct hpack_reader r;
    struct chance c = seed_chance();
    uint8_t block[700];

    vitro_account_init(&account, NULL, 0);
    vitro_hpack_reader_init(&r, &account, &options);
    for (size_t i = 0; i < 30000; i++) {
        vitro_bytes b = { block, seed_between(&c, 0, sizeof block) };
        struct hpack_field f;
        uint32_t at = 0;
        size_t fields = 0;
        seed_fill(&c, block, b.len);
        for (size_t k = 0; k + 1 < b.len && i % 2; k += seed_between(&c, 1, 12))
            block[k] = (uint8_t[]){ 0x40, 0x7e, 0xbe, 0x3f, 0x85, 0xff }[seed_between(&c, 0, 5)];
        vitro_hpack_block(&r, b, i);
        while (vitro_hpack_next(&r, &f)) {
            cr_assert(f.off == at && f.len, SEED_TEXT, seed_of_run(), i);
            cr_assert(f.name.len <= 1000 && f.value.len <= 1000, SEED_TEXT, seed_of_run(), i);
            at += f.len;
            fields++;
        }
        cr_assert(at == b.len && fields <= b.len, SEED_TEXT, seed_of_run(), i);
        cr_assert(r.table.size <= 1000 && r.table.size <= r.table.max_size);
        cr_assert(account.used < 6000, "%zu bytes " SEED_TEXT, account.used, seed_of_run(), i);
    }
    vitro_hpack_reader_done(&r);
    cr_expect(account.used == 0 && account.live == 0);
}

/* One new name, then 24 entries under it: slots and bytes of the table grow several times. */
static vitro_bytes growing_block(uint8_t *p)
{
    uint8_t *start = p;

    for (size_t i = 0; i < 24; i++) {
        static const uint8_t first[] = { 0x40, 0x01, 'a', 60 }, next[] = { 0x7e, 60 };
        size_t n = i ? sizeof next : sizeof first;
        memcpy(p, i ? next : first, n);
        memset(p + n, 'x', 60);
        p += n + 60;
    }
    return (vitro_bytes){ start, (size_t)(p - start) };
}

Test(hpack, out_of_memory_is_a_reason_and_leaks_nothing)
{
    size_t refused = 0;

    for (size_t fail = 1; fail < 24; fail++) {
        struct heap heap = { .fail_at = fail };
        struct hpack_reader r, copy;
        struct hpack_field f;
        uint8_t block[2048];
        size_t names = 0, lost = 0;
        heap_install(&heap);
        vitro_hpack_reader_init(&r, NULL, &tolerant);
        vitro_hpack_reader_init(&copy, NULL, &tolerant);
        vitro_hpack_block(&r, growing_block(block), 0);
        while (vitro_hpack_next(&r, &f)) {
            cr_expect(f.wrong == HPACK_WRONG_NOTHING || f.wrong == HPACK_WRONG_MEMORY);
            cr_expect(f.value.len == 60 && f.value.ptr[59] == 'x');
            names += f.name.len == 1 && f.name.ptr[0] == 'a';
            lost += f.wrong != 0;
        }
        cr_expect(names + r.unknown == 24 && (lost || !r.unknown));
        refused += lost != 0;
        if (vitro_hpack_reader_copy(&copy, &r))
            cr_expect(copy.table.count == r.table.count);
        vitro_hpack_reader_done(&r);
        vitro_hpack_reader_done(&copy);
        cr_expect(heap.live == 0, "%zu blocks after call %zu failed", heap.live, fail);
        heap_remove();
    }
    cr_expect(refused >= 5 && refused < 23, "%zu", refused);
}

Test(hpack, a_writer_that_is_full_or_out_of_memory_adds_nothing)
{
    for (size_t fail = 0; fail < 3; fail++) {
        struct heap heap = { .fail_at = fail };
        struct hpack_writer w;
        uint8_t room[16];
        struct buf out = { room, 0, sizeof room, sizeof room, NULL };
        heap_install(&heap);
        vitro_hpack_writer_init(&w, NULL, 4096);
        cr_expect(vitro_hpack_write(&w, &out, str("a"), str("b"), NULL) == (fail == 0));
        cr_expect(out.len == (fail ? 0 : 5) && w.table.count == (fail ? 0 : 1));
        out.len = 0;
        cr_expect(
            !vitro_hpack_write(&w, &out, str("name"), str("a value too long for the room"), NULL));
        cr_expect(out.len == 0 && w.table.count == (fail ? 0 : 1));
        vitro_hpack_writer_done(&w);
        cr_expect(heap.live == 0);
        heap_remove();
    }
}

Test(hpack, a_copy_is_a_checkpoint)
{
    struct hpack_reader r, saved, again;
    char text[512];

    vitro_hpack_reader_init(&r, NULL, &strict);
    vitro_hpack_reader_init(&saved, NULL, &tolerant);
    vitro_hpack_reader_init(&again, NULL, &tolerant);
    fields_of(&r, requests[0].hex, text, sizeof text);
    cr_assert(vitro_hpack_reader_copy(&saved, &r));
    cr_expect(saved.table.byte_cap == 25, "no more memory than the entry takes");
    for (size_t i = 0; i < 50; i++)
        fields_of(&r, requests[0].hex, text, sizeof text);
    for (size_t i = 0; i < 2; i++) {
        cr_assert(vitro_hpack_reader_copy(&again, &saved));
        cr_expect_str_eq(fields_of(&again, requests[1].hex, text, sizeof text), REQUEST_2);
        cr_expect_str_eq(fields_of(&again, requests[2].hex, text, sizeof text), REQUEST_3);
        cr_expect(again.table.size == 164);
    }
    vitro_hpack_reader_done(&r);
    vitro_hpack_reader_done(&saved);
    vitro_hpack_reader_done(&again);
}

Test(hpack, the_writer_does_what_the_style_says)
{
    static const struct {
        struct hpack_style style;
        const char *name, *value, *hex; /* NULL: cannot be had */
    } cases[] = {
        { { HPACK_HOW_AUTO, 0, 0, 0 }, ":method", "GET", "82" },
        { { HPACK_HOW_WITHOUT, 0, 0, HPACK_CHOICE_NO }, ":method", "GET", "0203474554" },
        { { HPACK_HOW_WITHOUT, HPACK_CHOICE_NO, HPACK_CHOICE_NO, HPACK_CHOICE_NO },
          ":method",
          "GET",
          "00073a6d6574686f6403474554" },
        { { HPACK_HOW_NEVER, 0, 0, HPACK_CHOICE_NO }, ":path", "/a", "14022f61" },
        { { HPACK_HOW_AUTO, 0, 0, HPACK_CHOICE_NO }, "authorization", "x", "1f080178" },
        { { HPACK_HOW_INDEXED, 0, 0, 0 }, "x", "y", NULL },
        { { HPACK_HOW_INCREMENTAL, HPACK_CHOICE_YES, 0, 0 }, "x", "y", NULL },
        { { HPACK_HOW_INCREMENTAL, 0, HPACK_CHOICE_YES, HPACK_CHOICE_YES },
          "a",
          "a",
          "40811f811f" },
        { { HPACK_HOW_INDEXED, 0, 0, 0 }, "a", "a", "be" },
        { { HPACK_HOW_AUTO, 0, 0, 0 }, "a", "", "7e00" },
    };
    struct hpack_writer w;
    struct buf b;
    char hex[64];

    vitro_hpack_writer_init(&w, NULL, 4096);
    vitro_buf_init(&b, NULL, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool ok =
            vitro_hpack_write(&w, &b, str(cases[i].name), str(cases[i].value), &cases[i].style);
        cr_expect(ok == (cases[i].hex != NULL), "case %zu", i);
        cr_expect_str_eq(hex_text(vitro_buf_bytes(&b), hex, sizeof hex),
                         cases[i].hex ? cases[i].hex : "");
        b.len = 0;
    }
    cr_expect(vitro_hpack_write_size(&w, &b, 0) && b.len == 1 && b.ptr[0] == 0x20);
    cr_expect(w.table.count == 0);
    vitro_buf_done(&b);
    vitro_hpack_writer_done(&w);
}
