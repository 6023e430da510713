/*
 * conn - a TCP connection: what its segments show beside data, and its two directions.
 */
#include "decode/core.h"

#include <string.h>

#include "base/util.h"

void vitro_seen_conn_swap(struct conn *c)
{
    struct direction d = c->dir[0];
    char name[ENDPOINT_TEXT];

    c->dir[0] = c->dir[1];
    c->dir[1] = d;
    c->dir[0].dir = VITRO_C2S;
    c->dir[1].dir = VITRO_S2C;
    memcpy(name, c->names[0], sizeof name);
    memcpy(c->names[0], c->names[1], sizeof name);
    memcpy(c->names[1], name, sizeof name);
    c->swapped = !c->swapped;
    c->guessed = false;
}

static bool conns_room(vitro_decode *d, uint32_t number)
{
    uint32_t cap = d->conn_cap ? d->conn_cap : 8;
    struct conn **conns;

    while (cap <= number)
        cap *= 2;
    if (cap != d->conn_cap) {
        conns = vitro_mem_resize(&d->account, d->conns, d->conn_cap * sizeof(struct conn *),
                                 cap * sizeof(struct conn *));
        if (!conns)
            return false;
        memset(conns + d->conn_cap, 0, (cap - d->conn_cap) * sizeof(struct conn *));
        d->conns = conns;
        d->conn_cap = cap;
    }
    d->conn_count = MAX(d->conn_count, number + 1);
    return true;
}

static void conn_open(vitro_decode *d, const struct flow_event *e)
{
    struct conn *c;
    bool late = e->marks & FLOW_LATE;

    if (e->conn >= UINT32_MAX / 2 || !conns_room(d, e->conn) || d->conns[e->conn])
        return;
    c = vitro_mem_zalloc(&d->account, sizeof *c);
    if (!c) {
        d->stats.lost++;
        return;
    }
    c->decode = d;
    c->number = e->conn;
    c->guessed = e->peers && e->peers->guessed;
    if (e->peers) {
        vitro_endpoint_format(&e->peers->client, c->names[0], sizeof c->names[0]);
        vitro_endpoint_format(&e->peers->server, c->names[1], sizeof c->names[1]);
    }
    list_init(&c->streams);
    vitro_direction_init(&c->dir[0], c, VITRO_C2S, late);
    vitro_direction_init(&c->dir[1], c, VITRO_S2C, late);
    d->conns[e->conn] = c;
    d->stats.connections++;
}

void vitro_seen_conn_free(struct conn *c)
{
    vitro_decode *d = c->decode;

    vitro_seen_streams_free(c);
    vitro_direction_done(&c->dir[0]);
    vitro_direction_done(&c->dir[1]);
    d->conns[c->number] = NULL;
    vitro_mem_free(&d->account, c, sizeof *c);
}

static void tell_tcp(struct direction *d, const struct flow_event *e, vitro_tcp_event type,
                     uint64_t len)
{
    vitro_event ev = vitro_direction_event(d, VITRO_EVENT_TCP, e->stream, 0);

    ev.length = len;
    ev.packet = (uint32_t)e->number;
    ev.time = e->ts;
    ev.type = (uint8_t)type;
    ev.flags = e->flags;
    ev.bits = 0;
    vitro_decode_emit(d->conn->decode, &ev);
}

static void conn_mark(struct direction *d, const struct flow_event *e)
{
    struct conn *c = d->conn;

    if (e->marks & FLOW_SYN)
        tell_tcp(d, e, VITRO_TCP_OPEN, 0);
    if (e->marks & FLOW_RETRANSMISSION)
        tell_tcp(d, e, VITRO_TCP_RETRANSMISSION, e->len);
    if (e->marks & FLOW_FIN) {
        vitro_direction_finish(d);
        tell_tcp(d, e, VITRO_TCP_FIN, 0);
    }
    if (e->marks & FLOW_RST) {
        vitro_direction_finish(&c->dir[0]);
        vitro_direction_finish(&c->dir[1]);
        tell_tcp(d, e, VITRO_TCP_RST, 0);
    }
}

static void conn_end(struct conn *c)
{
    vitro_direction_finish(&c->dir[0]);
    vitro_direction_finish(&c->dir[1]);
    vitro_seen_streams_free(c);
    c->ended = true;
    if (!c->decode->options.keep)
        vitro_seen_conn_free(c);
}

bool vitro_seen_conn_flow(const struct flow_event *e, void *user)
{
    vitro_decode *d = user;
    struct conn *c;
    struct direction *dir;

    if (e->kind == FLOW_OPEN)
        conn_open(d, e);
    c = e->conn < d->conn_count ? d->conns[e->conn] : NULL;
    if (!c || c->ended)
        return true;
    dir = &c->dir[(e->dir == FLOW_S2C) != c->swapped];
    dir->packet = (uint32_t)e->number;
    dir->time = e->ts;
    switch (e->kind) {
    case FLOW_DATA:
        vitro_direction_data(dir, e->bytes, e->offset);
        break;
    case FLOW_GAP:
        tell_tcp(dir, e, VITRO_TCP_GAP, e->len);
        dir = &c->dir[(e->dir == FLOW_S2C) != c->swapped];
        vitro_direction_gap(dir, e->len);
        break;
    case FLOW_MARK:
        conn_mark(dir, e);
        break;
    case FLOW_END:
        conn_end(c);
        break;
    default:
        break;
    }
    return true;
}
