/*
 * play - the screen played by keys, without a terminal, and read as text.
 *
 *      play_begin(&p, 80, 24);     a connection of two calls, all of it loaded
 *      play_keys(&p, "/grpc\n");
 *      SEES(&p, "words");
 *      play_end(&p);
 *
 * The functions stand here, as few tests link what they need (tools/ui).
 */
#ifndef VITRO_TESTS_PLAY_H
#define VITRO_TESTS_PLAY_H

#include <criterion/criterion.h>
#include <string.h>

#include "schemas.h"
#include "support/hand.h"
#include "ui/ui.h"

struct play {
    struct hand h;
    struct ui ui;
    struct grid grid;
    char text[65536]; /* the screen as lines */
};

static inline void play_show(struct play *p)
{
    size_t len = 0;

    for (int i = 0; i < 64 && model_busy(&p->ui.m); i++)
        model_work(&p->ui.m);
    ui_draw(&p->ui, &p->grid);
    for (int y = 0; y < p->grid.h; y++) {
        grid_row_text(&p->grid, y, p->text + len, sizeof p->text - len - 1);
        len += strlen(p->text + len);
        p->text[len++] = '\n';
    }
    p->text[len] = 0;
}

static inline void play_size(struct play *p, int w, int h)
{
    ui_resize(&p->ui, w, h);
    grid_resize(&p->grid, w, h);
    play_show(p);
}

/* What was written by hand so far. */
static inline void play_hand(struct play *p, int w, int h)
{
    hand_decode(&p->h);
    cr_assert_eq(schemas_add_shipped(p->h.decode, NULL), VITRO_OK);
    ui_init(&p->ui, p->h.decode, VITRO_ENGLISH, "a.pcapng");
    p->ui.m.loaded = true;
    model_grown(&p->ui.m);
    play_size(p, w, h);
}

/* A request with its message, an answer, and another request on the same connection. */
static inline void play_begin(struct play *p, int w, int h)
{
    memset(p, 0, sizeof *p);
    hand_open(&p->h);
    hand_request(&p->h, 1, "application/grpc");
    hand_data(&p->h, 0, 1, FRAME_END_STREAM, "00 00000007 0a05 ec9588 6f6b");
    hand_headers(&p->h, 1, 1, 0, ":status", "200", "content-type", "application/grpc", NULL);
    hand_data(&p->h, 1, 1, 0, "00 00000002 0801");
    hand_headers(&p->h, 1, 1, FRAME_END_STREAM, "grpc-status", "0", NULL);
    hand_request(&p->h, 3, "application/grpc");
    play_hand(p, w, h);
}

static inline void play_end(struct play *p)
{
    ui_done(&p->ui);
    grid_done(&p->grid);
    hand_done(&p->h);
}

static inline void play_key(struct play *p, int k)
{
    ui_key(&p->ui, k);
    play_show(p);
}

static inline void play_keys(struct play *p, const char *text)
{
    for (; *text; text++)
        play_key(p, *text);
}

static inline void play_go(struct play *p, const vitro_event *ev)
{
    cr_assert(ev != NULL);
    cr_assert(model_go(&p->ui.m, ev->number));
    play_show(p);
}

static inline bool play_sees(const struct play *p, const char *text)
{
    return strstr(p->text, text) != NULL;
}

#define SEES(p, words) cr_assert(play_sees(p, words), "not on the screen: %s\n%s", words, (p)->text)

#endif
