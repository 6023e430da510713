/* identity - who the peer of a layer is, as the handshake shows it, and whether that will do. */
#include "crypto/certificate.h"
#include "tls/layer.h"

static const vitro_identity *identify(const struct tls_layer *l, X509 *certificate, bool verified,
                                      struct arena *into)
{
    vitro_identity *who = vitro_arena_zalloc(into, sizeof *who);

    if (!who)
        return NULL;
    who->secure = true;
    who->version = (uint16_t)SSL_version(l->ssl);
    who->suite = vitro_str_of(SSL_CIPHER_standard_name(SSL_get_current_cipher(l->ssl)));
    who->protocol = (vitro_str)VITRO_STR_INIT("h2"); /* nothing else becomes ready */
    who->resumed = SSL_session_reused(l->ssl);
    who->verified = certificate && verified && !l->context->material->insecure;
    return certificate && !vitro_certificate_read(certificate, into, who) ? NULL : who;
}

static bool is_verified(const struct tls_layer *l)
{
    return SSL_get_verify_result(l->ssl) == X509_V_OK;
}

const vitro_identity *vitro_tls_identity(struct layer *layer, struct arena *into)
{
    const struct tls_layer *l = CONTAINER_OF(layer, struct tls_layer, layer);

    return identify(l, SSL_get0_peer_certificate(l->ssl), is_verified(l), into);
}

/* ---- the last word -------------------------------------------------------------------------- */

static bool ask(struct tls_layer *l, X509 *certificate, bool verified)
{
    const struct tls_material *m = l->context->material;
    const vitro_identity *who;
    struct arena room;

    vitro_arena_init(&room, vitro_loop_account(l->loop), 0);
    who = identify(l, certificate, verified, &room);
    l->no_memory |= !who;
    l->asked = true;
    l->refused = !who || !m->verify(who, l->refusal, VITRO_ERROR_TEXT, m->verify_user);
    vitro_arena_done(&room);
    return !l->refused;
}

bool vitro_tls_allows(struct tls_layer *l)
{
    return l->asked || !l->context->material->verify ||
           ask(l, SSL_get0_peer_certificate(l->ssl), is_verified(l));
}

/* In the place of what libssl does by itself, as the peer can still be told by an alert here. */
int vitro_tls_verify(X509_STORE_CTX *chain, void *user)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_layer *l = SSL_get_app_data(ssl);
    bool good = X509_verify_cert(chain) > 0;

    (void)user;
    if (!good && !l->context->material->insecure)
        return 0;
    if (ask(l, X509_STORE_CTX_get0_cert(chain), good))
        return 1;
    X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
    return 0;
}
