/*
 * screen - a capture on the terminal until somebody quits.
 */
#ifndef VITRO_UI_SCREEN_H
#define VITRO_UI_SCREEN_H

#include "keylog.h"
#include "lag.h"
#include "live.h"
#include "source.h"
#include "ui/ui.h"

/*
 * A terminal that several screens have one after another: it is opened before the first of them,
 * and each leaves it as it is. What was chosen on one is kept for the next.
 */
struct screen_session {
    struct keymap keys;
    vitro_language language;
    enum theme theme;
    bool ascii, mouse;
    bool quit;         /* quit at once, not only this screen */
    char message[256]; /* for the first screen: what the configuration has wrong */
};

struct screen_options {
    const char *name; /* of the capture */
    vitro_language language;
    bool language_given; /* asked for by name: the configuration does not change it */
    bool color, ascii, mouse;
    /*
     * How many bytes of the source the decoder's lend gives out: the capture is decoded in
     * slices, so that keys are answered while it is read.
     */
    uint64_t *limit;
    struct screen_session *session; /* NULL: the screen opens the terminal itself, and closes it */
    struct study *study;            /* of a lesson; NULL: a capture alone */
    /* The owner's part of each turn, with the user below; true: something changed. May be NULL. */
    bool (*work)(struct ui *ui, int64_t now_ms, void *user);
    void *user;
    const struct live *live; /* of a capture that is being made; NULL: nobody counts */
    struct keylog *keylog;   /* read as it grows; NULL: none */
    struct lag *lag;         /* of what comes; NULL: none */
};

/* True when the screen can be used: a terminal to write to and one to read keys from. */
bool screen_possible(void);

/*
 * Open the terminal as options, configuration and environment say; false when there is none.
 * Of the options only the first lines are read, down to mouse.
 */
bool screen_session_open(struct screen_session *s, const struct screen_options *options);
void screen_session_close(void);

/* What the decoder said in the end is in *err, filled when it is no success. */
vitro_code screen_run(vitro_decode *d, struct source *source, const struct screen_options *options,
                      vitro_error *err);

#endif
