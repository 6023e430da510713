#include "rpc/message.h"

#include "wire/lpm.h"

/* The prefix of a message of n bytes, behind which the message follows. */
static bool open_message(struct queue *q, uint8_t flag, size_t n, bool alone)
{
    uint8_t prefix[LPM_PREFIX];

    if (alone)
        vitro_queue_seal(q);
    lpm_write_prefix(prefix, flag, (uint32_t)n);
    return vitro_queue_append(q, prefix, sizeof prefix);
}

/* It is all there; or it is not, and what was added goes again. */
static bool close_message(struct queue *q, size_t before, bool done, bool alone)
{
    if (!done)
        vitro_queue_truncate(q, before);
    else if (alone)
        vitro_queue_seal(q);
    return done;
}

bool vitro_message_append(struct queue *q, uint8_t flag, vitro_bytes msg, bool alone)
{
    size_t before = q->len;
    bool done = open_message(q, flag, msg.len, alone) && vitro_queue_append(q, msg.ptr, msg.len);

    return close_message(q, before, done, alone);
}

bool vitro_message_move(struct queue *q, struct queue *from, size_t n, bool alone)
{
    size_t before = q->len;
    bool done = open_message(q, 0, n, alone) && vitro_queue_move_some(q, from, n);

    return close_message(q, before, done, alone);
}

bool vitro_message_compress(struct queue *q, struct account *account, enum encoding e,
                            vitro_bytes msg, bool alone)
{
    struct buf small;
    bool queued;

    vitro_buf_init(&small, account, msg.len);
    queued = vitro_compress(e, msg, &small) &&
             vitro_message_append(q, 1, vitro_buf_bytes(&small), alone);
    vitro_buf_done(&small);
    return queued;
}

bool vitro_message_attach(struct queue *q, uint8_t flag, vitro_bytes msg, vitro_release_fn *release,
                          void *user, bool alone)
{
    size_t before = q->len;
    bool done = open_message(q, flag, msg.len, alone);

    if (!done)
        release(msg.ptr, msg.len, user);
    else
        done = vitro_queue_attach(q, msg.ptr, msg.len, release, user);
    return close_message(q, before, done, alone);
}
