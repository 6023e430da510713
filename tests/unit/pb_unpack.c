/* vitro_pb_unpack against protobuf-c's own, over generated and damaged messages. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/util.h"
#include "google/protobuf/descriptor.vitro.h"
#include "pb/unpack.h"
#include "pbtest.vitro.h"
#include "pbtest2.vitro.h"
#include "support/heap.h"
#include "support/pb_make.h"

enum { ROOM = 16 * 1024, CASES = 3000 };

static uint8_t space[ROOM], first[ROOM], second[ROOM], third[ROOM];

static const ProtobufCMessageDescriptor *any_type(struct chance *c)
{
    switch (vitro_chance_below(c, 4)) {
    case 0:
        return &pbtest2__holder__descriptor;
    case 1:
        return &google__protobuf__file_descriptor_proto__descriptor;
    default:
        return &pbtest__all__descriptor;
    }
}

/* Exactly as many bytes as there are, so that a sanitizer sees a read past them. */
static vitro_bytes exact(vitro_bytes from)
{
    uint8_t *copy = malloc(from.len ? from.len : 1);

    if (from.len)
        memcpy(copy, from.ptr, from.len);
    return (vitro_bytes){ copy, from.len };
}

static void expect_same(const ProtobufCMessage *ours, const ProtobufCMessage *theirs, size_t i)
{
    const char *difference = pb_difference(ours, theirs);
    size_t n = protobuf_c_message_get_packed_size(theirs);

    cr_assert(!difference, "%s differs in %s " SEED_TEXT, ours->descriptor->name, difference,
              seed_of_run(), i);
    cr_assert(n <= ROOM && protobuf_c_message_get_packed_size(ours) == n);
    protobuf_c_message_pack(theirs, first);
    protobuf_c_message_pack(ours, second);
    cr_assert(memcmp(first, second, n) == 0, "packed bytes differ " SEED_TEXT, seed_of_run(), i);
}

/* Our pack says the same of both, and what it writes is read back as the same. */
static void expect_packs(const ProtobufCMessage *m, size_t i)
{
    size_t n = vitro_pb_size(m);
    ProtobufCMessage *again;
    vitro_bytes packed = { third, n };
    vitro_error err = { 0 };

    cr_assert(n <= ROOM);
    cr_assert(vitro_pb_pack(m, third, n) == n, "packs into its own size " SEED_TEXT, seed_of_run(),
              i);
    cr_assert(vitro_pb_unpack(&again, m->descriptor, packed, NULL, &err) == VITRO_OK,
              "%s " SEED_TEXT, err.frame[0].text, seed_of_run(), i);
    cr_assert(!pb_difference(m, again), "%s comes back changed " SEED_TEXT, pb_difference(m, again),
              seed_of_run(), i);
    vitro_pb_free(again);
}

Test(pb_unpack, agrees_with_protobuf_c_on_sound_messages)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < CASES; i++) {
        const ProtobufCMessageDescriptor *type = any_type(&c);
        struct pb_make make = { &c, true, space, seed_between(&c, 600, ROOM / 4), 0 };
        vitro_bytes bytes = exact(pb_make_message(&make, type, 4));
        ProtobufCMessage *ours, *theirs;
        vitro_error err = { 0 };

        theirs = protobuf_c_message_unpack(type, NULL, bytes.len, bytes.ptr);
        cr_assert(theirs, "the oracle refuses " SEED_TEXT, seed_of_run(), i);
        cr_assert(vitro_pb_unpack(&ours, type, bytes, NULL, &err) == VITRO_OK, "%s " SEED_TEXT,
                  err.frame[0].text, seed_of_run(), i);
        free((void *)(uintptr_t)bytes.ptr);
        expect_same(ours, theirs, i);
        expect_packs(ours, i);
        vitro_pb_free(ours);
        protobuf_c_message_free_unpacked(theirs, NULL);
    }
}

/* What we refuse on purpose while protobuf-c does not. */
static bool stricter(const vitro_error *err)
{
    int32_t fault = err->frame[0].native;

    return fault == PB_FAULT_UTF8 || fault == PB_FAULT_NUL || fault == PB_FAULT_TAG_LONG ||
           fault == PB_FAULT_NUMBER_ZERO; /* 80 00 */
}

static vitro_bytes damage(struct chance *c, vitro_bytes bytes)
{
    uint8_t *p = (uint8_t *)(uintptr_t)bytes.ptr;

    for (size_t n = seed_between(c, 1, 3); n && bytes.len; n--)
        p[vitro_chance_below(c, bytes.len)] = (uint8_t)vitro_chance_next(c);
    if (vitro_chance_below(c, 4) == 0)
        bytes.len = vitro_chance_below(c, bytes.len + 1);
    return exact(bytes);
}

Test(pb_unpack, accepts_damaged_messages_that_protobuf_c_accepts_and_reads_the_same)
{
    struct chance c = seed_chance();
    size_t accepted = 0, refused = 0;

    for (size_t i = 0; i < 2 * CASES; i++) {
        const ProtobufCMessageDescriptor *type = any_type(&c);
        struct pb_make make = { &c, true, space, seed_between(&c, 600, 1500), 0 };
        vitro_bytes bytes = damage(&c, pb_make_message(&make, type, 3));
        ProtobufCMessage *ours, *theirs;
        vitro_error err = { 0 };
        vitro_code rc = vitro_pb_unpack(&ours, type, bytes, NULL, &err);

        theirs = protobuf_c_message_unpack(type, NULL, bytes.len, bytes.ptr);
        cr_assert(!rc || rc == VITRO_INTERNAL, "%s " SEED_TEXT, err.frame[0].text, seed_of_run(),
                  i);
        cr_assert(!rc == !!ours);
        if (theirs && rc)
            cr_assert(stricter(&err), "%s " SEED_TEXT, err.frame[0].text, seed_of_run(), i);
        if (theirs && !rc && !pb_oracle_misreads(bytes, type))
            expect_same(ours, theirs, i);
        if (!rc)
            expect_packs(ours, i);
        accepted += !rc;
        refused += !!rc;
        vitro_pb_free(ours);
        protobuf_c_message_free_unpacked(theirs, NULL);
        free((void *)(uintptr_t)bytes.ptr);
    }
    cr_expect(accepted > 100 && refused > 100, "%zu accepted, %zu refused", accepted, refused);
}

Test(pb_unpack, keeps_whatever_it_does_not_know_in_any_message)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < CASES; i++) {
        struct pb_make make = { &c, false, space, seed_between(&c, 600, 3000), 0 };
        vitro_bytes bytes = pb_make_fields(&make, 4);
        ProtobufCMessage *m;
        size_t n;

        if (vitro_pb_unpack(&m, &pbtest__nest__descriptor, bytes, NULL, NULL))
            continue; /* field 1 held something that is no message */
        if (((Pbtest__Nest *)m)->inner == NULL) {
            n = vitro_pb_pack(m, first, ROOM);
            cr_assert(n == bytes.len && memcmp(first, bytes.ptr, n) == 0,
                      "every byte comes back " SEED_TEXT, seed_of_run(), i);
        }
        vitro_pb_free(m);
    }
}

Test(pb_unpack, every_allocation_may_fail)
{
    struct chance c = seed_chance();
    struct heap heap = { 0 };

    heap_install(&heap);
    for (size_t i = 0; i < 60; i++) {
        struct pb_make make = { &c, true, space, ROOM, 0 };
        vitro_bytes bytes = pb_make_message(&make, &pbtest__all__descriptor, 4);
        vitro_code rc = VITRO_RESOURCE_EXHAUSTED;

        for (size_t fail_at = 1; rc; fail_at++) {
            ProtobufCMessage *m;

            heap.calls = 0;
            heap.fail_at = fail_at;
            rc = vitro_pb_unpack(&m, &pbtest__all__descriptor, bytes, NULL, NULL);
            cr_assert(rc == VITRO_OK || rc == VITRO_RESOURCE_EXHAUSTED);
            vitro_pb_free(m);
            cr_assert(heap.live == 0, "nothing is left over " SEED_TEXT, seed_of_run(), i);
        }
    }
    heap_remove();
}

Test(pb_unpack, charges_an_account_and_gives_all_back)
{
    struct chance c = seed_chance();
    struct account account;

    vitro_account_init(&account, NULL, 0);
    for (size_t i = 0; i < 200; i++) {
        struct pb_make make = { &c, false, space, ROOM, 0 };
        vitro_bytes bytes = pb_make_message(&make, &pbtest__all__descriptor, 4);
        ProtobufCMessage *m;

        if (!vitro_pb_unpack_charged(&m, &pbtest__all__descriptor, bytes, NULL, &account, NULL))
            cr_assert(account.used > 0);
        vitro_pb_free_unpacked(m, NULL);
        cr_assert(account.used == 0 && account.live == 0);
    }
}

Test(pb_unpack, any_truncation_is_an_error_or_a_shorter_message)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 30; i++) {
        struct pb_make make = { &c, false, space, 1500, 0 };
        vitro_bytes whole = pb_make_message(&make, &pbtest__all__descriptor, 3);

        for (size_t n = 0; n <= whole.len; n++) {
            vitro_bytes cut = exact((vitro_bytes){ whole.ptr, n });
            ProtobufCMessage *m;

            if (!vitro_pb_unpack(&m, &pbtest__all__descriptor, cut, NULL, NULL))
                expect_packs(m, i);
            vitro_pb_free(m);
            free((void *)(uintptr_t)cut.ptr);
        }
    }
}

Test(pb_unpack, descriptors_made_at_run_time_need_no_init_function)
{
    struct chance c = seed_chance();
    ProtobufCMessageDescriptor all = pbtest__all__descriptor, strict = pbtest2__strict__descriptor;
    Pbtest2__Strict *m;

    all.message_init = strict.message_init = NULL;
    for (size_t i = 0; i < 300; i++) {
        struct pb_make make = { &c, true, space, 2000, 0 };
        vitro_bytes bytes = pb_make_message(&make, &pbtest__all__descriptor, 3);
        ProtobufCMessage *ours, *theirs;

        cr_assert(!vitro_pb_unpack(&ours, &all, bytes, NULL, NULL));
        ours->descriptor = &pbtest__all__descriptor;
        /* protobuf-c itself would put the default of a oneof string into its union */
        theirs = protobuf_c_message_unpack(ours->descriptor, NULL, bytes.len, bytes.ptr);
        expect_same(ours, theirs, i);
        vitro_pb_free(ours);
        protobuf_c_message_free_unpacked(theirs, NULL);
    }
    cr_assert(!vitro_pb_unpack((ProtobufCMessage **)&m, &strict,
                               (vitro_bytes){ (const uint8_t *)"\x08\x01\x12", 4 }, NULL, NULL));
    cr_assert(m->id == 1 && m->level == 7 && !m->has_level && strcmp(m->word, "hi") == 0);
    vitro_pb_free(&m->base);
}
