#include "h2/callbacks.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "frame/frame.h"
#include "h2/told.h"

/*
 * A client may reset as often as it likes within reason: 1,000 at once, then 1,000 a second. Over
 * that the connection ends with ENHANCE_YOUR_CALM (rapid reset, CVE-2023-44487). So does one that
 * makes us reset its streams by its mistakes (CVE-2025-8671).
 */
enum { RESET_BURST = 1000 };
#define RESET_NS 1000000 /* one token back each millisecond */

static struct h2_stream *stream_of(struct h2_session *h, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(h->ng, id) : NULL;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static struct h2_stream *begin_stream(struct h2_session *h, int32_t id)
{
    struct h2_stream *s = h->ops->begin(h, id);

    if (!s) {
        nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
        return NULL;
    }
    s->id = id;
    nghttp2_session_set_stream_user_data(h->ng, id, s);
    return s;
}

/* So many bytes of a block count as another frame: they may stand for much more (HPACK bombs). */
enum { BLOCK_BYTES = 64 };

/* Where the frame ends that begins here, and whether a block goes on behind it. */
static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *user)
{
    struct h2_session *h = user;
    bool has_block = hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_PUSH_PROMISE ||
                     hd->type == NGHTTP2_CONTINUATION;

    (void)ng;
    h->begun += FRAME_HEAD_BYTES + hd->length;
    if (has_block)
        h->events += hd->length / BLOCK_BYTES;
    h->in_block = has_block && !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
    return 0;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *h = user;
    struct h2_stream *s = stream_of(h, frame->hd.stream_id);

    (void)ng;
    if (h->told[0])
        vitro_told_block(h->told[0]);
    if (!s && !h->terminated && frame->hd.type == NGHTTP2_HEADERS &&
        frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        s = begin_stream(h, frame->hd.stream_id);
    if (s)
        s->header_bytes = 0;
    h->block =
        s; /* nothing else comes before its end (RFC 9113, 6.10): one look-up for all fields */
    return 0;
}

static bool is_over(const struct h2_session *h, const struct h2_stream *s)
{
    return s->header_bytes > h->config.max_header_list;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct h2_session *h = user;
    struct h2_stream *s = h->block;

    (void)ng;
    (void)frame;
    (void)flags;
    if (h->told[0])
        vitro_told_field(h->told[0], (vitro_str){ (const char *)name, name_len },
                         (vitro_str){ (const char *)value, value_len });
    if (!s)
        return 0; /* refused, or already forgotten: the block only keeps the tables in step */
    s->header_bytes += name_len + value_len + 32; /* RFC 9113, 6.5.2 */
    if (is_over(h, s))
        return 0; /* told at the end of the block, which is read on to keep the tables in step */
    h->ops->field(h, s, (vitro_str){ (const char *)name, name_len },
                  (vitro_str){ (const char *)value, value_len });
    return 0;
}

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t len, void *user)
{
    struct h2_session *h = user;
    struct h2_stream *s = stream_of(h, id);

    (void)flags;
    if (s)
        h->ops->data(h, s, (vitro_bytes){ data, len });
    else
        nghttp2_session_consume(ng, id, len);
    return 0;
}

static void on_end_of_block(struct h2_session *h, struct h2_stream *s, uint8_t flags)
{
    bool end = flags & NGHTTP2_FLAG_END_STREAM;

    s->got_headers = true;
    s->remote_end = s->remote_end || end;
    if (is_over(h, s))
        h->ops->fields_over(h, s);
    else
        h->ops->fields_end(h, s, end);
}

static void on_end_of_data(struct h2_session *h, struct h2_stream *s, uint8_t flags)
{
    if (flags & NGHTTP2_FLAG_END_STREAM) {
        s->remote_end = true;
        h->ops->end(h, s);
    }
}

static void count_reset(struct h2_session *h)
{
    int64_t back = (h->now - h->resets_at) / RESET_NS;

    if (!h->config.server)
        return;
    if (back > 0) {
        h->resets -= (uint32_t)MIN(back, (int64_t)h->resets);
        h->resets_at = h->now;
    }
    if (++h->resets == RESET_BURST)
        vitro_h2_terminate(h, NGHTTP2_ENHANCE_YOUR_CALM, "too many resets");
}

/* The PING behind the GOAWAY that announces a drain; keepalive's says something else. */
static const uint8_t announcing[8] = { 'd', 'r', 'a', 'i', 'n', 'i', 'n', 'g' };

static void on_ping(struct h2_session *h, const nghttp2_ping *ping)
{
    if (!(ping->hd.flags & NGHTTP2_FLAG_ACK)) {
        h->ops->ping(h);
    } else if (h->announcing && memcmp(ping->opaque_data, announcing, sizeof announcing) == 0) {
        h->announcing = false;
        h->ops->announced(h);
    }
}

static int on_frame_recv(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *h = user;
    struct h2_stream *s = stream_of(h, frame->hd.stream_id);

    (void)ng;
    h->events++;
    if (h->told[0] && (frame->hd.type == NGHTTP2_HEADERS))
        vitro_told_end(h, h->told[0], frame->hd.stream_id);
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (s)
            on_end_of_block(h, s, frame->hd.flags);
        break;
    case NGHTTP2_DATA:
        if (s)
            on_end_of_data(h, s, frame->hd.flags);
        break;
    case NGHTTP2_RST_STREAM:
        count_reset(h);
        break;
    case NGHTTP2_SETTINGS:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK)
            h->acknowledged = true;
        else
            h->has_settings = true;
        h->ops->settings(h);
        break;
    case NGHTTP2_PING:
        on_ping(h, &frame->ping);
        break;
    case NGHTTP2_GOAWAY:
        h->ops->goaway(h, frame->goaway.last_stream_id, frame->goaway.error_code,
                       (vitro_bytes){ frame->goaway.opaque_data, frame->goaway.opaque_data_len });
        break;
    default:
        break;
    }
    return 0;
}

static void set_fault(struct h2_session *h, const char *text, size_t len)
{
    snprintf(h->fault, sizeof h->fault, "%.*s", (int)MIN(len, sizeof h->fault - 1), text);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Of the resets that we send: not those that end a call, or refuse one that was never begun. */
static bool is_their_mistake(uint32_t error)
{
    return error != NGHTTP2_NO_ERROR && error != NGHTTP2_CANCEL &&
           error != NGHTTP2_REFUSED_STREAM && error != NGHTTP2_INTERNAL_ERROR;
}

/*
 * A client's stream that has ended, by the peer's reset, say, before ours could leave (RFC 9113,
 * 5.1). A server resets streams, too, that never began.
 */
static bool is_too_late(const struct h2_session *h, const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_RST_STREAM && !h->config.server &&
           !nghttp2_session_find_stream(h->ng, frame->hd.stream_id);
}

/* The fields of a block, before its bytes are handed out. */
static int before_frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *h = user;

    (void)ng;
    if (is_too_late(h, frame))
        return NGHTTP2_ERR_CANCEL;
    if (!h->told[1] || frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    vitro_told_block(h->told[1]);
    for (size_t i = 0; i < frame->headers.nvlen; i++) {
        const nghttp2_nv *nv = &frame->headers.nva[i];
        vitro_told_field(h->told[1], (vitro_str){ (const char *)nv->name, nv->namelen },
                         (vitro_str){ (const char *)nv->value, nv->valuelen });
    }
    return 0;
}

/* A PING passes by whatever waits in nghttp2: it is asked for once the GOAWAY has left. */
static void on_goaway_sent(struct h2_session *h, const nghttp2_goaway *goaway)
{
    h->is_goaway_sent = true;
    h->goaway_sent = goaway->error_code;
    if (goaway->opaque_data_len) /* nghttp2 says most exactly there what was wrong */
        set_fault(h, (const char *)goaway->opaque_data, goaway->opaque_data_len);
    if (h->config.server && goaway->last_stream_id == INT32_MAX) {
        h->announcing = true;
        nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, announcing);
    }
}

static int on_frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *h = user;
    struct h2_stream *s;

    if (frame->hd.type == NGHTTP2_GOAWAY) {
        on_goaway_sent(h, &frame->goaway);
        return 0;
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM && is_their_mistake(frame->rst_stream.error_code))
        count_reset(h);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    h->spoke = true;
    s = stream_of(h, frame->hd.stream_id);
    if (!s)
        return 0;
    list_remove(&s->unsent);
    s->sent_headers = true;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        s->local_end = true;
        /* Done before the client was: it need not go on (gRPC PROTOCOL-HTTP2, Responses). */
        if (h->config.server && !s->remote_end && !s->reset) {
            s->reset = true;
            nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
        }
    }
    return 0;
}

/* What nghttp2 found no memory for: no peer said that, and it ends with the connection. */
static bool is_own_refusal(const struct h2_session *h, uint32_t error)
{
    return h->starved && error == NGHTTP2_REFUSED_STREAM;
}

/* A request that nghttp2 could not write, because a GOAWAY came before the turn's end. */
static int on_frame_not_send(nghttp2_session *ng, const nghttp2_frame *frame, int code, void *user)
{
    struct h2_session *h = user;

    (void)ng;
    (void)code;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    for (struct list *i = h->unsent.next; i != &h->unsent; i = i->next) {
        struct h2_stream *s = CONTAINER_OF(i, struct h2_stream, unsent);

        if (s->id != frame->hd.stream_id)
            continue;
        nghttp2_session_set_stream_user_data(h->ng, s->id, NULL);
        if (is_own_refusal(h, NGHTTP2_REFUSED_STREAM))
            break;
        list_remove(&s->unsent);
        h->ops->closed(h, s, NGHTTP2_REFUSED_STREAM, true);
        break;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t error, void *user)
{
    struct h2_session *h = user;
    struct h2_stream *s = stream_of(h, id);
    bool unsent;

    if (!s)
        return 0;
    if (h->block == s)
        h->block = NULL;
    if (is_own_refusal(h, error)) {
        nghttp2_session_set_stream_user_data(ng, id, NULL);
        return 0;
    }
    unsent = !list_empty(&s->unsent);
    list_remove(&s->unsent);
    nghttp2_session_set_stream_user_data(ng, id, NULL);
    h->ops->closed(h, s, error, unsent);
    return 0;
}

/* ---- the peer's mistakes --------------------------------------------------------------------- */

static int on_error(nghttp2_session *ng, int code, const char *text, size_t len, void *user)
{
    struct h2_session *h = user;

    (void)ng;
    (void)code;
    set_fault(h, text, len);
    return 0;
}

static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int code, void *user)
{
    struct h2_session *h = user;

    (void)ng;
    (void)frame;
    if (!h->fault[0])
        snprintf(h->fault, sizeof h->fault, "%s", nghttp2_strerror(code));
    return 0;
}

void vitro_h2_set_callbacks(nghttp2_session_callbacks *c)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
    nghttp2_session_callbacks_set_before_frame_send_callback(c, before_frame_send);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_frame_not_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_error_callback2(c, on_error);
    nghttp2_session_callbacks_set_send_data_callback(c, vitro_h2_send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(c, vitro_h2_data_length);
}
