/*
 * 13-client-streaming - many messages, one response: three small files, then (big.c) eight of one
 * mebibyte, which leave no faster than they are taken, and one that is too large.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../lesson_stage.h"
#include "big.h"
#include "chat.vitro.h"

/* ---- the server ----------------------------------------------------------------------------- */

struct sum {
    int32_t files;
    int64_t bytes;
};

static void on_file(vitro_call *call, const Chat__FileData *file, void *sum)
{
    struct sum *s = sum;

    (void)call;
    s->files++;
    s->bytes += (int64_t)file->data.len;
}

/* The client has half-closed: that was all of it. */
static void on_last(vitro_call *call, void *sum)
{
    const struct sum *s = sum;
    Chat__UploadResponse response = CHAT__UPLOAD_RESPONSE__INIT;

    response.filecount = s->files;
    response.totalsize = s->bytes;
    if (chat_chat_service_upload_files_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be made", NULL, NULL);
}

static void on_done(vitro_call *call, const vitro_status *status, void *sum)
{
    (void)call;
    (void)status;
    free(sum);
}

static void upload_files(vitro_call *call, void *l)
{
    static const chat_chat_service_upload_files_handler handler = {
        .call = { .size = sizeof handler.call,
                  .on_message = chat_chat_service_upload_files_receive,
                  .on_end = on_last,
                  .on_closed = on_done },
        .on_message = on_file,
    };

    (void)l;
    chat_chat_service_upload_files_serve(call, &handler, calloc(1, sizeof(struct sum)));
}

static vitro_code serve(vitro_server *server, void *l, vitro_error *err)
{
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers,
                                                         .upload_files = upload_files };

    return chat_chat_service_register(server, &handlers, l, err);
}

/* ---- the client ----------------------------------------------------------------------------- */

/* A name and what is in it. */
static char files[][2][32] = {
    { "hello.txt", "Hello!" },
    { "인사.txt", "안녕하세요!" },
    { "empty.txt", "" },
};

static vitro_code write_file(chat_chat_service_upload_files_writer *writer, char *name, char *text)
{
    Chat__FileData file = CHAT__FILE_DATA__INIT;

    file.filename = name;
    file.data = (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
    return chat_chat_service_upload_files_write(writer, &file, NULL);
}

static vitro_code upload_small(lesson *l, vitro_channel *channel, vitro_error *err)
{
    chat_chat_service_upload_files_writer writer;
    Chat__UploadResponse *response;
    vitro_code rc = chat_chat_service_upload_files(channel, &writer, NULL, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (write_file(&writer, files[i][0], files[i][1]))
            break; /* finish says why */
    }
    rc = chat_chat_service_upload_files_finish(&writer, &response, err);
    if (rc)
        return rc;
    lesson_say(l, "upload: fileCount=%" PRId32 " totalSize=%" PRId64, response->filecount,
               response->totalsize);
    lesson_say(l, "summary: %" PRId32 "개 파일, 총 %" PRId64 "바이트 업로드 완료",
               response->filecount, response->totalsize);
    chat__upload_response__free_unpacked(response, NULL);
    return VITRO_OK;
}

static vitro_code call(vitro_channel *channel, void *l, vitro_error *err)
{
    static const struct big chunks = { BIG_MIB, 8 }, too_large = { 5 * BIG_MIB, 1 };
    vitro_code rc = upload_small(l, channel, err);

    if (!rc)
        rc = big_upload(l, channel, &chunks, err);
    return rc ? rc : big_upload(l, channel, &too_large, err);
}

static vitro_code play(lesson *l, vitro_error *err)
{
    static const lesson_sides sides = { serve, call };

    return lesson_stage(l, &sides, l, err);
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
