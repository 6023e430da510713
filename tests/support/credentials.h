/*
 * credentials - those of the tests, out of tests/fixtures/tls.
 *
 * The functions stand here, as few tests need them.
 */
#ifndef VITRO_TESTS_CREDENTIALS_H
#define VITRO_TESTS_CREDENTIALS_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "vitro/credentials.h"

#define FIXTURE(name) "tests/fixtures/tls/" name

/* Names of fixtures without their endings; NULL: none. */
struct credentials_of {
    const char *own, *ca, *crl;
    const char *server_name;
    bool insecure;
    uint16_t version_max;
    vitro_client_check check;
    bool (*verify)(const vitro_identity *peer, char *why, size_t size, void *user);
    void *verify_user;
};

static inline const char *fixture(char *room, size_t size, const char *name, const char *ending)
{
    snprintf(room, size, FIXTURE("%s.%s"), name ? name : "", ending);
    return name ? room : NULL;
}

static inline vitro_credentials *credentials_make(bool server, struct credentials_of of)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    char ca[128], own[128], key[128], crl[128], line[VITRO_ERROR_LINE];
    vitro_credentials *made;
    vitro_error err;
    vitro_code rc;

    o.ca_file = fixture(ca, sizeof ca, of.ca, "pem");
    o.certificate_file = fixture(own, sizeof own, of.own, "pem");
    o.key_file = fixture(key, sizeof key, of.own, "key");
    o.crl_file = fixture(crl, sizeof crl, of.crl, "pem");
    o.server_name = of.server_name;
    o.insecure = of.insecure;
    o.version_max = of.version_max;
    o.client_check = of.check;
    o.verify = of.verify;
    o.verify_user = of.verify_user;
    rc = server ? vitro_credentials_server(&made, &o, &err)
                : vitro_credentials_client(&made, &o, &err);
    if (rc) {
        vitro_error_format(&err, line, sizeof line);
        cr_assert_fail("%s", line);
    }
    return made;
}

#define SERVER_CREDENTIALS(...) credentials_make(true, (struct credentials_of){ __VA_ARGS__ })
#define CLIENT_CREDENTIALS(...) credentials_make(false, (struct credentials_of){ __VA_ARGS__ })

#endif
