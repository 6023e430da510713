#include "support/large.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "frame/frame_writer.h"
#include "frame/hpack_writer.h"
#include "support/pcap_write.h"
#include "wire/lpm.h"

enum { CONNS = 100, PIECE = 16384, BIG = 1 << 20, FLUSH = 1 << 20, BLOCK = 4096 };

/* One connection while it is written. */
struct talk {
    struct pcap_talk tcp;
    struct hpack_writer hpack[2];
    uint32_t stream;
};

struct large {
    FILE *out;
    struct pcap_write w;
    struct buf packet; /* what is sent next */
    uint64_t frames, calls;
    bool failed;
};

const char *large_name(enum large_shape shape)
{
    static const char *const names[] = {
#define X(id, name, text) name,
        LARGE_SHAPES(X)
#undef X
    };

    return names[shape];
}

const char *large_text(enum large_shape shape)
{
    static const char *const texts[] = {
#define X(id, name, text) text,
        LARGE_SHAPES(X)
#undef X
    };

    return texts[shape];
}

static void flush(struct large *l, size_t most)
{
    if (l->w.len <= most)
        return;
    l->failed |= fwrite(l->w.ptr, 1, l->w.len, l->out) != l->w.len;
    l->w.len = 0;
}

static void send(struct large *l, struct talk *t, int dir)
{
    pcap_talk_send(&l->w, &t->tcp, dir, l->packet.ptr, l->packet.len);
    vitro_buf_consume(&l->packet, l->packet.len);
    flush(l, FLUSH);
}

static void field(struct talk *t, int dir, struct buf *b, const char *name, const char *value)
{
    vitro_hpack_write(&t->hpack[dir], b, vitro_str_of(name), vitro_str_of(value), NULL);
}

static void headers(struct large *l, struct talk *t, uint8_t flags, const struct buf *block)
{
    vitro_frame_write_headers(&l->packet, t->stream, (uint8_t)(flags | FRAME_END_HEADERS),
                              vitro_buf_bytes(block), NULL);
    l->frames++;
}

/* Of a protobuf message of n bytes with one string in it: what comes before the text. */
static size_t string_head(uint8_t *out, unsigned field, uint32_t n)
{
    uint32_t text = n < 130 ? n - 2 : n - 5;

    out[0] = (uint8_t)(field << 3 | 2);
    out[1] = (uint8_t)text;
    if (n < 130)
        return 2;
    for (int i = 0; i < 4; i++) /* a length of four bytes, whatever it takes */
        out[1 + i] = (uint8_t)((text >> 7 * i & 0x7f) | (i < 3 ? 0x80 : 0));
    return 5;
}

/* n bytes of a body; `message` is the length of the message that begins with them, or 0. */
static void data(struct large *l, struct talk *t, int dir, uint8_t flags, uint32_t message,
                 size_t n)
{
    uint8_t bytes[PIECE];
    size_t head = 0;

    if (message) {
        lpm_write_prefix(bytes, false, message);
        head = LPM_PREFIX + string_head(bytes + LPM_PREFIX, dir ? 2 : 1, message);
    }
    memset(bytes + head, 'a' + (int)(l->calls % 26), n - head);
    vitro_frame_write_data(&l->packet, t->stream, flags, (vitro_bytes){ bytes, n }, NULL);
    l->frames++;
}

static void small_message(struct large *l, struct talk *t, int dir, uint8_t flags)
{
    uint32_t n = 8 + (uint32_t)(l->calls * 7 % 40);

    data(l, t, dir, flags, n, LPM_PREFIX + n);
}

static void request(struct large *l, struct talk *t, bool id)
{
    struct buf b;
    char value[40];

    vitro_buf_init(&b, NULL, BLOCK);
    field(t, 0, &b, ":method", "POST");
    field(t, 0, &b, ":scheme", "http");
    field(t, 0, &b, ":path", "/chat.ChatService/SendMessage");
    field(t, 0, &b, ":authority", "192.0.2.2:50051");
    field(t, 0, &b, "te", "trailers");
    field(t, 0, &b, "content-type", "application/grpc");
    field(t, 0, &b, "user-agent", "grpc-c-vitro/0.1.0");
    snprintf(value, sizeof value, "%um", 900 + (unsigned)(l->calls % 7));
    field(t, 0, &b, "grpc-timeout", value);
    snprintf(value, sizeof value, "%08x-%016llx", (unsigned)l->calls,
             (unsigned long long)l->calls * 0x9e3779b97f4a7c15ULL);
    if (id)
        field(t, 0, &b, "x-request-id", value);
    headers(l, t, 0, &b);
    vitro_buf_done(&b);
}

static void response(struct large *l, struct talk *t)
{
    struct buf b;

    vitro_buf_init(&b, NULL, BLOCK);
    field(t, 1, &b, ":status", "200");
    field(t, 1, &b, "content-type", "application/grpc");
    headers(l, t, 0, &b);
    vitro_buf_done(&b);
}

static void trailers(struct large *l, struct talk *t)
{
    struct buf b;

    vitro_buf_init(&b, NULL, BLOCK);
    field(t, 1, &b, "grpc-status", l->calls % 1000 == 999 ? "5" : "0");
    headers(l, t, FRAME_END_STREAM, &b);
    vitro_buf_done(&b);
}

/* PING and WINDOW_UPDATE as real endpoints send them, now and then. */
static void controls(struct large *l, struct talk *t)
{
    static const uint8_t ping[8] = { 2, 4, 16, 16, 9, 14, 7, 7 };

    vitro_frame_write_window_update(&l->packet, 0, 4096);
    vitro_frame_write_ping(&l->packet, 0, ping);
    send(l, t, 1);
    vitro_frame_write_ping(&l->packet, FRAME_ACK, ping);
    send(l, t, 0);
    l->frames += 3;
}

static void talk_open(struct large *l, struct talk *t, uint32_t number)
{
    static const struct frame_setting_pair server[] = { { 5, PIECE } };

    memset(t, 0, sizeof *t);
    t->tcp.next[0] = 1000;
    t->tcp.next[1] = 5000;
    t->tcp.mss = 65483;
    t->tcp.shape.client_port = (uint16_t)(1024 + number % 60000);
    t->stream = 1;
    for (int dir = 0; dir < 2; dir++)
        vitro_hpack_writer_init(&t->hpack[dir], NULL, HPACK_DEFAULT_SIZE);
    pcap_talk_open(&l->w, &t->tcp);
    vitro_frame_write_preface(&l->packet);
    vitro_frame_write_settings(&l->packet, 0, NULL, 0);
    send(l, t, 0);
    vitro_frame_write_settings(&l->packet, 0, server, 1);
    vitro_frame_write_settings(&l->packet, FRAME_ACK, NULL, 0);
    send(l, t, 1);
    vitro_frame_write_settings(&l->packet, FRAME_ACK, NULL, 0);
    send(l, t, 0);
    l->frames += 4;
}

static void talk_close(struct large *l, struct talk *t)
{
    pcap_talk_close(&l->w, &t->tcp);
    vitro_hpack_writer_done(&t->hpack[0]);
    vitro_hpack_writer_done(&t->hpack[1]);
}

static void unary(struct large *l, struct talk *t, bool id)
{
    request(l, t, id);
    small_message(l, t, 0, FRAME_END_STREAM);
    send(l, t, 0);
    response(l, t);
    small_message(l, t, 1, 0);
    trailers(l, t);
    send(l, t, 1);
    if (l->calls % 32 == 31)
        controls(l, t);
    t->stream += 2;
    l->calls++;
}

static void note(struct large *l, const char *kind, uint32_t stream)
{
    char text[400];
    int n = snprintf(text, sizeof text,
                     "__REALTIME_TIMESTAMP=%lld\nMESSAGE=call %llu: %s\nVITRO_NS=%lld\n"
                     "VITRO_KIND=%s\nVITRO_CONN=0\nVITRO_CALL=%llu\nVITRO_STREAM=%u\n",
                     (long long)(l->w.now / 1000), (unsigned long long)l->calls, kind,
                     (long long)l->w.now, kind, (unsigned long long)l->calls, stream);

    pcap_write_note(&l->w, text, (size_t)n);
    l->w.now += 1000;
    l->frames++;
}

/* ---- Shapes ---------------------------------------------------------------------------------- */

static void calls(struct large *l, struct talk *t, uint64_t frames, bool id)
{
    while (l->frames < frames)
        unary(l, t, id);
}

static void noted_calls(struct large *l, struct talk *t, uint64_t frames)
{
    while (l->frames < frames) {
        note(l, "call", t->stream);
        note(l, "pick", t->stream);
        unary(l, t, false);
        note(l, "close", t->stream - 2);
    }
}

/* Messages of `size` bytes from the server, each in as many DATA frames as it takes. */
static void stream(struct large *l, struct talk *t, uint64_t frames, uint32_t size)
{
    request(l, t, false);
    small_message(l, t, 0, FRAME_END_STREAM);
    send(l, t, 0);
    response(l, t);
    send(l, t, 1);
    while (l->frames < frames) {
        uint64_t left = size + LPM_PREFIX;
        for (uint32_t says = size; left; says = 0) {
            size_t n = MIN(left, (uint64_t)PIECE);
            data(l, t, 1, 0, says, n);
            send(l, t, 1);
            left -= n;
        }
        l->calls++;
    }
    trailers(l, t);
    send(l, t, 1);
}

static void many(struct large *l, uint64_t frames)
{
    for (uint32_t i = 0; l->frames < frames; i++) {
        struct talk t;
        talk_open(l, &t, i);
        unary(l, &t, false);
        talk_close(l, &t);
    }
}

static void refused(struct large *l, uint64_t frames)
{
    for (uint32_t i = 0; l->frames < frames; i++, l->frames += 2) {
        uint16_t port = (uint16_t)(1024 + i % 60000);
        struct pcap_tcp syn = { .client_port = port, .seq = i, .flags = 2 };
        struct pcap_tcp rst = { .client_port = port, .reply = true, .ack = i + 1, .flags = 20 };
        pcap_write_tcp(&l->w, &syn);
        pcap_write_tcp(&l->w, &rst);
        flush(l, FLUSH);
    }
}

static void parallel(struct large *l, uint64_t frames)
{
    struct talk *all = calloc(CONNS, sizeof *all);

    for (uint32_t i = 0; all && i < CONNS; i++)
        talk_open(l, &all[i], i);
    for (uint32_t i = 0; all && l->frames < frames; i++)
        unary(l, &all[i * 37 % CONNS], false);
    for (uint32_t i = 0; all && i < CONNS; i++)
        talk_close(l, &all[i]);
    l->failed |= !all;
    free(all);
}

static void single(struct large *l, enum large_shape shape, uint64_t frames)
{
    struct talk t;

    talk_open(l, &t, 0);
    if (shape == LARGE_ETHERNET)
        t.tcp.mss = 1448;
    if (shape == LARGE_STREAM)
        stream(l, &t, frames, 24);
    else if (shape == LARGE_BULK || shape == LARGE_ETHERNET)
        stream(l, &t, frames, BIG);
    else if (shape == LARGE_NOTES)
        noted_calls(l, &t, frames);
    else
        calls(l, &t, frames, shape == LARGE_IDS);
    talk_close(l, &t);
}

bool large_write(FILE *out, enum large_shape shape, uint32_t frames)
{
    struct large l = { .out = out };

    pcap_write_init(&l.w, PCAP_NG | PCAP_NANO, 1);
    vitro_buf_init(&l.packet, NULL, 1 << 20);
    l.w.step = 1733;
    if (shape == LARGE_CONNS)
        many(&l, frames);
    else if (shape == LARGE_REFUSED)
        refused(&l, frames);
    else if (shape == LARGE_PARALLEL)
        parallel(&l, frames);
    else
        single(&l, shape, frames);
    flush(&l, 0);
    vitro_buf_done(&l.packet);
    pcap_write_done(&l.w);
    return !l.failed && fflush(out) == 0;
}
