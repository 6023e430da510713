/*
 * details - google.rpc.Status to bytes and back, field by field: it is small, and its details are
 * messages that somebody else knows.
 */
#include "vitro/details.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "pb/wire.h"

static const char key[] = "grpc-status-details-bin";
static const char prefix[] = "type.googleapis.com/";

/* google/rpc/status.proto, google/protobuf/any.proto */
enum { STATUS_CODE = 1, STATUS_MESSAGE = 2, STATUS_DETAILS = 3, ANY_TYPE = 1, ANY_VALUE = 2 };

enum { DETAILS_MAX = 1024 * 1024 };

/* ---- writing -------------------------------------------------------------------------------- */

static void put_head(struct buf *b, uint32_t number, enum pb_wire wire, uint64_t value)
{
    uint8_t head[PB_TAG_MAX + PB_VARINT_MAX];
    size_t n = vitro_pb_write_tag(head, number, wire);

    n += vitro_pb_write_varint(head + n, value);
    (void)!vitro_buf_append(b, head, n); /* room was made */
}

/* A field of `len` bytes: its tag, its length, and itself. */
static size_t field_size(size_t len)
{
    return 1 + vitro_pb_varint_size(len) + len;
}

static size_t any_size(const ProtobufCMessage *m)
{
    return field_size(sizeof prefix - 1 + strlen(m->descriptor->name)) +
           field_size(vitro_pb_size(m));
}

static void put_any(struct buf *b, const ProtobufCMessage *m)
{
    size_t name = strlen(m->descriptor->name), n = vitro_pb_size(m);

    put_head(b, STATUS_DETAILS, PB_LEN, any_size(m));
    put_head(b, ANY_TYPE, PB_LEN, sizeof prefix - 1 + name);
    (void)!vitro_buf_append(b, prefix, sizeof prefix - 1);
    (void)!vitro_buf_append(b, m->descriptor->name, name);
    put_head(b, ANY_VALUE, PB_LEN, n);
    vitro_pb_pack(m, b->ptr + b->len, n);
    b->len += n;
}

static bool put_status(struct buf *b, vitro_code code, const char *message,
                       const ProtobufCMessage *const *details, size_t count)
{
    size_t text = message ? strlen(message) : 0, all = field_size(0) + field_size(text);

    for (size_t i = 0; i < count; i++)
        all += field_size(any_size(details[i]));
    if (!vitro_buf_reserve(b, all))
        return false;
    put_head(b, STATUS_CODE, PB_VARINT, (uint64_t)code);
    if (text) {
        put_head(b, STATUS_MESSAGE, PB_LEN, text);
        (void)!vitro_buf_append(b, message, text);
    }
    for (size_t i = 0; i < count; i++)
        put_any(b, details[i]);
    return true;
}

vitro_code vitro_call_finish_details(vitro_call *call, vitro_code code, const char *message,
                                     const ProtobufCMessage *const *details, size_t count,
                                     const vitro_md *trailers, vitro_error *err)
{
    vitro_md *md;
    struct buf b;
    vitro_code rc;

    if (code == VITRO_OK)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "details", 0, "success has no details");
    for (size_t i = 0; i < count; i++)
        if (!details || !details[i])
            return vitro_fail(err, VITRO_INVALID_ARGUMENT, "details", 0,
                              "the list has a NULL at %zu", i);
    md = vitro_md_new();
    vitro_buf_init(&b, NULL, DETAILS_MAX);
    if (md && put_status(&b, code, message, details, count))
        rc = trailers ? vitro_md_append(md, trailers, err) : VITRO_OK;
    else
        rc =
            vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "details", 0, "out of memory, or over 1 MiB");
    if (rc == VITRO_OK)
        rc = vitro_md_add(md, vitro_str_of(key), vitro_buf_bytes(&b), err);
    if (rc == VITRO_OK)
        rc = vitro_call_finish(call, code, message, md, err);
    vitro_buf_done(&b);
    vitro_md_free(md);
    return rc;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The next field `number` of that wire type; false at the end, or where the bytes are damaged. */
static bool next(struct pb_reader *r, uint32_t number, enum pb_wire wire, struct pb_token *t)
{
    while (r->at < r->end && vitro_pb_read(r, t) == PB_FAULT_NONE) {
        if (t->number == number && t->wire == wire)
            return true;
    }
    return false;
}

/* The last one wins (protobuf encoding). Empty when there is none. */
static vitro_bytes last(vitro_bytes bytes, uint32_t number)
{
    struct pb_reader r = pb_reader_of(bytes);
    vitro_bytes found = { NULL, 0 };
    struct pb_token t;

    while (next(&r, number, PB_LEN, &t))
        found = pb_token_bytes(&r, &t);
    return found;
}

static bool get(const vitro_md *trailers, vitro_bytes *status)
{
    return trailers && vitro_md_get(trailers, vitro_str_of(key), status);
}

bool vitro_details_status(const vitro_md *trailers, int32_t *code, vitro_str *message)
{
    struct pb_reader r;
    vitro_bytes status, text;
    struct pb_token t;
    int32_t number = 0;

    if (!get(trailers, &status))
        return false;
    r = pb_reader_of(status);
    while (next(&r, STATUS_CODE, PB_VARINT, &t))
        number = (int32_t)t.value;
    if (r.at < r.end)
        return false;
    text = last(status, STATUS_MESSAGE);
    if (code)
        *code = number;
    if (message)
        *message = (vitro_str){ (const char *)text.ptr, text.len };
    return true;
}

/* "type.googleapis.com/google.rpc.ErrorInfo": what stands behind the last slash. */
static vitro_str type_of(vitro_bytes any)
{
    vitro_bytes url = last(any, ANY_TYPE);
    size_t from = url.len;

    while (from > 0 && url.ptr[from - 1] != '/')
        from--;
    return (vitro_str){ (const char *)url.ptr + from, url.len - from };
}

bool vitro_details_at(const vitro_md *trailers, size_t at, vitro_str *type, vitro_bytes *bytes)
{
    struct pb_reader r;
    vitro_bytes status, any;
    struct pb_token t;

    if (!get(trailers, &status))
        return false;
    r = pb_reader_of(status);
    for (size_t i = 0; i <= at; i++) {
        if (!next(&r, STATUS_DETAILS, PB_LEN, &t))
            return false;
    }
    any = pb_token_bytes(&r, &t);
    if (type)
        *type = type_of(any);
    if (bytes)
        *bytes = last(any, ANY_VALUE);
    return true;
}

vitro_code vitro_details_get(ProtobufCMessage **out, const vitro_md *trailers,
                             const ProtobufCMessageDescriptor *type, vitro_error *err)
{
    vitro_str name;
    vitro_bytes bytes;

    *out = NULL;
    for (size_t at = 0; vitro_details_at(trailers, at, &name, &bytes); at++) {
        if (vitro_str_eq(name, vitro_str_of(type->name)))
            return vitro_pb_unpack(out, type, bytes, NULL, err);
    }
    return vitro_fail(err, VITRO_NOT_FOUND, "details", 0, "the status has no %s", type->name);
}
