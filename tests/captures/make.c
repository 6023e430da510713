/*
 * make - the captures that our own programs can make, to the byte: make DIRECTORY.
 *
 *      a play          client and server in a simulated world, with its trace: packets and notes
 *      a piece of one  what someone else would have caught: packets alone, and not all of them
 *
 * What each one shows is told in captures/README.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "chat.vitro.h"
#include "order.vitro.h"
#include "serve/serve.h"
#include "support/hostile.h"
#include "trace/pcapng.h"
#include "user.vitro.h"
#include "vitro/lab/sim.h"
#include "vitro/stub.h"

enum { LATENCY_NS = 1000000, FIRST_WINDOW = 65535, SMALL_WINDOW = 4096, MILLISECOND = 1000000 };

struct world {
    vitro_sim *sim;
    vitro_loop *loop;
    vitro_trace *trace;
    vitro_server *server;
    vitro_channel *channel;
    struct serve serve;
};

/* ---- calls ----------------------------------------------------------------------------------- */

static vitro_code send_message(struct world *w, const char *text, const vitro_md *md)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_code rc;

    request.userid = serve_text("사용자1");
    request.message = serve_text(text);
    options.metadata = md;
    rc = chat_chat_service_send_message(w->channel, &request, &response, &options, NULL);
    if (!rc)
        chat__message_response__free_unpacked(response, NULL);
    return rc;
}

/* Read at most `most` notifications, each after a rest of the reader's. */
static vitro_code get_notifications(struct world *w, int64_t timeout, int64_t rest)
{
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    chat_chat_service_get_notifications_reader reader;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    Chat__Notification *n = NULL;
    vitro_code rc;

    request.userid = serve_text("사용자1");
    options.timeout_ns = timeout;
    rc = chat_chat_service_get_notifications(w->channel, &request, &reader, &options, NULL);
    if (rc)
        return rc;
    do {
        if (rest)
            vitro_sim_run_for(w->sim, rest);
        rc = chat_chat_service_get_notifications_read(&reader, &n, NULL);
        if (!rc && n)
            chat__notification__free_unpacked(n, NULL);
    } while (!rc && n);
    rc = chat_chat_service_get_notifications_close(&reader, NULL, NULL);
    return rc;
}

static vitro_code upload(struct world *w)
{
    static const char *const names[] = { "a.txt", "b.bin" };
    chat_chat_service_upload_files_writer writer;
    Chat__UploadResponse *response;
    uint8_t bytes[300];
    vitro_code rc = chat_chat_service_upload_files(w->channel, &writer, NULL, NULL);

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < ARRAY_LEN(names) && !rc; i++) {
        Chat__FileData data = CHAT__FILE_DATA__INIT;
        data.filename = serve_text(names[i]);
        data.data.data = bytes;
        data.data.len = i ? sizeof bytes : 5;
        rc = chat_chat_service_upload_files_write(&writer, &data, NULL);
    }
    if (!rc)
        rc = chat_chat_service_upload_files_finish(&writer, &response, NULL);
    if (!rc)
        chat__upload_response__free_unpacked(response, NULL);
    return rc;
}

/* One message, and its echo. */
static vitro_code say(chat_chat_service_chat_stream *s, const char *text)
{
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT, *echo;
    vitro_code rc;

    message.userid = serve_text("사용자1");
    message.text = serve_text(text);
    rc = chat_chat_service_chat_write(s, &message, NULL);
    if (!rc)
        rc = chat_chat_service_chat_read(s, &echo, NULL);
    if (!rc)
        chat__chat_message__free_unpacked(echo, NULL);
    return rc;
}

static vitro_code chat(struct world *w)
{
    chat_chat_service_chat_stream s;
    Chat__ChatMessage *end;
    vitro_code rc = chat_chat_service_chat(w->channel, &s, NULL, NULL);

    if (!rc)
        rc = say(&s, "안녕하세요!");
    if (!rc)
        rc = say(&s, "반갑습니다!");
    if (!rc)
        rc = chat_chat_service_chat_write_end(&s, NULL);
    if (!rc)
        rc = chat_chat_service_chat_read(&s, &end, NULL);
    return rc ? rc : chat_chat_service_chat_close(&s, NULL, NULL);
}

static vitro_code get_user(struct world *w, const char *id)
{
    User__GetUserRequest request = USER__GET_USER_REQUEST__INIT;
    User__GetUserResponse *response;
    vitro_code rc;

    request.userid = serve_text(id);
    rc = user_user_service_get_user(w->channel, &request, &response, NULL, NULL);
    if (!rc)
        user__get_user_response__free_unpacked(response, NULL);
    return rc;
}

static vitro_code place_order(struct world *w)
{
    Order__PlaceOrderRequest request = ORDER__PLACE_ORDER_REQUEST__INIT;
    Order__PlaceOrderResponse *response;
    vitro_code rc;

    request.userid = serve_text("123");
    request.item = serve_text("book");
    rc = order_order_service_place_order(w->channel, &request, &response, NULL, NULL);
    if (!rc)
        order__place_order_response__free_unpacked(response, NULL);
    return rc;
}

/* ---- plays ----------------------------------------------------------------------------------- */

static bool play_pair(struct world *w)
{
    return !send_message(w, "안녕하세요!", NULL) && !get_notifications(w, 0, 0) && !upload(w) &&
           !chat(w);
}

static bool play_failed(struct world *w)
{
    return get_user(w, "사용자9") == VITRO_NOT_FOUND && place_order(w) == VITRO_UNIMPLEMENTED &&
           get_notifications(w, 2500 * (int64_t)MILLISECOND, 0) == VITRO_DEADLINE_EXCEEDED;
}

/* The same thrice, so that most of what is said is an index into the tables. */
static bool play_again(struct world *w)
{
    vitro_md *md = vitro_md_new();
    bool ok = md && !vitro_md_add_text(md, "x-session", "0123456789abcdef", NULL);

    ok = ok && !send_message(w, "하나", md) && !send_message(w, "둘", md) &&
         !send_message(w, "셋", md) && !get_user(w, "123") && !send_message(w, "넷", md);
    vitro_md_free(md);
    return ok;
}

/* The cable is pulled between two messages. */
static bool play_reset(struct world *w)
{
    chat_chat_service_chat_stream s;
    Chat__ChatMessage *none = NULL;
    bool ok = !chat_chat_service_chat(w->channel, &s, NULL, NULL) && !say(&s, "안녕하세요!");

    ok = ok && vitro_sim_cut(w->sim, 0);
    ok = ok && !chat_chat_service_chat_read(&s, &none, NULL) && !none;
    return chat_chat_service_chat_close(&s, NULL, NULL) == VITRO_UNAVAILABLE && ok;
}

/* More than the reader's window, in one go. */
static void flood(vitro_call *call, const Chat__UserRequest *request, void *user)
{
    char content[1500];

    (void)request;
    (void)user;
    memset(content, '.', sizeof content);
    content[sizeof content - 1] = 0;
    for (int i = 0; i < 6; i++) {
        Chat__Notification n = CHAT__NOTIFICATION__INIT;
        char id[16];
        snprintf(id, sizeof id, "notif_%d", i);
        n.id = id;
        n.title = serve_text("알림");
        n.content = content;
        if (chat_chat_service_get_notifications_respond(call, &n, NULL, NULL))
            break;
    }
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static bool play_stall(struct world *w)
{
    return !get_notifications(w, 0, 40 * (int64_t)MILLISECOND);
}

/* ---- the world ------------------------------------------------------------------------------- */

struct play {
    const char *name;
    bool (*run)(struct world *w);
    uint32_t window;
    bool flooded; /* notifications come all at once */
};

static vitro_code open_server(struct world *w, const struct play *play)
{
    static const chat_chat_service_handlers floods = {
        .size = sizeof floods,
        .get_notifications = flood,
    };
    vitro_server_options options = VITRO_SERVER_OPTIONS_INIT;
    vitro_code rc;

    options.trace = w->trace;
    options.window_bytes = options.max_window_bytes = FIRST_WINDOW;
    serve_init(&w->serve, w->loop, NULL);
    rc = vitro_server_new(&w->server, &w->loop, 1, &options, NULL);
    if (!rc && play->flooded)
        rc = chat_chat_service_register(w->server, &floods, NULL, NULL);
    else if (!rc)
        rc = serve_chat(&w->serve, w->server, NULL);
    if (!rc)
        rc = serve_user(&w->serve, w->server, NULL);
    return rc ? rc : vitro_server_listen(w->server, "sim:chat", NULL, 0, NULL);
}

static vitro_code open_world(struct world *w, const struct play *play, const char *path)
{
    vitro_sim_options options = VITRO_SIM_OPTIONS_INIT;
    vitro_channel_options channel = VITRO_CHANNEL_OPTIONS_INIT;
    char sink[4096];
    vitro_code rc;

    memset(w, 0, sizeof *w);
    snprintf(sink, sizeof sink, "file:%s", path);
    options.latency_ns = LATENCY_NS;
    rc = vitro_trace_open(&w->trace, sink, NULL, NULL);
    if (!rc)
        rc = vitro_sim_new(&w->sim, &options, NULL);
    if (!rc)
        vitro_sim_trace(w->sim, w->trace);
    if (!rc)
        rc = vitro_sim_name(w->sim, "localhost", "sim:chat", NULL);
    if (!rc)
        rc = vitro_sim_loop(w->sim, &w->loop, "both", NULL);
    if (!rc)
        rc = open_server(w, play);
    channel.trace = w->trace;
    channel.window_bytes = channel.max_window_bytes = play->window;
    return rc ? rc : vitro_channel_new(&w->channel, w->loop, "localhost:50051", &channel, NULL);
}

static void close_world(struct world *w)
{
    vitro_channel_free(w->channel);
    if (w->sim)
        vitro_sim_run(w->sim);
    vitro_server_free(w->server);
    serve_done(&w->serve);
    vitro_loop_unref(w->loop);
    vitro_sim_free(w->sim);
    vitro_trace_unref(w->trace);
}

static bool act(const struct play *play, const char *path)
{
    struct world w;
    bool ok = !open_world(&w, play, path) && play->run(&w);

    close_world(&w);
    chmod(path, 0644);
    if (!ok)
        fprintf(stderr, "make: %s: it did not go as written\n", play->name);
    return ok;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Packets of a play, from 1, that the piece lacks. */
struct piece {
    const char *name;
    uint32_t lost_from, lost_to;
};

static bool stays(const struct piece *p, uint32_t type, uint32_t packets)
{
    if (type == PCAPNG_PACKET)
        return packets < p->lost_from || packets > p->lost_to;
    return type == PCAPNG_SECTION || type == PCAPNG_INTERFACE;
}

static uint32_t little(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool take_piece(const struct piece *p, const uint8_t *all, size_t n, const char *path)
{
    FILE *out = fopen(path, "w");
    uint32_t packets = 0, len;

    if (!out)
        return false;
    for (size_t at = 0; at + 12 <= n; at += len) {
        uint32_t type = little(all + at);
        len = little(all + at + 4);
        if (len < 12 || len > n - at)
            break;
        packets += type == PCAPNG_PACKET;
        if (stays(p, type, packets))
            fwrite(all + at, 1, len, out);
    }
    return !fclose(out);
}

/* Whatever a peer, a program or a file may put into a text: nothing of it does anything. */
static bool make_hostile(const char *directory)
{
    struct pcap_write w;
    struct chance chance;
    char path[4096];
    bool ok;

    vitro_chance_seed(&chance, 52);
    hostile_capture(&w, &chance);
    snprintf(path, sizeof path, "%s/hostile.pcapng", directory);
    ok = pcap_write_save(&w, path);
    pcap_write_done(&w);
    return ok;
}

/* ---- all ------------------------------------------------------------------------------------- */

static const struct play plays[] = {
    { "pair", play_pair, FIRST_WINDOW, false },
    { "failed", play_failed, FIRST_WINDOW, false },
    { "reset", play_reset, FIRST_WINDOW, false },
    { "stall", play_stall, SMALL_WINDOW, true },
};

static const struct play again = { "again", play_again, FIRST_WINDOW, false };

static const struct piece pieces[] = {
    { "mid-connection", 1, 8 },
    { "hole", 9, 9 },
};

static uint8_t *read_all(FILE *in, size_t *n)
{
    enum { MOST = 1 << 20 };
    uint8_t *p = malloc(MOST);

    *n = p && in ? fread(p, 1, MOST, in) : 0;
    return p;
}

static bool make_pieces(const char *directory)
{
    char path[4096];
    uint8_t *all;
    size_t n;
    FILE *in;
    bool ok;

    snprintf(path, sizeof path, "%s/again.pcapng", directory);
    ok = act(&again, path);
    in = fopen(path, "r");
    all = read_all(in, &n);
    if (in)
        fclose(in);
    unlink(path);
    for (size_t i = 0; i < ARRAY_LEN(pieces) && ok; i++) {
        snprintf(path, sizeof path, "%s/%s.pcapng", directory, pieces[i].name);
        ok = n && take_piece(&pieces[i], all, n, path);
    }
    free(all);
    return ok;
}

int main(int argc, char **argv)
{
    char path[4096];
    bool ok = true;

    if (argc != 2) {
        fprintf(stderr, "usage: make DIRECTORY\n");
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(plays) && ok; i++) {
        snprintf(path, sizeof path, "%s/%s.pcapng", argv[1], plays[i].name);
        ok = act(&plays[i], path);
    }
    return ok && make_pieces(argv[1]) && make_hostile(argv[1]) ? 0 : 1;
}
