/*
 * merge - the traces of several programs as one capture, block by block as they come.
 *
 * Each stream is a capture of its own (pcapng of any byte order, or pcap), cut anywhere. Its
 * blocks are written anew: interfaces are numbered on, times are nanoseconds, and what could be
 * taken for another program's is kept apart:
 *
 *      notes ......... get VITRO_PROGRAM, and [N] before their message; the numbers of conns and
 *                      calls are that program's
 *      addresses ..... those invented for links and UNIX sockets (192.0.2.1, .2: the same in every
 *                      trace) become a pair of that program's own
 *      connections ... whose other end is watched as well are shown once: by who had them first
 *
 * What a stream sends is hostile: its blocks are bounded, all streams' buffers together are, and
 * one that contradicts itself is refused with a word, while the others go on.
 */
#ifndef VITRO_TOOLS_MERGE_H
#define VITRO_TOOLS_MERGE_H

#include "base/list.h"
#include "decode/capture.h"
#include "feed.h"
#include "merge_flows.h"

enum {
    MERGE_BLOCK = VITRO_LEND_MAX,    /* the largest block that a decoder takes */
    MERGE_BUFFERS = 4 * MERGE_BLOCK, /* of all streams together */
    MERGE_PACKET = 256 * 1024,       /* the largest that is changed */
    MERGE_INTERFACES = 64            /* that one stream may use */
};

struct merge_interface {
    uint32_t from, to; /* its number in the stream, and in what comes out */
    uint16_t link;
};

struct merge_stream {
    struct merge *merge;
    uint32_t program; /* from 1; 0: it has not sent anything yet */
    char name[64];    /* for people; of this process, 0 when not known */
    uint32_t process;
    char mark[16], field[32]; /* what its notes get */
    struct capture capture;
    uint8_t *data; /* what is not taken yet: begins at `base` of the stream */
    size_t len, cap;
    uint64_t base;
    int64_t last; /* the newest time it has told */
    struct merge_interface interfaces[MERGE_INTERFACES];
    size_t count;
};

struct merge_free {
    uint32_t id;
    uint16_t link;
};

struct merge {
    struct feed *feed;
    bool many; /* programs are kept apart; else the only stream passes as it is */
    uint32_t programs, interfaces;
    size_t buffers;          /* bytes of all streams' */
    struct account account;  /* of what the streams say of their interfaces */
    struct merge_free *free; /* interfaces of programs that have left */
    size_t free_count, free_cap;
    struct merge_flows flows;
    uint8_t *packet; /* room for one that is changed */
    struct buf note; /* the same */
};

/* Write the beginning of a capture to the feed, which is kept. False without memory. */
bool merge_init(struct merge *m, struct feed *feed, bool many);
void merge_done(struct merge *m);

/* A program joins: with its first byte that is told. name is copied. */
void merge_join(struct merge *m, struct merge_stream *s, const char *name, uint32_t process);

/*
 * Where to put what it sends next, and how much fits: at least one byte. NULL, and err filled,
 * when there is no room for it.
 */
uint8_t *merge_room(struct merge_stream *s, size_t *room, vitro_error *err);

/* n bytes were put there. Not VITRO_OK: they are no capture, and the stream is to be left. */
vitro_code merge_take(struct merge_stream *s, size_t n, vitro_error *err);

/* It leaves: at its end, or because of err. */
void merge_leave(struct merge_stream *s, const vitro_error *err);

#endif
