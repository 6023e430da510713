/* crowds - attacks by many connections. */
#include <sys/resource.h>

#include "attacks/siege/play.h"
#include "base/util.h"

enum { CROWD = 100 };

/* Each is a descriptor here, and one in the server. */
void attack_idle(struct move *m)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    play_crowd(m, (unsigned)MIN(files.rlim_cur - 100, (rlim_t)10000), foe_begin, 50);
}

/* ---- slow beginnings ------------------------------------------------------------------------ */

static bool begin_preface(struct foe *f, const struct victim *v)
{
    return foe_dial(f, v, v->tls) && vitro_frame_write_preface(&f->out);
}

void attack_slow_preface(struct move *m)
{
    play_crowd(m, CROWD, begin_preface, 1000);
}

static bool begin_unset(struct foe *f, const struct victim *v)
{
    return begin_preface(f, v) && foe_send(f);
}

void attack_no_settings(struct move *m)
{
    play_crowd(m, CROWD, begin_unset, 100);
}

static bool begin_unacknowledged(struct foe *f, const struct victim *v)
{
    return foe_begin_rude(f, v) && foe_send(f);
}

void attack_no_acknowledgement(struct move *m)
{
    play_crowd(m, CROWD, begin_unacknowledged, 100);
}

/* A record of 512 bytes, of which there are never more than half. */
static bool begin_hello(struct foe *f, const struct victim *v)
{
    static const uint8_t hello[5 + 512] = { 22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3 };

    return foe_dial(f, v, false) && vitro_buf_append(&f->out, hello, sizeof hello);
}

void attack_slow_handshake(struct move *m)
{
    play_crowd(m, CROWD, begin_hello, 150);
}

static bool begin_headers(struct foe *f, const struct victim *v)
{
    return foe_begin(f, v) && foe_open(f, play_chat);
}

void attack_slow_headers(struct move *m)
{
    play_crowd(m, CROWD, begin_headers, 20);
}
