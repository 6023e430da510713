/* Several loops write to one trace at once: each connection's bytes come out whole and in order. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The programs of this folder are linked without the suites' support. */
#include "support/walk.c"
#include "trace/note.h"
#include "trace/trace.h"

enum { THREADS = 4, WRITES = 500, MOST = 700 };

struct loop {
    pthread_t thread;
    vitro_trace *trace;
    uint32_t number;
    struct endpoint client, server;
    uint8_t *sent;
    size_t len;
};

static void *loop_main(void *arg)
{
    struct loop *l = arg;
    struct recorder *r = vitro_recorder_new(vitro_trace_ref(l->trace), RECORD_CLIENT, &l->client,
                                            &l->server, l->number);

    for (size_t i = 0; i < WRITES; i++) {
        size_t n = (i * 37 + l->number) % MOST;
        vitro_bytes piece = { l->sent + l->len, n };
        memset(l->sent + l->len, (int)(i + l->number), n);
        vitro_recorder_bytes(r, RECORD_SENT, &piece, 1);
        l->len += n;
        if (i % 10 == 0)
            vitro_trace_say(l->trace, "loop %u write %zu", (unsigned)l->number, i);
        vitro_trace_schema(l->trace, vitro_str_of("a.proto"), piece);
        vitro_trace_flush(l->trace);
    }
    vitro_recorder_free(r);
    vitro_trace_unref(l->trace);
    return NULL;
}

static int check(const struct walk *w, const struct loop *l)
{
    size_t len;
    uint8_t *got = walk_payload(w, l->client.port, l->server.port, &len);
    int same = got && len == l->len && !memcmp(got, l->sent, len);

    free(got);
    return same;
}

int main(void)
{
    static struct loop loop[THREADS];
    int fd = memfd_create("trace", MFD_CLOEXEC), bad = 0;
    vitro_trace *trace;
    struct walk w;
    char sink[32];

    snprintf(sink, sizeof sink, "fd:%d", fd);
    if (vitro_trace_open(&trace, sink, NULL, NULL))
        return 1;
    for (uint32_t i = 0; i < THREADS; i++) {
        struct endpoint client = { 4, { 127, 0, 0, 1 }, (uint16_t)(1000 + i) };
        struct endpoint server = { 4, { 127, 0, 0, 1 }, 2000 };
        loop[i].trace = trace;
        loop[i].number = i;
        loop[i].client = client;
        loop[i].server = server;
        loop[i].sent = malloc((size_t)WRITES * MOST);
        pthread_create(&loop[i].thread, NULL, loop_main, &loop[i]);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(loop[i].thread, NULL);
    vitro_trace_unref(trace);
    walk_fd(&w, fd);
    bad |= w.why[0] != '\0' || w.interfaces != THREADS;
    for (size_t i = 0; i < THREADS; i++) {
        bad |= !check(&w, &loop[i]);
        free(loop[i].sent);
    }
    if (bad)
        printf("trace: %s\n", w.why[0] ? w.why : "bytes of a connection are missing or mixed");
    walk_done(&w);
    return bad;
}
