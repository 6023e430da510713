#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/error.h"
#include "crypto/fault.h"
#include "tls/layer.h"

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

/* The certificate of the peer: its name is wrong, or what X.509 says. */
static vitro_code why_not_believed(const struct tls_layer *l, long verify, vitro_error *err)
{
    bool of_name =
        verify == X509_V_ERR_HOSTNAME_MISMATCH || verify == X509_V_ERR_IP_ADDRESS_MISMATCH;
    const char *name = vitro_tls_end_name(l->end);

    if (of_name && name)
        return vitro_fail(err, VITRO_UNAVAILABLE, "tls", (int32_t)verify,
                          "the certificate is not for %.40s", name);
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
