#include "decode/inflated.h"

#include "decode/core.h"
#include "wire/compress.h"

const char *vitro_inflate_span(vitro_decode *d, const vitro_span *span, vitro_str name,
                               struct buf *out)
{
    struct buf deflated;
    const char *why = NULL;
    enum encoding encoding;
    vitro_code rc;

    vitro_buf_init(&deflated, &d->account, INFLATED_MAX);
    if (!vitro_encoding_find(name, &encoding)) {
        why = vitro_decode_why(WHY_ENCODING);
    } else if (encoding == ENCODING_IDENTITY) {
        why = vitro_decode_why(WHY_COMPRESSED);
    } else if (!vitro_decode_gather(d, span, INFLATED_MAX, &deflated)) {
        why = vitro_decode_why(WHY_NOT_HELD);
    } else {
        rc = vitro_decompress(encoding, vitro_buf_bytes(&deflated), out, NULL);
        if (rc)
            why = vitro_decode_why(rc == VITRO_INTERNAL ? WHY_INFLATE : WHY_INFLATE_LARGE);
    }
    vitro_buf_done(&deflated);
    return why;
}

const struct inflated *vitro_inflate(const vitro_decode *d, const vitro_event *ev)
{
    vitro_decode *all = (vitro_decode *)(uintptr_t)d;
    vitro_span span = vitro_event_span(ev);

    if (d->inflated.of.number != ev->number) {
        vitro_buf_done(&all->inflated.text);
        all->inflated.of = *ev;
        all->inflated.why =
            vitro_inflate_span(all, &span, vitro_decode_encoding(d, ev), &all->inflated.text);
        if (all->inflated.why)
            vitro_buf_done(&all->inflated.text);
    }
    return &d->inflated;
}

const struct inflated *vitro_inflate_number(const vitro_decode *d, uint32_t number)
{
    vitro_event ev;

    if (number && d->inflated.of.number == number)
        return &d->inflated;
    if (!vitro_decode_event(d, number, &ev) || !event_is_deflated(&ev))
        return NULL;
    return vitro_inflate(d, &ev);
}

vitro_span vitro_inflated_span(const struct inflated *i)
{
    return (vitro_span){ .length = i->text.len,
                         .conn = i->of.conn,
                         .id = i->of.number,
                         .source = VITRO_SOURCE_INFLATED,
                         .dir = i->of.dir };
}
