#include "support/decoded.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/seed.h"

vitro_bytes decoded_lend(uint64_t offset, size_t len, void *user)
{
    const struct decoded_bytes *b = user;
    vitro_bytes got = { NULL, 0 };
    size_t end = MIN(b->len, b->most ? b->most : b->len);

    if (offset < end) {
        got.ptr = b->ptr + offset;
        got.len = MIN(len, end - (size_t)offset);
    }
    return got;
}

/* What on_event was lent. */
struct told {
    vitro_event *all;
    uint32_t count, cap;
};

static void tell(vitro_decode *d, const vitro_event *ev, void *user)
{
    struct decoded_bytes *b = user;
    struct told *t = b->told;

    (void)d;
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->all = realloc(t->all, t->cap * sizeof *t->all);
    }
    if (!t->all)
        abort();
    t->all[t->count++] = *ev;
}

/* In order, and then from place to place. */
static void assert_kept(const vitro_decode *d, const struct told *t)
{
    vitro_event ev;

    cr_assert_eq(vitro_decode_count(d), t->count);
    for (uint32_t k = 0; k < 2 * t->count; k++) {
        uint32_t i = k < t->count ? k : k * 7919U % t->count;
        cr_assert(vitro_decode_event(d, i + 1, &ev));
        cr_assert(memcmp(&ev, &t->all[i], sizeof ev) == 0, "event %u is kept as another", i + 1);
    }
    cr_assert(!vitro_decode_event(d, t->count + 1, &ev) && !ev.number);
}

vitro_decode *decoded_of(struct decoded_bytes *bytes, bool keep, vitro_code *code)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    struct told told = { NULL, 0, 0 };
    vitro_decode *d;
    vitro_code rc;

    bytes->told = &told;
    options.on_event = keep ? tell : NULL;
    options.lend = decoded_lend;
    options.user = bytes;
    options.keep = keep;
    if (vitro_decode_new(&d, &options, NULL))
        abort();
    rc = vitro_decode_finish(d, NULL);
    bytes->told = NULL;
    if (keep)
        assert_kept(d, &told);
    free(told.all);
    if (code)
        *code = rc;
    return d;
}

void decoded_assert_tiled(vitro_decode *d, size_t k)
{
    vitro_error err = { 0 };
    char text[400] = "";

    if (vitro_decode_check_tiling(d, &err))
        vitro_error_format(&err, text, sizeof text);
    cr_assert_str_eq(text, "", SEED_TEXT, seed_of_run(), k);
}

static void put_str(FILE *out, vitro_str s)
{
    for (size_t i = 0; i < s.len; i++)
        fprintf(out,
                (unsigned char)s.ptr[i] < 32 || (unsigned char)s.ptr[i] > 126 ? "%%%02x" : "%c",
                (unsigned char)s.ptr[i]);
}

static void put_item(FILE *out, const vitro_item *item, enum decoded_what what)
{
    bool opened = what == DECODED_OPENED && item->span.source == VITRO_SOURCE_TLS;

    fprintf(out, "  %u %s %d+%llu+%llu ", item->depth, item->name,
            opened ? VITRO_SOURCE_DIRECTION : item->span.source,
            (unsigned long long)item->span.offset, (unsigned long long)item->span.length);
    put_str(out, item->text);
    if (item->header) {
        fprintf(out, " %s %u ", item->header->repr, item->header->index);
        put_str(out, item->header->name);
        fputs("=", out);
        put_str(out, item->header->value);
    }
    if (item->field) {
        fprintf(out, " %u %s ", item->field->number, item->field->type ? item->field->type : "?");
        put_str(out, item->field->value);
        for (size_t i = 0; i < item->field->reading_count; i++) {
            fprintf(out, " %s ", item->field->readings[i].type);
            put_str(out, item->field->readings[i].value);
        }
    }
    fputc('\n', out);
}

static void put_event(FILE *out, vitro_decode *d, const vitro_event *ev, enum decoded_what what)
{
    bool above = ev->source == VITRO_SOURCE_BODY;
    vitro_detail dt;

    if (vitro_decode_detail(d, ev, &dt, NULL))
        abort();
    if (what != DECODED_ABOVE || above)
        fprintf(out, "%d c%u d%u s%u %llu+%llu t%u f%u b%u w%u %.*s %.*s\n", ev->kind, ev->conn,
                ev->dir, ev->stream, (unsigned long long)ev->offset, (unsigned long long)ev->length,
                ev->type, ev->flags, ev->bits, ev->why, (int)dt.title.len, dt.title.ptr,
                (int)dt.path.len, dt.path.ptr);
    for (size_t i = 0; i < dt.count; i++) {
        if (what != DECODED_ABOVE || above || dt.items[i].header)
            put_item(out, &dt.items[i], what);
    }
}

static bool is_compared(const vitro_event *ev, enum decoded_what what)
{
    return !(ev->kind == VITRO_EVENT_NOTE && (what == DECODED_WIRE || what == DECODED_OPENED)) &&
           !(ev->kind == VITRO_EVENT_TLS && what == DECODED_OPENED);
}

char *decoded_text(vitro_decode *d, enum decoded_what what)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (int dir = 0; dir < 2; dir++) { /* by direction: how the two interleave is time */
        for (uint32_t i = 1; i <= vitro_decode_count(d); i++) {
            vitro_event ev;
            if (vitro_decode_event(d, i, &ev) && ev.kind != VITRO_EVENT_TCP && ev.dir == dir &&
                is_compared(&ev, what))
                put_event(out, d, &ev, what);
        }
    }
    fclose(out);
    return text;
}
