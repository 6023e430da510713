#include "support/bad_script.h"

#include <string.h>

#include "base/util.h"
#include "frame/frame_writer.h"

enum { FIRST_WINDOW = 65535, PAD = 255 };

static const struct bad_case cases[] = {
#define BAD(id, ...) { .name = #id, __VA_ARGS__ },
#include "support/bad_cases.def"
#undef BAD
};

const struct bad_case *bad_case_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!strcmp(cases[i].name, name))
            return &cases[i];
    return NULL;
}

const char *bad_seen_wrong(const struct bad_seen *seen, const struct bad_case *of)
{
    if (!seen->requests)
        return "no request of UnaryCall came whole";
    if (seen->answered < seen->requests)
        return "a response could not be sent to its end";
    if (of->leaves && seen->connections < 2)
        return "no new connection was made after GOAWAY";
    if (of->one_at_a_time && seen->most_open > 1)
        return "more streams were open than SETTINGS_MAX_CONCURRENT_STREAMS allows";
    return NULL;
}

/* ---- streams -------------------------------------------------------------------------------- */

static struct bad_stream *find(struct bad_script *s, uint32_t id)
{
    for (size_t i = 0; i < s->streams; i++)
        if (s->stream[i].id == id)
            return &s->stream[i];
    return NULL;
}

static void forget(struct bad_script *s, struct bad_stream *stream)
{
    size_t at = (size_t)(stream - s->stream);

    memmove(stream, stream + 1, (--s->streams - at) * sizeof *stream);
}

/* ---- a response, as far as the windows go --------------------------------------------------- */

static bool add_ping(struct bad_script *s)
{
    if (!s->of->pings)
        return true;
    s->seen->pings++;
    return vitro_frame_write_ping(&s->out, 0, (uint8_t[8]){ (uint8_t)s->seen->pings });
}

static bool add_fields(struct bad_script *s, uint32_t id, uint8_t flags, const char *const *fields)
{
    struct buf block;
    bool good = true;

    vitro_buf_init(&block, NULL, SIZE_MAX);
    for (; *fields; fields += 2)
        good = good && vitro_hpack_write(&s->encoder, &block, vitro_str_of(fields[0]),
                                         vitro_str_of(fields[1]), NULL);
    good = good && vitro_frame_write_block(&s->out, id, flags, vitro_buf_bytes(&block),
                                           FRAME_DEFAULT_MAX, NULL);
    vitro_buf_done(&block);
    return good;
}

static bool begin(struct bad_script *s, struct bad_stream *stream)
{
    static const char *const fields[] = { ":status", "200", "content-type", "application/grpc",
                                          NULL };

    stream->begun = true;
    return add_ping(s) && add_fields(s, stream->id, 0, fields) && add_ping(s);
}

static size_t end_of_message(const struct bad_script *s)
{
    return s->of->resets ? s->message.len * s->of->percent / 100 : s->message.len;
}

/* One DATA frame; *blocked when the windows have no room for it. */
static bool add_piece(struct bad_script *s, struct bad_stream *stream, bool *blocked)
{
    const struct frame_dress dress = { .padded = s->of->padded, .pad = PAD };
    size_t n = MIN(s->of->piece ? s->of->piece : (size_t)FRAME_DEFAULT_MAX,
                   end_of_message(s) - stream->sent);
    int64_t cost = (int64_t)n + (dress.padded ? PAD + 1 : 0);
    vitro_bytes piece = { s->message.ptr + stream->sent, n };

    *blocked = cost > stream->room || cost > s->room;
    if (*blocked)
        return true;
    stream->room -= cost;
    s->room -= cost;
    stream->sent += n;
    return vitro_frame_write_data(&s->out, stream->id, 0, piece, dress.padded ? &dress : NULL) &&
           add_ping(s);
}

static bool end(struct bad_script *s, struct bad_stream *stream)
{
    static const char *const trailers[] = { "grpc-status", "0", NULL };
    uint32_t id = stream->id;

    s->seen->answered += stream->counts;
    forget(s, stream);
    if (s->of->resets)
        return vitro_frame_write_rst_stream(&s->out, id, H2_NO_ERROR);
    if (!add_fields(s, id, FRAME_END_STREAM, trailers))
        return false;
    if (!s->of->leaves || s->left)
        return true;
    s->left = true;
    return vitro_frame_write_goaway(&s->out, id, H2_NO_ERROR, (vitro_bytes){ NULL, 0 });
}

static bool answer(struct bad_script *s, struct bad_stream *stream, bool *blocked)
{
    if (!stream->begun && !begin(s, stream))
        return false;
    while (stream->sent < end_of_message(s)) {
        if (!add_piece(s, stream, blocked))
            return false;
        if (*blocked)
            return true;
    }
    *blocked = s->seen->acks < s->seen->pings;
    return *blocked || end(s, stream);
}

/* Answer whatever is there whole, in the order in which it was asked. */
static bool answer_all(struct bad_script *s)
{
    bool blocked = false;

    for (size_t i = 0; i < s->streams && !blocked;) {
        size_t before = s->streams;

        if (s->stream[i].whole && !answer(s, &s->stream[i], &blocked))
            return false;
        i += s->streams == before;
    }
    return true;
}

/* ---- frames that come ----------------------------------------------------------------------- */

/* What follows GOAWAY is not looked at: its client asks again elsewhere. */
static bool open_stream(struct bad_script *s, bool counts)
{
    if (s->left)
        return true;
    if (s->streams == BAD_STREAMS)
        return false;
    s->seen->connections += !s->asked;
    s->asked = true;
    s->seen->requests += counts && s->block_head.flags & FRAME_END_STREAM;
    s->stream[s->streams++] = (struct bad_stream){
        .id = s->block_head.stream,
        .room = s->first_room,
        .counts = counts,
        .whole = s->block_head.flags & FRAME_END_STREAM,
    };
    if (s->limited)
        s->seen->most_open = MAX(s->seen->most_open, (unsigned)s->streams);
    return true;
}

static bool on_block(struct bad_script *s, vitro_bytes part)
{
    static const char path[] = "/grpc.testing.TestService/UnaryCall";
    bool counts = false;
    struct hpack_field f;

    if (s->head.type == FRAME_HEADERS)
        s->block_head = s->head;
    if (!vitro_buf_append(&s->block, part.ptr, part.len))
        return false;
    if (!(s->head.flags & FRAME_END_HEADERS))
        return true;
    vitro_hpack_block(&s->decoder, vitro_buf_bytes(&s->block), 0);
    while (vitro_hpack_next(&s->decoder, &f)) {
        if (f.wrong)
            return false;
        counts |= f.value.len == strlen(path) && !memcmp(f.value.ptr, path, f.value.len);
    }
    s->block.len = 0;
    return open_stream(s, counts);
}

static bool on_data(struct bad_script *s)
{
    struct bad_stream *stream = find(s, s->head.stream);
    uint32_t n = s->head.length;

    if (stream && s->head.flags & FRAME_END_STREAM) {
        stream->whole = true;
        s->seen->requests += stream->counts;
    }
    if (!n)
        return true;
    return vitro_frame_write_window_update(&s->out, 0, n) &&
           (!stream || stream->whole || vitro_frame_write_window_update(&s->out, stream->id, n));
}

static void give_room(struct bad_script *s, uint32_t n)
{
    struct bad_stream *stream = find(s, s->head.stream);

    if (!s->head.stream)
        s->room += n;
    else if (stream)
        stream->room += n;
}

static bool on_settings(struct bad_script *s, vitro_bytes payload)
{
    struct frame_setting setting;

    if (s->head.flags & FRAME_ACK) {
        s->limited = true;
        return true;
    }
    for (size_t i = 0; vitro_frame_setting_at(payload, i, &setting); i++) {
        if (setting.id != SETTING_INITIAL_WINDOW_SIZE)
            continue;
        for (size_t k = 0; k < s->streams; k++)
            s->stream[k].room += (int64_t)setting.value - s->first_room;
        s->first_room = setting.value;
    }
    return vitro_frame_write_settings(&s->out, FRAME_ACK, NULL, 0);
}

static bool on_ping(struct bad_script *s, vitro_bytes payload)
{
    if (!(s->head.flags & FRAME_ACK))
        return vitro_frame_write_ping(&s->out, FRAME_ACK, payload.ptr);
    s->seen->acks++;
    return true;
}

static bool on_frame(struct bad_script *s)
{
    vitro_bytes payload = vitro_buf_bytes(&s->payload);
    struct bad_stream *stream = find(s, s->head.stream);
    struct frame_view v;

    vitro_frame_view(&v, s->head, payload, FRAME_DEFAULT_MAX);
    if (v.wrongs)
        return false;
    switch (s->head.type) {
    case FRAME_HEADERS:
    case FRAME_CONTINUATION:
        return on_block(s, vitro_frame_bytes(&v, FRAME_FIELD_FRAGMENT, payload));
    case FRAME_DATA:
        return on_data(s);
    case FRAME_SETTINGS:
        return on_settings(s, payload);
    case FRAME_PING:
        return on_ping(s, payload);
    case FRAME_WINDOW_UPDATE:
        give_room(s, vitro_frame_value(&v, FRAME_FIELD_INCREMENT));
        return true;
    case FRAME_RST_STREAM:
        if (stream)
            forget(s, stream);
        return true;
    default:
        return true;
    }
}

static bool on_piece(struct bad_script *s, const struct frame_piece *piece)
{
    bool good;

    if (piece->kind == FRAME_PIECE_NOT_PREFACE)
        return false;
    if (piece->kind == FRAME_PIECE_PREFACE)
        return true;
    s->head = piece->head;
    if (piece->kind == FRAME_PIECE_PAYLOAD &&
        !vitro_buf_append(&s->payload, piece->bytes.ptr, piece->bytes.len))
        return false;
    if (!piece->end)
        return true;
    good = on_frame(s);
    s->payload.len = 0;
    return good;
}

bool bad_script_take(struct bad_script *s, vitro_bytes in)
{
    for (;;) {
        struct frame_piece piece = vitro_frame_read(&s->reader, &in);

        if (piece.kind == FRAME_PIECE_NONE)
            return answer_all(s);
        if (!on_piece(s, &piece))
            return false;
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

void bad_script_init(struct bad_script *s, const struct bad_case *of, vitro_bytes message,
                     struct bad_seen *seen)
{
    static const struct hpack_reader_options options = { .max_size = HPACK_DEFAULT_SIZE };
    static const struct frame_setting_pair one = { SETTING_MAX_CONCURRENT_STREAMS, 1 };

    *s = (struct bad_script){
        .of = of, .message = message, .seen = seen, .room = FIRST_WINDOW, .first_room = FIRST_WINDOW
    };
    vitro_buf_init(&s->out, NULL, SIZE_MAX);
    vitro_buf_init(&s->payload, NULL, SIZE_MAX);
    vitro_buf_init(&s->block, NULL, SIZE_MAX);
    vitro_frame_reader_init(&s->reader, 0, true);
    vitro_hpack_reader_init(&s->decoder, NULL, &options);
    vitro_hpack_writer_init(&s->encoder, NULL, HPACK_DEFAULT_SIZE);
    (void)vitro_frame_write_settings(&s->out, 0, &one, of->one_at_a_time ? 1 : 0);
}

void bad_script_done(struct bad_script *s)
{
    vitro_hpack_reader_done(&s->decoder);
    vitro_hpack_writer_done(&s->encoder);
    vitro_buf_done(&s->out);
    vitro_buf_done(&s->payload);
    vitro_buf_done(&s->block);
}
