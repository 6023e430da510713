/*
 * upload_client TARGET FILE... - many requests, one response: send files in pieces.
 *
 * A write waits while the server is behind, so that no more than a window of a file is in memory.
 * When the call is over before all was sent, the write fails, and finish tells why.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

typedef chat_chat_service_upload_files_writer upload;

/* False when the call takes no more. */
static bool send_file(upload *to, char *name, FILE *file)
{
    static uint8_t piece[16384];
    Chat__FileData data = CHAT__FILE_DATA__INIT;

    data.filename = name;
    data.data.data = piece;
    while ((data.data.len = fread(piece, 1, sizeof piece, file)) > 0) {
        if (chat_chat_service_upload_files_write(to, &data, NULL))
            return false;
    }
    return true;
}

static void send_all(upload *to, char **names, int count)
{
    bool open = true;

    for (int i = 0; i < count && open; i++) {
        FILE *file = fopen(names[i], "rb");

        if (!file) {
            perror(names[i]);
            continue;
        }
        open = send_file(to, names[i], file);
        fclose(file);
    }
}

int main(int argc, char **argv)
{
    Chat__UploadResponse *response = NULL;
    vitro_channel *channel = NULL;
    upload to;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_channel_new(&channel, NULL, argc > 1 ? argv[1] : "", NULL, &err);

    if (!rc)
        rc = chat_chat_service_upload_files(channel, &to, NULL, &err);
    if (!rc) {
        send_all(&to, argv + 2, argc - 2);
        rc = chat_chat_service_upload_files_finish(&to, &response, &err);
    }
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "upload_client: %s\n", why);
    } else
        printf("%d files, %lld bytes\n", (int)response->filecount, (long long)response->totalsize);
    chat__upload_response__free_unpacked(response, NULL);
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
