#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "crypto/certificate.h"
#include "crypto/fault.h"
#include "tls/layer.h"
#include "vitro/text.h"

struct reason {
    int number;
    const char *text;
};

static const struct reason verify_reasons[] = {
#define VERIFY(error, text) { X509_V_ERR_##error, text },
#include "tls/reasons.def"
};

static const struct reason alerts[] = {
#define ALERT(number, text) { number, text },
#include "tls/reasons.def"
};

static const struct reason findings[] = {
#define FOUND(reason, text) { SSL_R_##reason, text },
#include "tls/reasons.def"
};

static const char *find(const struct reason *list, size_t n, int number)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].number == number)
            return list[i].text;
    return NULL;
}

static vitro_code tell(vitro_error *err, int native, const char *text, const char *or_else)
{
    return vitro_fail(err, VITRO_UNAVAILABLE, "tls", native, "%s",
                      text      ? text
                      : or_else ? or_else
                                : "the handshake failed");
}

/* ---- names ---------------------------------------------------------------------------------- */

/* "a.example", "127.0.0.1" and 3 more, in room or little more: they are the peer's words, and some
 * certificates have thousands. */
static void list_names(const vitro_identity *peer, struct text *t, size_t room)
{
    size_t i = 0;

    if (!peer->n_names)
        vitro_text_add(t, "no name");
    for (; i < peer->n_names; i++) {
        char name[VITRO_ERROR_TEXT];
        size_t len = vitro_escape(peer->names[i].text, name, sizeof name);

        if (i && t->len + len + sizeof ", \"\" and 999 more" > room)
            break;
        vitro_text_add(t, "%s\"%s\"", i ? ", " : "", name);
    }
    if (i < peer->n_names)
        vitro_text_add(t, " and %zu more", peer->n_names - i);
}

vitro_code vitro_tls_not_for(const vitro_identity *peer, const char *layer, int32_t native,
                             const char *who, const char *wanted, vitro_error *err)
{
    enum { ROOM = VITRO_ERROR_TEXT - sizeof "certificate is for ", LEAST = 40 };
    char names[2 * VITRO_ERROR_TEXT], rest[VITRO_ERROR_TEXT];
    struct text t;
    size_t n;

    n = (size_t)snprintf(rest, sizeof rest, "; the %s wants \"%s\"", who, wanted);
    vitro_text_init(&t, names, sizeof names);
    list_names(peer, &t, n < ROOM - LEAST ? ROOM - n : LEAST);
    return vitro_fail(err, VITRO_UNAVAILABLE, layer, native, "certificate is for %s%s", names,
                      rest);
}

/* What was shown, believed or not. */
static vitro_code why_not_for(const struct tls_layer *l, long verify, vitro_error *err)
{
    X509 *shown = sk_X509_value(SSL_get_peer_cert_chain(l->ssl), 0);
    vitro_identity peer = { .n_names = 0 };
    struct arena room;
    vitro_code rc;

    vitro_arena_init(&room, vitro_loop_account(l->loop), 4096);
    if (shown && !vitro_certificate_read(shown, &room, &peer))
        peer.n_names = 0;
    rc = vitro_tls_not_for(&peer, "tls", (int32_t)verify, "channel", vitro_tls_end_name(l->end),
                           err);
    vitro_arena_done(&room);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* The certificate of the peer: its name is wrong, or what X.509 says. */
static vitro_code why_not_believed(const struct tls_layer *l, long verify, vitro_error *err)
{
    if (verify == X509_V_ERR_HOSTNAME_MISMATCH || verify == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return why_not_for(l, verify, err);
    return tell(err, (int)verify, find(verify_reasons, ARRAY_LEN(verify_reasons), (int)verify),
                X509_verify_cert_error_string(verify));
}

/* Before TLS 1.3 there is no alert for it: a server says what it says of all else (RFC
 * 5246, 7.4.6).
 */
static bool certificate_is_missed(const struct tls_layer *l)
{
    const uint8_t *kinds;

    return SSL_get0_certificate_types(l->ssl, &kinds) > 0 && !SSL_get_certificate(l->ssl);
}

vitro_code vitro_tls_why(const struct tls_layer *l, vitro_error *err)
{
    struct fault f = vitro_fault_take();
    int reason = ERR_GET_REASON(f.first), alert = reason - SSL_AD_REASON_OFFSET;
    long verify = SSL_get_verify_result(l->ssl);
    const char *words = ERR_reason_error_string(f.first);

    if (l->no_memory || f.no_memory)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "tls", 0, "out of memory");
    if (l->refused)
        return tell(err, 0, l->refusal[0] ? l->refusal : NULL, "this program refuses the peer");
    if (l->no_alpn)
        reason = SSL_R_NO_APPLICATION_PROTOCOL;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verify != X509_V_OK)
        return why_not_believed(l, verify, err);
    if (ERR_GET_LIB(f.first) == ERR_LIB_SSL && alert >= 0) {
        bool missed = alert == SSL_AD_HANDSHAKE_FAILURE && certificate_is_missed(l);
        int says = missed ? SSL_AD_CERTIFICATE_REQUIRED : alert;
        return tell(err, alert, find(alerts, ARRAY_LEN(alerts), says), words);
    }
    return tell(err, 0, find(findings, ARRAY_LEN(findings), reason), words);
}
