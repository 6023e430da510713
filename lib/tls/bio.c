#include <openssl/bio.h>
#include <string.h>

#include "tls/layer.h"

/* A BIO over the queues at hand: it keeps nothing. */

static int bio_read(BIO *bio, char *to, size_t room, size_t *n)
{
    struct tls_layer *l = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    *n = l->source ? MIN(room, l->source->len) : 0;
    if (*n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    vitro_queue_copy(l->source, 0, to, *n);
    vitro_queue_consume(l->source, *n);
    return 1;
}

static int bio_write(BIO *bio, const char *from, size_t len, size_t *n)
{
    struct tls_layer *l = BIO_get_data(bio);

    bool ok =
        l->sink ? vitro_queue_append(l->sink, from, len) : vitro_buf_append(&l->pending, from, len);

    BIO_clear_retry_flags(bio);
    l->no_memory |= !ok;
    *n = ok ? len : 0;
    return ok;
}

static long bio_control(BIO *bio, int command, long number, void *p)
{
    (void)bio;
    (void)number;
    (void)p;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *vitro_tls_bio(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "vitro queues");

    if (!m || !BIO_meth_set_read_ex(m, bio_read) || !BIO_meth_set_write_ex(m, bio_write) ||
        !BIO_meth_set_ctrl(m, bio_control) || !BIO_meth_set_create(m, bio_create)) {
        BIO_meth_free(m);
        return NULL;
    }
    return m;
}
