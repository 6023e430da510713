/*
 * tls_names - what the numbers of TLS are called, and where that is laid down. Thread: any.
 */
#ifndef VITRO_DECODE_TLS_NAMES_H
#define VITRO_DECODE_TLS_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In the order of tls_names.def. */
enum tls_registry {
    TLS_NO_NAMES, /* a number is all there is */
    TLS_CONTENT,
    TLS_VERSION,
    TLS_MESSAGE,
    TLS_SUITE,
    TLS_COMPRESSION,
    TLS_EXTENSION,
    TLS_NAME_TYPE,
    TLS_GROUP,
    TLS_POINT_FORMAT,
    TLS_CURVE_TYPE,
    TLS_SIGNATURE,
    TLS_CERT_TYPE,
    TLS_STATUS_TYPE,
    TLS_FRAGMENT,
    TLS_CERT_COMPRESSION,
    TLS_PSK_MODE,
    TLS_KEY_UPDATE,
    TLS_ALERT_LEVEL,
    TLS_ALERT
};

/* Static; NULL: the registry does not have it. */
const char *vitro_tls_name(enum tls_registry registry, uint32_t number);
const char *vitro_tls_section(enum tls_registry registry, uint32_t number);

/* People write it as 0x1301, not as 4865. */
bool vitro_tls_is_hex(enum tls_registry registry);

#ifdef __cplusplus
}
#endif
#endif
