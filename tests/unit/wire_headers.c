#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "support/heap.h"
#include "support/seed.h"
#include "wire/header_list.h"

static struct header_list list;
static vitro_md md;

static void init(void)
{
    vitro_md_init(&md, NULL);
    vitro_header_list_init(&list, NULL, 0);
}

static void done(void)
{
    vitro_header_list_done(&list);
    vitro_md_done(&md);
}

TestSuite(headers, .init = init, .fini = done);

/* A block from "name: value" lines; a name may begin with a colon. */
static void block(const char *text)
{
    vitro_md_clear(&md);
    vitro_header_list_begin(&list, &md);
    while (*text) {
        const char *colon = strstr(text, ": "), *end = strchr(text, '\n');

        cr_assert(colon && end && colon < end, "a line of the test is wrong: %s", text);
        cr_assert(vitro_header_list_add(&list, (vitro_str){ text, (size_t)(colon - text) },
                                        (vitro_str){ colon + 2, (size_t)(end - colon - 2) }) ==
                  VITRO_OK);
        text = end + 1;
    }
}

#define GOOD                                                                                       \
    ":method: POST\n:scheme: http\n:path: /chat.Chat/Send\n:authority: here:1\n"                   \
    "te: trailers\ncontent-type: application/grpc+proto\n"
#define NO_TYPE                                                                                    \
    ":method: POST\n:scheme: http\n:path: /chat.Chat/Send\n:authority: here:1\nte: trailers\n"
#define NO_PATH                                                                                    \
    ":method: POST\n:scheme: http\n:authority: here:1\nte: trailers\ncontent-type: "               \
    "application/grpc\n"
#define NO_AUTHORITY                                                                               \
    ":method: POST\n:scheme: http\n:path: /chat.Chat/Send\nte: trailers\n"                         \
    "content-type: application/grpc\n"
#define NO_METHOD                                                                                  \
    ":scheme: http\n:path: /chat.Chat/Send\n:authority: here:1\nte: trailers\n"                    \
    "content-type: application/grpc\n"

static struct request_head *request(const char *text)
{
    static struct request_head r;

    memset(&r, 0xa5, sizeof r);
    block(text);
    vitro_request_check(&list, &r);
    return &r;
}

static bool is(vitro_str s, const char *text)
{
    return vitro_str_eq(s, vitro_str_of(text));
}

Test(headers, every_name_of_the_table_is_found_and_no_near_miss)
{
    for (unsigned i = 0; i < HEADER_IDS; i++) {
        vitro_str name = vitro_header_name((enum header_id)i);
        char other[32];

        cr_expect(vitro_header_id(name) == i, "%s", name.ptr);
        cr_expect(i == 0 || vitro_header_name((enum header_id)(i - 1)).len <= name.len);
        for (size_t k = 0; k < name.len; k++) {
            memcpy(other, name.ptr, name.len);
            other[k] = '!';
            cr_expect(vitro_header_id((vitro_str){ other, name.len }) == HEADER_USER);
        }
    }
    cr_expect(vitro_header_id((vitro_str){ NULL, 0 }) == HEADER_USER);
}

Test(headers, a_good_request_is_taken_apart)
{
    struct request_head *r = request(GOOD "grpc-timeout: 2S\ngrpc-encoding: gzip\nx-user: me\n"
                                          "user-agent: grpc-c/1\n");

    cr_assert(r->action == REQUEST_ACCEPT && r->code == VITRO_OK && r->error.depth == 0);
    cr_expect(is(r->path, "/chat.Chat/Send") && is(r->service, "chat.Chat"));
    cr_expect(is(r->method, "Send") && is(r->authority, "here:1") && is(r->codec, "proto"));
    cr_expect(is(r->encoding, "gzip") && r->timeout_ns == 2000000000 && !r->te_missing);
    cr_expect(vitro_md_count(&md) == 1 && vitro_md_get(&md, vitro_str_of("x-user"), NULL));
    r = request(GOOD "grpc-encoding: identity\n");
    cr_expect(r->encoding.len == 0 && r->timeout_ns == INT64_MAX);
}

Test(headers, r08_a_request_without_te_is_noted_not_refused)
{
    struct request_head *r =
        request(":method: POST\n:scheme: https\n:path: /a/b\ncontent-type: application/grpc\n");

    cr_assert(r->action == REQUEST_ACCEPT && r->te_missing);
}

Test(headers, r09_other_content_types_are_http_415)
{
    static const char *const types[] = { "content-type: text/plain\n", "",
                                         "content-type: application/grpc-web\n" };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        char text[512];
        struct request_head *r;

        snprintf(text, sizeof text, NO_TYPE "%s", types[i]);
        r = request(text);
        cr_expect(r->action == REQUEST_HTTP && r->http_status == 415, "%s", types[i]);
    }
}

Test(headers, r10_other_methods_than_post_are_http_405)
{
    struct request_head *r = request(NO_METHOD ":method: GET\n");

    cr_assert(r->action == REQUEST_HTTP && r->http_status == 405);
    cr_assert(strstr(r->error.frame[0].text, "GET"));
}

Test(headers, r10_paths_without_service_and_method_are_unimplemented)
{
    static const char *const bad[] = { "", "/", "//", "a/b", "/a", "/a/", "//b", "*", "a" };
    static const struct {
        const char *path, *service, *method;
    } good[] = { { "/a/b", "a", "b" }, { "/a.B/C", "a.B", "C" }, { "/x/a.B/C", "x/a.B", "C" } };
    char text[512];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct request_head *r;

        snprintf(text, sizeof text, NO_PATH ":path: %s\n", bad[i]);
        r = request(text);
        cr_expect(r->action == REQUEST_GRPC && r->code == VITRO_UNIMPLEMENTED, "%s", bad[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct request_head *r;

        snprintf(text, sizeof text, NO_PATH ":path: %s\n", good[i].path);
        r = request(text);
        cr_expect(r->action == REQUEST_ACCEPT && is(r->service, good[i].service) &&
                      is(r->method, good[i].method),
                  "%s", good[i].path);
    }
}

Test(headers, r11_malformed_timeouts_and_zero_are_internal)
{
    static const char *const bad[] = { "", "0m", "abc", "1", "S", "123456789S", "1s" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[512];
        struct request_head *r;

        snprintf(text, sizeof text, GOOD "grpc-timeout: %s\n", bad[i]);
        r = request(text);
        cr_expect(r->action == REQUEST_GRPC && r->code == VITRO_INTERNAL, "%s", bad[i]);
    }
}

Test(headers, r13_bad_base64_in_a_request_or_a_reply_is_internal)
{
    struct request_head *r = request(GOOD "x-bin: !!\n");
    struct reply_head reply;

    cr_assert(r->action == REQUEST_GRPC && r->code == VITRO_INTERNAL);
    cr_assert(strstr(r->error.frame[0].text, "x-bin"));
    block(":status: 200\ncontent-type: application/grpc\nx-bin: !!\n");
    vitro_reply_check(&list, true, false, &reply);
    cr_assert(reply.kind == REPLY_END && reply.code == VITRO_INTERNAL);
    block("grpc-status: 0\nx-bin: !!\n");
    vitro_reply_check(&list, false, true, &reply);
    cr_assert(reply.kind == REPLY_END && reply.code == VITRO_INTERNAL);
}

Test(headers, r16_the_size_of_a_block_is_name_value_and_32_a_field_and_its_limit_is_exact)
{
    static const char path[] = "/chat.Chat/Send";
    const size_t each = sizeof ":path" - 1 + sizeof path - 1 + 32;

    for (size_t limit = each; limit < 4 * each; limit++) {
        size_t n = 0;

        list.limit = limit;
        vitro_header_list_begin(&list, &md);
        while (vitro_header_list_add(&list, vitro_str_of(":path"), vitro_str_of(path)) == VITRO_OK)
            n++;
        cr_assert(n == limit / each, "limit %zu lets %zu in", limit, n);
        cr_assert(list.size == (n + 1) * each);
    }
}

Test(headers, r17_connection_specific_fields_are_malformed)
{
    static const char *const hop[] = { "connection: close\n", "keep-alive: 1\n",
                                       "proxy-connection: x\n", "transfer-encoding: chunked\n",
                                       "upgrade: h2c\n" };

    for (size_t i = 0; i < ARRAY_LEN(hop); i++) {
        char text[512];
        struct request_head *r;

        snprintf(text, sizeof text, GOOD "%s", hop[i]);
        r = request(text);
        cr_expect(r->action == REQUEST_RESET, "%s", hop[i]);
        cr_expect(strncmp(r->error.frame[0].text, hop[i], strcspn(hop[i], ":")) == 0);
    }
}

Test(headers, r17_two_authorities_or_hosts_are_http_400_and_a_lone_host_becomes_the_authority)
{
    struct request_head *r = request(GOOD ":authority: there:2\n");

    cr_expect(r->action == REQUEST_HTTP && r->http_status == 400);
    r = request(GOOD "host: a\nhost: b\n");
    cr_expect(r->action == REQUEST_HTTP && r->http_status == 400);
    r = request(NO_AUTHORITY "host: only:3\n");
    cr_expect(r->action == REQUEST_ACCEPT && is(r->authority, "only:3"));
    r = request(GOOD "host: other:3\n");
    cr_expect(r->action == REQUEST_ACCEPT && is(r->authority, "here:1"));
    r = request(NO_AUTHORITY);
    cr_expect(r->action == REQUEST_ACCEPT && r->authority.len == 0);
    cr_expect(vitro_md_count(&md) == 0, "host is no metadata");
}

Test(headers, pseudo_headers_that_are_missing_twice_there_or_unknown_are_malformed)
{
    cr_expect(request(NO_METHOD)->action == REQUEST_RESET);
    cr_expect(request(NO_PATH)->action == REQUEST_RESET);
    cr_expect(request(GOOD ":path: /a/b\n")->action == REQUEST_RESET);
    cr_expect(request(GOOD ":protocol: x\n")->action == REQUEST_RESET);
}

static struct reply_head *reply(const char *text, bool first, bool end_stream)
{
    static struct reply_head r;

    memset(&r, 0xa5, sizeof r);
    block(text);
    vitro_reply_check(&list, first, end_stream, &r);
    return &r;
}

Test(headers, r20_status_is_explicit_and_its_absence_is_unknown)
{
    struct reply_head *r = reply("grpc-status: 0\n", false, true);

    cr_expect(r->kind == REPLY_END && r->code == VITRO_OK && r->explicit_status);
    r = reply("x: y\n", false, true);
    cr_expect(r->kind == REPLY_END && r->code == VITRO_UNKNOWN && !r->explicit_status);
    r = reply(":status: 200\ncontent-type: application/grpc\n", true, true);
    cr_expect(r->kind == REPLY_END && r->code == VITRO_UNKNOWN && !r->explicit_status);
    cr_expect(vitro_reply_missing(NULL) == VITRO_UNKNOWN);
}

Test(headers, r20_informational_blocks_are_skipped)
{
    cr_expect(reply(":status: 100\n", true, false)->kind == REPLY_INFORMATIONAL);
    cr_expect(reply(":status: 103\nlink: x\n", true, false)->kind == REPLY_INFORMATIONAL);
    cr_expect(reply(":status: 199\n", true, false)->kind == REPLY_INFORMATIONAL);
    cr_expect(reply(":status: 103\n", true, true)->kind == REPLY_END);
}

Test(headers, r21_http_status_counts_only_where_grpc_status_is_absent)
{
    struct reply_head *r = reply(":status: 503\ncontent-type: text/html\n", true, false);

    cr_expect(r->kind == REPLY_END && r->code == VITRO_UNAVAILABLE && r->http_status == 503);
    r = reply(":status: 404\n", true, true);
    cr_expect(r->kind == REPLY_END && r->code == VITRO_UNIMPLEMENTED);
    r = reply(":status: 503\ncontent-type: application/grpc\ngrpc-status: 5\n", true, true);
    cr_expect(r->kind == REPLY_END && r->code == VITRO_NOT_FOUND && r->explicit_status);
    r = reply(":status: 418\n", true, false);
    cr_expect(r->kind == REPLY_END && r->code == VITRO_UNKNOWN);
}

Test(headers, r22_grpc_status_in_the_first_block_counts_only_with_end_stream)
{
    struct reply_head *r =
        reply(":status: 200\ncontent-type: application/grpc+proto\ngrpc-status: 9\n", true, false);

    cr_expect(r->kind == REPLY_HEADERS && is(r->codec, "proto"));
    r = reply(":status: 200\ncontent-type: application/grpc\ngrpc-status: 9\ngrpc-message: no%20\n",
              true, true);
    cr_expect(r->kind == REPLY_END && r->code == VITRO_FAILED_PRECONDITION);
    cr_expect(r->explicit_status && is(r->message, "no%20"));
    cr_expect(vitro_md_count(&md) == 0, "status and message are no metadata");
}

Test(headers, r23_unparsable_status_is_unknown)
{
    static const char *const bad[] = { "", "x", "17", "00", "-1", "99999999999999999999" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[128];
        struct reply_head *r;

        snprintf(text, sizeof text, "grpc-status: %s\ngrpc-message: kept\n", bad[i]);
        r = reply(text, false, true);
        cr_expect(r->code == VITRO_UNKNOWN && !r->explicit_status && is(r->message, "kept"));
    }
}

Test(headers, a_reply_of_another_kind_or_a_malformed_one_ends_the_call)
{
    struct reply_head *r = reply(":status: 200\ncontent-type: text/html\n", true, false);

    cr_expect(r->kind == REPLY_END && r->code == VITRO_UNKNOWN);
    cr_expect(reply("content-type: application/grpc\n", true, false)->code == VITRO_INTERNAL);
    cr_expect(reply(":status: 2000\n", true, false)->code == VITRO_INTERNAL);
    cr_expect(reply(":status: 200\nconnection: x\n", true, true)->code == VITRO_INTERNAL);
    cr_expect(reply("grpc-status: 0\n", false, false)->code == VITRO_INTERNAL);
}

Test(headers, values_that_outgrow_the_store_are_kept_whole)
{
    static char path[3000], agent[700];

    memset(path, 'p', sizeof path);
    memset(agent, 'a', sizeof agent);
    for (int round = 0; round < 2; round++) {
        vitro_header_list_begin(&list, &md);
        vitro_header_list_add(&list, vitro_str_of(":path"), (vitro_str){ path, sizeof path });
        vitro_header_list_add(&list, vitro_str_of("te"), vitro_str_of("trailers"));
        vitro_header_list_add(&list, vitro_str_of("user-agent"), (vitro_str){ agent, 700 });
        vitro_header_list_add(&list, vitro_str_of("host"), vitro_str_of(""));
        cr_expect(vitro_str_eq(vitro_header_list_get(&list, HEADER_PATH),
                               (vitro_str){ path, sizeof path }));
        cr_expect(vitro_str_eq(vitro_header_list_get(&list, HEADER_USER_AGENT),
                               (vitro_str){ agent, 700 }));
        cr_expect(is(vitro_header_list_get(&list, HEADER_TE), "trailers"));
        cr_expect(is(vitro_header_list_get(&list, HEADER_HOST), ""));
        cr_expect(is(vitro_header_list_get(&list, HEADER_UPGRADE), ""));
    }
}

/* Names of the protocol and their neighbours, values of any bytes. */
static void any_block(struct chance *c)
{
    vitro_md_clear(&md);
    vitro_header_list_begin(&list, vitro_chance_below(c, 8) ? &md : NULL);
    for (size_t n = seed_between(c, 0, 12); n; n--) {
        char name[24], value[600];
        size_t len = seed_between(c, 0, sizeof name), most = vitro_chance_below(c, 6) ? 20 : 600;
        vitro_str known = vitro_header_name((enum header_id)vitro_chance_below(c, HEADER_IDS));
        vitro_str text = { value, seed_between(c, 0, most) };

        seed_fill(c, name, len);
        seed_fill(c, value, text.len);
        if (vitro_chance_below(c, 4) == 0)
            text = vitro_str_of("/a/b");
        if (vitro_chance_below(c, 6) == 0)
            known = vitro_str_of("x-bin");
        vitro_header_list_add(&list, vitro_chance_below(c, 5) ? known : (vitro_str){ name, len },
                              text);
    }
}

Test(headers, any_block_is_judged_without_harm)
{
    struct chance c = seed_chance();
    struct heap heap = { 0 };

    done();
    heap_install(&heap);
    init();
    for (size_t i = 0; i < 5000; i++) {
        struct request_head r;
        struct reply_head p;
        char line[600];

        any_block(&c);
        vitro_request_check(&list, &r);
        cr_assert((r.action == REQUEST_ACCEPT) == (r.code == VITRO_OK), SEED_TEXT, seed_of_run(),
                  i);
        cr_assert((r.action == REQUEST_HTTP) == (r.http_status != 200));
        vitro_error_format(&r.error, line, sizeof line);
        cr_assert(vitro_utf8_valid(vitro_str_of(line)));
        vitro_reply_check(&list, i & 1, i & 2, &p);
        cr_assert(p.kind == REPLY_END || (p.code == VITRO_OK && !(i & 2)));
    }
    done();
    cr_assert(heap.live == 0);
    heap_remove();
    init();
}

Test(headers, memory_that_runs_out_anywhere_stops_the_block_and_leaks_nothing)
{
    static char long_value[900];
    bool whole = false;

    done();
    memset(long_value, 'v', sizeof long_value);
    for (size_t fail_at = 1; !whole; fail_at++) {
        struct heap heap = { .fail_at = fail_at };
        vitro_code rc = VITRO_OK;

        heap_install(&heap);
        init();
        vitro_header_list_begin(&list, &md);
        for (size_t i = 0; i < 6 && !rc; i++) {
            const vitro_str value = { long_value, sizeof long_value };

            rc = vitro_header_list_add(
                &list, i % 2 ? vitro_str_of("x-user") : vitro_header_name((enum header_id)i),
                value);
        }
        cr_assert(rc == VITRO_OK || rc == VITRO_RESOURCE_EXHAUSTED);
        whole = rc == VITRO_OK;
        done();
        cr_assert(heap.live == 0 && heap.bytes == 0);
        heap_remove();
    }
    init();
}

Test(headers, kinds_tell_whose_a_field_is)
{
    cr_expect(vitro_header_kind(HEADER_PATH) == HEADER_KIND_PSEUDO);
    cr_expect(vitro_header_kind(HEADER_GRPC_STATUS) == HEADER_KIND_OURS);
    cr_expect(vitro_header_kind(HEADER_CONNECTION) == HEADER_KIND_HOP);
    cr_expect(vitro_header_kind(HEADER_USER) == HEADER_KIND_USER);
    cr_expect(vitro_header_name(HEADER_USER).len == 0);
}
