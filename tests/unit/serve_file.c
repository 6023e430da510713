/*
 * serve_file - a file in chunks: all of it arrives, no faster than it is taken, and no more than a
 * chunk is held.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.vitro.h"
#include "support/seed.h"
#include "support/served.h"

enum { MIB = 1024 * 1024 };

struct upload {
    vitro_call *call;
    char id[64];
    int code;
    uint64_t hash;
    size_t left, chunk;
    uint8_t *bytes;
};

static void on_id(vitro_call *call, const File__UploadFileResponse *response, void *user)
{
    struct upload *u = user;

    snprintf(u->id, sizeof u->id, "%s", response->fileid);
}

/* As many chunks as the call takes; the rest when it can take more. */
static void push(vitro_call *call, void *user)
{
    struct upload *u = user;
    bool more = true;

    while (more && u->left) {
        File__FileChunk chunk = FILE__FILE_CHUNK__INIT;
        size_t n = u->left < u->chunk ? u->left : u->chunk;
        for (size_t i = 0; i < n; i++) {
            u->bytes[i] = (uint8_t)(u->left + i * 7);
            u->hash = (u->hash ^ u->bytes[i]) * 0x100000001b3u;
        }
        u->left -= n;
        chunk.data = (ProtobufCBinaryData){ n, u->bytes };
        if (file_file_service_upload_file_send(call, &chunk, 0, &more, NULL))
            return;
    }
    if (!u->left)
        vitro_call_send_end(call, NULL);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    ((struct upload *)user)->code = (int)status->code;
}

static const file_file_service_upload_file_events events = {
    { .size = sizeof(vitro_call_events),
      .on_message = file_file_service_upload_file_deliver,
      .on_writable = push,
      .on_closed = on_closed },
    on_id,
};

static void upload_start(struct upload *u, struct served *w, size_t size, size_t chunk)
{
    *u = (struct upload){ .code = -1, .hash = 0xcbf29ce484222325u, .left = size, .chunk = chunk };
    u->bytes = malloc(chunk);
    cr_assert_eq(file_file_service_upload_file_start(&u->call, w->channel, NULL, &events, u, NULL),
                 VITRO_OK);
    push(u->call, u);
}

static void upload_done(struct upload *u)
{
    vitro_call_unref(u->call);
    free(u->bytes);
}

Test(serve_file, every_size_arrives_whole_in_any_chunks)
{
    struct chance c;
    c = seed_chance();
    for (int i = 0; i < 30; i++) {
        struct served w;
        struct upload u;
        char id[64];
        size_t size = (size_t)vitro_chance_below(&c, i < 5 ? 3 : 3 * MIB);
        size_t chunk = 1 + (size_t)vitro_chance_below(&c, i % 2 ? MIB : 100000);
        served_begin(&w, NULL);
        upload_start(&u, &w, size, chunk);
        vitro_sim_run(w.sim);
        snprintf(id, sizeof id, "file_%016" PRIx64, u.hash);
        cr_expect_eq(u.code, VITRO_OK, "%zu in %zu: %d, VITRO_SEED=%llu", size, chunk, u.code,
                     seed_of_run());
        cr_expect_str_eq(u.id, id, "%zu bytes in %zu, VITRO_SEED=%llu", size, chunk, seed_of_run());
        upload_done(&u);
        served_end(&w);
    }
}

Test(serve_file, a_fast_client_waits_for_the_writing)
{
    struct served w;
    struct upload u;
    size_t most = 0;
    served_begin(&w, NULL);
    upload_start(&u, &w, 32 * MIB, MIB);
    while (u.code < 0 && served_ms(&w) < 10000) {
        size_t held = vitro_loop_memory(w.loops[0]).bytes + vitro_loop_memory(w.loops[1]).bytes;
        most = held > most ? held : most;
        served_run_ms(&w, 1);
    }
    cr_expect_eq(u.code, VITRO_OK);
    cr_expect_geq(served_ms(&w), 32 * MIB / 100000, "after %" PRId64 " ms", served_ms(&w));
    cr_expect_lt(most, 7 * MIB, "%zu bytes were held",
                 most); /* a window of 4 MiB, and what it is in */
    upload_done(&u);
    served_end(&w);
}

Test(serve_file, a_file_has_a_limit_and_a_cancelled_one_leaves_no_timer)
{
    struct served w;
    struct upload u;
    served_begin(&w, NULL);
    upload_start(&u, &w, 64 * (size_t)MIB, MIB);
    vitro_sim_run(w.sim);
    cr_expect_eq(u.code, VITRO_OK);
    upload_done(&u);
    upload_start(&u, &w, 64 * (size_t)MIB + 1, MIB);
    vitro_sim_run(w.sim);
    cr_expect_eq(u.code, VITRO_RESOURCE_EXHAUSTED);
    upload_done(&u);
    served_end(&w);

    served_begin(&w, NULL);
    upload_start(&u, &w, 4 * (size_t)MIB, 2 * MIB);
    served_run_ms(&w, 15);
    vitro_call_cancel(u.call);
    vitro_sim_run(w.sim);
    cr_expect_eq(u.code, VITRO_CANCELLED);
    upload_done(&u);
    served_end(&w);
}
