/*
 * poll_client TARGET USER - a chat on the terminal, in a poll loop that is this program's own.
 *
 * The one descriptor of vitro_loop_fd() stands for all that the library waits for: sockets, timers,
 * work that was queued. When it is readable, vitro_loop_run(loop, 0) does what is due and returns.
 * Any loop that can watch a descriptor can host the library so.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vitro.h>
#include "chat.vitro.h"

struct chat {
    vitro_call *call;
    char *user;
    char line[1024];
    size_t len;
    bool more;  /* the peer takes more: else standard input waits as well */
    bool ended; /* of standard input */
    bool closed;
    vitro_code code;
    vitro_error err;
};

/* ---- events of the call --------------------------------------------------------------------- */

static void on_said(vitro_call *call, const Chat__ChatMessage *said, void *user)
{
    char who[64], text[1024];

    (void)call;
    (void)user;
    vitro_escape(vitro_str_of(said->userid), who, sizeof who);
    vitro_escape(vitro_str_of(said->text), text, sizeof text);
    printf("%s: %s\n", who, text);
    fflush(stdout);
}

static void on_writable(vitro_call *call, void *user)
{
    (void)call;
    ((struct chat *)user)->more = true;
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct chat *chat = (struct chat *)user;

    (void)call;
    chat->closed = true;
    chat->code = vitro_status_error(status, &chat->err);
}

/* ---- standard input ------------------------------------------------------------------------- */

static void say(struct chat *chat, char *text)
{
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;

    message.userid = chat->user;
    message.text = text;
    if (chat_chat_service_chat_send(chat->call, &message, 0, &chat->more, NULL))
        vitro_call_cancel(chat->call);
}

/* Say each line that is whole, or as long as lines may be. */
static void say_lines(struct chat *chat)
{
    char *begin = chat->line, *end;

    while ((end = (char *)memchr(begin, '\n', chat->len)) != NULL) {
        *end = '\0';
        say(chat, begin);
        chat->len -= (size_t)(end + 1 - begin);
        begin = end + 1;
    }
    memmove(chat->line, begin, chat->len);
    if (chat->len == sizeof chat->line - 1) {
        chat->line[chat->len] = '\0';
        say(chat, chat->line);
        chat->len = 0;
    }
}

static void read_input(struct chat *chat)
{
    ssize_t n = read(STDIN_FILENO, chat->line + chat->len, sizeof chat->line - 1 - chat->len);

    if (n > 0) {
        chat->len += (size_t)n;
        say_lines(chat);
        return;
    }
    chat->ended = true;
    vitro_call_send_end(chat->call, NULL);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static vitro_code run(struct chat *chat, vitro_loop *loop, vitro_error *err)
{
    vitro_code rc = VITRO_OK;

    while (!rc && !chat->closed) {
        struct pollfd fds[2] = { { vitro_loop_fd(loop), POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
        bool listens = chat->more && !chat->ended;

        if (poll(fds, listens ? 2 : 1, -1) < 0)
            continue; /* a signal */
        if (listens && fds[1].revents)
            read_input(chat);
        rc = vitro_loop_run(loop, 0, err);
    }
    if (!rc && chat->code)
        *err = chat->err;
    return rc ? rc : chat->code;
}

int main(int argc, char **argv)
{
    chat_chat_service_chat_events events = CHAT_CHAT_SERVICE_CHAT_EVENTS_INIT;
    struct chat chat;
    vitro_loop *loop = NULL;
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_loop_new(&loop, NULL, &err);

    memset(&chat, 0, sizeof chat);
    chat.user = argv[argc - 1];
    chat.more = true;
    events.on_message = on_said;
    events.call.on_writable = on_writable;
    events.call.on_closed = on_closed;
    if (!rc)
        rc = vitro_channel_new(&channel, loop, argc > 1 ? argv[1] : "", NULL, &err);
    if (!rc)
        rc = chat_chat_service_chat_start(&chat.call, channel, NULL, &events, &chat, &err);
    if (!rc)
        rc = run(&chat, loop, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "poll_client: %s\n", why);
    }
    vitro_call_unref(chat.call);
    vitro_channel_free(channel);
    vitro_loop_unref(loop);
    return rc ? 1 : 0;
}
