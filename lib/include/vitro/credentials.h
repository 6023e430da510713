/*
 * credentials - who this side is, and whom it believes, on a connection under TLS.
 *
 * A channel or a listener with credentials speaks TLS 1.2 or 1.3 with ALPN "h2" and refuses a peer
 * that does not; without them it speaks plain text. One object serves any number of channels,
 * listeners, loops and threads.
 *
 *      vitro_credentials_client   trusts authorities; may show a certificate of its own
 *      vitro_credentials_server   shows its certificate; may ask for the client's
 *      vitro_credentials_reload   new files or texts, for the connections from then on
 *
 * When the environment names a file in SSLKEYLOGFILE, the secrets of every connection are
 * appended to it, as other programs do; a trace holds those of its connections in any case.
 */
#ifndef VITRO_CREDENTIALS_H
#define VITRO_CREDENTIALS_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_credentials vitro_credentials;

/** What a server does about certificates of its clients. */
typedef enum vitro_client_check {
    VITRO_CLIENT_CHECK_DEFAULT, /* REQUIRE when there are authorities, else NONE */
    VITRO_CLIENT_CHECK_NONE,    /* ask for none */
    VITRO_CLIENT_CHECK_REQUEST, /* one that is shown must be good; none is accepted, too */
    VITRO_CLIENT_CHECK_REQUIRE  /* without a good one no call */
} vitro_client_check;

/**
 * Zero always means the default. Append only. Each of the three texts is PEM: a file, or bytes
 * when there is no file.
 */
typedef struct vitro_credentials_options {
    size_t size;                     /* set by VITRO_CREDENTIALS_OPTIONS_INIT, never by hand */
    const char *ca_file;             /* lent; authorities that are trusted. Client, neither */
    vitro_bytes ca;                  /* given: those of the system. Server: none */
    const char *certificate_file;    /* lent; our own certificate, then those between it and its */
    vitro_bytes certificate;         /* authority. A server needs one */
    const char *key_file;            /* lent; the private key of that certificate, without a */
    vitro_bytes key;                 /* password */
    const char *server_name;         /* client: lent; the name or address that the certificate must
                                        have; NULL: the host of the channel's authority */
    bool insecure;                   /* client: any certificate will do. For tests: who sits between
                                        the two ends reads all */
    vitro_client_check client_check; /* server */
    uint16_t version_min;            /* 0x0303 is TLS 1.2, 0x0304 TLS 1.3; 0: TLS 1.2 */
    uint16_t version_max;            /* 0: the newest there is */
} vitro_credentials_options;
#define VITRO_CREDENTIALS_OPTIONS_INIT                                                             \
    {                                                                                              \
        sizeof(vitro_credentials_options), NULL, { NULL, 0 }, NULL, { NULL, 0 }, NULL,             \
            { NULL, 0 }, NULL, false, VITRO_CLIENT_CHECK_DEFAULT, 0, 0                             \
    }

/**
 * Make credentials for channels: vitro_channel_options.credentials.
 *
 * @param out      gives one reference; vitro_credentials_unref().
 * @param options  lent until return: files are read now, texts copied. NULL: all defaults.
 * @param err      filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for a file that cannot be read, a text that is none, a
 *         key that is another certificate's; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: any.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_credentials_client(
    vitro_credentials **out, const vitro_credentials_options *options, vitro_error *err);

/**
 * Make credentials for listeners: vitro_server_listen_secure().
 *
 * @param out      gives one reference; vitro_credentials_unref().
 * @param options  lent until return: files are read now, texts copied. Certificate and key are
 *                 needed.
 * @param err      filled on failure; may be NULL.
 * @return as vitro_credentials_client().
 * Thread: any.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_credentials_server(
    vitro_credentials **out, const vitro_credentials_options *options, vitro_error *err);

/**
 * Put other certificates, keys and authorities in the place of those in use. Connections that are
 * open keep what they began with; sessions from before are not resumed.
 *
 * @param options  lent until return, as when the credentials were made. NULL: read the files anew
 *                 that were named then; texts and the rest stay.
 * @param err      filled on failure; may be NULL.
 * @return as vitro_credentials_client(); on failure all stays as it was.
 * Thread: any, while they are in use.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_credentials_reload(
    vitro_credentials *credentials, const vitro_credentials_options *options, vitro_error *err);

/** Take one more reference; credentials may be NULL. @return gives credentials. Thread: any. */
VITRO_API vitro_credentials *vitro_credentials_ref(vitro_credentials *credentials);

/** Drop one reference; channels and servers hold their own. NULL is accepted. Thread: any. */
VITRO_API void vitro_credentials_unref(vitro_credentials *credentials);

/** What a name in a certificate is (RFC 5280, 4.2.1.6). */
typedef enum vitro_name_kind {
    VITRO_NAME_EMAIL = 1, /* "alice@vitro.test" */
    VITRO_NAME_DNS = 2,   /* "vitro.test", "*.vitro.test" */
    VITRO_NAME_URI = 6,   /* "spiffe://vitro.test/alice" */
    VITRO_NAME_IP = 7     /* "127.0.0.1", "::1" */
} vitro_name_kind;

typedef struct vitro_name {
    vitro_name_kind kind;
    vitro_str text; /* without a NUL byte: names that hold one are left out */
} vitro_name;

/**
 * Who is at the other end of a connection: vitro_call_peer_identity(). Who decides by a name looks
 * at verified first. Texts are terminated, and empty where there is nothing. Append only.
 */
typedef struct vitro_identity {
    bool secure;             /* TLS; false: plain text, and nothing else is known */
    bool verified;           /* there is a certificate, and our authorities vouch for it */
    uint16_t version;        /* 0x0303 is TLS 1.2, 0x0304 TLS 1.3 */
    vitro_str suite;         /* as IANA names it: "TLS_AES_256_GCM_SHA384" */
    vitro_str protocol;      /* of ALPN: "h2" */
    vitro_bytes certificate; /* DER */
    vitro_str pem;           /* the same as PEM */
    vitro_str subject;       /* "CN=alice,O=vitro tests" (RFC 4514) */
    vitro_str common_name;   /* the last one of the subject */
    const vitro_name *names; /* n_names of the extension subjectAltName */
    size_t n_names;
} vitro_identity;

#ifdef __cplusplus
}
#endif
#endif
