/* Messages that pass interceptors: held back and changed. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/pair.h"

/* ---- what is held back ---------------------------------------------------------------------- */

static vitro_intercept *held;

static vitro_verdict hold_message(vitro_intercept *i, const vitro_message *m, void *state)
{
    if (held)
        return VITRO_GO_ON;
    held = i;
    return VITRO_SUSPEND;
}

static vitro_verdict hold_start(vitro_intercept *i, vitro_md *md, void *state)
{
    held = i;
    return VITRO_SUSPEND;
}

static const vitro_interceptor holds_first_request = { .size = sizeof holds_first_request,
                                                       .on_request = hold_message };
static const vitro_interceptor holds_first_response = { .size = sizeof holds_first_response,
                                                        .on_response = hold_message };
static const vitro_interceptor holds_start = { .size = sizeof holds_start, .on_start = hold_start };
static const vitro_interceptor passes = { .size = sizeof passes };
static const vitro_interceptor *const passing[] = { &passes, NULL };
static const vitro_interceptor *const first_request[] = { &holds_first_request, NULL };
static const vitro_interceptor *const first_response[] = { &holds_first_response, NULL };
static const vitro_interceptor *const starts[] = { &holds_start, NULL };

enum { MESSAGE = 10000, MANY = 100 };

/* Send while the call takes it; returns how many went. */
static unsigned send_all(vitro_call *call)
{
    static uint8_t bytes[MESSAGE];
    unsigned n = 0;

    for (bool more = true; more && n < MANY; n++)
        cr_assert_eq(vitro_call_send(call, (vitro_bytes){ bytes, MESSAGE }, 0, &more, NULL),
                     VITRO_OK);
    return n;
}

static void resume_held(void)
{
    cr_assert(held);
    vitro_intercept_resume(held);
}

/* What a client may send before it is told to wait, and that it is told to go on. */
static void check_sender(const vitro_interceptor *const *client,
                         const vitro_interceptor *const *server)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;
    unsigned sent, went;

    held = NULL;
    pair_init(&p);
    p.channel_options.interceptors = client;
    p.server_options.interceptors = server;
    p.server_options.max_window_bytes = 65535;
    pair_start(&p);
    call = pair_call(&p, &echo_client_stream, NULL, &r);
    sent = 0;
    do {
        went = send_all(call);
        sent += went;
        pair_run(&p);
    } while (r.len && sent < 1000 && (r.len = 0, went)); /* writable was told: on */
    cr_expect_lt(sent, 40, "%u messages of 10 KB are on their way", sent);
    cr_expect_lt(vitro_loop_memory(p.server_loop).bytes, MANY * MESSAGE / 2);
    resume_held();
    pair_run(&p);
    cr_expect_str_eq(r.text, "writable ");
    cr_assert_eq(vitro_call_send_end(call, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_eq(r.code, VITRO_OK);
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

Test(intercept_flow, a_sender_waits_while_what_it_sends_is_held_on_either_side)
{
    check_sender(starts, NULL);
    check_sender(first_request, NULL);
    check_sender(NULL, starts);
    check_sender(NULL, first_request);
    check_sender(passing, first_request);
}

/* The server sends 100 messages of 10 KB, whatever room there is. */
static void send_many(vitro_call *call, const vitro_message *m, void *user)
{
    static uint8_t bytes[MESSAGE];

    for (int i = 0; i < MANY; i++)
        cr_assert_eq(vitro_call_send(call, (vitro_bytes){ bytes, MESSAGE }, 0, NULL, NULL),
                     VITRO_OK);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events many_events = { .size = sizeof many_events,
                                               .on_message = send_many };
static const vitro_method many = { "/test.Echo/Many", VITRO_SERVER_STREAMING, NULL };

static void check_response(const vitro_interceptor *const *client,
                           const vitro_interceptor *const *server)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;

    held = NULL;
    pair_init(&p);
    p.channel_options.interceptors = client;
    p.channel_options.max_window_bytes = 65535;
    p.server_options.interceptors = server;
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &many, NULL, &many_events, NULL, NULL), VITRO_OK);
    pair_start(&p);
    o.manual_credit = true;
    call = pair_call(&p, &many, &o, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("go"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    vitro_call_credit(call, 3);
    pair_run(&p);
    cr_expect_eq(r.messages, 0);
    cr_expect_lt(vitro_loop_memory(p.client_loop).bytes, MANY * MESSAGE / 2);
    resume_held();
    pair_run(&p);
    cr_expect_eq(r.messages, 3, "%u messages with credit for 3", r.messages);
    vitro_call_credit(call, MANY);
    pair_run(&p);
    cr_expect_eq(r.messages, MANY);
    cr_expect_eq(r.code, VITRO_OK);
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

Test(intercept_flow, credit_is_given_on_a_message_at_a_time_and_none_while_one_is_held)
{
    check_response(first_response, NULL);
    check_response(NULL, first_response);
}

/* ---- what is refused once it was held ------------------------------------------------------- */

static vitro_verdict refuse(vitro_intercept *i, const vitro_message *m, void *state)
{
    vitro_intercept_end(i, VITRO_PERMISSION_DENIED, "not this one", NULL);
    return VITRO_GO_ON;
}

static const vitro_interceptor refuses = { .size = sizeof refuses, .on_response = refuse };
static const vitro_interceptor *const refusing_late[] = { &refuses, &holds_first_response, NULL };

static void send_and_cancel(vitro_call *call, const vitro_message *m, void *user)
{
    cr_assert_eq(vitro_call_send(call, m->bytes, 0, NULL, NULL), VITRO_OK);
}

static void cancel_now(vitro_call *call, void *user)
{
    vitro_call_cancel(call);
}

static const vitro_call_events cancel_events = { .size = sizeof cancel_events,
                                                 .on_message = send_and_cancel,
                                                 .on_end = cancel_now };

Test(intercept_flow, a_message_is_refused_also_when_the_server_has_reset_the_call_meanwhile)
{
    static const vitro_method method = { "/test.Echo/Cancel", VITRO_BIDI_STREAMING, NULL };
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    p.channel_options.interceptors = refusing_late;
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &method, NULL, &cancel_events, NULL, NULL), VITRO_OK);
    pair_start(&p);
    call = pair_call(&p, &method, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), 0, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_assert_eq(vitro_call_send_end(call, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers ");
    resume_held();
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers closed PERMISSION_DENIED");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

/* ---- what is changed ------------------------------------------------------------------------ */

static vitro_verdict flip(vitro_intercept *i, const vitro_message *m, void *state)
{
    uint8_t *copy = malloc(m->bytes.len + 1);

    for (size_t k = 0; k < m->bytes.len; k++)
        copy[k] = m->bytes.ptr[k] ^ 0xff;
    cr_expect_eq(vitro_intercept_replace(i, (vitro_bytes){ copy, m->bytes.len }, NULL), VITRO_OK);
    free(copy);
    return VITRO_GO_ON;
}

static vitro_verdict repeat(vitro_intercept *i, const vitro_message *m, void *state)
{
    static uint8_t large[200000];
    vitro_error err;

    memset(large, m->bytes.len ? m->bytes.ptr[0] : 'e', sizeof large);
    cr_expect_eq(vitro_intercept_replace(i, (vitro_bytes){ large, sizeof large }, &err), VITRO_OK);
    return VITRO_GO_ON;
}

static vitro_verdict first_half(vitro_intercept *i, const vitro_message *m, void *state)
{
    cr_expect_eq(vitro_intercept_replace(i, (vitro_bytes){ m->bytes.ptr, m->bytes.len / 2 }, NULL),
                 VITRO_OK);
    return VITRO_GO_ON;
}

static const vitro_interceptor flips = { .size = sizeof flips,
                                         .on_request = flip,
                                         .on_response = flip };
static const vitro_interceptor repeats = { .size = sizeof repeats, .on_request = repeat };
static const vitro_interceptor halves = { .size = sizeof halves,
                                          .on_request = first_half,
                                          .on_response = first_half };
static const vitro_interceptor *const flipping[] = { &flips, NULL };
static const vitro_interceptor *const repeating[] = { &repeats, &halves, NULL };

static void free_bytes(const void *ptr, size_t len, void *user)
{
    ++*(unsigned *)user;
    free((void *)(uintptr_t)ptr);
}

static void send_each_way(vitro_call *call, size_t len, unsigned *released)
{
    uint8_t *bytes = malloc(len + 1), *room;

    memset(bytes, 'm', len);
    cr_assert_eq(vitro_call_send(call, (vitro_bytes){ bytes, len }, VITRO_SEND_ALONE, NULL, NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_call_reserve(call, len, &room, NULL), VITRO_OK);
    memset(room, 'm', len);
    vitro_call_commit(call, VITRO_SEND_PLAIN, NULL);
    cr_assert_eq(vitro_call_attach(call, (vitro_bytes){ bytes, len }, free_bytes, released,
                                   VITRO_SEND_LAST, NULL, NULL),
                 VITRO_OK);
}

/* Of each size, sent each way, plain and compressed; both sides flip every bit on the way. */
Test(intercept_flow, messages_are_replaced_whatever_their_size_and_however_they_are_sent)
{
    static const size_t sizes[] = { 0, 1, 100, 9000, 40000, 300000 };
    static const char *const compressions[] = { NULL, "gzip" };
    struct pair p;

    pair_init(&p);
    p.channel_options.interceptors = flipping;
    p.server_options.interceptors = flipping;
    p.server_options.compression = "deflate";
    pair_start(&p);
    for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(compressions); i++) {
        vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
        size_t size = sizes[i / 2];
        struct record r = { .len = 0 };
        unsigned released = 0;
        vitro_call *call;

        o.compression = compressions[i % 2];
        call = pair_call(&p, &echo_bidi, &o, &r);
        send_each_way(call, size, &released);
        pair_run(&p);
        cr_expect_eq(r.code, VITRO_OK);
        cr_expect_eq(released, 1);
        cr_expect_eq(r.messages, 3);
        cr_expect_eq(r.bytes, 3 * size);
        if (size == 1)
            cr_expect_str_eq(r.text, "headers message(m) message(m) message(m) end closed OK");
        vitro_call_unref(call);
        record_done(&r);
    }
    pair_stop(&p);
}

Test(intercept_flow, a_message_grows_shrinks_and_grows_again_on_its_way)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    p.channel_options.interceptors = repeating; /* 200000, 100000, and its half back */
    pair_start(&p);
    call = pair_call(&p, &echo_unary, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("xyz"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers message[50000] end closed OK");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

static vitro_verdict replace_with_too_much(vitro_intercept *i, const vitro_message *m, void *state)
{
    static const uint8_t zeros[11];
    vitro_error err;

    cr_expect_eq(vitro_intercept_replace(i, (vitro_bytes){ zeros, sizeof zeros }, &err),
                 VITRO_RESOURCE_EXHAUSTED);
    return VITRO_GO_ON;
}

static vitro_verdict replace_nothing(vitro_intercept *i, vitro_md *md, void *state)
{
    vitro_error err;

    cr_expect_eq(vitro_intercept_replace(i, bytes_of("x"), &err), VITRO_FAILED_PRECONDITION);
    vitro_intercept_resume(i); /* of nothing */
    return VITRO_GO_ON;
}

static const vitro_interceptor misuses = { .size = sizeof misuses,
                                           .on_start = replace_nothing,
                                           .on_request = replace_with_too_much,
                                           .on_headers = replace_nothing };
static const vitro_interceptor *const misusing[] = { &misuses, NULL };

Test(intercept_flow, what_cannot_take_a_messages_place_leaves_it_as_it_is)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    p.channel_options.interceptors = misusing;
    p.channel_options.max_send_bytes = 10;
    pair_start(&p);
    call = pair_call(&p, &echo_unary, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("xyz"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers message(xyz) end closed OK");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

Test(intercept_flow, a_state_that_no_memory_holds_refuses_the_call)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 };

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const vitro_interceptor large = { .size = sizeof large, .state_size = sizes[i] };
        const vitro_interceptor *const list[] = { &large, &large, &large, NULL };
        vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
        struct pair p;
        vitro_error err;

        pair_init(&p);
        pair_start(&p);
        o.interceptors = list;
        cr_expect_eq(vitro_unary(p.channel, &echo_unary, bytes_of("x"), &o, NULL, &err),
                     VITRO_RESOURCE_EXHAUSTED);
        pair_stop(&p);
    }
}

/* ---- whose turn it is ----------------------------------------------------------------------- */

static char order[64];

static vitro_verdict sign(vitro_intercept *i, vitro_md *md, void *state)
{
    strcat(order, vitro_intercept_user(i));
    return VITRO_GO_ON;
}

#define SIGNS(name)                                                                                \
    {                                                                                              \
        .size = sizeof(vitro_interceptor), .on_start = sign, .user = (void *)(name)                \
    }

static const vitro_interceptor of_channel = SIGNS("channel "), of_call = SIGNS("call "),
                               of_server = SIGNS("server "), of_method = SIGNS("method ");
static const vitro_interceptor *const list_channel[] = { &of_channel, NULL },
                                      *const list_call[] = { &of_call, NULL },
                                      *const list_server[] = { &of_server, NULL },
                                      *const list_method[] = { &of_method, NULL };

Test(intercept_flow, those_of_a_call_stand_behind_the_channels_those_of_a_method_behind_the_servers)
{
    vitro_method_options m = VITRO_METHOD_OPTIONS_INIT;
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    p.channel_options.interceptors = list_channel;
    p.server_options.interceptors = list_server;
    pair_make_server(&p);
    m.interceptors = list_method;
    cr_assert_eq(vitro_server_add(p.server, &many, &m, &many_events, NULL, NULL), VITRO_OK);
    pair_start(&p);
    o.interceptors = list_call;
    call = pair_call(&p, &many, &o, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("go"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_eq(r.messages, MANY);
    cr_expect_str_eq(order, "channel call server method ");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}
