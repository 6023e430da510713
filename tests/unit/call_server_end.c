/* A server's end: where it is freed, and on which loops it lived. */
#include <criterion/criterion.h>

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
