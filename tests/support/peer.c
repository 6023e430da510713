#include "support/peer.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "io/target.h"

static struct peer *of_driver(struct driver *d)
{
    return CONTAINER_OF(d, struct peer, driver);
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void add_text(struct peer *p, const char *text, size_t n)
{
    if (p->log_len + n + 1 > p->log_cap) {
        p->log_cap = (p->log_len + n + 1) * 2;
        p->log = realloc(p->log, p->log_cap);
    }
    memcpy(p->log + p->log_len, text, n);
    p->log_len += n;
    p->log[p->log_len] = '\0';
}

static void add(struct peer *p, const char *format, ...)
{
    char text[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add_text(p, text, MIN((size_t)n, sizeof text - 1));
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');

    return end ? end + 1 : NULL;
}

unsigned peer_count(const struct peer *p, const char *begin)
{
    unsigned n = 0;

    for (const char *line = p->log; line && *line; line = next_line(line))
        n += strncmp(line, begin, strlen(begin)) == 0;
    return n;
}

const char *peer_line(const struct peer *p, const char *begin)
{
    static char text[16384];

    for (const char *line = p->log; line && *line; line = next_line(line)) {
        if (strncmp(line, begin, strlen(begin)) != 0)
            continue;
        snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
        return text;
    }
    return "";
}

void peer_forget(struct peer *p)
{
    p->log_len = 0;
    add_text(p, "", 0);
}

/* ---- frames that come ----------------------------------------------------------------------- */

static void add_fields(struct peer *p)
{
    struct hpack_field f;

    vitro_hpack_block(&p->decoder, vitro_buf_bytes(&p->block), 0);
    while (vitro_hpack_next(&p->decoder, &f)) {
        cr_assert(!f.wrong, "%s", vitro_hpack_wrong_text(f.wrong));
        if (!f.name.len)
            continue; /* a size update */
        add_text(p, " ", 1);
        add_text(p, f.name.ptr, f.name.len);
        add_text(p, "=", 1);
        add_text(p, f.value.ptr, f.value.len);
    }
    p->block.len = 0;
}

static void give_back(struct peer *p, uint32_t stream, uint32_t n, bool end)
{
    if (p->manual_window || !n)
        return;
    cr_assert(vitro_frame_write_window_update(&p->out, 0, n));
    if (!end)
        cr_assert(vitro_frame_write_window_update(&p->out, stream, n));
}

static void on_data(struct peer *p, const struct frame_view *v, vitro_bytes payload)
{
    vitro_bytes data = vitro_frame_bytes(v, FRAME_FIELD_DATA, payload);
    bool end = p->head.flags & FRAME_END_STREAM;

    add(p, " %zu%s", data.len, end ? " end" : "");
    cr_assert(vitro_buf_append(&p->data, data.ptr, data.len));
    give_back(p, p->head.stream, p->head.length, end);
}

static void on_block(struct peer *p, const struct frame_view *v, vitro_bytes payload)
{
    vitro_bytes part = vitro_frame_bytes(v, FRAME_FIELD_FRAGMENT, payload);

    if (p->head.type == FRAME_HEADERS)
        add(p, "%s", p->head.flags & FRAME_END_STREAM ? " end" : "");
    cr_assert(vitro_buf_append(&p->block, part.ptr, part.len));
    if (p->head.flags & FRAME_END_HEADERS)
        add_fields(p);
}

/* Nothing comes before a client's preface. */
static void acknowledge(struct peer *p)
{
    if (p->client && !p->begun && p->out.len == 0)
        p->owed++;
    else
        cr_assert(vitro_frame_write_settings(&p->out, FRAME_ACK, NULL, 0));
}

static void on_control(struct peer *p, const struct frame_view *v, vitro_bytes payload)
{
    bool ack = p->head.flags & FRAME_ACK;
    const char *error = vitro_frame_error_name(vitro_frame_value(v, FRAME_FIELD_ERROR_CODE));
    vitro_bytes debug = vitro_frame_bytes(v, FRAME_FIELD_DEBUG_DATA, payload);
    struct frame_setting s;

    switch (p->head.type) {
    case FRAME_SETTINGS:
        add(p, "%s", ack ? " ack" : "");
        for (size_t i = 0; vitro_frame_setting_at(payload, i, &s); i++)
            add(p, " %u=%u", s.id, s.value);
        if (!ack && !p->manual_ack)
            acknowledge(p);
        break;
    case FRAME_PING:
        add(p, "%s", ack ? " ack" : "");
        if (!ack)
            cr_assert(vitro_frame_write_ping(&p->out, FRAME_ACK, payload.ptr));
        break;
    case FRAME_RST_STREAM:
        add(p, " %s", error ? error : "?");
        break;
    case FRAME_GOAWAY:
        add(p, " last %u %s %.*s", vitro_frame_value(v, FRAME_FIELD_LAST_STREAM),
            error ? error : "?", (int)debug.len, debug.len ? (const char *)debug.ptr : "");
        break;
    case FRAME_WINDOW_UPDATE:
        add(p, " %u", vitro_frame_value(v, FRAME_FIELD_INCREMENT));
        break;
    default:
        break;
    }
}

static void on_frame(struct peer *p)
{
    vitro_bytes payload = vitro_buf_bytes(&p->payload);
    struct frame_view v;

    vitro_frame_view(&v, p->head, payload, 0);
    add(p, "%s %u", vitro_frame_type_name(p->head.type), p->head.stream);
    if (p->head.type == FRAME_DATA)
        on_data(p, &v, payload);
    else if (p->head.type == FRAME_HEADERS || p->head.type == FRAME_CONTINUATION)
        on_block(p, &v, payload);
    else
        on_control(p, &v, payload);
    add(p, "\n");
    p->payload.len = 0;
}

static void read_frames(struct peer *p, vitro_bytes in)
{
    for (;;) {
        struct frame_piece piece = vitro_frame_read(&p->reader, &in);

        if (piece.kind == FRAME_PIECE_NONE)
            return;
        cr_assert_neq(piece.kind, FRAME_PIECE_NOT_PREFACE);
        if (piece.kind == FRAME_PIECE_PREFACE)
            continue;
        p->head = piece.head;
        if (piece.kind == FRAME_PIECE_PAYLOAD)
            cr_assert(vitro_buf_append(&p->payload, piece.bytes.ptr, piece.bytes.len));
        if (piece.end)
            on_frame(p);
    }
}

/* ---- the connection ------------------------------------------------------------------------- */

static void on_open(struct driver *d)
{
    of_driver(d)->connected = true;
}

static enum vitro_step take(struct driver *d, struct queue *in, vitro_error *err)
{
    struct peer *p = of_driver(d);

    while (in->len) {
        vitro_bytes run = vitro_queue_peek(in);

        cr_assert(vitro_buf_append(&p->raw, run.ptr, run.len));
        read_frames(p, run);
        vitro_queue_consume(in, run.len);
    }
    vitro_driver_wake(d);
    return VITRO_IDLE;
}

static enum vitro_step produce(struct driver *d, struct queue *out, size_t budget, vitro_error *err)
{
    struct peer *p = of_driver(d);

    while (p->out.len && p->owed) {
        cr_assert(vitro_frame_write_settings(&p->out, FRAME_ACK, NULL, 0));
        p->owed--;
    }
    p->begun = p->begun || p->out.len;
    cr_assert(vitro_queue_append(out, p->out.ptr, p->out.len));
    p->out.len = 0;
    return VITRO_IDLE;
}

static void on_close(struct driver *d, const vitro_error *why)
{
    struct peer *p = of_driver(d);

    p->closed = true;
    p->connected = false;
    add(p, "closed\n");
}

static const struct driver_ops driver_ops = {
    .on_open = on_open,
    .take = take,
    .produce = produce,
    .on_close = on_close,
};

static void adopt(struct peer *p, struct transport *t, bool server)
{
    struct hpack_reader_options options = { .max_size = HPACK_DEFAULT_SIZE };

    vitro_hpack_reader_done(&p->decoder);
    vitro_hpack_writer_done(&p->encoder);
    vitro_hpack_reader_init(&p->decoder, NULL, &options);
    vitro_hpack_writer_init(&p->encoder, NULL, HPACK_DEFAULT_SIZE);
    vitro_frame_reader_init(&p->reader, 0, server);
    p->payload.len = p->block.len = 0;
    p->closed = p->begun = false;
    p->client = !server;
    p->owed = 0;
    p->accepted++;
    vitro_driver_init(&p->driver, p->loop, &driver_ops);
    vitro_driver_open(&p->driver, t);
}

static void on_accepted(struct listener *l, struct transport *t)
{
    struct peer *p = CONTAINER_OF(l, struct peer, listener);

    while (p->connected && p->next)
        p = p->next;
    adopt(p, t, true);
}

static void on_connected(struct connect *c, struct transport *t, const vitro_error *err)
{
    cr_assert(t, "the script could not connect");
    adopt(CONTAINER_OF(c, struct peer, connect), t, false);
}

static struct address address_of(const char *target)
{
    struct target t;

    cr_assert_eq(vitro_target_parse(&t, vitro_str_of(target), NULL), VITRO_OK);
    cr_assert_gt(t.count, 0);
    return t.addresses[0];
}

/* ---- life ----------------------------------------------------------------------------------- */

void peer_init(struct peer *p, struct pair *pair, vitro_loop *loop)
{
    static const struct hpack_reader_options options = { .max_size = HPACK_DEFAULT_SIZE };

    memset(p, 0, sizeof *p);
    p->pair = pair;
    p->loop = loop;
    vitro_buf_init(&p->out, NULL, SIZE_MAX);
    vitro_buf_init(&p->raw, NULL, SIZE_MAX);
    vitro_buf_init(&p->data, NULL, SIZE_MAX);
    vitro_buf_init(&p->payload, NULL, SIZE_MAX);
    vitro_buf_init(&p->block, NULL, SIZE_MAX);
    vitro_hpack_reader_init(&p->decoder, NULL, &options);
    vitro_hpack_writer_init(&p->encoder, NULL, HPACK_DEFAULT_SIZE);
    add_text(p, "", 0);
}

void peer_done(struct peer *p)
{
    vitro_listener_close(&p->listener);
    peer_close(p, true);
    vitro_hpack_reader_done(&p->decoder);
    vitro_hpack_writer_done(&p->encoder);
    vitro_buf_done(&p->out);
    vitro_buf_done(&p->raw);
    vitro_buf_done(&p->data);
    vitro_buf_done(&p->payload);
    vitro_buf_done(&p->block);
    free(p->log);
    memset(p, 0, sizeof *p);
}

void peer_listen(struct peer *p)
{
    struct address a = address_of(p->pair->target);

    cr_assert_eq(vitro_listener_open(&p->listener, p->loop, &a, NULL, on_accepted, NULL), VITRO_OK);
    if (p->pair->sockets) /* the port that was given */
        vitro_address_text(&p->listener.bound, p->pair->target, sizeof p->pair->target);
}

void peer_connect(struct peer *p)
{
    struct address a = address_of(p->pair->target);

    vitro_connect_start(&p->connect, p->loop, &a, NULL, INT64_MAX, on_connected);
    pair_settle(p->pair);
    cr_assert(p->accepted);
}

void peer_client(struct peer *p)
{
    cr_assert(vitro_frame_write_preface(&p->out));
    peer_settings(p, 0, 0);
    peer_connect(p);
}

void pair_settle(struct pair *p)
{
    if (!p->sim) {
        vitro_loop_run(p->client_loop, 0, NULL);
        return;
    }
    vitro_sim_hold(p->sim, true);
    vitro_sim_run(p->sim);
    vitro_sim_hold(p->sim, false);
}

void peer_flush(struct peer *p)
{
    if (p->connected)
        vitro_driver_wake(&p->driver);
}

void peer_run(struct peer *p)
{
    peer_flush(p);
    pair_settle(p->pair);
}

void peer_close(struct peer *p, bool abort)
{
    vitro_error why;

    if (!p->connected || p->closed)
        return;
    vitro_fail(&why, VITRO_UNAVAILABLE, "script", 0, "enough");
    vitro_driver_close(&p->driver, !abort, abort ? &why : NULL);
    pair_settle(p->pair);
}

/* ---- the script ----------------------------------------------------------------------------- */

void peer_serve(struct peer *p, struct pair *pair)
{
    pair_init(pair);
    pair_make_world(pair);
    peer_init(p, pair, pair->server_loop);
    peer_listen(p);
    peer_settings(p, 0, 0);
    pair_make_channel(pair);
}

void peer_settings(struct peer *p, uint16_t id, uint32_t value)
{
    struct frame_setting_pair pair = { id, value };

    cr_assert(vitro_frame_write_settings(&p->out, 0, &pair, id ? 1 : 0));
}

static void add_block(struct peer *p, struct buf *block, const char *fields)
{
    while (fields && *fields) {
        size_t n = strcspn(fields, "\n");
        const char *colon = memchr(fields + 1, ':', n - 1); /* a pseudo-header begins with one */
        vitro_str name = { fields, (size_t)(colon - fields) };
        vitro_str value = { colon + 2, n - name.len - 2 };

        cr_assert(vitro_hpack_write(&p->encoder, block, name, value, NULL));
        fields += n + (fields[n] == '\n');
    }
}

static void write_block(struct peer *p, uint32_t stream, bool end, const char *a, const char *b)
{
    struct buf block;

    vitro_buf_init(&block, NULL, SIZE_MAX);
    add_block(p, &block, a);
    add_block(p, &block, b);
    cr_assert(vitro_frame_write_block(&p->out, stream, end ? FRAME_END_STREAM : 0,
                                      vitro_buf_bytes(&block), FRAME_DEFAULT_MAX, NULL));
    vitro_buf_done(&block);
}

void peer_headers(struct peer *p, uint32_t stream, bool end, const char *fields)
{
    write_block(p, stream, end, fields, NULL);
}

void peer_request(struct peer *p, uint32_t stream, bool end, const char *path, const char *more)
{
    char text[1024];

    snprintf(text, sizeof text,
             ":method: POST\n:scheme: http\n:path: %s\n:authority: server\nte: trailers\n"
             "content-type: application/grpc\n",
             path);
    write_block(p, stream, end, text, more);
}

void peer_response(struct peer *p, uint32_t stream, const char *more)
{
    write_block(p, stream, false, ":status: 200\ncontent-type: application/grpc\n", more);
}

void peer_trailers(struct peer *p, uint32_t stream, const char *fields)
{
    write_block(p, stream, true, fields, NULL);
}

void peer_data(struct peer *p, uint32_t stream, bool end, vitro_bytes bytes)
{
    cr_assert(vitro_frame_write_data(&p->out, stream, end ? FRAME_END_STREAM : 0, bytes, NULL));
}

void peer_message(struct peer *p, uint32_t stream, bool end, const char *text)
{
    size_t n = strlen(text);
    uint8_t *bytes = malloc(n + 5);

    bytes[0] = 0;
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)(n >> (24 - 8 * i));
    memcpy(bytes + 5, text, n);
    peer_data(p, stream, end, (vitro_bytes){ bytes, n + 5 });
    free(bytes);
}

void peer_reset(struct peer *p, uint32_t stream, uint32_t error)
{
    cr_assert(vitro_frame_write_rst_stream(&p->out, stream, error));
}

void peer_raw(struct peer *p, const void *bytes, size_t n)
{
    cr_assert(vitro_buf_append(&p->out, bytes, n));
}
