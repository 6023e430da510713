/*
 * flows - runs a capture through capture, packet and tcp and keeps what came out, for tests.
 *
 * The log has one line an event, `CONN DIR KIND [stream+len] MARKS #packet`, data and gaps that
 * touch not joined. Each direction's bytes are kept in one piece, a gap as that many '?'.
 */
#ifndef VITRO_TESTS_FLOWS_H
#define VITRO_TESTS_FLOWS_H

#include "decode/tcp.h"

enum { FLOWS_MAX = 64 };

struct flow_bytes {
    uint8_t *ptr;
    size_t len, cap;
    uint64_t gaps, gap_bytes, copies;
};

struct flows {
    struct flow_bytes dir[FLOWS_MAX][2];
    struct flow_bytes log;
    struct tcp_options options;
    uint32_t conns; /* seen; only the first FLOWS_MAX keep bytes */
    size_t ends;
    uint64_t packets, notes, secrets, others[5]; /* by enum packet_what */
    size_t peak;                                 /* bytes of memory at most */
    size_t left;                                 /* bytes of memory that were not given back */
    bool wrong;                                  /* an event contradicted the ones before it */
    bool big;                                    /* do not keep bytes and log */
    vitro_lend *lend;
    void *lend_user;
    struct account account;
    vitro_error error;
};

/* Run all of it. Zero f before; fields of options may be set. Returns how the capture ended. */
enum capture_step flows_run(struct flows *f, vitro_lend *lend, void *user);
void flows_done(struct flows *f);

/* The log, terminated. */
const char *flows_log(struct flows *f);

/* True when the direction holds exactly these bytes. */
bool flows_is(const struct flows *f, unsigned conn, int dir, const void *p, size_t n);

#endif
