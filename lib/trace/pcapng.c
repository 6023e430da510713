#include "trace/pcapng.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_END = 0, SECTION_APPLICATION = 4, INTERFACE_NAME = 2, INTERFACE_RESOLUTION = 9 };

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

uint8_t *vitro_block_room(struct block *b, size_t n)
{
    uint8_t *p = b->head + b->head_len;

    assert(b->n == 1 && n <= sizeof b->head - b->head_len);
    b->head_len += n;
    return p;
}

void vitro_block_u16(struct block *b, uint16_t v)
{
    uint8_t *p = vitro_block_room(b, 2);

    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

void vitro_block_u32(struct block *b, uint32_t v)
{
    put_u32(vitro_block_room(b, 4), v);
}

void vitro_block_option(struct block *b, uint16_t code, const void *p, size_t n)
{
    size_t padded = (n + 3) & ~(size_t)3;
    uint8_t *room;

    vitro_block_u16(b, code);
    vitro_block_u16(b, (uint16_t)n);
    room = vitro_block_room(b, padded);
    memset(room, 0, padded);
    if (n)
        memcpy(room, p, n);
}

void vitro_block_begin(struct block *b, uint32_t type)
{
    b->n = 1; /* the head */
    b->len = 0;
    b->head_len = 0;
    vitro_block_u32(b, type);
    vitro_block_u32(b, 0); /* the length, by vitro_block_end */
}

void vitro_block_data(struct block *b, vitro_bytes data)
{
    assert(b->n < BLOCK_PIECES - 1);
    b->piece[b->n++] = data;
    b->len += data.len;
}

void vitro_block_end(struct block *b)
{
    size_t pad;

    b->piece[0] = (vitro_bytes){ b->head, b->head_len };
    b->len += b->head_len;
    pad = -b->len & 3;
    b->len += pad + 4;
    assert(b->len <= UINT32_MAX);
    memset(b->tail, 0, pad);
    put_u32(b->tail + pad, (uint32_t)b->len);
    put_u32(b->head + 4, (uint32_t)b->len);
    b->piece[b->n++] = (vitro_bytes){ b->tail, pad + 4 };
}

void vitro_block_section(struct block *b)
{
    vitro_block_begin(b, PCAPNG_SECTION);
    vitro_block_u32(b, PCAPNG_MAGIC);
    vitro_block_u16(b, 1); /* version 1.0 */
    vitro_block_u16(b, 0);
    vitro_block_u32(b, UINT32_MAX); /* length of the section: not known */
    vitro_block_u32(b, UINT32_MAX);
    vitro_block_option(b, SECTION_APPLICATION, "vitro", 5);
    vitro_block_option(b, OPTION_END, NULL, 0);
    vitro_block_end(b);
}

void vitro_block_interface(struct block *b, uint32_t loop)
{
    static const uint8_t nanoseconds = 9; /* 10 to the -9 */
    char name[16];
    int n = snprintf(name, sizeof name, "loop %u", (unsigned)loop);

    vitro_block_begin(b, PCAPNG_INTERFACE);
    vitro_block_u16(b, PCAPNG_LINK_RAW);
    vitro_block_u16(b, 0);
    vitro_block_u32(b, 0); /* no limit on packets */
    vitro_block_option(b, INTERFACE_NAME, name, (size_t)n);
    vitro_block_option(b, INTERFACE_RESOLUTION, &nanoseconds, 1);
    vitro_block_option(b, OPTION_END, NULL, 0);
    vitro_block_end(b);
}

void vitro_block_packet(struct block *b, uint32_t interface_id, uint64_t ns, size_t len)
{
    vitro_block_begin(b, PCAPNG_PACKET);
    vitro_block_u32(b, interface_id);
    vitro_block_u32(b, (uint32_t)(ns >> 32));
    vitro_block_u32(b, (uint32_t)ns);
    vitro_block_u32(b, (uint32_t)len); /* captured */
    vitro_block_u32(b, (uint32_t)len); /* on the wire */
}

void vitro_block_journal(struct block *b, vitro_bytes entry)
{
    vitro_block_begin(b, PCAPNG_JOURNAL);
    vitro_block_data(b, entry);
    vitro_block_end(b);
}

void vitro_block_secrets(struct block *b, vitro_bytes keylog)
{
    vitro_block_begin(b, PCAPNG_SECRETS);
    vitro_block_u32(b, PCAPNG_TLS_KEYLOG);
    vitro_block_u32(b, (uint32_t)keylog.len);
    vitro_block_data(b, keylog);
    vitro_block_end(b);
}
