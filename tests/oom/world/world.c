#include "oom/world/world.h"

#include <string.h>

#include "oom/world/guard.h"
#include "vitro/reflection.h"

#define FIXTURE(name) "tests/fixtures/tls/" name

/* ---- the server's handlers ------------------------------------------------------------------ */

/* An answer that there is no memory for ends the call with the status that it failed with. */
static void ended(vitro_call *call, vitro_code rc, const vitro_error *err)
{
    if (rc)
        vitro_call_finish(call, rc, "no answer could be made", NULL, NULL);
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse r = CHAT__MESSAGE_RESPONSE__INIT;
    vitro_error err;

    r.success = 1;
    r.messageid = request->message;
    ended(call, chat_chat_service_send_message_reply(call, &r, &err), &err);
}

static void get_notifications(vitro_call *call, const Chat__UserRequest *request, void *user)
{
    Chat__Notification n = CHAT__NOTIFICATION__INIT;
    vitro_code rc = VITRO_OK;
    vitro_error err;

    n.title = request->userid;
    for (int i = 0; i < 3 && !rc; i++)
        rc = chat_chat_service_get_notifications_respond(call, &n, NULL, &err);
    if (rc)
        ended(call, rc, &err);
    else
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    ((struct world *)user)->serving--;
}

static void on_file(vitro_call *call, const Chat__FileData *file, void *user)
{
}

static void on_files_end(vitro_call *call, void *user)
{
    Chat__UploadResponse r = CHAT__UPLOAD_RESPONSE__INIT;
    vitro_error err;

    r.filecount = 1;
    ended(call, chat_chat_service_upload_files_reply(call, &r, &err), &err);
}

static const chat_chat_service_upload_files_handler upload = {
    .call = { .size = sizeof(vitro_call_events),
              .on_message = chat_chat_service_upload_files_receive,
              .on_end = on_files_end,
              .on_closed = on_closed },
    .on_message = on_file,
};

static void upload_files(vitro_call *call, void *user)
{
    ((struct world *)user)->serving++;
    chat_chat_service_upload_files_serve(call, &upload, user);
}

static void on_chat(vitro_call *call, const Chat__ChatMessage *message, void *user)
{
    vitro_error err;

    ended(call, chat_chat_service_chat_respond(call, message, NULL, &err), &err);
}

static void on_chat_end(vitro_call *call, void *user)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const chat_chat_service_chat_handler chatting = {
    .call = { .size = sizeof(vitro_call_events),
              .on_message = chat_chat_service_chat_receive,
              .on_end = on_chat_end,
              .on_closed = on_closed },
    .on_message = on_chat,
};

static void chat(vitro_call *call, void *user)
{
    ((struct world *)user)->serving++;
    chat_chat_service_chat_serve(call, &chatting, user);
}

static const chat_chat_service_handlers handlers = {
    sizeof handlers, send_message, get_notifications, upload_files, chat,
};

/* ---- life ----------------------------------------------------------------------------------- */

static bool is_verified(const vitro_identity *peer, char *why, size_t size, void *user)
{
    return peer->verified;
}

/* What both sides of a mutual handshake look at. */
static void look_closely(vitro_credentials_options *o)
{
    o->ca_file = FIXTURE("ca.pem");
    o->crl_file = FIXTURE("crl.pem");
    o->verify = is_verified;
}

static vitro_code make_credentials(struct world *w, vitro_error *err)
{
    static const vitro_certificate site = { .file = FIXTURE("site.pem"),
                                            .key_file = FIXTURE("site.key") };
    vitro_credentials_options server = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials_options client = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_code rc;

    server.certificate_file = FIXTURE("server.pem");
    server.key_file = FIXTURE("server.key");
    client.ca_file = FIXTURE("ca.pem");
    client.version_max = server.version_max = w->scenario->version_max;
    if (w->scenario->mutual) {
        server.more_certificates = &site;
        server.n_more_certificates = 1;
        client.certificate_file = FIXTURE("client.pem");
        client.key_file = FIXTURE("client.key");
        look_closely(&server);
        look_closely(&client);
    }
    rc = vitro_credentials_server(&w->mine[0], &server, err);
    return rc ? rc : vitro_credentials_client(&w->mine[1], &client, err);
}

static vitro_code make_server(struct world *w, vitro_error *err)
{
    vitro_server_options o = VITRO_SERVER_OPTIONS_INIT;
    vitro_code rc;

    o.compression = w->scenario->compression;
    o.interceptors = w->scenario->guarded ? guards : NULL;
    rc = vitro_server_new(&w->server, &w->loop[0], 1, &o, err);
    if (!rc)
        rc = chat_chat_service_register(w->server, &handlers, w, err);
    if (!rc)
        rc = vitro_health_register(&w->health, w->server, err);
    if (!rc)
        rc = vitro_reflection_register(w->server, err);
    if (!rc)
        rc = vitro_health_set(w->health, "chat.ChatService", VITRO_HEALTH_SERVING, err);
    if (!rc)
        rc = vitro_server_listen_secure(w->server, "sim:server", w->mine[0], NULL, 0, err);
    return rc;
}

static vitro_code make_channel(struct world *w, vitro_error *err)
{
    vitro_channel_options o = VITRO_CHANNEL_OPTIONS_INIT;

    o.credentials = w->mine[1];
    o.authority = "vitro.test";
    o.interceptors = w->scenario->guarded ? guards : NULL;
    o.call_credentials = w->token;
    return vitro_channel_new(&w->channel, w->loop[1], "sim:server", &o, err);
}

vitro_code world_begin(struct world *w, const struct scenario *s, vitro_error *err)
{
    vitro_code rc = VITRO_OK;

    memset(w, 0, sizeof *w);
    w->scenario = s;
    if (s->tls)
        rc = make_credentials(w, err);
    if (!rc && s->guarded)
        rc = guard_credentials(&w->token, err);
    if (!rc)
        rc = vitro_sim_new(&w->sim, NULL, err);
    for (int i = 0; i < 2 && !rc; i++)
        rc = vitro_sim_loop(w->sim, &w->loop[i], NULL, err);
    if (!rc)
        rc = make_server(w, err);
    if (!rc)
        rc = make_channel(w, err);
    return rc;
}

void world_run(struct world *w)
{
    vitro_sim_run_for(w->sim, INT64_C(200) * 1000000000);
}

void world_end(struct world *w)
{
    for (size_t i = 0; i < w->told_count; i++)
        vitro_call_unref(w->told[i].call);
    vitro_channel_free(w->channel);
    vitro_server_free(w->server);
    for (int i = 0; i < 2; i++)
        vitro_loop_unref(w->loop[i]);
    vitro_sim_free(w->sim);
    for (int i = 0; i < 2; i++)
        vitro_credentials_unref(w->mine[i]);
    vitro_call_credentials_unref(w->token);
}
