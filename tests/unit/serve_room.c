/*
 * serve_room - rooms over two loops: each post reaches the others of its room once, in order.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "room.vitro.h"
#include "support/seed.h"
#include "support/served.h"

enum { MEMBERS = 6, ROOMS = 2, POSTS = 40 };

struct crowd;

/* A member, on a connection of its own. */
struct person {
    struct crowd *crowd;
    vitro_channel *channel;
    vitro_call *call;
    int number, room, said;
    int heard[MEMBERS]; /* how many posts of each */
    int code;
};

struct crowd {
    struct served world;
    struct person people[MEMBERS];
    unsigned long long seed;
};

static void on_message(vitro_call *call, const Room__RoomMessage *m, void *user)
{
    struct person *p = user;
    struct crowd *c = p->crowd;
    int who = atoi(m->userid), which = atoi(m->text);

    cr_assert(who >= 0 && who < MEMBERS);
    cr_expect_neq(who, p->number, "%d hears itself, VITRO_SEED=%llu", who, c->seed);
    cr_expect_eq(c->people[who].room, p->room, "from another room, VITRO_SEED=%llu", c->seed);
    cr_expect_eq(which, p->heard[who]++, "not in order, VITRO_SEED=%llu", c->seed);
    cr_expect_gt(m->timestamp, INT64_C(1758326400000) - 1);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    ((struct person *)user)->code = (int)status->code;
}

static const room_room_service_join_room_events events = {
    { .size = sizeof(vitro_call_events),
      .on_message = room_room_service_join_room_deliver,
      .on_closed = on_closed },
    on_message,
};

static void say(struct person *p, const char *room, const char *text)
{
    Room__RoomMessage m = ROOM__ROOM_MESSAGE__INIT;
    char who[16];

    snprintf(who, sizeof who, "%d", p->number);
    m.roomid = (char *)room;
    m.userid = who;
    m.text = (char *)text;
    cr_assert_eq(room_room_service_join_room_send(p->call, &m, 0, NULL, NULL), VITRO_OK);
}

static void arrive(struct crowd *c, int number, const char *room)
{
    struct person *p = &c->people[number];

    *p = (struct person){ .crowd = c, .number = number, .code = -1 };
    cr_assert_eq(vitro_channel_new(&p->channel, c->world.client, "sim:served", NULL, NULL),
                 VITRO_OK);
    cr_assert_eq(room_room_service_join_room_start(&p->call, p->channel, NULL, &events, p, NULL),
                 VITRO_OK);
    if (room)
        say(p, room, "");
}

static void go(struct person *p)
{
    vitro_call_unref(p->call);
    vitro_channel_free(p->channel);
    p->call = NULL;
    p->channel = NULL;
}

Test(serve_room, each_post_reaches_the_others_once_and_in_order)
{
    struct crowd c;
    struct chance chance;
    memset(&c, 0, sizeof c);
    chance = seed_chance();
    c.seed = seed_of_run();
    served_begin(&c.world, NULL);
    for (int i = 0; i < MEMBERS; i++) {
        arrive(&c, i, i % ROOMS ? "room1" : "방0");
        c.people[i].room = i % ROOMS;
    }
    served_run_ms(&c.world, 1);
    for (int i = 0; i < MEMBERS * POSTS; i++) {
        struct person *p = &c.people[vitro_chance_below(&chance, MEMBERS)];
        char text[16];
        snprintf(text, sizeof text, "%d", p->said++);
        say(p, "", text); /* the first message named the room */
        if (vitro_chance_below(&chance, 3) == 0)
            vitro_sim_step(c.world.sim);
    }
    served_run_ms(&c.world, 1);
    for (int i = 0; i < MEMBERS; i++) {
        for (int j = 0; j < MEMBERS; j++) {
            bool hears = i != j && i % ROOMS == j % ROOMS;
            cr_expect_eq(c.people[i].heard[j], hears ? c.people[j].said : 0,
                         "%d heard %d of %d's %d posts, VITRO_SEED=%llu", i, c.people[i].heard[j],
                         j, c.people[j].said, c.seed);
        }
    }
    for (int i = 0; i < MEMBERS; i++)
        vitro_call_send_end(c.people[i].call, NULL);
    vitro_sim_run(c.world.sim);
    cr_expect_null(c.world.serve.rooms);
    for (int i = 0; i < MEMBERS; i++) {
        cr_expect_eq(c.people[i].code, VITRO_OK);
        go(&c.people[i]);
    }
    served_end(&c.world);
}

Test(serve_room, who_leaves_in_whatever_way_is_no_longer_there)
{
    for (int how = 0; how < 4; how++) {
        struct crowd c;
        memset(&c, 0, sizeof c);
        served_begin(&c.world, NULL);
        arrive(&c, 0, "room1");
        arrive(&c, 1, "room1");
        served_run_ms(&c.world, 1);
        cr_assert_not_null(c.world.serve.rooms);
        say(&c.people[0], "", "0"); /* what was said before leaving is still heard */
        if (how == 0)
            vitro_call_send_end(c.people[0].call, NULL);
        served_run_ms(&c.world, 1);
        if (how == 1)
            vitro_call_cancel(c.people[0].call);
        else if (how == 2)
            cr_assert(vitro_sim_cut(c.world.sim, 0));
        else if (how == 3)
            go(&c.people[0]);
        served_run_ms(&c.world, 1);
        say(&c.people[1], "", "0");
        served_run_ms(&c.world, 1);
        cr_expect_eq(c.people[1].heard[0], 1);
        cr_expect_eq(c.people[0].heard[1], 0);
        cr_expect_eq(c.people[1].code, -1, "the other one stays");
        go(&c.people[1]);
        vitro_sim_run(c.world.sim);
        cr_expect_null(c.world.serve.rooms, "%d: the room is empty and gone", how);
        if (how < 3)
            go(&c.people[0]);
        served_end(&c.world);
    }
}

Test(serve_room, the_first_message_names_the_room)
{
    static const char *const names[] = {
        "", "0123456789012345678901234567890123456789012345678901234567890123"
    };
    struct crowd c;
    memset(&c, 0, sizeof c);
    served_begin(&c.world, NULL);
    for (int i = 0; i < 3; i++) {
        arrive(&c, i, i < 2 ? names[i] : NULL);
        if (i == 2)
            vitro_call_send_end(c.people[i].call, NULL);
        vitro_sim_run(c.world.sim);
        cr_expect_eq(c.people[i].code, VITRO_INVALID_ARGUMENT, "%d: %d", i, c.people[i].code);
        go(&c.people[i]);
    }
    cr_expect_null(c.world.serve.rooms);
    served_end(&c.world);
}

Test(serve_room, who_does_not_listen_is_shown_out_and_the_others_go_on)
{
    static char text[4096];
    struct crowd c;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    struct person *deaf = &c.people[0];
    size_t held, most = 0;
    memset(&c, 0, sizeof c);
    memset(text, '1', sizeof text - 1);
    served_begin(&c.world, NULL);
    options.manual_credit = true;
    deaf->crowd = &c;
    deaf->code = -1;
    cr_assert_eq(vitro_channel_new(&deaf->channel, c.world.client, "sim:served", NULL, NULL),
                 VITRO_OK);
    cr_assert_eq(room_room_service_join_room_start(&deaf->call, deaf->channel, &options, &events,
                                                   deaf, NULL),
                 VITRO_OK);
    say(deaf, "room1", "");
    arrive(&c, 1, "room1");
    served_run_ms(&c.world, 1);
    for (int i = 0; i < 3000 && deaf->code < 0; i++) {
        say(&c.people[1], "", text);
        served_run_ms(&c.world, 1);
        held =
            vitro_loop_memory(c.world.loops[0]).bytes + vitro_loop_memory(c.world.loops[1]).bytes;
        most = held > most ? held : most;
    }
    vitro_call_credit(deaf->call, 1); /* a call ends once what came was taken */
    cr_expect_lt(most, 6 * 1024 * 1024, "%zu bytes were held", most);
    vitro_call_cancel(deaf->call);
    served_run_ms(&c.world, 1);
    cr_expect_eq(c.people[1].code, -1);
    go(&c.people[1]);
    go(deaf);
    served_end(&c.world);
}
