#include "decode/tcp.h"

#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "decode/flow.h"

enum { FIRST_SLOTS = 64, GRPC_PORT = 50051 };

_Static_assert(sizeof(struct span) <= 80, "the header promises this much for a span");
_Static_assert(sizeof(struct tcp_conn) <= 320, "the header promises this much for a connection");

void vitro_tcp_init(struct tcp *t, const struct tcp_options *options, struct account *account,
                    vitro_lend *lend, void *lend_user, flow_fn *emit, void *emit_user)
{
    memset(t, 0, sizeof *t);
    if (options)
        t->options = *options;
    if (!t->options.max_conns)
        t->options.max_conns = 65536;
    if (!t->options.max_closed)
        t->options.max_closed = 1024;
    if (!t->options.max_spans)
        t->options.max_spans = 65536;
    if (!t->options.max_conn_spans)
        t->options.max_conn_spans = 4096;
    t->draw = t->options.hash_seed;
    t->account = account;
    t->lend = lend;
    t->lend_user = lend_user;
    t->emit = emit;
    t->emit_user = emit_user;
    list_init(&t->open);
    list_init(&t->closed);
    vitro_freelist_init(&t->conn_list, account, sizeof(struct tcp_conn));
    vitro_freelist_init(&t->span_list, account, sizeof(struct span));
}

static struct tcp_conn *conn_of(struct list *link)
{
    return CONTAINER_OF(link, struct tcp_conn, link);
}

/* ---- the table ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_endpoint(uint64_t seed, const struct packet_end *e)
{
    uint64_t half[2];

    memcpy(half, e->ip, sizeof half);
    return mix(mix(mix(seed, half[0]), half[1]), (uint64_t)e->family << 16 | e->port);
}

/* The same for both directions. */
static uint64_t hash_pair(const struct tcp *t, const struct segment *s)
{
    return mix(t->options.hash_seed, hash_endpoint(t->options.hash_seed, &s->src) +
                                         hash_endpoint(t->options.hash_seed, &s->dst));
}

static bool same_endpoint(const struct packet_end *a, const struct packet_end *b)
{
    return a->port == b->port && a->family == b->family && !memcmp(a->ip, b->ip, sizeof a->ip);
}

static struct tcp_conn *find(const struct tcp *t, const struct segment *s, uint64_t hash)
{
    struct tcp_conn *c = t->slot_count ? t->slots[hash & (t->slot_count - 1)] : NULL;

    for (; c; c = c->chain) {
        const struct packet_end *client = &c->peers.client, *server = &c->peers.server;

        if (c->hash != hash)
            continue;
        if ((same_endpoint(client, &s->src) && same_endpoint(server, &s->dst)) ||
            (same_endpoint(client, &s->dst) && same_endpoint(server, &s->src)))
            return c;
    }
    return NULL;
}

/* Twice the slots; without memory the chains grow instead. False when there are no slots. */
static bool grow_table(struct tcp *t)
{
    size_t count = t->slot_count ? t->slot_count * 2 : FIRST_SLOTS;
    struct tcp_conn **slots, *c, *next;

    if (t->conns < t->slot_count)
        return true;
    slots = vitro_mem_zalloc(t->account, count * sizeof *slots);
    if (!slots)
        return t->slot_count > 0;
    for (size_t i = 0; i < t->slot_count; i++)
        for (c = t->slots[i]; c; c = next) {
            next = c->chain;
            c->chain = slots[c->hash & (count - 1)];
            slots[c->hash & (count - 1)] = c;
        }
    vitro_mem_free(t->account, t->slots, t->slot_count * sizeof *slots);
    t->slots = slots;
    t->slot_count = count;
    return true;
}

static void drop_conn(struct tcp *t, struct tcp_conn *c)
{
    struct tcp_conn **at = &t->slots[c->hash & (t->slot_count - 1)];

    while (*at != c)
        at = &(*at)->chain;
    *at = c->chain;
    list_remove(&c->link);
    t->conns--;
    t->closed_count -= c->closed;
    vitro_freelist_put(&t->conn_list, c);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void end_conn(struct tcp *t, struct tcp_conn *c, uint32_t marks)
{
    struct flow_event event = { .kind = FLOW_END, .marks = marks };
    const struct span *c2s = c->flows[FLOW_C2S].first[0], *s2c = c->flows[FLOW_S2C].first[0];
    enum flow_dir first = c2s && s2c && s2c->number < c2s->number ? FLOW_S2C : FLOW_C2S;

    vitro_flow_flush(t, c, first);
    vitro_flow_flush(t, c, first == FLOW_C2S ? FLOW_S2C : FLOW_C2S);
    if (c->reset)
        event.marks |= FLOW_RST;
    if (c->flows[FLOW_C2S].fin_told && c->flows[FLOW_S2C].fin_told)
        event.marks |= FLOW_FIN;
    vitro_flow_emit(t, c, FLOW_C2S, &event);
    drop_conn(t, c);
}

static void evict_one(struct tcp *t)
{
    struct list *from = list_empty(&t->closed) ? &t->open : &t->closed;

    end_conn(t, conn_of(from->next), FLOW_EVICTED);
}

/*
 * A SYN shows who is the client. Without one it is a guess: the port of gRPC's own examples is a
 * server's (it lies among those that systems give to clients), else the lower one.
 */
static bool from_client(const struct segment *s)
{
    if (s->flags & SEG_SYN)
        return !(s->flags & SEG_ACK);
    if ((s->src.port == GRPC_PORT) != (s->dst.port == GRPC_PORT))
        return s->dst.port == GRPC_PORT;
    return s->src.port >= s->dst.port;
}

/* A connection whose first packet goes in direction dir. */
static struct tcp_conn *new_conn(struct tcp *t, const struct flow_peers *peers, enum flow_dir dir,
                                 bool late, uint8_t flags, uint64_t hash)
{
    struct flow_event event = { .kind = FLOW_OPEN };
    struct tcp_conn *c;

    while (t->conns >= t->options.max_conns)
        evict_one(t);
    if (!grow_table(t))
        return NULL;
    c = vitro_freelist_take(&t->conn_list);
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    c->id = t->next_conn++;
    c->hash = hash;
    c->peers = *peers;
    c->chain = t->slots[hash & (t->slot_count - 1)];
    t->slots[hash & (t->slot_count - 1)] = c;
    list_init(&c->link);
    list_append(&t->open, &c->link);
    t->conns++;
    event.marks = late ? FLOW_LATE : 0;
    event.flags = flags;
    vitro_flow_emit(t, c, dir, &event);
    return c;
}

static struct tcp_conn *open_conn(struct tcp *t, const struct segment *s, uint64_t hash)
{
    bool client = from_client(s), late = !(s->flags & SEG_SYN);
    struct flow_peers peers = { client ? s->src : s->dst, client ? s->dst : s->src, late };

    return new_conn(t, &peers, client ? FLOW_C2S : FLOW_S2C, late, s->flags, hash);
}

static enum flow_dir direction(const struct tcp_conn *c, const struct segment *s)
{
    return same_endpoint(&c->peers.client, &s->src) ? FLOW_C2S : FLOW_S2C;
}

/*
 * Does this SYN begin another connection on the same pair? Yes when its number does not fit,
 * when the old one is over, and when bytes have followed the same SYN already: recorders that
 * make their packets up begin each connection with the same number.
 */
static bool begins_new(const struct tcp_conn *c, const struct segment *s)
{
    enum flow_dir dir = direction(c, s);
    const struct flow *f = &c->flows[dir];
    const struct flow *other = &c->flows[dir == FLOW_C2S ? FLOW_S2C : FLOW_C2S];

    if (!(s->flags & SEG_SYN))
        return false;
    if (f->started && s->seq + 1 != f->start_seq)
        return true;
    if (s->flags & SEG_ACK)
        return false;
    return c->closed || (f->has_syn && f->pos) || (!f->started && (f->seen || other->pos));
}

/* ---- segments -------------------------------------------------------------------------------- */

static void take_syn(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, const struct span *bytes,
                     uint32_t seq)
{
    struct flow *f = &c->flows[dir];
    bool again = f->has_syn;

    if (!f->started)
        vitro_flow_start(f, seq + 1);
    f->has_syn = true;
    vitro_flow_mark(t, c, dir, bytes, again ? FLOW_SYN | FLOW_RETRANSMISSION : FLOW_SYN, 0, 0);
}

/* The last byte once more, or nothing at its place: only asks for an answer. */
static bool is_keepalive(const struct flow *f, const struct segment *s)
{
    return f->started && s->len <= 1 && s->seq == f->next_seq - 1 && !f->first[0] &&
           !(s->flags & (SEG_SYN | SEG_FIN | SEG_RST)) && !f->fin_told;
}

static void take_window(struct tcp *t, struct tcp_conn *c, enum flow_dir dir,
                        const struct segment *s, const struct span *bytes)
{
    struct flow *f = &c->flows[dir];

    if (s->flags & (SEG_SYN | SEG_RST) || f->window_zero == !s->window)
        return;
    f->window_zero = !s->window;
    vitro_flow_mark(t, c, dir, bytes, f->window_zero ? FLOW_WINDOW_ZERO : FLOW_WINDOW_OPEN, f->pos,
                    0);
}

static void take_segment(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
    enum flow_dir dir = direction(c, s), back = dir == FLOW_C2S ? FLOW_S2C : FLOW_C2S;
    struct flow *f = &c->flows[dir];
    struct span bytes = { .offset = s->offset, .number = s->number, .ts = s->ts };
    uint32_t seq = s->seq + (s->flags & SEG_SYN ? 1u : 0u);

    bytes.len = s->len;
    bytes.have = s->have;
    bytes.flags = s->flags;
    f->seen = true;
    if (s->flags & SEG_SYN)
        take_syn(t, c, dir, &bytes, s->seq);
    if (s->flags & SEG_ACK)
        vitro_flow_acked(t, c, back, s->ack);
    take_window(t, c, dir, s, &bytes);
    if (s->flags & SEG_RST) { /* its payload, if any, is a text about the reason */
        c->reset = true;
        vitro_flow_mark(t, c, dir, &bytes, FLOW_RST, f->pos, 0);
        return;
    }
    if (is_keepalive(f, s)) {
        vitro_flow_mark(t, c, dir, &bytes, FLOW_KEEPALIVE, f->pos, 0);
        return;
    }
    if (s->len)
        vitro_flow_data(t, c, dir, bytes, seq);
    if (s->flags & SEG_FIN)
        vitro_flow_fin(t, c, dir, &bytes, seq + s->len);
}

/* It is the last one that had a packet. */
static void touch(struct tcp *t, struct tcp_conn *c)
{
    bool closed = c->reset || (c->flows[FLOW_C2S].fin_told && c->flows[FLOW_S2C].fin_told);

    t->closed_count += closed && !c->closed;
    c->closed = closed;
    list_remove(&c->link);
    list_append(closed ? &t->closed : &t->open, &c->link);
    if (t->closed_count > t->options.max_closed)
        end_conn(t, conn_of(t->closed.next), 0);
}

vitro_code vitro_tcp_push(struct tcp *t, const struct segment *s, vitro_error *err)
{
    uint64_t hash = hash_pair(t, s);
    struct tcp_conn *c = find(t, s, hash);

    t->now = s->number;
    t->now_ts = s->ts;
    if (c && begins_new(c, s)) {
        end_conn(t, c, FLOW_REUSED);
        c = NULL;
    }
    if (!c)
        c = open_conn(t, s, hash);
    if (!c)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "tcp", 0, "no memory for a connection");
    take_segment(t, c, s);
    touch(t, c);
    return t->stopped ? vitro_fail(err, VITRO_CANCELLED, "tcp", 0, "stopped") : VITRO_OK;
}

/* A segment between the two, for what is looked up by its ends. */
static struct segment between(const struct packet_end *client, const struct packet_end *server)
{
    struct segment s = { .src = *client, .dst = *server };

    return s;
}

static bool go_on(struct tcp *t, struct tcp_conn *c, const uint64_t pos[2])
{
    for (int dir = 0; dir < 2; dir++)
        vitro_flow_flush(t, c, (enum flow_dir)dir);
    for (int dir = 0; dir < 2; dir++)
        if (!c->flows[dir].started || c->flows[dir].pos > pos[dir] || c->flows[dir].fin_told)
            return false;
    for (int dir = 0; dir < 2; dir++)
        vitro_flow_skip(t, c, (enum flow_dir)dir, pos[dir]);
    return true;
}

uint32_t vitro_tcp_join(struct tcp *t, const struct packet_end *client,
                        const struct packet_end *server, const uint64_t pos[2])
{
    struct segment s = between(client, server);
    struct flow_peers peers = { *client, *server, false };
    uint64_t hash = hash_pair(t, &s);
    struct tcp_conn *c = find(t, &s, hash);

    if (c && !c->closed)
        return go_on(t, c, pos) ? c->id : UINT32_MAX;
    if (c)
        end_conn(t, c, FLOW_REUSED);
    c = new_conn(t, &peers, FLOW_C2S, true, 0, hash);
    if (!c)
        return UINT32_MAX;
    for (int dir = 0; dir < 2; dir++) {
        struct flow *f = &c->flows[dir];
        vitro_flow_start(f, 1);
        f->pos = pos[dir];
        f->next_seq = (uint32_t)pos[dir] + 1;
    }
    return c->id;
}

uint32_t vitro_tcp_find(const struct tcp *t, const struct packet_end *client,
                        const struct packet_end *server)
{
    struct segment s = between(client, server);
    const struct tcp_conn *c = find(t, &s, hash_pair(t, &s));

    return c ? c->id : UINT32_MAX;
}

vitro_code vitro_tcp_finish(struct tcp *t, vitro_error *err)
{
    while (!list_empty(&t->closed))
        end_conn(t, conn_of(t->closed.next), 0);
    while (!list_empty(&t->open))
        end_conn(t, conn_of(t->open.next), 0);
    return t->stopped ? vitro_fail(err, VITRO_CANCELLED, "tcp", 0, "stopped") : VITRO_OK;
}

void vitro_tcp_done(struct tcp *t)
{
    t->stopped = true; /* nobody is told any more */
    while (!list_empty(&t->closed))
        end_conn(t, conn_of(t->closed.next), 0);
    while (!list_empty(&t->open))
        end_conn(t, conn_of(t->open.next), 0);
    vitro_freelist_trim(&t->conn_list, 0);
    vitro_freelist_trim(&t->span_list, 0);
    vitro_mem_free(t->account, t->slots, t->slot_count * sizeof *t->slots);
    t->slots = NULL;
    t->slot_count = 0;
}
