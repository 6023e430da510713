/* stream - what the owner submits for one stream. */
#include "h2/session.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "h2/callbacks.h"

enum { MAX_ON_STACK = 24, MAX_FIELDS = 1024 };

void vitro_h2_stream_init(struct h2_stream *s, struct pool *pool)
{
    *s = (struct h2_stream){ .id = 0 };
    vitro_queue_init(&s->send, pool);
    list_init(&s->unsent);
}

static nghttp2_nv to_nv(const struct h2_field *f)
{
    uint8_t flags = NGHTTP2_NV_FLAG_NONE;

    if (f->flags & (H2_STATIC | H2_STATIC_NAME))
        flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME;
    if (f->flags & H2_STATIC)
        flags |= NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    if (f->flags & H2_NO_INDEX)
        flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    /* nghttp2's struct is not const, its use is */
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)f->name.ptr, (uint8_t *)(uintptr_t)f->value.ptr,
                         f->name.len, f->value.len, flags };
}

/* The fields as nghttp2 wants them: in small, or in memory that nv_free releases. */
static nghttp2_nv *nv_make(struct h2_session *h, const struct h2_field *fields, size_t n,
                           nghttp2_nv small[MAX_ON_STACK])
{
    nghttp2_nv *nv = small;

    if (n > MAX_FIELDS)
        return NULL;
    if (n > MAX_ON_STACK)
        nv = vitro_h2_memory_alloc(h->config.memory, n * sizeof *nv);
    for (size_t i = 0; nv && i < n; i++)
        nv[i] = to_nv(&fields[i]);
    return nv;
}

static void nv_free(struct h2_session *h, nghttp2_nv *nv, const nghttp2_nv *small)
{
    if (nv != small)
        vitro_h2_memory_free(h->config.memory, nv);
}

static vitro_code result(int rc, vitro_error *err)
{
    if (rc >= 0)
        return VITRO_OK;
    return vitro_fail(err, rc == NGHTTP2_ERR_NOMEM ? VITRO_RESOURCE_EXHAUSTED : VITRO_INTERNAL,
                      "http2", rc, "%s", nghttp2_strerror(rc));
}

uint32_t vitro_h2_can_open(const struct h2_session *h)
{
    uint32_t max;

    if (!h->has_settings || h->starved || h->terminated ||
        !nghttp2_session_check_request_allowed(h->ng))
        return 0;
    max = nghttp2_session_get_remote_settings(h->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return max;
}

bool vitro_h2_is_spent(const struct h2_session *h)
{
    return nghttp2_session_get_next_stream_id(h->ng) > INT32_MAX;
}

vitro_code vitro_h2_request(struct h2_session *h, struct h2_stream *s,
                            const struct h2_field *fields, size_t n, vitro_error *err)
{
    nghttp2_nv small[MAX_ON_STACK], *nv = nv_make(h, fields, n, small);
    nghttp2_data_provider data = { .source.ptr = s, .read_callback = vitro_h2_read_data };
    int32_t id = NGHTTP2_ERR_NOMEM;

    if (nv && !h->starved)
        id = nghttp2_submit_request(h->ng, NULL, nv, n, &data, s);
    nv_free(h, nv, small);
    if (id < 0)
        return result(id, err);
    s->id = id;
    list_append(&h->unsent, &s->unsent);
    return VITRO_OK;
}

vitro_code vitro_h2_response(struct h2_session *h, struct h2_stream *s,
                             const struct h2_field *fields, size_t n, bool only, vitro_error *err)
{
    nghttp2_nv small[MAX_ON_STACK], *nv = nv_make(h, fields, n, small);
    nghttp2_data_provider data = { .source.ptr = s, .read_callback = vitro_h2_read_data };
    int rc = NGHTTP2_ERR_NOMEM;

    if (nv && !h->starved)
        rc = nghttp2_submit_response(h->ng, s->id, nv, n, only ? NULL : &data);
    nv_free(h, nv, small);
    return result(rc, err);
}

vitro_code vitro_h2_trailers(struct h2_session *h, struct h2_stream *s,
                             const struct h2_field *fields, size_t n, vitro_error *err)
{
    nghttp2_nv small[MAX_ON_STACK], *nv = nv_make(h, fields, n, small);
    int rc = NGHTTP2_ERR_NOMEM;

    if (nv && !h->starved)
        rc = nghttp2_submit_trailer(h->ng, s->id, nv, n);
    nv_free(h, nv, small);
    return result(rc, err);
}

void vitro_h2_resume(struct h2_session *h, struct h2_stream *s)
{
    if (!s->deferred)
        return;
    s->deferred = false;
    if (!h->starved)
        nghttp2_session_resume_data(h->ng, s->id);
}

void vitro_h2_reset(struct h2_session *h, struct h2_stream *s, uint32_t error)
{
    if (s->reset || s->id == 0)
        return;
    s->reset = true;
    vitro_queue_clear(&s->send);
    if (!h->starved)
        nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, s->id, error);
}

/* ---- windows --------------------------------------------------------------------------------- */

void vitro_h2_consume_stream(struct h2_session *h, struct h2_stream *s, size_t n)
{
    if (n && !h->starved)
        nghttp2_session_consume_stream(h->ng, s->id, n);
}

int32_t vitro_h2_window_left(const struct h2_session *h, const struct h2_stream *s)
{
    return nghttp2_session_get_stream_local_window_size(h->ng, s->id);
}

void vitro_h2_grow_window(struct h2_session *h, const struct h2_stream *s, uint32_t size)
{
    if (!h->starved)
        nghttp2_session_set_local_window_size(h->ng, NGHTTP2_FLAG_NONE, s->id, (int32_t)size);
}

enum h2_wait vitro_h2_waiting(const struct h2_session *h, const struct h2_stream *s)
{
    if (s->send.len == 0 || s->deferred)
        return H2_WAIT_NONE;
    if (nghttp2_session_get_stream_remote_window_size(h->ng, s->id) <= 0)
        return H2_WAIT_STREAM_WINDOW;
    if (nghttp2_session_get_remote_window_size(h->ng) <= 0)
        return H2_WAIT_CONNECTION_WINDOW;
    return H2_WAIT_NONE;
}
