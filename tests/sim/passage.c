#include "sim/passage.h"

#include "base/util.h"

/* ---- which fault, and where ----------------------------------------------------------------- */

/* In the beginning of a connection, or anywhere in it. */
static uint64_t draw_place(struct world *w)
{
    static const size_t most[] = { 100, 1000, 5000, 300000 };

    return some(w, 0, most[some(w, 0, 3)]);
}

static void draw(struct passage *p)
{
    struct world *w = p->world;

    p->fault = w->ending || !one_in(w, 2) ? FAULT_COUNT : world_draw_fault(w, p->places);
    if (p->fault == FAULT_COUNT)
        return;
    p->where = (int)some(w, 0, 1);
    p->at = p->fault == FAULT_LOST ? some(w, 0, 1) * 50 : draw_place(w);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void on_stalled(struct timer *t)
{
    struct passage *p = CONTAINER_OF(t, struct lane, stalled)->passage;

    world_say(p->world, "%s %u goes on", p->ops->name, p->number);
    p->ops->move(p);
}

void passage_init(struct passage *p, struct world *w, const struct passage_ops *ops,
                  unsigned number, unsigned places)
{
    *p = (struct passage){ .world = w, .ops = ops, .number = number, .places = places };
    for (int i = 0; i < 2; i++) {
        struct lane *l = &p->lane[i];

        l->passage = p;
        vitro_buf_init(&l->out, NULL, SIZE_MAX);
        vitro_buf_init(&l->insert, NULL, SIZE_MAX);
        vitro_frame_reader_init(&l->reader, 0, i == 0);
        vitro_timer_init(&l->stalled, on_stalled);
    }
    p->next = w->passages;
    p->link = &w->passages;
    if (p->next)
        p->next->link = &p->next;
    w->passages = p;
    draw(p);
}

void passage_done(struct passage *p)
{
    if (!p->link)
        return;
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    p->link = NULL;
    for (int i = 0; i < 2; i++) {
        vitro_timer_stop(p->world->wire_loop, &p->lane[i].stalled);
        vitro_buf_done(&p->lane[i].out);
        vitro_buf_done(&p->lane[i].insert);
    }
}

/* ---- deeds ---------------------------------------------------------------------------------- */

void passage_deed(struct world *w)
{
    struct passage *found = NULL;
    size_t seen = 0;

    for (struct passage *p = w->passages; p; p = p->next) {
        if (p->fault == FAULT_COUNT && one_in(w, ++seen))
            found = p;
    }
    if (!found)
        return;
    found->where = (int)some(w, 0, 1);
    found->at = found->lane[found->where].passed;
    found->fault = world_draw_fault(w, found->places);
    lane_take(&found->lane[found->where], (vitro_bytes){ (const uint8_t *)"", 0 });
    found->ops->move(found);
}

void passage_calm(struct world *w)
{
    struct passage *p, *next;

    for (p = w->passages; p; p = next) {
        next = p->next; /* it may end with this */
        p->fault = FAULT_COUNT;
        for (int i = 0; i < 2; i++)
            vitro_timer_stop(w->wire_loop, &p->lane[i].stalled);
        p->ops->move(p);
    }
}
