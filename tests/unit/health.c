/*
 * health - grpc.health.v1 over a simulated world. The client speaks with stubs that were made of
 * the same .proto for this program: its symbols and those of the library do not meet.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "grpc/health/v1/health.vitro.h"
#include "vitro/health.h"
#include "vitro/lab/sim.h"

enum { LOOPS = 2 };

struct world {
    vitro_sim *sim;
    vitro_loop *client, *loops[LOOPS];
    vitro_server *server;
    vitro_health *health;
    vitro_channel *channel[LOOPS]; /* each connection on a loop of its own */
};

static void begin(struct world *w)
{
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    cr_assert_eq(vitro_sim_new(&w->sim, &o, NULL), VITRO_OK);
    for (int i = 0; i < LOOPS; i++)
        cr_assert_eq(vitro_sim_loop(w->sim, &w->loops[i], "server", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w->sim, &w->client, "client", NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&w->server, w->loops, LOOPS, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_health_register(&w->health, w->server, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(w->server, "sim:health", NULL, 0, NULL), VITRO_OK);
    for (int i = 0; i < LOOPS; i++)
        cr_assert_eq(vitro_channel_new(&w->channel[i], w->client, "sim:health", NULL, NULL),
                     VITRO_OK);
}

static void end(struct world *w)
{
    for (int i = 0; i < LOOPS; i++)
        vitro_channel_free(w->channel[i]);
    vitro_server_free(w->server);
    vitro_loop_unref(w->client);
    for (int i = LOOPS; i-- > 0;) {
        vitro_loop_trim(w->loops[i]);
        cr_expect_eq(vitro_loop_memory(w->loops[i]).allocations, 0, "loop %d", i);
        vitro_loop_unref(w->loops[i]);
    }
    vitro_sim_free(w->sim);
}

static void set(struct world *w, const char *service, vitro_health_status status)
{
    cr_assert_eq(vitro_health_set(w->health, service, status, NULL), VITRO_OK);
}

/* The status that Check tells, or minus the code that it ends with. */
static int check(struct world *w, const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckResponse *response;
    vitro_code rc;
    int status;
    request.service = (char *)service;
    rc = grpc_health_v1_health_check(w->channel[0], &request, &response, NULL, NULL);
    if (rc)
        return -(int)rc;
    status = (int)response->status;
    grpc__health__v1__health_check_response__free_unpacked(response, NULL);
    return status;
}

/* ---- a watch that writes down what it is told ----------------------------------------------- */

struct watcher {
    vitro_call *call;
    char told[64]; /* a digit each status; then the code */
    int last;
    bool closed;
};

static void on_status(vitro_call *call, const Grpc__Health__V1__HealthCheckResponse *response,
                      void *user)
{
    struct watcher *w = user;
    size_t n = strlen(w->told);
    w->last = (int)response->status;
    snprintf(w->told + n, sizeof w->told - n, "%d", w->last);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct watcher *w = user;
    size_t n = strlen(w->told);
    snprintf(w->told + n, sizeof w->told - n, " %s", vitro_code_name((int)status->code));
    w->closed = true;
}

static void watch_with(struct world *w, struct watcher *who, int channel, const char *service,
                       const vitro_call_options *options)
{
    static grpc_health_v1_health_watch_events events = GRPC_HEALTH_V1_HEALTH_WATCH_EVENTS_INIT;
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    events.on_message = on_status;
    events.call.on_closed = on_closed;
    memset(who, 0, sizeof *who);
    request.service = (char *)service;
    cr_assert_eq(grpc_health_v1_health_watch_start(&who->call, w->channel[channel], &request,
                                                   options, &events, who, NULL),
                 VITRO_OK);
}

static void watch(struct world *w, struct watcher *who, int channel, const char *service)
{
    watch_with(w, who, channel, service, NULL);
    vitro_sim_run(w->sim);
}

static void leave(struct world *w, struct watcher *who)
{
    vitro_call_cancel(who->call);
    vitro_call_unref(who->call);
    vitro_sim_run(w->sim);
    cr_expect(who->closed);
}

/* ---- Check and List ------------------------------------------------------------------------- */

Test(health, r45_the_empty_name_is_the_whole_server_and_an_unknown_name_is_not_found)
{
    struct world w;
    begin(&w);
    cr_expect_eq(check(&w, ""), VITRO_HEALTH_SERVING);
    cr_expect_eq(check(&w, "chat.ChatService"), -(int)VITRO_NOT_FOUND);
    set(&w, "chat.ChatService", VITRO_HEALTH_NOT_SERVING);
    cr_expect_eq(check(&w, "chat.ChatService"), VITRO_HEALTH_NOT_SERVING);
    cr_expect_eq(check(&w, "chat.Chat"), -(int)VITRO_NOT_FOUND);
    set(&w, "chat.ChatService", VITRO_HEALTH_UNKNOWN);
    cr_expect_eq(check(&w, "chat.ChatService"), VITRO_HEALTH_UNKNOWN);
    set(&w, "chat.ChatService", VITRO_HEALTH_SERVICE_UNKNOWN);
    cr_expect_eq(check(&w, "chat.ChatService"), -(int)VITRO_NOT_FOUND);
    cr_expect_eq(check(&w, ""), VITRO_HEALTH_SERVING);
    end(&w);
}

Test(health, a_status_that_does_not_exist_and_a_missing_name_are_refused)
{
    struct world w;
    begin(&w);
    cr_expect_eq(vitro_health_set(w.health, "", (vitro_health_status)4, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_health_set(w.health, NULL, VITRO_HEALTH_SERVING, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_eq(check(&w, ""), VITRO_HEALTH_SERVING);
    end(&w);
}

Test(health, list_gives_each_service_that_has_a_status)
{
    Grpc__Health__V1__HealthListRequest request = GRPC__HEALTH__V1__HEALTH_LIST_REQUEST__INIT;
    Grpc__Health__V1__HealthListResponse *all;
    struct world w;
    int seen = 0;
    begin(&w);
    set(&w, "a.A", VITRO_HEALTH_NOT_SERVING);
    set(&w, "b.B", VITRO_HEALTH_SERVING);
    set(&w, "c.C", VITRO_HEALTH_SERVICE_UNKNOWN);
    cr_assert_eq(grpc_health_v1_health_list(w.channel[0], &request, &all, NULL, NULL), VITRO_OK);
    cr_expect_eq(all->n_statuses, 3);
    for (size_t i = 0; i < all->n_statuses; i++) {
        int bit = strcmp(all->statuses[i]->key, "") == 0      ? 1
                  : strcmp(all->statuses[i]->key, "a.A") == 0 ? 2
                                                              : 4;
        cr_expect_eq((int)all->statuses[i]->value->status, bit == 2 ? 2 : 1);
        seen |= bit;
    }
    cr_expect_eq(seen, 7);
    grpc__health__v1__health_list_response__free_unpacked(all, NULL);
    end(&w);
}

/* ---- Watch ---------------------------------------------------------------------------------- */

Test(health, r45_watch_of_an_unknown_service_says_so_and_stays_open)
{
    struct world w;
    struct watcher who;
    begin(&w);
    watch(&w, &who, 0, "later.Service");
    cr_expect_str_eq(who.told, "3");
    set(&w, "another.Service", VITRO_HEALTH_SERVING);
    vitro_sim_run(w.sim);
    cr_expect_str_eq(who.told, "3");
    set(&w, "later.Service", VITRO_HEALTH_SERVING);
    vitro_sim_run(w.sim);
    cr_expect_str_eq(who.told, "31");
    leave(&w, &who);
    cr_expect_str_eq(who.told, "31 CANCELLED");
    end(&w);
}

Test(health, watch_tells_each_change_once_on_every_loop)
{
    struct world w;
    struct watcher who[4];
    begin(&w);
    for (int i = 0; i < 4; i++)
        watch(&w, &who[i], i % LOOPS, "");
    set(&w, "", VITRO_HEALTH_SERVING); /* no change */
    vitro_sim_run(w.sim);
    set(&w, "", VITRO_HEALTH_NOT_SERVING);
    vitro_sim_run(w.sim);
    set(&w, "", VITRO_HEALTH_UNKNOWN);
    set(&w, "", VITRO_HEALTH_SERVING); /* the newest of one turn */
    vitro_sim_run(w.sim);
    for (int i = 0; i < 4; i++) {
        cr_expect_str_eq(who[i].told, "121", "watch %d was told %s", i, who[i].told);
        leave(&w, &who[i]);
    }
    end(&w);
}

Test(health, a_change_that_crosses_the_end_of_a_watch_is_harmless)
{
    struct world w;
    struct watcher who[2];
    begin(&w);
    for (int i = 0; i < 2; i++)
        watch(&w, &who[i], i, "");
    for (int steps = 0; !who[0].closed || !who[1].closed; steps++) {
        set(&w, "", steps % 2 ? VITRO_HEALTH_SERVING : VITRO_HEALTH_NOT_SERVING);
        if (steps == 2) {
            vitro_call_cancel(who[0].call);
            cr_assert(vitro_sim_cut(w.sim, 1));
        }
        cr_assert_lt(steps, 1000);
        vitro_sim_step(w.sim);
    }
    for (int i = 0; i < 2; i++)
        vitro_call_unref(who[i].call);
    end(&w);
}

Test(health, a_watcher_that_does_not_read_is_told_the_newest_status_when_it_does)
{
    vitro_call_options slow = VITRO_CALL_OPTIONS_INIT;
    struct world w;
    struct watcher who;
    size_t before;
    begin(&w);
    slow.manual_credit = true;
    watch_with(&w, &who, 0, "", &slow);
    vitro_sim_run(w.sim);
    before = vitro_loop_memory(w.loops[0]).bytes + vitro_loop_memory(w.loops[1]).bytes;
    for (int i = 0; i < 200000; i++) {
        set(&w, "", i % 2 ? VITRO_HEALTH_SERVING : VITRO_HEALTH_NOT_SERVING);
        if (i % 2000 == 0)
            vitro_sim_run(w.sim);
        else
            vitro_sim_step(w.sim);
    }
    cr_expect_lt(vitro_loop_memory(w.loops[0]).bytes + vitro_loop_memory(w.loops[1]).bytes,
                 before + 512 * 1024);
    set(&w, "", VITRO_HEALTH_UNKNOWN);
    cr_expect_str_eq(who.told, "");
    vitro_call_credit(who.call, UINT32_MAX);
    vitro_sim_run(w.sim);
    cr_expect_neq(who.told[0], '\0');
    cr_expect_eq(who.last, VITRO_HEALTH_UNKNOWN);
    leave(&w, &who);
    end(&w);
}

/* ---- the end of the server ------------------------------------------------------------------ */

static void on_drained(vitro_server *server, void *user)
{
    *(bool *)user = true;
}

Test(health, a_drain_makes_everything_not_serving_and_ends_the_watches)
{
    struct world w;
    struct watcher who[3];
    bool drained = false;
    begin(&w);
    set(&w, "a.A", VITRO_HEALTH_SERVING);
    watch(&w, &who[0], 0, "");
    watch(&w, &who[1], 1, "a.A");
    watch(&w, &who[2], 1, "nobody");
    vitro_server_drain(w.server, 0, on_drained, &drained);
    set(&w, "a.A", VITRO_HEALTH_SERVING); /* too late */
    vitro_sim_run(w.sim);
    cr_expect_str_eq(who[0].told, "12 UNAVAILABLE");
    cr_expect_str_eq(who[1].told, "12 UNAVAILABLE");
    cr_expect_str_eq(who[2].told, "3 UNAVAILABLE");
    cr_expect(drained, "no watch keeps the server from its end");
    for (int i = 0; i < 3; i++)
        vitro_call_unref(who[i].call);
    end(&w);
}

Test(health, a_server_that_is_freed_ends_its_watches)
{
    struct world w;
    struct watcher who;
    begin(&w);
    watch(&w, &who, 0, "");
    set(&w, "", VITRO_HEALTH_NOT_SERVING);
    vitro_server_free(w.server);
    w.server = NULL;
    vitro_sim_run(w.sim);
    cr_expect(who.closed);
    vitro_call_unref(who.call);
    end(&w);
}
