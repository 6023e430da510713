/*
 * sealed - a direction that is TLS, and what stays of what it has sealed.
 *
 *      direction    [head|sealed ....|tag] [head|sealed ..|tag]
 *      opened data        [..........]           [........]
 *
 * Each record is told, and opened when its secret is known. The AEADs of TLS seal byte for byte:
 * a byte of the opened data has its place in the direction. Its text is not kept. A record is
 * opened again by its number whenever somebody looks; the last ones are at hand.
 */
#ifndef VITRO_DECODE_SEALED_H
#define VITRO_DECODE_SEALED_H

#include "base/buf.h"
#include "base/list.h"
#include "crypto/follow.h"
#include "decode/packlog.h"
#include "vitro/lab/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

struct conn;
struct direction;
struct past;
struct track;

/* The records of a direction that were opened. */
struct record_log {
    struct packlog rows; /* offset in the direction; number under its keys, and which keys */
    struct packlog_row last;
    struct record_keys *keys;
    uint32_t key_count, key_cap;
};

/* What stays of a connection that TLS has sealed. */
struct sealed {
    struct track *tracks; /* of the opened data: its bytes stand, sealed, in the direction */
    struct record_log log[2];
    bool is[2]; /* this direction is TLS: its HTTP/2 is opened data */
};

/* A record that was opened, as long as no other one takes its place. */
struct opened {
    const struct sealed *of; /* NULL: none */
    uint64_t at;             /* in the direction */
    uint8_t dir;
    size_t front; /* its text stands so far behind `at`, sealed */
    struct record_plain plain;
    struct buf text;
};

enum { OPENED_LIVE, OPENED_LOOKED, OPENED_COUNT };

/* Why the next record is not taken: it is not there yet, or has to wait. */
enum record_stall { STALL_NONE, STALL_LACKS, STALL_WAITS };

/* How the records of a direction are read. */
struct records {
    struct list link; /* among those that wait, the longest first */
    struct direction *of;
    uint64_t message_at; /* the last record that began with a handshake message */
    int64_t since;       /* when it began to wait */
    uint64_t lost_at;    /* from here on records are missing; lost: so */
    uint64_t lost_seq;   /* the number of the first of them */
    uint32_t lost_key;   /* and how many keys there were */
    uint32_t hole;       /* bytes still to come of the record that has a hole */
    uint32_t whole;      /* its length */
    uint8_t type;        /* and type */
    bool begun;          /* this direction is TLS */
    bool seeking;        /* where the next record begins has to be found */
    bool fresh;          /* from the first byte behind a hole on */
    bool lost;
    bool shut;       /* the record before this one lacked its secret */
    uint8_t stalled; /* a record_stall, while records are taken */
    size_t taken;    /* so much of what is held */
    bool waits;
    bool hurried; /* it waits for nothing any more */
    bool ended;   /* nothing follows what waits */
};

/* ---- records.c ----------------------------------------------------------------------------- */

/* Records begin at d->told; look holds what was read of them, which is taken. */
void vitro_records_begin(struct direction *d);

/* There is more in look. */
void vitro_records_data(struct direction *d);

/* Tell what is whole, as a hole follows; if it still is TLS then, the hole itself. */
void vitro_records_flush(struct direction *d);
void vitro_records_gap(struct direction *d, uint64_t len);

/* The lowest offset that opened data is still asked for at, below which the rest is forgotten. */
uint64_t vitro_records_needed(const struct direction *d);
void vitro_records_trim(struct direction *d, uint64_t below);

/* Its connection waits for nothing any more. */
void vitro_records_hurry(struct direction *d);
void vitro_records_finish(struct direction *d);

/* Nothing follows. True when something waits all the same, and will finish it. */
bool vitro_records_wait(struct direction *d);

/* It is so late: who has waited long enough goes on. */
void vitro_records_time(vitro_decode *d, int64_t now);
void vitro_records_done(struct conn *c);

enum verdict { NO, YES, WAIT };

/* Could a record begin here, judged by its head and the head behind it? `over`: nothing follows. */
enum verdict vitro_records_chain(vitro_bytes b, bool over);

/* ---- sealed.c ------------------------------------------------------------------------------ */
bool vitro_sealed_new(vitro_decode *d, struct past *past);
void vitro_sealed_free(vitro_decode *d, struct past *past);

/* The record at an offset was opened; returns its number, UINT32_MAX without memory. */
uint32_t vitro_sealed_add(struct record_log *log, uint64_t at, const struct follow_record *r);

/* Open it again. Lends until the next call; NULL when its bytes are not at hand. */
const struct opened *vitro_sealed_open(const vitro_decode *d, uint32_t conn, uint8_t dir,
                                       uint32_t number);

/* The version of TLS whose keys have opened a record; 0 when there is no such record. */
uint16_t vitro_sealed_version(const vitro_decode *d, uint32_t conn, uint8_t dir, uint32_t number);

/* HTTP/2 was found in what a direction has sealed. */
bool vitro_sealed_is_http2(const vitro_decode *d, uint32_t conn, uint8_t dir);

/* Where the text of an opened record begins, sealed; false when there is no such record. */
bool vitro_sealed_text(const vitro_decode *d, uint32_t conn, uint8_t dir, uint32_t number,
                       uint64_t *at);

/* The opened record that an offset of the direction lies in, or the last one before it. */
bool vitro_sealed_find(const vitro_decode *d, uint32_t conn, uint8_t dir, uint64_t at,
                       uint32_t *number);

/* Records below an offset of the direction are asked for no more. */
void vitro_sealed_drop(struct record_log *log, uint64_t below);

#ifdef __cplusplus
}
#endif
#endif
