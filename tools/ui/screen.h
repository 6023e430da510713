/*
 * screen - a capture on the terminal until somebody quits.
 */
#ifndef VITRO_UI_SCREEN_H
#define VITRO_UI_SCREEN_H

#include "live.h"
#include "source.h"
#include "ui/ui.h"

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
    const struct live *live; /* of a capture that is being made; NULL: nobody counts */
};

/* True when the screen can be used: a terminal to write to and one to read keys from. */
bool screen_possible(void);

/* What the decoder said in the end is in *err, filled when it is no success. */
vitro_code screen_run(vitro_decode *d, struct source *source, const struct screen_options *options,
                      vitro_error *err);

#endif
