/*
 * pcapng - blocks of a capture file, put together from pieces that are never copied here.
 *
 *      type | total length | fields | data | zeros to a multiple of 4 | total length again
 *
 * Always little-endian, whatever the machine. A block holds its head and tail itself and lends
 * the data; it is written before those pieces go.
 * Source: draft-ietf-opsawg-pcapng, sections 3 and 4.
 */
#ifndef VITRO_TRACE_PCAPNG_H
#define VITRO_TRACE_PCAPNG_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PCAPNG_SECTION    0x0a0d0d0aU
#define PCAPNG_MAGIC      0x1a2b3c4dU
#define PCAPNG_INTERFACE  1U
#define PCAPNG_PACKET     6U
#define PCAPNG_JOURNAL    9U
#define PCAPNG_SECRETS    10U
#define PCAPNG_LINK_RAW   101U        /* packets begin with their IP header */
#define PCAPNG_TLS_KEYLOG 0x544c534bU /* "TLSK" */

enum {
    BLOCK_HEAD = 96,               /* room for a packet's fields and its IP and TCP headers */
    BLOCK_PIECES = 64,             /* head and tail included */
    BLOCK_DATA = BLOCK_PIECES - 2, /* pieces that may be added */
};

struct block {
    vitro_bytes piece[BLOCK_PIECES];
    size_t n;   /* pieces */
    size_t len; /* bytes, the whole block after block_end */
    size_t head_len;
    uint8_t head[BLOCK_HEAD];
    uint8_t tail[8];
};

void vitro_block_begin(struct block *b, uint32_t type);
void vitro_block_u16(struct block *b, uint16_t v);
void vitro_block_u32(struct block *b, uint32_t v);

/* Room for n bytes of the head, written by the caller. */
uint8_t *vitro_block_room(struct block *b, size_t n);

/* An option of a block's head: its bytes are copied and padded. */
void vitro_block_option(struct block *b, uint16_t code, const void *p, size_t n);

/* Lends data until the block is written. The head is finished before the first one. */
void vitro_block_data(struct block *b, vitro_bytes data);
void vitro_block_end(struct block *b);

/* The blocks whole, as far as they have no data from elsewhere. */
void vitro_block_section(struct block *b);
void vitro_block_interface(struct block *b, uint32_t loop);

/* The head of a packet of len bytes; the packet itself follows as room or data. */
void vitro_block_packet(struct block *b, uint32_t interface_id, uint64_t ns, size_t len);

/* Whole blocks around data that stays lent. */
void vitro_block_journal(struct block *b, vitro_bytes entry);
void vitro_block_secrets(struct block *b, vitro_bytes keylog);

#ifdef __cplusplus
}
#endif
#endif
