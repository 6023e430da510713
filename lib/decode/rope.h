/*
 * rope - sources made of pieces of the source below.
 *
 *      direction:  [seg][seg][hole][seg]          a seg: where in the capture its bytes stand
 *      block, body: [link]->[link]->[link]        a link: where in the direction its bytes stand
 *
 * The segs of a direction are packed by offset. The links of all header blocks and bodies share one
 * pool, so that a stream with one DATA frame costs one link and nothing else.
 */
#ifndef VITRO_DECODE_ROPE_H
#define VITRO_DECODE_ROPE_H

#include "decode/packlog.h"
#include "vitro/lab/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ROPE_HOLE UINT64_MAX
#define ROPE_END  UINT32_MAX

/* Where the bytes of a direction stand, a row each time they go on elsewhere. */
struct segs {
    struct packlog log;     /* offset in the direction; see seg_row() */
    uint64_t end;           /* of the direction */
    uint64_t holes;         /* bytes */
    uint64_t dropped;       /* what lies below this offset is no longer held */
    uint64_t last, capture; /* the last seg: where it begins, and in the capture or ROPE_HOLE */
};

/* One of them. */
struct seg {
    uint64_t at;      /* offset in the direction */
    uint64_t len;     /* it reaches to the next one's */
    uint64_t capture; /* offset in the capture, or ROPE_HOLE */
};

/* Where a reader found a seg the last time: it is likely to ask for the same, or for the next. */
struct segs_memo {
    const struct segs *of;   /* NULL: nowhere */
    uint32_t count, dropped; /* of the log then: rows, pages at its front */
    struct packlog_at at;    /* behind the seg */
    struct seg seg;
};

void vitro_segs_init(struct segs *s, struct account *account);
void vitro_segs_done(struct segs *s);

/*
 * Add len bytes at the end, which stand at `capture`, or ROPE_HOLE; last is the writer's, all 0 at
 * first. False without memory: nothing is added.
 */
bool vitro_segs_add(struct segs *s, struct packlog_row *last, uint64_t capture, uint64_t len);

/* Forget segs that lie wholly below an offset, as far as that is cheap. */
void vitro_segs_drop(struct segs *s, uint64_t below);

/* The offset where the newer half of those that are held begins. */
uint64_t vitro_segs_middle(const struct segs *s);

/* How many are held. */
uint32_t vitro_segs_held(const struct segs *s);

/*
 * The run of bytes from `at` on that lies in one seg: its length, and where it is in the capture
 * or ROPE_HOLE; 0 at the end.
 */
uint64_t vitro_segs_run(const struct segs *s, uint64_t at, uint64_t *capture);

/* The same with a memory, which may be of other segs. */
uint64_t vitro_segs_run_near(const struct segs *s, struct segs_memo *memo, uint64_t at,
                             uint64_t *capture);

/* Walk them from the first that is held: *at begins with log NULL. */
bool vitro_segs_next(const struct segs *s, struct packlog_at *at, struct seg *out);

/* True when some of [at, at + len) is a hole. */
bool vitro_segs_hole(const struct segs *s, uint64_t at, uint64_t len);

struct link {
    uint64_t off; /* in its rope */
    uint64_t at;  /* in the direction */
    uint32_t len;
    uint32_t next; /* ROPE_END: the last */
};

enum { LINKS_PAGE = 256 };

struct links {
    struct account *account;
    struct link **pages;
    uint32_t count, page_cap;
    uint32_t free;
};

static inline struct link *vitro_link_at(const struct links *l, uint32_t i)
{
    return &l->pages[i / LINKS_PAGE][i % LINKS_PAGE];
}

struct rope {
    uint32_t first, last; /* ROPE_END: empty */
    uint64_t end;         /* length */
};

void vitro_links_init(struct links *l, struct account *account);
void vitro_links_done(struct links *l);

void vitro_rope_init(struct rope *r);

/* Add len bytes that stand at `at` of the direction. False without memory. */
bool vitro_rope_add(struct links *l, struct rope *r, uint64_t at, uint32_t len);

/* Give back the links that lie wholly below an offset; all of them when it is UINT64_MAX. */
void vitro_rope_release(struct links *l, struct rope *r, uint64_t below);

/* The link that holds offset off, beginning to look at link i; ROPE_END when there is none. */
uint32_t vitro_links_find(const struct links *l, uint32_t i, uint64_t off);

#ifdef __cplusplus
}
#endif
#endif
