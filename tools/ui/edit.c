#include "ui/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ui/keymap.h"

void edit_set(struct edit *e, const char *text)
{
    struct text t;

    memset(e, 0, sizeof *e);
    vitro_text_init(&t, e->text, sizeof e->text);
    vitro_text_bytes(&t, vitro_str_of(text));
    e->at = strlen(e->text);
}

void edit_put_text(struct edit *e, vitro_str s)
{
    size_t len = strlen(e->text);

    if (len + s.len >= sizeof e->text)
        return;
    memmove(e->text + e->at + s.len, e->text + e->at, len - e->at + 1);
    memcpy(e->text + e->at, s.ptr, s.len);
    e->at += s.len;
}

void edit_put(struct edit *e, uint32_t c)
{
    char utf8[4];

    if (c < 0x110000 && vitro_utf8_printable(c))
        edit_put_text(e, (vitro_str){ utf8, vitro_utf8_encode(c, utf8) });
}

/* ---- moving ---------------------------------------------------------------------------------- */

static bool is_inside(char c)
{
    return ((unsigned char)c & 0xc0u) == 0x80u;
}

static size_t before(const struct edit *e, size_t at)
{
    if (at)
        at--;
    while (at && is_inside(e->text[at]))
        at--;
    return at;
}

static size_t behind(const struct edit *e, size_t at)
{
    if (e->text[at])
        at++;
    while (is_inside(e->text[at]))
        at++;
    return at;
}

static size_t word_before(const struct edit *e)
{
    size_t at = e->at;

    while (at && e->text[at - 1] == ' ')
        at--;
    while (at && e->text[at - 1] != ' ')
        at--;
    return at;
}

/* Take away from there to there; the cursor stands where that was. */
static void cut(struct edit *e, size_t from, size_t to)
{
    memmove(e->text + from, e->text + to, strlen(e->text + to) + 1);
    e->at = from;
}

bool edit_key(struct edit *e, int key)
{
    switch (key) {
    case UI_LEFT:
        e->at = before(e, e->at);
        return true;
    case UI_RIGHT:
        e->at = behind(e, e->at);
        return true;
    case UI_HOME:
    case UI_CTRL_A:
        e->at = 0;
        return true;
    case UI_END:
    case UI_CTRL_E:
        e->at = strlen(e->text);
        return true;
    case UI_BACKSPACE:
        cut(e, before(e, e->at), e->at);
        return true;
    case UI_DELETE:
        cut(e, e->at, behind(e, e->at));
        return true;
    case UI_CTRL_U:
        cut(e, 0, e->at);
        return true;
    case UI_CTRL_W:
        cut(e, word_before(e), e->at);
        return true;
    default:
        return false;
    }
}

/* ---- what was typed before ------------------------------------------------------------------- */

void history_done(struct history *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->lines[i]);
    h->count = 0;
}

void history_open(struct history *h)
{
    h->at = h->count;
    h->typed[0] = 0;
}

static void forget(struct history *h, size_t i)
{
    free(h->lines[i]);
    h->count--;
    memmove(h->lines + i, h->lines + i + 1, (h->count - i) * sizeof *h->lines);
}

void history_add(struct history *h, const char *text)
{
    char *copy = text[0] ? strdup(text) : NULL;

    if (!copy)
        return;
    for (size_t i = 0; i < h->count; i++) {
        if (strcmp(h->lines[i], text) == 0) {
            forget(h, i);
            break;
        }
    }
    if (h->count == HISTORY_MOST)
        forget(h, 0);
    h->lines[h->count++] = copy;
}

bool history_step(struct history *h, struct edit *e, int by)
{
    if (by < 0 ? h->at == 0 : h->at == h->count)
        return false;
    if (h->at == h->count)
        memcpy(h->typed, e->text, sizeof h->typed);
    h->at += (size_t)by;
    edit_set(e, h->at == h->count ? h->typed : h->lines[h->at]);
    return true;
}
