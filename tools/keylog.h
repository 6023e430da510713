/*
 * keylog - the secrets of TLS that programs write while they run: --keylog FILE, else the file that
 * the environment's SSLKEYLOGFILE names.
 */
#ifndef VITRO_TOOLS_KEYLOG_H
#define VITRO_TOOLS_KEYLOG_H

#include "vitro/lab/decode.h"

/* Begun zeroed, or with the file that was asked for. */
struct keylog {
    const char *path; /* lent; NULL: there is none */
    bool asked;       /* by option: then it must be there */
    bool opened;
    int why; /* not: errno */
    int fd;
    uint64_t at; /* so much of it was given to the decoder */
};

/*
 * Find out which file it is and open it. That it is not there yet is no error when it is `awaited`,
 * or when only the environment names it.
 */
vitro_code keylog_open(struct keylog *k, bool awaited, vitro_error *err);
void keylog_close(struct keylog *k);

/*
 * Give the decoder what is new: whole lines, or all of it when it is the last time. True when
 * there was something.
 */
bool keylog_feed(struct keylog *k, vitro_decode *d, bool last);

#endif
