/*
 * detail_note - the fields of a note; its message is its title.
 */
#include "decode/detail.h"

#include <string.h>

#include "base/util.h"

enum { NOTE_MAX = 1024 * 1024 };

enum { WORD_MAX = 64 };

/* The dictionary's entry for the kind of a note: what it means at its side, or at any. */
static const char *kind_key(struct detail *t, vitro_bytes entry, vitro_str kind)
{
    const char *key = vitro_detail_text(t, "note.%.*s", (int)MIN(kind.len, WORD_MAX), kind.ptr);
    struct note_field side;
    vitro_explanation e;

    if (vitro_note_find(entry, vitro_str_of("VITRO_SIDE"), &side) &&
        vitro_explain(vitro_detail_text(t, "%s.%.*s", key, (int)MIN(side.value.len, WORD_MAX),
                                        side.value.ptr),
                      VITRO_ENGLISH, &e))
        return e.key;
    return vitro_explain(key, VITRO_ENGLISH, &e) ? e.key : NULL;
}

void vitro_detail_note(struct detail *t, vitro_detail *out)
{
    vitro_span span = vitro_event_span(t->ev);
    struct buf *b = &t->decode->scratch;
    struct note_field f;
    size_t cursor = 0;
    vitro_item *item;

    vitro_buf_consume(b, b->len);
    vitro_decode_gather(t->decode, &span, NOTE_MAX, b);
    out->key = "unknown";
    while (vitro_note_next(vitro_buf_bytes(b), &cursor, &f)) {
        vitro_str name = vitro_detail_copy(t, f.name), value = vitro_detail_copy(t, f.value);
        if (vitro_str_eq(f.name, vitro_str_of("MESSAGE")))
            out->title = value;
        if (vitro_str_eq(f.name, vitro_str_of("VITRO_KIND")))
            out->key = kind_key(t, vitro_buf_bytes(b), value);
        item = vitro_detail_add(t, VITRO_ITEM_TEXT, 0, name.ptr, NULL, t->ev->offset + f.at,
                                f.value.len);
        item->text = value;
    }
}

void vitro_detail_note_fields(struct detail *t, vitro_span span)
{
    struct buf *b = &t->decode->scratch;
    struct note_field f;
    size_t cursor = 0;

    vitro_buf_consume(b, b->len);
    vitro_decode_gather(t->decode, &span, NOTE_MAX, b);
    while (vitro_note_next(vitro_buf_bytes(b), &cursor, &f)) {
        vitro_item *item;
        if (vitro_str_eq(f.name, vitro_str_of("VITRO_BYTES")))
            continue;
        item = vitro_detail_add(t, VITRO_ITEM_TEXT, 0, vitro_detail_copy(t, f.name).ptr, NULL,
                                t->ev->offset, 0);
        item->bits |= VITRO_ITEM_DERIVED;
        item->text = vitro_detail_copy(t, f.value);
        if (vitro_str_eq(f.name, vitro_str_of("VITRO_KIND")))
            item->key = kind_key(t, vitro_buf_bytes(b), f.value);
    }
}
