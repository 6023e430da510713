/*
 * capture - records out of a capture file: packets, notes, TLS secrets.
 *
 *      pcapng   section | interface | packet | note | secrets | packet ... section ...
 *      pcap     header | packet | packet ...
 *
 * Both byte orders of both formats; a pcapng section may hold interfaces of different link types,
 * snap lengths and clocks, and sections follow each other in one file. Blocks that carry nothing
 * for us are skipped. Lengths are bounded before anything is asked for, and what a cut file holds
 * up to its cut is delivered before the cut is told.
 *
 * Source: draft-ietf-opsawg-pcapng, draft-ietf-opsawg-pcap, systemd's Journal Export Format.
 */
#ifndef VITRO_DECODE_CAPTURE_H
#define VITRO_DECODE_CAPTURE_H

#include "base/mem.h"
#include "vitro/lab/capture.h"

#ifdef __cplusplus
extern "C" {
#endif

enum capture_kind {
    CAPTURE_PACKET,  /* bytes: the captured part of a packet, from its link header on */
    CAPTURE_NOTE,    /* bytes: one journal entry; see vitro_note_next */
    CAPTURE_SECRETS, /* bytes: secrets, of the format secrets_type */
};

enum { CAPTURE_SECRETS_TLS = 0x544c534b }; /* "TLSK": the lines of a key log */

struct capture_record {
    enum capture_kind kind;
    uint64_t number;       /* tshark's frame.number; of secrets: that of the packet before, or 0 */
    int64_t ts;            /* nanoseconds since 1970 */
    bool has_ts;           /* false: a simple packet block or secrets; ts is 0 */
    uint64_t offset;       /* of bytes in the capture */
    vitro_bytes bytes;     /* lent until the next call of the lend function */
    uint32_t original;     /* a packet's length on the wire; more than bytes.len: cut by snaplen */
    uint16_t link;         /* LINKTYPE_ number of a packet */
    uint32_t interface_id; /* in its section */
    uint32_t secrets_type;
};

enum capture_step {
    CAPTURE_RECORD, /* *out is filled */
    CAPTURE_END,    /* nothing is left */
    CAPTURE_CUT,    /* the capture ends inside a record; asking again later goes on from there */
    CAPTURE_BAD,    /* no capture, or one that contradicts itself: nothing more can be read */
};

enum capture_format { CAPTURE_UNKNOWN, CAPTURE_PCAPNG, CAPTURE_PCAP };

struct capture_interface {
    uint64_t units;   /* timestamp units a second */
    int64_t offset;   /* seconds to add: if_tsoffset */
    uint32_t snaplen; /* 0: none */
    uint16_t link;
};

struct capture {
    vitro_lend *lend;
    void *user;
    struct account *account;
    enum capture_format format;
    bool big_endian;                      /* of the section being read */
    uint64_t at;                          /* where the next block or record begins */
    uint64_t number;                      /* packets and notes so far */
    uint64_t skipped;                     /* blocks of a kind that carries nothing for us */
    struct capture_interface *interfaces; /* of the section; pcap: one */
    size_t count, room;
};

/* Begin at offset 0. lend, user and account are kept. Nothing is read yet. */
void vitro_capture_init(struct capture *c, vitro_lend *lend, void *user, struct account *account);
void vitro_capture_done(struct capture *c);

/* The next record. err is filled for CUT and BAD and says what and at which offset. */
enum capture_step vitro_capture_next(struct capture *c, struct capture_record *out,
                                     vitro_error *err);

/* One field of a note. */
struct note_field {
    vitro_str name;
    vitro_str value; /* any bytes */
    size_t at;       /* of value, from the beginning of the note's bytes */
};

/*
 * Walk the fields of a note: begin with *cursor 0. False at the end, and where the rest is no
 * field: then *cursor is less than entry.len.
 */
bool vitro_note_next(vitro_bytes entry, size_t *cursor, struct note_field *out);

/* The first field of that name; false when there is none. */
bool vitro_note_find(vitro_bytes entry, vitro_str name, struct note_field *out);

#ifdef __cplusplus
}
#endif
#endif
