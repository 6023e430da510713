/* The reader and the writers of protobuf's encoding. */
#include <criterion/criterion.h>
#include <string.h>

#include "pb/wire.h"
#include "support/seed.h"

enum { CASES = 20000 };

Test(pb_wire, a_varint_comes_back_whatever_it_is)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < CASES; i++) {
        uint64_t value = vitro_chance_next(&c) >> vitro_chance_below(&c, 64), back = 1;
        uint8_t space[PB_VARINT_MAX];
        size_t n = vitro_pb_write_varint(space, value);

        cr_assert(n == vitro_pb_varint_size(value));
        for (size_t cut = 0; cut <= n; cut++) {
            struct pb_reader r = { space, 0, cut };
            enum pb_fault fault = vitro_pb_read_varint(&r, &back);

            cr_assert(fault == (cut == n ? PB_FAULT_NONE : PB_FAULT_VARINT_CUT));
            cr_assert(r.at == (fault ? 0 : n), "a fault moves nothing");
        }
        cr_assert(back == value, SEED_TEXT, seed_of_run(), i);
    }
}

Test(pb_wire, a_varint_may_be_longer_than_it_need_be_up_to_ten_bytes)
{
    uint8_t space[12] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0 };
    uint64_t value;

    for (size_t n = 1; n <= 11; n++) {
        struct pb_reader r = { space + 12 - n, 0, n };

        space[12 - n] = n > 1 ? 0x81 : 0;
        cr_assert(vitro_pb_read_varint(&r, &value) ==
                  (n > 10 ? PB_FAULT_VARINT_LONG : PB_FAULT_NONE));
        cr_assert(n > 10 || value == (n > 1));
        space[12 - n] = n > 1 ? 0x80 : 0;
    }
    memset(space, 0xff, 9);
    space[9] = 0x7f;
    cr_assert(vitro_pb_read_varint(&(struct pb_reader){ space, 0, 10 }, &value) == PB_FAULT_NONE);
    cr_assert(value == UINT64_MAX, "bits past the 64th are dropped");
}

static void expect(const char *bytes, size_t n, enum pb_fault fault)
{
    struct pb_reader r = { (const uint8_t *)bytes, 0, n };
    struct pb_token t;
    enum pb_fault got = vitro_pb_read(&r, &t);

    cr_assert(got == fault, "%s instead of %s", vitro_pb_fault_text(got),
              vitro_pb_fault_text(fault));
    cr_assert(fault == PB_FAULT_NONE || r.at == 0);
}
#define EXPECT(text, fault) expect(text, sizeof(text) - 1, PB_FAULT_##fault)

Test(pb_wire, each_fault_is_told_apart)
{
    EXPECT("\x08\x01", NONE);
    EXPECT("\x88\x00\x01", NONE); /* a tag of two bytes where one would do */
    EXPECT("\x80", TAG_CUT);
    EXPECT("\x80\x80\x80\x80\x80\x00", TAG_LONG);
    EXPECT("\x80\x80\x80\x80\x10\x00", TAG_LONG);
    EXPECT("\xf8\xff\xff\xff\x0f\x00", NONE); /* number 536870911 */
    EXPECT("\x00\x00", NUMBER_ZERO);
    EXPECT("\x80\x00\x00", NUMBER_ZERO);
    EXPECT("\x0e", WIRE_TYPE);
    EXPECT("\x0f", WIRE_TYPE);
    EXPECT("\x08", VARINT_CUT);
    EXPECT("\x09\0\0\0\0\0\0\0", FIXED_CUT);
    EXPECT("\x0d\0\0\0", FIXED_CUT);
    EXPECT("\x0a\x02\0", LENGTH_PAST_END);
    EXPECT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0", LENGTH_PAST_END);
    EXPECT("\x0a\x80", VARINT_CUT);
    EXPECT("\x0b", NONE);
    EXPECT("\x0c", NONE);
}

Test(pb_wire, a_token_says_where_each_part_stands)
{
    const uint8_t bytes[] = { 0xff, 0x92, 0x03, 0x81, 0x00, 0x41, 0x0d, 1, 2, 3, 0x84 };
    struct pb_reader r = { bytes, 1, sizeof bytes };
    struct pb_token t;

    cr_assert(vitro_pb_read(&r, &t) == PB_FAULT_NONE);
    cr_assert(t.number == 50 && t.wire == PB_LEN && t.value == 1);
    cr_assert(t.start == 1 && t.after_tag == 3 && t.value_at == 5 && t.end == 6);
    cr_assert(pb_token_bytes(&r, &t).ptr == bytes + 5 && pb_token_bytes(&r, &t).len == 1);
    cr_assert(vitro_pb_read(&r, &t) == PB_FAULT_NONE);
    cr_assert(t.number == 1 && t.wire == PB_FIXED32 && t.value == 0x84030201u);
    cr_assert(r.at == r.end);
}

Test(pb_wire, a_group_ends_with_the_end_tag_of_its_own_number)
{
    const uint8_t sound[] = { 0x08, 1, 0x13, 0x0a, 1, 0x0c, 0x14, 0x0c, 0xff };
    const uint8_t crossed[] = { 0x13, 0x0c };
    struct pb_reader r = { sound, 0, sizeof sound };
    size_t body_end = 0;

    cr_assert(vitro_pb_skip_group(&r, 1, 1, &body_end) == PB_FAULT_NONE);
    cr_assert(body_end == 7 && r.at == 8);
    r.at = 0;
    cr_assert(vitro_pb_skip_group(&r, 1, 0, &body_end) == PB_FAULT_DEPTH && r.at == 2);
    r = (struct pb_reader){ crossed, 0, sizeof crossed };
    cr_assert(vitro_pb_skip_group(&r, 1, 9, &body_end) == PB_FAULT_GROUP_END && r.at == 1);
    r = (struct pb_reader){ crossed, 0, 1 };
    cr_assert(vitro_pb_skip_group(&r, 1, 9, &body_end) == PB_FAULT_GROUP_OPEN);
}

Test(pb_wire, zigzag_interleaves_the_signs)
{
    cr_assert(pb_zigzag(0) == 0 && pb_zigzag(1) == -1 && pb_zigzag(2) == 1);
    cr_assert(pb_zigzag(UINT64_MAX) == INT64_MIN && pb_zigzag(UINT64_MAX - 1) == INT64_MAX);
}
