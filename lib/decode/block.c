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

    vitro_block_list_done(out);
    vitro_hpack_block(r, block, origin);
    while (vitro_hpack_next(r, &wire)) {
        if (!out->partial)
            out->partial = !list_add(out, r, &wire);
    }
}

void vitro_block_log_init(struct block_log *log, struct account *account)
{
    memset(log, 0, sizeof *log);
    log->account = account;
}

void vitro_block_log_done(struct block_log *log)
{
    for (uint32_t i = 0; i < log->checkpoint_cap; i++) {
        if (!log->checkpoints[i])
            continue;
        vitro_hpack_reader_done(log->checkpoints[i]);
        vitro_mem_free(log->account, log->checkpoints[i], sizeof **log->checkpoints);
    }
    vitro_mem_free(log->account, log->checkpoints, log->checkpoint_cap * sizeof *log->checkpoints);
    vitro_mem_free(log->account, log->steps, log->cap * sizeof *log->steps);
    vitro_block_log_init(log, log->account);
}

void vitro_block_reader_init(struct hpack_reader *r, struct account *account)
{
    struct hpack_reader_options options = { HPACK_DEFAULT_SIZE, 0, 0, true, false };

    vitro_hpack_reader_init(r, account, &options);
}

static struct hpack_reader *checkpoint_new(struct account *account, const struct hpack_reader *r)
{
    struct hpack_reader *copy = vitro_mem_alloc(account, sizeof *copy);

    if (!copy)
        return NULL;
    vitro_block_reader_init(copy, account);
    if (vitro_hpack_reader_copy(copy, r))
        return copy;
    vitro_hpack_reader_done(copy);
    vitro_mem_free(account, copy, sizeof *copy);
    return NULL;
}

static bool log_room(struct block_log *log)
{
    uint32_t cap = log->cap ? log->cap * 2 : 8, points = cap / BLOCK_CHECKPOINT + 1;
    struct block_step *steps;
    struct hpack_reader **checkpoints;

    if (log->count < log->cap)
        return true;
    if (cap < log->cap)
        return false;
    if (points > log->checkpoint_cap) {
        checkpoints = vitro_mem_resize(log->account, log->checkpoints,
                                       log->checkpoint_cap * sizeof *checkpoints,
                                       points * sizeof *checkpoints);
        if (!checkpoints)
            return false;
        memset(checkpoints + log->checkpoint_cap, 0,
               (points - log->checkpoint_cap) * sizeof *checkpoints);
        log->checkpoints = checkpoints;
        log->checkpoint_cap = points;
    }
    steps =
        vitro_mem_resize(log->account, log->steps, log->cap * sizeof *steps, cap * sizeof *steps);
    if (!steps)
        return false;
    log->steps = steps;
    log->cap = cap;
    return true;
}

uint32_t vitro_block_log_add(struct block_log *log, struct block_step step,
                             const struct hpack_reader *r)
{
    if (!log_room(log))
        return UINT32_MAX;
    if (log->count % BLOCK_CHECKPOINT == 0)
        log->checkpoints[log->count / BLOCK_CHECKPOINT] = checkpoint_new(log->account, r);
    log->steps[log->count] = step;
    return log->count++;
}

/* Make step i with r, into out when that is the step looked for. */
static bool replay(const struct block_step *step, struct hpack_reader *r, block_read_fn *read,
                   void *user, struct buf *bytes, struct block_list *out)
{
    switch (step->kind) {
    case BLOCK_STEP_LIMIT:
        vitro_hpack_reader_limit(r, step->what);
        return true;
    case BLOCK_STEP_LOSE:
        vitro_hpack_reader_lose(r);
        return true;
    default:
        vitro_buf_consume(bytes, bytes->len);
        if (!read(step, bytes, user))
            return false;
        vitro_block_decode(r, vitro_buf_bytes(bytes), step->origin, out);
        return true;
    }
}

bool vitro_block_log_reach(const struct block_log *log, uint32_t i, block_read_fn *read, void *user,
                           struct hpack_reader *r, struct block_list *scratch)
{
    uint32_t from = i / BLOCK_CHECKPOINT;
    struct buf bytes;
    bool ok;

    while (from && (from >= log->checkpoint_cap || !log->checkpoints[from]))
        from--;
    if (i > log->count || !log->checkpoint_cap || !log->checkpoints[from])
        return false;
    vitro_buf_init(&bytes, log->account, BLOCK_MAX);
    ok = vitro_hpack_reader_copy(r, log->checkpoints[from]);
    for (uint32_t j = from * BLOCK_CHECKPOINT; ok && j < i; j++)
        ok = replay(&log->steps[j], r, read, user, &bytes, scratch);
    vitro_buf_done(&bytes);
    return ok;
}

bool vitro_block_log_decode(const struct block_log *log, uint32_t i, block_read_fn *read,
                            void *user, struct block_list *out)
{
    struct hpack_reader r;
    struct buf bytes;
    bool ok;

    vitro_block_list_done(out);
    if (i >= log->count || log->steps[i].kind != BLOCK_STEP_BLOCK)
        return false;
    vitro_block_reader_init(&r, log->account);
    vitro_buf_init(&bytes, log->account, BLOCK_MAX);
    ok = vitro_block_log_reach(log, i, read, user, &r, out) &&
         replay(&log->steps[i], &r, read, user, &bytes, out);
    vitro_buf_done(&bytes);
    vitro_hpack_reader_done(&r);
    return ok;
}
