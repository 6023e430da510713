#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "support/heap.h"
#include "support/seed.h"
#include "base/base64.h"
#include "wire/metadata.h"

static vitro_bytes bytes_of(const char *text)
{
    return (vitro_bytes){ (const uint8_t *)text, strlen(text) };
}

static bool bytes_are(vitro_bytes b, const char *text)
{
    return b.len == strlen(text) && memcmp(b.ptr, text, b.len) == 0;
}

static vitro_code add(vitro_md *md, const char *key, const char *value)
{
    return vitro_md_add_text(md, key, value, NULL);
}

static vitro_code add_wire(vitro_md *md, const char *key, const char *value)
{
    return vitro_md_add_wire(md, vitro_str_of(key), vitro_str_of(value), NULL);
}

/* "key=value|key=value|" of everything there is. */
static const char *shown(const vitro_md *md)
{
    static char out[4096];
    struct text t;
    vitro_str key;
    vitro_bytes value;

    vitro_text_init(&t, out, sizeof out);
    for (size_t i = 0; vitro_md_at(md, i, &key, &value); i++) {
        vitro_text_escape(&t, key);
        vitro_text_add(&t, "=");
        vitro_text_escape(&t, (vitro_str){ (const char *)value.ptr, value.len });
        vitro_text_add(&t, "|");
    }
    return out;
}

Test(metadata, r12_keys_are_lower_case_letters_digits_and_three_signs)
{
    vitro_md *md = vitro_md_new();

    for (int b = 1; b < 256; b++) {
        const char key[4] = { 'x', (char)b, 'y', '\0' };
        bool good =
            (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '_' || b == '-' || b == '.';

        cr_expect(add(md, key, "v") == (good ? VITRO_OK : VITRO_INVALID_ARGUMENT), "byte %02x",
                  (unsigned)b);
    }
    cr_expect(add(md, "", "v") == VITRO_INVALID_ARGUMENT);
    cr_expect(add(md, ":path", "v") == VITRO_INVALID_ARGUMENT);
    cr_expect(vitro_md_add(md, (vitro_str){ "a\0b", 3 }, bytes_of("v"), NULL) ==
              VITRO_INVALID_ARGUMENT);
    cr_expect(vitro_md_count(md) == 39);
    vitro_md_free(md);
}

Test(metadata, r12_keys_with_dots_travel)
{
    vitro_md *md = vitro_md_new();
    struct wire_field field;
    vitro_bytes value;

    cr_assert(add(md, "com.example.trace", "1") == VITRO_OK);
    vitro_md_fields(md, &field, NULL);
    cr_assert(vitro_str_eq(field.name, vitro_str_of("com.example.trace")));
    vitro_md_clear(md);
    cr_assert(add_wire(md, "com.example.trace", "2") == VITRO_OK);
    cr_assert(vitro_md_get(md, vitro_str_of("com.example.trace"), &value));
    cr_assert(bytes_are(value, "2"));
    vitro_md_free(md);
}

Test(metadata, r12_keys_of_the_protocol_are_refused_but_for_those_it_gives_to_applications)
{
    static const char *const refused[] = { "grpc-",
                                           "grpc-status",
                                           "grpc-message",
                                           "grpc-timeout",
                                           "grpc-foo",
                                           "grpc-x-bin",
                                           "te",
                                           "content-type",
                                           "user-agent",
                                           "host",
                                           "connection",
                                           "keep-alive",
                                           "upgrade",
                                           "content-length",
                                           "proxy-connection",
                                           "transfer-encoding" };
    static const char *const given[] = {
        "grpc-status-details-bin", "grpc-trace-bin", "grpc-tags-bin",
        "grpc-retry-pushback-ms",  "grpcx",          "x-grpc-test-echo-initial",
        "authorization",           "cookie"
    };
    vitro_md *md = vitro_md_new();

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        cr_expect(add(md, refused[i], "v") == VITRO_INVALID_ARGUMENT, "%s", refused[i]);
    cr_expect(vitro_md_count(md) == 0);
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        cr_expect(add(md, given[i], "v") == VITRO_OK, "%s", given[i]);
    vitro_md_free(md);
}

Test(base64, r13_standard_alphabet_is_written_without_padding_and_read_with_and_without)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 3000; i++) {
        uint8_t bytes[70], back[80];
        char text[120];
        size_t n = seed_between(&c, 0, sizeof bytes), len, got;

        seed_fill(&c, bytes, n);
        len = vitro_base64_encode((vitro_bytes){ bytes, n }, text);
        cr_assert(len == base64_text_len(n) && !memchr(text, '=', len) && !memchr(text, '-', len));
        cr_assert(base64_max_bytes(len) >= n);
        for (int padded = 0; padded < 2; padded++) {
            cr_assert(vitro_base64_decode((vitro_str){ text, len }, back, &got));
            cr_assert(got == n && memcmp(back, bytes, n) == 0, SEED_TEXT, seed_of_run(), i);
            while (len % 4)
                text[len++] = '=';
        }
    }
}

Test(base64, r13_bad_texts_are_refused)
{
    static const char *const bad[] = {
        "A",    "AAAAA", "=",     "==",   "A=", "AA=", "AAA==",  "A===", "AAAA=", "AA A",
        "AA-A", "AA_A",  "AA\nA", "A=AA", "AB", "AAB", "AA==AA", "====", "*",     "AAAA===="
    };
    static const char *const good[] = { "", "AA", "AA==", "AAA", "AAA=", "AAAA", "+/+/", "////" };
    uint8_t out[16];
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect(!vitro_base64_decode(vitro_str_of(bad[i]), out, &n), "%s", bad[i]);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        cr_expect(vitro_base64_decode(vitro_str_of(good[i]), out, &n), "%s", good[i]);
}

Test(metadata, r13_binary_values_are_split_at_commas_before_they_are_decoded)
{
    vitro_md *md = vitro_md_new();

    cr_assert(add_wire(md, "a-bin", "YWI=,YWI,,  Yg== ,Yw") == VITRO_OK);
    cr_expect_str_eq(shown(md), "a-bin=ab|a-bin=ab|a-bin=|a-bin=b|a-bin=c|");
    vitro_md_clear(md);
    cr_assert(add_wire(md, "a-bin", "") == VITRO_OK);
    cr_expect_str_eq(shown(md), "a-bin=|");
    vitro_md_clear(md);
    cr_assert(add_wire(md, "-bin", "YQ") == VITRO_OK);
    cr_expect_str_eq(shown(md), "-bin=a|");
    vitro_md_free(md);
}

Test(metadata, r13_bad_base64_is_internal_and_adds_nothing)
{
    vitro_md *md = vitro_md_new();
    vitro_error err;

    cr_assert(add(md, "first", "1") == VITRO_OK);
    cr_assert(vitro_md_add_wire(md, vitro_str_of("a-bin"), vitro_str_of("YWI,Y!"), &err) ==
              VITRO_INTERNAL);
    cr_expect(strstr(err.frame[0].text, "a-bin"));
    cr_expect_str_eq(shown(md), "first=1|");
    cr_expect(vitro_md_size(md) == 5 + 1 + 32);
    vitro_md_free(md);
}

Test(metadata, r13_any_bytes_of_a_bin_key_come_back_from_the_wire)
{
    struct chance c = seed_chance();
    vitro_md *md = vitro_md_new(), *back = vitro_md_new();

    for (size_t i = 0; i < 1000; i++) {
        uint8_t bytes[100];
        char scratch[200];
        struct wire_field field;
        vitro_bytes value = { bytes, seed_between(&c, 0, sizeof bytes) };

        seed_fill(&c, bytes, value.len);
        vitro_md_clear(md);
        vitro_md_clear(back);
        cr_assert(vitro_md_add(md, vitro_str_of("x-bin"), value, NULL) == VITRO_OK);
        cr_assert(vitro_md_scratch(md) == base64_text_len(value.len));
        vitro_md_fields(md, &field, scratch);
        cr_assert(vitro_md_add_wire(back, field.name, field.value, NULL) == VITRO_OK);
        cr_assert(vitro_md_size(md) == vitro_md_size(back));
        cr_assert(vitro_md_size(md) == field.name.len + field.value.len + 32);
        vitro_bytes got = { NULL, 0 };
        cr_assert(vitro_md_get(back, vitro_str_of("x-bin"), &got));
        cr_assert(got.len == value.len && (!got.len || !memcmp(got.ptr, value.ptr, got.len)),
                  SEED_TEXT, seed_of_run(), i);
    }
    vitro_md_free(md);
    vitro_md_free(back);
}

Test(metadata, r14_order_among_equal_keys_is_kept_and_a_comma_in_text_is_text)
{
    vitro_md *md = vitro_md_new();
    vitro_bytes value;
    size_t at = 0;

    add_wire(md, "k", "1");
    add_wire(md, "j", "x");
    add_wire(md, "k", "2,3");
    add_wire(md, "k", "4");
    cr_expect_str_eq(shown(md), "k=1|j=x|k=2,3|k=4|");
    cr_assert(vitro_md_find(md, vitro_str_of("k"), &at, &value) && bytes_are(value, "1"));
    cr_assert(vitro_md_find(md, vitro_str_of("k"), &at, &value) && bytes_are(value, "2,3"));
    cr_assert(vitro_md_find(md, vitro_str_of("k"), &at, &value) && bytes_are(value, "4"));
    cr_assert(!vitro_md_find(md, vitro_str_of("k"), &at, &value));
    cr_assert(vitro_md_get(md, vitro_str_of("k"), &value) && bytes_are(value, "1"));
    vitro_md_free(md);
}

Test(metadata, r15_values_that_are_sent_are_printable_ascii)
{
    vitro_md *md = vitro_md_new();

    for (int b = 0; b < 256; b++) {
        const uint8_t text[3] = { 'a', (uint8_t)b, 'a' };
        bool good = b >= 0x20 && b <= 0x7e;

        cr_expect(vitro_md_add(md, vitro_str_of("k"), (vitro_bytes){ text, 3 }, NULL) ==
                      (good ? VITRO_OK : VITRO_INVALID_ARGUMENT),
                  "byte %02x", (unsigned)b);
        cr_expect(vitro_md_add(md, vitro_str_of("k-bin"), (vitro_bytes){ text, 3 }, NULL) ==
                  VITRO_OK);
    }
    vitro_md_clear(md);
    cr_expect(add(md, "k", "  a b ") == VITRO_OK);
    cr_expect(add(md, "k", "   ") == VITRO_OK);
    cr_expect_str_eq(shown(md), "k=a b|k=|", "HTTP carries no space at either end");
    vitro_md_free(md);
}

Test(metadata, r15_whatever_http_lets_arrive_can_be_echoed)
{
    vitro_md *request = vitro_md_new(), *reply = vitro_md_new();
    struct wire_field field;

    for (int b = 1; b < 256; b++) {
        const char value[4] = { 'a', (char)b, 'a', '\0' };
        bool http = b != '\r' && b != '\n';

        vitro_md_clear(request);
        vitro_md_clear(reply);
        cr_assert(add_wire(request, "x!odd~key", value) == (http ? VITRO_OK : VITRO_INTERNAL));
        cr_assert(vitro_md_append(reply, request, NULL) == VITRO_OK);
        if (!http)
            continue;
        vitro_md_fields(reply, &field, NULL);
        cr_assert(vitro_str_eq(field.name, vitro_str_of("x!odd~key")));
        cr_assert(vitro_str_eq(field.value, vitro_str_of(value)));
        cr_assert(vitro_md_append_one(reply, request, 0, NULL) == VITRO_OK);
        cr_assert(vitro_md_append_one(reply, request, 1, NULL) == VITRO_INVALID_ARGUMENT);
        cr_assert(vitro_md_count(reply) == 2);
    }
    cr_assert(vitro_md_add_wire(request, vitro_str_of("k"), (vitro_str){ "a\0b", 3 }, NULL) ==
              VITRO_INTERNAL);
    vitro_md_free(request);
    vitro_md_free(reply);
}

Test(metadata, r16_size_counts_name_value_and_32_after_base64)
{
    vitro_md *md = vitro_md_new();

    cr_assert(vitro_md_size(md) == 0);
    add(md, "k", "value");
    cr_assert(vitro_md_size(md) == 1 + 5 + 32);
    add(md, "k-bin", "abcd");
    cr_assert(vitro_md_size(md) == 38 + 5 + 6 + 32);
    vitro_md_remove(md, vitro_str_of("k"));
    cr_assert(vitro_md_size(md) == 5 + 6 + 32);
    vitro_md_clear(md);
    cr_assert(vitro_md_size(md) == 0);
    vitro_md_free(md);
}

/* The plain model that the list must equal: an array of short keys and values. */
struct model {
    struct {
        char key[4];
        char value[24];
    } e[64];
    size_t n;
};

static void model_remove(struct model *m, const char *key)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->e[i].key, key) != 0)
            m->e[kept++] = m->e[i];
    }
    m->n = kept;
}

static void must_equal(const vitro_md *md, const struct model *m, size_t step)
{
    size_t size = 0;

    cr_assert(vitro_md_count(md) == m->n);
    for (size_t i = 0; i < m->n; i++) {
        vitro_str key;
        vitro_bytes value;

        cr_assert(vitro_md_at(md, i, &key, &value));
        cr_assert(vitro_str_eq(key, vitro_str_of(m->e[i].key)) && bytes_are(value, m->e[i].value),
                  "entry %zu " SEED_TEXT, i, seed_of_run(), step);
        size += key.len + value.len + 32;
    }
    cr_assert(!vitro_md_at(md, m->n, NULL, NULL));
    cr_assert(vitro_md_size(md) == size);
}

Test(metadata, any_sequence_of_operations_equals_a_plain_array)
{
    static struct model m;
    struct chance c = seed_chance();
    struct heap heap = { 0 };
    vitro_md *md;

    heap_install(&heap);
    md = vitro_md_new();
    for (size_t step = 0; step < 20000; step++) {
        char key[4] = { 'k', (char)('a' + vitro_chance_below(&c, 5)), '\0' };
        char value[24] = "";
        vitro_str first;
        vitro_bytes bytes;

        memset(value, 'a' + (int)(step % 26), seed_between(&c, 0, 23));
        switch (vitro_chance_below(&c, 16)) {
        case 0:
            vitro_md_clear(md);
            m.n = 0;
            break;
        case 1:
        case 2:
            model_remove(&m, key);
            vitro_md_remove(md, vitro_str_of(key));
            break;
        case 3: /* a key that lies in the list itself */
            if (vitro_md_at(md, m.n / 2, &first, NULL)) {
                strcpy(key, m.e[m.n / 2].key);
                model_remove(&m, key);
                cr_assert(vitro_md_remove(md, first) > 0);
            }
            break;
        case 4: /* a value that lies in the list itself, which may move */
            if (m.n < ARRAY_LEN(m.e) && vitro_md_at(md, 0, &first, &bytes)) {
                m.e[m.n++] = m.e[0];
                cr_assert(vitro_md_add(md, first, bytes, NULL) == VITRO_OK);
            }
            break;
        default:
            if (m.n == ARRAY_LEN(m.e))
                break;
            strcpy(m.e[m.n].key, key);
            strcpy(m.e[m.n++].value, value);
            cr_assert(add(md, key, value) == VITRO_OK);
        }
        must_equal(md, &m, step);
    }
    cr_assert(heap.live == 2 && heap.bytes < 16384, "removing gives the room back");
    vitro_md_free(md);
    cr_assert(heap.live == 0 && heap.bytes == 0);
    heap_remove();
}

Test(metadata, memory_that_runs_out_anywhere_adds_nothing_and_leaks_nothing)
{
    bool done = false;

    for (size_t fail_at = 1; !done; fail_at++) {
        struct heap heap = { .fail_at = fail_at };
        vitro_md md, copy;

        heap_install(&heap);
        vitro_md_init(&md, NULL);
        vitro_md_init(&copy, NULL);
        done = true;
        for (size_t i = 0; i < 40; i++) {
            size_t before = vitro_md_count(&md), size = vitro_md_size(&md);
            vitro_code rc = add_wire(&md, "a-bin", "YWJjZGVmZ2hpamtsbW5vcA,YWJjZGVmZ2hpamtsbW5vcA");

            cr_assert(rc == VITRO_OK || rc == VITRO_RESOURCE_EXHAUSTED);
            if (rc)
                cr_assert(vitro_md_count(&md) == before && vitro_md_size(&md) == size);
            done = done && !rc;
        }
        if (vitro_md_append(&copy, &md, NULL) != VITRO_OK) {
            cr_assert(vitro_md_count(&copy) == 0 && vitro_md_size(&copy) == 0);
            done = false;
        }
        vitro_md_done(&md);
        vitro_md_done(&copy);
        cr_assert(heap.live == 0 && heap.bytes == 0);
        heap_remove();
    }
}

Test(metadata, an_account_bounds_what_a_peer_can_make_us_keep)
{
    struct account account;
    vitro_code rc = VITRO_OK;
    vitro_md md;

    vitro_account_init(&account, NULL, 4096);
    vitro_md_init(&md, &account);
    for (size_t i = 0; i < 1000 && !rc; i++)
        rc = add_wire(&md, "key", "value");
    cr_assert(rc == VITRO_RESOURCE_EXHAUSTED && account.used <= 4096);
    vitro_md_done(&md);
    cr_assert(account.used == 0 && account.live == 0);
}

Test(metadata, a_missing_list_is_an_empty_one_to_read)
{
    vitro_md *md = vitro_md_new();

    cr_assert(vitro_md_count(NULL) == 0 && vitro_md_size(NULL) == 0);
    cr_assert(!vitro_md_at(NULL, 0, NULL, NULL) && !vitro_md_get(NULL, vitro_str_of("k"), NULL));
    cr_assert(vitro_md_append(md, NULL, NULL) == VITRO_OK && vitro_md_count(md) == 0);
    vitro_md_free(md);
    vitro_md_free(NULL);
}

Test(metadata, lists_change_places_with_all_they_own)
{
    struct account one, two;
    vitro_md a, b;

    vitro_account_init(&one, NULL, 0);
    vitro_account_init(&two, NULL, 0);
    vitro_md_init(&a, &one);
    vitro_md_init(&b, &two);
    add(&a, "k", "1");
    vitro_md_swap(&a, &b);
    cr_expect_str_eq(shown(&b), "k=1|");
    cr_expect(vitro_md_count(&a) == 0);
    vitro_md_done(&a);
    vitro_md_done(&b);
    cr_expect(one.used == 0 && two.used == 0);
}
