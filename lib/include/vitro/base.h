/*
 * base - what every other header of vitro speaks in: spans, codes, errors, memory.
 *
 * A span (vitro_bytes, vitro_str) never owns: whoever hands one out says until when it may be
 * read. Five verbs say who owns a pointer, and one of them stands at every pointer of the API:
 * copies, lends, takes, gives, keeps.
 */
#ifndef VITRO_BASE_H
#define VITRO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define VITRO_API          __attribute__((visibility("default")))
#define VITRO_CHECKED      __attribute__((warn_unused_result))
#define VITRO_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define VITRO_API
#define VITRO_CHECKED
#define VITRO_PRINTF(f, a)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A run of bytes that somebody else owns. ptr may be NULL when len is 0. */
typedef struct vitro_bytes {
    const uint8_t *ptr;
    size_t len;
} vitro_bytes;

/** A run of text that somebody else owns: not terminated, may hold any byte. */
typedef struct vitro_str {
    const char *ptr;
    size_t len;
} vitro_str;

/** A vitro_str over a string literal, in a place where only a constant is allowed. */
#define VITRO_STR_INIT(literal)                                                                    \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/**
 * View a C string as a span.
 *
 * @param text  lent; NULL gives the empty span.
 * @return lends a span, valid as long as text is.
 * Thread: any.
 */
VITRO_API vitro_str vitro_str_of(const char *text);

/**
 * True when two texts hold the same bytes.
 *
 * @param a  lent until return.
 * @param b  lent until return.
 * @return true for two empty ones, too.
 * Thread: any.
 */
VITRO_API bool vitro_str_eq(vitro_str a, vitro_str b);

/**
 * The status codes of gRPC, which are also the return codes of this library.
 * Source: grpc/doc/statuscodes.md; the numbers are fixed by the protocol.
 */
#define VITRO_CODES(X)                                                                             \
    X(OK, 0)                                                                                       \
    X(CANCELLED, 1)                                                                                \
    X(UNKNOWN, 2)                                                                                  \
    X(INVALID_ARGUMENT, 3)                                                                         \
    X(DEADLINE_EXCEEDED, 4)                                                                        \
    X(NOT_FOUND, 5)                                                                                \
    X(ALREADY_EXISTS, 6)                                                                           \
    X(PERMISSION_DENIED, 7)                                                                        \
    X(RESOURCE_EXHAUSTED, 8)                                                                       \
    X(FAILED_PRECONDITION, 9)                                                                      \
    X(ABORTED, 10)                                                                                 \
    X(OUT_OF_RANGE, 11)                                                                            \
    X(UNIMPLEMENTED, 12)                                                                           \
    X(INTERNAL, 13)                                                                                \
    X(UNAVAILABLE, 14)                                                                             \
    X(DATA_LOSS, 15)                                                                               \
    X(UNAUTHENTICATED, 16)

typedef enum vitro_code {
#define VITRO_CODE(name, number) VITRO_##name = number,
    VITRO_CODES(VITRO_CODE)
#undef VITRO_CODE
} vitro_code;

/**
 * The protocol's name of a code: "NOT_FOUND" for 5.
 *
 * @return lends a static string; "CODE_OUT_OF_RANGE" for a number that gRPC does not define.
 * Thread: any.  Source: grpc/doc/statuscodes.md.
 */
VITRO_API const char *vitro_code_name(int code);

enum {
    VITRO_ERROR_FRAMES = 4, /* causes that an error holds */
    VITRO_ERROR_TEXT = 132, /* room for the text of one of them: of a longer one both ends stay */
    VITRO_ERROR_LINE = 640  /* room for what vitro_error_format() writes: longer lines are cut */
};

/**
 * Why something failed: a code and up to four causes, in the caller's own memory.
 *
 * frame[0] is the origin and is never dropped; each layer on the way up adds one. Nothing is
 * allocated, so it needs no release. Functions that take a vitro_error accept NULL.
 */
typedef struct vitro_error {
    vitro_code code;
    uint8_t depth; /* frames in use */
    struct {
        const char *layer; /* static: "tls", "connect" */
        int32_t native;    /* errno, an OpenSSL or nghttp2 code; 0: none */
        char text[VITRO_ERROR_TEXT];
    } frame[VITRO_ERROR_FRAMES];
} vitro_error;

/**
 * Write an error as one line, newest cause first:
 * "UNAVAILABLE: connect: ipv4:127.0.0.1:50051 <- socket: Connection refused (111)".
 *
 * @param err   lent until return.
 * @param out   filled and always terminated when size is not 0; cut at size - 1 bytes.
 * @param size  of out; VITRO_ERROR_LINE holds all but extraordinary lines.
 * @return the length of the whole line, which may be more than size - 1.
 * Thread: any. Control characters are shown as \u{..}: the line is safe for a terminal.
 */
VITRO_API size_t vitro_error_format(const vitro_error *err, char *out, size_t size);

/**
 * The memory functions behind the whole library.
 *
 * Sizes are given back on resize and free, so an allocator needs no headers of its own.
 */
typedef struct vitro_allocator {
    size_t size;                          /* set by VITRO_ALLOCATOR_INIT, never by hand */
    void *(*alloc)(size_t n, void *user); /* NULL: no memory */
    void *(*resize)(void *p, size_t old_n, size_t n, void *user); /* NULL: p is untouched */
    void (*release)(void *p, size_t n, void *user);
    void *user; /* kept */
} vitro_allocator;
#define VITRO_ALLOCATOR_INIT                                                                       \
    {                                                                                              \
        sizeof(vitro_allocator), NULL, NULL, NULL, NULL                                            \
    }

/**
 * Replace malloc by another allocator for the whole process.
 *
 * @param allocator  copied; NULL restores malloc.
 * @return false when a function is missing; nothing has changed then.
 * Thread: any, but before the first object is made: memory is given back to the allocator of
 * that moment.
 */
VITRO_API VITRO_CHECKED bool vitro_allocator_set(const vitro_allocator *allocator);

#ifdef __cplusplus
}
#endif
#endif
