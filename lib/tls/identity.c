/* identity - who the peer of a layer is, once the handshake has shown it. */
#include "crypto/certificate.h"
#include "tls/layer.h"

static bool is_verified(const SSL *ssl)
{
    return (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) && SSL_get_verify_result(ssl) == X509_V_OK;
}

const vitro_identity *vitro_tls_identity(struct layer *layer, struct arena *into)
{
    const SSL *ssl = CONTAINER_OF(layer, struct tls_layer, layer)->ssl;
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    vitro_identity *who = vitro_arena_zalloc(into, sizeof *who);

    if (!who)
        return NULL;
    who->secure = true;
    who->version = (uint16_t)SSL_version(ssl);
    who->suite = vitro_str_of(SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)));
    who->protocol = (vitro_str)VITRO_STR_INIT("h2"); /* nothing else becomes ready */
    who->resumed = SSL_session_reused(ssl);
    who->verified = certificate && is_verified(ssl);
    if (certificate && !vitro_certificate_read(certificate, into, who))
        return NULL;
    return who;
}
