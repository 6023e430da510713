/* Handshake messages that are split over records are told as if they were not. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/sealed.h"

TestSuite(decode_tls_split, .timeout = 120);

enum { HANDSHAKE = 22, HEAD = 5, MESSAGE_HEAD = 4, CLEAR_TURNS = 2 };

/* ---- other records --------------------------------------------------------------------------- */

/* What the records of a turn hold, all of them handshake records in the clear. */
static void content_of(const uint8_t *p, size_t len, struct buf *out)
{
    for (size_t at = 0, n; at < len; at += HEAD + n) {
        cr_assert_eq(p[at], HANDSHAKE);
        n = (size_t)p[at + 3] << 8 | p[at + 4];
        cr_assert(vitro_buf_append(out, p + at + HEAD, n));
    }
}

/* The same in records of other sizes, up to `most`. */
static void say_cut(struct conversation *to, int dir, vitro_bytes content, struct chance *c,
                    size_t most)
{
    for (size_t at = 0, n; at < content.len; at += n) {
        uint8_t record[HEAD + (1 << 14)] = { HANDSHAKE, 3, 3 };
        n = seed_between(c, 1, MIN(content.len - at, most));
        record[3] = (uint8_t)(n >> 8);
        record[4] = (uint8_t)n;
        memcpy(record + HEAD, content.ptr + at, n);
        conversation_say(to, dir, record, HEAD + n);
    }
}

static void recut(const struct conversation *from, struct conversation *to, struct chance *c,
                  size_t most)
{
    size_t at[2] = { 0, 0 };

    conversation_init(to);
    for (size_t i = 0; i < from->turn_count; i++) {
        int dir = from->turns[i].dir;
        const uint8_t *p = from->out[dir].ptr + at[dir];
        struct buf content;
        vitro_buf_init(&content, NULL, SIZE_MAX);
        if (i < CLEAR_TURNS) {
            content_of(p, from->turns[i].len, &content);
            say_cut(to, dir, vitro_buf_bytes(&content), c, most);
        } else {
            conversation_say(to, dir, p, from->turns[i].len);
        }
        vitro_buf_done(&content);
        at[dir] += from->turns[i].len;
    }
}

/* ---- what is told ---------------------------------------------------------------------------- */

static void print_item(const vitro_decode *d, const vitro_item *item, unsigned depth, FILE *out)
{
    uint8_t bytes[4096];
    size_t missing, n = vitro_decode_bytes(d, &item->span, 0, bytes, sizeof bytes, &missing);

    fprintf(out, "%u %s %llu %.*s ", item->depth - depth, item->name,
            (unsigned long long)item->number, (int)item->text.len,
            item->text.ptr ? item->text.ptr : "");
    cr_assert_eq(missing, 0);
    for (size_t i = 0; i < n && !(item->bits & VITRO_ITEM_DERIVED); i++)
        fprintf(out, "%02x", bytes[i]);
    fputc('\n', out);
}

/* All of a message stands in the span: else it goes on in the next record. */
static bool is_whole(const vitro_decode *d, const vitro_span *span)
{
    uint8_t head[MESSAGE_HEAD];

    return vitro_decode_bytes(d, span, 0, head, sizeof head, NULL) == sizeof head &&
           span->length == MESSAGE_HEAD + ((size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]);
}

/* The fields of the messages that an event has whole, with their bytes. */
static void print_messages(vitro_decode *d, const vitro_event *ev, FILE *out)
{
    const vitro_item *group = NULL;
    vitro_detail dt;

    cr_assert_eq(vitro_decode_detail(d, ev, &dt, NULL), VITRO_OK);
    for (size_t i = 0; i < dt.count; i++) {
        const vitro_item *item = &dt.items[i];
        if (strcmp(item->name, "tls.handshake") == 0)
            group = is_whole(d, &item->span) ? item : NULL;
        else if (group && item->depth <= group->depth)
            group = NULL;
        if (group)
            print_item(d, item, group->depth, out);
    }
}

/* Those of one direction after the other; to be freed. */
static char *messages_of(const struct conversation *c, const struct buf *log, size_t k)
{
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_decode *d;
    vitro_event ev;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    sealed_capture(&w, c, log, k);
    d = sealed_decode(&w, &b);
    decoded_assert_tiled(d, k);
    for (uint8_t dir = 0; dir < 2; dir++) {
        for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
            if (ev.kind == VITRO_EVENT_TLS && ev.type == HANDSHAKE && ev.dir == dir)
                print_messages(d, &ev, out);
        }
    }
    fclose(out);
    vitro_decode_free(d);
    pcap_write_done(&w);
    return text;
}

/* ---- the property ---------------------------------------------------------------------------- */

Test(decode_tls_split, cut_into_records_anywhere_a_handshake_has_the_same_fields_and_bytes)
{
    static const size_t sizes[] = { 1, 3, 40, 300, 2000, 16384 };
    struct conversation_shape shape = { .calls = 1 };
    struct chance c = seed_chance();
    struct conversation plain, cut;
    struct sealed s;
    char *want, *got;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0xc02f });
    want = messages_of(&s.wire, &s.log, 0);
    cr_assert_not_null(strstr(want, "x509.not_after"));
    cr_assert_not_null(strstr(want, "verify_data"));
    for (size_t k = 0; k < 60; k++) {
        recut(&s.wire, &cut, &c, sizes[k % ARRAY_LEN(sizes)]);
        got = messages_of(&cut, &s.log, k);
        cr_assert(strcmp(got, want) == 0, SEED_TEXT, seed_of_run(), k);
        free(got);
        conversation_done(&cut);
    }
    free(want);
    sealed_done(&s);
    conversation_done(&plain);
}

/* How often a name stands in a text. */
static size_t count(const char *text, const char *name)
{
    size_t n = 0;

    for (; (text = strstr(text, name)); text += strlen(name))
        n++;
    return n;
}

Test(decode_tls_split, a_long_chain_that_is_sealed_is_told_once_and_whole)
{
    enum { CHAIN = 90 };
    struct conversation_shape shape = { .calls = 1 };
    struct conversation plain;

    conversation_make(&plain, &shape, 1, 1);
    for (size_t k = 0; k < 4; k++) {
        struct sealed_shape how = { .suite = 0x1301, .chain = CHAIN };
        struct sealed s;
        char *got;
        how.fragment = k & 1 ? 512 : 0;
        how.padding = k & 2;
        sealed_make(&s, &plain, &how);
        got = messages_of(&s.wire, &s.log, k);
        cr_assert_eq(count(got, "0 tls.handshake 8 "), 1);
        cr_assert_eq(count(got, "0 tls.handshake 11 "), 1);
        cr_assert_eq(count(got, "0 tls.handshake 15 "), 1);
        cr_assert_eq(count(got, "0 tls.handshake 20 "), 2);
        cr_assert_eq(count(got, "x509.not_after"), CHAIN + 1);
        free(got);
        sealed_done(&s);
    }
    conversation_done(&plain);
}

Test(decode_tls_split, whatever_bytes_are_changed_all_are_told)
{
    struct conversation_shape shape = { .calls = 1 };
    struct chance c = seed_chance();
    struct conversation plain, cut;
    struct sealed s;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0xc02f });
    for (size_t k = 0; k < 200; k++) {
        recut(&s.wire, &cut, &c, 300);
        for (size_t i = 0; i <= k % 5; i++) {
            struct buf *b = &cut.out[i % 2];
            b->ptr[seed_between(&c, HEAD, b->len - 1)] = (uint8_t)vitro_chance_next(&c);
        }
        free(messages_of(&cut, &s.log, k));
        conversation_done(&cut);
    }
    sealed_done(&s);
    conversation_done(&plain);
}
