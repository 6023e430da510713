/*
 * ahead - secrets that stand further on in the capture.
 *
 * Who writes a capture may learn a secret long after the records that it opens: where one lacks
 * its secret all of the capture is walked for secrets, once as far as it goes by now. A capture
 * whose records open, or that has none, is not walked.
 */
#include "decode/core.h"

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    vitro_decode *d = user;

    d->lends++;
    return (d->options.ahead ? d->options.ahead : d->options.lend)(offset, len, d->options.user);
}

void vitro_ahead_init(vitro_decode *d)
{
    vitro_capture_init(&d->ahead, lend, d, &d->account);
    d->ahead_wanted = true;
}

void vitro_ahead_done(vitro_decode *d)
{
    vitro_capture_done(&d->ahead);
}

bool vitro_ahead_secrets(vitro_decode *d)
{
    uint32_t had = d->secrets.count;
    struct capture_record r;

    if (!d->ahead_wanted)
        return false;
    d->ahead_wanted = false;
    while (vitro_capture_next(&d->ahead, &r, NULL) == CAPTURE_RECORD) {
        if (r.kind == CAPTURE_SECRETS && r.secrets_type == CAPTURE_SECRETS_TLS &&
            !vitro_secrets_add(&d->secrets, (vitro_str){ (const char *)r.bytes.ptr, r.bytes.len }))
            break;
    }
    return d->secrets.count != had;
}
