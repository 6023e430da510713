#include "sim/inside.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/util.h"
#include "io/driver.h"
#include "sim/passage.h"

struct inside {
    struct layer layer;
    struct passage passage;
    struct timer cut;
};

static struct inside *of_layer(struct layer *l)
{
    return CONTAINER_OF(l, struct inside, layer);
}

static struct inside *of_passage(struct passage *p)
{
    return CONTAINER_OF(p, struct inside, passage);
}

/* ---- what a fault does to the connection ---------------------------------------------------- */

static void move(struct passage *p)
{
    struct driver *d = of_passage(p)->layer.driver;

    if (p->lane[0].out.len)
        vitro_driver_again(d);
    if (p->lane[1].out.len)
        vitro_driver_wake(d);
}

static void cut_later(struct passage *p)
{
    struct inside *i = of_passage(p);
    vitro_loop *loop = i->layer.driver->loop;

    if (!timer_running(&i->cut))
        vitro_timer_start(loop, &i->cut,
                          vitro_loop_now(loop) + (int64_t)some(p->world, 0, 3000) * MS);
}

static void on_cut(struct timer *t)
{
    struct inside *i = CONTAINER_OF(t, struct inside, cut);
    vitro_error why;

    world_say(i->passage.world, "inside %u is cut", i->passage.number);
    vitro_fail(&why, VITRO_UNAVAILABLE, "inside", 0, "the world has cut it");
    vitro_driver_close(i->layer.driver, false, &why);
}

static const struct passage_ops passage_ops = { "inside", move, cut_later };

/* ---- the layer ------------------------------------------------------------------------------ */

/* All of a queue through a lane, and of the lane into a queue. */
static bool pass(struct inside *i, struct lane *l, struct queue *in, struct queue *out)
{
    size_t odds = world_pause(i->passage.world);
    bool well;

    lane_take(l, (vitro_bytes){ (const uint8_t *)"", 0 });
    while (in->len) {
        vitro_bytes piece = vitro_queue_peek(in);

        lane_take(l, piece);
        vitro_queue_consume(in, piece.len);
    }
    well = vitro_queue_append(out, l->out.ptr, l->out.len);
    l->out.len = 0;
    if (lane_opposite(l)->out.len)
        move(&i->passage);
    world_go_on(i->passage.world, odds);
    return well;
}

static enum vitro_step step(bool well, vitro_error *err)
{
    if (well)
        return VITRO_IDLE;
    vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "inside", 0, "out of memory");
    return VITRO_FAILED;
}

static enum vitro_step up(struct layer *l, struct queue *in, struct queue *out, vitro_error *err)
{
    struct inside *i = of_layer(l);

    return step(pass(i, &i->passage.lane[0], in, out), err);
}

static enum vitro_step down(struct layer *l, struct queue *in, struct queue *out, vitro_error *err)
{
    struct inside *i = of_layer(l);

    return step(pass(i, &i->passage.lane[1], in, out), err);
}

static void close(struct layer *l)
{
    struct inside *i = of_layer(l);

    vitro_timer_stop(l->driver->loop, &i->cut);
    passage_done(&i->passage);
    free(i);
}

static const struct layer_ops layer_ops = {
    .name = "inside", .up = up, .down = down, .close = close
};

/* ---- being there ---------------------------------------------------------------------------- */

static bool opening(struct loop_hook *h, struct driver *d)
{
    struct world *w = CONTAINER_OF(h, struct world, inside);
    struct inside *i = calloc(1, sizeof *i);

    layer_init(&i->layer, &layer_ops);
    i->layer.ready = true;
    vitro_timer_init(&i->cut, on_cut);
    passage_init(&i->passage, w, &passage_ops, w->insides++, AT_FRAMES);
    vitro_driver_push(d, &i->layer);
    return true;
}

static void leaving(struct loop_hook *h)
{
    (void)h;
}

void inside_attach(struct world *w)
{
    w->inside = (struct loop_hook){ .opening = opening, .leaving = leaving };
    for (size_t i = 0; i < w->server_loops; i++)
        vitro_loop_set_hook(w->server_loop[i], &w->inside);
}
