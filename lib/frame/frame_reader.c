#include "frame/frame_reader.h"

#include <string.h>

#include "base/util.h"

enum state { AT_PREFACE, AT_HEAD, IN_PAYLOAD };

struct frame_head vitro_frame_head_read(const uint8_t *p)
{
    struct frame_head h = {
        .length = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2],
        .type = p[3],
        .flags = p[4],
        .reserved = p[5] >> 7,
        .stream = (uint32_t)(p[5] & 0x7f) << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8],
    };

    return h;
}

void vitro_frame_head_write(uint8_t *p, struct frame_head head)
{
    uint32_t stream = (head.stream & 0x7fffffff) | (head.reserved ? 0x80000000 : 0);

    p[0] = (uint8_t)(head.length >> 16);
    p[1] = (uint8_t)(head.length >> 8);
    p[2] = (uint8_t)head.length;
    p[3] = head.type;
    p[4] = head.flags;
    p[5] = (uint8_t)(stream >> 24);
    p[6] = (uint8_t)(stream >> 16);
    p[7] = (uint8_t)(stream >> 8);
    p[8] = (uint8_t)stream;
}

void vitro_frame_reader_init(struct frame_reader *r, uint64_t at, bool preface)
{
    memset(r, 0, sizeof *r);
    r->at = at;
    r->state = preface ? AT_PREFACE : AT_HEAD;
    r->left = preface ? FRAME_PREFACE_BYTES : 0;
}

bool vitro_frame_reader_idle(const struct frame_reader *r)
{
    return r->state == AT_HEAD && r->have == 0;
}

/* Move *in and the reader n bytes on. */
static void take(struct frame_reader *r, vitro_bytes *in, struct frame_piece *p, size_t n)
{
    p->bytes.ptr = in->ptr;
    p->bytes.len = n;
    in->ptr += n;
    in->len -= n;
    r->at += n;
}

static struct frame_piece read_preface(struct frame_reader *r, vitro_bytes *in)
{
    struct frame_piece p = { .kind = FRAME_PIECE_PREFACE, .at = r->at };
    size_t n = MIN(in->len, r->left);

    p.off = FRAME_PREFACE_BYTES - r->left;
    if (memcmp(in->ptr, vitro_frame_preface + p.off, n) != 0) {
        p.kind = FRAME_PIECE_NOT_PREFACE;
        r->state = AT_HEAD;
        return p;
    }
    take(r, in, &p, n);
    r->left -= (uint32_t)n;
    p.end = r->left == 0;
    if (p.end)
        r->state = AT_HEAD;
    return p;
}

static struct frame_piece read_head(struct frame_reader *r, vitro_bytes *in)
{
    struct frame_piece p = { .kind = FRAME_PIECE_NONE };
    size_t n = MIN(in->len, (size_t)(FRAME_HEAD_BYTES - r->have));

    memcpy(r->raw + r->have, in->ptr, n);
    r->have = (uint8_t)(r->have + n);
    take(r, in, &p, n);
    if (r->have < FRAME_HEAD_BYTES) {
        p.bytes.len = 0;
        return p;
    }
    r->have = 0;
    r->head = vitro_frame_head_read(r->raw);
    r->left = r->head.length;
    r->state = r->left ? IN_PAYLOAD : AT_HEAD;
    p.kind = FRAME_PIECE_HEAD;
    p.end = r->left == 0;
    p.at = r->at - FRAME_HEAD_BYTES;
    p.head = r->head;
    p.bytes.ptr = r->raw;
    p.bytes.len = FRAME_HEAD_BYTES;
    return p;
}

static struct frame_piece read_payload(struct frame_reader *r, vitro_bytes *in)
{
    struct frame_piece p = { .kind = FRAME_PIECE_PAYLOAD, .at = r->at, .head = r->head };
    size_t n = MIN(in->len, r->left);

    p.off = r->head.length - r->left;
    take(r, in, &p, n);
    r->left -= (uint32_t)n;
    p.end = r->left == 0;
    if (p.end)
        r->state = AT_HEAD;
    return p;
}

struct frame_piece vitro_frame_read(struct frame_reader *r, vitro_bytes *in)
{
    static const struct frame_piece none = { .kind = FRAME_PIECE_NONE };

    if (in->len == 0)
        return none;
    if (r->state == AT_PREFACE)
        return read_preface(r, in);
    return r->state == AT_HEAD ? read_head(r, in) : read_payload(r, in);
}
