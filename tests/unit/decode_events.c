/*
 * The index of events: whatever is put in comes out again.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "decode/events.h"
#include "decode/pack.h"
#include "support/seed.h"

/* A number near the last one, or anything at all. */
static uint64_t drift(struct chance *c, uint64_t last)
{
    switch (vitro_chance_below(c, 8)) {
    case 0:
        return vitro_chance_next(c) >> vitro_chance_below(c, 64);
    case 1:
        return vitro_chance_below(c, 2) ? UINT64_MAX : 0;
    case 2:
    case 3:
        return last + vitro_chance_below(c, 200) - 100;
    default:
        return last;
    }
}

/* Any event: also those that no capture would give. */
static vitro_event any_event(struct chance *c, const vitro_event *last, uint32_t number)
{
    vitro_event ev;

    memset(&ev, 0, sizeof ev);
    ev.offset = drift(c, last->offset + last->length);
    ev.length = drift(c, last->length);
    ev.time = (int64_t)drift(c, (uint64_t)last->time);
    ev.number = number;
    ev.parent = (uint32_t)drift(c, number - 1);
    ev.packet = (uint32_t)drift(c, last->packet);
    ev.conn = (uint32_t)drift(c, last->conn);
    ev.stream = (uint32_t)drift(c, last->stream);
    ev.detail = (uint32_t)drift(c, last->detail);
    ev.rope = (uint32_t)drift(c, last->rope);
    ev.path = (uint16_t)drift(c, last->path);
    ev.encoding = (uint16_t)drift(c, last->encoding);
    ev.kind = (uint8_t)drift(c, 1 + vitro_chance_below(c, 7));
    ev.source = (uint8_t)drift(c, vitro_chance_below(c, 4));
    ev.dir = (uint8_t)drift(c, vitro_chance_below(c, 2));
    ev.type = (uint8_t)drift(c, vitro_chance_below(c, 10));
    ev.flags = (uint8_t)drift(c, vitro_chance_below(c, 6));
    ev.bits = (uint8_t)drift(c, 0);
    ev.why = (uint8_t)drift(c, 0);
    return ev;
}

Test(decode_events, whatever_is_kept_comes_back_in_any_order)
{
    enum { COUNT = 5000 };
    struct chance c = seed_chance();
    vitro_event *all = calloc(COUNT, sizeof *all);
    vitro_event last = { 0 };
    struct account account;
    struct events e;

    vitro_account_init(&account, NULL, 0);
    vitro_events_init(&e, &account);
    for (uint32_t i = 0; i < COUNT; i++) {
        last = all[i] = any_event(&c, &last, i + 1);
        cr_assert(vitro_events_add(&e, &all[i]));
        if (i % 3 == 0) { /* while it grows, too */
            size_t k = seed_between(&c, 0, i);
            cr_assert(memcmp(vitro_events_get(&e, (uint32_t)k), &all[k], sizeof last) == 0,
                      "event %zu " SEED_TEXT, k, seed_of_run(), (size_t)i);
        }
    }
    for (size_t k = 0; k < COUNT; k++)
        cr_assert(memcmp(vitro_events_get(&e, (uint32_t)k), &all[k], sizeof last) == 0,
                  "event %zu " SEED_TEXT, k, seed_of_run(), k);
    vitro_events_done(&e);
    cr_expect(eq(sz, account.used, 0));
    free(all);
}

Test(decode_events, without_memory_an_event_is_not_kept_and_those_before_stay)
{
    struct chance c = seed_chance();
    vitro_event last = { 0 };
    struct account account;
    struct events e;
    uint32_t kept = 0;

    vitro_account_init(&account, NULL, EVENTS_PAGE * sizeof last + EVENTS_OPEN * 8192);
    vitro_events_init(&e, &account);
    for (;; kept++) {
        last = any_event(&c, &last, kept + 1);
        if (!vitro_events_add(&e, &last))
            break;
    }
    cr_expect(eq(u32, e.count, kept));
    cr_expect(not(vitro_events_add(&e, &last)));
    account.budget = 0;
    for (uint32_t i = 0; i < kept; i++)
        cr_assert(eq(u32, vitro_events_get(&e, i)->number, i + 1));
    cr_expect(vitro_events_add(&e, &last));
    vitro_events_done(&e);
    cr_expect(eq(sz, account.used, 0));
}

Test(decode_events, a_number_and_a_difference_are_packed_and_come_back)
{
    static const uint64_t numbers[] = { 0, 1, 127, 128, 1ULL << 31, 1ULL << 63, UINT64_MAX };
    uint8_t bytes[PACK_MAX];
    uint64_t v;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uint8_t *end = pack_put(bytes, numbers[i]);
        cr_assert(pack_get(bytes, &v) == end);
        cr_expect(eq(u64, v, numbers[i]));
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
            cr_expect(
                eq(u64, pack_apply(numbers[i], pack_delta(numbers[i], numbers[k])), numbers[k]));
    }
    cr_expect(lt(u64, pack_delta(10, 9), 128));
    cr_expect(lt(u64, pack_delta(10, 60), 128));
}
