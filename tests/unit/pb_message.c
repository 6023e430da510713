/* What vitro_pb_unpack promises beyond the oracle: limits, strictness, merging, release. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "base/util.h"
#include "pb/unpack.h"
#include "pbtest.vitro.h"
#include "pbtest2.vitro.h"
#include "support/heap.h"

#define BYTES(...)                                                                                 \
    (vitro_bytes)                                                                                  \
    {                                                                                              \
        (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })                 \
    }

static vitro_error error;

static void *unpack(const ProtobufCMessageDescriptor *type, vitro_bytes bytes, vitro_code expected)
{
    ProtobufCMessage *m;
    vitro_code rc;

    memset(&error, 0, sizeof error);
    rc = vitro_pb_unpack(&m, type, bytes, NULL, &error);
    cr_assert(rc == expected, "%s instead of %s: %s", vitro_code_name(rc),
              vitro_code_name(expected), error.frame[0].text);
    cr_assert(error.code == rc);
    cr_assert(!m == !!rc, "a message exactly when it is OK");
    return m;
}

static Pbtest__All *all(vitro_bytes bytes)
{
    return unpack(&pbtest__all__descriptor, bytes, VITRO_OK);
}

static void refuse(const ProtobufCMessageDescriptor *type, vitro_bytes bytes, const char *text)
{
    unpack(type, bytes, VITRO_INTERNAL);
    cr_assert(strcmp(error.frame[0].text, text) == 0, "\"%s\" instead of \"%s\"",
              error.frame[0].text, text);
}

static void refuse_all(vitro_bytes bytes, const char *text)
{
    refuse(&pbtest__all__descriptor, bytes, text);
}

static void packs_to(const void *message, vitro_bytes expected)
{
    uint8_t out[256];
    size_t n = vitro_pb_pack(message, out, sizeof out);

    cr_assert(n == expected.len && memcmp(out, expected.ptr, n) == 0);
}

Test(pb_message, r29_bytes_that_are_no_message_are_internal)
{
    refuse_all(BYTES(0xff, 0xff, 0xff), "tag is cut off at byte 0 of pbtest.All");
    refuse_all(BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
               "tag is longer than 5 bytes or 32 bits at byte 0 of pbtest.All");
    refuse_all(BYTES(0x00), "field number is 0 at byte 0 of pbtest.All");
    refuse_all(BYTES(0x0e), "wire type 6 or 7 does not exist at byte 1 of pbtest.All.i32");
    refuse_all(BYTES(0x08), "varint is cut off at byte 1 of pbtest.All.i32");
    refuse_all(BYTES(8, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 0),
               "varint is longer than 10 bytes at byte 1 of pbtest.All.i32");
    refuse_all(BYTES(0x1d, 1, 2), "fixed-size value is cut off at byte 1 of pbtest.All.sf32");
    refuse_all(BYTES(0x7a, 3, 'a'), "length reaches past the end at byte 1 of pbtest.All.st");
    refuse_all(BYTES(0xba, 1, 5, 0, 0, 0, 0, 0),
               "list ends inside a fixed-size value at byte 7 of pbtest.All.f32s[0]");
    refuse_all(BYTES(0x0c), "end tag of a group that is not open at byte 1 of pbtest.All.i32");
    refuse_all(BYTES(0x0b, 8, 1), "group has no end tag at byte 3 of pbtest.All.i32");
}

Test(pb_message, an_error_says_where_in_the_message)
{
    refuse_all(BYTES(0x8a, 1, 6, 0x22, 4, 0x22, 2, 0x0a, 9),
               "length reaches past the end at byte 8 of pbtest.All.leaf.deeper.deeper.name");
    refuse_all(BYTES(0xea, 1, 0, 0xea, 1, 2, 0x1a, 4),
               "length reaches past the end at byte 7 of pbtest.All.leaves[1].list[0]");
    refuse_all(BYTES(0xda, 1, 1, 'a', 0xda, 1, 1, 0xff),
               "string is not UTF-8 at byte 7 of pbtest.All.sts[1]");
}

Test(pb_message, strings_are_utf8_without_nul)
{
    vitro_pb_options options = VITRO_PB_OPTIONS_INIT;
    vitro_bytes odd = BYTES(0x7a, 4, 'a', 0, 0xff, 'b');
    Pbtest__All *m;

    refuse_all(BYTES(0x7a, 3, 0xed, 0xa0, 0x80), "string is not UTF-8 at byte 2 of pbtest.All.st");
    refuse_all(BYTES(0x7a, 9, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 0),
               "string holds a NUL byte at byte 10 of pbtest.All.st");
    options.flags = VITRO_PB_ANY_STRING;
    cr_assert(vitro_pb_unpack((ProtobufCMessage **)&m, &pbtest__all__descriptor, odd, &options,
                              NULL) == VITRO_INTERNAL);
    options.flags |= VITRO_PB_CUT_STRINGS;
    cr_assert(vitro_pb_unpack((ProtobufCMessage **)&m, &pbtest__all__descriptor, odd, &options,
                              NULL) == VITRO_OK);
    cr_assert(memcmp(m->st, odd.ptr + 2, 4) == 0 && m->st[4] == 0);
    vitro_pb_free(&m->base);
}

Test(pb_message, proto2_strings_may_hold_any_byte_but_nul)
{
    Pbtest2__Strict *m = unpack(&pbtest2__strict__descriptor, BYTES(8, 1, 0x12, 1, 0xff), VITRO_OK);

    cr_assert(strcmp(m->name, "\xff") == 0);
    vitro_pb_free(&m->base);
}

Test(pb_message, the_last_of_a_repetition_wins)
{
    Pbtest__All *m = all(BYTES(8, 1, 0x7a, 1, 'a', 8, 2, 0x7a, 1, 'b', 8, 0));

    cr_assert(m->i32 == 0 && strcmp(m->st, "b") == 0);
    vitro_pb_free(&m->base);
}

Test(pb_message, parts_of_a_sub_message_are_merged)
{
    Pbtest__All *m = all(BYTES(0x8a, 1, 8, 0x0a, 1, 'a', 0x10, 5, 0x1a, 1, 7, /* name value list */
                               0x8a, 1, 8, 0x10, 0, 0x18, 8, 0x22, 2, 0x10, 3)); /* and deeper */

    cr_assert(strcmp(m->leaf->name, "a") == 0);
    cr_assert(m->leaf->value == 0, "the second part says 0");
    cr_assert(m->leaf->n_list == 2 && m->leaf->list[0] == 7 && m->leaf->list[1] == 8);
    cr_assert(m->leaf->deeper->value == 3);
    vitro_pb_free(&m->base);
}

Test(pb_message, of_a_oneof_the_last_member_stays)
{
    Pbtest__All *m = all(BYTES(0x98, 3, 5, 0xa2, 3, 2, 'h', 'i'));

    cr_assert(m->pick_case == PBTEST__ALL__PICK_PICK_TEXT && strcmp(m->pick_text, "hi") == 0);
    vitro_pb_free(&m->base);
    m = all(BYTES(0xb2, 3, 3, 0x0a, 1, 'a', 0x98, 3, 5));
    cr_assert(m->pick_case == PBTEST__ALL__PICK_PICK_NUMBER && m->pick_number == 5);
    vitro_pb_free(&m->base);
    m = all(BYTES(0xb2, 3, 3, 0x0a, 1, 'a', 0xb2, 3, 2, 0x10, 9));
    cr_assert(m->pick_case == PBTEST__ALL__PICK_PICK_LEAF);
    cr_assert(strcmp(m->pick_leaf->name, "a") == 0 && m->pick_leaf->value == 9, "merged");
    vitro_pb_free(&m->base);
    m = all(BYTES(0xb2, 3, 3, 0x0a, 1, 'a', 0x98, 3, 5, 0xb2, 3, 2, 0x10, 9));
    cr_assert(m->pick_leaf->name[0] == '\0' && m->pick_leaf->value == 9, "begun anew");
    vitro_pb_free(&m->base);
}

Test(pb_message, lists_come_packed_or_not_whatever_is_declared)
{
    Pbtest__All *m = all(BYTES(0xa8, 1, 1, 0xaa, 1, 2, 2, 3, 0xa8, 1, 4, 0xaa, 1, 0, 0xa8, 1, 5,
                               0xf0, 1, 1, 0xf2, 1, 2, 2, 3));

    cr_assert(m->n_i32s == 5 && m->n_loose == 3);
    for (int i = 0; i < 5; i++)
        cr_assert(m->i32s[i] == i + 1);
    for (unsigned i = 0; i < 3; i++)
        cr_assert(m->loose[i] == i + 1);
    packs_to(m, BYTES(0xaa, 1, 5, 1, 2, 3, 4, 5, 0xf0, 1, 1, 0xf0, 1, 2, 0xf0, 1, 3));
    vitro_pb_free(&m->base);
}

Test(pb_message, presence_is_kept_where_it_is_declared)
{
    Pbtest__All *m = all(BYTES(8, 0, 0xc8, 2, 0, 0xd2, 2, 0, 0xda, 2, 0));

    cr_assert(m->has_maybe && m->maybe == 0);
    cr_assert(m->maybe_text && !*m->maybe_text);
    cr_assert(m->has_maybe_bytes && m->maybe_bytes.len == 0);
    cr_assert(!m->has_maybe_bool);
    packs_to(m, BYTES(0xc8, 2, 0, 0xd2, 2, 0, 0xda, 2, 0));
    vitro_pb_free(&m->base);
}

Test(pb_message, unknown_fields_wrong_wire_types_and_groups_are_kept)
{
    vitro_bytes odd = BYTES(0x0d, 1, 2, 3, 4,                   /* i32 as fixed32 */
                            0x7b, 8, 1, 0x0b, 0x0c, 0x7c,       /* st as a group of a group */
                            0xa0, 6, 0x96, 1, 0xa2, 6, 2, 8, 1, /* numbers it does not know */
                            0xfb, 0xff, 0xff, 0xff, 0x0f, 0xfc, 0xff, 0xff, 0xff, 0x0f);
    Pbtest__All *m = all(odd);

    cr_assert(m->i32 == 0 && m->base.n_unknown_fields == 5);
    cr_assert(m->base.unknown_fields[1].tag == 15 && m->base.unknown_fields[1].wire_type == 3);
    packs_to(m, odd);
    cr_assert(protobuf_c_message_get_packed_size(&m->base) == odd.len, "protobuf-c packs them too");
    vitro_pb_free(&m->base);
}

Test(pb_message, an_old_reader_carries_what_a_new_writer_sends)
{
    vitro_bytes leaf = BYTES(0x0a, 1, 'a', 0x10, 5, 0x1a, 1, 7);
    Pbtest__OldLeaf *m = unpack(&pbtest__old_leaf__descriptor, leaf, VITRO_OK);

    cr_assert(strcmp(m->name, "a") == 0 && m->base.n_unknown_fields == 2);
    packs_to(m, leaf);
    vitro_pb_free(&m->base);
}

Test(pb_message, map_entries_come_as_a_list_and_may_be_half_empty)
{
    Pbtest__All *m = all(BYTES(0xea, 3, 5, 0x0a, 1, 'k', 0x10, 3, 0xea, 3, 0));

    cr_assert(m->n_counts == 2);
    cr_assert(strcmp(m->counts[0]->key, "k") == 0 && m->counts[0]->value == 3);
    cr_assert(m->counts[1]->key[0] == '\0' && m->counts[1]->value == 0);
    vitro_pb_free(&m->base);
}

Test(pb_message, enums_are_open)
{
    Pbtest__All *m = all(
        BYTES(0x70, 99, 0xd2, 1, 11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 77));

    cr_assert((int)m->en == 99 && m->n_ens == 2);
    cr_assert((int)m->ens[0] == -1 && (int)m->ens[1] == 77);
    vitro_pb_free(&m->base);
}

Test(pb_message, required_fields_are_asked_for_at_the_end)
{
    const ProtobufCMessageDescriptor *strict = &pbtest2__strict__descriptor;
    const ProtobufCMessageDescriptor *holder = &pbtest2__holder__descriptor;
    Pbtest2__Holder *parts;
    Pbtest2__Strict *m;

    refuse(strict, BYTES(8, 1), "required field is missing at byte 2 of pbtest2.Strict.name");
    refuse(strict, BYTES(0), "field number is 0 at byte 0 of pbtest2.Strict");
    refuse(strict, BYTES(8, 1, 0x12, 0, 0x32, 4, 8, 1, 0x12, 0, 0x32, 2, 8, 2),
           "required field is missing at byte 14 of pbtest2.Strict.list[1].name");
    parts = unpack(holder, BYTES(0x0a, 2, 8, 1, 0x0a, 2, 0x12, 0), VITRO_OK);
    cr_assert(parts->strict->id == 1 && parts->strict->name[0] == '\0', "it came in two parts");
    vitro_pb_free(&parts->base);
    m = unpack(strict, BYTES(8, 1, 0x12, 0, 0x42, 0, 0x48, 5), VITRO_OK);
    cr_assert(m->pick_case == PBTEST2__STRICT__PICK_PICK_NUMBER, "the replaced member was half");
    cr_assert(m->level == 7 && !m->has_level && strcmp(m->word, "hi") == 0, "defaults");
    packs_to(m, BYTES(8, 1, 0x12, 0, 0x48, 5));
    vitro_pb_free(&m->base);
}

/* n messages or groups in each other. */
static vitro_bytes nest(size_t n, bool groups)
{
    static uint8_t space[64 * 1024];
    size_t at = sizeof space;

    for (size_t i = 0; i < n; i++) {
        uint8_t head[8];
        size_t len = 1;

        head[0] = 0x0a;
        len += vitro_pb_write_varint(head + 1, sizeof space - at);
        at -= len;
        memcpy(space + at, head, len);
    }
    if (groups) {
        at = 0;
        memset(space, 0x0b, n);
        memset(space + n, 0x0c, n);
        return (vitro_bytes){ space, 2 * n };
    }
    return (vitro_bytes){ space + at, sizeof space - at };
}

static void *deep(void *unused)
{
    const ProtobufCMessageDescriptor *type = &pbtest__nest__descriptor;
    vitro_pb_options options = VITRO_PB_OPTIONS_INIT;
    ProtobufCMessage *m;

    vitro_pb_free(unpack(type, nest(100, false), VITRO_OK));
    unpack(type, nest(101, false), VITRO_INTERNAL);
    unpack(type, nest(10000, false), VITRO_INTERNAL);
    vitro_pb_free(unpack(type, nest(100, true), VITRO_OK));
    unpack(type, nest(102, true), VITRO_INTERNAL);
    unpack(type, nest(10000, true), VITRO_INTERNAL);
    options.max_depth = 3;
    cr_assert(vitro_pb_unpack(&m, type, nest(4, false), &options, NULL) == VITRO_INTERNAL);
    cr_assert(vitro_pb_unpack(&m, type, nest(3, false), &options, NULL) == VITRO_OK);
    vitro_pb_free(m);
    return unused;
}

Test(pb_message, depth_is_bounded_and_so_is_the_stack)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    cr_assert(pthread_attr_setstacksize(&attr, 256 * 1024) == 0);
    cr_assert(pthread_create(&thread, &attr, deep, NULL) == 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}

Test(pb_message, four_mebibytes_of_empty_messages_stay_in_the_budget_or_are_refused)
{
    enum { SIZE = 4 << 20, BUDGET = 8 << 20, PLENTY = 256 << 20 };
    uint8_t *space = malloc(SIZE);
    vitro_pb_options options = VITRO_PB_OPTIONS_INIT;
    struct account account;
    ProtobufCMessage *m;

    for (size_t i = 0; i < SIZE; i += 2) {
        space[i] = 0x0a;
        space[i + 1] = 0;
    }
    options.max_bytes = BUDGET;
    vitro_account_init(&account, NULL, BUDGET);
    cr_assert(vitro_pb_unpack_charged(&m, &pbtest__empties__descriptor,
                                      (vitro_bytes){ space, SIZE }, &options, &account,
                                      &error) == VITRO_RESOURCE_EXHAUSTED);
    cr_assert(account.used == 0 && account.live == 0);
    options.max_bytes = PLENTY;
    cr_assert(vitro_pb_unpack_charged(&m, &pbtest__empties__descriptor,
                                      (vitro_bytes){ space, SIZE }, &options, &account,
                                      NULL) == VITRO_RESOURCE_EXHAUSTED,
              "the account is a limit as well");
    vitro_account_init(&account, NULL, PLENTY);
    cr_assert(vitro_pb_unpack_charged(&m, &pbtest__empties__descriptor,
                                      (vitro_bytes){ space, SIZE }, &options, &account,
                                      NULL) == VITRO_OK);
    cr_assert(((Pbtest__Empties *)m)->n_items == SIZE / 2);
    cr_assert(account.used < 32 * (size_t)SIZE);
    vitro_pb_free(m);
    cr_assert(account.used == 0);
    free(space);
}

Test(pb_message, a_message_is_released_by_whoever_made_it)
{
    vitro_bytes odd = BYTES(0xa0, 6, 1, 0x7a, 1, 'a');
    Pbtest__All *built = calloc(1, sizeof *built);
    struct heap heap = { 0 };

    vitro_pb_free(NULL);
    vitro_pb_free_unpacked(NULL, NULL);
    heap_install(&heap);
    vitro_pb_free_unpacked(unpack(&pbtest__all__descriptor, odd, VITRO_OK), NULL);
    vitro_pb_free_unpacked(unpack(&pbtest__all__descriptor, BYTES(8, 1), VITRO_OK), NULL);
    cr_assert(heap.live == 0);
    heap_remove();
    vitro_pb_free_unpacked(
        protobuf_c_message_unpack(&pbtest__all__descriptor, NULL, odd.len, odd.ptr), NULL);
    pbtest__all__init(built);
    built->st = strdup("mine");
    pbtest__all__free_unpacked(built, NULL);
    pbtest__all__free_unpacked(pbtest__all__unpack(NULL, odd.len, odd.ptr), NULL);
    cr_assert(pbtest__all__unpack(NULL, 1, (const uint8_t *)"\xff") == NULL);
}

struct counting {
    size_t live, calls;
};

static void *count_alloc(void *user, size_t n)
{
    ((struct counting *)user)->live++;
    ((struct counting *)user)->calls++;
    return malloc(n);
}

static void count_free(void *user, void *p)
{
    ((struct counting *)user)->live--;
    free(p);
}

Test(pb_message, an_allocator_of_the_application_is_used_once_a_message)
{
    struct counting count = { 0, 0 };
    ProtobufCAllocator allocator = { count_alloc, count_free, &count };
    vitro_bytes bytes = BYTES(8, 1, 0x7a, 2, 'h', 'i', 0xaa, 1, 2, 1, 2, 0x8a, 1, 3, 0x0a, 1, 'x');
    Pbtest__All *m = pbtest__all__unpack(&allocator, bytes.len, bytes.ptr);

    cr_assert(m && count.live == 1 && count.calls == 1);
    pbtest__all__free_unpacked(m, &allocator);
    cr_assert(count.live == 0);
}

Test(pb_message, lent_bytes_point_into_the_input)
{
    vitro_bytes bytes = BYTES(0x82, 1, 3, 1, 2, 3);
    vitro_pb_options options = VITRO_PB_OPTIONS_INIT;
    ProtobufCMessage *m;

    options.flags = VITRO_PB_LEND_BYTES;
    cr_assert(!vitro_pb_unpack(&m, &pbtest__all__descriptor, bytes, &options, NULL));
    cr_assert(((Pbtest__All *)m)->by.data == bytes.ptr + 3 && ((Pbtest__All *)m)->by.len == 3);
    vitro_pb_free(m);
}

Test(pb_message, an_empty_message_has_no_bytes)
{
    Pbtest__All *m = all((vitro_bytes){ NULL, 0 });

    cr_assert(m->st && !*m->st && !m->leaf && vitro_pb_size(&m->base) == 0);
    cr_assert(vitro_pb_pack(&m->base, NULL, 0) == 0);
    vitro_pb_free(&m->base);
}

Test(pb_message, pack_writes_nothing_past_its_room_and_says_how_much_it_needs)
{
    vitro_bytes bytes = BYTES(8, 1, 0x7a, 2, 'h', 'i', 0xaa, 1, 2, 1, 2, 0x8a, 1, 3, 0x0a, 1, 'x',
                              0xa0, 0xf7, 2, 1);
    Pbtest__All *m = all(bytes);

    for (size_t room = 0; room <= bytes.len; room++) {
        uint8_t *out = malloc(room ? room : 1);

        cr_assert(vitro_pb_pack(&m->base, out, room) == bytes.len);
        if (room == bytes.len)
            cr_assert(vitro_pb_pack(&m->base, out, room) ==
                      protobuf_c_message_pack(&m->base, (uint8_t[64]){ 0 }));
        free(out);
    }
    vitro_pb_free(&m->base);
}

Test(pb_message, long_parts_move_to_make_room_for_their_length)
{
    enum { LONG = 20000 };
    Pbtest__All m = PBTEST__ALL__INIT;
    Pbtest__Leaf leaf = PBTEST__LEAF__INIT, deeper = PBTEST__LEAF__INIT;
    int32_t *list = calloc(LONG, sizeof *list);
    size_t n = 0;
    uint8_t *ours, *theirs;

    for (int i = 0; i < LONG; i++)
        list[i] = i - 300;
    deeper.list = list;
    deeper.n_list = LONG;
    leaf.deeper = &deeper;
    m.leaf = &leaf;
    n = protobuf_c_message_get_packed_size(&m.base);
    ours = malloc(n);
    theirs = malloc(n);
    protobuf_c_message_pack(&m.base, theirs);
    cr_assert(vitro_pb_size(&m.base) == n && vitro_pb_pack(&m.base, ours, n) == n);
    cr_assert(memcmp(ours, theirs, n) == 0);
    cr_assert(vitro_pb_pack(&m.base, ours, n - 1) == n);
    free(ours);
    free(theirs);
    free(list);
}

Test(pb_message, newer_options_are_refused)
{
    struct {
        vitro_pb_options known;
        size_t later;
    } options = { VITRO_PB_OPTIONS_INIT, 1 };
    ProtobufCMessage *m;

    options.known.size = sizeof options;
    cr_assert(vitro_pb_unpack(&m, &pbtest__all__descriptor, (vitro_bytes){ NULL, 0 },
                              &options.known, NULL) == VITRO_INVALID_ARGUMENT);
}
