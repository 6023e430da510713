/*
 * data - DATA frames: nghttp2 asks how much there is, then hands out a frame header behind which
 * the stream's own bytes go to the output (NO_COPY).
 */
#include "h2/callbacks.h"

#include "base/util.h"
#include "frame/frame.h"
#include "h2/told.h"

enum { COPY_BELOW = 512, MAX_DATA = 64 * 1024 };

/*
 * nghttp2 keeps room for the largest frame that it was ever promised, though none of our DATA goes
 * there: a stream that has less does not make it grow beyond what it begins with.
 */
enum { FIRST_ROOM = 16 * 1024 };

ssize_t vitro_h2_data_length(nghttp2_session *ng, uint8_t type, int32_t id,
                             int32_t connection_window, int32_t stream_window, uint32_t max_frame,
                             void *user)
{
    const struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, id);
    int32_t length = MIN(connection_window, stream_window);
    int32_t most = s && s->send.len > FIRST_ROOM ? MAX_DATA : FIRST_ROOM;

    (void)type;
    (void)user;
    return MIN(MIN(length, (int32_t)MIN(max_frame, (uint32_t)INT32_MAX)), most);
}

ssize_t vitro_h2_read_data(nghttp2_session *ng, int32_t id, uint8_t *room, size_t length,
                           uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_session *h = user;
    struct h2_stream *s = source->ptr;
    size_t n = vitro_queue_sealed_len(&s->send, length);

    (void)ng;
    (void)id;
    (void)room;
    if (h->data_limit && h->producing->len >= h->data_limit)
        return NGHTTP2_ERR_PAUSE; /* else it would go on with DATA as long as windows allow */
    if (n == 0 && s->ending == H2_OPEN) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n < s->send.len || s->ending == H2_OPEN)
        return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (s->ending == H2_TRAILERS) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (!s->trailing) {
            s->trailing = true;
            h->ops->trailers(h, s);
        }
    }
    return (ssize_t)n;
}

/* With one byte too many there is nothing left that could be sent again. */
static void keep(struct h2_stream *s, size_t n)
{
    if (!s->kept ||
        (n <= H2_KEEP && s->kept->len <= H2_KEEP - n && vitro_queue_share(s->kept, &s->send, n)))
        return;
    vitro_queue_clear(s->kept);
    s->kept = NULL;
}

/* Small runs are copied together, large ones move as they are. */
static bool move_bytes(struct queue *out, struct queue *send, size_t n)
{
    while (n) {
        vitro_bytes run = vitro_queue_peek(send);
        size_t k = MIN(n, run.len);

        if (k == 0)
            return false; /* it was cleared: the stream is reset */
        if (k < COPY_BELOW) {
            if (!vitro_queue_append(out, run.ptr, k))
                return false;
            vitro_queue_consume(send, k);
        } else if (!vitro_queue_move_some(out, send, k)) {
            return false;
        }
        n -= k;
    }
    return true;
}

int vitro_h2_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *header,
                       size_t length, nghttp2_data_source *source, void *user)
{
    struct h2_session *h = user;
    struct h2_stream *s = source->ptr;

    (void)ng;
    (void)frame; /* we never pad */
    if (h->ops->sending)
        h->ops->sending(h, s, length);
    if (h->told[1])
        vitro_told_skip(h->told[1], FRAME_HEAD_BYTES + length);
    keep(s, length);
    if (!vitro_queue_append(h->producing, header, FRAME_HEAD_BYTES) ||
        !move_bytes(h->producing, &s->send, length))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    h->out += FRAME_HEAD_BYTES + length;
    h->ops->sent(h, s, length);
    return 0;
}
