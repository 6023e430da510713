/*
 * signals - SIGINT and SIGTERM as something to wait for, beside a loop.
 */
#ifndef VITRO_IO_SIGNALS_H
#define VITRO_IO_SIGNALS_H

#include <signal.h>

#include "vitro/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

struct signals {
    int fd; /* -1: not open */
    sigset_t before;
};

/* From here on the two signals wait for this thread to take them. */
vitro_code vitro_signals_open(struct signals *s, vitro_error *err);

/* Wait for either, and run a turn of the loop; *came says that a signal was there. */
vitro_code vitro_signals_run(struct signals *s, vitro_loop *loop, bool *came, vitro_error *err);

/* The two do again what they did before. */
void vitro_signals_close(struct signals *s);

#ifdef __cplusplus
}
#endif
#endif
