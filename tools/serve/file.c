/*
 * file - FileService: a file in chunks, taken one at a time.
 *
 * A chunk is "written" at 100 MB a second. Until it is, the call has no credit: the next chunk is
 * not delivered and its window is not given back, so a faster client waits (RFC 9113, 5.2).
 * Nothing is kept but the size and a hash, which is the file's id: who sent the bytes can tell
 * that they arrived.
 */
#include "file.vitro.h"

#include <inttypes.h>
#include <stdlib.h>

#include "serve/serve.h"

enum { FILE_MAX = 64 * 1024 * 1024, WRITE_NS = 10 /* a byte */ };

struct upload {
    vitro_call *call;
    vitro_alarm *written;
    uint64_t hash; /* FNV-1a */
    size_t bytes;
    bool writing, ended;
};

static void answer(const struct upload *u)
{
    File__UploadFileResponse response = FILE__UPLOAD_FILE_RESPONSE__INIT;
    char id[SERVE_ID];
    vitro_error err;

    snprintf(id, sizeof id, "file_%016" PRIx64, u->hash);
    response.fileid = id;
    if (file_file_service_upload_file_reply(u->call, &response, &err))
        serve_fail(u->call, &err);
}

static void on_written(void *user)
{
    struct upload *u = user;

    u->writing = false;
    if (u->ended)
        answer(u);
    else
        vitro_call_credit(u->call, 1);
}

static void on_chunk(vitro_call *call, const File__FileChunk *chunk, void *state)
{
    struct upload *u = state;
    vitro_loop *loop = vitro_call_loop(call);

    if (chunk->data.len > FILE_MAX - u->bytes) {
        vitro_call_finish(call, VITRO_RESOURCE_EXHAUSTED, "a file is at most 64 MiB", NULL, NULL);
        return;
    }
    u->bytes += chunk->data.len;
    for (size_t i = 0; i < chunk->data.len; i++)
        u->hash = (u->hash ^ chunk->data.data[i]) * 0x100000001b3u;
    u->writing = true;
    vitro_alarm_set(u->written, vitro_loop_now(loop) + (int64_t)chunk->data.len * WRITE_NS);
}

static void on_end(vitro_call *call, void *state)
{
    struct upload *u = state;

    (void)call;
    u->ended = true;
    if (!u->writing)
        answer(u);
}

static void on_cancelled(vitro_call *call, void *state)
{
    const struct upload *u = state;

    (void)call;
    vitro_alarm_clear(u->written);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *state)
{
    struct upload *u = state;

    (void)call;
    (void)status;
    vitro_alarm_free(u->written);
    free(u);
}

static void upload_file(vitro_call *call, void *user)
{
    static const file_file_service_upload_file_handler handler = {
        .call = { .size = sizeof(vitro_call_events),
                  .on_message = file_file_service_upload_file_receive,
                  .on_end = on_end,
                  .on_cancelled = on_cancelled,
                  .on_closed = on_closed },
        .on_message = on_chunk,
    };
    struct upload *u = calloc(1, sizeof *u);

    (void)user;
    if (!u || vitro_alarm_new(&u->written, vitro_call_loop(call), on_written, u, NULL)) {
        free(u);
        serve_out_of_memory(call);
        return;
    }
    u->call = call;
    u->hash = 0xcbf29ce484222325u;
    file_file_service_upload_file_serve(call, &handler, u);
    vitro_call_hold(call);
    vitro_call_credit(call, 1);
}

vitro_code serve_file(struct serve *s, vitro_server *server, vitro_error *err)
{
    static const file_file_service_handlers handlers = {
        .size = sizeof handlers,
        .upload_file = upload_file,
    };

    return file_file_service_register(server, &handlers, s, err);
}
