#include "h2/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/error.h"
#include "base/util.h"
#include "frame/frame.h"
#include "h2/callbacks.h"
#include "h2/told.h"

/* ---- life ------------------------------------------------------------------------------------ */

/* A block of the owner's place. */
struct placed {
    void *block;
    size_t size;
    bool *taken;
};

static bool find_placed(struct h2_session *h, const void *p, size_t n, struct placed *out)
{
    struct h2_place *at = h->config.place;
    const struct placed all[] = { { at->ring, sizeof at->ring, &h->has_ring },
                                  { at->room, sizeof at->room, &h->has_room } };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        *out = all[i];
        if (p ? p == out->block : n == out->size && !*out->taken)
            return true;
    }
    return false;
}

static size_t size_of(struct h2_session *h, const void *p)
{
    struct placed b;

    return find_placed(h, p, 0, &b) ? b.size : vitro_h2_memory_size(p);
}

/*
 * nghttp2 1.52 loses track of what it owns when memory runs out: a DATA item that found no place in
 * its queue is freed twice. So a session that was once refused memory is over, and what it frees
 * is held until it is deleted.
 */
static void *ng_checked(struct h2_session *h, void *p)
{
    if (p)
        h->used += size_of(h, p);
    else
        h->starved = true;
    return p;
}

static void *ng_malloc(size_t n, void *user)
{
    struct h2_session *h = user;
    struct placed b;

    if (find_placed(h, NULL, n, &b)) {
        *b.taken = true;
        return ng_checked(h, b.block);
    }
    return ng_checked(h, vitro_h2_memory_alloc(h->config.memory, n));
}

static void ng_free(void *p, void *user)
{
    struct h2_session *h = user;
    struct placed b;

    if (!p)
        return;
    if (!h->starved)
        h->used -= size_of(h, p);
    if (find_placed(h, p, 0, &b))
        *b.taken = h->starved;
    else if (h->starved)
        vitro_h2_memory_hold(&h->held, p);
    else
        vitro_h2_memory_free(h->config.memory, p);
}

static void *ng_calloc(size_t n, size_t size, void *user)
{
    void *p;

    if (size && n > SIZE_MAX / size)
        return NULL;
    p = ng_malloc(n * size, user);
    if (p)
        memset(p, 0, n * size);
    return p;
}

/* What outgrows its place moves to memory. */
static void *outgrow(struct h2_session *h, struct placed b, size_t n)
{
    void *q = n <= b.size ? b.block : ng_malloc(n, h);

    if (!q || q == b.block)
        return q;
    memcpy(q, b.block, b.size);
    ng_free(b.block, h);
    return q;
}

static void *ng_realloc(void *p, size_t n, void *user)
{
    struct h2_session *h = user;
    struct placed b;
    size_t before;
    void *q;

    if (h->starved)
        return NULL;
    if (!p)
        return ng_malloc(n, h);
    if (find_placed(h, p, 0, &b))
        return outgrow(h, b, n);
    before = vitro_h2_memory_size(p);
    q = ng_checked(h, vitro_h2_memory_resize(h->config.memory, p, n));
    if (q)
        h->used -= before;
    return q;
}

static void set_options(nghttp2_option *o)
{
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    /* grpc-message with a space at its end is legal gRPC, and worth a call */
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(o, 1);
    /* counted in callbacks.c instead */
    nghttp2_option_set_stream_reset_rate_limit(o, UINT64_MAX, UINT64_MAX);
    /* we ask vitro_h2_can_open() ourselves; before SETTINGS nothing is opened */
    nghttp2_option_set_peer_max_concurrent_streams(o, UINT32_MAX / 2);
}

static int submit_settings(struct h2_session *h)
{
    nghttp2_settings_entry entry[5];
    size_t n = 0;
    int rc;

    if (h->config.server)
        entry[n++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                               h->config.max_streams };
    else
        entry[n++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
    if (h->config.window != NGHTTP2_INITIAL_WINDOW_SIZE)
        entry[n++] =
            (nghttp2_settings_entry){ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, h->config.window };
    entry[n++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                                           h->config.max_header_list };
    /* streams are served in turn; the tree of RFC 7540 is not wanted (RFC 9218, 2.1) */
    entry[n++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 };
    rc = nghttp2_submit_settings(h->ng, NGHTTP2_FLAG_NONE, entry, n);
    if (rc == 0 && h->config.window > NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE)
        rc = nghttp2_session_set_local_window_size(h->ng, NGHTTP2_FLAG_NONE, 0,
                                                   (int32_t)h->config.window);
    return rc;
}

static int start(struct h2_session *h, const nghttp2_option *options,
                 const nghttp2_session_callbacks *callbacks)
{
    nghttp2_mem mem = { h, ng_malloc, ng_free, ng_calloc, ng_realloc };
    int rc = (h->config.server ? nghttp2_session_server_new3
                               : nghttp2_session_client_new3)(&h->ng, callbacks, h, options, &mem);

    return rc ? rc : submit_settings(h);
}

vitro_code vitro_h2_init(struct h2_session *h, const struct h2_ops *ops,
                         const struct h2_config *config, vitro_error *err)
{
    nghttp2_option *options = NULL;
    nghttp2_session_callbacks *callbacks = NULL;
    int rc;

    *h = (struct h2_session){ .ops = ops, .config = *config };
    h->begun = config->server ? FRAME_PREFACE_BYTES : 0;
    list_init(&h->unsent);
    rc = nghttp2_option_new(&options);
    if (rc == 0)
        rc = nghttp2_session_callbacks_new(&callbacks);
    if (rc == 0) {
        set_options(options);
        vitro_h2_set_callbacks(callbacks);
        rc = start(h, options, callbacks);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    if (rc == 0)
        return VITRO_OK;
    vitro_h2_done(h);
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "http2", rc, "%s", nghttp2_strerror(rc));
}

void vitro_h2_done(struct h2_session *h)
{
    vitro_h2_tell_done(h);
    if (h->ng)
        nghttp2_session_del(h->ng);
    h->ng = NULL;
    if (h->held)
        vitro_h2_memory_release(h->config.memory, &h->held);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static vitro_code no_memory(vitro_error *err)
{
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "http2", 0, "out of memory");
}

vitro_code vitro_h2_take(struct h2_session *h, vitro_bytes bytes, int64_t now, vitro_error *err)
{
    ssize_t n;

    h->now = now;
    h->in += bytes.len;
    if (h->starved)
        return no_memory(err);
    if (h->terminated)
        return VITRO_OK;
    if (h->told[0])
        vitro_told_bytes(h, h->told[0], bytes);
    n = nghttp2_session_mem_recv(h->ng, bytes.ptr, bytes.len);
    if (h->starved)
        return no_memory(err);
    if (h->told[0]) {
        vitro_told_end(h, h->told[0], TOLD_ALL);
        vitro_told_check(h);
    }
    if (n >= 0)
        return VITRO_OK; /* a mistake of the peer queues a GOAWAY and reads nothing more */
    return vitro_fail(err, VITRO_UNAVAILABLE, "http2", (int32_t)n, "%s",
                      h->fault[0] ? h->fault : nghttp2_strerror((int)n));
}

static void tell_sent(struct h2_session *h, vitro_bytes bytes)
{
    struct h2_told *t = h->told[1];

    if (!t)
        return;
    vitro_told_bytes(h, t, bytes);
    vitro_told_end_first(h, t);
    vitro_told_check(h);
}

static bool wanted(const struct h2_session *h, const struct queue *out, size_t limit)
{
    return limit ? out->len < limit : nghttp2_session_get_outbound_queue_size(h->ng) != 0;
}

vitro_code vitro_h2_produce(struct h2_session *h, struct queue *out, size_t limit,
                            size_t data_limit, vitro_error *err)
{
    vitro_code rc = h->starved ? no_memory(err) : VITRO_OK;

    assert(!h->producing);
    h->producing = out;
    h->data_limit = data_limit;
    while (rc == VITRO_OK && wanted(h, out, limit)) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(h->ng, &bytes);

        if (h->starved) {
            rc = no_memory(err);
        } else if (n == 0) {
            break;
        } else if (n < 0) {
            rc = vitro_fail(err, VITRO_INTERNAL, "http2", (int32_t)n, "%s",
                            nghttp2_strerror((int)n));
        } else if (!vitro_queue_append(out, bytes, (size_t)n)) {
            rc = no_memory(err);
        } else {
            h->out += (uint64_t)n;
            tell_sent(h, (vitro_bytes){ bytes, (size_t)n });
        }
    }
    h->producing = NULL;
    return rc;
}

bool vitro_h2_wants_produce(const struct h2_session *h)
{
    return h->starved || nghttp2_session_want_write(h->ng) != 0;
}

bool vitro_h2_is_over(const struct h2_session *h)
{
    return !h->starved && !nghttp2_session_want_read(h->ng) && !nghttp2_session_want_write(h->ng);
}

/* ---- for those who look on --------------------------------------------------------------------
 */

size_t vitro_h2_until_frame(const struct h2_session *h)
{
    if (h->in < h->begun)
        return (size_t)(h->begun - h->in);
    if (h->in == h->begun && !h->in_block)
        return 0;
    return FRAME_HEAD_BYTES - (size_t)MIN(h->in - h->begun, (uint64_t)FRAME_HEAD_BYTES - 1);
}

bool vitro_h2_is_quiet(const struct h2_session *h)
{
    return !h->starved && !h->terminated && nghttp2_session_get_outbound_queue_size(h->ng) == 0;
}

uint32_t vitro_h2_setting(const struct h2_session *h, bool peers, uint32_t id)
{
    return (peers ? nghttp2_session_get_remote_settings
                  : nghttp2_session_get_local_settings)(h->ng, (nghttp2_settings_id)id);
}

/* nghttp2 ends the program when asked for one that it does not know. */
bool vitro_h2_knows_setting(uint32_t id)
{
    return id >= NGHTTP2_SETTINGS_HEADER_TABLE_SIZE && id <= NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE;
}

int32_t vitro_h2_send_window(const struct h2_session *h, const struct h2_stream *s)
{
    return s ? nghttp2_session_get_stream_remote_window_size(h->ng, s->id)
             : nghttp2_session_get_remote_window_size(h->ng);
}

int32_t vitro_h2_receive_window(const struct h2_session *h, const struct h2_stream *s)
{
    return s ? nghttp2_session_get_stream_local_window_size(h->ng, s->id)
             : nghttp2_session_get_local_window_size(h->ng);
}

/* ---- the connection -------------------------------------------------------------------------- */

void vitro_h2_consume_connection(struct h2_session *h, size_t n)
{
    if (!h->starved)
        nghttp2_session_consume_connection(h->ng, n);
}

void vitro_h2_grow_connection(struct h2_session *h, uint32_t size)
{
    if (!h->starved)
        nghttp2_session_set_local_window_size(h->ng, NGHTTP2_FLAG_NONE, 0, (int32_t)size);
}

void vitro_h2_announce_drain(struct h2_session *h)
{
    assert(h->config.server);
    if (!h->starved)
        nghttp2_submit_shutdown_notice(h->ng);
}

static void goaway(struct h2_session *h, uint32_t error, const char *debug)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(h->ng);

    nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE, last, error, (const uint8_t *)debug,
                          debug ? strlen(debug) : 0);
}

void vitro_h2_drain(struct h2_session *h, const char *debug)
{
    if (!h->starved)
        goaway(h, NGHTTP2_NO_ERROR, debug);
}

void vitro_h2_ping(struct h2_session *h, const uint8_t payload[8])
{
    if (!h->starved)
        nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, payload);
}

/* nghttp2's own terminate would send a GOAWAY without the text; ours alone says all. */
void vitro_h2_terminate(struct h2_session *h, uint32_t error, const char *debug)
{
    if (h->terminated || h->starved)
        return;
    h->terminated = true;
    snprintf(h->fault, sizeof h->fault, "%s", debug);
    goaway(h, error, debug);
}
