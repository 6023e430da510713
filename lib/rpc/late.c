/*
 * late - what sinks are told of a connection that come after it began.
 *
 *      goes_on ... ends, bytes so far, HPACK tables' sizes, windows, settings
 *      open ...... each stream: its path, windows, where its next messages begin
 *      fields .... later, before the bytes of a header block that needs the table from before
 */
#include <stdio.h>

#include "base/util.h"
#include "frame/frame.h"
#include "rpc/stream_events.h"

static struct connection *of_driver(const struct driver *d)
{
    return (struct connection *)(uintptr_t)CONTAINER_OF(d, const struct connection, driver);
}

static struct connection *of_h2(struct h2_session *h)
{
    return CONTAINER_OF(h, struct connection, h2);
}

size_t vitro_connection_until_frame(const struct driver *d)
{
    return vitro_h2_until_frame(&of_driver(d)->h2);
}

/* ---- texts ----------------------------------------------------------------------------------- */

enum { END_TEXT = 64, NUMBER_TEXT = 24, SETTINGS_TEXT = 256 };

/* Both ends of the connection as its packets show them. */
struct ends {
    char client[END_TEXT], server[END_TEXT];
};

static bool ends_of(const struct connection *c, struct ends *out)
{
    struct endpoint local, remote;

    /* a link's recorder speaks for its client */
    if (!vitro_recorder_endpoints(c->driver.transport->recorder, &local, &remote))
        return false;
    vitro_endpoint_text(c->config.server ? &remote : &local, out->client, END_TEXT);
    vitro_endpoint_text(c->config.server ? &local : &remote, out->server, END_TEXT);
    return true;
}

static const char *number(char room[NUMBER_TEXT], int64_t n)
{
    snprintf(room, NUMBER_TEXT, "%lld", (long long)n);
    return room;
}

static const char *settings_of(const struct h2_session *h, bool peers, char room[SETTINGS_TEXT])
{
    static const uint8_t ids[] = {
#define X(id, number, name, def, least, most, reason, section) number,
#include "frame/frame_settings.def"
#undef X
    };
    size_t n = 0;

    room[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(ids) && n < SETTINGS_TEXT; i++) {
        if (!vitro_h2_knows_setting(ids[i]))
            continue;
        n += (size_t)snprintf(room + n, SETTINGS_TEXT - n, "%s%u=%u", n ? " " : "", ids[i],
                              (unsigned)vitro_h2_setting(h, peers, ids[i]));
    }
    return room;
}

/* ---- where messages begin -------------------------------------------------------------------- */

/* Bytes at the front of held that belong to messages, and how many the last of them lacks. */
static bool walk_held(const struct queue *held, size_t at, uint64_t *rest)
{
    while (at < held->len) {
        uint8_t prefix[LPM_PREFIX];
        uint64_t len;
        if (held->len - at < LPM_PREFIX)
            return false;
        vitro_queue_copy(held, at, prefix, sizeof prefix);
        len = LPM_PREFIX + (uint64_t)lpm_read_length(prefix);
        if (len > held->len - at) {
            *rest = len - (held->len - at);
            return true;
        }
        at += (size_t)len;
    }
    *rest = 0;
    return true;
}

/* How much of what will come belongs to a message that has begun; false when that is unknown. */
static bool rest_in(const struct stream *s, uint64_t *rest)
{
    const struct lpm_reader *r = &s->reader;
    uint64_t missing = 0;

    if (s->stopped || !s->h2.got_headers)
        return false;
    if (vitro_lpm_pending(r)) {
        if (r->prefix_len < LPM_PREFIX)
            return false;
        missing = vitro_lpm_missing(r);
    }
    if (missing > s->held.len) {
        *rest = missing - s->held.len;
        return true;
    }
    return walk_held(&s->held, (size_t)missing, rest);
}

static const char *ended_of(const struct stream *s)
{
    return s->h2.remote_end ? "in" : s->h2.local_end ? "out" : NULL;
}

/* ---- joining --------------------------------------------------------------------------------- */

static void tell_stream(struct connection *c, const struct stream *s, const struct ends *ends,
                        struct audience waiting)
{
    char in_window[NUMBER_TEXT], out_window[NUMBER_TEXT], in_rest[NUMBER_TEXT],
        out_rest[NUMBER_TEXT];
    uint64_t rest;

    vitro_note_some(c->config.trace, waiting, open, .at = vitro_connection_at(c),
                    .client = ends->client, .server = ends->server, .stream = (uint32_t)s->h2.id,
                    .call = s->call, .method = s->method.ptr ? s->method : vitro_str_of(""),
                    .in_window = number(in_window, vitro_h2_receive_window(&c->h2, &s->h2)),
                    .out_window = number(out_window, vitro_h2_send_window(&c->h2, &s->h2)),
                    .in_rest = rest_in(s, &rest) ? number(in_rest, (int64_t)rest) : NULL,
                    .out_rest =
                        s->h2.sent_headers ? number(out_rest, (int64_t)s->sends_left) : NULL,
                    .ended = ended_of(s));
}

static void tell_connection(struct connection *c, const struct ends *ends, struct audience waiting)
{
    const struct h2_session *h = &c->h2;
    char in_window[NUMBER_TEXT], out_window[NUMBER_TEXT], ours[SETTINGS_TEXT],
        theirs[SETTINGS_TEXT];

    vitro_note_some(
        c->config.trace, waiting, goes_on, .at = vitro_connection_at(c), .client = ends->client,
        .server = ends->server, .in_table = vitro_h2_table_size(h, false),
        .in_table_most = vitro_h2_table_limit(h, false), .out_table = vitro_h2_table_size(h, true),
        .out_table_most = vitro_h2_table_limit(h, true),
        .in_window = number(in_window, vitro_h2_receive_window(h, NULL)),
        .out_window = number(out_window, vitro_h2_send_window(h, NULL)),
        .settings = settings_of(h, false, ours), .peer_settings = settings_of(h, true, theirs));
}

bool vitro_connection_join(struct driver *d, struct audience waiting)
{
    struct connection *c = of_driver(d);
    struct ends ends;

    if (!vitro_h2_is_quiet(&c->h2) || !ends_of(c, &ends))
        return false;
    tell_connection(c, &ends, waiting);
    for (struct list *i = c->streams.next; i != &c->streams; i = i->next) {
        const struct stream *s = CONTAINER_OF(i, struct stream, link);
        if (!s->over && list_empty(&s->h2.unsent))
            tell_stream(c, s, &ends, waiting);
    }
    if (!c->h2.told[0] && !c->h2.told[1])
        c->untaught = waiting.from; /* else some who came before are still being told */
    vitro_h2_tell(&c->h2);
    d->telling = c->h2.told[0] != NULL;
    return true;
}

void vitro_connection_unseen(struct h2_session *h, bool sent, uint32_t stream, uint64_t at,
                             vitro_bytes lines)
{
    struct connection *c = of_h2(h);
    struct recorder *r = c->driver.transport ? c->driver.transport->recorder : NULL;
    struct audience who;
    struct ends ends;

    if (!r || !ends_of(c, &ends))
        return;
    who = vitro_recorder_late(r);
    who.from = MAX(who.from, c->untaught);
    vitro_note_some(c->config.trace, who, fields, .at = vitro_connection_at(c),
                    .client = ends.client, .server = ends.server, .stream = stream,
                    .way = sent ? "out" : "in", .offset = at, .fields = lines);
}
