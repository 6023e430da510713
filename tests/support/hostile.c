#include "support/hostile.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "frame/frame_writer.h"
#include "frame/hpack_writer.h"

/* ---- texts ----------------------------------------------------------------------------------- */

static const char *const pieces[] = {
    "\x1b]0;pwned\x07",       /* the title */
    "\x1b]2;pwned\x1b\\",     /* likewise, ended otherwise */
    "\x1b]52;c;cHduZWQ=\x07", /* the clipboard */
    "\x1b[2J\x1b[H",          /* all gone */
    "\x1b[?1049l",            /* the other screen */
    "\x1b[31;5m",             /* red and blinking */
    "\x1b[6n",                /* an answer that looks typed */
    "\x1bP+q544e\x1b\\",      /* DCS */
    "\x1b_Gi=1\x1b\\",        /* APC */
    "\x1b"
    "c",      /* reset */
    "\x1b(0", /* line drawing */
    "\x1b",   /* whatever comes next */
    "\xc2\x9b"
    "31m", /* CSI as C1 in UTF-8 */
    "\xc2\x9d"
    "0;x\xc2\x9c", /* OSC likewise */
    "\x9b"
    "31m", /* CSI as a bare byte */
    "\x9d"
    "0;x\x9c",                  /* OSC likewise */
    "\x07\x08\x0b\x0c\x0e\x0f", /* bell, backspace, tabs, other character sets */
    "\r\n",                     /* a line of its own */
    "\rvitro: all is well",     /* over what stood there */
    "\t",
    "\x7f",
    "\xe2\x80\xae"
    "gnp.exe",                  /* right to left */
    "\xe2\x81\xa6\xe2\x81\xa9", /* isolates */
    "\xd8\x9c\xe2\x80\x8f",     /* marks of direction */
    "\xe2\x80\x8b\xef\xbb\xbf", /* nothing to see */
    "\xe2\x80\xa8\xe2\x80\xa9", /* line and paragraph separators */
    "\xf3\xa0\x80\xa1",         /* a tag */
    "\xc0\xaf\xe0\x80\xaf",     /* overlong */
    "\xed\xa0\x80",             /* half a surrogate pair */
    "\xf4\x90\x80\x80",         /* behind the last character */
    "\xe2\x82",                 /* cut */
    "\xff\xfe",
    "\xef\xbf\xbf\xef\xb7\x90", /* no characters */
    "안녕하세요",
    "日本",
    "\xf0\x9f\x98\x80",                             /* an emoji */
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", /* two, joined */
    "%s%n%x",
    "\"\\\"",
    "plain",
};

static size_t put_flood(struct chance *c, char *out, size_t size)
{
    size_t n = 0;

    for (size_t want = seed_between(c, 1, 60); want && n + 2 < size; want--, n += 2)
        memcpy(out + n, vitro_chance_below(c, 2) ? "\xcc\x81" : "\xcd\x9b", 2);
    return n;
}

void hostile_text(struct chance *c, char *out, size_t size)
{
    size_t len = 0;

    for (size_t want = seed_between(c, 0, 8); want; want--) {
        uint64_t pick = vitro_chance_below(c, ARRAY_LEN(pieces) + 3);
        if (pick < ARRAY_LEN(pieces)) {
            size_t n = strlen(pieces[pick]);
            if (len + n >= size)
                break;
            memcpy(out + len, pieces[pick], n);
            len += n;
        } else if (pick == ARRAY_LEN(pieces)) {
            len += put_flood(c, out + len, size - len);
        } else if (len + 1 < size) {
            out[len++] = (char)seed_between(c, 1, 255);
        }
    }
    out[len] = 0;
}

/* ---- a capture ------------------------------------------------------------------------------- */

enum { TEXT = 400 };

struct maker {
    struct pcap_write *w;
    struct chance *c;
    struct pcap_talk talk;
    struct hpack_writer hpack[2];
};

static void send_frame(struct maker *m, int dir, struct buf *b)
{
    pcap_talk_send(m->w, &m->talk, dir, b->ptr, b->len);
    vitro_buf_done(b);
}

/* Fields of its own, then some that no sound peer would send. */
static void send_headers(struct maker *m, int dir, uint32_t stream, uint8_t flags,
                         const char *const *fields)
{
    char name[TEXT], value[TEXT];
    struct buf block, b;

    vitro_buf_init(&block, NULL, 1 << 20);
    vitro_buf_init(&b, NULL, 1 << 20);
    for (; *fields; fields += 2) {
        hostile_text(m->c, value, sizeof value);
        vitro_hpack_write(&m->hpack[dir], &block, vitro_str_of(fields[0]),
                          vitro_str_of(fields[1][0] ? fields[1] : value), NULL);
    }
    for (int i = 0; i < 3; i++) {
        hostile_text(m->c, name, sizeof name);
        hostile_text(m->c, value, sizeof value);
        vitro_hpack_write(&m->hpack[dir], &block, vitro_str_of(name), vitro_str_of(value), NULL);
    }
    vitro_frame_write_headers(&b, stream, flags | FRAME_END_HEADERS, vitro_buf_bytes(&block), NULL);
    send_frame(m, dir, &b);
    vitro_buf_done(&block);
}

/* Two fields of text, of a message that is known or not. */
static void send_message(struct maker *m, int dir, uint32_t stream)
{
    char text[TEXT];
    uint8_t body[5 + 4 * (TEXT + 4)];
    size_t len = 5;
    struct buf b;

    for (uint8_t field = 1; field <= 4; field++) {
        size_t n;
        hostile_text(m->c, text, 120);
        n = strlen(text);
        body[len++] = (uint8_t)(field << 3 | 2);
        body[len++] = (uint8_t)n;
        memcpy(body + len, text, n);
        len += n;
    }
    memcpy(body, (uint8_t[]){ 0, 0, 0, (uint8_t)((len - 5) >> 8), (uint8_t)(len - 5) }, 5);
    vitro_buf_init(&b, NULL, 1 << 20);
    vitro_frame_write_data(&b, stream, 0, (vitro_bytes){ body, len }, NULL);
    send_frame(m, dir, &b);
}

/* The last words of a connection. */
static void send_goaway(struct maker *m, int dir)
{
    char text[TEXT];
    struct buf b;

    hostile_text(m->c, text, sizeof text);
    vitro_buf_init(&b, NULL, 1 << 20);
    vitro_frame_write_goaway(&b, 1, 0, (vitro_bytes){ (const uint8_t *)text, strlen(text) });
    send_frame(m, dir, &b);
}

/* A note of any kind; its texts may hold lines, so they stand in the form that has a length. */
static void put_note_bytes(struct buf *b, const char *name, const void *value, uint64_t n)
{
    uint8_t length[8];

    for (size_t i = 0; i < sizeof length; i++)
        length[i] = (uint8_t)(n >> (8 * i));
    vitro_buf_append(b, name, strlen(name));
    vitro_buf_append(b, "\n", 1);
    vitro_buf_append(b, length, sizeof length);
    vitro_buf_append(b, value, (size_t)n);
    vitro_buf_append(b, "\n", 1);
}

static void put_note_field(struct buf *b, const char *name, const char *value)
{
    put_note_bytes(b, name, value, strlen(value));
}

static void put_note(struct maker *m)
{
    static const char *const kinds[] = { "say",       "resolved", "schema", "call", "ended",
                                         "cancelled", "waiting",  "held",   "" };
    static const char *const names[] = { "MESSAGE",         "VITRO_TEXT",   "VITRO_REASON",
                                         "VITRO_ADDRESSES", "VITRO_FILE",   "VITRO_METHOD",
                                         "VITRO_TARGET",    "VITRO_WHY",    "VITRO_SIDE",
                                         "VITRO_STATUS",    "VITRO_STREAM", "VITRO_CONN" };
    const char *kind = kinds[vitro_chance_below(m->c, ARRAY_LEN(kinds))];
    char text[TEXT];
    struct buf b;

    vitro_buf_init(&b, NULL, 1 << 20);
    hostile_text(m->c, text, sizeof text);
    put_note_field(&b, "__REALTIME_TIMESTAMP", "1758326400000000");
    put_note_field(&b, "VITRO_KIND", kind[0] ? kind : text);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        hostile_text(m->c, text, sizeof text);
        put_note_field(&b, names[i], text);
    }
    hostile_text(m->c, text, sizeof text);
    put_note_field(&b, "X\x1b[31m\xc2\x9b", text);
    pcap_write_note(m->w, (const char *)b.ptr, b.len);
    vitro_buf_done(&b);
}

/* ---- names out of a schema ------------------------------------------------------------------- */

/* protobuf's wire, as far as a FileDescriptorProto needs it (descriptor.proto). */
static void put_bytes_field(struct buf *b, uint8_t number, const void *p, size_t n)
{
    uint8_t head[4] = { (uint8_t)(number << 3 | 2), (uint8_t)(n | 0x80), (uint8_t)(n >> 7) };

    vitro_buf_append(b, head, 3);
    vitro_buf_append(b, p, n);
}

static void put_message_field(struct buf *b, uint8_t number, struct buf *message)
{
    put_bytes_field(b, number, message->ptr, message->len);
    vitro_buf_done(message);
}

/* A service, its method, its message and that one's fields: no name is one. */
static void put_schema(struct maker *m, const char *package, const char *rest)
{
    struct buf file, message, field, service, method, note;
    char name[TEXT], type[TEXT];

    vitro_buf_init(&file, NULL, 1 << 20);
    vitro_buf_init(&message, NULL, 1 << 20);
    vitro_buf_init(&service, NULL, 1 << 20);
    vitro_buf_init(&method, NULL, 1 << 20);
    put_bytes_field(&file, 1, rest, strlen(rest));
    put_bytes_field(&file, 2, package, strlen(package));
    put_bytes_field(&message, 1, rest, strlen(rest));
    for (uint8_t number = 1; number <= 4; number++) {
        vitro_buf_init(&field, NULL, 1 << 20);
        snprintf(name, sizeof name, "%s%u", rest, number);
        put_bytes_field(&field, 1, name, strlen(name));
        vitro_buf_append(&field, (uint8_t[]){ 3 << 3, number, 4 << 3, 1, 5 << 3, 9 }, 6);
        put_message_field(&message, 2, &field);
    }
    put_message_field(&file, 4, &message);
    put_bytes_field(&service, 1, rest, strlen(rest));
    put_bytes_field(&method, 1, rest, strlen(rest));
    snprintf(type, sizeof type, ".%s.%s", package, rest);
    put_bytes_field(&method, 2, type, strlen(type));
    put_bytes_field(&method, 3, type, strlen(type));
    put_message_field(&service, 2, &method);
    put_message_field(&file, 6, &service);
    put_bytes_field(&file, 12, "proto3", 6);
    vitro_buf_init(&note, NULL, 1 << 20);
    put_note_bytes(&note, "__REALTIME_TIMESTAMP", "1758326400000000", 16);
    put_note_bytes(&note, "VITRO_KIND", "schema", 6);
    put_note_bytes(&note, "VITRO_FILE", rest, strlen(rest));
    put_note_bytes(&note, "VITRO_DESCRIPTOR", file.ptr, file.len);
    pcap_write_note(m->w, (const char *)note.ptr, note.len);
    vitro_buf_done(&note);
    vitro_buf_done(&file);
}

/* An interface with a name and a description: options 2 and 3. */
static void put_interface(struct maker *m)
{
    uint8_t body[8 + 2 * (4 + TEXT)] = { 1, 0, 0, 0, 0, 0, 0, 0 };
    size_t len = 8;

    for (uint8_t option = 2; option <= 3; option++) {
        char text[TEXT];
        size_t n;
        hostile_text(m->c, text, sizeof text);
        n = strlen(text);
        memcpy(body + len, (uint8_t[]){ option, 0, (uint8_t)n, (uint8_t)(n >> 8) }, 4);
        memcpy(body + len + 4, text, n);
        len += 4 + ((n + 3) & ~(size_t)3);
    }
    pcap_write_block(m->w, 1, body, len);
}

/* ---- under TLS ------------------------------------------------------------------------------- */

/* An extension of one text, which is the only one of its list: prefix bytes are the text's length.
 */
static void put_extension(struct buf *b, struct maker *m, uint8_t type, size_t prefix)
{
    char text[TEXT];
    size_t n, name = prefix == 2; /* a server name has a type before it */
    uint8_t head[9] = { 0, type };

    hostile_text(m->c, text, 120);
    n = strlen(text);
    head[3] = (uint8_t)(n + prefix + name + 2);
    head[5] = (uint8_t)(n + prefix + name);
    head[5 + name + prefix] = (uint8_t)n;
    vitro_buf_append(b, head, 6 + name + prefix);
    vitro_buf_append(b, text, n);
}

/* A connection that says hello, with texts where a name and a protocol may stand. */
static void put_hello(struct maker *m)
{
    struct pcap_talk talk = { .shape = { .client_port = 49999 }, .next = { 1, 1 } };
    uint8_t hello[5 + 4 + 34 + 1 + 4 + 2 + 2] = { 22, 3, 1, 0, 0, 1 };
    struct buf b;

    hello[46] = 0x13; /* one suite, no compression */
    hello[45] = 2;
    hello[48] = 1;
    vitro_buf_init(&b, NULL, 1 << 20);
    vitro_buf_append(&b, hello, sizeof hello);
    put_extension(&b, m, 0, 2);
    put_extension(&b, m, 16, 1);
    for (size_t i = 0; i < 3; i++) {
        static const uint8_t lengths[] = { 3, 7, 50 }; /* of the record, the message, the list */
        size_t n = b.len - lengths[i] - 2;
        b.ptr[lengths[i]] = (uint8_t)(n >> 8);
        b.ptr[lengths[i] + 1] = (uint8_t)n;
    }
    pcap_talk_open(m->w, &talk);
    pcap_talk_send(m->w, &talk, 0, b.ptr, b.len);
    pcap_talk_close(m->w, &talk);
    vitro_buf_done(&b);
}

void hostile_capture(struct pcap_write *w, struct chance *c)
{
    static const char *const request[] = { ":method",    "POST", ":scheme",      "http",
                                           ":path",      "",     "content-type", "application/grpc",
                                           ":authority", "",     "user-agent",   "",
                                           NULL };
    static const char *const known[] = { ":method",
                                         "POST",
                                         ":scheme",
                                         "http",
                                         ":path",
                                         "/chat.ChatService/SendMessage",
                                         "content-type",
                                         "application/grpc",
                                         "grpc-encoding",
                                         "",
                                         NULL };
    static const char *const response[] = {
        ":status", "200", "content-type", "application/grpc", "grpc-encoding", "", NULL
    };
    static const char *const trailers[] = { "grpc-status", "13", "grpc-message", "", NULL };
    struct maker m = { .w = w, .c = c, .talk = { .next = { 1, 1 } } };
    char rest[100], path[300];
    const char *named[] = { ":method", "POST",         ":scheme",          "http", ":path",
                            path,      "content-type", "application/grpc", NULL };
    struct buf b;

    pcap_write_init(w, PCAP_NG, 1);
    vitro_hpack_writer_init(&m.hpack[0], NULL, 4096);
    vitro_hpack_writer_init(&m.hpack[1], NULL, 4096);
    put_interface(&m);
    put_note(&m);
    pcap_talk_open(w, &m.talk);
    vitro_buf_init(&b, NULL, 1 << 20);
    vitro_frame_write_preface(&b);
    vitro_frame_write_settings(&b, 0, NULL, 0);
    send_frame(&m, 0, &b);
    vitro_buf_init(&b, NULL, 1 << 20);
    vitro_frame_write_settings(&b, 0, NULL, 0);
    send_frame(&m, 1, &b);
    hostile_text(c, rest, sizeof rest);
    put_schema(&m, "p", rest);
    snprintf(path, sizeof path, "/p.%s/%s", rest, rest);
    for (uint32_t stream = 1; stream <= 5; stream += 2) {
        send_headers(&m, 0, stream, 0, stream == 1 ? known : stream == 3 ? request : named);
        send_message(&m, 0, stream);
        put_note(&m);
        send_headers(&m, 1, stream, 0, response);
        send_message(&m, 1, stream);
        send_headers(&m, 1, stream, FRAME_END_STREAM, trailers);
    }
    put_note(&m);
    send_goaway(&m, 0);
    pcap_talk_send(w, &m.talk, 1, "\x1b]0;no frame\x07", 13);
    pcap_talk_close(w, &m.talk);
    put_hello(&m);
    vitro_hpack_writer_done(&m.hpack[0]);
    vitro_hpack_writer_done(&m.hpack[1]);
}

/* ---- the watch ------------------------------------------------------------------------------- */

enum { GROUND, CHARACTER, ESCAPE, SEQUENCE, CHARSET, COPY };

static bool refuse(struct watch *w, const char *why)
{
    struct text t;

    if (w->wrong[0])
        return false;
    vitro_text_init(&t, w->wrong, sizeof w->wrong);
    vitro_text_add(&t, "%s:", why);
    for (size_t i = 0; i < w->held_len; i++)
        vitro_text_add(&t, " %02x", w->held[i]);
    return false;
}

static bool go_on(struct watch *w, int state)
{
    w->state = state;
    if (state == GROUND)
        w->held_len = 0;
    return true;
}

/* How long a character is that begins so; 0: none begins so. */
static size_t length_of(uint8_t first)
{
    return first < 0x80    ? 1
           : first < 0xc2  ? 0
           : first < 0xe0  ? 2
           : first < 0xf0  ? 3
           : first <= 0xf4 ? 4
                           : 0;
}

static bool end_character(struct watch *w)
{
    vitro_str s = { (const char *)w->held, w->held_len };
    uint32_t c = 0;

    if (vitro_utf8_decode(s, &c) != s.len)
        return refuse(w, "no UTF-8");
    if (!vitro_utf8_printable(c))
        return refuse(w, "a character that does something");
    w->marks = c >= 0x300 && c < 0x370 ? w->marks + 1 : 0;
    if (w->marks > 16)
        return refuse(w, "a flood of combining characters");
    return go_on(w, GROUND);
}

static bool ground(struct watch *w, uint8_t b)
{
    bool screen = w->kind == WATCH_SCREEN;

    if (b == 0x1b && w->kind != WATCH_TEXT)
        return go_on(w, ESCAPE);
    if (b == '\n' || (screen && (b == '\r' || b == '\b' || b == '\t' || b == 0x0e || b == 0x0f))) {
        w->marks = 0;
        return go_on(w, GROUND);
    }
    if (b < 0x20 || b == 0x7f)
        return refuse(w, "a control character");
    if (!length_of(b))
        return refuse(w, "no UTF-8");
    if (b >= 0x80)
        return go_on(w, CHARACTER);
    w->marks = 0;
    return go_on(w, GROUND);
}

static bool escape(struct watch *w, uint8_t b)
{
    bool screen = w->kind == WATCH_SCREEN;

    if (b == '[')
        return go_on(w, SEQUENCE);
    if (screen && (b == '(' || b == ')'))
        return go_on(w, CHARSET);
    if (screen && w->may_copy && b == ']')
        return go_on(w, COPY);
    if (screen && b && strchr("78=>M", b))
        return go_on(w, GROUND);
    return refuse(w, "an escape sequence");
}

static bool sequence(struct watch *w, uint8_t b)
{
    if ((b >= '0' && b <= '?') || b == ' ')
        return true;
    if (b == 'm' || (w->kind == WATCH_SCREEN && b && strchr("ABCDGHJKLMPSTX@bcdhlrt", b)))
        return go_on(w, GROUND);
    return refuse(w, "a sequence");
}

/* ESC ] 52 ; c ; base64 BEL */
static bool copy(struct watch *w, uint8_t b)
{
    static const char begin[] = "\x1b]52;c;";
    size_t n = w->held_len;

    if (b == 0x07) {
        w->copies++;
        return go_on(w, GROUND);
    }
    if (n <= sizeof begin - 1)
        return b == (uint8_t)begin[n - 1] || refuse(w, "another OSC");
    w->held_len = sizeof begin; /* the rest is not kept */
    if (b == '+' || b == '/' || b == '=' || (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') ||
        (b >= 'a' && b <= 'z'))
        return true;
    return refuse(w, "no base64");
}

static bool watch_byte(struct watch *w, uint8_t b)
{
    if (w->held_len < sizeof w->held)
        w->held[w->held_len++] = b;
    switch (w->state) {
    case GROUND:
        return ground(w, b);
    case CHARACTER:
        return w->held_len < length_of(w->held[0]) || end_character(w);
    case ESCAPE:
        return escape(w, b);
    case SEQUENCE:
        return sequence(w, b);
    case CHARSET:
        return b == 'B' || b == '0' ? go_on(w, GROUND) : refuse(w, "a character set");
    default:
        return copy(w, b);
    }
}

bool watch_bytes(struct watch *w, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n && !w->wrong[0]; i++)
        watch_byte(w, ((const uint8_t *)bytes)[i]);
    return !w->wrong[0];
}
