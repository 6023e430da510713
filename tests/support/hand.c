#include "support/hand.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdarg.h>
#include <string.h>

#include "support/hex.h"

void hand_init(struct hand *h)
{
    memset(h, 0, sizeof *h);
    h->talk.next[0] = 1;
    h->talk.next[1] = 1;
    pcap_write_init(&h->w, PCAP_NG, 1);
    vitro_hpack_writer_init(&h->hpack[0], NULL, 4096);
    vitro_hpack_writer_init(&h->hpack[1], NULL, 4096);
}

void hand_send(struct hand *h, int dir, const void *p, size_t n)
{
    if (h->skip)
        pcap_talk_skip(&h->talk, dir, n);
    else
        pcap_talk_send(&h->w, &h->talk, dir, p, n);
}

void hand_open(struct hand *h)
{
    struct buf b;

    hand_init(h);
    vitro_buf_init(&b, NULL, 1 << 20);
    pcap_talk_open(&h->w, &h->talk);
    vitro_frame_write_preface(&b);
    vitro_frame_write_settings(&b, 0, NULL, 0);
    pcap_talk_send(&h->w, &h->talk, 0, b.ptr, b.len);
    vitro_buf_done(&b);
    vitro_frame_write_settings(&b, 0, NULL, 0);
    pcap_talk_send(&h->w, &h->talk, 1, b.ptr, b.len);
    vitro_buf_done(&b);
}

/* Names and values, NULL at the end. */
void hand_headers(struct hand *h, int dir, uint32_t stream, uint8_t flags, ...)
{
    struct buf block, b;
    const char *name;
    va_list args;

    vitro_buf_init(&block, NULL, 1 << 20);
    vitro_buf_init(&b, NULL, 1 << 20);
    va_start(args, flags);
    while ((name = va_arg(args, const char *)) != NULL)
        vitro_hpack_write(&h->hpack[dir], &block, vitro_str_of(name),
                          vitro_str_of(va_arg(args, const char *)), NULL);
    va_end(args);
    vitro_frame_write_headers(&b, stream, flags | FRAME_END_HEADERS, vitro_buf_bytes(&block), NULL);
    hand_send(h, dir, b.ptr, b.len);
    vitro_buf_done(&block);
    vitro_buf_done(&b);
}

void hand_request(struct hand *h, uint32_t stream, const char *type)
{
    hand_headers(h, 0, stream, 0, ":method", "POST", ":scheme", "http", ":path",
                 "/chat.ChatService/SendMessage", "content-type", type, NULL);
}

void hand_data(struct hand *h, int dir, uint32_t stream, uint8_t flags, const char *hex)
{
    uint8_t bytes[1024];
    struct buf b;

    vitro_buf_init(&b, NULL, 1 << 20);
    vitro_frame_write_data(&b, stream, flags, hex_read(hex, bytes, sizeof bytes), NULL);
    hand_send(h, dir, b.ptr, b.len);
    vitro_buf_done(&b);
}

void hand_decode(struct hand *h)
{
    vitro_error err = { 0 };
    char text[400] = "";
    vitro_code code;

    pcap_talk_close(&h->w, &h->talk);
    h->bytes = (struct decoded_bytes){ h->w.ptr, h->w.len, 0, NULL };
    h->decode = decoded_of(&h->bytes, true, &code);
    cr_assert(eq(int, code, VITRO_OK));
    if (vitro_decode_check_tiling(h->decode, &err))
        vitro_error_format(&err, text, sizeof text);
    cr_assert(eq(str, text, ""));
    h->events = calloc(vitro_decode_count(h->decode) + 1, sizeof *h->events);
    cr_assert(h->events != NULL);
    for (uint32_t n = 1; n <= vitro_decode_count(h->decode); n++)
        cr_assert(vitro_decode_event(h->decode, n, &h->events[n - 1]));
}

void hand_done(struct hand *h)
{
    free(h->events);
    vitro_decode_free(h->decode);
    pcap_write_done(&h->w);
    vitro_hpack_writer_done(&h->hpack[0]);
    vitro_hpack_writer_done(&h->hpack[1]);
}

/* The i-th event of a kind, NULL when there are fewer. */
const vitro_event *hand_nth(const struct hand *h, vitro_event_kind kind, unsigned i)
{
    for (uint32_t n = 1; n <= vitro_decode_count(h->decode); n++) {
        const vitro_event *ev = &h->events[n - 1];
        if (ev->kind == kind && i-- == 0)
            return ev;
    }
    return NULL;
}

unsigned hand_count(const struct hand *h, vitro_event_kind kind)
{
    unsigned n = 0;

    while (hand_nth(h, kind, n))
        n++;
    return n;
}

/* The header field of a name in the i-th frame with headers. */
vitro_item_header hand_header(struct hand *h, const vitro_event *ev, const char *name,
                              const char **key)
{
    static vitro_item_header found;
    vitro_detail dt;

    memset(&found, 0, sizeof found);
    cr_assert(eq(int, vitro_decode_detail(h->decode, ev, &dt, NULL), VITRO_OK));
    for (size_t i = 0; i < dt.count; i++) {
        if (dt.items[i].header && vitro_str_eq(dt.items[i].header->name, vitro_str_of(name))) {
            found = *dt.items[i].header;
            if (key)
                *key = dt.items[i].key;
        }
    }
    return found;
}

const vitro_event *hand_frame(const struct hand *h, uint8_t type, int dir, unsigned i)
{
    for (unsigned n = 0;; n++) {
        const vitro_event *ev = hand_nth(h, VITRO_EVENT_FRAME, n);
        if (!ev)
            return NULL;
        if (ev->type == type && ev->dir == dir && i-- == 0)
            return ev;
    }
}
