#include "ui/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wrap.h"

bool grid_resize(struct grid *g, int w, int h)
{
    struct cell *cells = NULL;

    w = w < 0 ? 0 : w;
    h = h < 0 ? 0 : h;
    if (w && h)
        cells = calloc((size_t)w * (size_t)h, sizeof *cells);
    free(g->cells);
    g->cells = cells;
    g->w = cells ? w : 0;
    g->h = cells ? h : 0;
    grid_clear(g);
    return cells != NULL;
}

void grid_done(struct grid *g)
{
    free(g->cells);
    g->cells = NULL;
    g->w = g->h = 0;
}

static struct cell *cell_at(struct grid *g, int y, int x)
{
    return &g->cells[(size_t)y * (size_t)g->w + (size_t)x];
}

static void blank(struct cell *c, enum style st)
{
    memset(c, 0, sizeof *c);
    c->text[0] = ' ';
    c->width = 1;
    c->style = (uint8_t)st;
}

void grid_clear(struct grid *g)
{
    for (int i = 0; i < g->w * g->h; i++)
        blank(&g->cells[i], ST_TEXT);
}

const struct cell *grid_at(const struct grid *g, int y, int x)
{
    return &g->cells[(size_t)y * (size_t)g->w + (size_t)x];
}

void grid_row_text(const struct grid *g, int y, char *out, size_t size)
{
    size_t len = 0, end = 0;

    for (int x = 0; x < g->w; x++) {
        const struct cell *c = grid_at(g, y, x);
        size_t n = strlen(c->text);
        if (!c->width || len + n >= size)
            continue;
        memcpy(out + len, c->text, n);
        len += n;
        if (strcmp(c->text, " ") != 0)
            end = len;
    }
    if (size)
        out[end] = 0;
}

struct area grid_area(struct grid *g)
{
    return (struct area){ g, 0, 0, g->h, g->w };
}

struct area area_part(struct area a, int y, int x, int h, int w)
{
    struct area out = { a.grid, a.y + y, a.x + x, h, w };

    if (h > a.h - y)
        out.h = a.h - y;
    if (w > a.w - x)
        out.w = a.w - x;
    if (out.h < 0 || y < 0)
        out.h = 0;
    if (out.w < 0 || x < 0)
        out.w = 0;
    return out;
}

/* ---- one character --------------------------------------------------------------------------- */

/* A wide character is never left in halves. */
static void unpair(struct grid *g, int y, int x)
{
    struct cell *c = cell_at(g, y, x);

    if (c->width == 0 && x > 0)
        blank(cell_at(g, y, x - 1), c->style);
    else if (c->width == 2 && x + 1 < g->w)
        blank(cell_at(g, y, x + 1), c->style);
}

static void set_cell(struct grid *g, int y, int x, vitro_str ch, int width, enum style st)
{
    struct cell *c = cell_at(g, y, x);

    unpair(g, y, x);
    memset(c, 0, sizeof *c);
    memcpy(c->text, ch.ptr, ch.len);
    c->width = (uint8_t)width;
    c->style = (uint8_t)st;
    if (width < 2)
        return;
    unpair(g, y, x + 1);
    c = cell_at(g, y, x + 1);
    memset(c, 0, sizeof *c);
    c->style = (uint8_t)st;
}

/* A combining character joins the one before it, when there is room. */
static void join(struct area a, int y, int x, vitro_str ch)
{
    struct cell *c;
    size_t n;

    if (x <= 0 || x > a.w)
        return;
    c = cell_at(a.grid, a.y + y, a.x + x - 1);
    if (!c->width && x > 1)
        c = cell_at(a.grid, a.y + y, a.x + x - 2);
    n = strlen(c->text);
    if (n + ch.len < CELL_TEXT) {
        memcpy(c->text + n, ch.ptr, ch.len);
        c->text[n + ch.len] = 0;
    }
}

static int put_char(struct area a, int y, int x, enum style st, vitro_str ch)
{
    int width = wrap_columns(ch);

    if (width == 0) {
        join(a, y, x, ch);
        return x;
    }
    if (y >= 0 && y < a.h && x >= 0 && x + width <= a.w)
        set_cell(a.grid, a.y + y, a.x + x, ch, width, st);
    return x + width;
}

static int put_escape(struct area a, int y, int x, enum style st, const char *text)
{
    for (; *text; text++)
        x = put_char(a, y, x, st, (vitro_str){ text, 1 });
    return x;
}

/* ---- text ------------------------------------------------------------------------------------ */

int area_text(struct area a, int y, int x, enum style st, vitro_str s)
{
    char escaped[64];
    struct text t;
    uint32_t c;

    if (y < 0 || y >= a.h)
        return x;
    while (s.len && x < a.w) {
        size_t n = vitro_utf8_decode(s, &c);
        bool printable = n && vitro_utf8_printable(c);
        vitro_str ch = { s.ptr, n ? n : 1 };
        if (printable && c != '\n' && !(a.grid->ascii && c > 0x7e)) {
            x = put_char(a, y, x, st, ch);
        } else if (printable && c > 0x7e) {
            snprintf(escaped, sizeof escaped, "\\u{%x}", (unsigned)c);
            x = put_escape(a, y, x, st, escaped);
        } else {
            vitro_text_init(&t, escaped, sizeof escaped);
            vitro_text_escape(&t, ch);
            x = put_escape(a, y, x, st, escaped);
        }
        s.ptr += ch.len;
        s.len -= ch.len;
    }
    return x;
}

int area_put(struct area a, int y, int x, enum style st, const char *format, ...)
{
    char buf[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    return area_text(a, y, x, st, vitro_str_of(buf));
}

void area_style(struct area a, int y, int x, int n, enum style st)
{
    if (y < 0 || y >= a.h)
        return;
    for (int i = x < 0 ? 0 : x; i < x + n && i < a.w; i++)
        cell_at(a.grid, a.y + y, a.x + i)->style = (uint8_t)st;
}

void area_rule(struct area a, int y, int x, int n, enum style st)
{
    for (int i = 0; i < n && y >= 0 && y < a.h && x + i < a.w; i++)
        set_cell(a.grid, a.y + y, a.x + x + i, vitro_str_of(a.grid->ascii ? "-" : "─"), 1, st);
}

void area_fence(struct area a, int y, int x, int n, enum style st)
{
    for (int i = 0; i < n && y >= 0 && y + i < a.h && x >= 0 && x < a.w; i++)
        set_cell(a.grid, a.y + y + i, a.x + x, vitro_str_of(a.grid->ascii ? "|" : "│"), 1, st);
}

/* The longest piece of a word that fits; at least one character. */
static size_t fits(vitro_str s, int columns)
{
    size_t at = 0;
    uint32_t c;

    while (at < s.len) {
        vitro_str rest = { s.ptr + at, s.len - at };
        size_t n = vitro_utf8_decode(rest, &c);
        n = n ? n : 1;
        if (at && wrap_columns((vitro_str){ s.ptr, at + n }) > columns)
            return at;
        at += n;
    }
    return at;
}

/* Bytes of the first word, of one that no row holds at most so many. */
static size_t word_of(vitro_str s, size_t most)
{
    size_t n = 0;

    while (n < s.len && n < most && s.ptr[n] != ' ' && s.ptr[n] != '\n')
        n++;
    for (int i = 0; i < 3 && n == most - (size_t)i && n < s.len && (s.ptr[n] & 0xc0) == 0x80; i++)
        n--; /* not within a character */
    return n;
}

int area_wrap(struct area a, int y, enum style st, vitro_str s)
{
    int x = 0;

    while (s.len && y < a.h && a.w > 0) {
        size_t n;
        vitro_str word;
        int columns;
        n = word_of(s, 4 * (size_t)a.w + 4);
        word = (vitro_str){ s.ptr, n };
        columns = wrap_columns(word);
        if (x && x + 1 + columns > a.w) {
            y++;
            x = 0;
        } else if (x) {
            x++;
        }
        if (columns > a.w) {
            word.len = n = fits(word, a.w);
            area_text(a, y, 0, st, word);
            x = a.w;
        } else {
            x = area_text(a, y, x, st, word);
        }
        s.ptr += n;
        s.len -= n;
        if (s.len && *s.ptr == '\n') {
            y++;
            x = 0;
        }
        if (s.len && (*s.ptr == ' ' || *s.ptr == '\n')) {
            s.ptr++;
            s.len--;
        }
    }
    return y + (x > 0);
}
