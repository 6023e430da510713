/* A server's end: where it is freed, and on which loops it lived. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "support/pair.h"

static void free_server(void *user)
{
    vitro_server_free(user);
}

Test(call_server_end, freed_in_a_callback_with_two_loops_it_is_gone_when_both_have_turned,
     .timeout = 20)
{
    vitro_loop *loops[2];
    vitro_server *s;

    for (int i = 0; i < 2; i++)
        cr_assert_eq(vitro_loop_new(&loops[i], NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&s, loops, 2, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_post(loops[0], free_server, s), VITRO_OK);
    for (int i = 0; i < 30; i++) /* five turns of the one, five of the other */
        cr_assert_eq(vitro_loop_run(loops[i / 5 % 2], 0, NULL), VITRO_OK);
    for (int i = 0; i < 2; i++) {
        vitro_loop_trim(loops[i]);
        cr_assert_eq(vitro_loop_memory(loops[i]).allocations, 0, "loop %d", i);
        vitro_loop_unref(loops[i]);
    }
}

/* Many at once, so that each order of the two loops' last steps is met. */
Test(call_server_end, freed_with_a_thread_on_each_loop_it_is_gone, .timeout = 20)
{
    for (int round = 0; round < 50; round++) {
        vitro_loop *loops[3], *client;
        vitro_channel *ch;
        vitro_server *s;
        char bound[100];

        cr_assert_eq(vitro_loop_new(&client, NULL, NULL), VITRO_OK);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(vitro_loop_new(&loops[i], NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_server_new(&s, loops, 3, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_server_listen(s, "ipv4:127.0.0.1:0", bound, sizeof bound, NULL),
                     VITRO_OK);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(vitro_loop_start(loops[i], NULL), VITRO_OK);
        cr_assert_eq(vitro_channel_new(&ch, client, bound, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_unary(ch, &echo_unary, bytes_of("hi"), NULL, NULL, NULL),
                     VITRO_UNIMPLEMENTED);
        cr_assert_eq(vitro_loop_post(loops[0], free_server, s), VITRO_OK);
        vitro_channel_free(ch);
        for (int i = 2; i >= 0; i--)
            vitro_loop_stop(loops[i]);
        for (int turn = 0; turn < 5; turn++) {
            for (int i = 2; i >= 0; i--)
                cr_assert_eq(vitro_loop_run(loops[i], 0, NULL), VITRO_OK);
        }
        for (int i = 0; i < 3; i++) {
            vitro_loop_trim(loops[i]);
            cr_assert_eq(vitro_loop_memory(loops[i]).allocations, 0, "round %d loop %d", round, i);
            vitro_loop_unref(loops[i]);
        }
        vitro_loop_unref(client);
    }
}

/* ---- vitro_server_run ----------------------------------------------------------------------- */

/* A handler that asks the process to end while its call is open, and answers when that is known. */
struct late {
    int signal;
    bool again; /* it asks once more, and never answers */
    vitro_alarm *alarm;
    vitro_call *call;
    bool answered;
};

static void on_later(void *user)
{
    struct late *l = user;

    if (l->again) {
        kill(getpid(), l->signal);
        return;
    }
    l->answered = true;
    cr_expect_eq(vitro_call_send(l->call, bytes_of("late"), 0, NULL, NULL), VITRO_OK);
    vitro_call_finish(l->call, VITRO_OK, NULL, NULL, NULL);
}

static void on_asked(vitro_call *call, const vitro_message *m, void *user)
{
    struct late *l = user;

    l->call = call;
    kill(getpid(), l->signal);
    vitro_alarm_set(l->alarm, vitro_loop_now(vitro_call_loop(call)) + 10000000);
}

static const vitro_call_events late_events = { .size = sizeof late_events, .on_message = on_asked };

static vitro_server *late_server(struct late *late, char bound[100])
{
    vitro_server *s;

    cr_assert_eq(vitro_server_new(&s, NULL, 0, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_alarm_new(&late->alarm, vitro_server_loop(s), on_later, late, NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_server_add(s, &echo_unary, NULL, &late_events, late, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(s, "ipv4:127.0.0.1:0", bound, 100, NULL), VITRO_OK);
    return s;
}

/* A server of its own, run here, and one call to it from a thread; what the call ended with. */
static vitro_code run_late(struct late *late, vitro_code want)
{
    char bound[100];
    vitro_server *s = late_server(late, bound);
    vitro_loop *client;
    vitro_channel *channel;
    vitro_call *call;
    vitro_code code;

    cr_assert_eq(vitro_loop_new(&client, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_channel_new(&channel, client, bound, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_start(client, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_open(&call, channel, &echo_unary, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_write(call, bytes_of("hi"), VITRO_SEND_LAST, NULL), VITRO_OK);
    cr_expect_eq(vitro_server_run(s, 0, NULL), want);
    vitro_alarm_free(late->alarm);
    vitro_server_free(s);
    code = vitro_call_close(call, NULL, NULL);
    vitro_channel_free(channel);
    vitro_loop_stop(client);
    vitro_loop_unref(client);
    return code;
}

Test(call_server_end, run_ends_with_a_signal_once_the_open_call_has_ended, .timeout = 20)
{
    static const int signals[] = { SIGINT, SIGTERM };

    for (size_t i = 0; i < 2; i++) {
        struct late late = { .signal = signals[i] };

        cr_expect_eq(run_late(&late, VITRO_OK), VITRO_OK);
        cr_expect(late.answered);
    }
}

Test(call_server_end, run_does_not_wait_after_a_second_signal, .timeout = 20)
{
    struct late late = { .signal = SIGTERM, .again = true };

    cr_expect_neq(run_late(&late, VITRO_CANCELLED), VITRO_OK);
    cr_expect(!late.answered);
}

static void drain_now(void *user)
{
    vitro_server_drain(user, 0, NULL, NULL);
}

Test(call_server_end, run_ends_with_a_drain_too_and_signals_do_again_what_they_did, .timeout = 20)
{
    vitro_server *s;
    sigset_t before, after;
    vitro_error err;

    cr_assert_eq(vitro_server_new(&s, NULL, 0, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_post(vitro_server_loop(s), drain_now, s), VITRO_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    cr_expect_eq(vitro_server_run(s, 0, NULL), VITRO_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    cr_expect_eq(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
    vitro_server_free(s);

    cr_expect_eq(vitro_server_new(&s, NULL, 1, NULL, &err), VITRO_INVALID_ARGUMENT);
}
