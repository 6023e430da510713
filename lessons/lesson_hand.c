#include "lesson_hand.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/util.h"
#include "frame/frame_writer.h"
#include "frame/hpack_writer.h"
#include "vitro/lab/hand.h"

enum { REQUEST_MAX = 64 * 1024 };

/* ---- what comes ----------------------------------------------------------------------------- */

/* A frame of the server: it has greeted, or the stream of the call is at its end. */
static void look_at(lesson_hand *h, struct frame_head f)
{
    bool carries = f.type == FRAME_HEADERS || f.type == FRAME_DATA;

    h->greeted |= f.type == FRAME_SETTINGS && !(f.flags & FRAME_ACK);
    h->over |= h->stream && f.stream == h->stream &&
               (f.type == FRAME_RST_STREAM || (carries && (f.flags & FRAME_END_STREAM)));
}

static void look(lesson_hand *h)
{
    vitro_bytes all = vitro_hand_received(h->hand);

    while (all.len - h->looked >= FRAME_HEAD_BYTES) {
        struct frame_head f = vitro_frame_head_read(all.ptr + h->looked);
        if (all.len - h->looked < FRAME_HEAD_BYTES + (size_t)f.length)
            break;
        h->looked += FRAME_HEAD_BYTES + (size_t)f.length;
        look_at(h, f);
    }
}

static bool is_greeted(void *hand)
{
    lesson_hand *h = hand;

    look(h);
    return h->greeted || vitro_hand_is_closed(h->hand);
}

static bool is_over(void *hand)
{
    lesson_hand *h = hand;

    look(h);
    return h->over || vitro_hand_is_closed(h->hand);
}

/* Run until the server has done something. */
static vitro_code wait_for(lesson_hand *h, bool (*done)(void *hand), const bool *what,
                           vitro_error *err)
{
    vitro_code rc = vitro_loop_run_until(h->l->loop, done, h, INT64_MAX, err);

    if (!rc && !*what)
        rc = vitro_fail(err, VITRO_UNAVAILABLE, "hand", 0, "the connection has ended");
    return rc;
}

/* ---- what is sent --------------------------------------------------------------------------- */

/* Letters as they are, and nothing that a table would have to remember. */
static bool add_header(struct hpack_writer *w, struct buf *block, lesson_header header)
{
    vitro_str name = vitro_str_of(header.name);
    struct hpack_style plain = { .huffman_name = HPACK_CHOICE_NO,
                                 .huffman_value = HPACK_CHOICE_NO };

    plain.how = vitro_hpack_name_secret(name) ? HPACK_HOW_NEVER : HPACK_HOW_WITHOUT;
    return vitro_hpack_write(w, block, name, vitro_str_of(header.value), &plain);
}

static bool add_headers(const lesson_hand *h, struct buf *block, const char *path,
                        const lesson_header *more)
{
    const lesson_header usual[] = {
        { ":method", "POST" }, { ":scheme", "http" },
        { ":path", path },     { ":authority", h->l->real ? h->l->authority : "localhost:50051" },
        { "te", "trailers" },  { "content-type", "application/grpc" },
    };
    struct hpack_writer w;
    bool ok = true;

    vitro_hpack_writer_init(&w, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        ok &= add_header(&w, block, usual[i]);
    for (; more && more->name; more++)
        ok &= add_header(&w, block, *more);
    vitro_hpack_writer_done(&w);
    return ok;
}

static bool send_request(lesson_hand *h, const char *path, const lesson_header *more,
                         vitro_bytes body)
{
    struct buf block, frames;
    bool ok;

    vitro_buf_init(&block, NULL, REQUEST_MAX);
    vitro_buf_init(&frames, NULL, REQUEST_MAX);
    ok = add_headers(h, &block, path, more) &&
         vitro_frame_write_headers(&frames, h->stream, FRAME_END_HEADERS, vitro_buf_bytes(&block),
                                   NULL) &&
         vitro_frame_write_data(&frames, h->stream, FRAME_END_STREAM, body, NULL) &&
         vitro_hand_send(h->hand, vitro_buf_bytes(&frames));
    vitro_buf_done(&block);
    vitro_buf_done(&frames);
    return ok;
}

/* ---- what a scenario calls ------------------------------------------------------------------ */

/* The preface and SETTINGS; and what is said of the server's. */
static bool send_settings(lesson_hand *h, uint8_t flags)
{
    uint8_t bytes[FRAME_PREFACE_BYTES + FRAME_HEAD_BYTES];
    size_t n = flags & FRAME_ACK ? 0 : FRAME_PREFACE_BYTES;

    memcpy(bytes, vitro_frame_preface, n);
    vitro_frame_head_write(bytes + n,
                           (struct frame_head){ .type = FRAME_SETTINGS, .flags = flags });
    return vitro_hand_send(h->hand, (vitro_bytes){ bytes, n + FRAME_HEAD_BYTES });
}

static vitro_code cannot_send(vitro_error *err)
{
    return vitro_fail(err, VITRO_INTERNAL, "hand", 0, "it cannot be sent");
}

vitro_code lesson_hand_open(lesson_hand *h, lesson *l, vitro_error *err)
{
    vitro_code rc = vitro_hand_open(&h->hand, l->loop, l->bound, l->trace, err);

    if (rc)
        return rc;
    h->l = l;
    if (!send_settings(h, 0))
        return cannot_send(err);
    rc = wait_for(h, is_greeted, &h->greeted, err);
    return !rc && !send_settings(h, FRAME_ACK) ? cannot_send(err) : rc;
}

vitro_code lesson_hand_call(lesson_hand *h, const char *path, const lesson_header *headers,
                            vitro_bytes body, vitro_error *err)
{
    h->stream = h->stream ? h->stream + 2 : 1;
    h->over = false;
    if (!send_request(h, path, headers, body))
        return cannot_send(err);
    return wait_for(h, is_over, &h->over, err);
}

static bool is_closed(void *hand)
{
    return vitro_hand_is_closed(hand);
}

void lesson_hand_close(lesson_hand *h)
{
    if (!h->hand)
        return;
    vitro_hand_close(h->hand);
    vitro_loop_run_until(h->l->loop, is_closed, h->hand, INT64_MAX, NULL);
    vitro_hand_free(h->hand);
    h->hand = NULL;
}
