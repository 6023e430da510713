#include "rpc/message.h"

#include "wire/lpm.h"

static bool append(struct queue *q, bool compressed, vitro_bytes msg, bool alone)
{
    uint8_t prefix[LPM_PREFIX];
    size_t before = q->len;

    if (alone)
        vitro_queue_seal(q);
    lpm_write_prefix(prefix, compressed, (uint32_t)msg.len);
    if (!vitro_queue_append(q, prefix, sizeof prefix) || !vitro_queue_append(q, msg.ptr, msg.len)) {
        vitro_queue_truncate(q, before);
        return false;
    }
    if (alone)
        vitro_queue_seal(q);
    return true;
}

bool vitro_message_append(struct queue *q, vitro_bytes msg, bool alone)
{
    return append(q, false, msg, alone);
}

bool vitro_message_compress(struct queue *q, struct account *account, enum encoding e,
                            vitro_bytes msg, bool alone)
{
    struct buf small;
    bool queued;

    vitro_buf_init(&small, account, msg.len);
    queued = vitro_compress(e, msg, &small) && append(q, true, vitro_buf_bytes(&small), alone);
    vitro_buf_done(&small);
    return queued;
}

bool vitro_message_attach(struct queue *q, vitro_bytes msg, vitro_release_fn *release, void *user,
                          bool alone)
{
    uint8_t prefix[LPM_PREFIX];
    size_t before = q->len;

    if (alone)
        vitro_queue_seal(q);
    lpm_write_prefix(prefix, false, (uint32_t)msg.len);
    if (!vitro_queue_append(q, prefix, sizeof prefix)) {
        vitro_queue_truncate(q, before);
        release(msg.ptr, msg.len, user);
        return false;
    }
    if (!vitro_queue_attach(q, msg.ptr, msg.len, release, user)) {
        vitro_queue_truncate(q, before);
        return false;
    }
    if (alone)
        vitro_queue_seal(q);
    return true;
}
