/*
 * joined - a connection that was begun before the capture, by whoever has recorded it: notes say
 * what the bytes before have said.
 *
 *      goes_on ... it is there at once: both directions stand at a frame, with their offsets,
 *                  HPACK tables of known size, and what each side may send in a frame
 *      open ...... a stream with its path; where in its DATA the next message begins
 *      fields .... the header block at that offset: what it refers to in the table from before
 *
 * Notes are as hostile as all else. What they say is checked against the bytes as far as that
 * goes, and is never more than what one could have seen in the bytes before.
 */
#include "decode/core.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "wire/lpm.h"

enum { TOLD_MOST = 64, TOLD_BYTES = 1024 * 1024 };

/* ---- reading a note -------------------------------------------------------------------------- */

static vitro_str text_of(vitro_bytes entry, const char *name)
{
    struct note_field f;

    return vitro_note_find(entry, vitro_str_of(name), &f) ? f.value : (vitro_str){ "", 0 };
}

static bool number_of(vitro_bytes entry, const char *name, uint64_t most, uint64_t *out)
{
    return vitro_text_number(text_of(entry, name), most, out);
}

/* "192.0.2.1:49152", "[::1]:50051": only what can be written so. */
static bool end_of(vitro_bytes entry, const char *name, struct packet_end *out)
{
    return vitro_endpoint_parse(text_of(entry, name), out);
}

static bool ends_of(vitro_bytes entry, struct packet_end *client, struct packet_end *server)
{
    return end_of(entry, "VITRO_CLIENT", client) && end_of(entry, "VITRO_SERVER", server);
}

/* Which direction of the wire is `in` or `out` of the side that wrote the note. */
static uint8_t way_of(vitro_bytes entry, bool out)
{
    bool client = vitro_str_eq(text_of(entry, "VITRO_SIDE"), vitro_str_of("client"));

    return client == out ? VITRO_C2S : VITRO_S2C;
}

struct conn *vitro_joined_conn(const vitro_decode *d, vitro_bytes entry)
{
    struct packet_end client, server;
    struct past *past;
    uint32_t id = VITRO_NO_CONN;

    if (ends_of(entry, &client, &server))
        id = vitro_tcp_find(&d->tcp, &client, &server);
    past = id == VITRO_NO_CONN ? NULL : vitro_decode_past(d, id);
    return past ? past->live : NULL;
}

/* The value of a setting in "1=4096 4=65535"; fallback when it is not there. */
static uint32_t setting_of(vitro_str list, uint32_t id, uint32_t fallback)
{
    const char *p = list.ptr, *end = p + list.len;

    while (p < end) {
        const char *space = memchr(p, ' ', (size_t)(end - p)), *stop = space ? space : end;
        const char *equals = memchr(p, '=', (size_t)(stop - p));
        uint64_t key, value;
        if (equals && vitro_text_number((vitro_str){ p, (size_t)(equals - p) }, UINT16_MAX, &key) &&
            key == id &&
            vitro_text_number((vitro_str){ equals + 1, (size_t)(stop - equals) - 1 }, UINT32_MAX,
                              &value))
            return (uint32_t)value;
        p = stop + 1;
    }
    return fallback;
}

/* ---- goes_on --------------------------------------------------------------------------------- */

/*
 * The state of one direction: its names are those of the side's way. One that lacks nothing, since
 * it is joined a second time for the sake of the other, goes on as it is.
 */
static void resume(struct conn *c, vitro_bytes entry, bool out)
{
    struct direction *dir = &c->dir[way_of(entry, out)];
    vitro_str receiver = text_of(entry, out ? "VITRO_PEER_SETTINGS" : "VITRO_SETTINGS");
    uint64_t at = 0, size = 0, most = HPACK_DEFAULT_SIZE;
    uint32_t frame = setting_of(receiver, SETTING_MAX_FRAME_SIZE, FRAME_DEFAULT_MAX);

    number_of(entry, out ? "VITRO_OUT" : "VITRO_IN", UINT64_MAX / 4, &at);
    number_of(entry, out ? "VITRO_OUT_TABLE" : "VITRO_IN_TABLE", UINT32_MAX, &size);
    number_of(entry, out ? "VITRO_OUT_TABLE_MOST" : "VITRO_IN_TABLE_MOST", UINT32_MAX, &most);
    if (dir->finished || (dir->state == DIR_FRAMES && !dir->frame.active && dir->told == at) ||
        (dir->track->segs.end && dir->track->segs.end != at))
        return;
    if (dir->state == DIR_FRAMES)
        vitro_frames_cut(dir, true);
    vitro_direction_resume(dir, at, (uint32_t)most, (uint32_t)size);
    dir->max_frame = MAX(dir->max_frame, MIN(frame, (uint32_t)FRAME_LENGTH_MAX));
}

static bool goes_on(vitro_decode *d, vitro_bytes entry)
{
    struct packet_end client, server;
    uint64_t pos[2] = { 0, 0 };
    struct past *past;
    uint32_t id;

    /* of several programs that are watched, another may know it, too: it is shown already */
    if (vitro_joined_conn(d, entry) && text_of(entry, "VITRO_PROGRAM").len)
        return false;
    if (!ends_of(entry, &client, &server) ||
        !number_of(entry, "VITRO_OUT", UINT64_MAX / 4, &pos[way_of(entry, true)]) ||
        !number_of(entry, "VITRO_IN", UINT64_MAX / 4, &pos[way_of(entry, false)]))
        return false;
    id = vitro_tcp_join(&d->tcp, &client, &server, pos);
    past = id == VITRO_NO_CONN ? NULL : vitro_decode_past(d, id);
    if (!past || !past->live)
        return false;
    resume(past->live, entry, true);
    resume(past->live, entry, false);
    return true;
}

/* ---- open ------------------------------------------------------------------------------------ */

static void open_way(struct stream *s, struct direction *dir, vitro_bytes entry, bool out)
{
    struct body *b = &s->body[dir->dir];
    uint64_t rest;

    if (b->kind != BODY_OPEN || b->from != b->rope.end)
        return; /* it has lost nothing */

    if (!number_of(entry, out ? "VITRO_OUT_REST" : "VITRO_IN_REST",
                   (uint64_t)UINT32_MAX + LPM_PREFIX, &rest))
        return;
    b->headers = true;
    b->kind = BODY_GRPC;
    b->tail = rest;
}

static bool open_stream(vitro_decode *d, vitro_bytes entry)
{
    struct conn *c = vitro_joined_conn(d, entry);
    vitro_str ended = text_of(entry, "VITRO_ENDED");
    struct stream *s;
    uint64_t id;

    if (!c || !number_of(entry, "VITRO_STREAM", INT32_MAX, &id) || !id)
        return false;
    s = vitro_seen_stream_get(c, (uint32_t)id, true);
    if (!s)
        return false;
    if (!s->path)
        s->path = vitro_names_add(&d->names, text_of(entry, "VITRO_METHOD"));
    open_way(s, conn_http2(c, way_of(entry, true)), entry, true);
    open_way(s, conn_http2(c, way_of(entry, false)), entry, false);
    if (ended.len)
        s->body[way_of(entry, vitro_str_eq(ended, vitro_str_of("out")))].ended = true;
    return true;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static void told_free(struct direction *dir, struct told_block *t)
{
    vitro_mem_free(&dir->conn->decode->account, t, sizeof *t + t->len);
}

static struct told_block *told_pop(struct direction *dir)
{
    struct told_block *t = dir->told_first;

    dir->told_first = t->next;
    dir->told_count--;
    dir->told_bytes -= t->len;
    return t;
}

static bool fields(vitro_decode *d, vitro_bytes entry)
{
    struct conn *c = vitro_joined_conn(d, entry);
    vitro_str lines = text_of(entry, "VITRO_FIELDS"), way = text_of(entry, "VITRO_WAY");
    struct told_block *t, **at;
    struct direction *dir;
    uint64_t offset;

    if (!c || !lines.len || lines.len > TOLD_BYTES ||
        !number_of(entry, "VITRO_OFFSET", UINT64_MAX / 4, &offset))
        return false;
    dir = conn_http2(c, way_of(entry, vitro_str_eq(way, vitro_str_of("out"))));
    while (dir->told_first &&
           (dir->told_count >= TOLD_MOST || dir->told_bytes + lines.len > TOLD_BYTES))
        told_free(dir, told_pop(dir));
    t = dir->finished ? NULL : vitro_mem_alloc(&d->account, sizeof *t + lines.len);
    if (!t)
        return false;
    *t = (struct told_block){ NULL, offset, lines.len };
    memcpy(t->lines, lines.ptr, lines.len);
    for (at = &dir->told_first; *at; at = &(*at)->next) {
        /* to the end */
    }
    *at = t;
    dir->told_count++;
    dir->told_bytes += lines.len;
    return true;
}

void vitro_joined_forget(struct direction *dir)
{
    while (dir->told_first)
        told_free(dir, told_pop(dir));
}

/* The table learns an older entry that the block refers to. */
static bool learn(struct hpack_reader *r, const struct hpack_field *f)
{
    bool whole = f->repr == HPACK_INDEXED;
    struct hpack_entry e = { f->name, f->value, f->refers, 0, 0 }, known;

    if (!(f->flags & HPACK_TOLD) || f->index <= HPACK_STATIC_COUNT ||
        f->refers > r->table.next - (int64_t)r->table.count - 1)
        return false;
    if (vitro_hpack_table_old(&r->table, f->refers, &known) &&
        (!whole || !(known.flags & HPACK_ENTRY_VALUE_UNKNOWN)))
        return false;
    if (!whole) {
        e.value.len = 0;
        e.flags = HPACK_ENTRY_VALUE_UNKNOWN;
    }
    vitro_hpack_table_tell(&r->table, &e);
    return true;
}

/*
 * Read the block on a copy that is told its fields; what that has found out of older entries the
 * direction's own reader learns, before it reads the block itself.
 */
static bool learn_block(struct direction *dir, vitro_bytes block, vitro_bytes lines)
{
    struct hpack_reader copy;
    struct hpack_field f;
    bool any = false;

    vitro_block_reader_init(&copy, &dir->conn->decode->account, true);
    if (vitro_hpack_reader_copy(&copy, &dir->hpack)) {
        vitro_hpack_tell(&copy, lines);
        vitro_hpack_block(&copy, block, 0);
        while (vitro_hpack_next(&copy, &f))
            any |= learn(&dir->hpack, &f);
    }
    vitro_hpack_reader_done(&copy);
    return any;
}

bool vitro_joined_teach(struct direction *dir, uint64_t at, vitro_bytes block)
{
    bool any = false;

    while (dir->told_first && dir->told_first->at <= at) {
        struct told_block *t = told_pop(dir);
        if (t->at == at)
            any |= learn_block(dir, block, (vitro_bytes){ t->lines, t->len });
        told_free(dir, t);
    }
    return any;
}

/* ---- notes ----------------------------------------------------------------------------------- */

static const struct {
    const char *kind;
    uint8_t type;
    bool (*take)(vitro_decode *d, vitro_bytes entry); /* false: it is of no use */
} kinds[] = {
    { "goes_on", VITRO_NOTE_GOES_ON, goes_on },
    { "open", VITRO_NOTE_OPEN, open_stream },
    { "fields", VITRO_NOTE_FIELDS, fields },
};

uint8_t vitro_joined_note(vitro_decode *d, const struct capture_record *r)
{
    vitro_str kind = text_of(r->bytes, "VITRO_KIND");

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!vitro_str_eq(kind, vitro_str_of(kinds[i].kind)))
            continue;
        d->tcp.now = r->number;
        d->tcp.now_ts = r->ts;
        return kinds[i].take(d, r->bytes) ? kinds[i].type : VITRO_NOTE_OTHER;
    }
    return VITRO_NOTE_OTHER;
}
