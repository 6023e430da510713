/*
 * What TLS has sealed is told as if it was plain, once its secrets are known; and why not, else.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/sealed.h"

static const uint16_t suites[] = {
#define SUITE(id, version, name, kind, key_len, digest) (id),
#include "crypto/suites.def"
};

static struct conversation_shape any_shape(struct chance *c)
{
    uint64_t r = vitro_chance_next(c);
    struct conversation_shape s = {
        .calls = 1 + (unsigned)(r >> 16) % 4,
        .interleave = r & 1,
        .split = r & 2,
        .padding = r & 4,
        .continuation = r & 16,
        .styles = r & 32,
        .controls = r & 128,
    };
    return s;
}

static struct sealed_shape any_seal(struct chance *c, size_t k, struct chance *cut)
{
    uint64_t r = vitro_chance_next(c);
    struct sealed_shape s = { .suite = suites[k % ARRAY_LEN(suites)] };
    bool old = vitro_suite_find(s.suite)->version != 0x0304;

    s.cut = r & 1 ? cut : NULL;
    s.fragment = r & 2 ? 512 : 0;
    s.update_each = !old && r & 4 ? 1 + (unsigned)(r >> 8) % 5 : 0;
    s.retry = !old && r & 8;
    s.padding = !old && r & 16;
    return s;
}

/* A conversation captured with its secrets before it, in segments cut by a seed. */
static void capture(struct pcap_write *w, const struct conversation *c, const struct buf *log,
                    unsigned long long segment_cut)
{
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct chance cut;

    vitro_chance_seed(&cut, segment_cut);
    pcap_write_init(w, PCAP_NG, 1);
    if (log)
        pcap_write_secrets(w, 0x544c534b, log->ptr, log->len);
    conversation_capture(c, w, &talk, segment_cut ? &cut : NULL);
}

static vitro_decode *decode_all(const struct pcap_write *w, struct decoded_bytes *b)
{
    *b = (struct decoded_bytes){ w->ptr, w->len, 0, NULL };
    return decoded_of(b, true, NULL);
}

static void assert_tiled(vitro_decode *d, size_t k)
{
    vitro_error err = { 0 };
    char text[400] = "";

    if (vitro_decode_check_tiling(d, &err))
        vitro_error_format(&err, text, sizeof text);
    cr_assert(eq(str, text, ""), SEED_TEXT, seed_of_run(), k);
}

static char *text_of(const struct conversation *c, const struct buf *log,
                     unsigned long long segment_cut, enum decoded_what what, size_t k)
{
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_decode *d;
    char *text;

    capture(&w, c, log, segment_cut);
    d = decode_all(&w, &b);
    assert_tiled(d, k);
    text = decoded_text(d, what);
    vitro_decode_free(d);
    pcap_write_done(&w);
    return text;
}

Test(decode_tls, what_was_sealed_is_told_as_what_was_plain)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 56; k++) {
        struct conversation_shape shape = any_shape(&c);
        struct chance cut = c;
        struct sealed_shape seal = any_seal(&c, k, &cut);
        struct conversation plain;
        struct sealed sealed;
        char *text[2];
        conversation_make(&plain, &shape, vitro_chance_next(&c), k);
        sealed_make(&sealed, &plain, &seal);
        text[0] = text_of(&plain, NULL, k, DECODED_OPENED, k);
        text[1] = text_of(&sealed.wire, &sealed.log, k % 3 ? 100 + k : 0, DECODED_OPENED, k);
        cr_assert(eq(str, text[0], text[1]), SEED_TEXT, seed_of_run(), k);
        free(text[0]);
        free(text[1]);
        sealed_done(&sealed);
        conversation_done(&plain);
    }
}
