#include "decode/handshake.h"

#include <string.h>

#include "base/util.h"
#include "crypto/record.h"

/* ---- layout ---------------------------------------------------------------------------------- */

enum kind { HEAD, NUMBER, BYTES, REST, VECTOR, TEXT, NUMBERS, LIST, EXTENSIONS };

/* A structure is the number of its head; its fields are the rows behind it, up to the next head. */
#define JOIN_(a, b)                                      a##b
#define JOIN(a, b)                                       JOIN_(a, b)
#define FIELD                                            JOIN(ROW_, __LINE__),
#define STRUCTURE(id)                                    IS_##id,
#define NUMBER(width, name, registry)                    FIELD
#define BYTES(length, name)                              FIELD
#define REST(name)                                       FIELD
#define VECTOR(prefix, length_name, name)                FIELD
#define TEXT(prefix, length_name, name)                  FIELD
#define NUMBERS(prefix, length_name, width, name, names) FIELD
#define LIST(prefix, length_name, structure)             FIELD
#define EXTENSIONS                                       FIELD
enum {
#include "decode/handshake_layout.def"
    ROWS
};
#undef STRUCTURE
#undef NUMBER
#undef BYTES
#undef REST
#undef VECTOR
#undef TEXT
#undef NUMBERS
#undef LIST
#undef EXTENSIONS

static const struct row {
    uint8_t kind, prefix, width, registry;
    uint16_t structure;
    const char *length_name, *name;
} rows[] = {
#define STRUCTURE(id)                 { HEAD, 0, 0, 0, 0, NULL, NULL },
#define NUMBER(width, name, registry) { NUMBER, 0, width, TLS_##registry, 0, NULL, name },
#define BYTES(length, name)           { BYTES, 0, length, 0, 0, NULL, name },
#define REST(name)                    { REST, 0, 0, 0, 0, NULL, name },
#define VECTOR(prefix, length, name)  { VECTOR, prefix, 0, 0, 0, length, name },
#define TEXT(prefix, length, name)    { TEXT, prefix, 0, 0, 0, length, name },
#define NUMBERS(prefix, length, width, name, registry)                                             \
    { NUMBERS, prefix, width, TLS_##registry, 0, length, name },
#define LIST(prefix, length, structure) { LIST, prefix, 0, 0, IS_##structure, length, NULL },
#define EXTENSIONS                      { EXTENSIONS, 2, 0, 0, 0, "tls.handshake.extensions_length", NULL },
#include "decode/handshake_layout.def"
};
#undef STRUCTURE
#undef NUMBER
#undef BYTES
#undef REST
#undef VECTOR
#undef TEXT
#undef NUMBERS
#undef LIST
#undef EXTENSIONS

/* RFC 8446, 4; RFC 5246, 7.4; RFC 6066, 8; RFC 8879, 4 */
enum {
    HELLO_REQUEST = 0,
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    NEW_SESSION_TICKET = 4,
    END_OF_EARLY_DATA = 5,
    HELLO_RETRY_REQUEST = 6,
    ENCRYPTED_EXTENSIONS = 8,
    CERTIFICATE = 11,
    SERVER_KEY_EXCHANGE = 12,
    CERTIFICATE_REQUEST = 13,
    SERVER_HELLO_DONE = 14,
    CERTIFICATE_VERIFY = 15,
    CLIENT_KEY_EXCHANGE = 16,
    FINISHED = 20,
    CERTIFICATE_STATUS = 22,
    KEY_UPDATE = 24,
    COMPRESSED_CERTIFICATE = 25
};

enum when { ANY, OLD, NEW };

static const struct message_row {
    uint8_t type, when;
    uint16_t structure;
} messages[] = {
#define MESSAGE(type, when, structure) { type, when, IS_##structure },
#include "decode/handshake_layout.def"
#undef MESSAGE
};

/* Which messages an extension stands in. */
enum {
    IN_CLIENT_HELLO = 1,
    IN_SERVER_HELLO = 2,
    IN_RETRY = 4,
    IN_CERTIFICATE = 8,
    IN_REQUEST = 16,
    IN_TICKET = 32,
    IN_OTHERS = 64,
    IN_ANY = 127
};

static const struct extension_row {
    uint16_t number, structure;
    uint8_t where;
} extensions[] = {
#define EXTENSION(number, where, structure) { number, IS_##structure, where },
#include "decode/handshake_layout.def"
#undef EXTENSION
};

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *bytes;
    size_t have; /* fields may go on behind them */
    bool is_1_3;
    bool done; /* no more bytes, or nobody wants more */
    uint8_t where;
    handshake_field_fn *fn;
    void *user;
};

/* What is being read: [at, end) of it is left. */
struct run {
    size_t at, end;
    unsigned depth;
    bool broken; /* a field did not fit: of those behind it nothing is known */
};

/* Tell a field as far as its bytes are there; the first that is cut is the last. */
static void tell(struct reader *r, struct handshake_field f, size_t off, size_t len, unsigned depth)
{
    size_t end = off + len;

    if (r->done || (len && off >= r->have)) {
        r->done = true;
        return;
    }
    if (end > r->have) {
        end = r->have;
        if (f.form == HANDSHAKE_NUMBER)
            f.form = HANDSHAKE_BYTES;
    }
    f.off = (uint32_t)off;
    f.len = (uint32_t)(end - off);
    f.depth = (uint8_t)depth;
    r->done = !r->fn(&f, r->user) || (end < off + len && f.form != HANDSHAKE_GROUP);
}

static void wrong(struct reader *r, struct run *run, const char *why)
{
    run->broken = true;
    tell(r, (struct handshake_field){ .form = HANDSHAKE_WRONG, .name = "tls.unknown", .text = why },
         run->at, run->end - run->at, run->depth);
    run->at = run->end;
}

static bool room(struct reader *r, struct run *run, size_t len)
{
    if (len <= run->end - run->at)
        return true;
    wrong(r, run, run->at < run->end ? "it ends inside a field" : "fields are missing");
    return false;
}

static uint32_t load(const struct reader *r, size_t at, unsigned width)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < width && at + i < r->have; i++)
        v = v << 8 | r->bytes[at + i];
    return v;
}

static uint32_t number(struct reader *r, struct run *run, unsigned width, const char *name,
                       uint8_t registry)
{
    struct handshake_field f = { .form = HANDSHAKE_NUMBER, .name = name, .registry = registry };

    if (!room(r, run, width))
        return 0;
    f.number = load(r, run->at, width);
    f.text = vitro_tls_name(registry, f.number);
    tell(r, f, run->at, width, run->depth);
    run->at += width;
    return f.number;
}

static void bytes(struct reader *r, struct run *run, size_t len, const char *name,
                  enum handshake_form form)
{
    if (len && room(r, run, len)) {
        tell(r, (struct handshake_field){ .form = (uint8_t)form, .name = name }, run->at, len,
             run->depth);
        run->at += len;
    }
}

/* A length and what it spans; nothing is in it when it does not fit. */
static struct run inside(struct reader *r, struct run *run, unsigned prefix, const char *name)
{
    size_t len = number(r, run, prefix, name, TLS_NO_NAMES);
    struct run in = { run->at, run->at, run->depth, false };

    if (!r->done && len > run->end - run->at)
        wrong(r, run, "its length says more than there is");
    else if (!r->done)
        in.end = run->at += len;
    return in;
}

static void structure(struct reader *r, struct run *run, uint16_t head);

/* All of run is one structure. */
static void filled(struct reader *r, struct run *run, uint16_t head)
{
    structure(r, run, head);
    if (run->at < run->end && !r->done && !run->broken)
        wrong(r, run, "more than belongs here");
}

static uint16_t extension_structure(const struct reader *r, uint32_t type)
{
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
        if (extensions[i].number == type && extensions[i].where & r->where)
            return extensions[i].structure;
    }
    return IS_OTHER;
}

static void extension(struct reader *r, struct run *run)
{
    uint32_t type = load(r, run->at, 2);
    struct run whole = { run->at, run->end, run->depth + 1, false }, in;
    struct handshake_field group = { .form = HANDSHAKE_GROUP,
                                     .name = "tls.handshake.extension",
                                     .registry = TLS_EXTENSION,
                                     .number = type,
                                     .text = vitro_tls_name(TLS_EXTENSION, type) };

    if (!room(r, run, 4))
        return;
    tell(r, group, run->at, MIN(4 + load(r, run->at + 2, 2), run->end - run->at), run->depth);
    number(r, &whole, 2, "tls.handshake.extension.type", TLS_EXTENSION);
    in = inside(r, &whole, 2, "tls.handshake.extension.len");
    run->at = whole.at;
    if (in.at < in.end) /* some are said by their being there alone */
        filled(r, &in, extension_structure(r, type));
}

static void list(struct reader *r, struct run in, uint16_t head)
{
    while (in.at < in.end && !r->done) {
        if (head)
            structure(r, &in, head);
        else
            extension(r, &in);
    }
}

static void numbers(struct reader *r, struct run in, const struct row *row)
{
    while (in.at < in.end && !r->done)
        number(r, &in, row->width, row->name, row->registry);
}

static void field(struct reader *r, struct run *run, const struct row *row)
{
    struct run in;

    switch (row->kind) {
    case NUMBER:
        number(r, run, row->width, row->name, row->registry);
        return;
    case BYTES:
        bytes(r, run, row->width, row->name, HANDSHAKE_BYTES);
        return;
    case REST:
        bytes(r, run, run->end - run->at, row->name, HANDSHAKE_BYTES);
        return;
    default:
        in = inside(r, run, row->prefix, row->length_name);
    }
    if (row->kind == NUMBERS)
        numbers(r, in, row);
    else if (row->kind == LIST || row->kind == EXTENSIONS)
        list(r, in, row->structure);
    else
        bytes(r, &in, in.end - in.at, row->name,
              row->kind == TEXT ? HANDSHAKE_TEXT : HANDSHAKE_BYTES);
}

static void structure(struct reader *r, struct run *run, uint16_t head)
{
    for (const struct row *row = &rows[head + 1]; row < rows + ROWS && row->kind != HEAD; row++) {
        if (r->done || run->broken)
            return;
        if (row->kind == EXTENSIONS && run->at == run->end)
            return; /* before 1.2 hellos had none (RFC 5246, 7.4.1.2) */
        field(r, run, row);
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

/* What its random says when it is none: SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3). */
static const uint8_t retry_random[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                          0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                          0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                          0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };

static bool is_retry(const struct reader *r, size_t body, uint8_t type)
{
    return type == SERVER_HELLO && r->have >= body + 2 + sizeof retry_random &&
           memcmp(r->bytes + body + 2, retry_random, sizeof retry_random) == 0;
}

static uint8_t where_of(uint8_t type, bool retry)
{
    return type == CLIENT_HELLO          ? IN_CLIENT_HELLO
           : type == SERVER_HELLO        ? (retry ? IN_RETRY : IN_SERVER_HELLO)
           : type == CERTIFICATE         ? IN_CERTIFICATE
           : type == CERTIFICATE_REQUEST ? IN_REQUEST
           : type == NEW_SESSION_TICKET  ? IN_TICKET
                                         : IN_OTHERS;
}

/*
 * How keys are exchanged follows from the suite of another message; the bytes tell curves from
 * primes well enough (RFC 8422, 5.4 and 5.7; RFC 5246, 7.4.3 and 7.4.7).
 */
static uint16_t exchange_structure(const struct reader *r, uint8_t type, const struct run *body)
{
    uint32_t first = load(r, body->at, 1);

    if (type == SERVER_KEY_EXCHANGE)
        return first == 3 ? IS_SERVER_KEY_EXCHANGE_CURVE : IS_SERVER_KEY_EXCHANGE_PRIME;
    return first + 1 == body->end - body->at ? IS_CLIENT_KEY_EXCHANGE_CURVE
                                             : IS_CLIENT_KEY_EXCHANGE;
}

static uint16_t message_structure(const struct reader *r, uint8_t type, const struct run *body)
{
    if (type == SERVER_KEY_EXCHANGE || type == CLIENT_KEY_EXCHANGE)
        return exchange_structure(r, type, body);
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        if (messages[i].type == type &&
            (messages[i].when == ANY || (messages[i].when == NEW) == r->is_1_3))
            return messages[i].structure;
    }
    return IS_OTHER;
}

/* The message at `at`, as far as it is there; returns where the next one begins. */
static size_t message(struct reader *r, size_t at)
{
    uint8_t type = r->bytes[at];
    size_t end = at + 4 + load(r, at + 1, 3);
    bool retry = is_retry(r, at + 4, type);
    struct run run = { at, at + 4, 1, false };
    uint32_t called = retry ? HELLO_RETRY_REQUEST : type;
    struct handshake_field group = { .form = HANDSHAKE_GROUP,
                                     .name = "tls.handshake",
                                     .registry = TLS_MESSAGE,
                                     .number = called,
                                     .text = vitro_tls_name(TLS_MESSAGE, called) };

    tell(r, group, at, end - at, 0);
    number(r, &run, 1, "tls.handshake.type", TLS_MESSAGE);
    number(r, &run, 3, "tls.handshake.length", TLS_NO_NAMES);
    run.end = end;
    r->where = where_of(type, retry);
    if (!r->done)
        filled(r, &run, message_structure(r, type, &run));
    return end;
}

void vitro_handshake_read(uint8_t content_type, bool is_1_3, vitro_bytes content,
                          handshake_field_fn *fn, void *user)
{
    struct reader r = { content.ptr, MIN(content.len, UINT32_MAX), is_1_3, false, IN_OTHERS, fn,
                        user };
    struct run all = { 0, r.have, 0, false };

    if (content_type == RECORD_HANDSHAKE) {
        while (all.at < all.end && !r.done)
            all.at = message(&r, all.at);
    } else if (content_type == RECORD_ALERT) {
        filled(&r, &all, IS_ALERT);
    } else if (content_type == RECORD_CHANGE_CIPHER_SPEC) {
        filled(&r, &all, IS_CHANGE_CIPHER_SPEC);
    } else {
        bytes(&r, &all, r.have, "tls.app_data", HANDSHAKE_BYTES);
    }
}
