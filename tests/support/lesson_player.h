/*
 * lesson_player - a lesson as vitro learn has it on the screen, with its real program, but without
 * a terminal: keys in, text out, and all that a key sets going has happened when it returns.
 */
#ifndef VITRO_TESTS_LESSON_PLAYER_H
#define VITRO_TESTS_LESSON_PLAYER_H

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lesson_find.h"
#include "lesson_plan.h"
#include "ui/ui.h"

enum { PLAYER_PATIENCE_MS = 20000, PLAYER_TEXT = 65536 };

struct lesson_player {
    struct lesson_text texts[2];
    struct study study;
    struct lesson_play play;
    struct ui ui;
    struct grid grid;
    vitro_error ended;
    unsigned wishes; /* all that the study ever wished for */
    char text[PLAYER_TEXT];
};

static inline int64_t player_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Take what the program has written, and tell it what is wished. */
static inline void player_work(struct lesson_player *p)
{
    struct pollfd fd = { source_wait_fd(p->play.source), POLLIN, 0 };
    bool more;

    poll(&fd, 1, fd.fd < 0 ? 1 : 5);
    more = source_grow(p->play.source, &p->play.limit);
    (void)!vitro_decode_advance(p->play.decode, NULL);
    p->study.over = p->study.over || (!more && lesson_play_ended(&p->play, &p->ended));
    ui_lesson_work(&p->ui, player_now());
    while (model_busy(&p->ui.m))
        model_work(&p->ui.m);
    lesson_play_tell(&p->play, p->study.wishes);
    p->wishes |= p->study.wishes;
    p->study.wishes = 0;
}

static inline void player_show(struct lesson_player *p)
{
    size_t len = 0;

    while (model_busy(&p->ui.m))
        model_work(&p->ui.m);
    ui_draw(&p->ui, &p->grid);
    for (int y = 0; y < p->grid.h; y++) {
        grid_row_text(&p->grid, y, p->text + len, sizeof p->text - len - 1);
        len += strlen(p->text + len);
        p->text[len++] = '\n';
    }
    p->text[len] = 0;
}

/* Until the program rests, and nothing is asked of it. False when that takes too long. */
static inline bool player_settle(struct lesson_player *p)
{
    int64_t until = player_now() + PLAYER_PATIENCE_MS;

    do
        player_work(p);
    while ((p->study.goal || !(p->study.over || p->study.rests)) && player_now() < until);
    player_show(p);
    return player_now() < until;
}

static inline bool player_size(struct lesson_player *p, int w, int h)
{
    bool ok = grid_resize(&p->grid, w, h);

    ui_resize(&p->ui, w, h);
    player_show(p);
    return ok;
}

static inline bool player_key(struct lesson_player *p, int key)
{
    ui_key(&p->ui, key);
    return player_settle(p);
}

static inline bool player_keys(struct lesson_player *p, const char *keys)
{
    bool ok = true;

    for (; *keys && ok; keys++)
        ok = player_key(p, *keys);
    return ok;
}

static inline bool player_read(struct lesson_text *out, const char *dir, const char *file)
{
    char *markdown = lesson_file(dir, file, NULL);
    bool ok = markdown && lesson_text_read(out, markdown);

    free(markdown);
    return ok;
}

static inline void player_close(struct lesson_player *p)
{
    ui_done(&p->ui);
    grid_done(&p->grid);
    lesson_play_stop(&p->play);
    study_done(&p->study);
    lesson_text_done(&p->texts[0]);
    lesson_text_done(&p->texts[1]);
}

/* dir is the lesson's folder, name what it is called; both are lent. */
static inline bool player_open(struct lesson_player *p, const char *dir, const char *name,
                               vitro_language language)
{
    struct study_options options = { .name = name, .dir = dir };
    struct lesson_play_options play = { .name = name, .dir = dir };
    static struct lesson_plan plan;

    memset(p, 0, sizeof *p);
    if (!player_read(&p->texts[0], dir, "lesson.md") ||
        !player_read(&p->texts[1], dir, "lesson.ko.md"))
        return false;
    options.texts[0] = &p->texts[0];
    options.texts[1] = &p->texts[1];
    for (int i = 0; i <= STUDY_QUESTIONS; i++)
        options.firsts[i] = -1;
    if (!study_init(&p->study, &options))
        return false;
    lesson_plan_start(&plan, &p->study, &play);
    while (p->study.unplanned)
        lesson_plan_work(&plan, &p->study, PLAYER_PATIENCE_MS);
    if (lesson_play_start(&p->play, &play, NULL))
        return false;
    ui_init(&p->ui, p->play.decode, language, name);
    ui_lesson_begin(&p->ui, &p->study);
    lesson_play_tell(&p->play, STUDY_ASK);
    return player_size(p, 80, 24) && player_settle(p);
}

#endif
