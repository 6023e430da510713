/*
 * served - the services of `vitro serve` in a simulated world: two loops of a server, one client.
 *
 * The functions stand here, as few tests link what they need (tools/serve).
 */
#ifndef VITRO_TESTS_SERVED_H
#define VITRO_TESTS_SERVED_H

#include <criterion/criterion.h>
#include <string.h>

#include "serve/serve.h"
#include "vitro/lab/sim.h"

struct served {
    vitro_sim *sim;
    vitro_loop *loops[2], *client;
    struct serve serve;
    vitro_server *server;
    vitro_channel *channel;
    struct log *log;
    FILE *heard; /* its lines */
    char *said;  /* the same, as text */
    size_t said_len;
};

/* users: the target of OrderService's channels; NULL: none. */
static inline void served_begin(struct served *w, const char *users)
{
    memset(w, 0, sizeof *w);
    w->heard = open_memstream(&w->said, &w->said_len);
    w->log = log_new(w->heard);
    cr_assert_eq(vitro_sim_new(&w->sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w->sim, &w->loops[0], "home", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w->sim, &w->loops[1], "second", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w->sim, &w->client, "client", NULL), VITRO_OK);
    serve_init(&w->serve, w->loops[0], w->log);
    cr_assert_eq(vitro_server_new(&w->server, w->loops, 2, NULL, NULL), VITRO_OK);
    cr_assert_eq(serve_register(&w->serve, w->server, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(w->server, "sim:served", NULL, 0, NULL), VITRO_OK);
    if (users)
        cr_assert_eq(serve_connect(&w->serve, users, w->loops, 2, NULL), VITRO_OK);
    cr_assert_eq(vitro_channel_new(&w->channel, w->client, "sim:served", NULL, NULL), VITRO_OK);
}

/* Nothing may be left: a loop asserts that its objects have gone. */
static inline void served_end(struct served *w)
{
    vitro_channel_free(w->channel);
    serve_disconnect(&w->serve);
    vitro_server_free(w->server);
    vitro_loop_unref(w->client);
    vitro_loop_unref(w->loops[1]);
    vitro_loop_unref(w->loops[0]);
    serve_done(&w->serve);
    vitro_sim_free(w->sim);
    log_end(w->log);
    fclose(w->heard);
    free(w->said);
}

/* Milliseconds of the world's clock. */
static inline int64_t served_ms(const struct served *w)
{
    return vitro_sim_now(w->sim) / 1000000;
}

static inline void served_run_ms(struct served *w, int64_t ms)
{
    vitro_sim_run_for(w->sim, ms * 1000000);
}

#endif
