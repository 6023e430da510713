#include "trace/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/text.h"
#include "base/util.h"
#include "support/seed.h"
#include "support/walk.h"
#include "trace/trace.h"
#include "vitro/pb.h"

TestSuite(trace_note);

static vitro_trace *open_trace(int *fd)
{
    vitro_trace *t;
    char sink[32];

    *fd = memfd_create("trace", MFD_CLOEXEC);
    snprintf(sink, sizeof sink, "fd:%d", *fd);
    cr_assert(eq(int, vitro_trace_open(&t, sink, NULL, NULL), VITRO_OK));
    return t;
}

static void close_trace(vitro_trace *t, int fd, struct walk *w)
{
    vitro_trace_unref(t);
    walk_fd(w, fd);
    close(fd);
    cr_assert(eq(str, w->why, ""));
}

static void expect_field(const struct walked *note, const char *name, const char *value)
{
    cr_expect(eq(str, (char *)walk_field(note, name), (char *)value));
}

static bool has_field(const struct walked *note, const char *name)
{
    size_t len;
    return walk_raw(note, name, &len) != NULL;
}

Test(trace_note, every_row_is_a_note_whose_text_names_only_its_fields)
{
    static const char nothing[512];
    static const char *const kinds[] = {
#define VITRO_NOTE(id, text, fields) #id,
#include "trace/notes.def"
#undef VITRO_NOTE
    };
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    for (int id = 0; id < NOTE_IDS; id++)
        vitro_trace_note(t, (enum note_id)id, nothing);
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.n, NOTE_IDS));
    for (size_t i = 0; i < w.n; i++) {
        expect_field(&w.item[i], "VITRO_KIND", kinds[i]);
        cr_expect(strpbrk(walk_field(&w.item[i], "MESSAGE"), "{}[]") == NULL, "%s", kinds[i]);
    }
    walk_done(&w);
}

Test(trace_note, people_are_told_milliseconds_and_programs_nanoseconds)
{
    static const struct {
        int64_t ns;
        const char *said;
    } all[] = { { 0, "0.000 ms" },
                { 999, "0.000 ms" },
                { 4000000, "4.000 ms" },
                { 1108228239, "1108.228 ms" } };
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);
    char digits[24], text[128];

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        vitro_note(t, waited, .call = 7, .why = NOTE_WAIT_CONNECTION, .duration = all[i].ns);
    close_trace(t, fd, &w);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        snprintf(digits, sizeof digits, "%" PRId64, all[i].ns);
        snprintf(text, sizeof text, "call 7 no longer waits for its connection, after %s",
                 all[i].said);
        expect_field(&w.item[i], "VITRO_DURATION", digits);
        expect_field(&w.item[i], "MESSAGE", text);
    }
    walk_done(&w);
}

Test(trace_note, a_note_says_where_it_stands)
{
    struct note_at at = { NOTE_CLIENT, 3, 41, UINT64_MAX };
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    vitro_note(t, attempt, .at = at, .call = 7, .attempt = 2);
    at.conn = RECORD_NO_CONN;
    vitro_note(t, waiting, .at = at, .call = 7, .why = NOTE_WAIT_CONNECTION);
    vitro_note(t, call, .call = 9, .method = VITRO_STR_INIT("/chat.Chat/Send"));
    close_trace(t, fd, &w);
    expect_field(&w.item[0], "MESSAGE", "call 7 attempt 2 goes to connection 3");
    expect_field(&w.item[0], "VITRO_SIDE", "client");
    expect_field(&w.item[0], "VITRO_CONN", "3");
    expect_field(&w.item[0], "VITRO_IN", "41");
    expect_field(&w.item[0], "VITRO_OUT", "18446744073709551615");
    expect_field(&w.item[0], "VITRO_CALL", "7");
    expect_field(&w.item[0], "VITRO_ATTEMPT", "2");
    expect_field(&w.item[1], "MESSAGE", "call 7 waits for its connection");
    expect_field(&w.item[1], "VITRO_WHY", "connection");
    expect_field(&w.item[1], "VITRO_SIDE", "client");
    cr_expect_not(has_field(&w.item[1], "VITRO_CONN"));
    cr_expect_not(has_field(&w.item[1], "VITRO_IN"));
    cr_expect_not(has_field(&w.item[1], "VITRO_STREAM"));
    expect_field(&w.item[2], "VITRO_METHOD", "/chat.Chat/Send");
    cr_expect_not(has_field(&w.item[2], "VITRO_SIDE"));
    walk_done(&w);
}

static unsigned evaluated;

static vitro_str evaluate(void)
{
    evaluated++;
    return vitro_str_of("x");
}

Test(trace_note, without_a_trace_arguments_are_not_evaluated)
{
    vitro_trace *none = NULL;

    vitro_note(none, connecting, .address = evaluate());
    vitro_trace_say(none, "%s", "x");
    vitro_trace_schema(none, vitro_str_of("a.proto"), (vitro_bytes){ NULL, 0 });
    vitro_trace_flush(none);
    vitro_trace_unref(none);
    cr_expect(eq(uint, evaluated, 0));
}

Test(trace_note, text_of_a_peer_cannot_forge_a_field_nor_move_a_cursor)
{
    static const char forged[] = "x\nVITRO_CALL=1\nVITRO_REASON=y \033[2J";
    struct walk w;
    int fd;
    size_t len;
    const uint8_t *raw;
    vitro_trace *t = open_trace(&fd);

    vitro_note(t, unconnected, .address = VITRO_STR_INIT("ipv4:127.0.0.1:1"),
               .reason = vitro_str_of(forged));
    close_trace(t, fd, &w);
    cr_expect_not(has_field(&w.item[0], "VITRO_CALL"));
    raw = walk_raw(&w.item[0], "VITRO_REASON", &len);
    cr_assert(raw && len == sizeof forged - 1 && !memcmp(raw, forged, len));
    cr_expect(strpbrk(walk_field(&w.item[0], "MESSAGE"), "\n\033") == NULL);
    walk_done(&w);
}

Test(trace_note, any_text_comes_back_as_it_was)
{
    struct chance c = seed_chance();
    uint8_t text[300][64];
    size_t len[300], got;
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    for (size_t i = 0; i < 300; i++) {
        len[i] = seed_between(&c, 0, sizeof text[i]);
        for (size_t k = 0; k < len[i]; k++)
            text[i][k] = (uint8_t)(i % 2 ? vitro_chance_next(&c) : 9 + vitro_chance_below(&c, 100));
        vitro_note(t, unconnected, .address = VITRO_STR_INIT("a"),
                   .reason = { (const char *)text[i], len[i] });
    }
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.n, 300));
    for (size_t i = 0; i < w.n; i++) {
        const uint8_t *raw = walk_raw(&w.item[i], "VITRO_REASON", &got);
        cr_assert(raw && got == len[i] && !memcmp(raw, text[i], got), "text " SEED_TEXT,
                  seed_of_run(), i);
        raw = walk_raw(&w.item[i], "MESSAGE", &got);
        cr_assert(raw && vitro_utf8_valid((vitro_str){ (const char *)raw, got }));
    }
    walk_done(&w);
}

Test(trace_note, what_is_said_is_cut_between_characters)
{
    char text[2000] = "a";
    const char *message;
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    for (size_t i = 1; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "한", 4);
    vitro_trace_say(t, "%s", text);
    vitro_trace_say(t, "안녕 %d", 7);
    close_trace(t, fd, &w);
    message = walk_field(&w.item[0], "MESSAGE");
    cr_expect(vitro_utf8_valid(vitro_str_of(message)));
    cr_expect(strlen(message) > 1000 && strlen(message) < 1200);
    expect_field(&w.item[1], "MESSAGE", "안녕 7");
    expect_field(&w.item[1], "VITRO_TEXT", "안녕 7");
    walk_done(&w);
}

Test(trace_note, a_schema_is_written_once_for_each_file_byte_for_byte)
{
    static uint8_t big[300000];
    vitro_bytes a = { (const uint8_t *)"\n\0A=\nB", 6 }, b = { big, sizeof big };
    struct chance c = seed_chance();
    const uint8_t *raw;
    struct walk w;
    size_t len;
    int fd;
    vitro_trace *t = open_trace(&fd);

    seed_fill(&c, big, sizeof big);
    vitro_trace_schema(t, vitro_str_of("a.proto"), a);
    vitro_trace_schema(t, vitro_str_of("b.proto"), b);
    vitro_trace_schema(t, vitro_str_of("a.proto"), a);
    vitro_trace_say(t, "after");
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.n, 3));
    expect_field(&w.item[0], "VITRO_FILE", "a.proto");
    raw = walk_raw(&w.item[0], "VITRO_DESCRIPTOR", &len);
    cr_expect(raw && len == a.len && !memcmp(raw, a.ptr, len));
    raw = walk_raw(&w.item[1], "VITRO_DESCRIPTOR", &len);
    cr_expect(raw && len == b.len && !memcmp(raw, b.ptr, len));
    expect_field(&w.item[2], "VITRO_KIND", "say");
    walk_done(&w);
}

Test(trace_note, a_file_comes_after_its_imports_and_each_once)
{
    static const uint8_t bytes[] = "abc";
    static const vitro_pb_file base = { sizeof base, "base.proto", bytes, 1, NULL };
    static const vitro_pb_file *const of_base[] = { &base, NULL };
    static const vitro_pb_file left = { sizeof left, "left.proto", bytes, 2, of_base };
    static const vitro_pb_file *const of_both[] = { &left, &base, NULL };
    static const vitro_pb_file top = { sizeof top, "top.proto", bytes, 3, of_both };
    static const char *const order[] = { "base.proto", "left.proto", "top.proto" };
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    vitro_trace_file(t, NULL);
    vitro_trace_file(t, &left);
    vitro_trace_file(t, &top);
    vitro_trace_file(t, &top);
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.n, 3));
    for (size_t i = 0; i < w.n; i++)
        expect_field(&w.item[i], "VITRO_FILE", order[i]);
    walk_done(&w);
}

Test(trace_note, notes_packets_and_secrets_have_the_time_of_the_clock_and_stand_in_order)
{
    struct clock_virtual v = { 5, 1758326400000000000 };
    vitro_bytes lines = { (const uint8_t *)"CLIENT_RANDOM 00 11\n", 20 };
    struct recorder *r;
    struct walk w;
    int fd;
    vitro_trace *t = open_trace(&fd);

    vitro_trace_clock(t, vitro_clock_virtual(&v));
    vitro_trace_say(t, "one");
    v.now = 1234;
    vitro_trace_secrets(t, lines);
    r = vitro_recorder_new(t, RECORD_CLIENT, NULL, NULL, 0);
    vitro_recorder_established(r);
    vitro_trace_say(t, "two");
    vitro_trace_clock(t, vitro_clock_system());
    vitro_recorder_free(r);
    close_trace(t, fd, &w);
    cr_assert(eq(sz, w.n, 1 + 1 + 3 + 1 + 3));
    expect_field(&w.item[0], "VITRO_NS", "1758326400000000005");
    expect_field(&w.item[0], "__REALTIME_TIMESTAMP", "1758326400000000");
    cr_expect(eq(int, (int)w.item[1].type, WALKED_SECRETS));
    cr_expect(w.item[1].len == lines.len && !memcmp(w.item[1].data, lines.ptr, lines.len));
    cr_expect(eq(u64, w.item[2].ns, 1758326400000001234));
    expect_field(&w.item[5], "VITRO_NS", "1758326400000001234");
    cr_expect(w.item[6].ns > 1758326400000001234);
    walk_done(&w);
}
