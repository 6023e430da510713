#include "decode/block.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

void vitro_block_list_init(struct block_list *l, struct account *account)
{
    memset(l, 0, sizeof *l);
    vitro_arena_init(&l->arena, account, 1024);
    l->last = &l->first;
}

void vitro_block_list_done(struct block_list *l)
{
    struct account *account = l->arena.account;

    vitro_arena_done(&l->arena);
    vitro_block_list_init(l, account);
}

void vitro_block_list_reset(struct block_list *l)
{
    struct arena arena = l->arena;

    vitro_arena_reset(&arena);
    memset(l, 0, sizeof *l);
    l->arena = arena;
    l->last = &l->first;
}

static bool keep_text(struct arena *a, vitro_str *s)
{
    char *copy = vitro_arena_alloc(a, s->len + 1);

    if (!copy)
        return false;
    if (s->len)
        memcpy(copy, s->ptr, s->len);
    copy[s->len] = '\0';
    s->ptr = copy;
    return true;
}

static bool list_add(struct block_list *l, const struct hpack_reader *r,
                     const struct hpack_field *wire)
{
    struct block_field *f = vitro_arena_alloc(&l->arena, sizeof *f);

    if (!f)
        return false;
    *f = (struct block_field){ *wire, r->table.count, r->table.size, NULL };
    if (!keep_text(&l->arena, &f->wire.name) || !keep_text(&l->arena, &f->wire.value))
        return false;
    *l->last = f;
    l->last = &f->next;
    l->count++;
    l->unknown += (wire->flags & (HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN)) != 0;
    if (!l->wrong)
        l->wrong = wire->wrong;
    return true;
}

void vitro_block_decode(struct hpack_reader *r, vitro_bytes block, uint64_t origin,
                        struct block_list *out)
{
    struct hpack_field wire;

    vitro_block_list_reset(out);
    vitro_hpack_block(r, block, origin);
    while (vitro_hpack_next(r, &wire)) {
        if (!out->partial)
            out->partial = !list_add(out, r, &wire);
    }
}

/* ---- The log ------------------------------------------------------------------------------- */

void vitro_block_reader_init(struct hpack_reader *r, struct account *account, bool late)
{
    struct hpack_reader_options options = { HPACK_DEFAULT_SIZE, 1024 * 1024, 64 * 1024, true,
                                            late };

    vitro_hpack_reader_init(r, account, &options);
}

void vitro_block_log_init(struct block_log *log, struct account *account, bool late)
{
    memset(log, 0, sizeof *log);
    vitro_packlog_init(&log->steps, account, 3);
    log->late = late;
}

static void point_free(struct block_log *log, struct block_point *p, size_t *held)
{
    struct account *account = log->steps.account;
    size_t used = account->used;

    vitro_hpack_reader_done(p->reader);
    vitro_mem_free(account, p->reader, sizeof *p->reader);
    if (held)
        *held -= used - account->used;
}

void vitro_block_log_done(struct block_log *log)
{
    for (uint32_t i = 0; i < log->point_count; i++)
        point_free(log, &log->points[i], NULL);
    vitro_mem_free(log->steps.account, log->points, log->point_cap * sizeof *log->points);
    vitro_packlog_done(&log->steps);
    vitro_block_log_init(log, log->steps.account, log->late);
}

/* Too much is held: every second one goes, and those to come stand twice as far apart. */
static void thin_out(struct block_log *log, struct block_writer *w, size_t *held)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < log->point_count; i++) {
        if (i % 2 || log->points[i].must)
            log->points[n++] = log->points[i];
        else
            point_free(log, &log->points[i], held);
    }
    log->point_count = n;
    w->stride *= 2;
}

static bool points_room(struct block_log *log)
{
    uint32_t cap = log->point_cap ? log->point_cap * 2 : 2;
    struct block_point *points;

    if (log->point_count < log->point_cap)
        return true;
    points = vitro_mem_resize(log->steps.account, log->points, log->point_cap * sizeof *points,
                              cap * sizeof *points);
    if (!points)
        return false;
    log->points = points;
    log->point_cap = cap;
    return true;
}

static struct hpack_reader *reader_copy(struct account *account, const struct hpack_reader *r)
{
    struct hpack_reader *copy = vitro_mem_alloc(account, sizeof *copy);

    if (!copy)
        return NULL;
    vitro_block_reader_init(copy, account, false);
    if (vitro_hpack_reader_copy(copy, r))
        return copy;
    vitro_hpack_reader_done(copy);
    vitro_mem_free(account, copy, sizeof *copy);
    return NULL;
}

static void add_point(struct block_log *log, const struct hpack_reader *r, bool must, size_t *held)
{
    struct account *account = log->steps.account;
    size_t used = account->used;
    struct hpack_reader *copy = points_room(log) ? reader_copy(account, r) : NULL;

    if (!copy)
        return;
    log->points[log->point_count++] = (struct block_point){ copy, log->steps.count, must };
    *held += account->used - used;
}

void vitro_block_log_point(struct block_log *log, struct block_writer *w,
                           const struct hpack_reader *r, size_t *held)
{
    uint32_t before = log->point_count ? log->points[log->point_count - 1].step : 0;

    w->stride = MAX(w->stride, (uint32_t)BLOCK_CHANGES);
    if (w->changes < w->stride &&
        log->steps.count - before < BLOCK_WALK * (w->stride / BLOCK_CHANGES))
        return;
    w->changes = 0;
    if (*held > BLOCK_POINTS_MAX) {
        thin_out(log, w, held);
        return;
    }
    add_point(log, r, false, held);
}

void vitro_block_log_must(struct block_log *log, struct block_writer *w,
                          const struct hpack_reader *r, size_t *held)
{
    if (*held > BLOCK_POINTS_MAX)
        thin_out(log, w, held);
    w->changes = 0;
    add_point(log, r, true, held);
}

uint32_t vitro_block_log_add(struct block_log *log, struct block_writer *w,
                             const struct block_step *step)
{
    uint64_t row[3] = { step->what, step->length, (uint64_t)step->origin << 2 | step->kind };

    if (!vitro_packlog_add(&log->steps, &w->last, row))
        return UINT32_MAX;
    w->changes += step->kind != BLOCK_STEP_STILL;
    return log->steps.count - 1;
}

static struct block_step step_of(const struct packlog_at *at)
{
    const uint64_t *row = at->last.is;

    return (struct block_step){ (uint32_t)row[0], (uint32_t)row[1], (uint32_t)(row[2] >> 2),
                                (uint8_t)(row[2] & 3) };
}

bool vitro_block_log_step(const struct block_log *log, uint32_t i, struct block_step *out)
{
    struct packlog_at at;

    if (!vitro_packlog_begin(&log->steps, i, &at) || !vitro_packlog_next(&at))
        return false;
    *out = step_of(&at);
    return true;
}

/* ---- Decoding again ------------------------------------------------------------------------ */

bool vitro_block_same(const struct hpack_reader *a, const struct hpack_reader *b)
{
    return a->table.next == b->table.next && a->table.count == b->table.count &&
           a->table.max_size == b->table.max_size && a->table.old_size == b->table.old_size &&
           a->table.max_certain == b->table.max_certain && a->limit == b->limit &&
           a->limit_certain == b->limit_certain && a->update_due == b->update_due &&
           a->due == b->due && a->failed == b->failed;
}

void vitro_block_replay_done(struct block_replay *r)
{
    if (r->of)
        vitro_hpack_reader_done(&r->reader);
    r->of = NULL;
}

/* Bring the replay to a step from which it is the shortest way to step i. */
static bool replay_to(struct block_replay *r, const struct block_log *log, uint32_t i)
{
    const struct block_point *p;
    uint32_t low = 0, high = log->point_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (log->points[mid].step <= i)
            low = mid + 1;
        else
            high = mid;
    }
    p = low ? &log->points[low - 1] : NULL;
    if (r->of == log && r->made <= i && (!p || r->made > p->step))
        return true;
    vitro_block_replay_done(r);
    vitro_block_reader_init(&r->reader, log->steps.account, log->late);
    r->of = log;
    r->made = p ? p->step : 0;
    r->count = 0;
    return !p || vitro_hpack_reader_copy(&r->reader, p->reader);
}

/* Make a step; the fields of a block are in out. */
static bool make(const struct block_step *step, struct block_replay *r, block_read_fn *read,
                 void *user, struct buf *bytes, struct block_list *out)
{
    switch (step->kind) {
    case BLOCK_STEP_LIMIT:
        vitro_hpack_reader_limit(&r->reader, step->what);
        return true;
    case BLOCK_STEP_LOSE:
        vitro_hpack_reader_lose(&r->reader);
        return true;
    default:
        vitro_buf_consume(bytes, bytes->len);
        if (!read(step, bytes, user))
            return false;
        vitro_block_decode(&r->reader, vitro_buf_bytes(bytes), step->origin, out);
        return true;
    }
}

/* The step that the replay comes to next. */
static bool step_next(struct block_replay *r, struct block_step *out)
{
    const struct packlog *steps = &r->of->steps;

    if (r->count != steps->count || r->at.row != r->made) {
        if (!vitro_packlog_begin(steps, r->made, &r->at))
            return false;
        r->count = steps->count;
    }
    vitro_packlog_next(&r->at);
    *out = step_of(&r->at);
    return true;
}

/* As vitro_block_log_reach(), with a buffer for the bytes. */
static bool reach(const struct block_log *log, uint32_t i, struct block_replay *replay,
                  block_read_fn *read, void *user, struct buf *bytes, struct block_list *scratch)
{
    struct block_step step;
    bool ok = i <= log->steps.count && replay_to(replay, log, i);

    for (; ok && replay->made < i; replay->made++) {
        ok = step_next(replay, &step);
        if (ok && step.kind != BLOCK_STEP_STILL)
            ok = make(&step, replay, read, user, bytes, scratch);
    }
    if (!ok)
        vitro_block_replay_done(replay);
    return ok;
}

bool vitro_block_log_reach(const struct block_log *log, uint32_t i, struct block_replay *replay,
                           block_read_fn *read, void *user, struct block_list *scratch)
{
    struct buf bytes;
    bool ok;

    vitro_buf_init(&bytes, log->steps.account, BLOCK_MAX);
    ok = reach(log, i, replay, read, user, &bytes, scratch);
    vitro_buf_done(&bytes);
    return ok;
}

bool vitro_block_log_decode(const struct block_log *log, uint32_t i, struct block_replay *replay,
                            block_read_fn *read, void *user, struct block_list *out,
                            struct block_step *step)
{
    struct buf bytes;
    bool ok;

    vitro_block_list_reset(out);
    if (i >= log->steps.count)
        return false;
    vitro_buf_init(&bytes, log->steps.account, BLOCK_MAX);
    ok = reach(log, i, replay, read, user, &bytes, out) && step_next(replay, step) &&
         step->kind <= BLOCK_STEP_STILL && make(step, replay, read, user, &bytes, out);
    vitro_buf_done(&bytes);
    if (ok)
        replay->made++;
    else
        vitro_block_replay_done(replay);
    return ok;
}
