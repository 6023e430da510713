#include "trace/pair.h"

#include <string.h>

#include "base/util.h"
#include "trace/ip.h"

struct pair {
    struct pair *next; /* of its bucket */
    unsigned refs;
    unsigned seen; /* bit 1 << side: that end has been here */
    uint32_t number;
    uint32_t interface_id;
    bool listed; /* has addresses by which the other end can find it */
    struct pair_end {
        struct endpoint at;
        struct pair_track {
            uint32_t seq; /* of its next byte */
            uint16_t id;  /* of its next packet */
            bool ended;
        } track[2]; /* by view */
    } side[2];
    struct audience view[2];
};

static enum pair_side other(enum pair_side side)
{
    return side == PAIR_CLIENT ? PAIR_SERVER : PAIR_CLIENT;
}

/* ---- finding the pair of two addresses ------------------------------------------------------- */

static bool same_end(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->port == b->port &&
           !memcmp(a->address, b->address, sizeof a->address);
}

static struct pair **bucket_of(vitro_trace *t, const struct endpoint *client,
                               const struct endpoint *server)
{
    uint32_t hash = (uint32_t)client->port * 31 + server->port; /* a client's port is its own */

    return &t->pair[hash % TRACE_PAIRS];
}

static struct pair *find_pair(vitro_trace *t, enum pair_side side, const struct endpoint *client,
                              const struct endpoint *server)
{
    struct pair *pair = *bucket_of(t, client, server);

    while (pair && ((pair->seen & 1U << side) || !same_end(&pair->side[PAIR_CLIENT].at, client) ||
                    !same_end(&pair->side[PAIR_SERVER].at, server)))
        pair = pair->next;
    return pair;
}

/*
 * Links and UNIX sockets have no addresses that a packet could show, so they get those that are
 * kept for documentation (RFC 5737), and a port each, as a system would give them.
 */
static void invent_ends(vitro_trace *t, struct pair *pair)
{
    enum { FIRST_PORT = 49152, PORTS = 65536 - FIRST_PORT, SERVER_PORT = 50051 };
    struct endpoint client = { 4, { 192, 0, 2, 1 }, (uint16_t)(FIRST_PORT + t->links++ % PORTS) };
    struct endpoint server = { 4, { 192, 0, 2, 2 }, SERVER_PORT };

    pair->side[PAIR_CLIENT].at = client;
    pair->side[PAIR_SERVER].at = server;
}

static struct pair *new_pair(vitro_trace *t, const struct endpoint *client,
                             const struct endpoint *server, uint32_t loop)
{
    struct pair *pair = vitro_mem_zalloc(&t->account, sizeof *pair);

    if (!pair)
        return NULL;
    if (!vitro_trace_interface(t, loop, &pair->interface_id)) {
        vitro_mem_free(&t->account, pair, sizeof *pair);
        return NULL;
    }
    pair->number = RECORD_NO_CONN;
    pair->listed = client && server && client->family && client->family == server->family;
    if (pair->listed) {
        struct pair **bucket = bucket_of(t, client, server);
        pair->side[PAIR_CLIENT].at = *client;
        pair->side[PAIR_SERVER].at = *server;
        pair->next = *bucket;
        *bucket = pair;
    } else {
        invent_ends(t, pair);
    }
    return pair;
}

struct pair *vitro_pair_join(vitro_trace *t, enum pair_side side, const struct endpoint *client,
                             const struct endpoint *server, uint32_t loop, bool *writes)
{
    struct pair *pair = NULL;

    if (client && server && client->family)
        pair = find_pair(t, side, client, server);
    *writes = !pair;
    if (!pair)
        pair = new_pair(t, client, server, loop);
    if (!pair)
        return NULL;
    pair->seen |= 1U << side;
    pair->refs++;
    return pair;
}

void vitro_pair_leave(vitro_trace *t, struct pair *pair)
{
    if (--pair->refs)
        return;
    if (pair->listed) {
        struct pair **at = bucket_of(t, &pair->side[PAIR_CLIENT].at, &pair->side[PAIR_SERVER].at);
        while (*at != pair)
            at = &(*at)->next;
        *at = pair->next;
    }
    vitro_mem_free(&t->account, pair, sizeof *pair);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* What is going into one packet. */
struct cut {
    vitro_bytes piece[BLOCK_DATA];
    size_t n;
    size_t len;
};

static void write_packet(vitro_trace *t, struct pair *pair, enum pair_view view,
                         enum pair_side from, uint8_t flags, const struct cut *data)
{
    struct pair_end *me = &pair->side[from], *peer = &pair->side[other(from)];
    struct pair_track *track = &me->track[view];
    struct ip_packet p = { .from = &me->at,
                           .to = &peer->at,
                           .seq = track->seq,
                           .ack = peer->track[view].seq,
                           .id = track->id++,
                           .flags = flags };
    struct block b;
    size_t headers;

    if (data) {
        p.piece = data->piece;
        p.n = data->n;
        p.len = data->len;
    }
    headers = vitro_ip_size(&p);
    vitro_block_packet(&b, pair->interface_id, vitro_trace_now(t), headers + p.len);
    vitro_ip_write(&p, vitro_block_room(&b, headers));
    for (size_t i = 0; i < p.n; i++)
        vitro_block_data(&b, p.piece[i]);
    vitro_block_end(&b);
    vitro_trace_emit_some(t, pair->view[view], &b);
    track->seq += (uint32_t)p.len + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

void vitro_pair_establish(vitro_trace *t, struct pair *pair)
{
    if (pair->number != RECORD_NO_CONN)
        return;
    pair->number = t->conns++;
    pair->view[PAIR_WHOLE].to = t->serials;
    pair->view[PAIR_JOINED].from = pair->view[PAIR_JOINED].to = t->serials;
    write_packet(t, pair, PAIR_WHOLE, PAIR_CLIENT, TCP_SYN, NULL);
    write_packet(t, pair, PAIR_WHOLE, PAIR_SERVER, TCP_SYN | TCP_ACK, NULL);
    write_packet(t, pair, PAIR_WHOLE, PAIR_CLIENT, TCP_ACK, NULL);
}

void vitro_pair_join_view(struct pair *pair, uint64_t to, uint64_t client, uint64_t server)
{
    pair->view[PAIR_JOINED].to = to;
    pair->side[PAIR_CLIENT].track[PAIR_JOINED].seq = (uint32_t)client + 1; /* behind the SYN */
    pair->side[PAIR_SERVER].track[PAIR_JOINED].seq = (uint32_t)server + 1;
}

struct audience vitro_pair_audience(const struct pair *pair, enum pair_view view)
{
    return pair->view[view];
}

uint32_t vitro_pair_number(const struct pair *pair)
{
    return pair->number;
}

const struct endpoint *vitro_pair_end(const struct pair *pair, enum pair_side side)
{
    return &pair->side[side].at;
}

static void flush_cut(vitro_trace *t, struct pair *pair, enum pair_view view, enum pair_side from,
                      struct cut *c)
{
    if (c->len)
        write_packet(t, pair, view, from, TCP_PSH | TCP_ACK, c);
    c->n = c->len = 0;
}

static void write_bytes(vitro_trace *t, struct pair *pair, enum pair_view view, enum pair_side from,
                        const vitro_bytes *piece, size_t n)
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
                flush_cut(t, pair, view, from, &c);
        }
    }
    flush_cut(t, pair, view, from, &c);
}

void vitro_pair_bytes(vitro_trace *t, struct pair *pair, enum pair_view view, enum pair_side from,
                      const vitro_bytes *piece, size_t n)
{
    if (vitro_trace_some_hear(t, pair->view[view])) {
        write_bytes(t, pair, view, from, piece, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        pair->side[from].track[view].seq += (uint32_t)piece[i].len;
}

void vitro_pair_end_side(vitro_trace *t, struct pair *pair, enum pair_view view,
                         enum pair_side from, enum record_end how)
{
    struct pair_track *me = &pair->side[from].track[view];
    struct pair_track *peer = &pair->side[other(from)].track[view];

    if (pair->number == RECORD_NO_CONN || me->ended)
        return;
    me->ended = true;
    if (how == RECORD_RST) {
        peer->ended = true;
        write_packet(t, pair, view, from, TCP_RST | TCP_ACK, NULL);
        return;
    }
    write_packet(t, pair, view, from, TCP_FIN | TCP_ACK, NULL);
    if (peer->ended)
        write_packet(t, pair, view, other(from), TCP_ACK, NULL);
}
