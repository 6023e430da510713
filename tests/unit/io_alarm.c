/*
 * io_alarm - alarms: a timer for programs that have the installed headers alone.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "vitro/lab/sim.h"

struct ring {
    vitro_sim *sim;
    vitro_loop *loop;
    vitro_alarm *alarm, *other;
    int64_t every, due; /* every: 0: once */
    int64_t at[8];
    int rings, most;
    bool frees;
};

static void on_ring(void *user)
{
    struct ring *r = user;

    r->at[r->rings++ % 8] = vitro_loop_now(r->loop);
    if (r->frees) {
        vitro_alarm_free(r->alarm);
        r->alarm = NULL;
    } else if (r->every && r->rings < r->most) {
        r->due += r->every;
        vitro_alarm_set(r->alarm, r->due);
    }
}

static void begin(struct ring *r)
{
    memset(r, 0, sizeof *r);
    cr_assert_eq(vitro_sim_new(&r->sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(r->sim, &r->loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_alarm_new(&r->alarm, r->loop, on_ring, r, NULL), VITRO_OK);
}

/* The loop asserts that its alarms have gone. */
static void end(struct ring *r)
{
    vitro_alarm_free(r->alarm);
    vitro_loop_unref(r->loop);
    vitro_sim_free(r->sim);
}

Test(io_alarm, it_rings_once_for_each_time_that_was_set)
{
    struct ring r;
    int64_t start;
    begin(&r);
    start = vitro_loop_now(r.loop);
    vitro_sim_run(r.sim);
    cr_expect_eq(r.rings, 0, "it was not set");
    vitro_alarm_set(r.alarm, start + 50);
    vitro_alarm_set(r.alarm, start + 1000); /* the first one no longer counts */
    vitro_sim_run(r.sim);
    cr_expect_eq(r.rings, 1);
    cr_expect_eq(r.at[0], start + 1000);
    vitro_alarm_set(r.alarm, start); /* over already: right away */
    vitro_sim_run(r.sim);
    cr_expect_eq(r.rings, 2);
    cr_expect_eq(r.at[1], start + 1000);
    end(&r);
}

Test(io_alarm, what_repeats_from_the_last_time_does_not_drift)
{
    struct ring r;
    begin(&r);
    r.every = 1000000000;
    r.most = 5;
    r.due = vitro_loop_now(r.loop) + r.every;
    int64_t start = r.due;
    vitro_alarm_set(r.alarm, r.due);
    vitro_sim_run(r.sim);
    cr_expect_eq(r.rings, 5);
    for (int i = 0; i < 5; i++)
        cr_expect_eq(r.at[i], start + i * r.every);
    end(&r);
}

Test(io_alarm, cleared_or_freed_it_does_not_ring)
{
    struct ring r;
    begin(&r);
    vitro_alarm_set(r.alarm, vitro_loop_now(r.loop) + 10);
    vitro_alarm_clear(r.alarm);
    vitro_alarm_clear(r.alarm);
    vitro_sim_run(r.sim);
    cr_expect_eq(r.rings, 0);
    vitro_alarm_set(r.alarm, vitro_loop_now(r.loop) + 10);
    vitro_alarm_free(r.alarm);
    r.alarm = NULL;
    vitro_sim_run(r.sim);
    cr_expect_eq(r.rings, 0);
    vitro_alarm_free(NULL);
    end(&r);
}

Test(io_alarm, it_may_be_freed_while_it_rings)
{
    struct ring r;
    begin(&r);
    r.frees = true;
    vitro_alarm_set(r.alarm, vitro_loop_now(r.loop) + 10);
    vitro_sim_run(r.sim);
    cr_expect_eq(r.rings, 1);
    cr_expect_null(r.alarm);
    end(&r);
}

/* On the system's clock, through the loop's one descriptor as well. */
Test(io_alarm, it_rings_on_a_real_loop)
{
    struct ring r;
    memset(&r, 0, sizeof r);
    cr_assert_eq(vitro_loop_new(&r.loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_alarm_new(&r.alarm, r.loop, on_ring, &r, NULL), VITRO_OK);
    cr_assert_geq(vitro_loop_fd(r.loop), 0);
    int64_t start = vitro_loop_now(r.loop);
    vitro_alarm_set(r.alarm, start + 2000000);
    while (r.rings == 0)
        cr_assert_eq(vitro_loop_run(r.loop, -1, NULL), VITRO_OK);
    cr_expect_geq(r.at[0], start + 2000000);
    end(&r);
}
