/*
 * record - what reading records (records.c) and taking one of them (record.c) share.
 */
#ifndef VITRO_DECODE_RECORD_H
#define VITRO_DECODE_RECORD_H

#include "decode/core.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline struct records *direction_records(const struct direction *d)
{
    return &d->conn->tls->records[d->dir];
}

static inline struct direction *direction_inner(const struct direction *d)
{
    return &d->conn->tls->inner[d->dir];
}

static inline struct sealed *direction_sealed(const struct direction *d)
{
    return vitro_decode_past(d->conn->decode, d->conn->number)->sealed;
}

/* Open and tell a whole record; false: it has to wait. */
bool vitro_record_take(struct direction *d, vitro_bytes record);

/* An event of a record that was not opened. */
vitro_event vitro_record_sealed(const struct direction *d, uint8_t type, uint64_t len, uint8_t why);

/*
 * Opened data lacks what len bytes of records have sealed, n of them. 0: nobody knows how many,
 * and so no frame goes on behind them.
 */
void vitro_record_lost(struct direction *d, uint64_t len, uint64_t n);

#ifdef __cplusplus
}
#endif
#endif
