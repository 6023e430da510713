#include "trace/recorder.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/util.h"
#include "support/seed.h"
#include "support/walk.h"
#include "trace/trace.h"

TestSuite(trace_recorder);

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static vitro_trace *open_trace(int *fd)
{
    vitro_trace *t;
    char sink[32];

    *fd = memfd_create("trace", MFD_CLOEXEC);
    snprintf(sink, sizeof sink, "fd:%d", *fd);
    cr_assert(eq(int, vitro_trace_open(&t, sink, NULL, NULL), VITRO_OK));
    return t;
}

static void close_trace(vitro_trace *t, int fd, struct walk *w)
{
    vitro_trace_unref(t);
    walk_fd(w, fd);
    close(fd);
    cr_assert(eq(str, w->why, ""));
}

static struct endpoint end4(const char *address, uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

    inet_pton(AF_INET, address, &in.sin_addr);
    return vitro_endpoint_of((const struct sockaddr *)&in);
}

static struct endpoint end6(const char *address, uint16_t port)
{
    struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

    inet_pton(AF_INET6, address, &in.sin6_addr);
    return vitro_endpoint_of((const struct sockaddr *)&in);
}

static void send_text(struct recorder *r, enum record_direction direction, const char *text)
{
    vitro_bytes piece = { (const uint8_t *)text, strlen(text) };

    vitro_recorder_bytes(r, direction, &piece, 1);
}

/* ---- a property: what went in comes out ----------------------------------------------------- */

struct side {
    uint8_t *sent;
    size_t len;
};

static struct recorder *any_recorder(vitro_trace *t, struct chance *c, size_t n)
{
    enum record_role role = seed_between(c, 0, 1) ? RECORD_CLIENT : RECORD_SERVER;
    struct endpoint a, b;

    switch (seed_between(c, 0, 2)) {
    case 0:
        return vitro_recorder_new(t, role, NULL, NULL, (uint32_t)n % 3);
    case 1:
        a = end4("10.1.2.3", (uint16_t)(1000 + n));
        b = end4("127.0.0.1", (uint16_t)(40051 + n));
        break;
    default:
        a = end6("fe80::1", (uint16_t)(1000 + n));
        b = end6("2001:db8::2:3", (uint16_t)(40051 + n));
    }
    return vitro_recorder_new(t, role, &a, &b, (uint32_t)n % 3);
}

/* Up to 80 pieces, mostly small, out of one random run of bytes. */
static void any_write(struct chance *c, struct recorder *r, enum record_direction direction,
                      struct side *side)
{
    static uint8_t bytes[200000];
    vitro_bytes piece[80];
    size_t n = seed_between(c, 0, ARRAY_LEN(piece)), at = 0;

    for (size_t i = 0; i < n; i++) {
        size_t most = seed_between(c, 0, 20) ? 300 : 90000;
        size_t wanted = seed_between(c, 0, most), len = MIN(wanted, sizeof bytes - at);
        seed_fill(c, bytes + at, MIN(len, 400));
        piece[i] = (vitro_bytes){ bytes + at, len };
        at += len;
    }
    vitro_recorder_bytes(r, direction, piece, n);
    side->sent = realloc(side->sent, side->len + at + 1);
    memcpy(side->sent + side->len, bytes, at);
    side->len += at;
}

enum { CONNECTIONS = 4 };

static void expect_side(const struct walk *w, const struct endpoint *from,
                        const struct endpoint *to, const struct side *side, size_t number)
{
    size_t len = 0;
    uint8_t *got = walk_payload(w, from->port, to->port, &len);

    cr_assert(got && len == side->len && (!len || !memcmp(got, side->sent, len)),
              "%zu bytes instead of %zu " SEED_TEXT, len, side->len, seed_of_run(), number);
    free(got);
}

static void any_trace(struct chance *c, size_t number)
{
    struct side side[CONNECTIONS][2];
    struct endpoint at[CONNECTIONS][2];
    struct recorder *r[CONNECTIONS];
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    memset(side, 0, sizeof side);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        r[i] = any_recorder(t, c, i);
        vitro_recorder_established(r[i]);
        cr_assert(vitro_recorder_endpoints(r[i], &at[i][0], &at[i][1]));
    }
    for (size_t i = 0; i < 12; i++) {
        size_t n = seed_between(c, 0, CONNECTIONS - 1), way = seed_between(c, 0, 1);
        any_write(c, r[n], way ? RECORD_RECEIVED : RECORD_SENT, &side[n][way]);
        if (seed_between(c, 0, 3) == 0)
            vitro_trace_flush(t);
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        vitro_recorder_free(r[i]);
    close_trace(t, fd, &w);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        expect_side(&w, &at[i][0], &at[i][1], &side[i][0], number);
        expect_side(&w, &at[i][1], &at[i][0], &side[i][1], number);
        free(side[i][0].sent);
        free(side[i][1].sent);
    }
    walk_done(&w);
}

Test(trace_recorder, any_writes_reassemble_to_the_same_bytes_with_right_checksums)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 40; i++)
        any_trace(&c, i);
}

/* ---- packets -------------------------------------------------------------------------------- */

Test(trace_recorder, a_packet_holds_at_most_65495_bytes)
{
    static uint8_t bytes[3 * 65495 + 1];
    vitro_bytes piece = { bytes, sizeof bytes };
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);
    struct endpoint a = end6("::1", 1), b = end6("::1", 2);
    struct recorder *r = vitro_recorder_new(t, RECORD_CLIENT, &a, &b, 0);

    vitro_recorder_bytes(r, RECORD_SENT, &piece, 1);
    vitro_recorder_free(r);
    close_trace(t, fd, &w);
    for (size_t i = 3; i < 6; i++)
        cr_expect(eq(sz, w.item[i].len, 65495));
    cr_expect(eq(sz, w.item[6].len, 1));
    walk_done(&w);
}

static void expect_packet(const struct walked *k, const struct endpoint *from, uint32_t seq,
                          uint32_t ack, int flags)
{
    cr_expect(eq(int, (int)k->type, WALKED_PACKET));
    cr_expect(eq(u16, k->from_port, from->port));
    cr_expect(eq(u32, k->seq, seq));
    cr_expect(eq(u32, k->ack, ack));
    cr_expect(eq(int, k->flags &(FIN | SYN | RST | ACK), flags));
}

Test(trace_recorder, a_connection_is_a_syn_exchange_its_bytes_and_a_fin_each)
{
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);
    struct endpoint c = end4("127.0.0.1", 40000), s = end4("127.0.0.2", 50051);
    struct recorder *r = vitro_recorder_new(t, RECORD_SERVER, &s, &c, 0);

    send_text(r, RECORD_RECEIVED, "hello");
    send_text(r, RECORD_SENT, "hi");
    vitro_recorder_end(r, RECORD_RECEIVED, RECORD_FIN);
    vitro_recorder_end(r, RECORD_RECEIVED, RECORD_FIN);
    vitro_recorder_free(r);
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.n, 8));
    expect_packet(&w.item[0], &c, 0, 0, SYN);
    expect_packet(&w.item[1], &s, 0, 1, SYN | ACK);
    expect_packet(&w.item[2], &c, 1, 1, ACK);
    expect_packet(&w.item[3], &c, 1, 1, ACK);
    expect_packet(&w.item[4], &s, 1, 6, ACK);
    expect_packet(&w.item[5], &c, 6, 3, FIN | ACK);
    expect_packet(&w.item[6], &s, 3, 7, FIN | ACK);
    expect_packet(&w.item[7], &c, 7, 4, ACK);
    walk_done(&w);
}

Test(trace_recorder, a_reset_ends_both_sides)
{
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);
    struct recorder *r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
    struct endpoint c, s;

    vitro_recorder_established(r);
    cr_assert(vitro_recorder_endpoints(r, &c, &s));
    vitro_recorder_end(r, RECORD_RECEIVED, RECORD_RST);
    vitro_recorder_end(r, RECORD_SENT, RECORD_FIN);
    vitro_recorder_free(r);
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.n, 4));
    expect_packet(&w.item[3], &s, 1, 1, RST | ACK);
    walk_done(&w);
}

Test(trace_recorder, links_get_the_addresses_of_documentation_and_a_port_each)
{
    static const uint8_t client[4] = { 192, 0, 2, 1 }, server[4] = { 192, 0, 2, 2 };
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    for (int i = 0; i < 3; i++) {
        struct recorder *r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
        vitro_recorder_established(r);
        vitro_recorder_end(r, RECORD_SENT, RECORD_RST);
        vitro_recorder_free(r);
    }
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.n, 12));
    for (size_t i = 0; i < 3; i++) {
        const struct walked *syn = &w.item[4 * i];
        cr_expect(memcmp(syn->from, client, 4) == 0 && memcmp(syn->to, server, 4) == 0);
        cr_expect(eq(u16, syn->from_port, (uint16_t)(49152 + i)));
        cr_expect(eq(u16, syn->to_port, 50051));
    }
    walk_done(&w);
}

/* ---- numbers, ends, loops ------------------------------------------------------------------- */

Test(trace_recorder, numbers_follow_the_order_of_the_syns)
{
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);
    struct endpoint c = end4("127.0.0.1", 40000), s = end4("127.0.0.2", 50051);
    struct recorder *never = vitro_recorder_new(t, RECORD_CLIENT, &c, &s, 0);
    struct recorder *second = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
    struct recorder *first = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
    struct endpoint unused;

    cr_expect(eq(u32, vitro_recorder_conn(first), RECORD_NO_CONN));
    cr_expect_not(vitro_recorder_endpoints(first, &unused, &unused));
    send_text(first, RECORD_SENT, "x");
    vitro_recorder_established(second);
    cr_expect(eq(u32, vitro_recorder_conn(first), 0));
    cr_expect(eq(u32, vitro_recorder_conn(second), 1));
    cr_expect(eq(u32, vitro_recorder_conn(never), RECORD_NO_CONN));
    vitro_recorder_free(never);
    vitro_recorder_free(second);
    vitro_recorder_free(first);
    close_trace(t, fd, &w);
    cr_expect(eq(sz, w.n, 13), "a connection that never stood leaves nothing");
    walk_done(&w);
}

Test(trace_recorder, two_ends_of_one_process_write_once)
{
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);
    struct endpoint c = end4("127.0.0.1", 40000), s = end4("127.0.0.1", 50051);
    struct endpoint c_mapped = end6("::ffff:127.0.0.1", 40000);
    struct endpoint s_mapped = end6("::ffff:127.0.0.1", 50051);
    struct recorder *client = vitro_recorder_new(t, RECORD_CLIENT, &c, &s, 0);
    struct recorder *server = vitro_recorder_new(t, RECORD_SERVER, &s_mapped, &c_mapped, 1);
    struct recorder *again;
    uint8_t *payload;
    size_t len;

    vitro_recorder_established(server);
    vitro_recorder_established(client);
    cr_expect(eq(u32, vitro_recorder_conn(client), 0));
    cr_expect(eq(u32, vitro_recorder_conn(server), 0));
    send_text(client, RECORD_SENT, "ping");
    send_text(server, RECORD_RECEIVED, "ping");
    send_text(server, RECORD_SENT, "pong");
    send_text(client, RECORD_RECEIVED, "pong");
    vitro_recorder_free(client);
    vitro_recorder_free(server);
    again = vitro_recorder_new(t, RECORD_CLIENT, &c, &s, 0);
    vitro_recorder_established(again);
    cr_expect(eq(u32, vitro_recorder_conn(again), 1), "the same port later is another connection");
    vitro_recorder_end(again, RECORD_SENT, RECORD_RST);
    vitro_recorder_free(again);
    close_trace(t, fd, &w);
    cr_expect(eq(sz, w.n, 3 + 2 + 3 + 4));
    w.n = 8; /* the first of the two */
    payload = walk_payload(&w, 40000, 50051, &len);
    cr_expect(payload && len == 4 && !memcmp(payload, "ping", 4));
    free(payload);
    walk_done(&w);
}

Test(trace_recorder, a_server_seen_first_writes_and_its_client_does_not)
{
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);
    struct endpoint c = end6("::1", 40000), s = end6("::1", 50051);
    struct recorder *server = vitro_recorder_new(t, RECORD_SERVER, &s, &c, 1);
    struct recorder *client = vitro_recorder_new(t, RECORD_CLIENT, &c, &s, 0);

    send_text(client, RECORD_SENT, "ping");
    send_text(server, RECORD_RECEIVED, "ping");
    vitro_recorder_free(server);
    vitro_recorder_free(client);
    close_trace(t, fd, &w);
    cr_expect(eq(sz, w.n, 3 + 1 + 3));
    expect_packet(&w.item[0], &c, 0, 0, SYN);
    walk_done(&w);
}

Test(trace_recorder, each_loop_is_an_interface)
{
    static const uint32_t loops[] = { 7, 0, 7, 12 };
    static const uint32_t interfaces[] = { 0, 1, 0, 2 };
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    for (size_t i = 0; i < ARRAY_LEN(loops); i++) {
        struct recorder *r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, loops[i]);
        vitro_recorder_established(r);
        vitro_recorder_end(r, RECORD_SENT, RECORD_RST);
        vitro_recorder_free(r);
    }
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.interfaces, 3));
    cr_expect(eq(str, w.name[0], "loop 7"));
    cr_expect(eq(str, w.name[2], "loop 12"));
    for (size_t i = 0; i < ARRAY_LEN(loops); i++)
        cr_expect(eq(u32, w.item[4 * i].interface_id, interfaces[i]));
    walk_done(&w);
}

Test(trace_recorder, without_a_trace_there_is_no_recorder_and_nothing_to_do)
{
    struct recorder *r = vitro_recorder_new(NULL, RECORD_CLIENT, NULL, NULL, 0);
    struct endpoint e;

    cr_assert(eq(ptr, r, NULL));
    vitro_recorder_established(r);
    send_text(r, RECORD_SENT, "x");
    vitro_recorder_end(r, RECORD_SENT, RECORD_FIN);
    cr_expect(eq(u32, vitro_recorder_conn(r), RECORD_NO_CONN));
    cr_expect_not(vitro_recorder_endpoints(r, &e, &e));
    vitro_recorder_free(r);
}

Test(trace_recorder, ends_as_text)
{
    struct endpoint v4 = end4("127.0.0.1", 50051), v6 = end6("2001:db8::1", 1);
    struct endpoint none = { 0, { 0 }, 0 };
    char text[64];

    vitro_endpoint_text(&v4, text, sizeof text);
    cr_expect(eq(str, text, "127.0.0.1:50051"));
    vitro_endpoint_text(&v6, text, sizeof text);
    cr_expect(eq(str, text, "[2001:db8::1]:1"));
    vitro_endpoint_text(&none, text, sizeof text);
    cr_expect(eq(str, text, "link"));
}
