#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "wire/content_type.h"
#include "wire/header_list.h"
#include "wire/status.h"

#define BIT(id) (1u << HEADER_##id)

/* Connection-specific fields make a message malformed (RFC 9113, 8.2.2). */
enum {
    HOP_FIELDS = BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) |
                 BIT(TRANSFER_ENCODING) | BIT(UPGRADE),
    ONCE_IN_REQUEST = BIT(METHOD) | BIT(SCHEME) | BIT(PATH)
};

static bool text_is(vitro_str s, const char *literal)
{
    return vitro_str_eq(s, vitro_str_of(literal));
}

/* Lengths for "%.*s": what a peer sent is cut to leave room for the sentence. */
static int shown(vitro_str s)
{
    return (int)MIN(s.len, 40);
}

static vitro_str encoding_of(const struct header_list *l)
{
    vitro_str encoding = vitro_header_list_get(l, HEADER_GRPC_ENCODING);

    return text_is(encoding, "identity") ? (vitro_str){ "", 0 } : encoding;
}

static enum header_id first_of(uint32_t bits)
{
    unsigned i = 0;

    while (i < HEADER_IDS && !(bits >> i & 1u))
        i++;
    return (enum header_id)i;
}

/* "/pkg.Service/Method": the method is what follows the last slash. False when parts lack. */
static bool split_path(vitro_str path, vitro_str *service, vitro_str *method)
{
    size_t slash = path.len;

    *service = *method = (vitro_str){ "", 0 };
    while (slash > 0 && path.ptr[slash - 1] != '/')
        slash--;
    if (slash < 3 || slash == path.len || path.ptr[0] != '/')
        return false;
    *service = (vitro_str){ path.ptr + 1, slash - 2 };
    *method = (vitro_str){ path.ptr + slash, path.len - slash };
    return true;
}

/* Each check of a request: false when it refused, with everything in out. */
typedef bool check_fn(const struct header_list *l, struct request_head *out);

static bool check_http(const struct header_list *l, struct request_head *out)
{
    const uint32_t hop = l->seen & HOP_FIELDS;
    const uint32_t twice = l->twice & ONCE_IN_REQUEST;

    if (!hop && !twice && !l->malformed && header_list_has(l, HEADER_METHOD) &&
        header_list_has(l, HEADER_PATH))
        return true;
    out->action = REQUEST_RESET;
    if (hop) {
        out->code =
            vitro_fail(&out->error, VITRO_INTERNAL, "headers", 0,
                       "%s belongs to HTTP/1.1 connections", vitro_header_name(first_of(hop)).ptr);
    } else if (twice) {
        out->code = vitro_fail(&out->error, VITRO_INTERNAL, "headers", 0, "%s came twice",
                               vitro_header_name(first_of(twice)).ptr);
    } else {
        out->code = vitro_fail(&out->error, VITRO_INTERNAL, "headers", 0,
                               "pseudo-header fields are missing or unknown");
    }
    return false;
}

static bool refuse_http(struct request_head *out, unsigned http_status)
{
    out->action = REQUEST_HTTP;
    out->http_status = http_status;
    out->code = out->error.code;
    return false;
}

static bool check_authority(const struct header_list *l, struct request_head *out)
{
    const uint32_t twice = l->twice & (BIT(AUTHORITY) | BIT(HOST));

    out->authority = vitro_header_list_get(
        l, header_list_has(l, HEADER_AUTHORITY) ? HEADER_AUTHORITY : HEADER_HOST);
    if (!twice)
        return true;
    vitro_fail(&out->error, VITRO_INTERNAL, "headers", 0, "%s came twice",
               vitro_header_name(first_of(twice)).ptr);
    return refuse_http(out, 400);
}

static bool check_method(const struct header_list *l, struct request_head *out)
{
    const vitro_str method = vitro_header_list_get(l, HEADER_METHOD);

    if (text_is(method, "POST"))
        return true;
    vitro_fail(&out->error, VITRO_INTERNAL, "headers", 0, ":method %.*s, gRPC asks for POST",
               shown(method), method.ptr);
    return refuse_http(out, 405);
}

static bool check_content_type(const struct header_list *l, struct request_head *out)
{
    const vitro_str type = vitro_header_list_get(l, HEADER_CONTENT_TYPE);

    if (vitro_content_type_is_grpc(type, &out->codec))
        return true;
    vitro_fail(&out->error, VITRO_INVALID_ARGUMENT, "headers", 0,
               "content-type \"%.*s\" is not application/grpc", shown(type), type.ptr);
    return refuse_http(out, 415);
}

static bool refuse_grpc(struct request_head *out)
{
    out->action = REQUEST_GRPC;
    out->code = out->error.code;
    return false;
}

static bool check_timeout(const struct header_list *l, struct request_head *out)
{
    const vitro_str text = vitro_header_list_get(l, HEADER_GRPC_TIMEOUT);
    enum timeout_form form;

    if (!header_list_has(l, HEADER_GRPC_TIMEOUT))
        return true;
    form = vitro_timeout_parse(text, &out->timeout_ns);
    if (form == TIMEOUT_OK)
        return true;
    vitro_fail(&out->error, VITRO_INTERNAL, "headers", 0, "malformed grpc-timeout \"%.*s\": %s",
               (int)MIN(text.len, 16), text.ptr, vitro_timeout_problem(form));
    return refuse_grpc(out);
}

static bool check_metadata(const struct header_list *l, struct request_head *out)
{
    if (!l->bad)
        return true;
    out->error = l->bad_error;
    return refuse_grpc(out);
}

static bool check_path(const struct header_list *l, struct request_head *out)
{
    (void)l;
    if (out->method.len)
        return true;
    vitro_fail(&out->error, VITRO_UNIMPLEMENTED, "headers", 0,
               "malformed method name \"%.*s\", expected /service/method", shown(out->path),
               out->path.ptr);
    return refuse_grpc(out);
}

void vitro_request_check(const struct header_list *l, struct request_head *out)
{
    static check_fn *const checks[] = { check_http,         check_authority, check_method,
                                        check_content_type, check_timeout,   check_metadata,
                                        check_path };

    out->action = REQUEST_ACCEPT;
    out->http_status = 200;
    out->code = VITRO_OK;
    out->error.code = VITRO_OK;
    out->error.depth = 0;
    out->path = vitro_header_list_get(l, HEADER_PATH);
    split_path(out->path, &out->service, &out->method);
    out->codec = out->authority = (vitro_str){ "", 0 };
    out->encoding = encoding_of(l);
    out->accepts = vitro_encoding_listed(vitro_header_list_get(l, HEADER_GRPC_ACCEPT_ENCODING));
    out->timeout_ns = INT64_MAX;
    out->te_missing = !text_is(vitro_header_list_get(l, HEADER_TE), "trailers");
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (!checks[i](l, out))
            return;
    }
}

/* The three digits of :status; 0 when it is missing, twice there, or something else. */
static unsigned http_status_of(const struct header_list *l)
{
    uint64_t status;

    if (l->twice & BIT(STATUS))
        return 0;
    if (!vitro_text_number(vitro_header_list_get(l, HEADER_STATUS), 999, &status) || status < 100)
        return 0;
    return (unsigned)status;
}

static void end_with(struct reply_head *out, vitro_code code)
{
    out->kind = REPLY_END;
    out->code = code;
}

/* Response-Headers: a reply that is none of gRPC's ends the call here. */
static void check_headers(const struct header_list *l, struct reply_head *out)
{
    const vitro_str type = vitro_header_list_get(l, HEADER_CONTENT_TYPE);

    out->kind = REPLY_HEADERS;
    if (out->http_status != 200) {
        end_with(out, vitro_fail(&out->error, vitro_status_of_http(out->http_status), "http",
                                 (int32_t)out->http_status, "HTTP status without grpc-status"));
    } else if (!vitro_content_type_is_grpc(type, &out->codec)) {
        end_with(out, vitro_fail(&out->error, VITRO_UNKNOWN, "http", 0,
                                 "content-type \"%.*s\" is not application/grpc", shown(type),
                                 type.ptr));
    } else if (l->bad) {
        out->error = l->bad_error;
        end_with(out, l->bad);
    }
}

/* A block with END_STREAM: only here does grpc-status count. */
static void check_trailers(const struct header_list *l, bool first, struct reply_head *out)
{
    const vitro_str status = vitro_header_list_get(l, HEADER_GRPC_STATUS);

    out->kind = REPLY_END;
    out->message = vitro_header_list_get(l, HEADER_GRPC_MESSAGE);
    if (!header_list_has(l, HEADER_GRPC_STATUS)) {
        if (first && out->http_status != 200) {
            out->code = vitro_fail(&out->error, vitro_status_of_http(out->http_status), "http",
                                   (int32_t)out->http_status, "HTTP status without grpc-status");
        } else {
            out->code = vitro_reply_missing(&out->error);
        }
        return;
    }
    out->explicit_status = vitro_status_parse(status, &out->code);
    if (!out->explicit_status) {
        out->code = vitro_fail(&out->error, VITRO_UNKNOWN, "headers", 0,
                               "grpc-status \"%.*s\" is no status code", shown(status), status.ptr);
    } else if (l->bad) {
        out->error = l->bad_error;
        out->explicit_status = false;
        out->code = l->bad;
    }
}

/* Field by field: the texts of an error are large, and most calls have none. */
static void reply_start(const struct header_list *l, struct reply_head *out)
{
    out->kind = REPLY_HEADERS;
    out->code = VITRO_OK;
    out->message = out->codec = (vitro_str){ "", 0 };
    out->explicit_status = false;
    out->error.code = VITRO_OK;
    out->error.depth = 0;
    out->http_status = http_status_of(l);
    out->encoding = encoding_of(l);
}

void vitro_reply_check(const struct header_list *l, bool first, bool end_stream,
                       struct reply_head *out)
{
    reply_start(l, out);
    if ((l->seen & HOP_FIELDS) || l->malformed || (first && !out->http_status)) {
        end_with(out, vitro_fail(&out->error, VITRO_INTERNAL, "headers", 0,
                                 "malformed: no :status, or a field that HTTP/2 forbids"));
    } else if (first && out->http_status < 200 && !end_stream) {
        out->kind = REPLY_INFORMATIONAL;
    } else if (end_stream) {
        check_trailers(l, first, out);
    } else if (first) {
        check_headers(l, out);
    } else {
        end_with(out, vitro_fail(&out->error, VITRO_INTERNAL, "headers", 0,
                                 "a second header block did not end the stream"));
    }
}

vitro_code vitro_reply_missing(vitro_error *err)
{
    return vitro_fail(err, VITRO_UNKNOWN, "headers", 0, "the stream ended without grpc-status");
}
