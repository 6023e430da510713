#include "support/sealed.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/util.h"
#include "decode/capture.h"

static void begin(const struct sealed_shape *shape)
{
    ends_begin(vitro_suite_find(shape->suite ? shape->suite : 0x1301));
    SSL_CTX_set_max_early_data(ends.context[1], shape->early ? 16384 : 0);
    for (int i = 0; i < 2; i++) {
        if (shape->fragment)
            cr_assert_eq(SSL_CTX_set_max_send_fragment(ends.context[i], shape->fragment), 1);
        if (shape->mac_first)
            SSL_CTX_set_options(ends.context[i], SSL_OP_NO_ENCRYPT_THEN_MAC);
        if (shape->padding)
            cr_assert_eq(SSL_CTX_set_block_padding(ends.context[i], 512), 1);
    }
    for (unsigned i = 0; i < shape->chain; i++)
        cr_assert_eq(
            SSL_CTX_add1_chain_cert(ends.context[1], SSL_CTX_get0_certificate(ends.context[1])), 1);
    if (shape->retry) {
        SSL_CTX_set1_groups_list(ends.context[0], "X25519:P-256");
        SSL_CTX_set1_groups_list(ends.context[1], "P-256");
    }
}

/* Of what the client says first, so much is said before any answer, in a session that goes on. */
static size_t say_early(struct sealed *s, const struct conversation *plain,
                        const struct sealed_shape *shape)
{
    size_t n = MIN(plain->turns[0].len, (size_t)1000);

    if (!shape->early || plain->turns[0].dir != 0)
        return 0;
    ends.carried = NULL;
    ends_pump();
    ends_resume();
    ends.carried = &s->wire;
    ends_early(plain->out[0].ptr, n, shape->early == EARLY_TAKEN);
    return shape->early == EARLY_TAKEN ? n : 0;
}

void sealed_make(struct sealed *s, const struct conversation *plain,
                 const struct sealed_shape *shape)
{
    size_t at[2] = { 0, 0 }, writes = 0, early;

    conversation_init(&s->wire);
    begin(shape);
    ends.carried = &s->wire;
    ends_connect();
    early = at[0] = say_early(s, plain, shape);
    ends_pump();
    s->before = s->wire.turn_count;
    for (size_t i = 0; i < plain->turn_count; i++) {
        int dir = plain->turns[i].dir;
        size_t left = plain->turns[i].len - (i == 0 ? early : 0);
        for (size_t n; left; left -= n, at[dir] += n) {
            n = shape->cut ? seed_between(shape->cut, 1, MIN(left, (size_t)20000)) : left;
            if (shape->update_each && ++writes % shape->update_each == 0)
                cr_assert_eq(SSL_key_update(ends.ssl[dir], SSL_KEY_UPDATE_REQUESTED), 1);
            ends_write(dir, plain->out[dir].ptr + at[dir], n);
        }
    }
    s->log = ends.log;
    vitro_buf_init(&ends.log, NULL, SIZE_MAX);
    ends_end();
}

void sealed_done(struct sealed *s)
{
    conversation_done(&s->wire);
    vitro_buf_done(&s->log);
}

void sealed_secrets(const struct sealed *s, struct pcap_write *w)
{
    pcap_write_secrets(w, CAPTURE_SECRETS_TLS, s->log.ptr, s->log.len);
}

const uint16_t sealed_suites[] = {
#define SUITE(id, version, name, kind, key_len, digest) (id),
#include "crypto/suites.def"
};

struct conversation_shape sealed_any_talk(struct chance *c)
{
    uint64_t r = vitro_chance_next(c);
    struct conversation_shape s = {
        .calls = 1 + (unsigned)(r >> 16) % 4,
        .interleave = r & 1,
        .split = r & 2,
        .padding = r & 4,
        .continuation = r & 16,
        .styles = r & 32,
        .controls = r & 128,
    };
    return s;
}

struct sealed_shape sealed_any(struct chance *c, size_t k, struct chance *cut)
{
    uint64_t r = vitro_chance_next(c);
    struct sealed_shape s = { .suite = sealed_suites[k % SEALED_SUITES] };
    bool old = vitro_suite_find(s.suite)->version != 0x0304;

    s.cut = r & 1 ? cut : NULL;
    s.fragment = r & 2 ? 512 : 0;
    s.update_each = !old && r & 4 ? 1 + (unsigned)(r >> 8) % 5 : 0;
    s.mac_first = old && r & 8;
    s.early = !old && r & 32 ? EARLY_TAKEN : EARLY_NOT;
    s.retry = !old && !s.early && r & 8;
    s.padding = !old && r & 16;
    return s;
}

void sealed_capture(struct pcap_write *w, const struct conversation *c, const struct buf *log,
                    unsigned long long segment_cut)
{
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct chance cut;

    vitro_chance_seed(&cut, segment_cut);
    pcap_write_init(w, PCAP_NG, 1);
    if (log)
        pcap_write_secrets(w, CAPTURE_SECRETS_TLS, log->ptr, log->len);
    conversation_capture(c, w, &talk, segment_cut ? &cut : NULL);
}

void sealed_send(struct pcap_write *w, struct pcap_talk *talk, const struct sealed *s, size_t i,
                 size_t at[2], size_t lost)
{
    const struct conversation_turn *t = &s->wire.turns[i];
    const uint8_t *p = s->wire.out[t->dir].ptr + at[t->dir];

    lost = MIN(lost, t->len);
    pcap_talk_skip(talk, t->dir, lost);
    if (lost < t->len)
        pcap_talk_send(w, talk, t->dir, p + lost, t->len - lost);
    at[t->dir] += t->len;
}

static const char *const from_here =
    "TLS: opened from here on: its secret came after the records before this one";

struct sealed_count sealed_count(const vitro_decode *d)
{
    struct sealed_count n = { 0, 0, 0, NULL };
    vitro_event ev;

    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
        const char *why = ev.why ? vitro_decode_why(ev.why) : NULL;
        if (ev.kind != VITRO_EVENT_TLS || !(ev.flags & VITRO_TLS_SEALED))
            continue;
        n.sealed++;
        n.opened += ev.flags & VITRO_TLS_OPENED ? 1 : 0;
        if (why && strcmp(why, from_here) == 0)
            n.from_here++;
        else if (why)
            n.why = why;
    }
    return n;
}

vitro_decode *sealed_decode(const struct pcap_write *w, struct decoded_bytes *b)
{
    *b = (struct decoded_bytes){ w->ptr, w->len, 0, NULL };
    return decoded_of(b, true, NULL);
}

char *sealed_text(const struct conversation *c, const struct buf *log,
                  unsigned long long segment_cut, enum decoded_what what, size_t k)
{
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_decode *d;
    char *text;

    sealed_capture(&w, c, log, segment_cut);
    d = sealed_decode(&w, &b);
    decoded_assert_tiled(d, k);
    text = decoded_text(d, what);
    vitro_decode_free(d);
    pcap_write_done(&w);
    return text;
}
