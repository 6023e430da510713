#include "lesson_select.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WORDS = LESSON_WORDS, WORD = LESSON_WORD, ANCESTORS = 8 };

static void add(struct lesson_words *w, vitro_str s)
{
    if (w->count < WORDS && s.len)
        snprintf(w->text[w->count++], WORD, "%.*s", (int)s.len, s.ptr);
}

static void add_stream(struct lesson_words *w, const vitro_event *ev)
{
    if (w->count < WORDS)
        snprintf(w->text[w->count++], WORD, "%" PRIu32, ev->stream);
}

static bool has(const struct lesson_words *w, const char *word, size_t n)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strlen(w->text[i]) == n && memcmp(w->text[i], word, n) == 0)
            return true;
    }
    return false;
}

static bool is_word(const char *item)
{
    return strncmp(item, "http2.flags.", 12) == 0 || strcmp(item, "VITRO_KIND") == 0 ||
           strcmp(item, "VITRO_SIDE") == 0 || strcmp(item, "VITRO_NAME") == 0;
}

/* Flags of a frame, the kind of a note, whose it is and what it is called. */
static void add_items(struct lesson_words *w, const vitro_detail *dt)
{
    for (size_t i = 0; i < dt->count; i++) {
        const vitro_item *item = &dt->items[i];
        if (is_word(item->name))
            add(w, item->text);
    }
}

/* A field of a note, as `call=2`, where it is a word or a number. */
static void add_field(struct lesson_words *w, const vitro_item *item)
{
    static const char prefix[] = "VITRO_";
    char *out = w->text[w->count];
    size_t n = sizeof prefix - 1;

    if (w->count == WORDS || strncmp(item->name, prefix, n) != 0 || item->text.len > WORD / 2 ||
        memchr(item->text.ptr, ' ', item->text.len))
        return;
    if (snprintf(out, WORD, "%s=%.*s", item->name + n, (int)item->text.len, item->text.ptr) >= WORD)
        return;
    for (; *out && *out != '='; out++)
        *out = (char)tolower((unsigned char)*out);
    w->count++;
}

static void add_fields(struct lesson_words *w, const vitro_detail *dt)
{
    for (size_t i = 0; i < dt->count; i++)
        add_field(w, &dt->items[i]);
}

/* Who says it, where a sentence begins as `server: ` does. */
static void add_speaker(struct lesson_words *w, vitro_str title)
{
    const char *colon = title.len ? memchr(title.ptr, ':', title.len) : NULL;

    if (colon && has(w, "say", 3))
        add(w, (vitro_str){ title.ptr, (size_t)(colon - title.ptr) });
}

/* What a record is, as its line says it: ClientHello, sni, localhost; alert, fatal, unknown_ca. */
static void add_title(struct lesson_words *w, vitro_str title)
{
    for (size_t at = 0, n; at < title.len; at += n + 1) {
        for (n = 0; at + n < title.len && !strchr(" ,", title.ptr[at + n]); n++)
            ;
        add(w, (vitro_str){ title.ptr + at, n });
    }
}

static void add_connection(struct lesson_words *w, const vitro_event *ev)
{
    if (ev->conn == VITRO_NO_CONN)
        return;
    add(w, vitro_str_of(ev->dir == VITRO_C2S ? "c2s" : "s2c"));
    if (w->count < WORDS)
        snprintf(w->text[w->count++], WORD, "conn=%" PRIu32, ev->conn);
}

static void describe(struct lesson_words *w, const vitro_event *ev, const vitro_detail *dt)
{
    static const char *const kinds[16] = {
        [VITRO_EVENT_TCP] = "TCP",         [VITRO_EVENT_TLS] = "TLS",
        [VITRO_EVENT_PREFACE] = "PREFACE", [VITRO_EVENT_GRPC] = "GRPC",
        [VITRO_EVENT_NOTE] = "NOTE",       [VITRO_EVENT_PROTOBUF] = "PROTOBUF",
        [VITRO_EVENT_UNKNOWN] = "UNKNOWN",
    };
    const char *kind = kinds[ev->kind & 15];

    add(w, vitro_str_of("all"));
    add(w, vitro_str_of(kind ? kind : ""));
    if (ev->kind == VITRO_EVENT_NOTE) {
        add_items(w, dt);
        add_fields(w, dt);
        add_speaker(w, dt->title);
        return;
    }
    add_connection(w, ev);
    if (ev->kind == VITRO_EVENT_TLS)
        add_title(w, dt->title);
    if (ev->kind == VITRO_EVENT_FRAME || ev->kind == VITRO_EVENT_TCP ||
        ev->kind == VITRO_EVENT_PROTOBUF)
        add(w, dt->title);
    if (ev->kind == VITRO_EVENT_FRAME || ev->stream)
        add_stream(w, ev);
    if (ev->kind == VITRO_EVENT_FRAME)
        add_items(w, dt);
}

/* ---- matching ------------------------------------------------------------------------------- */

/* One alternative: all of its words hold. One without a word holds for nothing. */
static bool holds(const struct lesson_words *w, const char *term, size_t n)
{
    bool any = false;

    while (n) {
        size_t gap = strspn(term, " "), len, no;
        gap = gap < n ? gap : n;
        term += gap;
        n -= gap;
        len = strcspn(term, " ,");
        len = len < n ? len : n;
        no = len && *term == '!';
        if (len && !strchr("[^", *term)) { /* a range describes nothing */
            if (has(w, term + no, len - no) == (no == 1))
                return false;
            any = true;
        }
        term += len;
        n -= len;
    }
    return any;
}

uint32_t lesson_words_fit(const struct lesson_words *w, const char *selector)
{
    uint32_t found = 0;

    for (unsigned i = 0; *selector && i < LESSON_TERMS; i++) {
        size_t n = strcspn(selector, ",");
        if (holds(w, selector, n))
            found |= 1u << i;
        selector += n + (selector[n] == ',');
    }
    return found;
}

void lesson_words_of(struct lesson_words *out, vitro_decode *d, const vitro_event *ev)
{
    vitro_detail dt;

    out->count = 0;
    if (!vitro_decode_detail(d, ev, &dt, NULL))
        describe(out, ev, &dt);
}

bool lesson_selects(vitro_decode *d, const vitro_event *ev, const char *selector)
{
    struct lesson_words words;
    vitro_event parent;

    for (int i = 0; i < ANCESTORS; i++) {
        lesson_words_of(&words, d, ev);
        if (lesson_words_fit(&words, selector))
            return true;
        if (!vitro_decode_event(d, ev->parent, &parent))
            return false;
        ev = &parent;
    }
    return false;
}
