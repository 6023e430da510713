/*
 * hpack_writer - writes header blocks (RFC 7541): each field as the caller wants it on the wire,
 * or as is best.
 *
 * It keeps the dynamic table that its reader will have. What is wrong on purpose (an index that
 * does not exist, broken Huffman padding) is made of vitro_hpack_write_int and _string, which
 * know no table.
 */
#ifndef VITRO_FRAME_HPACK_WRITER_H
#define VITRO_FRAME_HPACK_WRITER_H

#include "frame/hpack.h"

#ifdef __cplusplus
extern "C" {
#endif

enum hpack_how {
    HPACK_HOW_AUTO,        /* indexed when possible, never for secrets, else incremental */
    HPACK_HOW_INDEXED,     /* fails when no table has name and value */
    HPACK_HOW_INCREMENTAL, /* added to the table */
    HPACK_HOW_WITHOUT,
    HPACK_HOW_NEVER
};

enum hpack_choice {
    HPACK_CHOICE_AUTO, /* names: by index when there is one; Huffman: when shorter */
    HPACK_CHOICE_NO,
    HPACK_CHOICE_YES
};

/* All zero: everything automatic. */
struct hpack_style {
    uint8_t how;           /* enum hpack_how */
    uint8_t name_index;    /* enum hpack_choice; YES fails when no table has the name */
    uint8_t huffman_name;  /* enum hpack_choice */
    uint8_t huffman_value; /* enum hpack_choice */
};

struct hpack_writer {
    struct hpack_table table;
    uint64_t origin; /* kept with each insertion; set by the caller */
};

/* account is kept. max_size is at most the peer's SETTINGS_HEADER_TABLE_SIZE. */
void vitro_hpack_writer_init(struct hpack_writer *w, struct account *account, uint32_t max_size);
void vitro_hpack_writer_done(struct hpack_writer *w);

/*
 * Add one field to a block. style may be NULL. False, and nothing added and the table as it was,
 * when b is full or the style cannot be had.
 */
bool vitro_hpack_write(struct hpack_writer *w, struct buf *b, vitro_str name, vitro_str value,
                       const struct hpack_style *style);

/* Add a size update (it belongs at the beginning of a block) and resize the table. */
bool vitro_hpack_write_size(struct hpack_writer *w, struct buf *b, uint32_t max_size);

/* An integer with a prefix of 1 to 8 bits behind the bits of pattern (RFC 7541, 5.1). */
bool vitro_hpack_write_int(struct buf *b, uint8_t pattern, unsigned bits, uint64_t value);

/* A string literal (RFC 7541, 5.2). */
bool vitro_hpack_write_string(struct buf *b, vitro_str s, enum hpack_choice huffman);

/* True for names whose values are secrets: written as never indexed when left to us. */
bool vitro_hpack_name_secret(vitro_str name);

#ifdef __cplusplus
}
#endif
#endif
