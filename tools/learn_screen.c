#include "learn_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "curriculum.h"
#include "lesson_plan.h"
#include "lesson_play.h"
#include "progress.h"
#include "show.h"
#include "ui/list.h"
#include "ui/screen.h"
#include "ui/study.h"
#include "ui/term.h"

enum { IDLE_MS = 500, PLAN_MS = 10 };

struct learner {
    const struct learn_screen_options *is;
    struct screen_session session;
    struct progress progress;
    bool unsaved_told; /* that the progress cannot be written is said once */
    char message[256]; /* for the next screen */
};

/* A lesson that is on the screen. */
struct lesson_view {
    struct learner *learner;
    const struct lesson_place *place;
    struct lesson_text texts[2];
    struct study study;
    struct lesson_play play;
    struct lesson_plan plan;
    vitro_error ended;
};

/* ---- progress -------------------------------------------------------------------------------- */

static void told(struct learner *l, vitro_code rc, const vitro_error *err)
{
    char text[200];

    if (!rc || l->unsaved_told)
        return;
    l->unsaved_told = true;
    vitro_error_format(err, text, sizeof text);
    snprintf(l->message, sizeof l->message, "%s: %s",
             l->session.language == VITRO_KOREAN ? "진도를 적어 둘 수 없음" : "not remembered",
             text);
}

static void remember(struct lesson_view *v, enum progress_state state)
{
    vitro_error err = { 0 };

    told(v->learner, progress_set(&v->learner->progress, v->place->name, state, &err), &err);
}

static void remember_answer(struct lesson_view *v)
{
    const struct lesson_part *p = study_part(&v->study);
    vitro_error err = { 0 };
    int n = p->question;

    if (n < 1 || n > STUDY_QUESTIONS)
        return;
    told(v->learner,
         progress_set_answer(&v->learner->progress, v->place->name, n, v->study.answers[n], &err),
         &err);
}

static void remember_place(struct lesson_view *v)
{
    vitro_error err = { 0 };

    told(v->learner,
         progress_set_place(&v->learner->progress, v->place->name, (int)v->study.part + 1, &err),
         &err);
}

/* ---- a lesson -------------------------------------------------------------------------------- */

static bool read_text(struct lesson_view *v, int language, const char *file, vitro_error *err)
{
    char *markdown = lesson_file(v->place->dir, file, err);
    bool ok = markdown && lesson_text_read(&v->texts[language], markdown);

    free(markdown);
    return ok;
}

static bool open_study(struct lesson_view *v, vitro_error *err)
{
    struct study_options options = {
        .name = v->place->name,
        .dir = v->place->dir,
        .real = v->learner->is->real,
    };
    int place;

    if (!read_text(v, VITRO_ENGLISH, "lesson.md", err))
        return false;
    place = progress_place(&v->learner->progress, v->place->name);
    options.place = place > 0 ? (size_t)place - 1 : 0;
    options.texts[0] = &v->texts[0];
    options.texts[1] = read_text(v, VITRO_KOREAN, "lesson.ko.md", NULL) ? &v->texts[1] : NULL;
    for (int i = 0; i <= STUDY_QUESTIONS; i++)
        options.firsts[i] = progress_answer(&v->learner->progress, v->place->name, i);
    return study_init(&v->study, &options);
}

static bool open_lesson(struct lesson_view *v, vitro_error *err)
{
    struct lesson_play_options options = {
        .name = v->place->name,
        .dir = v->place->dir,
        .real = v->learner->is->real,
        .seed = v->learner->is->seed,
    };

    if (!open_study(v, err))
        return false;
    lesson_plan_start(&v->plan, &v->study, &options);
    return !lesson_play_start(&v->play, &options, err);
}

static void close_lesson(struct lesson_view *v)
{
    lesson_plan_stop(&v->plan);
    lesson_play_stop(&v->play);
    study_done(&v->study);
    lesson_text_done(&v->texts[0]);
    lesson_text_done(&v->texts[1]);
}

/* The trace is at its end, and so is the program: well or not. */
static bool look_for_end(struct lesson_view *v, struct ui *ui)
{
    char text[200];

    if (v->study.over || !ui->m.loaded || !lesson_play_ended(&v->play, &v->ended))
        return false;
    v->study.over = true;
    if (v->ended.code) {
        vitro_error_format(&v->ended, text, sizeof text);
        model_say(&ui->m, "%s: %s", v->place->name, text);
    }
    return true;
}

static bool work(struct ui *ui, int64_t now_ms, void *user)
{
    struct lesson_view *v = user;
    bool changed = look_for_end(v, ui);
    unsigned wishes;

    lesson_plan_work(&v->plan, &v->study, PLAN_MS);
    changed |= ui_lesson_work(ui, now_ms);
    wishes = v->study.wishes;
    v->study.wishes = 0;
    lesson_play_tell(&v->play, wishes);
    if (wishes & STUDY_ANSWERED)
        remember_answer(v);
    if (wishes & STUDY_ENDED)
        remember(v, PROGRESS_DONE);
    if (v->learner->message[0]) {
        model_say(&ui->m, "%s", v->learner->message);
        v->learner->message[0] = '\0';
        changed = true;
    }
    return changed;
}

/* False when it could not be begun: the message says why. */
static bool run_lesson(struct learner *l, const struct lesson_place *place)
{
    struct lesson_view v = { .learner = l, .place = place };
    struct screen_options options = { .name = place->name, .session = &l->session };
    vitro_error err = { 0 };
    bool ok = open_lesson(&v, &err);

    options.limit = &v.play.limit;
    options.study = &v.study;
    options.work = work;
    options.user = &v;
    if (ok) {
        remember(&v, PROGRESS_BEGUN);
        (void)screen_run(v.play.decode, v.play.source, &options, &err);
        remember_place(&v);
    } else {
        vitro_error_format(&err, l->message, sizeof l->message);
    }
    close_lesson(&v);
    return ok;
}

/* ---- the list -------------------------------------------------------------------------------- */

static void fill(const struct learner *l, struct list *list)
{
    const struct curriculum_lesson *from;

    for (size_t i = 0; i < LIST_ROWS && (from = curriculum_at(i)) != NULL; i++) {
        struct list_row *row = &list->rows[list->count++];
        row->name = from->name;
        row->titles[0] = from->titles[0];
        row->titles[1] = from->titles[1];
        row->minutes = from->minutes;
        row->written = lesson_places_find(l->is->places, from->name) != NULL;
        row->state = progress_of(&l->progress, from->name);
    }
}

static void resize(struct list *list, struct grid *g)
{
    term_size(&list->w, &list->h);
    grid_resize(g, list->w, list->h);
    term_redraw();
}

static void grant(struct list *list, struct grid *g)
{
    unsigned wishes = list->wishes;

    list->wishes = 0;
    if (wishes & UI_WISH_STOP)
        term_stop();
    if (wishes)
        resize(list, g);
}

/* Returns the folder's name of what was chosen; NULL: to quit. */
static const char *run_list(struct learner *l, const char *after)
{
    struct list list = { .language = l->session.language };
    struct grid grid = { .ascii = l->session.ascii };

    fill(l, &list);
    list_pick(&list, after);
    memcpy(list.message, l->message, sizeof list.message);
    l->message[0] = '\0';
    resize(&list, &grid);
    while (!list.quit && !list.open) {
        int key;
        list_draw(&list, &grid);
        term_draw(&grid);
        key = term_key(IDLE_MS, -1);
        if (key == UI_RESIZE)
            resize(&list, &grid);
        else if (key)
            list_key(&list, key);
        grant(&list, &grid);
    }
    l->session.language = list.language;
    grid_done(&grid);
    return list.open ? list.rows[list.pick].name : NULL;
}

int learn_screen(const struct learn_screen_options *options)
{
    struct screen_options screen = { .language = options->language,
                                     .language_given = options->language_given,
                                     .color = show_wants_color(NULL) };
    struct learner l = { .is = options };
    const char *name = options->name;

    if (!screen_session_open(&l.session, &screen)) {
        command_fail("learn", "terminal", "cannot be used", "vitro learn 08 --plain is text");
        return EXIT_SYSTEM;
    }
    progress_read(&l.progress);
    while (name && !l.session.quit) {
        const struct lesson_place *place = lesson_places_find(options->places, name);
        if (place)
            run_lesson(&l, place);
        if (!l.session.quit)
            name = run_list(&l, name);
    }
    screen_session_close();
    progress_done(&l.progress);
    return EXIT_DONE;
}
