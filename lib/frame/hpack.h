/*
 * hpack - reads header blocks (RFC 7541), and the tables that they refer to.
 *
 *      block: [size update] [representation] [representation] ...
 *      index: 1..61 static table | 62 newest entry, 63, ... oldest entry of the dynamic table
 *
 * A reader gives one representation at a time, with the place of everything in the block and
 * what it did to the table. Nothing is allocated per field: names and values lie in the block,
 * in the static or dynamic table or in the reader's scratch.
 *
 * Strict readers (a live connection) end at the first error. Tolerant ones (a watcher) say what
 * is wrong and go on as far as the bytes can still be told apart. A *late* table begins in
 * mid-connection: it knows only what was inserted since. Indices count from the newest entry,
 * so what it knows it resolves rightly; an older entry is told as unknown with its index, and an
 * entry inserted under an unknown name keeps its place. It is never guessed.
 *
 * Somebody who knows a block's fields may say them (vitro_hpack_tell): what the table could not
 * resolve is taken from there, marked as told, and an older entry has its place from then on.
 *
 * Entries carry numbers: 1, 2, 3 ... in the order of insertion, never used again; those from
 * before a late start are 0, -1, -2 ...
 */
#ifndef VITRO_FRAME_HPACK_H
#define VITRO_FRAME_HPACK_H

#include "base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HPACK_STATIC_COUNT = 61,
    HPACK_ENTRY_OVERHEAD = 32, /* RFC 7541, 4.1 */
    HPACK_DEFAULT_SIZE = 4096,
    HPACK_DEFAULT_CAPACITY = 64 * 1024,
    HPACK_CAPACITY_MAX = 16 * 1024 * 1024,
    HPACK_DEFAULT_STRING = 64 * 1024
};

/* HPACK_INDEXED, HPACK_INCREMENTAL_INDEXED ... */
enum hpack_repr {
#define X(id, pattern, bits, name, section) HPACK_##id,
#include "frame/hpack_reprs.def"
#undef X
    HPACK_REPR_COUNT
};

/* HPACK_WRONG_INDEX_0 ... */
enum hpack_wrong {
    HPACK_WRONG_NOTHING,
#define X(id, text, section) HPACK_WRONG_##id,
#include "frame/hpack_wrongs.def"
#undef X
    HPACK_WRONG_COUNT
};

/* Static text, never NULL for values of the enums. */
const char *vitro_hpack_repr_name(enum hpack_repr repr);
const char *vitro_hpack_repr_section(enum hpack_repr repr);
const char *vitro_hpack_wrong_text(enum hpack_wrong wrong); /* of NOTHING: "" */
const char *vitro_hpack_wrong_section(enum hpack_wrong wrong);

/* ---- Tables -------------------------------------------------------------------------------- */

enum hpack_entry_flag {
    HPACK_ENTRY_NAME_UNKNOWN = 1, /* inserted under a name that is not known */
    HPACK_ENTRY_VALUE_UNKNOWN = 2,
    HPACK_ENTRY_TOLD = 4 /* some of it was told, and stood in no block */
};

/* An entry as it is shown. Lent until the table changes. */
struct hpack_entry {
    vitro_str name, value;
    int64_t number;  /* in order of insertion; 0 for the static table */
    uint64_t origin; /* what the inserter said: which frame it was */
    uint8_t flags;   /* enum hpack_entry_flag */
};

/* index is 1 to 61. */
struct hpack_entry vitro_hpack_static(uint32_t index);

struct hpack_slot {
    uint32_t pos; /* of its name in the bytes; the value is behind it */
    uint32_t name_len, value_len;
    uint8_t flags;
    uint64_t origin;
};

/* An entry from before a late start, which was told. */
struct hpack_old {
    char *text; /* name, then value */
    uint32_t name_len, value_len;
    int64_t number;
    uint8_t flags;
};

/* The dynamic table of one direction. Its members are read-only from outside. */
struct hpack_table {
    struct account *account;
    struct hpack_slot *slots; /* a ring of a power of two */
    uint8_t *bytes;           /* names and values, live between head and tail */
    uint32_t slot_cap, first; /* first: the oldest slot */
    uint32_t count;           /* entries */
    uint32_t byte_cap, head, tail;
    uint32_t size;          /* as RFC 7541, 4.1 counts; at least, when parts are unknown */
    uint32_t max_size;      /* what the encoder may use now */
    uint32_t capacity;      /* what is kept at most, whatever max_size */
    uint32_t old_size;      /* older entries not known may take up to so many bytes; */
    bool max_certain;       /* max_size was seen on the wire or is the protocol's */
    int64_t next;           /* the number of the next insertion */
    struct hpack_old *olds; /* those of the older entries that were told, newest first */
    uint32_t old_count, old_cap;
};

/* Begin empty. capacity bounds memory: about twice as many bytes at most. account is kept. */
void vitro_hpack_table_init(struct hpack_table *t, struct account *account, uint32_t max_size,
                            uint32_t capacity);
void vitro_hpack_table_done(struct hpack_table *t);

/*
 * Everything so far is forgotten: blocks were lost, or the capture begins here. From now on an
 * index that reaches behind the entries inserted since is unknown and no error.
 */
void vitro_hpack_table_lose(struct hpack_table *t);

/*
 * Begin in mid-connection with a table of which this is known: its maximum, and how many bytes its
 * entries take.
 */
void vitro_hpack_table_resume(struct hpack_table *t, uint32_t max_size, uint32_t size);

/* False when entries from before a late start may still be there, behind those that are known. */
bool vitro_hpack_table_complete(const struct hpack_table *t);

/* An older entry that was told, by its number; false when it was not. */
bool vitro_hpack_table_old(const struct hpack_table *t, int64_t number, struct hpack_entry *out);

/* Say what an older entry is. Without memory it stays unknown. */
void vitro_hpack_table_tell(struct hpack_table *t, const struct hpack_entry *entry);

/* The i-th entry, 0 is the newest (index 62), number next - 1; i < t->count. */
struct hpack_entry vitro_hpack_table_entry(const struct hpack_table *t, uint32_t i);

/* Make dst, an initialised table, equal to src: a checkpoint, in as little memory as it takes. */
bool vitro_hpack_table_copy(struct hpack_table *dst, const struct hpack_table *src);

/*
 * Insert, evicting from the oldest (RFC 7541, 4.4); an entry larger than max_size leaves the
 * table empty and is not inserted. name and value may lie in this table. *evicted counts.
 * False, and the table lost, when memory is out.
 */
bool vitro_hpack_table_insert(struct hpack_table *t, const struct hpack_entry *entry,
                              bool *inserted, uint32_t *evicted);

/* Change max_size (RFC 7541, 4.3); returns how many entries were evicted. */
uint32_t vitro_hpack_table_resize(struct hpack_table *t, uint32_t max_size);

/* ---- Reading ------------------------------------------------------------------------------- */

enum hpack_field_flag {
    HPACK_NAME_HUFFMAN = 0x01,
    HPACK_VALUE_HUFFMAN = 0x02,
    HPACK_NAME_UNKNOWN = 0x04,  /* name is empty: an entry from before the beginning */
    HPACK_VALUE_UNKNOWN = 0x08, /* likewise */
    HPACK_INSERTED = 0x10,
    HPACK_NEVER = 0x20, /* never to be indexed (RFC 7541, 7.1.3) */
    HPACK_TOLD = 0x40   /* name or value was told: no block that was read has it */
};

/* A string literal in the block; all 0 when the representation has none. */
struct hpack_string {
    uint32_t at;  /* of its first octet: the H bit and the length */
    uint32_t off; /* of its octets */
    uint32_t len; /* octets on the wire */
};

/*
 * One representation. Offsets are in the block. name and value are lent: until the next call on
 * the reader, and no longer than the block. A wrong field still has all that could be read.
 */
struct hpack_field {
    uint8_t repr;  /* enum hpack_repr */
    uint8_t wrong; /* enum hpack_wrong */
    uint8_t flags; /* enum hpack_field_flag */
    uint32_t off, len;
    uint32_t head;  /* octets of pattern and integer at off */
    uint32_t index; /* 0: new name */
    uint32_t size;  /* of a size update: the new maximum */
    uint32_t evicted;
    struct hpack_string name_wire, value_wire;
    vitro_str name, value;
    int64_t refers;   /* number of the dynamic entry that index means; valid when index >= 62 */
    int64_t inserted; /* number of the new entry, valid with HPACK_INSERTED */
    uint64_t origin;  /* of the entry that index means, when it is known and dynamic */
};

struct hpack_reader_options {
    uint32_t max_size;   /* SETTINGS_HEADER_TABLE_SIZE of the reading side; 0 is 0 */
    uint32_t capacity;   /* bytes of table kept at most, whatever max_size; 0: 64 KiB */
    uint32_t max_string; /* decoded bytes of one string; 0: 64 KiB */
    bool tolerant;       /* go on after errors */
    bool late;           /* the beginning was not seen; max_size is an assumption then */
};

/* One direction of a connection. Members but table, unknown and fields are private. */
struct hpack_reader {
    struct hpack_table table;
    struct buf name, value; /* scratch of decoded strings */
    vitro_bytes block;
    size_t at;
    uint64_t origin;
    uint64_t fields;  /* fields given out so far */
    uint64_t unknown; /* of those, how many with an unknown name or value */
    uint32_t limit;   /* the most that a size update may ask for */
    uint32_t max_string;
    bool tolerant, limit_certain;
    bool update_due;  /* the limit went below the table: an update must come */
    uint32_t due;     /* and ask for no more than this */
    bool fields_seen; /* in this block */
    uint8_t failed;   /* strict: enum hpack_wrong that ended it */
    struct buf told;  /* the fields of this block, as somebody has said them */
    size_t told_at;   /* those before are used */
    uint32_t filled;  /* how many fields of this block it took to fill in */
};

/* account is kept, may be NULL. */
void vitro_hpack_reader_init(struct hpack_reader *r, struct account *account,
                             const struct hpack_reader_options *options);
void vitro_hpack_reader_done(struct hpack_reader *r);

/*
 * SETTINGS_HEADER_TABLE_SIZE of the reading side was acknowledged by the writing side: from here
 * on the limit is max_size, and when that is less than the table, a size update is due.
 */
void vitro_hpack_reader_limit(struct hpack_reader *r, uint32_t max_size);

/* Blocks were lost: see vitro_hpack_table_lose. */
void vitro_hpack_reader_lose(struct hpack_reader *r);

/*
 * Say the fields of the next block, in its order, as lines "name: value\n"; copied. They only fill
 * in what the table does not know, and are dropped at the first that contradicts the block.
 */
void vitro_hpack_tell(struct hpack_reader *r, vitro_bytes lines);

/* Begin a whole block, lent until its last field was taken; origin is kept with its insertions. */
void vitro_hpack_block(struct hpack_reader *r, vitro_bytes block, uint64_t origin);

/*
 * Take the next representation: false at the end of the block. Each comes exactly once and they
 * cover the block. In strict mode a wrong one is the last and every later block begins with
 * false. In tolerant mode a block that cannot be told apart any more ends with one HPACK_REST,
 * whose wrong says why, and the table is lost (what it inserted is not known).
 */
bool vitro_hpack_next(struct hpack_reader *r, struct hpack_field *field);

/* Make dst, an initialised reader between blocks, equal to src, which is between blocks too. */
bool vitro_hpack_reader_copy(struct hpack_reader *dst, const struct hpack_reader *src);

#ifdef __cplusplus
}
#endif
#endif
