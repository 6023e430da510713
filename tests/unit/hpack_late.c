/* A capture that begins in mid-connection: what is told is true, what is not known says so. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/util.h"
#include "frame/hpack_writer.h"
#include "support/seed.h"

enum { BLOCKS = 40, FIELDS = 8, TEXT = 64 };

/* A connection's blocks and what they mean, from a reader that saw it all. */
struct truth {
    struct buf bytes;
    size_t block[BLOCKS + 1]; /* where each begins; the last: the end */
    size_t fields[BLOCKS];
    struct {
        char text[2 * TEXT];
        size_t name_len, value_len;
    } field[BLOCKS][FIELDS];
};

static vitro_str word(struct chance *c, char *room)
{
    size_t n = seed_between(c, 1, seed_between(c, 0, 9) ? 12 : TEXT - 1);

    for (size_t i = 0; i < n; i++)
        room[i] = (char)('a' + seed_between(c, 0, seed_between(c, 0, 3) ? 1 : 25));
    return (vitro_str){ room, n };
}

static void truth_make(struct truth *t, struct chance *c, uint32_t max_size, bool resizes)
{
    static char names[6][TEXT], values[6][TEXT];
    vitro_str n[6], v[6];
    struct hpack_writer w;

    for (size_t i = 0; i < 6; i++) {
        n[i] = word(c, names[i]);
        v[i] = word(c, values[i]);
    }
    vitro_hpack_writer_init(&w, NULL, max_size);
    vitro_buf_init(&t->bytes, NULL, 1 << 20);
    for (size_t b = 0; b < BLOCKS; b++) {
        t->block[b] = t->bytes.len;
        if (resizes && seed_between(c, 0, 9) == 0)
            vitro_hpack_write_size(&w, &t->bytes,
                                   (uint32_t)seed_between(c, 0, 1) *
                                       (uint32_t)seed_between(c, 0, max_size));
        t->fields[b] = seed_between(c, 1, FIELDS);
        for (size_t i = 0; i < t->fields[b]; i++) {
            static const uint8_t hows[] = { HPACK_HOW_AUTO, HPACK_HOW_AUTO, HPACK_HOW_INCREMENTAL,
                                            HPACK_HOW_WITHOUT, HPACK_HOW_NEVER };
            struct hpack_style style = { hows[seed_between(c, 0, 4)], 0, 0, 0 };
            char room[TEXT];
            vitro_str name = n[seed_between(c, 0, 5)], value = v[seed_between(c, 0, 5)];
            if (seed_between(c, 0, 4) == 0)
                value = word(c, room);
            cr_assert(vitro_hpack_write(&w, &t->bytes, name, value, &style));
            memcpy(t->field[b][i].text, name.ptr, name.len);
            memcpy(t->field[b][i].text + name.len, value.ptr, value.len);
            t->field[b][i].name_len = name.len;
            t->field[b][i].value_len = value.len;
        }
    }
    t->block[BLOCKS] = t->bytes.len;
    vitro_hpack_writer_done(&w);
}

static vitro_bytes truth_block(const struct truth *t, size_t b)
{
    return (vitro_bytes){ t->bytes.ptr + t->block[b], t->block[b + 1] - t->block[b] };
}

/* Read block b; every field is the truth or says unknown. Returns how many say so. */
static size_t read_block(struct hpack_reader *r, const struct truth *t, size_t b, size_t n)
{
    struct hpack_field f;
    size_t i = 0, unknown = 0;

    vitro_hpack_block(r, truth_block(t, b), b);
    while (vitro_hpack_next(r, &f)) {
        vitro_str name, value;
        cr_assert(!f.wrong, "%s " SEED_TEXT, vitro_hpack_wrong_text(f.wrong), seed_of_run(), n);
        if (f.repr == HPACK_SIZE_UPDATE)
            continue;
        name = (vitro_str){ t->field[b][i].text, t->field[b][i].name_len };
        value = (vitro_str){ name.ptr + name.len, t->field[b][i].value_len };
        cr_assert(f.flags & HPACK_NAME_UNKNOWN ? f.name.len == 0 : vitro_str_eq(f.name, name),
                  "name of %zu in %zu " SEED_TEXT, i, b, seed_of_run(), n);
        cr_assert(f.flags & HPACK_VALUE_UNKNOWN ? f.value.len == 0 : vitro_str_eq(f.value, value),
                  "value of %zu in %zu " SEED_TEXT, i, b, seed_of_run(), n);
        if (f.flags & (HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN)) {
            cr_assert(f.index > HPACK_STATIC_COUNT, SEED_TEXT, seed_of_run(), n);
            unknown++;
        }
        i++;
    }
    cr_assert(i == t->fields[b], "%zu of %zu " SEED_TEXT, i, t->fields[b], seed_of_run(), n);
    return unknown;
}

Test(hpack_late, all_that_is_told_is_true_wherever_the_capture_begins)
{
    static struct truth t;
    struct chance c = seed_chance();
    size_t unknown = 0, told = 0;

    for (size_t run = 0; run < 400; run++) {
        uint32_t max_size = (uint32_t[]){ 4096, 300, 60, 16384 }[run % 4];
        struct hpack_reader_options late = { 4096, 0, 0, true, true };
        size_t from = seed_between(&c, 0, BLOCKS - 1);
        struct hpack_reader r;
        size_t here = 0;
        late.capacity = run % 3 ? 0 : 200; /* also with less memory than the table takes */
        truth_make(&t, &c, max_size, run % 5 == 0);
        vitro_hpack_reader_init(&r, NULL, &late);
        for (size_t b = from; b < BLOCKS; b++)
            here += read_block(&r, &t, b, run);
        cr_assert(r.unknown == here, "counted %zu, told %zu " SEED_TEXT, (size_t)r.unknown, here,
                  seed_of_run(), run);
        unknown += here;
        told += (size_t)r.fields - here;
        vitro_hpack_reader_done(&r);
        vitro_buf_done(&t.bytes);
    }
    cr_assert(unknown > 200 && told > unknown, "%zu unknown, %zu told", unknown, told);
}

Test(hpack_late, blocks_lost_in_between_make_nothing_false)
{
    static struct truth t;
    struct hpack_reader_options options = { 4096, 0, 0, true, false };
    struct chance c = seed_chance();

    for (size_t run = 0; run < 200; run++) {
        size_t lost = seed_between(&c, 1, BLOCKS - 2);
        struct hpack_reader r;
        truth_make(&t, &c, 4096, run % 5 == 0);
        vitro_hpack_reader_init(&r, NULL, &options);
        for (size_t b = 0; b < BLOCKS; b++) {
            if (b == lost)
                vitro_hpack_reader_lose(&r);
            else
                cr_assert(read_block(&r, &t, b, run) == 0 || b > lost, SEED_TEXT, seed_of_run(),
                          run);
        }
        vitro_hpack_reader_done(&r);
        vitro_buf_done(&t.bytes);
    }
}

/* Read one block of bytes: the last field. */
static struct hpack_field last_of(struct hpack_reader *r, const uint8_t *p, size_t n)
{
    struct hpack_field f, last = { 0 };

    vitro_hpack_block(r, (vitro_bytes){ p, n }, 0);
    while (vitro_hpack_next(r, &f))
        last = f;
    return last;
}

Test(hpack_late, an_entry_under_an_unknown_name_keeps_its_place_and_its_value)
{
    static const uint8_t insert[] = { 0x7f, 0x05, 0x01, 'v' }; /* index 68: v */
    static const uint8_t other[] = { 0x40, 0x01, 'a', 0x01, 'b' };
    static const uint8_t newest = 0xbe, second = 0xbf, third = 0xc0;
    struct hpack_reader_options late = { 4096, 0, 0, true, true };
    struct hpack_reader r;
    struct hpack_field f;

    vitro_hpack_reader_init(&r, NULL, &late);
    f = last_of(&r, insert, sizeof insert);
    cr_expect(f.repr == HPACK_INCREMENTAL_INDEXED && f.index == 68 && f.refers == -6);
    cr_expect((f.flags & HPACK_NAME_UNKNOWN) && !(f.flags & HPACK_VALUE_UNKNOWN));
    cr_expect((f.flags & HPACK_INSERTED) && f.inserted == 1);
    last_of(&r, other, sizeof other);
    f = last_of(&r, &newest, 1);
    cr_expect(vitro_str_eq(f.name, vitro_str_of("a")) && f.refers == 2);
    f = last_of(&r, &second, 1);
    cr_expect((f.flags & HPACK_NAME_UNKNOWN) && vitro_str_eq(f.value, vitro_str_of("v")));
    cr_expect(f.refers == 1);
    f = last_of(&r, &third, 1);
    cr_expect((f.flags & HPACK_NAME_UNKNOWN) && (f.flags & HPACK_VALUE_UNKNOWN));
    cr_expect(f.refers == 0 && f.wrong == HPACK_WRONG_NOTHING);
    cr_expect(r.fields == 5 && r.unknown == 3);
    vitro_hpack_reader_done(&r);
}

Test(hpack_late, a_size_update_tells_what_older_entries_there_can_be)
{
    static const uint8_t to_100[] = { 0x3f, 0x45 }, to_0 = 0x20, to_4096[] = { 0x3f, 0xe1, 0x1f };
    static const uint8_t index_64 = 0xc0, index_65 = 0xc1;
    struct hpack_reader_options late = { 4096, 0, 0, true, true };
    struct hpack_reader r;

    vitro_hpack_reader_init(&r, NULL, &late);
    cr_expect(last_of(&r, &index_65, 1).wrong == HPACK_WRONG_NOTHING);
    last_of(&r, to_100, sizeof to_100);
    cr_expect(last_of(&r, &index_64, 1).wrong == HPACK_WRONG_NOTHING, "three may be left");
    cr_expect(last_of(&r, &index_65, 1).wrong == HPACK_WRONG_INDEX_BEYOND, "but not four");
    last_of(&r, to_4096, sizeof to_4096);
    cr_expect(last_of(&r, &index_65, 1).wrong == HPACK_WRONG_INDEX_BEYOND, "they do not return");
    cr_expect(!vitro_hpack_table_complete(&r.table));
    last_of(&r, &to_0, 1);
    cr_expect(vitro_hpack_table_complete(&r.table), "from here on it is all known");
    cr_expect(last_of(&r, &index_64, 1).wrong == HPACK_WRONG_INDEX_BEYOND);
    vitro_hpack_reader_done(&r);
}

Test(hpack_late, numbers_are_never_used_again)
{
    static const uint8_t insert[] = { 0x40, 0x01, 'a', 0x01, 'b' };
    static const uint8_t newest = 0xbe, second = 0xbf;
    struct hpack_reader_options options = { 4096, 0, 0, true, false };
    struct hpack_reader r;
    int64_t before, after;

    vitro_hpack_reader_init(&r, NULL, &options);
    before = last_of(&r, insert, sizeof insert).inserted;
    vitro_hpack_reader_lose(&r);
    cr_expect(last_of(&r, &newest, 1).refers != before, "that entry is a stranger now");
    after = last_of(&r, insert, sizeof insert).inserted;
    cr_expect(before == 1 && after > before);
    cr_expect(last_of(&r, &newest, 1).refers == after);
    cr_expect(last_of(&r, &second, 1).refers == after - 1);
    vitro_hpack_reader_done(&r);
}

/* ---- what is told ---------------------------------------------------------------------------- */

static void tell_block(struct hpack_reader *r, const struct truth *t, size_t b)
{
    struct buf lines;

    vitro_buf_init(&lines, NULL, 1 << 20);
    for (size_t i = 0; i < t->fields[b]; i++) {
        const char *text = t->field[b][i].text;
        vitro_buf_append(&lines, text, t->field[b][i].name_len);
        vitro_buf_append(&lines, ": ", 2);
        vitro_buf_append(&lines, text + t->field[b][i].name_len, t->field[b][i].value_len);
        vitro_buf_append(&lines, "\n", 1);
    }
    vitro_hpack_tell(r, vitro_buf_bytes(&lines));
    vitro_buf_done(&lines);
}

/* How many fields of block b the reader cannot name by itself. */
static size_t unknown_in(const struct hpack_reader *r, const struct truth *t, size_t b)
{
    struct hpack_reader_options late = { 4096, 0, 0, true, true };
    struct hpack_reader copy;
    size_t n;

    vitro_hpack_reader_init(&copy, NULL, &late);
    cr_assert(vitro_hpack_reader_copy(&copy, r));
    n = read_block(&copy, t, b, 0);
    vitro_hpack_reader_done(&copy);
    return n;
}

Test(hpack_late, blocks_that_are_told_leave_nothing_unknown_and_need_telling_ever_less)
{
    static struct truth t;
    struct chance c = seed_chance();
    size_t told = 0, silent = 0, complete = 0;

    for (size_t run = 0; run < 400; run++) {
        uint32_t max_size = (uint32_t[]){ 4096, 300, 600, 16384 }[run % 4];
        struct hpack_reader_options options = { max_size, 0, 0, true, false };
        struct hpack_reader full, r;
        size_t from = seed_between(&c, 0, BLOCKS - 1);
        truth_make(&t, &c, max_size, run % 5 == 0);
        vitro_hpack_reader_init(&full, NULL, &options);
        for (size_t b = 0; b < from; b++)
            read_block(&full, &t, b, run);
        options.late = true;
        vitro_hpack_reader_init(&r, NULL, &options);
        vitro_hpack_table_resume(&r.table, full.table.max_size, full.table.size);
        for (size_t b = from; b < BLOCKS; b++) {
            bool whole = vitro_hpack_table_complete(&r.table);
            size_t missing = unknown_in(&r, &t, b);
            cr_assert(!whole || !missing, "complete, and still unknown " SEED_TEXT, seed_of_run(),
                      run);
            if (missing)
                tell_block(&r, &t, b);
            cr_assert(read_block(&r, &t, b, run) == 0, SEED_TEXT, seed_of_run(), run);
            told += missing > 0;
            silent += !missing;
        }
        complete += vitro_hpack_table_complete(&r.table);
        vitro_hpack_reader_done(&r);
        vitro_hpack_reader_done(&full);
        vitro_buf_done(&t.bytes);
    }
    cr_assert(told > 400 && silent > told && complete > 100, "%zu told, %zu silent, %zu complete",
              told, silent, complete);
}

Test(hpack_late, what_was_told_of_an_entry_holds_for_the_blocks_behind)
{
    static const uint8_t index_63 = 0xbf, insert[] = { 0x7f, 0x01, 0x01, 'v' }; /* index 64: v */
    static const char lines[] = "name: value\n", name_only[] = "other: v\n";
    struct hpack_reader_options late = { 4096, 0, 0, true, true };
    struct hpack_reader r;
    struct hpack_field f;

    vitro_hpack_reader_init(&r, NULL, &late);
    vitro_hpack_tell(&r, (vitro_bytes){ (const uint8_t *)lines, sizeof lines - 1 });
    f = last_of(&r, &index_63, 1);
    cr_expect(vitro_str_eq(f.name, vitro_str_of("name")) && f.flags == HPACK_TOLD);
    f = last_of(&r, &index_63, 1);
    cr_expect(vitro_str_eq(f.value, vitro_str_of("value")) && f.flags == HPACK_TOLD);
    vitro_hpack_tell(&r, (vitro_bytes){ (const uint8_t *)name_only, sizeof name_only - 1 });
    f = last_of(&r, insert, sizeof insert);
    cr_expect(vitro_str_eq(f.name, vitro_str_of("other")));
    cr_expect(f.flags == (HPACK_TOLD | HPACK_INSERTED));
    f = last_of(&r, &(uint8_t){ 0xc0 }, 1); /* 64 is now what 63 was */
    cr_expect(vitro_str_eq(f.value, vitro_str_of("value")) && f.flags == HPACK_TOLD);
    vitro_hpack_reader_done(&r);
}

Test(hpack_late, what_contradicts_the_block_is_not_believed)
{
    static const char *const lies[] = {
        "te: trailers\nx: y\n", "x", "", "\n\n\n", ": \n: \n", ":method: POST\nx",
        ":method: POST\n:x:y\n"
    };
    static const uint8_t block[] = { 0x82, 0xbf }; /* :method: GET, index 63 */
    struct hpack_reader_options late = { 4096, 0, 0, true, true };
    struct hpack_reader r;

    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        vitro_str lie = vitro_str_of(lies[i]);
        vitro_hpack_reader_init(&r, NULL, &late);
        vitro_hpack_tell(&r, (vitro_bytes){ (const uint8_t *)lie.ptr, lie.len });
        cr_expect(last_of(&r, block, sizeof block).flags & HPACK_NAME_UNKNOWN, "%zu", i);
        cr_expect(last_of(&r, block, sizeof block).flags & HPACK_NAME_UNKNOWN, "%zu", i);
        vitro_hpack_reader_done(&r);
    }
}
