/*
 * study_wire - how far the program of a lesson was let, and which events belong to which part.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "trace/note.h"
#include "ui/facts.h"
#include "ui/study.h"

/* On real sockets a program rests while bytes are on their way: silence says that all has come. */
enum { QUIET_MS = 50 };

/* ---- masks ----------------------------------------------------------------------------------- */

/*
 * A question waits to be answered before what the parts behind it show: until then that is masked,
 * and the unit that is held for it. Who sends it all the same, by a step or a run, has decided to
 * see it, and the question masks nothing any more.
 */

/* The first question that waits for its answer; the count of parts when none does. */
static size_t open_question(const struct study *s)
{
    for (size_t i = s->waived; i < s->count; i++) {
        const struct lesson_part *p = &s->parts[0].items[i];
        if (p->kind == PART_ASK && s->answers[MIN(p->question, STUDY_QUESTIONS)] < 0)
            return i;
    }
    return s->count;
}

bool study_holds(const struct study *s, uint32_t number)
{
    for (size_t i = 0; i < s->held_count; i++) {
        if (s->held[i].event == number)
            return true;
    }
    return false;
}

static bool has_reached(const struct study *s, size_t part)
{
    uint32_t reach = lesson_selection_reach(&s->shows[part]), wanted = s->wanted[part];

    return s->parts[0].items[part].kind != PART_WIRE || s->over ||
           (!s->unplanned && (wanted ? reach >= wanted : reach > 0));
}

static bool belongs_behind(const struct study *s, size_t question, uint32_t number)
{
    for (size_t i = question; i < s->count; i++) {
        if (lesson_selection_has(&s->shows[i], number))
            return true;
    }
    return false;
}

/* What belongs to a part before the question may be seen; a held unit when it belongs there. */
bool study_masks(const struct study *s, uint32_t number)
{
    size_t question = open_question(s);
    bool all = true, held = study_holds(s, number);
    uint32_t last = 0;

    if (question == s->count || (number <= s->passed && !held))
        return false;
    for (size_t i = 0; i < question; i++) {
        if (lesson_selection_has(&s->shows[i], number))
            return false;
        all = all && has_reached(s, i);
        last = MAX(last, s->shows[i].last);
    }
    return held ? all : number > last || belongs_behind(s, question, number);
}

bool study_masks_some(const struct study *s)
{
    for (uint32_t n = s->looked; n; n--) {
        if (study_masks(s, n))
            return true;
    }
    return false;
}

/* Something of what the question is about is there. */
static bool is_past(const struct study *s, size_t question)
{
    for (size_t i = question + 1; i < s->count && s->parts[0].items[i].kind != PART_ASK; i++) {
        if (s->shows[i].chosen)
            return true;
    }
    return false;
}

/* The learner has let the program on to here, and not to reach a part. */
static void pass(struct study *s, bool breaks)
{
    s->passed = s->looked;
    if (breaks && s->held_count && study_masks(s, s->held[0].event))
        s->waived = open_question(s) + 1; /* the frame that was asked for */
    for (size_t i = open_question(s); i < s->count && is_past(s, i); i = open_question(s))
        s->waived = i + 1;
}

/* ---- events ---------------------------------------------------------------------------------- */

struct note {
    vitro_str kind, state;
    uint32_t unit;
};

static struct note read_note(vitro_decode *d, const vitro_event *ev)
{
    struct note n = { { NULL, 0 }, { NULL, 0 }, 0 };
    vitro_detail dt;
    uint64_t unit = 0;

    if (ev->kind != VITRO_EVENT_NOTE || vitro_decode_detail(d, ev, &dt, NULL))
        return n;
    for (size_t i = 0; i < dt.count; i++) {
        const vitro_item *item = &dt.items[i];
        if (strcmp(item->name, "VITRO_KIND") == 0)
            n.kind = item->text;
        else if (strcmp(item->name, "VITRO_STATE") == 0)
            n.state = item->text;
        else if (strcmp(item->name, "VITRO_UNIT") == 0 &&
                 vitro_text_number(item->text, UINT32_MAX, &unit))
            n.unit = (uint32_t)unit;
    }
    return n;
}

static bool is(vitro_str s, const char *word)
{
    return vitro_str_eq(s, vitro_str_of(word));
}

static bool is_of_gate(vitro_str kind)
{
    static const char *const kinds[] = { "gate", "held", "released", "dropped" };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (is(kind, kinds[i]))
            return true;
    }
    return false;
}

bool study_hides(vitro_decode *d, const vitro_event *ev)
{
    return is_of_gate(read_note(d, ev).kind);
}

static void hide(struct study *s, uint32_t number)
{
    if (s->hidden_count == s->hidden_cap) {
        size_t cap = s->hidden_cap ? s->hidden_cap * 2 : 64;
        uint32_t *more = realloc(s->hidden, cap * sizeof *more);
        if (!more)
            return;
        s->hidden = more;
        s->hidden_cap = cap;
    }
    s->hidden[s->hidden_count++] = number;
}

uint32_t study_number(const struct study *s, uint32_t event)
{
    size_t lo = 0, hi = s->hidden_count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->hidden[mid] < event)
            lo = mid + 1;
        else
            hi = mid;
    }
    return event - (uint32_t)lo;
}

uint32_t study_event(const struct study *s, uint32_t number)
{
    for (size_t i = 0; i < s->hidden_count && s->hidden[i] <= number; i++)
        number++;
    return number;
}

static void forget(struct study *s, uint32_t unit)
{
    for (size_t i = 0; i < s->held_count; i++) {
        if (s->held[i].unit != unit)
            continue;
        memmove(&s->held[i], &s->held[i + 1], (s->held_count - i - 1) * sizeof *s->held);
        s->held_count--;
        return;
    }
}

static void look_at(struct study *s, vitro_decode *d, const vitro_event *ev)
{
    struct note n = read_note(d, ev);

    if (s->awaited && ev->kind != VITRO_EVENT_NOTE) {
        s->sent = ev->number;
        s->awaited = false;
    }
    if (is_of_gate(n.kind))
        hide(s, ev->number);
    if (is(n.kind, "held") && s->held_count < STUDY_HELD) {
        s->held[s->held_count++] = (struct study_held){ ev->number, n.unit };
        s->gated = true;
    } else if (is(n.kind, "released")) {
        forget(s, n.unit);
        s->released++;
        s->awaited = true;
    } else if (is(n.kind, "dropped")) {
        forget(s, n.unit);
    } else if (is(n.kind, "gate")) {
        s->rests = is(n.state, NOTE_GATE_RESTS);
        s->alone = s->rests && !s->held_count;
    }
}

static bool look(struct study *s, vitro_decode *d, int64_t now)
{
    vitro_event ev;
    uint32_t had = s->looked;

    while (vitro_decode_event(d, s->looked + 1, &ev)) {
        s->looked++;
        look_at(s, d, &ev);
    }
    if (s->looked == had)
        return false;
    s->heard_at = now;
    (void)lesson_selection_advance(s->shows, s->count, d);
    return true;
}

uint32_t study_beside(const struct study *s, uint32_t number, int by)
{
    const struct lesson_selection *shows = &s->shows[s->part];

    if (!shows->chosen)
        return 0;
    for (int64_t n = (int64_t)number + by; n > 0 && n <= shows->looked; n += by) {
        if (lesson_selection_has(shows, (uint32_t)n))
            return (uint32_t)n;
    }
    return 0;
}

bool study_marks(const struct study *s, uint32_t number)
{
    return lesson_selection_has(&s->shows[s->part], number);
}

bool study_reached(const struct study *s)
{
    return has_reached(s, s->part);
}

/* ---- letting on ------------------------------------------------------------------------------ */

static void ask(struct study *s, unsigned wishes)
{
    s->wishes |= wishes | STUDY_ASK;
    s->asked = true;
    s->rests = s->alone = false;
}

/*
 * All that came of the last unit is there. A program that rested with nothing held went on by
 * itself since, until it held something again: then it is asked once more.
 */
static bool has_settled(struct study *s, int64_t now)
{
    if (!s->asked)
        return true;
    if (!s->rests || !s->held_count)
        return false;
    if (s->alone) {
        ask(s, 0);
        return false;
    }
    return !s->is.real || now - s->heard_at > QUIET_MS;
}

/* The unit that goes next is what the break waits for. */
static bool breaks(const struct study *s, vitro_decode *d)
{
    vitro_event ev;
    struct facts f = { .d = d, .ev = &ev };

    return s->held_count && vitro_decode_event(d, s->held[0].event, &ev) &&
           filter_match(&s->breaker, facts_of, &f);
}

static bool is_met(const struct study *s, vitro_decode *d)
{
    switch (s->goal) {
    case GOAL_STEP:
        return s->released > s->aimed_from;
    case GOAL_PART:
        return study_reached(s);
    case GOAL_BREAK:
        return s->released > s->aimed_from && breaks(s, d);
    default:
        return s->over;
    }
}

void study_aim(struct study *s, enum study_goal goal)
{
    s->goal = goal;
    s->aimed_from = s->released;
    if (goal == GOAL_END && !s->over) {
        s->wishes |= STUDY_GO;
        s->free = true;
    } else if (s->free && !s->over) {
        s->wishes |= STUDY_HOLD; /* what comes from now on */
        s->free = false;
    }
}

bool study_work(struct study *s, vitro_decode *d, int64_t now_ms)
{
    bool changed = look(s, d, now_ms);

    if (s->goal == GOAL_NONE || (!s->over && !has_settled(s, now_ms)))
        return changed;
    if (s->goal == GOAL_PART && s->unplanned && !s->over)
        return changed;
    s->asked = false;
    if (s->over || is_met(s, d)) {
        if (s->goal != GOAL_PART)
            pass(s, s->goal == GOAL_BREAK);
        s->goal = GOAL_NONE;
        return true;
    }
    if (s->held_count && s->goal != GOAL_END)
        ask(s, STUDY_NEXT);
    return changed;
}
