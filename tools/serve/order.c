/*
 * order - OrderService: a call that makes a call.
 *
 *      client -- PlaceOrder --> OrderService -- GetUser --> UserService
 *
 * The second call is the first one's child: it has what is left of its deadline, and is cancelled
 * with it. What the second one fails with, the first one ends with.
 */
#include "order.vitro.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "serve/serve.h"

struct order {
    vitro_call *call; /* a reference */
    vitro_call *ask;  /* a reference */
    ProtobufCMessage *answer;
};

static void order_free(struct order *o)
{
    vitro_pb_free(o->answer);
    vitro_call_unref(o->ask);
    vitro_call_unref(o->call);
    free(o);
}

static void place(struct order *o)
{
    const User__GetUserResponse *answer = (const User__GetUserResponse *)o->answer;
    Order__PlaceOrderResponse response = ORDER__PLACE_ORDER_RESPONSE__INIT;
    char id[SERVE_ID];
    vitro_error err;

    assert(answer); /* a unary call that ended well had its one message */
    serve_id(o->call, "order", id);
    response.orderid = id;
    response.user = answer->user;
    if (order_order_service_place_order_reply(o->call, &response, &err))
        serve_fail(o->call, &err);
}

/* ---- the call to UserService ---------------------------------------------------------------- */

static void on_user(vitro_call *ask, const vitro_message *m, void *user)
{
    struct order *o = user;

    o->answer = vitro_stub_receive(ask, &user__get_user_response__descriptor, m);
}

static void on_user_closed(vitro_call *ask, const vitro_status *status, void *user)
{
    struct order *o = user;
    char *text = NULL;

    (void)ask;
    if (!status->code)
        place(o);
    else if (asprintf(&text, "UserService: %.*s", (int)status->message.len,
                      status->message.len ? status->message.ptr : "") < 0)
        serve_out_of_memory(o->call);
    else
        vitro_call_finish(o->call, status->code, text, NULL, NULL);
    free(text);
    order_free(o);
}

static vitro_channel *users_on(const struct serve *s, const vitro_loop *loop)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->loops[i] == loop)
            return s->users[i];
    }
    return NULL;
}

static vitro_code ask_user(struct order *o, const struct serve *s, char *user_id, vitro_error *err)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_message = on_user,
        .on_closed = on_user_closed,
    };
    vitro_channel *users = users_on(s, vitro_call_loop(o->call));
    User__GetUserRequest request = USER__GET_USER_REQUEST__INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;

    if (!users) {
        vitro_fail(err, VITRO_UNAVAILABLE, "order", 0, "UserService is not connected");
        return VITRO_UNAVAILABLE;
    }
    request.userid = user_id;
    options.parent = o->call;
    return vitro_stub_start(&o->ask, users, &user_user_service_get_user_method, &request.base,
                            &options, &events, o, err);
}

/* ---- the service ---------------------------------------------------------------------------- */

static void place_order(vitro_call *call, const Order__PlaceOrderRequest *request, void *user)
{
    struct order *o;
    vitro_error err;

    if (!request->item[0]) {
        vitro_call_finish(call, VITRO_INVALID_ARGUMENT, "an order has an item", NULL, NULL);
        return;
    }
    serve_log(user, request->userid, request->item);
    o = calloc(1, sizeof *o);
    if (!o) {
        serve_out_of_memory(call);
        return;
    }
    o->call = vitro_call_ref(call);
    if (ask_user(o, user, request->userid, &err)) {
        serve_fail(call, &err);
        order_free(o);
    }
}

vitro_code serve_order(struct serve *s, vitro_server *server, vitro_error *err)
{
    static const order_order_service_handlers handlers = {
        .size = sizeof handlers,
        .place_order = place_order,
    };

    return order_order_service_register(server, &handlers, s, err);
}
