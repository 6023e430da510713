/* What the tools say of TLS: a line a record, NDJSON, filters; and where secrets come from. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keylog.h"
#include "lag.h"
#include "ndjson.h"
#include "print.h"
#include "support/conversation.h"
#include "support/sealed.h"
#include "ui/facts.h"

TestSuite(tls_told, .timeout = 60);

/* A call under TLS, as it was captured; its key log is a file. */
struct scene {
    struct conversation plain;
    struct sealed sealed;
    struct pcap_write w;
    struct decoded_bytes bytes;
    vitro_decode *d;
    char path[32];
    int fd;
};

static void scene_of(struct scene *s, const struct sealed_shape *seal)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    struct conversation_shape shape = { .calls = 1 };

    conversation_make(&s->plain, &shape, 1, 1);
    sealed_make(&s->sealed, &s->plain, seal);
    sealed_capture(&s->w, &s->sealed.wire, NULL, 0);
    s->bytes = (struct decoded_bytes){ s->w.ptr, s->w.len, 0, NULL };
    options.lend = decoded_lend;
    options.user = &s->bytes;
    options.keep = true;
    cr_assert_eq(vitro_decode_new(&s->d, &options, NULL), VITRO_OK);
    strcpy(s->path, "/tmp/vitro-keys-XXXXXX");
    s->fd = mkstemp(s->path);
    cr_assert_geq(s->fd, 0);
}

static void scene_begin(struct scene *s, uint16_t suite)
{
    scene_of(s, &(struct sealed_shape){ .suite = suite });
}

static void scene_end(struct scene *s)
{
    vitro_decode_free(s->d);
    close(s->fd);
    unlink(s->path);
    pcap_write_done(&s->w);
    sealed_done(&s->sealed);
    conversation_done(&s->plain);
}

static void write_log(struct scene *s, size_t from, size_t to)
{
    cr_assert_eq(write(s->fd, s->sealed.log.ptr + from, to - from), (ssize_t)(to - from));
}

/* All of it, with the secrets of the file. */
static void decode_with_log(struct scene *s)
{
    struct keylog k = { .path = s->path };

    write_log(s, 0, s->sealed.log.len);
    cr_assert_eq(keylog_open(&k, false, NULL), VITRO_OK);
    cr_assert(keylog_feed(&k, s->d, true));
    keylog_close(&k);
    cr_assert_eq(vitro_decode_finish(s->d, NULL), VITRO_OK);
}

/* The lines of all records, or their objects; to be freed. */
static char *told(struct scene *s, bool json)
{
    struct printer p = { .timed = true };
    struct ndjson n = { .out = NULL };
    vitro_event ev;
    char *text;
    size_t size;

    p.out = n.out = open_memstream(&text, &size);
    for (uint32_t i = 1; vitro_decode_event(s->d, i, &ev); i++) {
        vitro_detail dt;
        if (ev.kind != VITRO_EVENT_TLS)
            continue;
        cr_assert_eq(vitro_decode_detail(s->d, &ev, &dt, NULL), VITRO_OK);
        p.start = ev.time;
        if (json)
            ndjson_event(&n, s->d, &ev);
        else
            print_headline(&p, s->d, &ev, &dt);
    }
    fclose(p.out);
    return text;
}

/* These words stand in it, in this order. */
static void says(const char *text, const char *const *words, size_t count)
{
    const char *at = text;

    for (size_t i = 0; i < count; i++) {
        at = strstr(at, words[i]);
        cr_assert_not_null(at, "no %s in\n%s", words[i], text);
        at += strlen(words[i]);
    }
}

Test(tls_told, a_line_says_what_each_record_is)
{
    static const char *const new_words[] = {
        "> TLS 1.3 ClientHello",
        "< TLS 1.3 ServerHello TLS_AES_128_GCM_SHA256",
        "< TLS ChangeCipherSpec",
        "< TLS 1.3 EncryptedExtensions",
        "< TLS 1.3 Certificate",
        "< TLS 1.3 CertificateVerify",
        "< TLS 1.3 Finished",
        "> TLS 1.3 Finished",
        "-> HTTP/2",
    };
    static const char *const old_words[] = {
        "> TLS 1.2 ClientHello",
        "< TLS 1.2 ServerHello TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "< TLS 1.2 Certificate",
        "< TLS 1.2 ServerKeyExchange",
        "> TLS 1.2 ClientKeyExchange",
        "> TLS 1.2 Finished",
    };
    struct scene s;
    char *text;

    for (int old = 0; old < 2; old++) {
        scene_begin(&s, old ? 0xc02f : 0x1301);
        decode_with_log(&s);
        text = told(&s, false);
        says(text, old ? old_words : new_words, old ? 6 : 9);
        free(text);
        scene_end(&s);
    }
}

Test(tls_told, a_record_of_one_message_is_explained_as_that_message)
{
    static const char *const keys[] = { "tls.handshake.type.1", "tls.handshake.type.2",
                                        "tls.record.content_type.20", "tls.handshake.type.8" };
    size_t found = 0;
    struct scene s;
    vitro_event ev;

    scene_begin(&s, 0x1301);
    decode_with_log(&s);
    for (uint32_t i = 1; found < 4 && vitro_decode_event(s.d, i, &ev); i++) {
        vitro_detail dt;
        if (ev.kind != VITRO_EVENT_TLS)
            continue;
        cr_assert_eq(vitro_decode_detail(s.d, &ev, &dt, NULL), VITRO_OK);
        cr_assert_str_eq(dt.key, keys[found++]);
    }
    cr_assert_eq(found, 4);
    scene_end(&s);
}

Test(tls_told, what_is_not_opened_says_why)
{
    static const char *const words[] = { "> TLS 1.3 ClientHello", "TLS data",
                                         "no secret of this connection is known" };
    struct scene s;
    char *text;

    scene_begin(&s, 0x1301);
    cr_assert_eq(vitro_decode_finish(s.d, NULL), VITRO_OK);
    text = told(&s, false);
    says(text, words, 3);
    free(text);
    scene_end(&s);
}

Test(tls_told, objects_have_the_names_of_wireshark_and_lists_where_a_field_repeats)
{
    static const char *const words[] = {
        "\"event\":\"tls\"",
        "\"tls.record.content_type\":22",
        "\"tls.handshake.type\":1",
        "\"tls.handshake.ciphersuite\":[4865,",
        "\"tls.handshake.extensions.supported_version\":",
        "\"tls.handshake.type\":2",
        "\"tls.handshake.ciphersuite\":4865",
        "\"tls.record.opaque_type\":23,\"tls.record.content_type\":22",
    };
    struct scene s;
    char *text;

    scene_begin(&s, 0x1301);
    decode_with_log(&s);
    text = told(&s, true);
    says(text, words, 8);
    free(text);
    scene_end(&s);
}

Test(tls_told, early_data_is_called_so_and_its_end_has_a_name)
{
    static const char *const words[] = {
        "> TLS 1.3 ClientHello", "> TLS 1.3 early data",     " -> HTTP/2",
        "< TLS 1.3 Finished",    "> TLS 1.3 EndOfEarlyData", "> TLS 1.3 Finished",
    };
    static const char *const objects[] = {
        "\"tls.handshake.type\":1,",
        "\"early\":true,",
        "\"tls.handshake.type\":5,",
    };
    struct scene s;
    char *text;

    scene_of(&s, &(struct sealed_shape){ .suite = 0x1302, .early = EARLY_TAKEN });
    decode_with_log(&s);
    text = told(&s, false);
    says(text, words, 6);
    free(text);
    text = told(&s, true);
    says(text, objects, 3);
    free(text);
    scene_end(&s);
}

static unsigned matches(struct scene *s, const char *expression)
{
    struct filter_error err;
    struct filter filter;
    vitro_event ev;
    unsigned n = 0;

    cr_assert(filter_parse(&filter, vitro_str_of(expression), &err), "%s", err.text[0]);
    for (uint32_t i = 1; vitro_decode_event(s->d, i, &ev); i++) {
        struct facts facts = { .d = s->d, .ev = &ev };
        n += filter_match(&filter, facts_of, &facts);
    }
    return n;
}

Test(tls_told, filters_find_records_by_what_they_hold)
{
    struct scene s;

    scene_begin(&s, 0x1302);
    decode_with_log(&s);
    cr_expect_eq(matches(&s, "tls.handshake.type == 1"), 1);
    cr_expect_eq(matches(&s, "tls.handshake.type == Finished"), 2);
    cr_expect_eq(matches(&s, "tls.handshake.ciphersuite == 0x1302"), 2);
    cr_expect_eq(matches(&s, "tls.handshake.extension.type == key_share"), 2);
    cr_expect_gt(matches(&s, "tls"), 8);
    cr_expect_eq(matches(&s, "tls.record.content_type == 22"),
                 7 + matches(&s, "tls.handshake.type == 4"));
    cr_expect_eq(matches(&s, "tls && http2"), 0);
    scene_end(&s);
}

Test(tls_told, a_log_that_grows_is_read_as_far_as_its_lines_are_whole)
{
    struct scene s;
    struct keylog k;

    scene_begin(&s, 0x1301);
    k = (struct keylog){ .path = s.path };
    cr_assert_eq(keylog_open(&k, true, NULL), VITRO_OK);
    cr_assert_not(keylog_feed(&k, s.d, false));
    write_log(&s, 0, 20); /* no line has ended */
    cr_assert_not(keylog_feed(&k, s.d, false));
    write_log(&s, 20, s.sealed.log.len);
    cr_assert(keylog_feed(&k, s.d, false));
    cr_assert_not(keylog_feed(&k, s.d, false));
    cr_assert_eq(vitro_decode_finish(s.d, NULL), VITRO_OK);
    cr_assert_eq(matches(&s, "tls.handshake.type == Finished"), 2);
    keylog_close(&k);
    scene_end(&s);
}

Test(tls_told, what_comes_is_shown_when_its_secrets_had_time_to_come_and_not_later)
{
    struct lag lag = { .wanted = true };

    lag_take(&lag, 1000, true, 5);
    cr_expect_eq(lag.ready, 0);
    cr_expect_eq(lag_wait(&lag, 5), LAG_MS);
    lag_take(&lag, 3000, true, 5 + LAG_MS - 1);
    cr_expect_eq(lag.ready, 0);
    lag_take(&lag, 3000, true, 5 + LAG_MS);
    cr_expect_eq(lag.ready, 1000, "what came later waits as long");
    cr_expect_eq(lag_wait(&lag, 5 + LAG_MS), LAG_MS);
    lag_take(&lag, 3000, true, 5 + 2 * LAG_MS);
    cr_expect_eq(lag.ready, 3000);
    cr_expect_eq(lag_wait(&lag, 5 + 2 * LAG_MS), -1);
    lag_take(&lag, 4000, true, 1000);
    lag_take(&lag, 5000, false, 1001);
    cr_expect_eq(lag.ready, 5000, "at the end nothing waits");
    lag = (struct lag){ .wanted = false };
    lag_take(&lag, 1000, true, 5);
    cr_expect_eq(lag.ready, 1000, "nor where no secrets are to come");
}

Test(tls_told, a_log_that_is_not_there_is_an_error_when_it_was_asked_for_now)
{
    struct keylog now = { .path = "/nowhere/keys" }, later = now, named = { .path = NULL };
    vitro_error err = { 0 };

    cr_assert_eq(keylog_open(&now, false, &err), VITRO_NOT_FOUND);
    cr_assert_eq(keylog_open(&later, true, NULL), VITRO_OK);
    setenv("SSLKEYLOGFILE", "/nowhere/keys", 1);
    cr_assert_eq(keylog_open(&named, false, NULL), VITRO_OK);
    cr_assert_not(named.asked);
    cr_assert_str_eq(named.path, "/nowhere/keys");
    unsetenv("SSLKEYLOGFILE");
    now = (struct keylog){ .path = "/dev/zero" };
    cr_assert_eq(keylog_open(&now, true, &err), VITRO_NOT_FOUND);
}
