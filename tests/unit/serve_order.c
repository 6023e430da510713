/*
 * serve_order - a call that makes a call: what passes on to the second one, and what comes back.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order.vitro.h"
#include "support/served.h"

static vitro_code place(struct served *w, const char *user, const char *item,
                        Order__PlaceOrderResponse **response, const vitro_call_options *options,
                        vitro_error *err)
{
    Order__PlaceOrderRequest request = ORDER__PLACE_ORDER_REQUEST__INIT;

    request.userid = (char *)user;
    request.item = (char *)item;
    return order_order_service_place_order(w->channel, &request, response, options, err);
}

Test(serve_order, an_order_brings_its_user)
{
    struct served w;
    Order__PlaceOrderResponse *response;
    served_begin(&w, "sim:served");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(place(&w, "123", "책", &response, NULL, NULL), VITRO_OK);
        cr_expect_eq(strncmp(response->orderid, "order_17583264", 14), 0);
        cr_expect_str_eq(response->user->name, "John Doe");
        order__place_order_response__free_unpacked(response, NULL);
    }
    served_end(&w);
}

Test(serve_order, what_the_second_call_fails_with_the_first_one_ends_with)
{
    struct served w;
    Order__PlaceOrderResponse *response;
    vitro_error err;
    served_begin(&w, "sim:served");
    cr_expect_eq(place(&w, "없음", "책", &response, NULL, &err), VITRO_NOT_FOUND);
    cr_expect_str_eq(err.frame[0].text, "UserService: no user '없음'");
    cr_expect_eq(place(&w, "123", "", &response, NULL, &err), VITRO_INVALID_ARGUMENT);
    served_end(&w);

    served_begin(&w, "sim:nowhere");
    cr_expect_eq(place(&w, "123", "책", &response, NULL, &err), VITRO_UNAVAILABLE);
    served_end(&w);

    served_begin(&w, NULL);
    cr_expect_eq(place(&w, "123", "책", &response, NULL, &err), VITRO_UNAVAILABLE);
    served_end(&w);
}

/* ---- a UserService that never answers, and sees what it is asked with ----------------------- */

struct slow {
    vitro_server *server;
    vitro_loop *loop;
    int calls, cancelled;
    int64_t left, cancelled_ms;
    struct served *world;
    vitro_call *call;
};

static void on_cancelled(vitro_call *call, void *state)
{
    struct slow *s = state;

    s->cancelled++;
    s->cancelled_ms = served_ms(s->world);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *state)
{
    ((struct slow *)state)->call = NULL;
}

static void get_user(vitro_call *call, const User__GetUserRequest *request, void *user)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_cancelled = on_cancelled,
        .on_closed = on_closed,
    };
    struct slow *s = user;

    s->calls++;
    s->call = call;
    s->left = vitro_call_time_left(call);
    vitro_stub_serve(call, &events, s);
}

static void slow_begin(struct slow *s, struct served *w)
{
    static const user_user_service_handlers handlers = {
        .size = sizeof handlers,
        .get_user = get_user,
    };

    memset(s, 0, sizeof *s);
    s->world = w;
    served_begin(w, "sim:slow");
    cr_assert_eq(vitro_sim_loop(w->sim, &s->loop, "slow", NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&s->server, &s->loop, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(user_user_service_register(s->server, &handlers, s, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(s->server, "sim:slow", NULL, 0, NULL), VITRO_OK);
}

static void slow_end(struct slow *s)
{
    struct served *w = s->world;

    serve_disconnect(&w->serve);
    vitro_server_free(s->server);
    vitro_loop_unref(s->loop);
    served_end(w);
}

Test(serve_order, the_deadline_passes_on_and_ends_both)
{
    struct served w;
    struct slow s;
    Order__PlaceOrderResponse *response;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    slow_begin(&s, &w);
    options.timeout_ns = INT64_C(500000000);
    cr_expect_eq(place(&w, "123", "책", &response, &options, NULL), VITRO_DEADLINE_EXCEEDED);
    vitro_sim_run(w.sim);
    cr_expect_eq(s.calls, 1);
    cr_expect(s.left > 0 && s.left <= options.timeout_ns, "%lld ns are left", (long long)s.left);
    cr_expect_eq(s.cancelled, 1);
    cr_expect(s.cancelled_ms >= 499 && s.cancelled_ms <= 501);
    slow_end(&s);
}

/* ---- cancelled from outside, or cut at either side ------------------------------------------ */

static void on_placed(vitro_call *call, const vitro_status *status, void *user)
{
    *(int *)user = (int)status->code;
}

Test(serve_order, who_gives_up_the_first_call_gives_up_the_second)
{
    static const order_order_service_place_order_events events = {
        { .size = sizeof(vitro_call_events),
          .on_message = order_order_service_place_order_deliver,
          .on_closed = on_placed },
        NULL,
    };
    static const int codes[] = { VITRO_CANCELLED, VITRO_UNAVAILABLE, VITRO_UNAVAILABLE,
                                 VITRO_UNIMPLEMENTED };
    for (int how = 0; how < 4; how++) {
        struct served w;
        struct slow s;
        Order__PlaceOrderRequest request = ORDER__PLACE_ORDER_REQUEST__INIT;
        vitro_call *call;
        int code = -1;
        slow_begin(&s, &w);
        request.userid = (char *)"123";
        request.item = (char *)"책";
        cr_assert_eq(order_order_service_place_order_start(&call, w.channel, &request, NULL,
                                                           &events, &code, NULL),
                     VITRO_OK);
        served_run_ms(&w, 100);
        cr_assert_eq(s.calls, 1);
        if (how == 0)
            vitro_call_cancel(call);
        else if (how < 3)
            cr_assert(vitro_sim_cut(w.sim, (size_t)how - 1)); /* to the order, to the user */
        else
            vitro_call_finish(s.call, VITRO_OK, NULL, NULL, NULL); /* OK, but no message */
        vitro_sim_run(w.sim);
        cr_expect_eq(s.cancelled, how < 3, "%d", how);
        cr_expect_eq(code, codes[how], "%d: %d", how, code);
        vitro_call_unref(call);
        slow_end(&s);
    }
}
