/* The loop: timers, tasks, posts, the one descriptor, and who may run it. */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"
#include "io/loop.h"
#include "io/poller.h"
#include "support/heap.h"
#include "support/seed.h"
#include "vitro/lab/sim.h"

static vitro_loop *new_loop(void)
{
    vitro_loop *loop;

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    return loop;
}

static void run(vitro_loop *loop, int64_t wait_ns)
{
    vitro_error err;
    vitro_code rc = vitro_loop_run(loop, wait_ns, &err);

    cr_assert_eq(rc, VITRO_OK, "%s", rc ? err.frame[0].text : "");
}

/* ---- timers against a sorted model ---------------------------------------------------------- */

enum { TIMERS = 300, FIRED = 4000 };

struct model_timer {
    struct timer timer;
    int64_t due;
    uint64_t order;
    bool running;
};

static struct {
    struct model_timer timers[TIMERS];
    struct model_timer *fired[FIRED];
    size_t count;
    uint64_t orders;
} world;

static void note_fired(struct timer *t)
{
    struct model_timer *m = CONTAINER_OF(t, struct model_timer, timer);

    m->running = false;
    cr_assert_lt(world.count, (size_t)FIRED);
    world.fired[world.count++] = m;
}

static int by_due(const void *a, const void *b)
{
    const struct model_timer *x = *(struct model_timer *const *)a;
    const struct model_timer *y = *(struct model_timer *const *)b;

    if (x->due != y->due)
        return x->due < y->due ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void start_or_stop(vitro_loop *loop, struct chance *c, int64_t now)
{
    struct model_timer *m = &world.timers[vitro_chance_below(c, TIMERS)];

    if (vitro_chance_below(c, 3) == 0) {
        vitro_timer_stop(loop, &m->timer);
        m->running = false;
        return;
    }
    m->due = now + 1 + (int64_t)vitro_chance_below(c, 50);
    m->order = world.orders++;
    m->running = true;
    vitro_timer_start(loop, &m->timer, m->due);
}

/* Let time pass; what fired must be what the model says, in its order. */
static void pass_time(vitro_sim *sim, struct chance *c)
{
    struct model_timer *expected[TIMERS];
    int64_t until = vitro_sim_now(sim) + (int64_t)vitro_chance_below(c, 40);
    size_t n = 0;

    for (size_t i = 0; i < TIMERS; i++) {
        if (world.timers[i].running && world.timers[i].due <= until)
            expected[n++] = &world.timers[i];
    }
    qsort(expected, n, sizeof expected[0], by_due);
    world.count = 0;
    vitro_sim_run_for(sim, until - vitro_sim_now(sim));
    cr_assert_eq(world.count, n, "fired %zu of %zu " SEED_TEXT, world.count, n, seed_of_run(), n);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(world.fired[i], expected[i], "order " SEED_TEXT, seed_of_run(), i);
}

static void compare_with_model(void)
{
    struct chance c = seed_chance();
    vitro_sim *sim;
    vitro_loop *loop;

    cr_assert_eq(vitro_sim_new(&sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &loop, NULL, NULL), VITRO_OK);
    for (size_t i = 0; i < TIMERS; i++)
        vitro_timer_init(&world.timers[i].timer, note_fired);
    for (size_t i = 0; i < 400; i++) {
        for (size_t n = vitro_chance_below(&c, 60); n > 0; n--)
            start_or_stop(loop, &c, vitro_sim_now(sim));
        pass_time(sim, &c);
    }
    vitro_sim_run(sim);
    for (size_t i = 0; i < TIMERS; i++)
        cr_assert_not(timer_running(&world.timers[i].timer));
    vitro_loop_unref(loop);
    vitro_sim_free(sim);
}

Test(io_loop, timers_fire_in_the_order_of_a_sorted_list)
{
    compare_with_model();
}

Test(io_loop, timers_fire_also_when_the_heap_cannot_grow)
{
    struct heap heap = { 0 };

    heap_install(&heap);
    heap.fail_at = 3; /* the sim and its loop are there */
    compare_with_model();
    heap_remove();
    cr_assert_eq(heap.live, 0u);
}

static struct timer again;
static vitro_loop *again_loop;
static int again_count;

static void fire_again(struct timer *t)
{
    again_count++;
    vitro_timer_start(again_loop, t, vitro_loop_now(again_loop));
}

Test(io_loop, a_timer_started_by_itself_waits_for_the_next_turn)
{
    again_loop = new_loop();
    vitro_timer_init(&again, fire_again);
    vitro_timer_start(again_loop, &again, 0);
    for (int i = 1; i <= 5; i++) {
        run(again_loop, -1);
        cr_assert_eq(again_count, i);
    }
    vitro_timer_stop(again_loop, &again);
    vitro_loop_unref(again_loop);
}

/* ---- tasks and posts ------------------------------------------------------------------------ */

static char journal[256];
static size_t journal_len;

static void write_down(char c)
{
    cr_assert_lt(journal_len + 1, sizeof journal);
    journal[journal_len++] = c;
    journal[journal_len] = '\0';
}

struct marked_task {
    struct task task;
    vitro_loop *loop;
    char mark;
    struct task *then; /* deferred when this runs */
};

static void run_marked(struct task *t)
{
    struct marked_task *m = CONTAINER_OF(t, struct marked_task, task);

    write_down(m->mark);
    if (m->then) {
        vitro_loop_defer(m->loop, m->then);
        write_down('.');
    }
}

static void marked_init(struct marked_task *m, vitro_loop *loop, char mark, struct task *then)
{
    *m = (struct marked_task){ .loop = loop, .mark = mark, .then = then };
    vitro_task_init(&m->task, run_marked);
}

Test(io_loop, a_deferred_task_runs_in_a_later_turn_and_once)
{
    vitro_loop *loop = new_loop();
    struct marked_task a, b, e, f;

    marked_init(&b, loop, 'b', NULL);
    marked_init(&a, loop, 'a', &b.task);
    marked_init(&e, loop, 'e', NULL);
    marked_init(&f, loop, 'f', NULL);
    vitro_loop_at_flush(loop, &f.task);
    vitro_loop_at_end(loop, &e.task);
    vitro_loop_defer(loop, &a.task);
    vitro_loop_defer(loop, &a.task);
    cr_assert_str_eq(journal, "");
    run(loop, 0);
    cr_assert_str_eq(journal, "a.ef");
    run(loop, 0);
    cr_assert_str_eq(journal, "a.efb");
    vitro_loop_defer(loop, &a.task);
    vitro_task_cancel(&a.task);
    vitro_task_cancel(&a.task);
    run(loop, 0);
    cr_assert_str_eq(journal, "a.efb");
    vitro_loop_unref(loop);
}

static vitro_loop *post_loop;

static void post_mark(void *user)
{
    write_down(*(const char *)user);
    if (*(const char *)user == 'x')
        cr_assert_eq(vitro_loop_post(post_loop, post_mark, (void *)"y"), VITRO_OK);
}

Test(io_loop, posts_run_in_their_order_and_what_is_left_runs_with_the_last_unref)
{
    post_loop = new_loop();
    for (const char *p = "123x"; *p; p++)
        cr_assert_eq(vitro_loop_post(post_loop, post_mark, (void *)p), VITRO_OK);
    cr_assert_str_eq(journal, "");
    run(post_loop, 0);
    cr_assert_str_eq(journal, "123x");
    run(post_loop, -1); /* does not wait: y is there */
    cr_assert_str_eq(journal, "123xy");
    cr_assert_eq(vitro_loop_post(post_loop, post_mark, (void *)"z"), VITRO_OK);
    vitro_loop_unref(post_loop);
    cr_assert_str_eq(journal, "123xyz");
}

static void *post_from_thread(void *user)
{
    vitro_loop *loop = user;
    static const char digits[] = "0123456789";

    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(vitro_loop_post(loop, post_mark, (void *)&digits[i]), VITRO_OK);
    return NULL;
}

static bool journal_has_ten(void *user)
{
    return journal_len == 10;
}

Test(io_loop, posts_of_another_thread_wake_the_loop)
{
    vitro_loop *loop = new_loop();
    pthread_t thread;

    pthread_create(&thread, NULL, post_from_thread, loop);
    cr_assert_eq(vitro_loop_run_until(loop, journal_has_ten, NULL, INT64_MAX, NULL), VITRO_OK);
    pthread_join(thread, NULL);
    cr_assert_str_eq(journal, "0123456789");
    vitro_loop_unref(loop);
}

/* ---- one descriptor for other loops --------------------------------------------------------- */

static bool readable(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, ms) == 1;
}

static int fires;

static void count_fire(struct timer *t)
{
    fires++;
}

static void count_task(struct task *t)
{
    fires++;
}

static void count_ready(struct source *s, unsigned events)
{
    char byte;

    cr_assert_eq(read(s->fd, &byte, 1), 1);
    fires++;
}

static void count_post(void *user)
{
    fires++;
}

/* Poll and run as a foreign loop would, until n things happened. */
static void drive_by_fd(vitro_loop *loop, int n)
{
    int fd = vitro_loop_fd(loop);

    for (int i = 0; i < 100 && fires < n; i++) {
        cr_assert(readable(fd, 5000), "%d of %d happened, and nothing wakes", fires, n);
        run(loop, 0);
    }
    cr_assert_eq(fires, n);
}

Test(io_loop, one_descriptor_wakes_for_timers_tasks_posts_and_sockets)
{
    struct chance c = seed_chance();
    vitro_loop *loop = new_loop();
    struct timer timers[8];
    struct task task;
    struct source source;
    int pipe_fd[2], fd = vitro_loop_fd(loop);

    cr_assert_eq(pipe(pipe_fd), 0);
    vitro_source_init(&source, pipe_fd[0], count_ready);
    cr_assert(vitro_source_want(loop, &source, IO_READ));
    vitro_task_init(&task, count_task);
    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        vitro_timer_init(&timers[i], count_fire);
    run(loop, 0);
    run(loop, 0);
    cr_assert_not(readable(fd, 0), "an idle loop is not readable");
    for (size_t round = 0; round < 300; round++) {
        int expected = 0;

        fires = 0;
        for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
            if (vitro_chance_below(&c, 3))
                continue;
            vitro_timer_start(loop, &timers[i],
                              vitro_loop_now(loop) + (int64_t)vitro_chance_below(&c, 2000000));
            expected++;
        }
        if (vitro_chance_below(&c, 2)) {
            vitro_loop_defer(loop, &task);
            expected++;
        }
        if (vitro_chance_below(&c, 2)) {
            cr_assert_eq(write(pipe_fd[1], "x", 1), 1);
            expected++;
        }
        if (vitro_chance_below(&c, 2)) {
            cr_assert_eq(vitro_loop_post(loop, count_post, NULL), VITRO_OK);
            expected++;
        }
        drive_by_fd(loop, expected);
    }
    cr_assert(vitro_source_want(loop, &source, 0));
    vitro_loop_unref(loop);
}

/* ---- who may run it ------------------------------------------------------------------------- */

static vitro_loop *inner_loop;
static vitro_code inner_code[3];

static void never(struct await *a)
{
    cr_assert_fail("start of a refused call");
}

static void run_inside(struct task *t)
{
    struct await a;

    inner_code[0] = vitro_loop_run(inner_loop, 0, NULL);
    inner_code[1] = vitro_loop_run_until(inner_loop, NULL, NULL, INT64_MAX, NULL);
    inner_code[2] = vitro_loop_await(inner_loop, &a, never, NULL, NULL);
}

Test(io_loop, a_blocking_call_in_a_callback_of_its_own_loop_is_refused)
{
    vitro_sim *sim;
    vitro_loop *loops[2];
    struct task task;

    cr_assert_eq(vitro_sim_new(&sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &loops[1], NULL, NULL), VITRO_OK);
    loops[0] = new_loop();
    for (size_t i = 0; i < ARRAY_LEN(loops); i++) {
        inner_loop = loops[i];
        vitro_task_init(&task, run_inside);
        vitro_loop_defer(inner_loop, &task);
        run(inner_loop, 0);
        for (size_t k = 0; k < ARRAY_LEN(inner_code); k++) {
            cr_assert_eq(inner_code[k], VITRO_FAILED_PRECONDITION, "%zu %zu", i, k);
            inner_code[k] = VITRO_OK;
        }
        vitro_loop_unref(inner_loop);
    }
    vitro_sim_free(sim);
}

static void unref_inside(struct task *t)
{
    vitro_loop_unref(inner_loop);
}

Test(io_loop, the_last_reference_may_go_inside_a_turn)
{
    struct heap heap = { 0 };
    struct task task;

    heap_install(&heap);
    inner_loop = new_loop();
    vitro_task_init(&task, unref_inside);
    vitro_loop_defer(inner_loop, &task);
    run(inner_loop, 0);
    heap_remove();
    cr_assert_eq(heap.live, 0u);
}

struct slow_call {
    struct await await;
    struct timer timer;
};

static void finish_slow(struct timer *t)
{
    vitro_await_done(&CONTAINER_OF(t, struct slow_call, timer)->await);
}

static void start_slow(struct await *a)
{
    struct slow_call *s = CONTAINER_OF(a, struct slow_call, await);

    vitro_timer_init(&s->timer, finish_slow);
    vitro_timer_start(a->loop, &s->timer, vitro_loop_now(a->loop) + 1000000);
}

static void start_done(struct await *a)
{
    vitro_await_done(a);
}

static void start_nothing(struct await *a)
{
}

static int abandoned;

static void abandon(struct await *a)
{
    abandoned++;
}

Test(io_loop, blocking_calls_drive_a_loop_or_wait_for_its_thread)
{
    vitro_loop *loop = new_loop();
    struct slow_call s;

    cr_assert_eq(vitro_loop_await(loop, &s.await, start_slow, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_await(loop, &s.await, start_done, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_start(loop, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_run(loop, 0, NULL), VITRO_FAILED_PRECONDITION);
    cr_assert_eq(vitro_loop_start(loop, NULL), VITRO_FAILED_PRECONDITION);
    cr_assert_eq(vitro_loop_await(loop, &s.await, start_slow, NULL, NULL), VITRO_OK);
    vitro_loop_stop(loop);
    vitro_loop_stop(loop);
    cr_assert_eq(vitro_loop_await(loop, &s.await, start_slow, NULL, NULL), VITRO_OK);
    vitro_loop_unref(loop);
}

Test(io_loop, waiting_in_a_world_where_nothing_can_happen_ends)
{
    vitro_sim *sim;
    vitro_loop *loop;
    struct slow_call s;
    vitro_error err;

    cr_assert_eq(vitro_sim_new(&sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_await(loop, &s.await, start_slow, abandon, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_now(sim), 1000000);
    cr_assert_eq(vitro_loop_await(loop, &s.await, start_nothing, abandon, &err), VITRO_ABORTED);
    cr_assert_eq(abandoned, 1);
    cr_assert_eq(vitro_loop_run_until(loop, NULL, NULL, 5000000, NULL), VITRO_DEADLINE_EXCEEDED);
    cr_assert_eq(vitro_sim_now(sim), 5000000);
    vitro_loop_unref(loop);
    vitro_sim_free(sim);
}
