/* Descriptors of the application in a loop: real ones, and those that a world looks at. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vitro/lab/sim.h"
#include "vitro/loop.h"

TestSuite(io_watch, .timeout = 30);

#define SECOND INT64_C(1000000000)

struct watched {
    vitro_watch *watch;
    int ends[2];
    char text[64];
    size_t len;
    unsigned calls;
    bool leave, idle; /* leave: free the watch at the first call; idle: read nothing */
};

static void on_readable(void *user)
{
    struct watched *w = user;
    ssize_t n;

    w->calls++;
    if (w->leave) {
        vitro_watch_free(w->watch);
        w->watch = NULL;
        return;
    }
    if (w->idle)
        return;
    n = read(w->ends[0], w->text + w->len, 1);
    cr_assert_geq(n, 0);
    w->len += (size_t)n;
    if (n)
        return;
    vitro_watch_free(w->watch); /* the end */
    w->watch = NULL;
}

static void watch(struct watched *w, vitro_loop *loop)
{
    memset(w, 0, sizeof *w);
    cr_assert_eq(pipe2(w->ends, O_CLOEXEC | O_NONBLOCK), 0);
    cr_assert_eq(vitro_watch_new(&w->watch, loop, w->ends[0], on_readable, w, NULL), VITRO_OK);
}

static void put(struct watched *w, const char *text)
{
    cr_assert_eq(write(w->ends[1], text, strlen(text)), (ssize_t)strlen(text));
}

static void unwatch(struct watched *w)
{
    vitro_watch_free(w->watch);
    close(w->ends[0]);
    close(w->ends[1]);
}

static bool has_three(void *user)
{
    return ((const struct watched *)user)->len == 3;
}

static bool is_over(void *user)
{
    return !((const struct watched *)user)->watch;
}

static bool never(void *user)
{
    return false;
}

/* ---- real ----------------------------------------------------------------------------------- */

Test(io_watch, a_real_loop_calls_while_there_is_something_to_read_and_at_the_end)
{
    vitro_loop *loop;
    struct watched w;

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    watch(&w, loop);
    cr_assert_eq(vitro_loop_run(loop, 0, NULL), VITRO_OK);
    cr_assert_eq(w.calls, 0u);
    put(&w, "abc");
    cr_assert_eq(vitro_loop_run_until(loop, has_three, &w, INT64_MAX, NULL), VITRO_OK);
    cr_assert_str_eq(w.text, "abc");
    close(w.ends[1]);
    cr_assert_eq(vitro_loop_run_until(loop, is_over, &w, INT64_MAX, NULL), VITRO_OK);
    cr_assert_eq(w.calls, 4u);
    close(w.ends[0]);
    vitro_loop_unref(loop);
}

Test(io_watch, a_file_cannot_be_watched)
{
    vitro_loop *loop;
    vitro_watch *w;
    vitro_error err;
    FILE *file = tmpfile();

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_watch_new(&w, loop, fileno(file), on_readable, NULL, &err),
                 VITRO_INVALID_ARGUMENT);
    cr_assert_null(w);
    cr_expect_str_eq(err.frame[0].text, "a regular file or a folder is always ready");
    cr_assert_eq(vitro_watch_new(&w, loop, -1, on_readable, NULL, &err), VITRO_INVALID_ARGUMENT);
    vitro_watch_free(NULL);
    fclose(file);
    cr_assert_eq(vitro_loop_memory(loop).bytes, 0u);
    vitro_loop_unref(loop);
}

/* ---- a world -------------------------------------------------------------------------------- */

struct world {
    vitro_sim *sim;
    vitro_loop *loop;
};

static struct world world_new(void)
{
    struct world w;

    cr_assert_eq(vitro_sim_new(&w.sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w.sim, &w.loop, NULL, NULL), VITRO_OK);
    return w;
}

static void world_free(struct world *w)
{
    vitro_loop_unref(w->loop);
    vitro_sim_free(w->sim);
}

static void on_alarm(void *user)
{
    ++*(unsigned *)user;
}

Test(io_watch, a_world_looks_before_its_clock_moves_and_waits_for_nobody)
{
    struct world world = world_new();
    struct watched w;
    vitro_alarm *alarm;
    unsigned rung = 0;

    watch(&w, world.loop);
    cr_assert_eq(vitro_alarm_new(&alarm, world.loop, on_alarm, &rung, NULL), VITRO_OK);
    vitro_alarm_set(alarm, 5 * SECOND);
    put(&w, "abc");
    cr_assert_eq(vitro_loop_run_until(world.loop, has_three, &w, INT64_MAX, NULL), VITRO_OK);
    cr_assert(vitro_sim_now(world.sim) == 0 && rung == 0, "it was read before the time passed");
    vitro_sim_run(world.sim);
    cr_assert(vitro_sim_now(world.sim) == 5 * SECOND && rung == 1, "it did not wait for more");
    cr_assert_eq(vitro_loop_run_until(world.loop, never, NULL, INT64_MAX, NULL), VITRO_ABORTED);
    vitro_alarm_free(alarm);
    unwatch(&w);
    world_free(&world);
}

static void *write_later(void *user)
{
    struct watched *w = user;

    for (int i = 0; i < 3; i++)
        put(w, "x");
    return NULL;
}

/* Another thread writes; how soon is its own affair. */
Test(io_watch, while_its_clock_is_held_a_world_waits)
{
    struct world world = world_new();
    struct watched w;
    vitro_alarm *alarm;
    unsigned rung = 0;
    pthread_t thread;

    watch(&w, world.loop);
    cr_assert_eq(vitro_alarm_new(&alarm, world.loop, on_alarm, &rung, NULL), VITRO_OK);
    vitro_alarm_set(alarm, SECOND);
    vitro_sim_hold(world.sim, true);
    cr_assert_eq(pthread_create(&thread, NULL, write_later, &w), 0);
    cr_assert_eq(vitro_loop_run_until(world.loop, has_three, &w, INT64_MAX, NULL), VITRO_OK);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert(vitro_sim_now(world.sim) == 0 && rung == 0);
    vitro_sim_hold(world.sim, false);
    vitro_sim_run(world.sim);
    cr_assert_eq(rung, 1u);
    vitro_alarm_free(alarm);
    unwatch(&w);
    world_free(&world);
}

Test(io_watch, a_watch_may_be_freed_where_it_is_called)
{
    struct world world = world_new();
    struct watched a, b;

    watch(&a, world.loop);
    watch(&b, world.loop);
    a.leave = b.leave = true;
    put(&a, "1");
    put(&b, "2");
    vitro_sim_run(world.sim);
    cr_assert(!a.watch && !b.watch && a.calls == 1 && b.calls == 1);
    unwatch(&a);
    unwatch(&b);
    world_free(&world);
}

/* The first frees the second, whose turn would be next. */
static void free_other(void *user)
{
    struct watched *other = user;

    vitro_watch_free(other->watch);
    other->watch = NULL;
}

Test(io_watch, a_watch_that_another_frees_is_not_called)
{
    struct world world = world_new();
    vitro_watch *first;
    struct watched second;
    int ends[2];

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(vitro_watch_new(&first, world.loop, ends[0], free_other, &second, NULL), VITRO_OK);
    watch(&second, world.loop);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    put(&second, "y");
    cr_assert_eq(vitro_loop_run(world.loop, -1, NULL), VITRO_OK);
    cr_assert(second.calls == 0 && !second.watch);
    vitro_watch_free(first);
    unwatch(&second);
    close(ends[0]);
    close(ends[1]);
    world_free(&world);
}

Test(io_watch, a_world_has_a_bounded_number_of_watches)
{
    enum { MOST = 16 };
    struct world world = world_new();
    struct watched w[MOST];
    vitro_watch *more;

    for (int i = 0; i < MOST; i++)
        watch(&w[i], world.loop);
    cr_assert_eq(vitro_watch_new(&more, world.loop, w[0].ends[0], on_readable, NULL, NULL),
                 VITRO_INVALID_ARGUMENT);
    for (int i = 0; i < MOST; i++)
        unwatch(&w[i]);
    watch(&w[0], world.loop);
    unwatch(&w[0]);
    world_free(&world);
}
