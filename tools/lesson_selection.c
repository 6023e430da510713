#include "lesson_selection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* ---- the selector --------------------------------------------------------------------------- */

/* The digits at p as a number, which is too small to overflow or taken for the largest. */
static uint32_t read_number(const char **p, const char *end)
{
    uint32_t n = 0;

    for (; *p < end && **p >= '0' && **p <= '9'; ++*p)
        n = n < 100000000 ? n * 10 + (uint32_t)(**p - '0') : UINT32_MAX;
    return n;
}

/* [3], [1-4], [9-], [1-4+], [+] */
static void read_range(struct lesson_term *t, const char *p, const char *end)
{
    p++;
    t->from = t->to = read_number(&p, end);
    if (p < end && *p == '-') {
        p++;
        t->to = p < end && *p >= '0' && *p <= '9' ? read_number(&p, end) : UINT32_MAX;
    }
    t->counted = p < end && *p == '+';
}

static vitro_str trim(vitro_str s)
{
    while (s.len && *s.ptr == ' ') {
        s.ptr++;
        s.len--;
    }
    while (s.len && s.ptr[s.len - 1] == ' ')
        s.len--;
    return s;
}

static void read_term(struct lesson_term *t, const char *term, size_t n)
{
    const char *range = memchr(term, '[', n);

    memset(t, 0, sizeof *t);
    t->to = UINT32_MAX;
    t->words = trim((vitro_str){ term, range ? (size_t)(range - term) : n });
    t->above = memchr(term, '^', n) != NULL;
    if (range)
        read_range(t, range, term + n);
}

void lesson_selection_init(struct lesson_selection *s, const char *selector)
{
    memset(s, 0, sizeof *s);
    s->selector = selector;
    while (*selector && s->term_count < LESSON_TERMS) {
        size_t n = strcspn(selector, ",");
        read_term(&s->terms[s->term_count++], selector, n);
        selector += n + (selector[n] == ',');
    }
}

void lesson_selection_done(struct lesson_selection *s)
{
    free(s->bits);
    memset(s, 0, sizeof *s);
}

/* ---- events --------------------------------------------------------------------------------- */

static bool make_room(struct lesson_selection *s, uint32_t number)
{
    uint32_t cap = s->cap ? s->cap : 64;
    uint8_t *more;

    if (number / 8 < s->cap)
        return true;
    while (number / 8 >= cap)
        cap *= 2;
    more = realloc(s->bits, cap);
    if (!more)
        return false;
    memset(more + s->cap, 0, cap - s->cap);
    s->bits = more;
    s->cap = cap;
    return true;
}

/* Counts the event for each alternative that describes it; does one show it, and its record? */
static bool count(struct lesson_selection *s, uint32_t found, bool *above)
{
    bool shows = false;

    *above = false;

    for (unsigned i = 0; i < s->term_count; i++) {
        struct lesson_term *t = &s->terms[i];
        if (!(found >> i & 1))
            continue;
        t->count++;
        if (t->count >= t->from && t->count <= t->to) {
            t->shown++;
            shows = true;
            *above |= t->above;
        }
    }
    return shows;
}

static void choose(struct lesson_selection *s, uint32_t number)
{
    if (lesson_selection_has(s, number))
        return;
    s->bits[number / 8] |= (uint8_t)(1 << number % 8);
    s->chosen++;
    s->last = MAX(s->last, number);
}

static bool look_at(struct lesson_selection *s, const vitro_event *ev,
                    const struct lesson_words *words)
{
    bool above;

    s->looked = ev->number;
    if (!make_room(s, ev->number))
        return false;
    if (count(s, lesson_words_fit(words, s->selector), &above) ||
        lesson_selection_has(s, ev->parent))
        choose(s, ev->number);
    for (uint32_t n = above ? ev->parent : 0; n && n < ev->number; n++)
        choose(s, n);
    return true;
}

bool lesson_selection_advance(struct lesson_selection *s, size_t n, vitro_decode *d)
{
    struct lesson_words words;
    vitro_event ev;
    bool ok = true;

    while (n && vitro_decode_event(d, s->looked + 1, &ev)) {
        lesson_words_of(&words, d, &ev);
        for (size_t i = 0; i < n; i++)
            ok = look_at(&s[i], &ev, &words) && ok;
    }
    return ok;
}

bool lesson_selection_has(const struct lesson_selection *s, uint32_t number)
{
    return number / 8 < s->cap && s->bits[number / 8] >> number % 8 & 1;
}

uint32_t lesson_selection_reach(const struct lesson_selection *s)
{
    uint32_t reach = s->chosen;

    for (unsigned i = 0; i < s->term_count; i++) {
        if (s->terms[i].counted)
            reach += s->terms[i].count;
    }
    return reach;
}

void lesson_term_say(const struct lesson_term *t, vitro_language language, char *out, size_t size)
{
    static const char *const words[][3] = {
        [VITRO_ENGLISH] = { "", " in all", " shown" },
        [VITRO_KOREAN] = { "모두 ", "개", "개를 보임" },
    };
    const char *const *w = words[language];
    char shown[48] = "";

    if (t->shown)
        snprintf(shown, sizeof shown, ", %" PRIu32 "%s", t->shown, w[2]);
    snprintf(out, size, "%.*s: %s%" PRIu32 "%s%s", (int)t->words.len, t->words.ptr, w[0], t->count,
             w[1], shown);
}
