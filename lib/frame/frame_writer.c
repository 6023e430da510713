#include "frame/frame_writer.h"

#include <string.h>

#include "base/util.h"

/* A frame being put together in room that was reserved for all of it. */
struct out {
    uint8_t *p;
};

static void put(struct out *o, const void *p, size_t n)
{
    if (n)
        memcpy(o->p, p, n);
    o->p += n;
}

static void put_number(struct out *o, uint32_t v, unsigned bytes)
{
    while (bytes--)
        *o->p++ = (uint8_t)(v >> (bytes * 8));
}

/* Reserve a frame and write its head. False when it does not fit. */
static bool begin(struct out *o, struct buf *b, struct frame_head head)
{
    size_t n = FRAME_HEAD_BYTES + (size_t)head.length;

    o->p = vitro_buf_reserve(b, n);
    if (!o->p)
        return false;
    b->len += n;
    vitro_frame_head_write(o->p, head);
    o->p += FRAME_HEAD_BYTES;
    return true;
}

/* A head whose stream has its reserved bit as the caller gave it. */
static struct frame_head head_of(unsigned type, uint8_t flags, uint32_t stream, size_t length)
{
    struct frame_head h = { .length = (uint32_t)length, .type = (uint8_t)type, .flags = flags };

    h.stream = stream & 0x7fffffff;
    h.reserved = stream >> 31;
    return h;
}

static size_t dress_length(const struct frame_dress *d)
{
    return d && d->padded ? (size_t)1 + d->pad : 0;
}

static void put_pad_length(struct out *o, const struct frame_dress *d)
{
    if (d && d->padded)
        *o->p++ = d->pad;
}

static void put_padding(struct out *o, const struct frame_dress *d)
{
    if (d && d->padded)
        memset(o->p, d->pad_byte, d->pad);
}

static void put_priority(struct out *o, const struct frame_dress *d)
{
    put_number(o, d->dependency | (d->exclusive ? 0x80000000 : 0), 4);
    *o->p++ = d->weight;
}

bool vitro_frame_write_preface(struct buf *b)
{
    return vitro_buf_append(b, vitro_frame_preface, FRAME_PREFACE_BYTES);
}

bool vitro_frame_write_head(struct buf *b, struct frame_head head)
{
    uint8_t raw[FRAME_HEAD_BYTES];

    vitro_frame_head_write(raw, head);
    return vitro_buf_append(b, raw, sizeof raw);
}

bool vitro_frame_write_raw(struct buf *b, struct frame_head head, vitro_bytes payload)
{
    struct out o;

    if (payload.len > FRAME_LENGTH_MAX)
        return false;
    head.length = (uint32_t)payload.len;
    if (!begin(&o, b, head))
        return false;
    put(&o, payload.ptr, payload.len);
    return true;
}

/* A frame of [pad length] [priority] [number] body [padding]. */
static bool write_dressed(struct buf *b, struct frame_head head, const struct frame_dress *d,
                          const uint32_t *number, vitro_bytes body)
{
    bool priority = head.type == FRAME_HEADERS && d && d->priority;
    size_t length = dress_length(d) + (priority ? 5 : 0) + (number ? 4 : 0);
    struct out o;

    if (body.len > FRAME_LENGTH_MAX - length)
        return false;
    head.length = (uint32_t)(length + body.len);
    head.flags |=
        (uint8_t)((d && d->padded ? FRAME_PADDED : 0) | (priority ? FRAME_PRIORITY_FLAG : 0));
    if (!begin(&o, b, head))
        return false;
    put_pad_length(&o, d);
    if (priority)
        put_priority(&o, d);
    if (number)
        put_number(&o, *number, 4);
    put(&o, body.ptr, body.len);
    put_padding(&o, d);
    return true;
}

bool vitro_frame_write_data(struct buf *b, uint32_t stream, uint8_t flags, vitro_bytes data,
                            const struct frame_dress *dress)
{
    return write_dressed(b, head_of(FRAME_DATA, flags, stream, 0), dress, NULL, data);
}

bool vitro_frame_write_headers(struct buf *b, uint32_t stream, uint8_t flags, vitro_bytes fragment,
                               const struct frame_dress *dress)
{
    return write_dressed(b, head_of(FRAME_HEADERS, flags, stream, 0), dress, NULL, fragment);
}

bool vitro_frame_write_continuation(struct buf *b, uint32_t stream, uint8_t flags,
                                    vitro_bytes fragment)
{
    return write_dressed(b, head_of(FRAME_CONTINUATION, flags, stream, 0), NULL, NULL, fragment);
}

bool vitro_frame_write_block(struct buf *b, uint32_t stream, uint8_t flags, vitro_bytes block,
                             size_t max, const struct frame_dress *dress)
{
    size_t start = b->len;
    vitro_bytes cut = { block.ptr, MIN(block.len, max) };
    bool last = cut.len == block.len;
    bool ok = max && vitro_frame_write_headers(
                         b, stream, (uint8_t)(flags | (last ? FRAME_END_HEADERS : 0)), cut, dress);

    while (ok && !last) {
        block.ptr += cut.len;
        block.len -= cut.len;
        cut.ptr = block.ptr;
        cut.len = MIN(block.len, max);
        last = cut.len == block.len;
        ok = vitro_frame_write_continuation(b, stream, last ? FRAME_END_HEADERS : 0, cut);
    }
    if (!ok)
        b->len = start;
    return ok;
}

bool vitro_frame_write_priority(struct buf *b, uint32_t stream, const struct frame_dress *dress)
{
    struct out o;

    if (!begin(&o, b, head_of(FRAME_PRIORITY, 0, stream, 5)))
        return false;
    put_priority(&o, dress);
    return true;
}

bool vitro_frame_write_rst_stream(struct buf *b, uint32_t stream, uint32_t error_code)
{
    struct out o;

    if (!begin(&o, b, head_of(FRAME_RST_STREAM, 0, stream, 4)))
        return false;
    put_number(&o, error_code, 4);
    return true;
}

bool vitro_frame_write_settings(struct buf *b, uint8_t flags,
                                const struct frame_setting_pair *pairs, size_t count)
{
    struct out o;

    if (count > FRAME_LENGTH_MAX / 6 || !begin(&o, b, head_of(FRAME_SETTINGS, flags, 0, count * 6)))
        return false;
    for (size_t i = 0; i < count; i++) {
        put_number(&o, pairs[i].id, 2);
        put_number(&o, pairs[i].value, 4);
    }
    return true;
}

bool vitro_frame_write_push_promise(struct buf *b, uint32_t stream, uint8_t flags,
                                    uint32_t promised, vitro_bytes fragment,
                                    const struct frame_dress *dress)
{
    return write_dressed(b, head_of(FRAME_PUSH_PROMISE, flags, stream, 0), dress, &promised,
                         fragment);
}

bool vitro_frame_write_ping(struct buf *b, uint8_t flags, const uint8_t opaque[8])
{
    vitro_bytes body = { opaque, 8 };

    return vitro_frame_write_raw(b, head_of(FRAME_PING, flags, 0, 0), body);
}

bool vitro_frame_write_goaway(struct buf *b, uint32_t last_stream, uint32_t error_code,
                              vitro_bytes debug)
{
    struct out o;

    if (debug.len > FRAME_LENGTH_MAX - 8 ||
        !begin(&o, b, head_of(FRAME_GOAWAY, 0, 0, 8 + debug.len)))
        return false;
    put_number(&o, last_stream, 4);
    put_number(&o, error_code, 4);
    put(&o, debug.ptr, debug.len);
    return true;
}

bool vitro_frame_write_window_update(struct buf *b, uint32_t stream, uint32_t increment)
{
    struct out o;

    if (!begin(&o, b, head_of(FRAME_WINDOW_UPDATE, 0, stream, 4)))
        return false;
    put_number(&o, increment, 4);
    return true;
}

bool vitro_frame_write_altsvc(struct buf *b, uint32_t stream, vitro_str origin, vitro_str value)
{
    struct out o;

    if (origin.len > 0xffff || value.len > FRAME_LENGTH_MAX - 2 - origin.len ||
        !begin(&o, b, head_of(FRAME_ALTSVC, 0, stream, 2 + origin.len + value.len)))
        return false;
    put_number(&o, (uint32_t)origin.len, 2);
    put(&o, origin.ptr, origin.len);
    put(&o, value.ptr, value.len);
    return true;
}

bool vitro_frame_write_origin(struct buf *b, const vitro_str *origins, size_t count)
{
    size_t length = 0;
    struct out o;

    for (size_t i = 0; i < count; i++) {
        if (origins[i].len > 0xffff || length > FRAME_LENGTH_MAX - 2 - origins[i].len)
            return false;
        length += 2 + origins[i].len;
    }
    if (!begin(&o, b, head_of(FRAME_ORIGIN, 0, 0, length)))
        return false;
    for (size_t i = 0; i < count; i++) {
        put_number(&o, (uint32_t)origins[i].len, 2);
        put(&o, origins[i].ptr, origins[i].len);
    }
    return true;
}

bool vitro_frame_write_priority_update(struct buf *b, uint32_t prioritized, vitro_str value)
{
    struct out o;

    if (value.len > FRAME_LENGTH_MAX - 4 ||
        !begin(&o, b, head_of(FRAME_PRIORITY_UPDATE, 0, 0, 4 + value.len)))
        return false;
    put_number(&o, prioritized, 4);
    put(&o, value.ptr, value.len);
    return true;
}
