#include "client/channel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "client/call.h"
#include "rpc/chain.h"
#include "rpc/defaults.h"
#include "vitro/version.h"

enum {
    CONNECT_MS = 20000,
    BACKOFF_MS = 1000,
    MAX_BACKOFF_MS = 120000,
    IDLE_MS = 1800000,
    MIN_KEEPALIVE_MS = 10000
};

#define USER_AGENT "grpc-c-vitro/" VITRO_VERSION

/* ---- calls that wait ------------------------------------------------------------------------ */

static void begin_waiting(vitro_channel *ch)
{
    while (!list_empty(&ch->waiting) && ch->ready && vitro_connection_room(ch->ready)) {
        struct list *first = list_pop(&ch->waiting);
        vitro_client_call_begin_attempt(CONTAINER_OF(first, struct client_call, waiting),
                                        ch->ready);
    }
    if (ch->ready && vitro_connection_is_spent(ch->ready))
        vitro_channel_retire(ch);
}

/* Those that still wait say for what. */
static void note_waiting(vitro_channel *ch)
{
    const char *why = ch->ready ? NOTE_WAIT_STREAM_LIMIT : NOTE_WAIT_CONNECTION;

    for (struct list *i = ch->waiting.next; i != &ch->waiting; i = i->next)
        vitro_client_call_wait(CONTAINER_OF(i, struct client_call, waiting), why);
}

static void on_pump(struct task *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, pump);
    bool wanted = ch->wanted;

    ch->wanted = false;
    begin_waiting(ch);
    if (channel_is(ch, VITRO_CHANNEL_TRANSIENT_FAILURE))
        vitro_channel_fail_fast(ch);
    note_waiting(ch);
    if (channel_is(ch, VITRO_CHANNEL_IDLE) && (wanted || !list_empty(&ch->waiting)))
        vitro_channel_leave_idle(ch);
}

void vitro_channel_wake(vitro_channel *ch)
{
    vitro_loop_defer(ch->loop, &ch->pump);
}

/* ---- options -------------------------------------------------------------------------------- */

static vitro_code import_options(vitro_channel *ch, const vitro_channel_options *options,
                                 vitro_error *err)
{
    vitro_channel_options *o = &ch->options;

    if (!vitro_options_import(o, sizeof *o, options))
        return vitro_options_refuse("channel", err);
    if (vitro_chain_check(o->interceptors, "channel", err))
        return VITRO_INVALID_ARGUMENT;
    option_default(&o->connect_ms, CONNECT_MS);
    option_default(&o->max_recv_bytes, DEFAULT_MAX_RECV);
    option_default(&o->max_header_bytes, DEFAULT_MAX_HEADERS);
    option_default(&o->initial_reconnect_backoff_ms, BACKOFF_MS);
    option_default(&o->max_reconnect_backoff_ms, MAX_BACKOFF_MS);
    option_default(&o->idle_timeout_ms, IDLE_MS);
    option_default(&o->keepalive_time_ms, UINT32_MAX);
    option_default(&o->keepalive_timeout_ms, DEFAULT_KEEPALIVE_TIMEOUT);
    ch->keepalive_ns = option_ns(MAX(o->keepalive_time_ms, (uint32_t)MIN_KEEPALIVE_MS));
    return option_windows(&o->window_bytes, &o->max_window_bytes, "channel", err);
}

static bool is_visible(const char *text)
{
    while ((unsigned char)*text >= ' ' && *text != '\x7f')
        text++;
    return !*text;
}

static vitro_code copy_texts(vitro_channel *ch, const char *target, vitro_error *err)
{
    const vitro_channel_options *o = &ch->options;
    const char *authority = o->authority ? o->authority : ch->target.authority;
    char agent[256];
    int n = snprintf(agent, sizeof agent, "%s%s" USER_AGENT, o->user_agent ? o->user_agent : "",
                     o->user_agent ? " " : "");

    if (n < 0 || (size_t)n >= sizeof agent || !is_visible(agent))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "channel", 0,
                          "user_agent is too long, or no printable text");
    if (vitro_client_check_authority(authority, err))
        return vitro_wrap(err, VITRO_INVALID_ARGUMENT, "channel", "authority");
    ch->target_text = vitro_mem_text(&ch->account, vitro_str_of(target));
    ch->authority = vitro_mem_text(&ch->account, vitro_str_of(authority));
    ch->user_agent = vitro_mem_text(&ch->account, vitro_str_of(agent));
    if (!ch->target_text || !ch->authority || !ch->user_agent)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "channel", 0, "out of memory");
    return VITRO_OK;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void free_text(vitro_channel *ch, char *text)
{
    if (text)
        vitro_mem_free(&ch->account, text, strlen(text) + 1);
}

static void release(vitro_channel *ch)
{
    struct account *account = ch->account.parent;
    vitro_loop *loop = ch->loop;
    bool own = ch->own_loop;

    vitro_task_cancel(&ch->pump);
    vitro_task_cancel(&ch->first_turn);
    vitro_task_cancel(&ch->trim);
    vitro_timer_stop(loop, &ch->ending);
    free_text(ch, ch->target_text);
    free_text(ch, ch->authority);
    free_text(ch, ch->user_agent);
    vitro_tls_end_free(ch->tls);
    vitro_call_credentials_unref(ch->options.call_credentials);
    vitro_mem_free(&ch->account, ch->found, ch->n_found * sizeof *ch->found);
    vitro_pool_release(vitro_loop_pool(loop)); /* blocks that are charged to the account */
    vitro_h2_memory_done(&ch->memory);
    vitro_slabs_trim(&ch->slabs);
    vitro_freelist_trim(&ch->calls, 0);
    vitro_freelist_trim(&ch->attempts, 0);
    vitro_loop_untrace(loop, ch->trace);
    assert(ch->account.used == 0);
    vitro_mem_free(account, ch, sizeof *ch);
    vitro_loop_release(loop);
    if (own)
        vitro_loop_unref(loop);
}

static void on_ending(struct timer *t);

static void on_trim(struct task *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, trim);

    vitro_h2_memory_trim(&ch->memory);
    vitro_slabs_trim(&ch->slabs);
    vitro_freelist_trim(&ch->calls, 0);
    vitro_freelist_trim(&ch->attempts, 0);
}

static void init(vitro_channel *ch, vitro_loop *loop, bool own_loop)
{
    ch->loop = loop;
    ch->own_loop = own_loop;
    vitro_account_init(&ch->account, vitro_loop_account(loop), ch->options.memory_bytes);
    vitro_h2_memory_init(&ch->memory, &ch->account);
    vitro_slabs_init(&ch->slabs, &ch->account, sizeof(struct connection));
    vitro_freelist_init(&ch->calls, &ch->account, sizeof(struct client_call));
    vitro_freelist_init(&ch->attempts, &ch->account, sizeof(struct attempt));
    list_init(&ch->connections);
    list_init(&ch->waiting);
    list_init(&ch->calls_open);
    vitro_task_init(&ch->pump, on_pump);
    vitro_task_init(&ch->trim, on_trim);
    vitro_timer_init(&ch->ending, on_ending);
    vitro_channel_init_state(ch);
    vitro_channel_init_backoff(ch);
    vitro_loop_at_trim(loop, &ch->trim);
    vitro_loop_hold(loop);
}

static vitro_code make(vitro_channel **out, vitro_loop *loop, bool own_loop, const char *target,
                       const vitro_channel_options *options, vitro_error *err)
{
    vitro_channel *ch = vitro_mem_zalloc(vitro_loop_account(loop), sizeof *ch);
    vitro_code rc;

    if (!ch)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "channel", 0, "out of memory");
    if (import_options(ch, options, err)) {
        vitro_mem_free(vitro_loop_account(loop), ch, sizeof *ch);
        return VITRO_INVALID_ARGUMENT;
    }
    init(ch, loop, own_loop);
    vitro_call_credentials_ref(ch->options.call_credentials);
    ch->trace = ch->options.trace ? vitro_loop_trace(loop, ch->options.trace) : NULL;
    rc = vitro_target_parse(&ch->target, vitro_str_of(target), err);
    if (rc != VITRO_OK)
        vitro_wrap(err, rc, "channel", "%s", target ? target : "(null)");
    if (rc == VITRO_OK)
        rc = copy_texts(ch, target, err);
    if (rc == VITRO_OK)
        rc = vitro_call_find_encoding(ch->options.compression, &ch->encoding, err);
    if (rc == VITRO_OK && ch->options.credentials)
        rc = vitro_tls_end_new(&ch->tls, ch->options.credentials, false, loop, ch->authority, err);
    if (rc != VITRO_OK) {
        ch->own_loop = false; /* the caller's to drop */
        release(ch);
        return rc;
    }
    *out = ch;
    return VITRO_OK;
}

vitro_code vitro_channel_new(vitro_channel **out, vitro_loop *loop, const char *target,
                             const vitro_channel_options *options, vitro_error *err)
{
    bool own_loop = loop == NULL;
    vitro_code rc = VITRO_OK;

    *out = NULL;
    if (own_loop)
        rc = vitro_loop_new(&loop, NULL, err);
    if (rc != VITRO_OK)
        return rc;
    rc = make(out, loop, own_loop, target, options, err);
    if (rc != VITRO_OK && own_loop)
        vitro_loop_unref(loop);
    return rc;
}

vitro_loop *vitro_channel_loop(const vitro_channel *ch)
{
    return ch->loop;
}

/* ---- the end -------------------------------------------------------------------------------- */

void vitro_channel_shrunk(vitro_channel *ch)
{
    if (!ch->freed || ch->driven || !list_empty(&ch->connections) || task_waiting(&ch->tell))
        return;
    if (ch->n_calls == 0)
        release(ch);
    else if (ch->own_loop)
        vitro_loop_desert(ch->loop); /* whoever drops the calls ends it */
}

static void close_all(vitro_channel *ch)
{
    vitro_error why;

    vitro_channel_cancel_connect(ch);
    vitro_channel_set_state(ch, VITRO_CHANNEL_SHUTDOWN);
    vitro_fail(&why, VITRO_CANCELLED, "channel", 0, "the channel was closed");
    for (struct list *i = ch->calls_open.next; i != &ch->calls_open; i = i->next)
        vitro_client_call_fail(CONTAINER_OF(i, struct client_call, open), &why);
    for (struct list *i = ch->connections.next, *next; i != &ch->connections; i = next) {
        struct connection *c = CONTAINER_OF(i, struct connection, link);
        next = i->next;
        vitro_connection_drain(c, "the channel is closed", NULL);
    }
    ch->ready = NULL;
}

/*
 * A peer that reads nothing holds up the farewell: what is left then goes without one. Somebody
 * who steps through the last frames has a minute.
 */
static const int64_t farewell_ns = 1000000000, held_farewell_ns = 60 * INT64_C(1000000000);

static bool is_held(const vitro_channel *ch)
{
    for (const struct list *i = ch->connections.next; i != &ch->connections; i = i->next)
        if (vitro_connection_is_held(CONTAINER_OF(i, struct connection, link)))
            return true;
    return false;
}

static void on_ending(struct timer *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, ending);
    int64_t now = vitro_loop_now(ch->loop);
    vitro_error why;

    if (is_held(ch) && now - ch->freed_at < held_farewell_ns) {
        vitro_timer_start(ch->loop, t, now + farewell_ns);
        return;
    }
    vitro_fail(&why, VITRO_CANCELLED, "channel", 0, "the channel was closed");
    for (struct list *i = ch->connections.next; i != &ch->connections; i = i->next)
        vitro_connection_abort(CONTAINER_OF(i, struct connection, link), &why);
}

static void begin_free(vitro_channel *ch)
{
    ch->freed = true;
    ch->freed_at = vitro_loop_now(ch->loop);
    close_all(ch);
    if (!list_empty(&ch->connections))
        vitro_timer_start(ch->loop, &ch->ending, vitro_loop_now(ch->loop) + farewell_ns);
}

struct free_wait {
    struct await await;
    vitro_channel *channel;
};

static void start_free(struct await *a)
{
    vitro_channel *ch = CONTAINER_OF(a, struct free_wait, await)->channel;

    ch->driven = !a->wake;
    begin_free(ch);
    vitro_channel_shrunk(ch); /* a loop with a thread does the rest by itself */
    vitro_await_done(a);
}

static void abandon_free(struct await *a)
{
    (void)a;
}

static bool is_empty(void *user)
{
    const vitro_channel *ch = user;

    return list_empty(&ch->connections) && list_empty(&ch->calls_open) && !task_waiting(&ch->tell);
}

/*
 * Run turns until the connections are gone; calls that the application holds end it later. When
 * nothing can happen any more (a world whose clock is held), the turns to come do.
 */
static void drive_to_end(vitro_channel *ch)
{
    if (!is_empty(ch))
        vitro_loop_run_until(ch->loop, is_empty, ch, INT64_MAX, NULL);
    ch->driven = false;
    vitro_channel_shrunk(ch);
}

void vitro_channel_free(vitro_channel *ch)
{
    vitro_loop *loop;
    struct free_wait w = { .channel = ch };

    if (!ch)
        return;
    loop = vitro_loop_ref(ch->loop);
    if (vitro_loop_here(loop) ||
        vitro_loop_await(loop, &w.await, start_free, abandon_free, NULL) != VITRO_OK) {
        begin_free(ch); /* in a callback, under sim of any loop: the turns to come do it */
        vitro_channel_shrunk(ch);
    } else if (!w.await.wake) {
        drive_to_end(ch);
    }
    vitro_loop_unref(loop);
}
