/*
 * fetch_client TARGET TOKENS NAME - calls that wait until their token was fetched from elsewhere.
 *
 * An interceptor suspends the start of a call, asks another server for the token by a call with
 * events on the same loop, and resumes. Until then nothing of the call leaves; its deadline goes
 * on. A call that is over before that gives its question up: state goes with the call, so a
 * question holds a reference to it until it is closed itself. Later calls find the token here.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

struct tokens {
    vitro_channel *server; /* of tokens */
    char *name;            /* whose */
    chat_chat_service_send_message_events events;
    char token[256]; /* empty: not here yet */
};

/* The state of a call: of the interceptor in it, and of its question. */
struct fetch {
    struct tokens *tokens;
    vitro_intercept *waits; /* NULL: the call is over */
    vitro_md *md;           /* of the call, lent until it is resumed */
    vitro_call *call;       /* a reference, while there is a question */
    vitro_call *question;
};

static void add_token(vitro_intercept *i, vitro_md *md, const char *token)
{
    vitro_error err;

    if (vitro_md_add_text(md, "authorization", token, &err))
        vitro_intercept_end(i, err.code, err.frame[0].text, NULL);
}

/* ---- the question --------------------------------------------------------------------------- */

static void on_token(vitro_call *question, const Chat__MessageResponse *response, void *user)
{
    struct tokens *tokens = ((struct fetch *)user)->tokens;

    (void)question;
    snprintf(tokens->token, sizeof tokens->token, "%s", response->messageid);
}

static void on_answered(vitro_call *question, const vitro_status *status, void *user)
{
    struct fetch *f = (struct fetch *)user;
    vitro_error err;
    char why[VITRO_ERROR_TEXT];

    f->question = NULL;
    if (f->waits && vitro_status_error(status, &err)) {
        snprintf(why, sizeof why, "no token: %.80s", err.frame[0].text);
        vitro_intercept_end(f->waits, VITRO_UNAUTHENTICATED, why, NULL);
    } else if (f->waits) {
        add_token(f->waits, f->md, f->tokens->token);
        vitro_intercept_resume(f->waits);
    }
    vitro_call_unref(question);
    vitro_call_unref(f->call); /* f may go with it */
}

/* ---- the interceptor ------------------------------------------------------------------------ */

static vitro_verdict on_start(vitro_intercept *i, vitro_md *md, void *state)
{
    struct fetch *f = (struct fetch *)state;
    struct tokens *tokens = (struct tokens *)vitro_intercept_user(i);
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    vitro_error err;

    if (*tokens->token) {
        add_token(i, md, tokens->token);
        return VITRO_GO_ON;
    }
    f->tokens = tokens;
    request.message = tokens->name;
    if (chat_chat_service_send_message_start(&f->question, tokens->server, &request, NULL,
                                             &tokens->events, f, &err)) {
        vitro_intercept_end(i, err.code, err.frame[0].text, NULL);
        return VITRO_GO_ON;
    }
    f->waits = i;
    f->md = md;
    f->call = vitro_call_ref(vitro_intercept_call(i));
    return VITRO_SUSPEND;
}

static void on_closed(vitro_intercept *i, const vitro_status *status, void *state)
{
    struct fetch *f = (struct fetch *)state;

    (void)i;
    (void)status;
    f->waits = NULL;
    if (f->question)
        vitro_call_cancel(f->question);
}

/* ---- the program ---------------------------------------------------------------------------- */

static int call(vitro_channel *channel)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_error err;
    char text[VITRO_ERROR_LINE], hello[] = "hello";
    vitro_code rc;

    request.message = hello;
    options.timeout_ns = INT64_C(5000000000);
    rc = chat_chat_service_send_message(channel, &request, &response, &options, &err);
    if (rc)
        vitro_error_format(&err, text, sizeof text);
    else
        vitro_escape(vitro_str_of(response->messageid), text, sizeof text);
    fprintf(rc ? stderr : stdout, "%s%s\n", rc ? "fetch_client: " : "", text);
    chat__message_response__free_unpacked(response, NULL);
    return rc != VITRO_OK;
}

int main(int argc, char **argv)
{
    vitro_interceptor fetches = VITRO_INTERCEPTOR_INIT;
    const vitro_interceptor *const all[] = { &fetches, NULL };
    vitro_channel_options options = VITRO_CHANNEL_OPTIONS_INIT;
    struct tokens tokens = { NULL, NULL, CHAT_CHAT_SERVICE_SEND_MESSAGE_EVENTS_INIT, "" };
    vitro_channel *channel = NULL;
    vitro_loop *loop = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    int failed = 1;

    if (argc != 4) {
        fprintf(stderr, "fetch_client TARGET TOKENS NAME\n");
        return 2;
    }
    tokens.name = argv[3];
    tokens.events.on_message = on_token;
    tokens.events.call.on_closed = on_answered;
    fetches.state_size = sizeof(struct fetch);
    fetches.on_start = on_start;
    fetches.on_closed = on_closed;
    fetches.user = &tokens;
    options.interceptors = all;
    if (vitro_loop_new(&loop, NULL, &err) ||
        vitro_channel_new(&tokens.server, loop, argv[2], NULL, &err) ||
        vitro_channel_new(&channel, loop, argv[1], &options, &err)) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "fetch_client: %s\n", why);
    } else {
        failed = call(channel) || call(channel);
    }
    vitro_channel_free(channel);
    vitro_channel_free(tokens.server);
    vitro_loop_unref(loop);
    return failed;
}
