#include "crypto/follow.h"

#include <string.h>

#include "base/util.h"
#include "crypto/hello.h"

/* RFC 8446, 4 */
enum {
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    END_OF_EARLY_DATA = 5,
    FINISHED = 20,
    KEY_UPDATE = 24,
    MESSAGE_HEAD = 4
};

static const uint16_t suites_of_1_3[] = { 0x1301, 0x1302, 0x1303 };

enum { CLIENT, SERVER };

/* Numbers that are tried behind missing records: for one record, and on a side in all. */
enum { TRIALS_MOST = 64, TRIALS_ALL = 4096 };

/* Records that a side of 1.3 fills with its handshake, at most: with longer ones it is given up. */
enum { HANDSHAKE_MOST = 32 };

void vitro_follow_init(struct follow *f, const struct secrets *secrets)
{
    memset(f, 0, sizeof *f);
    f->secrets = secrets;
}

static bool is_1_3(const struct follow *f)
{
    return f->suite && f->suite->version == 0x0304;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* From the next record on, new keys; or none, and why. */
static void new_keys(struct follow_side *s, enum follow_result trouble)
{
    s->sealed = true;
    s->keyed = trouble == FOLLOW_OPENED;
    s->trouble = (uint8_t)trouble;
    s->seq = 0;
}

/* What all keys need; FOLLOW_OPENED when it is there. */
static enum follow_result secret_of(const struct follow *f, enum secret_label label,
                                    struct secret *out)
{
    if (!f->client_hello || !f->server_hello)
        return FOLLOW_NO_HELLO;
    if (!f->suite)
        return FOLLOW_NO_SUITE;
    return vitro_secrets_find(f->secrets, label, f->client_random, out) ? FOLLOW_OPENED
                                                                        : FOLLOW_NO_SECRET;
}

static bool knows(const struct follow *f, enum secret_label label)
{
    struct secret any;

    return secret_of(f, label, &any) == FOLLOW_OPENED;
}

/* Both sides' keys of 1.2 are made of one secret. */
static bool make_keys(const struct follow *f, unsigned side, struct secret *of,
                      struct record_keys *out)
{
    struct record_keys both[2];

    if (is_1_3(f))
        return vitro_keys_1_3(out, f->suite, of);
    if (!vitro_keys_1_2(both, f->suite, of, f->client_random, f->server_random))
        return false;
    *out = both[side];
    return true;
}

static void use_secret(struct follow *f, unsigned side, enum secret_label label)
{
    struct follow_side *s = &f->side[side];
    enum follow_result rc = secret_of(f, label, &s->traffic);

    if (rc == FOLLOW_OPENED && !make_keys(f, side, &s->traffic, &s->keys))
        rc = FOLLOW_FAILED;
    new_keys(s, rc);
    s->label = (uint8_t)label;
}

/* A secret that was not known may be by now; the records were counted. */
static void ask_again(struct follow *f, unsigned side)
{
    struct follow_side *s = &f->side[side];
    uint64_t seq = s->seq;

    use_secret(f, side, s->label);
    s->seq = seq;
}

static void update(struct follow *f, struct follow_side *s)
{
    bool done = vitro_secret_update(&s->traffic, f->suite) &&
                vitro_keys_1_3(&s->keys, f->suite, &s->traffic);

    new_keys(s, done ? FOLLOW_OPENED : FOLLOW_FAILED);
}

static enum secret_label traffic_label(unsigned side)
{
    return side == CLIENT ? SECRET_CLIENT_TRAFFIC : SECRET_SERVER_TRAFFIC;
}

static void end_early(struct follow *f)
{
    f->side[CLIENT].early = false;
    use_secret(f, CLIENT, SECRET_CLIENT_HANDSHAKE);
}

/* The next keys of a side of 1.3: behind its Finished, and behind each KeyUpdate. */
static void next_keys(struct follow *f, unsigned side)
{
    struct follow_side *s = &f->side[side];

    if (s->finished)
        update(f, s);
    else
        use_secret(f, side, traffic_label(side));
    s->finished = true;
    s->passed = false;
}

/* ---- handshake messages ---------------------------------------------------------------------- */

/* The body of a hello, as far as it was kept; after a HelloRetryRequest there is another one. */
static void hello(struct follow *f, unsigned side, const uint8_t *body, size_t len)
{
    size_t session = 2 + RANDOM_LEN, suite;

    if (len <= session)
        return;
    if (side == CLIENT) {
        memcpy(f->client_random, body + 2, RANDOM_LEN);
        f->client_hello = true;
        return;
    }
    suite = session + 1 + body[session];
    if (suite + 2 > len)
        return;
    memcpy(f->server_random, body + 2, RANDOM_LEN);
    f->suite = body[0] == 3 && body[1] == 3
                   ? vitro_suite_find((uint16_t)(body[suite] << 8 | body[suite + 1]))
                   : NULL; /* not of 1.2, whose number 1.3 says as well */
    f->server_hello = true;
}

/* A whole message. In 1.2 it is the ChangeCipherSpec that changes keys. */
static void message(struct follow *f, unsigned side)
{
    struct follow_side *s = &f->side[side];
    const struct follow_messages *m = &s->messages;
    uint8_t type = m->front[0];

    if (s->early) {
        if (type == END_OF_EARLY_DATA)
            end_early(f);
        return;
    }
    if (!s->sealed || !is_1_3(f)) {
        if (type == (side == CLIENT ? CLIENT_HELLO : SERVER_HELLO))
            hello(f, side, m->front + MESSAGE_HEAD, MIN(m->got, sizeof m->front) - MESSAGE_HEAD);
        return;
    }
    if (type == (s->finished ? KEY_UPDATE : FINISHED))
        next_keys(f, side);
}

static uint32_t message_len(const struct follow_messages *m)
{
    return MESSAGE_HEAD +
           ((uint32_t)m->front[1] << 16 | (uint32_t)m->front[2] << 8 | (uint32_t)m->front[3]);
}

/* Take what goes to the message that is being read, its head first; returns how much. */
static size_t take(struct follow_messages *m, const uint8_t *p, size_t len)
{
    uint32_t want = m->got < MESSAGE_HEAD ? MESSAGE_HEAD : message_len(m);
    size_t n = MIN(len, (size_t)(want - m->got)),
           room = sizeof m->front - MIN(m->got, sizeof m->front);

    memcpy(m->front + MIN(m->got, sizeof m->front - 1), p, MIN(n, room));
    m->got += (uint32_t)n;
    return n;
}

/* A hello that one record holds is seen whole. */
static void look_at(struct follow *f, unsigned side, const uint8_t *p, size_t len)
{
    const struct follow_side *s = &f->side[side];

    if (side == CLIENT && !s->sealed && !s->messages.got && len >= MESSAGE_HEAD &&
        p[0] == CLIENT_HELLO)
        f->offers_early =
            vitro_hello_offers_early((vitro_bytes){ p + MESSAGE_HEAD, len - MESSAGE_HEAD });
}

/* Behind a hole, bytes that are whole messages begin and end them. */
static bool are_whole(const uint8_t *p, size_t len)
{
    struct follow_messages m;

    while (len >= MESSAGE_HEAD) {
        memcpy(m.front, p, MESSAGE_HEAD);
        if (message_len(&m) > len)
            return false;
        len -= message_len(&m);
        p += message_len(&m);
    }
    return len == 0;
}

static void handshake(struct follow *f, unsigned side, const uint8_t *p, size_t len, uint32_t *rest)
{
    struct follow_messages *m = &f->side[side].messages;
    bool goes_on = m->got > 0;
    size_t all = len;

    if (m->lost && are_whole(p, len)) {
        m->lost = goes_on = false;
        m->got = 0;
    }
    look_at(f, side, p, len);
    *rest = m->lost ? UINT32_MAX : goes_on ? (uint32_t)len : 0;
    while (len && !m->lost) {
        size_t n = take(m, p, len);
        p += n;
        len -= n;
        if (m->got >= MESSAGE_HEAD && m->got == message_len(m)) {
            message(f, side);
            m->got = 0;
            if (goes_on)
                *rest = (uint32_t)(all - len);
            goes_on = false;
        }
    }
}

/* ---- records --------------------------------------------------------------------------------- */

/* A record that no key has sealed. False: it is sealed. */
static bool plain(struct follow *f, unsigned side, vitro_bytes record, uint32_t *rest)
{
    struct follow_side *s = &f->side[side];
    uint8_t type = record.ptr[0];

    if (type == RECORD_APPLICATION_DATA || (s->sealed && !s->early && !is_1_3(f)))
        return false;
    if (type == RECORD_CHANGE_CIPHER_SPEC && f->server_hello && !is_1_3(f))
        use_secret(f, side, SECRET_MASTER); /* in 1.3 it says nothing (RFC 8446, D.4) */
    else if (type == RECORD_HANDSHAKE && !s->sealed)
        handshake(f, side, record.ptr + RECORD_HEAD_LEN, record.len - RECORD_HEAD_LEN, rest);
    return true;
}

static bool early_secret(const struct follow *f, struct secret *out)
{
    return vitro_secrets_find(f->secrets, SECRET_CLIENT_EARLY, f->client_random, out);
}

bool vitro_follow_may_be_early(const struct follow *f, unsigned side)
{
    struct secret any;

    return side == CLIENT && f->client_hello && (!f->server_hello || is_1_3(f)) &&
           (f->offers_early || early_secret(f, &any));
}

/* Before its first sealed record a side of 1.3 changes to the keys of the handshake. */
static void begin(struct follow *f, unsigned side)
{
    struct follow_side *s = &f->side[side];

    if (s->sealed && !s->keyed && s->trouble == FOLLOW_NO_SECRET)
        ask_again(f, side);
    if (s->sealed)
        return;
    s->early = vitro_follow_may_be_early(f, side);
    if (s->early)
        new_keys(s, FOLLOW_EARLY);
    else if (!f->server_hello || !f->suite)
        new_keys(s, f->server_hello ? FOLLOW_NO_SUITE : FOLLOW_NO_HELLO);
    else if (is_1_3(f))
        use_secret(f, side, side == CLIENT ? SECRET_CLIENT_HANDSHAKE : SECRET_SERVER_HANDSHAKE);
    else if (s->messages.lost)
        use_secret(f, side, SECRET_MASTER); /* 1.2: its ChangeCipherSpec is missing, too */
    else
        new_keys(s, FOLLOW_NO_HELLO); /* 1.2 without any */
}

/* By the next number; behind missing records, by the first of those behind it that opens it. */
static enum record_result try_numbers(struct follow_side *s, vitro_bytes record, uint8_t *out,
                                      struct record_plain *plain)
{
    uint64_t last = s->seq + MIN(s->lost, MIN(TRIALS_MOST, TRIALS_ALL - s->trials));
    enum record_result rc = vitro_record_open(&s->keys, s->seq, record, out, plain);

    for (uint64_t seq = s->seq; rc == RECORD_SEALED && seq < last;) {
        rc = vitro_record_open(&s->keys, ++seq, record, out, plain);
        s->trials++;
        if (rc == RECORD_OPENED)
            s->seq = seq;
    }
    if (rc == RECORD_OPENED)
        s->lost = 0;
    return rc;
}

/*
 * What changes keys may be among the missing records, or among those that were passed over: of
 * these it is known how many they were, but not how many of them were still the handshake's.
 */
static enum record_result try_next_keys(struct follow *f, unsigned side, vitro_bytes record,
                                        uint8_t *out, struct record_plain *plain)
{
    struct follow_side *s = &f->side[side], before = *s;
    enum record_result rc = RECORD_SEALED;

    next_keys(f, side);
    if (before.passed && before.seq) {
        uint64_t few = MIN(before.seq, (uint64_t)HANDSHAKE_MOST);
        s->seq = before.seq - few;
        s->lost += (uint32_t)few - 1;
    }
    if (s->keyed)
        rc = try_numbers(s, record, out, plain);
    if (rc != RECORD_OPENED) {
        before.trials = s->trials;
        *s = before;
    }
    return rc;
}

static enum follow_result opened_by(const struct follow_side *s, enum record_result rc,
                                    struct follow_record *r)
{
    r->keys = s->keys;
    r->seq = s->seq;
    return rc == RECORD_OPENED      ? FOLLOW_OPENED
           : rc == RECORD_NO_MEMORY ? FOLLOW_NO_MEMORY
                                    : FOLLOW_FAILED;
}

static enum follow_result open_record(struct follow *f, unsigned side, vitro_bytes record,
                                      uint8_t *out, struct follow_record *r)
{
    struct follow_side *s = &f->side[side];
    enum record_result rc = RECORD_SEALED;

    if (s->keyed)
        rc = try_numbers(s, record, out, &r->plain);
    if (rc == RECORD_SEALED && (s->passed || (s->keyed && s->lost)) && is_1_3(f))
        rc = try_next_keys(f, side, record, out, &r->plain);
    if (rc == RECORD_SEALED && !s->keyed)
        return s->trouble;
    if (rc == RECORD_SEALED && s->passed && !knows(f, traffic_label(side)))
        return FOLLOW_NO_SECRET;
    return opened_by(s, rc, r);
}

/*
 * Early data is sealed by the suite of the session that is resumed, which the hello does not name:
 * the first record shows which it is.
 */
static enum record_result try_early(struct follow *f, vitro_bytes record, uint8_t *out,
                                    struct record_plain *plain)
{
    struct follow_side *s = &f->side[CLIENT];
    enum record_result rc = RECORD_SEALED;
    struct secret secret;

    if (s->keyed)
        return try_numbers(s, record, out, plain);
    if (!early_secret(f, &secret))
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(suites_of_1_3) && rc == RECORD_SEALED; i++) {
        if (vitro_keys_1_3(&s->keys, vitro_suite_find(suites_of_1_3[i]), &secret))
            rc = try_numbers(s, record, out, plain);
    }
    s->keyed = rc == RECORD_OPENED;
    return rc;
}

/*
 * Behind the hello of a client that sends early data. Where a server does not take it, the keys of
 * the handshake follow without an EndOfEarlyData.
 */
static enum follow_result open_early(struct follow *f, vitro_bytes record, uint8_t *out,
                                     struct follow_record *r)
{
    struct follow_side *s = &f->side[CLIENT], early;
    enum record_result rc = try_early(f, record, out, &r->plain);
    enum follow_result then;
    bool known = s->keyed;

    r->early = true;
    if (rc != RECORD_SEALED)
        return opened_by(s, rc, r);
    if (!is_1_3(f))
        return known ? FOLLOW_FAILED : FOLLOW_EARLY;
    early = *s;
    end_early(f);
    then = open_record(f, CLIENT, record, out, r);
    r->early = then != FOLLOW_OPENED;
    r->refused = then == FOLLOW_OPENED && known && !early.lost;
    if (then == FOLLOW_OPENED || (then == FOLLOW_NO_SECRET && !known))
        return then;
    *s = early;
    return known ? FOLLOW_FAILED : FOLLOW_EARLY;
}

/* Its secret is not known: it may be among those that change keys. */
static void pass_over(struct follow *f, unsigned side)
{
    struct follow_side *s = &f->side[side];

    s->passed = is_1_3(f) && !s->finished;
    s->messages.lost = true;
}

/* What an opened record says of those behind it. */
static void learn(struct follow *f, unsigned side, const uint8_t *out, struct follow_record *r)
{
    const struct record_plain *said = &r->plain;

    if (said->type == RECORD_HANDSHAKE)
        handshake(f, side, out, said->len, &r->rest);
    else if (said->type == RECORD_CHANGE_CIPHER_SPEC && r->keys.suite->version != 0x0304)
        use_secret(f, side, SECRET_MASTER); /* of a second handshake, sealed by the first */
}

enum follow_result vitro_follow_record(struct follow *f, unsigned side, vitro_bytes record,
                                       uint8_t *out, struct follow_record *r)
{
    struct follow_side *s = &f->side[side];
    enum follow_result rc;

    memset(r, 0, sizeof *r);
    if (record.len < RECORD_HEAD_LEN)
        return FOLLOW_FAILED;
    if (plain(f, side, record, &r->rest))
        return FOLLOW_PLAIN;
    begin(f, side);
    rc = s->early ? open_early(f, record, out, r) : open_record(f, side, record, out, r);
    if (rc == FOLLOW_EARLY)
        return rc;
    s->seq++;
    if (rc == FOLLOW_OPENED)
        learn(f, side, out, r);
    else if (rc == FOLLOW_NO_SECRET)
        pass_over(f, side);
    return rc;
}

void vitro_follow_lost(struct follow *f, unsigned side, uint64_t most)
{
    struct follow_side *s = &f->side[side];

    s->lost = (uint32_t)MIN(s->lost + MAX(most, 1), UINT32_MAX);
    s->messages.lost = true;
}

void vitro_follow_front(struct follow *f, unsigned side, vitro_bytes front)
{
    size_t body = RECORD_HEAD_LEN + MESSAGE_HEAD;

    if (front.len > body && front.ptr[0] == RECORD_HANDSHAKE && !f->side[side].sealed &&
        !f->side[side].messages.got &&
        front.ptr[RECORD_HEAD_LEN] == (side == CLIENT ? CLIENT_HELLO : SERVER_HELLO))
        hello(f, side, front.ptr + body, front.len - body);
}

void vitro_follow_hole(struct follow *f, unsigned side, uint8_t type)
{
    if (type == RECORD_APPLICATION_DATA)
        begin(f, side);
    f->side[side].seq++;
    vitro_follow_lost(f, side, 0); /* it may have changed keys */
}

bool vitro_follow_is_data(const struct follow *f, unsigned side, uint8_t type)
{
    return type == RECORD_APPLICATION_DATA &&
           (!is_1_3(f) || f->side[side].finished || f->side[side].early);
}
