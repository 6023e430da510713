#include "by_hand.h"

#include <string.h>

#include "chat.vitro.h"

enum { HEAD = 10, ROOM = 128 };

/* Bytes that are put together here; what is short always fits. */
struct bytes {
    uint8_t at[ROOM];
    size_t len;
};

static void add(struct bytes *b, const void *p, size_t n)
{
    n = n < ROOM - b->len ? n : ROOM - b->len;
    memcpy(b->at + b->len, p, n);
    b->len += n;
}

static void add_number(struct bytes *b, uint32_t n, int bytes)
{
    for (int i = 0; i < bytes; i++)
        add(b, &(uint8_t){ (uint8_t)(n >> 8 * i) }, 1);
}

/* 안녕하세요! of 사용자1, as protobuf. */
static struct bytes hello(void)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    char user_id[] = "사용자1", message[] = "안녕하세요!";
    struct bytes b;

    request.userid = user_id;
    request.message = message;
    b.len = vitro_pb_pack(&request.base, b.at, ROOM);
    return b;
}

/* ---- what it becomes ------------------------------------------------------------------------ */

/* The head of every gzip file (RFC 1952, 2.3), and nothing behind it. */
static struct bytes gzip_head(void)
{
    static const uint8_t head[HEAD] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };
    struct bytes b = { .len = 0 };

    add(&b, head, sizeof head);
    return b;
}

/* The checksum of gzip (RFC 1952, 8). */
static uint32_t crc32_of(const struct bytes *b)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < b->len; i++) {
        crc ^= b->at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

/* A whole gzip file, which stores and does not shrink: 23 bytes more (RFC 1951, 3.2.4). */
static struct bytes as_gzip(const struct bytes *message)
{
    struct bytes b = gzip_head();
    uint16_t n = (uint16_t)message->len;

    add_number(&b, 1, 1); /* the last block, stored */
    add_number(&b, n, 2);
    add_number(&b, (uint16_t)~n, 2);
    add(&b, message->at, message->len);
    add_number(&b, crc32_of(message), 4);
    add_number(&b, n, 4);
    return b;
}

/* The head promises gzip, and the message follows as it is. */
static struct bytes as_damaged_gzip(const struct bytes *message)
{
    struct bytes b = gzip_head();

    add(&b, message->at, message->len);
    return b;
}

/* Snappy's own form: the length, then "so many letters follow". */
static struct bytes as_snappy(const struct bytes *message)
{
    struct bytes b = { .len = 0 };

    add_number(&b, (uint32_t)message->len, 1);
    add_number(&b, (uint32_t)(message->len - 1) << 2, 1);
    add(&b, message->at, message->len);
    return b;
}

/* ---- the calls ------------------------------------------------------------------------------ */

static vitro_code send_compressed(lesson_hand *h, const char *encoding,
                                  struct bytes (*compress)(const struct bytes *message),
                                  vitro_error *err)
{
    const lesson_header headers[] = { { "grpc-encoding", encoding }, { NULL, NULL } };
    struct bytes message = hello(), compressed = compress(&message);
    struct bytes body = { { 1, 0, 0, 0, (uint8_t)compressed.len }, 5 };

    add(&body, compressed.at, compressed.len);
    return lesson_hand_call(h, chat_chat_service_send_message_method.path, headers,
                            (vitro_bytes){ body.at, body.len }, err);
}

vitro_code send_by_hand(lesson *l, vitro_error *err)
{
    lesson_hand h = { .l = NULL };
    vitro_code rc = lesson_hand_open(&h, l, err);

    if (!rc)
        rc = send_compressed(&h, "gzip", as_gzip, err);
    if (!rc)
        rc = send_compressed(&h, "snappy", as_snappy, err);
    if (!rc)
        rc = send_compressed(&h, "gzip", as_damaged_gzip, err);
    lesson_hand_close(&h);
    return rc;
}
