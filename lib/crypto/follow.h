/*
 * follow - one TLS connection read along from its first record: under which keys and number each
 * record was sealed, and what it holds.
 *
 *      hellos --> suite, randoms --> secrets --> keys of each side --Finished, KeyUpdate--> the
 * next
 *
 * Records are given in the order of their side; a side's first sealed one behind what it depends
 * on (both hellos). What is learnt of a record opens it again at any time: vitro_record_open.
 */
#ifndef VITRO_CRYPTO_FOLLOW_H
#define VITRO_CRYPTO_FOLLOW_H

#include "crypto/record.h"
#include "crypto/secrets.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HELLO_FRONT = 2 + RANDOM_LEN + 1 + 32 + 2 /* version, random, session, suite */
};

/* The handshake messages of a side, which may be split over records, or share one. */
struct follow_messages {
    uint8_t front[4 + HELLO_FRONT]; /* of the message that is being read: head, begin of its body */
    uint32_t got;                   /* bytes of it so far */
    bool lost;                      /* behind a hole: where the next one begins is not known */
};

struct follow_side {
    struct follow_messages messages;
    struct secret traffic; /* of 1.3, for the next KeyUpdate */
    struct record_keys keys;
    uint64_t seq;    /* of the next record */
    bool sealed;     /* keys are in use, known or not */
    bool keyed;      /* keys is set */
    bool finished;   /* 1.3: those of the handshake are done with */
    bool early;      /* the client's: 0-RTT, which its EndOfEarlyData ends, or the next keys */
    bool passed;     /* the records so far were not opened: their secret was not known */
    uint8_t trouble; /* a follow_result: why keys is not set */
    uint8_t label;   /* a secret_label: of what they are made, or would be if it were known */
    uint32_t lost;   /* so many records may be missing before the next one */
    uint32_t trials; /* of numbers that were not the next one's */
};

struct follow {
    const struct secrets *secrets;
    const struct suite *suite; /* of the server's hello; NULL: not seen, or not one of ours */
    uint8_t client_random[RANDOM_LEN], server_random[RANDOM_LEN];
    bool client_hello, server_hello;
    bool offers_early;          /* the client's hello says that 0-RTT data follows it */
    struct follow_side side[2]; /* the client's first */
};

enum follow_result {
    FOLLOW_PLAIN,     /* not sealed */
    FOLLOW_OPENED,    /* keys, seq and plain are set */
    FOLLOW_NO_HELLO,  /* the connection's beginning was not seen */
    FOLLOW_NO_SUITE,  /* sealed in a way that is not opened here */
    FOLLOW_NO_SECRET, /* none was said for this connection */
    FOLLOW_EARLY,     /* 0-RTT data of a client, whose secret is not known */
    FOLLOW_FAILED,    /* the keys do not open it */
    FOLLOW_NO_MEMORY
};

struct follow_record {
    struct record_keys keys;
    uint64_t seq;
    struct record_plain plain;
    bool early;   /* it is 0-RTT data of a client */
    bool refused; /* the server did not take the early data before it: that is sent again */
    uint32_t
        rest; /* handshake: so much of it ends what an earlier record began; UINT32_MAX: lost */
};

/*
 * secrets is kept; more may be added to it meanwhile: a side that lacks one asks again, and what
 * comes behind opens.
 */
void vitro_follow_init(struct follow *f, const struct secrets *secrets);

/*
 * The next whole record of a side (0: the client's), its head included. out has room for
 * record.len - RECORD_HEAD_LEN bytes and is written to when the record is sealed.
 */
enum follow_result vitro_follow_record(struct follow *f, unsigned side, vitro_bytes record,
                                       uint8_t *out, struct follow_record *r);

/*
 * The front of a record of a side, its head included, whose rest is missing: of a hello that is not
 * sealed it may say what keys are made of.
 */
void vitro_follow_front(struct follow *f, unsigned side, vitro_bytes front);

/* The next record of a side, of this type, has bytes missing: it counts, and says nothing. */
void vitro_follow_hole(struct follow *f, unsigned side, uint8_t type);

/* Records of a side are missing, nobody knows how many, but not more than `most`. */
void vitro_follow_lost(struct follow *f, unsigned side, uint64_t most);

/* A sealed record of a side may come before the other side's hello. */
bool vitro_follow_may_be_early(const struct follow *f, unsigned side);

/* Of a sealed record of a side that was not opened: it is one of application data. */
bool vitro_follow_is_data(const struct follow *f, unsigned side, uint8_t type);

#ifdef __cplusplus
}
#endif
#endif
