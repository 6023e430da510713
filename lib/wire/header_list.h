/*
 * header_list - one header block, sorted as it arrives: pseudo-headers and gRPC's own to known
 * places, the rest to the application's metadata; its size counted, which nghttp2 does not do
 * (RFC 9113, 6.5.2). Then the questions that a server asks of a request, and a client of a reply.
 *
 * A connection needs one of these: its header blocks come one after another.
 */
#ifndef VITRO_WIRE_HEADER_LIST_H
#define VITRO_WIRE_HEADER_LIST_H

#include "base/buf.h"
#include "wire/encoding.h"
#include "wire/metadata.h"
#include "wire/timeout.h"

#ifdef __cplusplus
extern "C" {
#endif

enum header_id {
#define HEADER(id, name, kind) HEADER_##id,
#include "wire/header.def"
#undef HEADER
    HEADER_IDS,
    HEADER_USER = HEADER_IDS /* none of these: metadata of the application */
};

enum header_kind { HEADER_KIND_PSEUDO, HEADER_KIND_OURS, HEADER_KIND_HOP, HEADER_KIND_USER };

/* The place of a name, HEADER_USER for any other. */
enum header_id vitro_header_id(vitro_str name);
enum header_kind vitro_header_kind(enum header_id id);
vitro_str vitro_header_name(enum header_id id);

enum { HEADER_STORE = 256, HEADER_LIST_DEFAULT = 8192 };

struct header_list {
    struct account *account;
    vitro_md *md;          /* where metadata goes; NULL: nowhere */
    size_t limit;          /* of size; 0: none */
    size_t size;           /* name + value + 32, all fields */
    uint32_t seen;         /* 1 << header_id */
    uint32_t twice;        /* came more than once */
    bool malformed;        /* a pseudo-header that HTTP/2 does not define */
    vitro_code bad;        /* the first field of metadata that could not be read, or OK */
    vitro_error bad_error; /* and why */
    struct {
        uint32_t at, len;
    } value[HEADER_IDS]; /* of the first occurrence, in store */
    uint32_t used;
    char store[HEADER_STORE];
    struct buf spill; /* what store had no room for */
};

void vitro_header_list_init(struct header_list *l, struct account *account, size_t limit);
void vitro_header_list_done(struct header_list *l);

/* Begin a block. md, which is kept until the block's end, gets the metadata. */
void vitro_header_list_begin(struct header_list *l, vitro_md *md);

/*
 * One field of the block. RESOURCE_EXHAUSTED as soon as the block is over the limit or memory is
 * out: stop the stream. What else may be wrong waits for the checks below.
 */
vitro_code vitro_header_list_add(struct header_list *l, vitro_str name, vitro_str value);

static inline bool header_list_has(const struct header_list *l, enum header_id id)
{
    return (l->seen >> id & 1u) != 0;
}

/* The first value of a field, empty when it did not come. Lent until the list is touched. */
vitro_str vitro_header_list_get(const struct header_list *l, enum header_id id);

/* What to do with a request. */
enum request_action {
    REQUEST_ACCEPT,
    REQUEST_HTTP, /* answer with the HTTP status and nothing else */
    REQUEST_GRPC, /* Trailers-Only: HTTP 200, the code and the text */
    REQUEST_RESET /* malformed HTTP/2: RST_STREAM PROTOCOL_ERROR */
};

struct request_head {
    enum request_action action;
    unsigned http_status; /* of REQUEST_HTTP: 400, 405, 415 */
    vitro_code code;      /* of REQUEST_GRPC; of REQUEST_HTTP: what to log */
    vitro_error error;    /* why not */
    /* of any action, as far as it came; all lent until the list is touched */
    vitro_str path;       /* "/pkg.Service/Method" */
    vitro_str service;    /* "pkg.Service" */
    vitro_str method;     /* "Method" */
    vitro_str authority;  /* :authority, else host (gRFC A41) */
    vitro_str codec;      /* "proto", or empty */
    vitro_str encoding;   /* grpc-encoding; empty when absent or identity */
    encoding_set accepts; /* of grpc-accept-encoding */
    int64_t timeout_ns;   /* INT64_MAX: no limit */
    bool te_missing;      /* to note, not to refuse */
};

/* The block is complete and opens a call: judge it. */
void vitro_request_check(const struct header_list *l, struct request_head *out);

/* What a block of a reply is. An end that did not end the stream asks for a reset (CANCEL). */
enum reply_kind {
    REPLY_INFORMATIONAL, /* 1xx: skip it */
    REPLY_HEADERS,       /* Response-Headers: the call goes on */
    REPLY_END            /* Trailers or Trailers-Only, or a reply that is none: the call is over */
};

struct reply_head {
    enum reply_kind kind;
    vitro_code code;      /* of REPLY_END */
    vitro_str message;    /* of REPLY_END: grpc-message as it came, percent-encoded */
    bool explicit_status; /* of REPLY_END: grpc-status stood in it, and could be read */
    vitro_error error;    /* of REPLY_END without it: why the code is what it is */
    unsigned http_status; /* 0: none in this block */
    vitro_str codec;      /* of REPLY_HEADERS */
    vitro_str encoding;   /* of REPLY_HEADERS; empty when absent or identity */
};

/*
 * The block is complete: judge it. first: no block but informational ones came before it.
 * end_stream: it ended the stream; only then does grpc-status count.
 */
void vitro_reply_check(const struct header_list *l, bool first, bool end_stream,
                       struct reply_head *out);

/* The end of a stream that had no trailers, after Response-Headers with status 200: UNKNOWN. */
vitro_code vitro_reply_missing(vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
