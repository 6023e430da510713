/* What inspect prints: safe for a terminal, JSON on every line, one clear error. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/redirect.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "command.h"
#include "ndjson.h"
#include "print.h"
#include "support/conversation.h"
#include "support/hand.h"

/* All events as text or as JSON; to be freed. */
static char *print_all(vitro_decode *d, bool json)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct printer p = { .out = out, .explain = true, .hpack = true };
    struct ndjson j = { .out = out, .hpack = true };
    vitro_event ev;

    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
        if (json)
            ndjson_event(&j, d, &ev);
        else
            print_event(&p, d, &ev);
    }
    fclose(out);
    return text;
}

static void assert_safe(const char *text, size_t k)
{
    vitro_str rest = vitro_str_of(text);

    while (rest.len) {
        uint32_t c = 0;
        size_t n = vitro_utf8_decode(rest, &c);
        cr_assert(n > 0 && (c == '\n' || vitro_utf8_printable(c)), "%02x at %zu " SEED_TEXT,
                  (unsigned char)*rest.ptr, (size_t)(rest.ptr - text), seed_of_run(), k);
        rest.ptr += n;
        rest.len -= n;
    }
}

static void assert_json(char *text, size_t k)
{
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        json_error_t error;
        json_t *value = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        cr_assert(ne(ptr, value, NULL), "%s: %s " SEED_TEXT, error.text, line, seed_of_run(), k);
        json_decref(value);
    }
}

Test(inspect, nothing_of_a_peer_reaches_the_output_raw_and_json_is_json)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 60; k++) {
        struct conversation_shape shape = {
            .calls = 3, .styles = true, .controls = true, .split = k % 2
        };
        struct pcap_talk talk = { .next = { 1, 1 } };
        struct conversation conv;
        struct decoded_bytes b;
        struct pcap_write w;
        char *text;
        conversation_make(&conv, &shape, k, k);
        pcap_write_init(&w, PCAP_NG, 1);
        conversation_capture(&conv, &w, &talk, NULL);
        for (size_t i = 0; i < k; i++)
            w.ptr[seed_between(&c, 300, w.len - 1)] = (uint8_t)vitro_chance_next(&c);
        b = (struct decoded_bytes){ w.ptr, w.len, 0, NULL };
        vitro_decode *d = decoded_of(&b, true, NULL);
        text = print_all(d, false);
        assert_safe(text, k);
        free(text);
        text = print_all(d, true);
        assert_json(text, k);
        free(text);
        vitro_decode_free(d);
        pcap_write_done(&w);
        conversation_done(&conv);
    }
}

Test(inspect, a_header_that_moves_the_cursor_is_shown_as_text)
{
    struct hand h;
    char *text;

    hand_open(&h);
    hand_headers(&h, 0, 1, FRAME_END_STREAM, ":path", "/\x1b[2J\x1b[1;1H\r\n\xff\xc2\x9b", NULL);
    hand_decode(&h);
    text = print_all(h.decode, false);
    cr_expect(eq(ptr, strchr(text, '\x1b'), NULL));
    cr_expect(ne(ptr, strstr(text, "[2J"), NULL));
    assert_safe(text, 0);
    free(text);
    hand_done(&h);
}

Test(inspect, the_first_line_of_a_frame_is_as_promised)
{
    struct hand h;
    char *text;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "00 00000002 0801");
    hand_decode(&h);
    text = print_all(h.decode, false);
    cr_expect(ne(ptr, strstr(text, " > HEADERS stream 1 flags END_HEADERS length "), NULL));
    cr_expect(ne(ptr, strstr(text, " > DATA stream 1 flags END_STREAM length 7\n"), NULL));
    cr_expect(ne(ptr,
                 strstr(text, " > gRPC message stream 1 /chat.ChatService/SendMessage length 2"),
                 NULL));
    cr_expect(ne(ptr, strstr(text, "field 1: "), NULL)); /* without schema: every reading */
    cr_expect(ne(ptr, strstr(text, "bool true"), NULL));
    free(text);
    hand_done(&h);
}

static const vitro_event *first_header_event(struct hand *h)
{
    return hand_frame(h, FRAME_HEADERS, 0, 0);
}

Test(inspect, names_of_json_are_wiresharks)
{
    struct hand h;
    char *text = NULL;
    size_t size;
    FILE *out;
    json_t *value, *header;

    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_decode(&h);
    out = open_memstream(&text, &size);
    struct ndjson j = { .out = out };
    ndjson_event(&j, h.decode, first_header_event(&h));
    fclose(out);
    value = json_loads(text, 0, NULL);
    cr_assert(ne(ptr, value, NULL));
    cr_expect(eq(str, (char *)json_string_value(json_object_get(value, "event")), "http2"));
    cr_expect(eq(str, (char *)json_string_value(json_object_get(value, "dir")), "c2s"));
    cr_expect(eq(int, (int)json_integer_value(json_object_get(value, "http2.streamid")), 1));
    cr_expect(eq(int, (int)json_integer_value(json_object_get(value, "http2.type")), 1));
    header = json_array_get(json_object_get(value, "headers"), 0);
    cr_expect(eq(str, (char *)json_string_value(json_object_get(header, "http2.header.name")),
                 ":method"));
    cr_expect(eq(str, (char *)json_string_value(json_object_get(header, "http2.header.repr")),
                 "Indexed Header Field"));
    cr_expect(eq(int, (int)json_integer_value(json_object_get(header, "http2.header.index")), 3));
    json_decref(value);
    free(text);
    hand_done(&h);
}

/* ---- The command --------------------------------------------------------------------------- */

static int inspect(const char *path, const char *option)
{
    char *argv[] = { "inspect", (char *)(uintptr_t)path, (char *)(uintptr_t)option, NULL };
    int status = inspect_main(option ? 3 : 2, argv);

    fflush(stdout);
    fflush(stderr);
    return status;
}

static void written(char path[], const void *p, size_t n)
{
    int fd = mkstemp(path);

    cr_assert(ge(int, fd, 0));
    cr_assert(eq(sz, (size_t)write(fd, p, n), n));
    close(fd);
}

static size_t read_all(FILE *f, char *out, size_t size)
{
    size_t n = fread(out, 1, size - 1, f);

    out[n] = '\0';
    return n;
}

Test(inspect, a_cut_capture_gives_all_up_to_the_cut_then_the_error)
{
    struct hand h;
    char path[] = "/tmp/vitro-test-XXXXXX", text[65536];

    cr_redirect_stdout();
    cr_redirect_stderr();
    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_decode(&h);
    written(path, h.w.ptr, h.w.len - 10);
    cr_expect(eq(int, inspect(path, NULL), EXIT_SYSTEM));
    fclose(stdout);
    fclose(stderr);
    read_all(cr_get_redirected_stdout(), text, sizeof text);
    cr_expect(ne(ptr, strstr(text, "> HEADERS stream 1"), NULL));
    read_all(cr_get_redirected_stderr(), text, sizeof text);
    cr_expect(eq(ptr, strstr(text, "vitro: inspect: /tmp/vitro-test-"), text));
    cr_expect(ne(ptr, strstr(text, "ends inside a block"), NULL));
    unlink(path);
    hand_done(&h);
}

Test(inspect, an_unknown_file_format_is_one_clear_line)
{
    char path[] = "/tmp/vitro-test-XXXXXX", text[4096];

    cr_redirect_stdout();
    cr_redirect_stderr();
    written(path, "this is no capture at all", 25);
    cr_expect(eq(int, inspect(path, NULL), EXIT_SYSTEM));
    fclose(stderr);
    read_all(cr_get_redirected_stderr(), text, sizeof text);
    cr_expect(ne(ptr, strstr(text, "neither pcapng nor pcap"), NULL), "%s", text);
    cr_expect(eq(ptr, strchr(strchr(text, '\n') + 1, '\n'), NULL), "%s", text);
    unlink(path);
}

Test(inspect, a_file_that_is_not_there_and_a_wrong_option_have_their_status)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
    cr_expect(eq(int, inspect("/nowhere/at/all", NULL), EXIT_SYSTEM));
    cr_expect(eq(int, inspect("x", "--nonsense"), EXIT_USAGE));
    cr_expect(eq(int, inspect("x", "y"), EXIT_USAGE));
}
