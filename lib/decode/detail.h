/*
 * detail - the fields of one event, made when somebody looks.
 *
 * Items come in the order of their bytes, each above those below it. In each source the lowest of
 * them tile what the event covers; what has no bytes of its own is marked as derived.
 */
#ifndef VITRO_DECODE_DETAIL_H
#define VITRO_DECODE_DETAIL_H

#include "decode/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is being made. Everything lies in the decoder's arena of details. */
struct detail {
    vitro_decode *decode;
    const vitro_event *ev;
    vitro_item *items;
    size_t count, cap;
    vitro_item sink;   /* what is written when memory is out */
    unsigned base;     /* added to the depth of what is added */
    uint64_t block_at; /* HELD: where its header block begins in the capture */
    bool bare;         /* nothing is looked up in the dictionary: every key is NULL */
    bool brief;        /* only the title is asked for */
    bool full;
};

/* Add an item with a span of the event's own source, off counting from that source's begin. */
vitro_item *vitro_detail_add(struct detail *t, vitro_item_form form, unsigned depth,
                             const char *name, const char *key, uint64_t off, uint64_t len);

/* The same of a number, with the text that people read; text may be NULL: decimal. */
vitro_item *vitro_detail_number(struct detail *t, unsigned depth, const char *name, const char *key,
                                uint64_t off, uint64_t len, uint64_t number, const char *text);

/* An item without bytes of its own. */
vitro_item *vitro_detail_derived(struct detail *t, unsigned depth, const char *name,
                                 const char *key, uint64_t number, const char *text);

/* Text that lives as long as the detail; "" without memory. */
const char *vitro_detail_text(struct detail *t, const char *format, ...) VITRO_PRINTF(2, 3);
const char *vitro_detail_decimal(struct detail *t, uint64_t number);
vitro_str vitro_detail_copy(struct detail *t, vitro_str s);

/* key.NUMBER when the dictionary has it, else fallback. */
const char *vitro_detail_key(struct detail *t, const char *key, uint64_t number,
                             const char *fallback);

void vitro_detail_frame(struct detail *t, vitro_detail *out);
void vitro_detail_block(struct detail *t, uint64_t start, uint64_t len, unsigned depth);
void vitro_detail_tls(struct detail *t, vitro_detail *out);
void vitro_detail_grpc(struct detail *t, vitro_detail *out);
void vitro_detail_protobuf(struct detail *t, vitro_detail *out);
void vitro_detail_note(struct detail *t, vitro_detail *out);

/* A compressed message that is no event's: what it inflates to has no place of its own. */
void vitro_detail_deflated(struct detail *t, vitro_str encoding, vitro_detail *out);

/*
 * The fields of a protobuf message, which lives as long as the detail; type NULL: no schema.
 * place is where its bytes stand; one of no length: they stand nowhere as they are.
 */
void vitro_detail_message(struct detail *t, vitro_bytes bytes, const struct pb_message_type *type,
                          vitro_span place, unsigned depth);

/* The google.rpc.Status that a header field holds as base64. */
void vitro_detail_status(struct detail *t, vitro_str value, unsigned depth);
void vitro_detail_held(struct detail *t, vitro_detail *out);

/* All that the event covers as one item. */
void vitro_detail_whole(struct detail *t, vitro_detail *out, const char *title, const char *name,
                        const char *key);

/* The words of a held unit's note, whose entry stands at span: none has bytes of the event. */
void vitro_detail_note_fields(struct detail *t, vitro_span span);

/* The fields of a held unit's block; NULL when it has none, whole. */
const struct block_list *vitro_detail_held_fields(struct detail *t);

static inline bool detail_is_held(const struct detail *t)
{
    return t->ev->bits & VITRO_EVENT_HELD;
}

#ifdef __cplusplus
}
#endif
#endif
