#include "support/flows.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static uint8_t *more(struct flow_bytes *b, size_t n)
{
    if (b->len + n + 1 > b->cap) {
        b->cap = (b->len + n + 1) * 2;
        b->ptr = realloc(b->ptr, b->cap);
        assert(b->ptr);
    }
    b->len += n;
    return b->ptr + b->len - n;
}

static void line(struct flows *f, const char *format, ...)
{
    char text[160];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(more(&f->log, (size_t)n), text, (size_t)n);
}

static const char *const mark_names[] = {
    "SYN",       "FIN",         "RST",         "RETRANSMISSION", "OUT_OF_ORDER",
    "KEEPALIVE", "WINDOW_ZERO", "WINDOW_OPEN", "LATE",           "BEFORE_START",
    "SNAPLEN",   "EVICTED",     "REUSED",      "AFTER_END",
};

static void log_event(struct flows *f, const struct flow_event *e)
{
    static const char *const kinds[] = { "open", "data", "gap", "mark", "end" };

    line(f, "%u %s %s", (unsigned)e->conn, e->dir == FLOW_C2S ? ">" : "<", kinds[e->kind]);
    if (e->len || e->kind == FLOW_DATA || e->kind == FLOW_GAP)
        line(f, " %" PRIu64 "+%" PRIu64, e->stream, e->len);
    for (size_t i = 0; i < ARRAY_LEN(mark_names); i++)
        if (e->marks & 1u << i)
            line(f, " %s", mark_names[i]);
    line(f, " #%" PRIu64, e->number);
    if (e->now != e->number)
        line(f, " at #%" PRIu64, e->now);
    line(f, "\n");
}

/* Bytes of an event are those that stand in the capture where it says. */
static bool stands_there(struct flows *f, const struct flow_event *e)
{
    uint8_t copy[70000];
    size_t n = MIN(e->bytes.len, sizeof copy);
    vitro_bytes there;

    memcpy(copy, e->bytes.ptr, n);
    there = f->lend(e->offset, n, f->lend_user);
    return there.len == n && !memcmp(copy, there.ptr, n);
}

static void keep(struct flows *f, const struct flow_event *e)
{
    struct flow_bytes *b = &f->dir[e->conn][e->dir];

    if (e->kind == FLOW_DATA || e->kind == FLOW_GAP)
        f->wrong |= e->stream != b->len || !e->len;
    if (e->kind == FLOW_DATA) {
        f->wrong |= e->len != e->bytes.len;
        memcpy(more(b, (size_t)e->len), e->bytes.ptr, (size_t)e->len);
        f->wrong |= !stands_there(f, e);
    } else if (e->kind == FLOW_GAP) {
        b->gaps++;
        b->gap_bytes += e->len;
        if (e->len < 1 << 24)
            memset(more(b, (size_t)e->len), '?', (size_t)e->len);
        else
            f->big = true; /* positions can no longer be compared with what is kept */
    } else if (e->marks & FLOW_RETRANSMISSION) {
        b->copies += e->len;
    }
}

static bool on_event(const struct flow_event *e, void *user)
{
    struct flows *f = user;

    f->peak = MAX(f->peak, f->account.used);
    f->ends += e->kind == FLOW_END;
    f->wrong |= e->now < e->number || !e->number;
    if (e->kind == FLOW_OPEN) {
        f->wrong |= e->conn != f->conns;
        f->conns++;
    }
    f->wrong |= e->conn >= f->conns;
    if (!f->big && e->conn < FLOWS_MAX)
        keep(f, e);
    if (!f->big)
        log_event(f, e);
    return true;
}

static void take(struct flows *f, struct tcp *t, const struct capture_record *r)
{
    struct segment s;
    const char *why = NULL;
    enum packet_what what;

    f->notes += r->kind == CAPTURE_NOTE;
    f->secrets += r->kind == CAPTURE_SECRETS;
    if (r->kind != CAPTURE_PACKET)
        return;
    f->packets++;
    what = vitro_packet_parse(r, &s, &why);
    f->others[what]++;
    f->wrong |= what != PACKET_TCP && !why;
    if (what == PACKET_TCP)
        f->wrong |= vitro_tcp_push(t, &s, &f->error) != VITRO_OK;
}

enum capture_step flows_run(struct flows *f, vitro_lend *lend, void *user)
{
    struct capture c;
    struct capture_record r;
    struct tcp t;
    enum capture_step step;

    f->lend = lend;
    f->lend_user = user;
    vitro_account_init(&f->account, NULL, 0);
    vitro_capture_init(&c, lend, user, &f->account);
    vitro_tcp_init(&t, &f->options, &f->account, lend, user, on_event, f);
    while ((step = vitro_capture_next(&c, &r, &f->error)) == CAPTURE_RECORD) {
        take(f, &t, &r);
        f->peak = MAX(f->peak, f->account.used);
    }
    vitro_tcp_finish(&t, NULL);
    f->wrong |= f->ends != f->conns || t.spans || t.conns;
    vitro_tcp_done(&t);
    vitro_capture_done(&c);
    f->left = f->account.used;
    return step;
}

void flows_done(struct flows *f)
{
    for (size_t i = 0; i < FLOWS_MAX; i++) {
        free(f->dir[i][0].ptr);
        free(f->dir[i][1].ptr);
    }
    free(f->log.ptr);
    memset(f, 0, sizeof *f);
}

const char *flows_log(struct flows *f)
{
    *more(&f->log, 0) = '\0';
    return (const char *)f->log.ptr;
}

bool flows_is(const struct flows *f, unsigned conn, int dir, const void *p, size_t n)
{
    const struct flow_bytes *b = &f->dir[conn][dir];

    return b->len == n && (!n || !memcmp(b->ptr, p, n));
}
