/*
 * large - captures with as many frames as one asks for, written as they are made: what the bound
 * on memory and the speed of looking are measured with.
 */
#ifndef VITRO_TESTS_LARGE_H
#define VITRO_TESTS_LARGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* LARGE_UNARY, LARGE_IDS ... with the word that names it and what it stands for. */
#define LARGE_SHAPES(X)                                                                            \
    X(UNARY, "unary", "small unary calls on one connection")                                       \
    X(IDS, "ids", "the same with a request id in each, so that each block changes the table")      \
    X(STREAM, "stream", "one stream, a small message a packet")                                    \
    X(BULK, "bulk", "one stream, messages of 1 MiB, a packet a DATA frame of 16 KiB")              \
    X(ETHERNET, "ethernet", "the same in packets of 1,448 bytes")                                  \
    X(CONNS, "conns", "a connection for each unary call")                                          \
    X(REFUSED, "refused", "connections that are refused")                                          \
    X(NOTES, "notes", "small unary calls as our own trace tells them")                             \
    X(PARALLEL, "parallel", "a hundred connections with calls in turn")

enum large_shape {
#define X(id, name, text) LARGE_##id,
    LARGE_SHAPES(X)
#undef X
        LARGE_COUNT
};

const char *large_name(enum large_shape shape);
const char *large_text(enum large_shape shape);

/*
 * A capture of about `frames` frames; of REFUSED and NOTES packets and notes count as well. False
 * when it could not be written.
 */
bool large_write(FILE *out, enum large_shape shape, uint32_t frames);

#endif
