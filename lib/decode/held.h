/*
 * held - what a gate holds, as its notes tell it: units of a direction before they are sent.
 *
 *      direction  [ on the wire ..... told ][ held ][ held ][ held ]      by offset
 *
 * A header block means something only behind all blocks before it: those on the wire, and those
 * that are held, too. So a unit remembers how many steps the direction's log had when it came and
 * which unit was the first not on the wire, and is decoded on a copy of the state.
 */
#ifndef VITRO_DECODE_HELD_H
#define VITRO_DECODE_HELD_H

#include "base/mem.h"
#include "decode/block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum held_form { HELD_PREFACE, HELD_FRAME, HELD_PART };

#define HELD_LEFT_UNKNOWN UINT32_MAX

/* One unit; units are numbered from 1, 0 is none. */
struct held_unit {
    uint64_t note;              /* where its note's entry begins in the capture */
    uint32_t note_len, at, len; /* the entry; the unit's bytes in it */
    uint64_t end;               /* offset behind it in the direction */
    uint32_t conn, stream;
    uint32_t next;     /* in the same direction */
    uint32_t first;    /* the first of the direction that was not on the wire when this came */
    uint32_t steps;    /* of the direction's log by then */
    uint32_t start;    /* DATA: where in its data a message begins; HELD_LEFT_UNKNOWN: not known */
    uint32_t left;     /* DATA: what the message lacks behind it; HELD_LEFT_UNKNOWN: not known */
    uint16_t path;     /* of the call, when it is known */
    uint16_t encoding; /* of its messages: HEADERS say so, DATA have it from them */
    uint8_t dir, form, type, flags;
    bool grpc; /* HEADERS: they say so; DATA: it is the body of a gRPC call */
    bool lost; /* too many were held before it: what they did to HPACK's table is not known */
};

struct held_list {
    struct held_unit *units;
    uint32_t count, cap;
    uint32_t pending; /* of them: not on the wire yet */
};

#ifdef __cplusplus
}
#endif
#endif
