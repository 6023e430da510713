#include "support/conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "frame/frame_writer.h"
#include "pb/wire.h"

enum { BUF_MAX = 256 * 1024 * 1024, BLOCK_PIECE = 16384 };

enum stage { REQUEST, REQUEST_BODY, RESPONSE, RESPONSE_BODY, TRAILERS, OVER };

struct conversation_call {
    uint32_t stream;
    int method;
    enum stage stage;
    struct buf body[2]; /* messages with prefixes, not sent yet */
    bool tail;          /* END_STREAM comes in an empty DATA */
    bool reset;
};

static const char *const paths[] = { "/chat.ChatService/SendMessage",
                                     "/chat.ChatService/GetNotifications",
                                     "/chat.ChatService/UploadFiles", "/chat.ChatService/Chat" };

/* The types of chat.proto's fields, s: string, b: bytes, v: varint; request and response. */
static const char *const layouts[4][2] = {
    { "ssv", "vs" }, { "s", "sss" }, { "bs", "vv" }, { "ss", "ss" }
};

static bool maybe(struct chance *c, unsigned percent)
{
    return vitro_chance_below(c, 100) < percent;
}

static void sent(struct conversation *c, int dir, size_t before)
{
    size_t n = c->out[dir].len - before;

    if (!n)
        return;
    if (c->turn_count && c->turns[c->turn_count - 1].dir == dir) {
        c->turns[c->turn_count - 1].len += n;
        return;
    }
    if (c->turn_count == c->turn_cap) {
        c->turn_cap = c->turn_cap ? c->turn_cap * 2 : 64;
        c->turns = realloc(c->turns, c->turn_cap * sizeof *c->turns);
    }
    c->turns[c->turn_count++] = (struct conversation_turn){ dir, n };
}

/* ---- Messages ------------------------------------------------------------------------------ */

static void add_text(struct conversation *c, struct buf *out, uint32_t number, bool bytes)
{
    static const char words[] = "안녕하세요! hello, wire; 反射 ";
    uint8_t head[24];
    size_t len = seed_between(&c->say, 0, c->shape->message_max ? c->shape->message_max : 40);
    size_t n = vitro_pb_write_tag(head, number, PB_LEN);

    if (!bytes)
        len = len / 7 * 7; /* of ASCII: any cut is UTF-8 */
    n += vitro_pb_write_varint(head + n, len);
    vitro_buf_append(out, head, n);
    for (size_t i = 0; i < len; i++) {
        uint8_t b = bytes ? (uint8_t)vitro_chance_next(&c->say) : (uint8_t)words[17 + i % 7];
        vitro_buf_append(out, &b, 1);
    }
}

static void add_message(struct conversation *c, struct buf *body, const char *layout)
{
    struct buf m;
    uint8_t prefix[5] = { 0 }, head[24];

    vitro_buf_init(&m, NULL, BUF_MAX);
    for (uint32_t i = 0; layout[i]; i++) {
        if (c->shape->empty && maybe(&c->say, 40))
            continue;
        c->fields++;
        if (layout[i] == 'v') {
            size_t n = vitro_pb_write_tag(head, i + 1, PB_VARINT);
            uint64_t v = vitro_chance_next(&c->say) >> seed_between(&c->say, 33, 63);
            n += vitro_pb_write_varint(head + n, layout[1] == 's' ? v & 1 : v);
            vitro_buf_append(&m, head, n);
        } else {
            add_text(c, &m, i + 1, layout[i] == 'b');
        }
    }
    prefix[1] = (uint8_t)(m.len >> 24);
    prefix[2] = (uint8_t)(m.len >> 16);
    prefix[3] = (uint8_t)(m.len >> 8);
    prefix[4] = (uint8_t)m.len;
    vitro_buf_append(body, prefix, 5);
    vitro_buf_append(body, m.ptr, m.len);
    vitro_buf_done(&m);
    c->messages++;
}

/* ---- Header blocks ------------------------------------------------------------------------- */

static void add_field(struct conversation *c, int dir, struct buf *block, const char *name,
                      const char *value)
{
    struct hpack_style style = { 0 };

    if (c->shape->styles) {
        static const uint8_t hows[] = { HPACK_HOW_AUTO, HPACK_HOW_INCREMENTAL, HPACK_HOW_WITHOUT,
                                        HPACK_HOW_NEVER };
        style.how = hows[vitro_chance_below(&c->say, 4)];
        style.name_index = (uint8_t)vitro_chance_below(&c->say, 2); /* auto or no */
        style.huffman_name = (uint8_t)vitro_chance_below(&c->say, 3);
        style.huffman_value = (uint8_t)vitro_chance_below(&c->say, 3);
    }
    if (!vitro_hpack_write(&c->hpack[dir], block, vitro_str_of(name), vitro_str_of(value), &style))
        vitro_hpack_write(&c->hpack[dir], block, vitro_str_of(name), vitro_str_of(value), NULL);
    c->headers++;
}

static struct frame_dress dress_of(struct conversation *c, uint32_t stream, bool headers)
{
    struct frame_dress d = { 0 };

    if (c->shape->padding && maybe(&c->say, 50)) {
        d.padded = true;
        d.pad = (uint8_t)vitro_chance_below(&c->say, 20);
    }
    if (headers && c->shape->priority && maybe(&c->say, 60)) {
        d.priority = true;
        d.exclusive = maybe(&c->say, 50);
        d.weight = (uint8_t)vitro_chance_next(&c->say);
        d.dependency = stream > 2 ? stream - 2 : 0;
    }
    return d;
}

static void send_block(struct conversation *c, int dir, uint32_t stream, uint8_t flags,
                       struct buf *block)
{
    struct frame_dress d = dress_of(c, stream, true);
    size_t before = c->out[dir].len, max = BLOCK_PIECE;

    /* tshark 4.0 fails on a first fragment that holds size updates and no whole field */
    if (c->shape->continuation && block->len && (block->ptr[0] & 0xe0) != 0x20)
        max = seed_between(&c->say, 1 + block->len / 5, block->len + 1);
    vitro_frame_write_block(&c->out[dir], stream, flags, vitro_buf_bytes(block), max, &d);
    c->frames += block->len ? (block->len + max - 1) / max : 1;
    sent(c, dir, before);
    vitro_buf_done(block);
}

static void begin_block(struct conversation *c, int dir, struct buf *block)
{
    vitro_buf_init(block, NULL, BUF_MAX);
    if (c->shape->sizes && maybe(&c->say, 30)) {
        if (maybe(&c->say, 50)) {
            vitro_hpack_write_size(&c->hpack[dir], block, 0);
            c->updates++;
        }
        vitro_hpack_write_size(&c->hpack[dir], block,
                               (uint32_t)seed_between(&c->say, 0, HPACK_DEFAULT_SIZE));
        c->updates++;
    }
}

static void send_request(struct conversation *c, struct conversation_call *call, bool end)
{
    struct buf b;
    char value[24];

    begin_block(c, 0, &b);
    add_field(c, 0, &b, ":method", "POST");
    add_field(c, 0, &b, ":scheme", "http");
    add_field(c, 0, &b, ":path", paths[call->method]);
    add_field(c, 0, &b, ":authority", "192.0.2.2:50051");
    add_field(c, 0, &b, "te", "trailers");
    add_field(c, 0, &b, "content-type", "application/grpc");
    add_field(c, 0, &b, "user-agent", "grpc-c-vitro/0.1.0");
    if (maybe(&c->say, 50)) {
        snprintf(value, sizeof value, "%um", (unsigned)vitro_chance_below(&c->say, 100000));
        add_field(c, 0, &b, "grpc-timeout", value);
    }
    if (maybe(&c->say, 30))
        add_field(c, 0, &b, "authorization", "Bearer 0123456789abcdef");
    if (maybe(&c->say, 30)) {
        snprintf(value, sizeof value, "v%u", (unsigned)vitro_chance_below(&c->say, 5));
        add_field(c, 0, &b, "x-request-kind", value);
    }
    send_block(c, 0, call->stream, end ? FRAME_END_STREAM : 0, &b);
}

static void send_response(struct conversation *c, struct conversation_call *call)
{
    struct buf b;

    begin_block(c, 1, &b);
    add_field(c, 1, &b, ":status", "200");
    add_field(c, 1, &b, "content-type", "application/grpc");
    send_block(c, 1, call->stream, 0, &b);
}

static void send_trailers(struct conversation *c, struct conversation_call *call, bool only)
{
    static const char *const codes[] = { "0", "0", "5", "13" };
    unsigned code = (unsigned)vitro_chance_below(&c->say, 4);
    struct buf b;

    begin_block(c, 1, &b);
    if (only) {
        add_field(c, 1, &b, ":status", "200");
        add_field(c, 1, &b, "content-type", "application/grpc");
    }
    add_field(c, 1, &b, "grpc-status", codes[code]);
    if (code > 1)
        add_field(c, 1, &b, "grpc-message", "not%20so");
    send_block(c, 1, call->stream, FRAME_END_STREAM, &b);
}

/* ---- Frames -------------------------------------------------------------------------------- */

/* The next piece of a body; true with the last one. */
static bool send_data(struct conversation *c, struct conversation_call *call, int dir, bool end)
{
    struct buf *body = &call->body[dir];
    struct frame_dress d = dress_of(c, call->stream, false);
    size_t n = MIN(body->len, BLOCK_PIECE - 256), before = c->out[dir].len;
    bool last;

    if (c->shape->split && n)
        n = seed_between(&c->cut, maybe(&c->cut, 10) ? 0 : 1,
                         maybe(&c->cut, 50) ? MIN(n, (size_t)7) : n);
    last = n == body->len && !(call->tail && body->len);
    vitro_frame_write_data(&c->out[dir], call->stream, last && end ? FRAME_END_STREAM : 0,
                           (vitro_bytes){ body->ptr, n }, &d);
    vitro_buf_consume(body, n);
    c->frames++;
    sent(c, dir, before);
    if (call->tail && n && !body->len)
        call->tail = false;
    return last;
}

static void send_control(struct conversation *c, struct conversation_call *call)
{
    static const uint8_t ping[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    int dir = (int)vitro_chance_below(&c->say, 2);
    size_t before = c->out[dir].len;
    struct frame_dress d = { .dependency = 0, .weight = 15 };
    struct frame_head odd = { 0, call->stream, 0xbe, 0x55, false };

    switch (vitro_chance_below(&c->say, 4)) {
    case 0:
        vitro_frame_write_ping(&c->out[dir], maybe(&c->say, 50) ? FRAME_ACK : 0, ping);
        break;
    case 1:
        vitro_frame_write_window_update(&c->out[dir], maybe(&c->say, 50) ? call->stream : 0,
                                        1 + (uint32_t)vitro_chance_below(&c->say, 100000));
        break;
    case 2:
        vitro_frame_write_priority(&c->out[dir], call->stream, &d);
        break;
    default:
        vitro_frame_write_raw(&c->out[dir], odd, (vitro_bytes){ ping, 5 });
    }
    c->frames++;
    sent(c, dir, before);
}

static void call_begin(struct conversation *c, struct conversation_call *call, unsigned i)
{
    unsigned most = c->shape->message_most ? c->shape->message_most : 3;

    memset(call, 0, sizeof *call);
    call->stream = 1 + 2 * i;
    call->method = c->shape->method ? c->shape->method - 1 : (int)vitro_chance_below(&c->say, 4);
    for (int dir = 0; dir < 2; dir++) {
        bool streams = call->method == 3 || call->method == (dir ? 1 : 2);
        size_t n = streams ? seed_between(&c->say, c->shape->empty ? 0 : 1, most) : 1;
        vitro_buf_init(&call->body[dir], NULL, BUF_MAX);
        while (n--)
            add_message(c, &call->body[dir], layouts[call->method][dir]);
    }
    call->tail = c->shape->empty && maybe(&c->say, 50);
}

/* What a call does next. */
static void call_step(struct conversation *c, struct conversation_call *call)
{
    if (c->shape->controls && maybe(&c->say, 20) && call->stage != REQUEST)
        send_control(c, call);
    switch (call->stage) {
    case REQUEST:
        send_request(c, call, false);
        call->stage = REQUEST_BODY;
        break;
    case REQUEST_BODY:
        if (send_data(c, call, 0, true))
            call->stage = RESPONSE;
        break;
    case RESPONSE:
        if (!call->body[1].len && maybe(&c->say, 50)) {
            send_trailers(c, call, true);
            call->stage = OVER;
            break;
        }
        send_response(c, call);
        call->stage = call->body[1].len ? RESPONSE_BODY : TRAILERS;
        break;
    case RESPONSE_BODY:
        if (send_data(c, call, 1, false))
            call->stage = TRAILERS;
        break;
    case TRAILERS:
        send_trailers(c, call, false);
        call->stage = OVER;
        break;
    default:
        break;
    }
}

static void open_both(struct conversation *c)
{
    static const struct frame_setting_pair client[] = { { 3, 100 }, { 4, 65535 } };
    static const struct frame_setting_pair server[] = { { 5, 16384 }, { 6, 8192 } };

    vitro_frame_write_preface(&c->out[0]);
    vitro_frame_write_settings(&c->out[0], 0, client, ARRAY_LEN(client));
    sent(c, 0, 0);
    vitro_frame_write_settings(&c->out[1], 0, server, ARRAY_LEN(server));
    vitro_frame_write_settings(&c->out[1], FRAME_ACK, NULL, 0);
    sent(c, 1, 0);
    size_t before = c->out[0].len;
    vitro_frame_write_settings(&c->out[0], FRAME_ACK, NULL, 0);
    sent(c, 0, before);
    c->frames += 4;
}

static void close_both(struct conversation *c)
{
    size_t before = c->out[1].len;

    if (!c->shape->controls)
        return;
    vitro_frame_write_goaway(&c->out[1], 1, H2_NO_ERROR,
                             (vitro_bytes){ (const uint8_t *)"max_age", 7 });
    c->frames++;
    sent(c, 1, before);
}

void conversation_init(struct conversation *c)
{
    memset(c, 0, sizeof *c);
    for (int dir = 0; dir < 2; dir++) {
        vitro_buf_init(&c->out[dir], NULL, BUF_MAX);
        vitro_hpack_writer_init(&c->hpack[dir], NULL, HPACK_DEFAULT_SIZE);
    }
}

void conversation_say(struct conversation *c, int dir, const void *p, size_t n)
{
    size_t before = c->out[dir].len;

    vitro_buf_append(&c->out[dir], p, n);
    sent(c, dir, before);
}

void conversation_make(struct conversation *c, const struct conversation_shape *shape,
                       unsigned long long say, unsigned long long cut)
{
    unsigned calls = shape->calls ? shape->calls : 1, open = 0;

    conversation_init(c);
    c->shape = shape;
    vitro_chance_seed(&c->say, say);
    vitro_chance_seed(&c->cut, cut);
    c->all = calloc(calls, sizeof *c->all);
    open_both(c);
    for (unsigned i = 0; i < calls; i++)
        call_begin(c, &c->all[i], i);
    while (open < calls) {
        unsigned i = open;
        if (shape->interleave) /* a stream may open only behind those with lower numbers */
            i += (unsigned)vitro_chance_below(&c->say, MIN(4, calls - open));
        while (i > open && c->all[i].stage == REQUEST && c->all[i - 1].stage == REQUEST)
            i--;
        call_step(c, &c->all[i]);
        while (open < calls && c->all[open].stage == OVER)
            open++;
    }
    close_both(c);
    for (unsigned i = 0; i < calls; i++) {
        vitro_buf_done(&c->all[i].body[0]);
        vitro_buf_done(&c->all[i].body[1]);
    }
}

void conversation_done(struct conversation *c)
{
    for (int dir = 0; dir < 2; dir++) {
        vitro_buf_done(&c->out[dir]);
        vitro_hpack_writer_done(&c->hpack[dir]);
    }
    free(c->turns);
    free(c->all);
}

void conversation_capture(const struct conversation *c, struct pcap_write *w,
                          struct pcap_talk *talk, struct chance *cut)
{
    size_t at[2] = { 0, 0 };

    pcap_talk_open(w, talk);
    for (size_t i = 0; i < c->turn_count; i++) {
        int dir = c->turns[i].dir;
        size_t left = c->turns[i].len;
        while (left) {
            /* the openings go whole: tshark 4.0 does not know a preface in two segments */
            size_t n = cut && i > 1 ? seed_between(cut, 1, MIN(left, (size_t)1400)) : left;
            pcap_talk_send(w, talk, dir, c->out[dir].ptr + at[dir], n);
            at[dir] += n;
            left -= n;
        }
    }
    pcap_talk_close(w, talk);
}
