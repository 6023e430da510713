/*
 * detail_tls - the fields of a record: its head, and what it holds when that is in the clear.
 *
 *      direction   | type | version | length | sealed ............ |
 *      record                                | message | message | type of 1.3, padding |
 */
#include "decode/detail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "crypto/certificate.h"
#include "crypto/record.h"
#include "decode/handshake.h"

enum { CONTENT_MAX = 64 * 1024, WORDS_MAX = 160, SERVER_HELLO = 2 };

/* A record while its fields are told. */
struct looked {
    struct detail *t;
    vitro_span content;
    vitro_bytes bytes; /* of it, as far as they are at hand */
    uint64_t from;     /* of it, where its first message begins */
    unsigned depth;    /* of its fields: below what is sealed */
    uint32_t message;  /* type of the one that is being read */
    uint32_t messages; /* so many begin in it */
    uint32_t version;  /* the highest that a hello names, or that of the keys */
    bool whole;        /* what began in another record ends here, and was read */
    bool is_1_3;       /* keys of 1.3 have opened it */
    const char *level; /* of an alert */
    char words[WORDS_MAX];
    size_t len; /* of words */
};

/* ---- the title ------------------------------------------------------------------------------- */

static void say(struct looked *l, const char *before, vitro_str word)
{
    int n = snprintf(l->words + l->len, sizeof l->words - l->len, "%s%.*s", before,
                     (int)MIN(word.len, 64U), word.ptr);

    if (n > 0)
        l->len = MIN(l->len + (size_t)n, sizeof l->words - 1);
}

static vitro_str text_of(const struct looked *l, const struct handshake_field *f)
{
    return (vitro_str){ (const char *)l->bytes.ptr + l->from + f->off, f->len };
}

static const char *number_text(struct detail *t, const struct handshake_field *f)
{
    char number[16];

    snprintf(number, sizeof number,
             vitro_tls_is_hex((enum tls_registry)f->registry) ? "0x%04" PRIx32 : "%" PRIu32,
             f->number);
    return f->text ? vitro_detail_text(t, "%s (%s)", f->text, number)
                   : vitro_detail_text(t, "%s", number);
}

/* What of a message belongs on one line. */
static void say_field(struct looked *l, const struct handshake_field *f)
{
    const char *name = f->text ? f->text : number_text(l->t, f);

    if (strcmp(f->name, "tls.handshake") == 0) {
        l->message = f->number;
        l->messages++;
        say(l, l->len ? ", " : " ", vitro_str_of(f->text ? "" : "handshake "));
        say(l, "", vitro_str_of(name));
    } else if (strcmp(f->name, "tls.handshake.extensions_alpn_str") == 0) {
        say(l, " alpn ", text_of(l, f));
    } else if (strcmp(f->name, "tls.handshake.extensions_server_name") == 0) {
        say(l, " sni ", text_of(l, f));
    } else if (f->registry == TLS_SUITE && l->message == SERVER_HELLO) {
        say(l, " ", vitro_str_of(name));
    } else if (f->registry == TLS_ALERT_LEVEL) {
        l->level = name;
    } else if (f->registry == TLS_ALERT) {
        say(l, " ", vitro_str_of(name)); /* first what is wrong: a list may cut the rest off */
        say(l, " (", vitro_str_of(l->level));
        say(l, "", vitro_str_of(")"));
    } else if (f->registry == TLS_VERSION && f->number <= 0x0304) {
        l->version = MAX(l->version, f->number);
    }
}

static const char *title_of(struct looked *l)
{
    const vitro_event *ev = l->t->ev;
    const char *version = vitro_tls_name(TLS_VERSION, l->version);

    version = version ? version : "TLS";
    switch (ev->type) {
    case RECORD_HANDSHAKE:
        return vitro_detail_text(l->t, "%s%s", version, l->len ? l->words : " handshake");
    case RECORD_ALERT:
        return vitro_detail_text(l->t, "%s alert%s", version, l->words);
    case RECORD_CHANGE_CIPHER_SPEC:
        return "TLS ChangeCipherSpec";
    case RECORD_APPLICATION_DATA:
        return vitro_detail_text(l->t, "%s %sdata %" PRIu64 "%s", version,
                                 ev->flags & VITRO_TLS_EARLY ? "early " : "", l->content.length,
                                 ev->flags & VITRO_TLS_OPENED &&
                                         vitro_sealed_is_http2(l->t->decode, ev->conn, ev->dir)
                                     ? " -> HTTP/2"
                                     : "");
    default:
        return vitro_detail_text(l->t, "TLS record of type %u", ev->type);
    }
}

/* ---- items ----------------------------------------------------------------------------------- */

/* The dictionary's entry of a name. */
static const char *name_key(const struct detail *t, const char *name)
{
    vitro_explanation e;

    return !t->bare && vitro_explain(name, VITRO_ENGLISH, &e) ? e.key : NULL;
}

/* The dictionary has some values by their number, and most fields by their name. */
static const char *key_of(struct detail *t, const struct handshake_field *f)
{
    if (t->bare)
        return NULL;
    if (f->form == HANDSHAKE_GROUP)
        return vitro_detail_key(t, vitro_detail_text(t, "%s.type", f->name), f->number,
                                name_key(t, f->name));
    if (f->form == HANDSHAKE_WRONG)
        return "unknown";
    return f->registry ? vitro_detail_key(t, f->name, f->number, name_key(t, f->name))
                       : name_key(t, f->name);
}

static void add_field(struct looked *l, const struct handshake_field *f)
{
    static const uint8_t forms[] = { VITRO_ITEM_GROUP, VITRO_ITEM_NUMBER, VITRO_ITEM_TEXT,
                                     VITRO_ITEM_BYTES, VITRO_ITEM_BYTES };
    struct detail *t = l->t;
    vitro_item *item = vitro_detail_add(t, forms[f->form], f->depth + l->depth, f->name,
                                        key_of(t, f), l->content.offset + l->from + f->off, f->len);

    item->span = l->content;
    item->span.offset += l->from + f->off;
    item->span.length = f->len;
    item->number = f->number;
    if (f->form == HANDSHAKE_TEXT)
        item->text = vitro_detail_copy(t, text_of(l, f));
    else if (f->form == HANDSHAKE_WRONG || f->form == HANDSHAKE_GROUP)
        item->text = vitro_str_of(f->text ? f->text : number_text(t, f));
    else if (f->form == HANDSHAKE_NUMBER)
        item->text = vitro_str_of(number_text(t, f));
    if (f->form == HANDSHAKE_WRONG)
        item->bits |= f->len ? VITRO_ITEM_UNKNOWN : VITRO_ITEM_UNKNOWN | VITRO_ITEM_DERIVED;
}

static void add_word(struct looked *l, const char *name, vitro_str text, unsigned depth)
{
    vitro_item *item;

    if (!text.len)
        return;
    item = vitro_detail_derived(l->t, depth, name, name_key(l->t, name), 0, "");
    item->form = VITRO_ITEM_TEXT;
    item->text = text;
}

/* Whom a certificate is for, who says so, and how long. */
static void add_certificate(struct looked *l, const struct handshake_field *f)
{
    struct certificate_words words = { .subject = { NULL, 0 } };
    vitro_str der = text_of(l, f);
    unsigned depth = l->depth + f->depth + 1U;

    if (!vitro_certificate_words((vitro_bytes){ (const uint8_t *)der.ptr, der.len },
                                 &l->t->decode->detail, &words))
        return; /* it is none, or it goes on in another record */
    add_word(l, "x509.subject", words.subject, depth);
    add_word(l, "x509.issuer", words.issuer, depth);
    add_word(l, "x509.names", words.names, depth);
    add_word(l, "x509.usage", words.usage, depth);
    add_word(l, "x509.not_before", words.not_before, depth);
    add_word(l, "x509.not_after", words.not_after, depth);
}

/* Whose signatures count. */
static void add_authority(struct looked *l, const struct handshake_field *f)
{
    vitro_str der = text_of(l, f), name = { NULL, 0 };

    if (vitro_certificate_name((vitro_bytes){ (const uint8_t *)der.ptr, der.len },
                               &l->t->decode->detail, &name))
        add_word(l, "x509.authority", name, l->depth + f->depth + 1U);
}

static bool on_field(const struct handshake_field *f, void *user)
{
    struct looked *l = user;

    say_field(l, f);
    if (l->t->brief)
        return !l->t->full;
    add_field(l, f);
    if (strcmp(f->name, "tls.handshake.certificate") == 0)
        add_certificate(l, f);
    else if (strcmp(f->name, "tls.handshake.dname") == 0)
        add_authority(l, f);
    return !l->t->full;
}

/* ---- the record ------------------------------------------------------------------------------ */

static void head_items(struct looked *l, vitro_bytes head)
{
    struct detail *t = l->t;
    uint64_t at = t->ev->offset;
    uint32_t version = (uint32_t)head.ptr[1] << 8 | head.ptr[2];
    struct handshake_field type = { .name = "tls.record.content_type",
                                    .form = HANDSHAKE_NUMBER,
                                    .registry = TLS_CONTENT,
                                    .number = t->ev->type,
                                    .text = vitro_tls_name(TLS_CONTENT, t->ev->type) };
    const char *key = key_of(t, &type), *text = number_text(t, &type);
    struct handshake_field outer = { .name = "tls.record.version",
                                     .form = HANDSHAKE_NUMBER,
                                     .registry = TLS_VERSION,
                                     .number = version,
                                     .text = vitro_tls_name(TLS_VERSION, version) };

    if (l->is_1_3) {
        vitro_detail_number(t, 0, "tls.record.opaque_type", name_key(t, "tls.record.opaque_type"),
                            at, 1, head.ptr[0], vitro_tls_name(TLS_CONTENT, head.ptr[0]));
        vitro_detail_derived(t, 1, type.name, key, type.number, text);
    } else {
        vitro_detail_number(t, 0, type.name, key, at, 1, type.number, text);
    }
    vitro_detail_number(t, 0, outer.name, key_of(t, &outer), at + 1, 2, version,
                        number_text(t, &outer));
    vitro_detail_number(t, 0, "tls.record.length", name_key(t, "tls.record.length"), at + 3, 2,
                        (uint64_t)head.ptr[3] << 8 | head.ptr[4], NULL);
}

static void bytes_item(struct looked *l, unsigned depth, const char *name, vitro_span span,
                       const char *unknown)
{
    vitro_item *item =
        vitro_detail_add(l->t, VITRO_ITEM_BYTES, depth, name, name_key(l->t, name), span.offset, 0);

    item->span = span;
    if (unknown) {
        item->bits |= VITRO_ITEM_UNKNOWN;
        item->text = vitro_str_of(unknown);
    }
}

/* The message that ends here, as a whole; its bytes stand in a source of their own. */
static void whole_message(struct looked *l, const struct reassembled *r)
{
    struct looked record = *l;

    l->content = vitro_reassembled_span(r);
    l->bytes = vitro_reassembled_bytes(r);
    l->from = 0;
    l->depth++;
    vitro_handshake_read(RECORD_HANDSHAKE, l->is_1_3, l->bytes, on_field, l);
    say(l, " ", vitro_str_of("(end)"));
    l->content = record.content;
    l->bytes = record.bytes;
    l->from = record.from;
    l->depth = record.depth;
    l->whole = true;
}

/* The message before the first that begins here: it began in another record. */
static void begun_items(struct looked *l)
{
    const struct reassembled *r = vitro_reassemble(l->t->decode, l->t->ev);
    uint32_t rest = tls_rest(l->t->ev);
    vitro_span begun = l->content;

    l->from = begun.length = MIN(rest, l->content.length);
    if (l->from && !l->t->brief)
        bytes_item(l, l->depth, "tls.handshake.fragment", begun,
                   rest == UINT32_MAX ? "records before it are missing" : NULL);
    if (l->from && r)
        whole_message(l, r);
    else if (l->from)
        say(l, " ", vitro_str_of("(goes on)"));
}

/* What stands in the content, and what of it was not at hand. */
static void content_items(struct looked *l)
{
    struct detail *t = l->t;
    struct buf *b = &t->decode->scratch;
    vitro_span rest = l->content;
    size_t n;

    vitro_buf_consume(b, b->len);
    vitro_decode_gather(t->decode, &l->content, CONTENT_MAX, b);
    l->bytes = vitro_buf_bytes(b);
    if (t->ev->type == RECORD_HANDSHAKE)
        begun_items(l);
    n = l->bytes.len > l->from ? l->bytes.len - (size_t)l->from : 0;
    if (n)
        vitro_handshake_read(t->ev->type, l->is_1_3, (vitro_bytes){ l->bytes.ptr + l->from, n },
                             on_field, l);
    n = MAX(l->bytes.len, (size_t)l->from);
    rest.offset += n;
    rest.length -= n;
    if (rest.length && !t->brief)
        bytes_item(l, l->depth, "tls.unknown", rest, vitro_decode_why(WHY_NOT_HELD));
}

/* What explains it: the one message that it holds, else its type. */
static const char *record_key(const struct looked *l)
{
    struct detail *t = l->t;
    const char *key;

    if (t->bare)
        return NULL;
    key = vitro_detail_key(t, "tls.record.content_type", t->ev->type, "tls.record");
    return l->messages == 1 && (!l->from || l->whole)
               ? vitro_detail_key(t, "tls.handshake.type", l->message, key)
               : key;
}

/* What stands behind the head. Application data has nothing that a title would need. */
static void body_items(struct looked *l, bool open)
{
    struct detail *t = l->t;
    bool sealed = t->ev->flags & VITRO_TLS_SEALED;
    bool read = open && t->ev->type != RECORD_APPLICATION_DATA;
    vitro_span whole = vitro_event_span(t->ev);

    l->depth = sealed;
    whole.offset += RECORD_HEAD_LEN;
    whole.length -= RECORD_HEAD_LEN;
    if (!t->brief && (sealed || !read))
        bytes_item(l, 0, sealed ? "tls.app_data" : "tls.record.content", whole, NULL);
    if (!t->brief && read && sealed && t->count) {
        t->items[t->count - 1].form = VITRO_ITEM_GROUP;
        t->items[t->count - 1].text = vitro_str_of("opened");
    }
    if (read)
        content_items(l);
}

void vitro_detail_tls(struct detail *t, vitro_detail *out)
{
    const vitro_event *ev = t->ev;
    struct looked l = { .t = t, .level = "" };
    uint8_t head[RECORD_HEAD_LEN] = { 0 };
    vitro_span span = vitro_event_span(ev);
    bool open = vitro_decode_content(t->decode, ev, &l.content);
    size_t n = vitro_decode_bytes(t->decode, &span, 0, head, sizeof head, NULL);

    if (ev->flags & VITRO_TLS_OPENED)
        l.version = vitro_sealed_version(t->decode, ev->conn, ev->dir, ev->detail);
    l.is_1_3 = l.version == 0x0304;
    if (n == sizeof head) {
        if (!t->brief)
            head_items(&l, (vitro_bytes){ head, n });
        body_items(&l, open);
        if (l.message > SERVER_HELLO && !l.version) /* in the clear: in 1.3 only hellos are */
            l.version = (uint32_t)head[1] << 8 | head[2];
    } else if (!t->brief) {
        bytes_item(&l, 0, "tls.unknown", span, "its head is not whole");
    }
    out->key = record_key(&l);
    out->title = vitro_str_of(title_of(&l));
}
