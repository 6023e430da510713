#include "trace/flow.h"

#include <string.h>

#include "base/util.h"
#include "trace/ip.h"

struct flow {
    struct flow *next; /* of its bucket */
    unsigned refs;
    unsigned seen; /* bit 1 << side: that end has been here */
    uint32_t number;
    uint32_t interface_id;
    bool listed; /* has addresses by which the other end can find it */
    struct flow_state {
        struct endpoint at;
        uint32_t seq; /* of its next byte */
        uint16_t id;  /* of its next packet */
        bool ended;
    } side[2];
};

static enum flow_side other(enum flow_side side)
{
    return side == FLOW_CLIENT ? FLOW_SERVER : FLOW_CLIENT;
}

/* ---- finding the flow of two addresses ------------------------------------------------------- */

static bool same_end(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->port == b->port &&
           !memcmp(a->address, b->address, sizeof a->address);
}

static struct flow **bucket_of(vitro_trace *t, const struct endpoint *client,
                               const struct endpoint *server)
{
    uint32_t hash = (uint32_t)client->port * 31 + server->port; /* a client's port is its own */

    return &t->flow[hash % TRACE_FLOWS];
}

static struct flow *find_flow(vitro_trace *t, enum flow_side side, const struct endpoint *client,
                              const struct endpoint *server)
{
    struct flow *f = *bucket_of(t, client, server);

    while (f && ((f->seen & 1U << side) || !same_end(&f->side[FLOW_CLIENT].at, client) ||
                 !same_end(&f->side[FLOW_SERVER].at, server)))
        f = f->next;
    return f;
}

/*
 * Links and UNIX sockets have no addresses that a packet could show, so they get those that are
 * kept for documentation (RFC 5737), and a port each, as a system would give them.
 */
static void invent_ends(vitro_trace *t, struct flow *f)
{
    enum { FIRST_PORT = 49152, PORTS = 65536 - FIRST_PORT, SERVER_PORT = 50051 };
    struct endpoint client = { 4, { 192, 0, 2, 1 }, (uint16_t)(FIRST_PORT + t->links++ % PORTS) };
    struct endpoint server = { 4, { 192, 0, 2, 2 }, SERVER_PORT };

    f->side[FLOW_CLIENT].at = client;
    f->side[FLOW_SERVER].at = server;
}

static struct flow *new_flow(vitro_trace *t, const struct endpoint *client,
                             const struct endpoint *server, uint32_t loop)
{
    struct flow *f = vitro_mem_zalloc(&t->account, sizeof *f);

    if (!f)
        return NULL;
    if (!vitro_trace_interface(t, loop, &f->interface_id)) {
        vitro_mem_free(&t->account, f, sizeof *f);
        return NULL;
    }
    f->number = RECORD_NO_CONN;
    f->listed = client && server && client->family && client->family == server->family;
    if (f->listed) {
        struct flow **bucket = bucket_of(t, client, server);
        f->side[FLOW_CLIENT].at = *client;
        f->side[FLOW_SERVER].at = *server;
        f->next = *bucket;
        *bucket = f;
    } else {
        invent_ends(t, f);
    }
    return f;
}

struct flow *vitro_flow_join(vitro_trace *t, enum flow_side side, const struct endpoint *client,
                             const struct endpoint *server, uint32_t loop, bool *writes)
{
    struct flow *f = NULL;

    if (client && server && client->family)
        f = find_flow(t, side, client, server);
    *writes = !f;
    if (!f)
        f = new_flow(t, client, server, loop);
    if (!f)
        return NULL;
    f->seen |= 1U << side;
    f->refs++;
    return f;
}

void vitro_flow_leave(vitro_trace *t, struct flow *f)
{
    if (--f->refs)
        return;
    if (f->listed) {
        struct flow **at = bucket_of(t, &f->side[FLOW_CLIENT].at, &f->side[FLOW_SERVER].at);
        while (*at != f)
            at = &(*at)->next;
        *at = f->next;
    }
    vitro_mem_free(&t->account, f, sizeof *f);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* What is going into one packet. */
struct cut {
    vitro_bytes piece[BLOCK_DATA];
    size_t n;
    size_t len;
};

static void write_packet(vitro_trace *t, struct flow *f, enum flow_side from, uint8_t flags,
                         const struct cut *data)
{
    struct flow_state *me = &f->side[from], *peer = &f->side[other(from)];
    struct ip_packet p = { .from = &me->at,
                           .to = &peer->at,
                           .seq = me->seq,
                           .ack = peer->seq,
                           .id = me->id++,
                           .flags = flags };
    struct block b;
    size_t headers;

    if (data) {
        p.piece = data->piece;
        p.n = data->n;
        p.len = data->len;
    }
    headers = vitro_ip_size(&p);
    vitro_block_packet(&b, f->interface_id, vitro_trace_now(t), headers + p.len);
    vitro_ip_write(&p, vitro_block_room(&b, headers));
    for (size_t i = 0; i < p.n; i++)
        vitro_block_data(&b, p.piece[i]);
    vitro_block_end(&b);
    vitro_trace_emit(t, &b);
    me->seq += (uint32_t)p.len + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

void vitro_flow_establish(vitro_trace *t, struct flow *f)
{
    if (f->number != RECORD_NO_CONN)
        return;
    f->number = t->conns++;
    write_packet(t, f, FLOW_CLIENT, TCP_SYN, NULL);
    write_packet(t, f, FLOW_SERVER, TCP_SYN | TCP_ACK, NULL);
    write_packet(t, f, FLOW_CLIENT, TCP_ACK, NULL);
}

uint32_t vitro_flow_number(const struct flow *f)
{
    return f->number;
}

const struct endpoint *vitro_flow_end(const struct flow *f, enum flow_side side)
{
    return &f->side[side].at;
}

static void flush_cut(vitro_trace *t, struct flow *f, enum flow_side from, struct cut *c)
{
    if (c->len)
        write_packet(t, f, from, TCP_PSH | TCP_ACK, c);
    c->n = c->len = 0;
}

void vitro_flow_bytes(vitro_trace *t, struct flow *f, enum flow_side from, const vitro_bytes *piece,
                      size_t n)
{
    struct cut c;

    c.n = c.len = 0;
    for (size_t i = 0; i < n; i++) {
        vitro_bytes rest = piece[i];
        while (rest.len) {
            size_t take = MIN(rest.len, PACKET_DATA - c.len);
            c.piece[c.n++] = (vitro_bytes){ rest.ptr, take };
            c.len += take;
            rest.ptr += take;
            rest.len -= take;
            if (c.n == BLOCK_DATA || c.len == PACKET_DATA)
                flush_cut(t, f, from, &c);
        }
    }
    flush_cut(t, f, from, &c);
}

void vitro_flow_end_side(vitro_trace *t, struct flow *f, enum flow_side from, enum record_end how)
{
    struct flow_state *me = &f->side[from], *peer = &f->side[other(from)];

    if (f->number == RECORD_NO_CONN || me->ended)
        return;
    me->ended = true;
    if (how == RECORD_RST) {
        peer->ended = true;
        write_packet(t, f, from, TCP_RST | TCP_ACK, NULL);
        return;
    }
    write_packet(t, f, from, TCP_FIN | TCP_ACK, NULL);
    if (peer->ended)
        write_packet(t, f, other(from), TCP_ACK, NULL);
}
