/*
 * detail_tls - the fields of a record: its header, and what it holds when that is in the clear.
 */
#include "decode/detail.h"

#include "base/util.h"
#include "crypto/record.h"

static const char *title_of(const vitro_event *ev)
{
    static const char *const titles[] = { "ChangeCipherSpec", "Alert", "Handshake",
                                          "Application Data" };
    unsigned i = (unsigned)ev->type - RECORD_CHANGE_CIPHER_SPEC;

    return i < ARRAY_LEN(titles) ? titles[i] : "record";
}

void vitro_detail_tls(struct detail *t, vitro_detail *out)
{
    const vitro_event *ev = t->ev;
    uint64_t head = MIN(ev->length, RECORD_HEAD_LEN);

    out->title = vitro_str_of(title_of(ev));
    out->key = NULL;
    if (t->brief)
        return;
    vitro_detail_add(t, VITRO_ITEM_BYTES, 0, "tls.record.header", NULL, ev->offset, head);
    if (ev->length > head)
        vitro_detail_add(t, VITRO_ITEM_BYTES, 0,
                         ev->flags & VITRO_TLS_SEALED ? "tls.app_data" : "tls.record.content", NULL,
                         ev->offset + head, ev->length - head);
}
