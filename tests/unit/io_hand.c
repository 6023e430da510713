/* A connection by hand: what its user writes crosses to the byte, and what comes is kept. */
#include <criterion/criterion.h>
#include <string.h>

#include "support/pair.h"
#include "vitro/lab/hand.h"

TestSuite(io_hand, .timeout = 20);

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
static const uint8_t settings[9] = { [3] = 4 };

static vitro_hand *hand_to(struct pair *p, const char *target)
{
    vitro_hand *h;

    cr_assert_eq(vitro_hand_open(&h, p->client_loop, target, NULL, NULL), VITRO_OK);
    return h;
}

static void say(vitro_hand *h, const void *bytes, size_t n)
{
    cr_assert(vitro_hand_send(h, (vitro_bytes){ bytes, n }));
}

/* A SETTINGS frame, and its acknowledgement of ours. */
static bool is_greeted(void *hand)
{
    return vitro_hand_received(hand).len >= sizeof settings * 2;
}

static bool is_over(void *hand)
{
    return vitro_hand_is_closed(hand);
}

static void run_until(struct pair *p, bool (*done)(void *user), vitro_hand *h)
{
    cr_assert_eq(vitro_loop_run_until(p->client_loop, done, h, INT64_MAX, NULL), VITRO_OK);
}

static void greet(bool sockets)
{
    struct pair p;
    vitro_hand *h;

    pair_init(&p);
    p.sockets = sockets;
    pair_start(&p);
    h = hand_to(&p, p.target);
    say(h, preface, sizeof preface - 1);
    say(h, settings, sizeof settings);
    run_until(&p, is_greeted, h);
    cr_assert_eq(vitro_hand_received(h).ptr[3], 4);
    cr_assert_not(vitro_hand_is_closed(h));
    vitro_hand_close(h);
    cr_assert_not(vitro_hand_send(h, (vitro_bytes){ settings, sizeof settings }));
    run_until(&p, is_over, h);
    vitro_hand_free(h);
    pair_stop(&p);
}

Test(io_hand, a_server_answers_what_is_written_by_hand)
{
    greet(false);
    greet(true);
}

Test(io_hand, what_is_no_http2_ends_the_connection)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct pair p;
    vitro_hand *h;

    pair_init(&p);
    pair_start(&p);
    h = hand_to(&p, p.target);
    say(h, get, sizeof get - 1);
    run_until(&p, is_over, h);
    vitro_hand_free(h);
    pair_stop(&p);
}

Test(io_hand, where_nobody_listens_it_is_closed)
{
    struct pair p;
    vitro_hand *h;

    pair_init(&p);
    pair_start(&p);
    h = hand_to(&p, "sim:nobody");
    run_until(&p, is_over, h);
    cr_assert_not(vitro_hand_send(h, (vitro_bytes){ settings, sizeof settings }));
    vitro_hand_free(h);
    pair_stop(&p);
}

Test(io_hand, it_is_freed_in_any_state)
{
    struct pair p;
    vitro_hand *h;

    pair_init(&p);
    pair_start(&p);
    vitro_hand_free(NULL);
    vitro_hand_free(hand_to(&p, p.target));
    h = hand_to(&p, p.target);
    say(h, preface, sizeof preface - 1);
    say(h, settings, sizeof settings);
    run_until(&p, is_greeted, h);
    vitro_hand_free(h);
    vitro_sim_run(p.sim);
    pair_stop(&p);
}

Test(io_hand, a_name_is_not_looked_up)
{
    struct pair p;
    vitro_hand *h;

    pair_init(&p);
    pair_start(&p);
    cr_assert_eq(vitro_hand_open(&h, p.client_loop, "dns:localhost:1", NULL, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_assert_null(h);
    pair_stop(&p);
}
