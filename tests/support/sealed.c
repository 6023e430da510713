#include "support/sealed.h"

#include <criterion/criterion.h>

#include "base/util.h"

static void begin(const struct sealed_shape *shape)
{
    ends_begin(vitro_suite_find(shape->suite ? shape->suite : 0x1301));
    for (int i = 0; i < 2; i++) {
        if (shape->fragment)
            cr_assert_eq(SSL_CTX_set_max_send_fragment(ends.context[i], shape->fragment), 1);
        if (shape->padding)
            cr_assert_eq(SSL_CTX_set_block_padding(ends.context[i], 512), 1);
    }
    if (shape->retry) {
        SSL_CTX_set1_groups_list(ends.context[0], "X25519:P-256");
        SSL_CTX_set1_groups_list(ends.context[1], "P-256");
    }
}

void sealed_make(struct sealed *s, const struct conversation *plain,
                 const struct sealed_shape *shape)
{
    size_t at[2] = { 0, 0 }, writes = 0;

    conversation_init(&s->wire);
    begin(shape);
    ends.carried = &s->wire;
    ends_connect();
    ends_pump();
    s->before = s->wire.turn_count;
    for (size_t i = 0; i < plain->turn_count; i++) {
        int dir = plain->turns[i].dir;
        for (size_t left = plain->turns[i].len, n; left; left -= n, at[dir] += n) {
            n = shape->cut ? seed_between(shape->cut, 1, MIN(left, (size_t)20000)) : left;
            if (shape->update_each && ++writes % shape->update_each == 0)
                cr_assert_eq(SSL_key_update(ends.ssl[dir], SSL_KEY_UPDATE_REQUESTED), 1);
            ends_write(dir, plain->out[dir].ptr + at[dir], n);
        }
    }
    s->log = ends.log;
    vitro_buf_init(&ends.log, NULL, SIZE_MAX);
    ends_end();
}

void sealed_done(struct sealed *s)
{
    conversation_done(&s->wire);
    vitro_buf_done(&s->log);
}

void sealed_secrets(const struct sealed *s, struct pcap_write *w)
{
    pcap_write_secrets(w, 0x544c534b, s->log.ptr, s->log.len);
}
