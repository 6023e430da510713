/* alarm - a timer of the loop for who includes vitro/loop.h alone. */
#include "io/loop.h"

#include "base/error.h"

struct vitro_alarm {
    struct timer timer;
    vitro_loop *loop;
    void (*fn)(void *user);
    void *user;
};

/* fn may free the alarm: nothing of it is touched after. */
static void on_due(struct timer *t)
{
    vitro_alarm *a = CONTAINER_OF(t, vitro_alarm, timer);

    a->fn(a->user);
}

vitro_code vitro_alarm_new(vitro_alarm **out, vitro_loop *loop, void (*fn)(void *user), void *user,
                           vitro_error *err)
{
    vitro_alarm *a;

    LOOP_ASSERT(loop);
    a = vitro_mem_zalloc(vitro_loop_account(loop), sizeof *a);
    *out = a;
    if (!a)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "alarm", 0, "out of memory");
    vitro_timer_init(&a->timer, on_due);
    a->loop = loop;
    a->fn = fn;
    a->user = user;
    vitro_loop_hold(loop);
    return VITRO_OK;
}

void vitro_alarm_set(vitro_alarm *a, int64_t at_ns)
{
    LOOP_ASSERT(a->loop);
    vitro_timer_start(a->loop, &a->timer, at_ns);
}

void vitro_alarm_clear(vitro_alarm *a)
{
    LOOP_ASSERT(a->loop);
    vitro_timer_stop(a->loop, &a->timer);
}

void vitro_alarm_free(vitro_alarm *a)
{
    vitro_loop *loop;

    if (!a)
        return;
    loop = a->loop;
    LOOP_ASSERT(loop);
    vitro_timer_stop(loop, &a->timer);
    vitro_mem_free(vitro_loop_account(loop), a, sizeof *a);
    vitro_loop_release(loop);
}
