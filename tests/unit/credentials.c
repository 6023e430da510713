#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "support/credentials.h"
#include "support/heap.h"
#include "support/pair.h"
#include "vitro/interceptor.h"

/* Call credentials: what a call carries to prove who makes it. */

TestSuite(credentials, .timeout = 60);

static const vitro_method what_came = { "/test.Auth/WhatCame", VITRO_UNARY, NULL };

/* ---- a server that answers with the tokens it was sent --------------------------------------- */

static unsigned served;

static void answer(vitro_call *call, const vitro_message *m, void *user)
{
    static const vitro_str key = VITRO_STR_INIT("authorization"), more = VITRO_STR_INIT("x-more");
    const vitro_md *md = vitro_call_metadata(call);
    char room[512] = "";
    vitro_bytes value;
    struct text t;

    served++;
    vitro_text_init(&t, room, sizeof room);
    for (size_t at = 0; vitro_md_find(md, key, &at, &value);)
        vitro_text_add(&t, "[%.*s]", (int)value.len, (const char *)value.ptr);
    for (size_t at = 0; vitro_md_find(md, more, &at, &value);)
        vitro_text_add(&t, "(%.*s)", (int)value.len, (const char *)value.ptr);
    vitro_call_finish(call, vitro_call_send(call, bytes_of(room), 0, NULL, NULL), NULL, NULL, NULL);
}

static const vitro_call_events answers = { .size = sizeof answers, .on_message = answer };

/* ---- the world ------------------------------------------------------------------------------ */

enum how { TLS, TLS_UNCHECKED, PLAIN, HOWS };

static struct pair world;

static void begin(bool sockets, enum how how, vitro_call_credentials *of_channel)
{
    vitro_credentials *server = how == PLAIN ? NULL : SERVER_CREDENTIALS(.own = "server"), *client;

    client = how == PLAIN ? NULL : CLIENT_CREDENTIALS(.ca = "ca", .insecure = how == TLS_UNCHECKED);
    served = 0;
    pair_init(&world);
    world.sockets = sockets;
    world.server_credentials = server;
    world.channel_options.credentials = client;
    world.channel_options.call_credentials = of_channel;
    world.channel_options.authority = "vitro.test";
    pair_make_server(&world);
    cr_assert_eq(vitro_server_add(world.server, &what_came, NULL, &answers, NULL, NULL), VITRO_OK);
    pair_start(&world);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
    vitro_call_credentials_unref(of_channel);
}

/* One call that carries c: what the server has seen, or why it was not called. */
static const char *call_with(vitro_call_credentials *c)
{
    static char seen[VITRO_ERROR_LINE];
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_error err;

    o.credentials = c;
    if (vitro_unary(world.channel, &what_came, bytes_of("?"), &o, &reply, &err))
        vitro_error_format(&err, seen, sizeof seen);
    else
        snprintf(seen, sizeof seen, "%.*s", (int)reply.message.len,
                 (const char *)reply.message.ptr);
    vitro_reply_done(&reply);
    return seen;
}

static vitro_call_credentials *token(const char *text, bool allow_plain_text)
{
    vitro_call_credentials_options o = VITRO_CALL_CREDENTIALS_OPTIONS_INIT;
    vitro_call_credentials *made;

    o.allow_plain_text = allow_plain_text;
    cr_assert_eq(vitro_call_credentials_token(&made, text, &o, NULL), VITRO_OK);
    return made;
}

/* ---- tokens --------------------------------------------------------------------------------- */

Test(credentials, a_call_carries_the_token_of_its_channel_and_its_own)
{
    vitro_call_credentials *own = token("own", false);

    for (int i = 0; i < 4; i++) {
        enum how how = i & 2 ? TLS_UNCHECKED : TLS;

        begin(i & 1, how, NULL);
        cr_assert_str_eq(call_with(NULL), "");
        cr_assert_str_eq(call_with(own), "[Bearer own]");
        pair_stop(&world);
        begin(i & 1, how, token("channel", false));
        cr_assert_str_eq(call_with(NULL), "[Bearer channel]");
        cr_assert_str_eq(call_with(own), "[Bearer channel][Bearer own]");
        pair_stop(&world);
    }
    vitro_call_credentials_unref(own);
}

#define REFUSED                                                                                    \
    "UNAUTHENTICATED: credentials: call credentials are not sent over plain text: use TLS, or allow_plain_text"

Test(credentials, r44_a_token_is_not_sent_over_plain_text)
{
    vitro_call_credentials *own = token("secret", false);
    size_t connections;

    for (int i = 0; i < 4; i++) {
        begin(i & 1, PLAIN, i & 2 ? token("secret", false) : NULL);
        cr_assert_str_eq(call_with(i & 2 ? NULL : own), REFUSED);
        vitro_server_load(world.server, &connections, NULL);
        cr_assert_eq(connections, 0, "nothing was even connected");
        cr_assert_eq(served, 0);
        pair_stop(&world);
    }
    vitro_call_credentials_unref(own);
}

Test(credentials, over_plain_text_all_of_them_must_be_allowed_by_name)
{
    vitro_call_credentials *allowed = token("a", true), *not_allowed = token("b", false), *both;

    begin(false, PLAIN, token("c", true));
    cr_assert_str_eq(call_with(NULL), "[Bearer c]");
    cr_assert_str_eq(call_with(allowed), "[Bearer c][Bearer a]");
    cr_assert_str_eq(call_with(not_allowed), REFUSED);
    cr_assert_eq(vitro_call_credentials_composite(
                     &both, (vitro_call_credentials *[]){ allowed, not_allowed }, 2, NULL),
                 VITRO_OK);
    cr_assert_str_eq(call_with(both), REFUSED);
    cr_assert_eq(served, 2);
    pair_stop(&world);
    vitro_call_credentials_unref(both);
    vitro_call_credentials_unref(allowed);
    vitro_call_credentials_unref(not_allowed);
}

Test(credentials, a_call_carries_all_of_several)
{
    vitro_call_credentials *a = token("a", false), *b = token("b", false), *two, *three;

    cr_assert_eq(
        vitro_call_credentials_composite(&two, (vitro_call_credentials *[]){ a, b }, 2, NULL),
        VITRO_OK);
    cr_assert_eq(
        vitro_call_credentials_composite(&three, (vitro_call_credentials *[]){ two, a }, 2, NULL),
        VITRO_OK);
    vitro_call_credentials_unref(a);
    vitro_call_credentials_unref(b);
    vitro_call_credentials_unref(two);
    begin(false, TLS, NULL);
    cr_assert_str_eq(call_with(three), "[Bearer a][Bearer b][Bearer a]");
    pair_stop(&world);
    vitro_call_credentials_unref(three);
}

Test(credentials, what_is_no_token_is_refused_and_not_repeated)
{
    static const char *const wrong[] = { NULL,           "",       "two words", "line\n", "tab\t",
                                         "\xec\x95\x88", "del\x7f" };
    char line[VITRO_ERROR_LINE];
    vitro_call_credentials *made;
    vitro_error err;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        cr_assert_eq(vitro_call_credentials_token(&made, wrong[i], NULL, &err),
                     VITRO_INVALID_ARGUMENT);
        cr_assert_null(made);
        vitro_error_format(&err, line, sizeof line);
        cr_assert_null(strstr(line, "two"));
    }
    cr_assert_eq(vitro_call_credentials_composite(&made, NULL, 0, NULL), VITRO_INVALID_ARGUMENT);
    cr_assert_eq(vitro_call_credentials_composite(&made, NULL, 1, NULL), VITRO_INVALID_ARGUMENT);
    cr_assert_eq(vitro_call_credentials_callback(&made, NULL, NULL, NULL, NULL, NULL),
                 VITRO_INVALID_ARGUMENT);
}

Test(credentials, a_list_with_a_null_is_refused)
{
    vitro_call_credentials *list[] = { token("a", false), NULL }, *made;
    vitro_error err;

    cr_assert_eq(vitro_call_credentials_composite(&made, list, 2, &err), VITRO_INVALID_ARGUMENT);
    cr_assert_null(made);
    cr_assert_str_eq(err.frame[0].text, "the list has a NULL at 1");
    vitro_call_credentials_unref(list[0]);
}

Test(credentials, a_token_is_overwritten_before_its_memory_is_released)
{
    struct heap h = { .secret = "hush-hush-hush" };
    vitro_call_credentials *made;

    heap_install(&h);
    vitro_call_credentials_unref(token(h.secret, false));
    for (size_t i = 1; i < h.calls; i++) {
        struct heap poor = { .secret = h.secret, .fail_at = i };

        heap_install(&poor);
        cr_assert_eq(vitro_call_credentials_token(&made, h.secret, NULL, NULL),
                     VITRO_RESOURCE_EXHAUSTED);
        cr_assert_eq(poor.spilt, 0, "when allocation %zu fails", i);
    }
    heap_remove();
    cr_assert_eq(h.spilt, 0);
}

/* ---- what the application answers ----------------------------------------------------------- */

/* What was asked, and what is answered. */
struct asked {
    char url[128], method[64];
    unsigned times, released;
    bool later;
    void (*how)(vitro_auth *auth, void *user); /* NULL: ask */
    vitro_auth *auth;                          /* kept for later; NULL: nothing is */
    vitro_call *cancel;                        /* while it is asked */
    vitro_code code;
    const char *message, *more;
};

static void give(struct asked *a)
{
    vitro_md *md = vitro_md_new();
    vitro_auth *auth = a->auth;

    a->auth = NULL;
    if (a->more)
        cr_assert_eq(vitro_md_add_text(md, "x-more", a->more, NULL), VITRO_OK);
    vitro_auth_answer(auth, a->code, a->message, md);
    vitro_md_free(md);
}

static void ask(vitro_auth *auth, void *user)
{
    struct asked *a = user;

    a->times++;
    snprintf(a->url, sizeof a->url, "%s", vitro_auth_service_url(auth).ptr);
    snprintf(a->method, sizeof a->method, "%s", vitro_auth_method(auth).ptr);
    cr_assert_eq(vitro_auth_loop(auth), world.client_loop);
    a->auth = auth;
    if (a->cancel)
        vitro_call_cancel(a->cancel);
    if (!a->later)
        give(a);
}

static void release(void *user)
{
    ((struct asked *)user)->released++;
}

static vitro_call_credentials *asking(struct asked *a)
{
    vitro_call_credentials *made;

    cr_assert_eq(
        vitro_call_credentials_callback(&made, a->how ? a->how : ask, release, a, NULL, NULL),
        VITRO_OK);
    return made;
}

Test(credentials, each_call_is_asked_for_with_its_service_and_method)
{
    struct asked a = { .more = "for you" };

    begin(false, TLS, asking(&a));
    cr_assert_str_eq(call_with(NULL), "(for you)");
    cr_assert_str_eq(call_with(NULL), "(for you)");
    cr_assert_eq(a.times, 2);
    cr_assert_str_eq(a.url, "https://vitro.test/test.Auth");
    cr_assert_str_eq(a.method, "WhatCame");
    cr_assert_eq(a.released, 0);
    pair_stop(&world);
    cr_assert_eq(a.released, 1);
}

static void name_of(const char *authority, const char *path, struct asked *a)
{
    vitro_method m = { path, VITRO_UNARY, NULL };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.authority = authority;
    a->code = VITRO_UNAVAILABLE;
    cr_assert_neq(vitro_unary(world.channel, &m, bytes_of(""), &o, NULL, NULL), VITRO_OK);
}

Test(credentials, an_audience_has_no_port_443_and_no_method)
{
    struct asked a = { .later = false };

    begin(false, TLS, asking(&a));
    name_of("vitro.test:443", "/a.b.C/D", &a);
    cr_assert_str_eq(a.url, "https://vitro.test/a.b.C");
    cr_assert_str_eq(a.method, "D");
    name_of("vitro.test:4430", "/C/", &a);
    cr_assert_str_eq(a.url, "https://vitro.test:4430/C");
    cr_assert_str_eq(a.method, "");
    name_of(NULL, "/D", &a);
    cr_assert_str_eq(a.url, "https://vitro.test");
    cr_assert_str_eq(a.method, "D");
    pair_stop(&world);
}

Test(credentials, the_answer_may_come_later_and_nothing_is_sent_before)
{
    struct asked a = { .more = "late", .later = true };
    struct record r = { .len = 0 };
    vitro_call *call;

    begin(false, TLS, asking(&a));
    call = pair_call(&world, &what_came, NULL, &r);
    cr_assert_eq(a.times, 0, "never inside the function that asked for it");
    cr_assert_eq(vitro_call_send(call, bytes_of("?"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&world);
    cr_assert_eq(a.times, 1);
    cr_assert_eq(vitro_sim_links_made(world.sim), 0);
    cr_assert_not(r.closed);
    give(&a);
    pair_run(&world);
    cr_assert_str_eq(r.text, "headers message((late)) end closed OK");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&world);
}

/* ---- answers of another thread -------------------------------------------------------------- */

static void *give_apart(void *asked)
{
    give(asked);
    return NULL;
}

/* A channel whose loop has a thread, or is driven by the call. Nobody listens there. */
static vitro_channel *channel_apart(vitro_loop **loop, bool started, struct asked *a)
{
    vitro_channel_options o = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_credentials *client = CLIENT_CREDENTIALS(.ca = "ca");
    vitro_channel *channel;

    *loop = NULL;
    if (started) {
        cr_assert_eq(vitro_loop_new(loop, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_loop_start(*loop, NULL), VITRO_OK);
    }
    o.credentials = client;
    o.call_credentials = asking(a);
    cr_assert_eq(vitro_channel_new(&channel, *loop, "unix:/nowhere/socket", &o, NULL), VITRO_OK);
    vitro_call_credentials_unref(o.call_credentials);
    vitro_credentials_unref(client);
    return channel;
}

static void ask_apart(vitro_auth *auth, void *user)
{
    struct asked *a = user;
    pthread_t thread;

    a->times++;
    a->auth = auth;
    if (a->later)
        return;
    cr_assert_eq(pthread_create(&thread, NULL, give_apart, a), 0);
    pthread_detach(thread);
}

Test(credentials, the_answer_may_come_from_any_thread)
{
    for (int started = 0; started < 2; started++) {
        struct asked a = { .how = ask_apart, .code = VITRO_PERMISSION_DENIED, .message = "no" };
        vitro_loop *loop;
        vitro_channel *channel = channel_apart(&loop, started, &a);
        vitro_error err;

        cr_assert_eq(vitro_unary(channel, &what_came, bytes_of("?"), NULL, NULL, &err),
                     VITRO_PERMISSION_DENIED);
        cr_assert_str_eq(err.frame[0].text, "no");
        vitro_channel_free(channel);
        vitro_loop_unref(loop);
    }
}

/* Nobody drives the loop any more: whoever answers ends it. */
Test(credentials, an_answer_that_outlives_its_channel_is_given_back_and_nothing_is_lost)
{
    struct heap h = { .live = 0 };

    heap_install(&h);
    for (int started = 0; started < 2; started++) {
        struct asked a = { .how = ask_apart, .later = true, .more = "late" };
        vitro_loop *loop;
        vitro_channel *channel = channel_apart(&loop, started, &a);
        vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
        pthread_t thread;

        o.timeout_ns = 1000000;
        while (!a.times) /* a deadline may pass before anybody is asked */
            cr_assert_eq(vitro_unary(channel, &what_came, bytes_of("?"), &o, NULL, NULL),
                         VITRO_DEADLINE_EXCEEDED);
        vitro_channel_free(channel);
        vitro_loop_unref(loop);
        cr_assert_eq(pthread_create(&thread, NULL, give_apart, &a), 0);
        pthread_join(thread, NULL);
        cr_assert_eq(a.released, 1);
        cr_assert_eq(h.live, 0, "%zu blocks", h.live);
    }
    heap_remove();
}

Test(credentials, an_answer_that_no_memory_carries_ends_the_call)
{
    struct heap h = { .live = 0 };

    heap_install(&h);
    for (size_t nth = 1; nth <= 2; nth++) {
        struct asked a = { .later = true };
        struct record r = { .len = 0 };
        vitro_call *call;

        begin(false, TLS, asking(&a));
        call = pair_call(&world, &what_came, NULL, &r);
        pair_run(&world);
        h.calls = 0;
        h.fail_at = nth;
        vitro_auth_answer(a.auth, VITRO_OK, NULL, NULL);
        h.fail_at = 0;
        pair_run(&world);
        cr_assert_str_eq(r.text, "closed RESOURCE_EXHAUSTED");
        vitro_call_unref(call);
        record_done(&r);
        pair_stop(&world);
        cr_assert_eq(h.live, 0, "%zu blocks", h.live);
    }
    heap_remove();
}

static vitro_intercept *held;

static vitro_verdict hold_start(vitro_intercept *i, vitro_md *md, void *state)
{
    held = i;
    return VITRO_SUSPEND;
}

Test(credentials, they_are_asked_behind_the_interceptors)
{
    static const vitro_interceptor holds = { .size = sizeof holds, .on_start = hold_start };
    static const vitro_interceptor *const list[] = { &holds, NULL };
    struct asked a = { .more = "late" };
    struct record r = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;

    begin(false, TLS, asking(&a));
    o.interceptors = list;
    call = pair_call(&world, &what_came, &o, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("?"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&world);
    cr_assert_eq(a.times, 0);
    vitro_intercept_resume(held);
    pair_run(&world);
    cr_assert_eq(a.times, 1);
    cr_assert_str_eq(r.text, "headers message((late)) end closed OK");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&world);
}

Test(credentials, a_failure_ends_the_call_with_a_status_that_is_allowed)
{
    struct asked a = { .message = "no token today" };
    struct record r = { .len = 0 };
    vitro_call *call;

    begin(false, TLS, asking(&a));
    for (int code = 1; code <= 16; code++) {
        static const bool servers[17] = {
            [3] = true, [5] = true, [6] = true, [9] = true, [10] = true, [11] = true, [15] = true
        };

        a.code = (vitro_code)code;
        call = pair_call(&world, &what_came, NULL, &r);
        pair_run(&world);
        cr_assert_eq(r.code, servers[code] ? VITRO_INTERNAL : a.code, "%d", code);
        cr_assert_str_eq(r.message, "no token today");
        vitro_call_unref(call);
        record_done(&r);
    }
    a.code = (vitro_code)77;
    a.message = NULL;
    call = pair_call(&world, &what_came, NULL, &r);
    pair_run(&world);
    cr_assert_eq(r.code, VITRO_INTERNAL);
    cr_assert_str_eq(r.message, "the call's credentials cannot be had");
    vitro_call_unref(call);
    record_done(&r);
    cr_assert_eq(vitro_sim_links_made(world.sim), 0);
    pair_stop(&world);
}

Test(credentials, the_first_of_several_that_fails_ends_the_call)
{
    struct asked late = { .later = true, .code = VITRO_UNAVAILABLE },
                 fails = { .code = VITRO_PERMISSION_DENIED, .message = "not you" },
                 never = { .more = "unused" };
    vitro_call_credentials *parts[] = { asking(&late), asking(&fails), asking(&never) }, *all;
    struct record r = { .len = 0 };
    vitro_call *call;

    cr_assert_eq(vitro_call_credentials_composite(&all, parts, 3, NULL), VITRO_OK);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        vitro_call_credentials_unref(parts[i]);
    begin(false, TLS, all);
    call = pair_call(&world, &what_came, NULL, &r);
    pair_run(&world);
    cr_assert_str_eq(r.text, "closed PERMISSION_DENIED");
    vitro_call_unref(call);
    vitro_channel_free(world.channel);
    world.channel = NULL;
    cr_assert_eq(never.times + late.released, 0, "what is asked has to be answered still");
    give(&late);
    pair_stop(&world);
    cr_assert_eq(late.released, 1);
    record_done(&r);
}

/* ---- calls that end while they wait for it -------------------------------------------------- */

Test(credentials, a_call_that_ends_does_not_wait_for_the_answer)
{
    static const char *const ends[] = { "closed CANCELLED", "closed DEADLINE_EXCEEDED",
                                        "closed CANCELLED" };

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct asked a = { .later = true };
        struct record r = { .len = 0 };
        vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
        vitro_call *call;

        begin(false, TLS, asking(&a));
        o.timeout_ns = i == 1 ? 1000000 : 0;
        call = pair_call(&world, &what_came, &o, &r);
        while (a.times == 0)
            vitro_sim_step(world.sim);
        if (i == 0)
            vitro_call_cancel(call);
        else if (i == 2)
            vitro_channel_free(world.channel);
        pair_run(&world);
        cr_assert_str_eq(r.text, ends[i]);
        if (i == 1)
            cr_assert(strstr(r.error.frame[1].text, "call credentials"));
        vitro_call_unref(call);
        if (i == 2)
            world.channel = NULL;
        give(&a);
        pair_stop(&world);
        cr_assert_eq(a.released, 1);
        record_done(&r);
    }
}

Test(credentials, a_call_may_be_cancelled_while_it_is_asked_for)
{
    for (int later = 0; later < 2; later++) {
        struct asked a = { .later = later, .more = "unused" };
        struct record r = { .len = 0 };

        begin(false, TLS, asking(&a));
        a.cancel = pair_call(&world, &what_came, NULL, &r);
        pair_run(&world);
        cr_assert_str_eq(r.text, "closed CANCELLED");
        if (later)
            give(&a);
        vitro_call_unref(a.cancel);
        pair_stop(&world);
        record_done(&r);
    }
}

Test(credentials, a_call_that_is_over_before_it_is_asked_for_is_not_asked_for)
{
    struct asked a = { .more = "unused" };
    struct record r = { .len = 0 };
    vitro_call *call;

    begin(false, TLS, asking(&a));
    call = pair_call(&world, &what_came, NULL, &r);
    vitro_call_cancel(call);
    pair_run(&world);
    cr_assert_str_eq(r.text, "closed CANCELLED");
    cr_assert_eq(a.times, 0);
    vitro_call_unref(call);
    pair_stop(&world);
    record_done(&r);
}

/* ---- memory --------------------------------------------------------------------------------- */

Test(credentials, without_memory_a_call_ends_and_nothing_is_lost)
{
    struct heap h = { .live = 0 };
    bool all = false;

    heap_install(&h);
    for (size_t nth = 1; !all; nth++) {
        vitro_call_credentials *c = NULL, *made = NULL;
        vitro_code rc;

        begin(false, PLAIN, NULL);
        h.calls = 0;
        h.fail_at = nth;
        h.once = true;
        rc = vitro_call_credentials_token(
            &made, "t",
            &(vitro_call_credentials_options){ sizeof(vitro_call_credentials_options), true },
            NULL);
        if (!rc)
            rc = vitro_call_credentials_composite(&c, &made, 1, NULL);
        if (!rc)
            call_with(c);
        all = h.calls < nth;
        h.fail_at = 0;
        vitro_call_credentials_unref(made);
        vitro_call_credentials_unref(c);
        pair_stop(&world);
        cr_assert_eq(h.live, 0, "%zu blocks after allocation %zu", h.live, nth);
        cr_assert_lt(nth, 500);
    }
    heap_remove();
}
