/*
 * reflected - message types that a server has told somebody in the capture, by reflection: what
 * comes behind has names.
 *
 *      ServerReflectionResponse { FileDescriptorResponse file_descriptor_response = 4; }
 *      FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
 *
 * The second is what a FileDescriptorSet is on the wire.
 *
 * Source: grpc/doc/server-reflection.md, reflection.proto.
 */
#include "decode/core.h"

#include "base/util.h"
#include "pb/wire.h"

enum { RESPONSE_MAX = 1024 * 1024, RESPONSES_MAX = 1024, FILES = 4 };

static bool is_response(const vitro_decode *d, const vitro_event *ev)
{
    static const vitro_str paths[] = {
        VITRO_STR_INIT("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
        VITRO_STR_INIT("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    };
    vitro_str path = vitro_names_get(&d->names, ev->path);

    if (ev->dir != VITRO_S2C || !path.len)
        return false;
    return vitro_str_eq(path, paths[0]) || vitro_str_eq(path, paths[1]);
}

/* What it says, inflated where it has to be; false when that is not at hand. */
static bool read_response(vitro_decode *d, const vitro_event *ev, struct buf *out)
{
    vitro_span span = vitro_event_span(ev);

    if (!event_is_deflated(ev))
        return vitro_decode_gather(d, &span, RESPONSE_MAX, out);
    return !vitro_inflate_span(d, &span, vitro_decode_encoding(d, ev), out);
}

static void learn(vitro_decode *d, vitro_bytes response)
{
    struct pb_reader r = pb_reader_of(response);
    struct pb_token t;

    while (r.at < r.end && !vitro_pb_read(&r, &t)) {
        if (t.number == FILES && t.wire == PB_LEN)
            (void)vitro_schema_learn(d, pb_token_bytes(&r, &t), RANK_REFLECTED, NULL);
    }
}

void vitro_reflected(vitro_decode *d, const vitro_event *ev)
{
    struct buf b;

    if (!is_response(d, ev) || d->reflected == RESPONSES_MAX)
        return;
    d->reflected++;
    vitro_buf_init(&b, &d->account, RESPONSE_MAX);
    if (read_response(d, ev, &b))
        learn(d, vitro_buf_bytes(&b));
    vitro_buf_done(&b);
}
