#include "trace/recorder.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "trace/pair.h"

struct recorder {
    vitro_trace *trace;
    struct pair *pair;
    enum record_role role;
    bool writes;    /* the other end of its pair does not */
    bool stands;    /* it is established */
    uint64_t known; /* sinks below this number need not wait to join */
};

static void establish(struct recorder *r)
{
    vitro_pair_establish(r->trace, r->pair);
    if (!r->stands)
        r->known = vitro_pair_audience(r->pair, PAIR_WHOLE).to;
    r->stands = true;
}

/* ---- ends ------------------------------------------------------------------------------------ */

struct endpoint vitro_endpoint_of(const struct sockaddr *address)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    struct endpoint e = { 0, { 0 }, 0 };

    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        e.family = 4;
        memcpy(e.address, &in->sin_addr, 4);
        e.port = ntohs(in->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)address;
        const uint8_t *bytes = in->sin6_addr.s6_addr;
        bool is_mapped = !memcmp(bytes, mapped, sizeof mapped);
        e.family = is_mapped ? 4 : 6;
        memcpy(e.address, bytes + (is_mapped ? 12 : 0), is_mapped ? 4 : 16);
        e.port = ntohs(in->sin6_port);
    }
    return e;
}

void vitro_endpoint_text(const struct endpoint *e, char *out, size_t size)
{
    char address[INET6_ADDRSTRLEN];

    if (!e->family) {
        snprintf(out, size, "link");
        return;
    }
    inet_ntop(e->family == 6 ? AF_INET6 : AF_INET, e->address, address, sizeof address);
    snprintf(out, size, e->family == 6 ? "[%s]:%u" : "%s:%u", address, (unsigned)e->port);
}

/* ---- recorders ------------------------------------------------------------------------------- */

static enum pair_side side_of(const struct recorder *r, enum record_direction direction)
{
    bool client = (r->role == RECORD_CLIENT) == (direction == RECORD_SENT);
    return client ? PAIR_CLIENT : PAIR_SERVER;
}

struct recorder *vitro_recorder_new(vitro_trace *trace, enum record_role role,
                                    const struct endpoint *local, const struct endpoint *remote,
                                    uint32_t loop)
{
    bool client = role == RECORD_CLIENT;
    struct recorder *r;

    if (!trace)
        return NULL;
    vitro_trace_enter(trace);
    r = vitro_mem_zalloc(&trace->account, sizeof *r);
    if (r) {
        r->role = role;
        r->pair =
            vitro_pair_join(trace, client ? PAIR_CLIENT : PAIR_SERVER, client ? local : remote,
                            client ? remote : local, loop, &r->writes);
        if (!r->pair) {
            vitro_mem_free(&trace->account, r, sizeof *r);
            r = NULL;
        }
    }
    if (r)
        r->trace = vitro_trace_ref(trace);
    else
        vitro_trace_lose(trace);
    vitro_trace_leave(trace);
    return r;
}

void vitro_recorder_established(struct recorder *r)
{
    if (!r)
        return;
    vitro_trace_enter(r->trace);
    establish(r);
    vitro_trace_leave(r->trace);
}

uint32_t vitro_recorder_conn(struct recorder *r)
{
    uint32_t number;

    if (!r)
        return RECORD_NO_CONN;
    vitro_trace_enter(r->trace);
    number = vitro_pair_number(r->pair);
    vitro_trace_leave(r->trace);
    return number;
}

bool vitro_recorder_endpoints(struct recorder *r, struct endpoint *local, struct endpoint *remote)
{
    bool known;

    if (!r)
        return false;
    vitro_trace_enter(r->trace);
    known = vitro_pair_number(r->pair) != RECORD_NO_CONN;
    if (known) {
        *local = *vitro_pair_end(r->pair, side_of(r, RECORD_SENT));
        *remote = *vitro_pair_end(r->pair, side_of(r, RECORD_RECEIVED));
    }
    vitro_trace_leave(r->trace);
    return known;
}

void vitro_recorder_bytes(struct recorder *r, enum record_direction direction,
                          const vitro_bytes *pieces, size_t n)
{
    if (!r || !r->writes || (r->stands && !vitro_trace_heard(r->trace)))
        return;
    vitro_trace_enter(r->trace);
    establish(r);
    vitro_pair_bytes(r->trace, r->pair, PAIR_WHOLE, side_of(r, direction), pieces, n);
    vitro_trace_leave(r->trace);
}

void vitro_recorder_end(struct recorder *r, enum record_direction direction, enum record_end how)
{
    if (!r || !r->writes)
        return;
    vitro_trace_enter(r->trace);
    vitro_pair_end_side(r->trace, r->pair, PAIR_WHOLE, side_of(r, direction), how);
    vitro_trace_leave(r->trace);
}

/* ---- sinks that come while it is open -------------------------------------------------------- */

struct audience vitro_recorder_waiting(const struct recorder *r)
{
    struct audience a = { r->known, __atomic_load_n(&r->trace->serials, __ATOMIC_RELAXED) };

    return a;
}

bool vitro_recorder_awaited(struct recorder *r)
{
    struct audience waiting;
    bool hear;

    if (!r || !r->writes || !r->stands)
        return false;
    waiting = vitro_recorder_waiting(r);
    if (__builtin_expect(waiting.from == waiting.to, 1))
        return false;
    vitro_trace_enter(r->trace);
    hear = vitro_trace_some_hear(r->trace, waiting);
    vitro_trace_leave(r->trace);
    if (!hear)
        r->known = waiting.to; /* they are gone already, or listen only */
    return hear;
}

struct audience vitro_recorder_late(const struct recorder *r)
{
    return vitro_pair_audience(r->pair, PAIR_JOINED);
}

void vitro_recorder_join(struct recorder *r, struct audience waiting, uint64_t sent,
                         uint64_t received)
{
    bool client = r->role == RECORD_CLIENT;

    vitro_trace_enter(r->trace);
    vitro_pair_join_view(r->pair, waiting.to, client ? sent : received, client ? received : sent);
    r->known = waiting.to;
    vitro_trace_leave(r->trace);
}

void vitro_recorder_late_bytes(struct recorder *r, enum record_direction direction,
                               const vitro_bytes *pieces, size_t n)
{
    if (!r || !r->writes)
        return;
    vitro_trace_enter(r->trace);
    vitro_pair_bytes(r->trace, r->pair, PAIR_JOINED, side_of(r, direction), pieces, n);
    vitro_trace_leave(r->trace);
}

void vitro_recorder_late_end(struct recorder *r, enum record_direction direction,
                             enum record_end how)
{
    if (!r || !r->writes)
        return;
    vitro_trace_enter(r->trace);
    vitro_pair_end_side(r->trace, r->pair, PAIR_JOINED, side_of(r, direction), how);
    vitro_trace_leave(r->trace);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void end_view(struct recorder *r, enum pair_view view)
{
    vitro_pair_end_side(r->trace, r->pair, view, side_of(r, RECORD_SENT), RECORD_FIN);
    vitro_pair_end_side(r->trace, r->pair, view, side_of(r, RECORD_RECEIVED), RECORD_FIN);
}

void vitro_recorder_free(struct recorder *r)
{
    vitro_trace *trace;

    if (!r)
        return;
    trace = r->trace;
    vitro_trace_enter(trace);
    if (r->writes) {
        end_view(r, PAIR_WHOLE);
        end_view(r, PAIR_JOINED);
    }
    vitro_pair_leave(trace, r->pair);
    vitro_mem_free(&trace->account, r, sizeof *r);
    vitro_trace_leave(trace);
    vitro_trace_unref(trace);
}
