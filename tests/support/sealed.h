/*
 * sealed - what TLS makes of a conversation: another one, of records, and the secrets to open it.
 *
 *      struct sealed s;
 *      sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1301 });
 *      sealed_secrets(&s, &w);
 *      conversation_capture(&s.wire, &w, &talk, NULL);
 *      sealed_done(&s);
 */
#ifndef SUPPORT_SEALED_H
#define SUPPORT_SEALED_H

#include "support/decoded.h"
#include "support/tls_ends.h"

struct sealed_shape {
    uint16_t suite;       /* 0: 0x1301 */
    struct chance *cut;   /* what is sealed at a time; NULL: a turn */
    unsigned update_each; /* 1.3: new keys behind so many writes; 0: never */
    unsigned fragment;    /* the most that a record holds, from 512 on; 0: 16384 */
    unsigned chain;       /* so many certificates more than the server's own */
    bool retry;           /* 1.3: the server sends a HelloRetryRequest */
    enum { EARLY_NOT, EARLY_TAKEN, EARLY_REFUSED } early; /* 1.3: the client's first is 0-RTT */
    bool mac_first; /* CBC: nobody asks for encrypt_then_mac */
    bool padding;   /* 1.3: records are padded to a multiple of 512 bytes */
};

struct sealed {
    struct conversation wire;
    struct buf log; /* lines of a key log */
    size_t before;  /* turns of the handshake */
};

void sealed_make(struct sealed *s, const struct conversation *plain,
                 const struct sealed_shape *shape);
void sealed_done(struct sealed *s);

/* The key log as a block of the capture. */
void sealed_secrets(const struct sealed *s, struct pcap_write *w);

/* Every suite that is opened. */
extern const uint16_t sealed_suites[];
enum {
#define SUITE(id, version, name, kind, key_len, digest) SEALED_##id,
#include "crypto/suites.def"
    SEALED_SUITES
};

/* Any small conversation, and any way to seal it: with the k-th suite. cut is kept. */
struct conversation_shape sealed_any_talk(struct chance *c);
struct sealed_shape sealed_any(struct chance *c, size_t k, struct chance *cut);

/* Captured, its secrets before it unless log is NULL, in segments cut by a seed unless it is 0. */
void sealed_capture(struct pcap_write *w, const struct conversation *c, const struct buf *log,
                    unsigned long long segment_cut);

/* Capture the i-th turn but for its first bytes, so many of them; at: what was sent before it. */
void sealed_send(struct pcap_write *w, struct pcap_talk *talk, const struct sealed *s, size_t i,
                 size_t at[2], size_t lost);

/*
 * How many records were sealed, and how many of them opened; `why` of those that were not, and how
 * many are said to be the first that opened behind such.
 */
struct sealed_count {
    unsigned sealed, opened, from_here;
    const char *why;
};
struct sealed_count sealed_count(const vitro_decode *d);

/* Decode what was captured; b stays as long as the decoder. */
vitro_decode *sealed_decode(const struct pcap_write *w, struct decoded_bytes *b);

/* Capture it, decode it and assert that it tiles: its events as text. */
char *sealed_text(const struct conversation *c, const struct buf *log,
                  unsigned long long segment_cut, enum decoded_what what, size_t k);

#endif
