/*
 * conn - a TCP connection: what its segments show beside data, and its two directions.
 */
#include "decode/core.h"

#include <string.h>

#include "base/util.h"

/* What was found in these tracks before is not to be relied on any more. */
static void tracks_moved(vitro_decode *d, const struct track *tracks)
{
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < SEGS_MEMO; k++) {
            if (d->segs_memo[k].of == &tracks[i].segs)
                d->segs_memo[k].of = NULL;
        }
        for (int k = 0; k < REPLAYS; k++) {
            if (d->replays[k] && d->replays[k]->of == &tracks[i].log)
                vitro_block_replay_done(d->replays[k]);
        }
        if (d->replayed_of == &tracks[i])
            d->replayed_of = NULL;
    }
}

void vitro_seen_conn_swap(struct conn *c)
{
    struct past *past = vitro_decode_past(c->decode, c->number);
    struct direction d = c->dir[0];
    struct track track = past->tracks[0];
    struct packet_end end = past->ends[0];

    tracks_moved(c->decode, past->tracks);
    c->dir[0] = c->dir[1];
    c->dir[1] = d;
    past->tracks[0] = past->tracks[1];
    past->tracks[1] = track;
    past->ends[0] = past->ends[1];
    past->ends[1] = end;
    for (uint8_t i = 0; i < 2; i++) {
        c->dir[i].dir = i;
        c->dir[i].track = &past->tracks[i];
    }
    c->swapped = !c->swapped;
    c->guessed = false;
}

struct track *vitro_tracks_new(vitro_decode *d)
{
    struct track *tracks = vitro_mem_zalloc(&d->account, 2 * sizeof *tracks);

    for (int i = 0; tracks && i < 2; i++) {
        vitro_segs_init(&tracks[i].segs, &d->account);
        vitro_block_log_init(&tracks[i].log, &d->account, false);
    }
    return tracks;
}

void vitro_tracks_free(vitro_decode *d, struct track *tracks)
{
    if (!tracks)
        return;
    tracks_moved(d, tracks);
    for (int i = 0; i < 2; i++) {
        vitro_segs_done(&tracks[i].segs);
        vitro_block_log_done(&tracks[i].log);
    }
    vitro_mem_free(&d->account, tracks, 2 * sizeof *tracks);
}

/* ---- The past ------------------------------------------------------------------------------ */

struct past *vitro_decode_past(const vitro_decode *d, uint32_t conn)
{
    struct past *page = conn < d->conn_count ? d->pasts[conn / PAST_PAGE] : NULL;

    return page ? &page[conn % PAST_PAGE] : NULL;
}

static bool pages_room(vitro_decode *d, uint32_t page)
{
    uint32_t cap = d->past_cap ? d->past_cap : 4;
    struct past **pasts;

    while (cap <= page)
        cap *= 2;
    if (cap == d->past_cap)
        return true;
    pasts =
        vitro_mem_resize(&d->account, d->pasts, d->past_cap * sizeof *pasts, cap * sizeof *pasts);
    if (!pasts)
        return false;
    memset(pasts + d->past_cap, 0, (cap - d->past_cap) * sizeof *pasts);
    d->pasts = pasts;
    d->past_cap = cap;
    return true;
}

static struct past *past_new(vitro_decode *d, uint32_t number)
{
    uint32_t page = number / PAST_PAGE;

    if (!pages_room(d, page))
        return NULL;
    if (!d->pasts[page])
        d->pasts[page] = vitro_mem_zalloc(&d->account, PAST_PAGE * sizeof(struct past));
    if (!d->pasts[page])
        return NULL;
    d->conn_count = MAX(d->conn_count, number + 1);
    return &d->pasts[page][number % PAST_PAGE];
}

static void tracks_free(vitro_decode *d, struct past *past)
{
    vitro_sealed_free(d, past);
    vitro_tracks_free(d, past->tracks);
    past->tracks = NULL;
}

static bool page_over(const struct past *page)
{
    for (uint32_t i = 0; i < PAST_PAGE; i++) {
        if (page[i].live || page[i].tracks)
            return false;
    }
    return true;
}

/* Without an index nobody asks about it any more. */
static void past_forget(vitro_decode *d, uint32_t number)
{
    struct past **page = &d->pasts[number / PAST_PAGE], *past = &(*page)[number % PAST_PAGE];

    tracks_free(d, past);
    memset(past, 0, sizeof *past);
    if (!page_over(*page))
        return;
    vitro_mem_free(&d->account, *page, PAST_PAGE * sizeof **page);
    *page = NULL;
}

void vitro_decode_pasts_free(vitro_decode *d)
{
    for (uint32_t i = 0; i < d->conn_count; i++) {
        struct past *past = vitro_decode_past(d, i);
        if (past && past->live)
            vitro_seen_conn_free(past->live);
        if (past)
            tracks_free(d, past);
    }
    for (uint32_t i = 0; i < d->past_cap; i++)
        vitro_mem_free(&d->account, d->pasts[i], PAST_PAGE * sizeof(struct past));
    vitro_mem_free(&d->account, d->pasts, d->past_cap * sizeof *d->pasts);
}

/* ---- The connection ------------------------------------------------------------------------ */

static struct conn *conn_new(vitro_decode *d, const struct flow_event *e, struct past *past)
{
    struct conn *c = vitro_mem_zalloc(&d->account, sizeof *c);
    bool late = e->marks & FLOW_LATE;

    if (c)
        past->tracks = vitro_tracks_new(d);
    if (!c || !past->tracks) {
        vitro_mem_free(&d->account, c, sizeof *c);
        return NULL;
    }
    c->decode = d;
    c->number = e->conn;
    c->guessed = e->peers && e->peers->guessed;
    list_init(&c->streams);
    for (uint8_t i = 0; i < 2; i++)
        vitro_direction_init(&c->dir[i], c, &past->tracks[i], VITRO_SOURCE_DIRECTION, i, late);
    return c;
}

static void conn_open(vitro_decode *d, const struct flow_event *e)
{
    struct past *past = e->conn < UINT32_MAX / 2 ? past_new(d, e->conn) : NULL;

    if (past && (past->live || past->tracks))
        return;
    if (past)
        past->live = conn_new(d, e, past);
    if (!past || !past->live) {
        d->stats.lost++;
        return;
    }
    if (e->peers) {
        past->ends[0] = e->peers->client;
        past->ends[1] = e->peers->server;
    }
    d->stats.connections++;
}

void vitro_seen_conn_free(struct conn *c)
{
    vitro_decode *d = c->decode;

    vitro_seen_streams_free(c);
    vitro_direction_done(&c->dir[0]);
    vitro_direction_done(&c->dir[1]);
    vitro_records_done(c);
    vitro_decode_past(d, c->number)->live = NULL;
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
        vitro_direction_end(d);
        tell_tcp(d, e, VITRO_TCP_FIN, 0);
    }
    if (e->marks & FLOW_RST) {
        vitro_direction_end(&c->dir[0]);
        vitro_direction_end(&c->dir[1]);
        tell_tcp(d, e, VITRO_TCP_RST, 0);
    }
}

static void conn_end(struct conn *c)
{
    vitro_decode *d = c->decode;
    uint32_t number = c->number;
    struct past *past = vitro_decode_past(d, number);

    vitro_direction_finish(&c->dir[0]);
    vitro_direction_finish(&c->dir[1]);
    vitro_seen_conn_free(c);
    if (!past->tracks[0].segs.end && !past->tracks[1].segs.end)
        tracks_free(d, past);
    else if (past->sealed && !past->sealed->log[0].rows.count && !past->sealed->log[1].rows.count)
        vitro_sealed_free(d, past); /* nothing was opened */
    if (!d->options.keep)
        past_forget(d, number);
}

bool vitro_seen_conn_flow(const struct flow_event *e, void *user)
{
    vitro_decode *d = user;
    struct past *past;
    struct conn *c;
    struct direction *dir;

    if (e->kind == FLOW_OPEN)
        conn_open(d, e);
    past = vitro_decode_past(d, e->conn);
    c = past ? past->live : NULL;
    if (!c)
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
