/*
 * credentials - who this side is, and whom it believes: on a connection under TLS, and in a call.
 *
 * A channel or a listener with credentials speaks TLS 1.2 or 1.3 with ALPN "h2" and refuses a peer
 * that does not; without them it speaks plain text. One object serves any number of channels,
 * listeners, loops and threads.
 *
 *      vitro_credentials_client   trusts authorities; may show a certificate of its own
 *      vitro_credentials_server   shows its certificate; may ask for the client's
 *      vitro_credentials_reload   new files or texts, for the connections from then on
 *
 * A call may carry credentials of its own, mostly a token in its metadata:
 *
 *      vitro_call_credentials_token            always the same
 *      vitro_call_credentials_service_account  made and signed here, for each service
 *      vitro_call_credentials_callback         whatever the application answers for a call
 *      vitro_call_credentials_composite        several of them
 *
 * They stand in the options of a channel, of a call, or of both: then it carries both. Whoever
 * reads them can use them; so a call over plain text is refused before anything of it leaves,
 * unless each of them allows it by name.
 *
 * Keys and tokens are overwritten when nobody uses their credentials any more; what the memory of
 * calls and of the parser of a key file held of them is not.
 *
 * When the environment names a file in SSLKEYLOGFILE, the secrets of every connection are
 * appended to it, as other programs do; a trace holds those of its connections in any case.
 */
#ifndef VITRO_CREDENTIALS_H
#define VITRO_CREDENTIALS_H

#include "vitro/base.h"
#include "vitro/loop.h"
#include "vitro/metadata.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_credentials vitro_credentials;

struct vitro_identity;

/** What a server does about certificates of its clients. */
typedef enum vitro_client_check {
    VITRO_CLIENT_CHECK_DEFAULT, /* REQUIRE when there are authorities, else NONE */
    VITRO_CLIENT_CHECK_NONE,    /* ask for none */
    VITRO_CLIENT_CHECK_REQUEST, /* one that is shown must be good; none is accepted, too */
    VITRO_CLIENT_CHECK_REQUIRE  /* without a good one no call */
} vitro_client_check;

/** A certificate and its key, as the options have them. */
typedef struct vitro_certificate {
    const char *file; /* lent; the certificate, then those between it and its authority */
    vitro_bytes bytes;
    const char *key_file; /* lent; its private key, without a password */
    vitro_bytes key;
} vitro_certificate;

/**
 * Zero always means the default. Append only. Each text is PEM: a regular file of 4 MiB at most, or
 * bytes when there is no file.
 *
 * With crl every certificate of the peer's chain is looked for in the list of its authority, a root
 * in its own; there is one of each, and its time is not over: else the peer is not believed. New
 * lists come with a reload.
 *
 * verify has the last word on a peer, for what the rules of certificates do not say: that it is
 * alice, or a certificate that is known. It is asked once in each handshake, when chain and name
 * are good, or may be anything as of `insecure`: peer->verified tells. Also when a session is
 * resumed, and by a server of a client that has shown no certificate. peer is lent until return.
 * true: go on. false: nothing is carried, and the peer is told that its certificate is not accepted
 * (alert bad_certificate; when there was none to check, the connection only ends). why, size bytes
 * and empty, takes a text for people, which the status of calls then has. It is called on the loop
 * of the connection, with a server of several loops on each of them, and uses no function of a
 * channel, a server or a loop. NULL: nobody is asked.
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
                                        have, not empty; NULL: the host of the channel's authority */
    bool insecure;                   /* client: any certificate will do. For tests: who sits between
                                        the two ends reads all */
    vitro_client_check client_check; /* server */
    uint16_t version_min;            /* 0x0303 is TLS 1.2, 0x0304 TLS 1.3; 0: TLS 1.2 */
    uint16_t version_max;            /* 0: the newest there is */
    const vitro_certificate *more_certificates; /* server: lent, n_more_certificates of them. Who
                                                   asks for a name (SNI) is shown one that is for
                                                   it, the one above if none is: the first, or of
                                                   two with keys of different kinds the one that
                                                   the client can verify */
    size_t n_more_certificates;
    const char *crl_file; /* lent; lists of revoked certificates (RFC 5280, 5); neither: none are
                             looked at */
    vitro_bytes crl;
    bool (*verify)(const struct vitro_identity *peer, char *why, size_t size, void *user);
    void *verify_user; /* kept; outlives the credentials and all that use them */
} vitro_credentials_options;
#define VITRO_CREDENTIALS_OPTIONS_INIT                                                             \
    {                                                                                              \
        sizeof(vitro_credentials_options), NULL, { NULL, 0 }, NULL, { NULL, 0 }, NULL,             \
            { NULL, 0 }, NULL, false, VITRO_CLIENT_CHECK_DEFAULT, 0, 0, NULL, 0, NULL,             \
            { NULL, 0 }, NULL, NULL                                                                \
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
 * @return as vitro_credentials_client(); on failure all stays as it was: a certificate whose key is
 *         not written yet, for one. Ask again.
 * Thread: any, while they are in use; not in a signal handler.
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

/** One name of a certificate's extension subjectAltName. */
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
    vitro_str suite;         /* as IANA names it: "TLS_AES_128_GCM_SHA256" */
    vitro_str protocol;      /* of ALPN: "h2" */
    vitro_bytes certificate; /* DER */
    vitro_str pem;           /* the same as PEM */
    vitro_str subject;       /* "CN=alice,O=vitro tests" (RFC 4514) */
    vitro_str common_name;   /* the last one of the subject */
    const vitro_name *names; /* n_names of the extension subjectAltName */
    size_t n_names;
    bool resumed; /* a session from before goes on (RFC 8446, 2.2): what was verified then counts */
} vitro_identity;

typedef struct vitro_call_credentials vitro_call_credentials;

/** Zero always means the default. Append only. */
typedef struct vitro_call_credentials_options {
    size_t size;           /* set by VITRO_CALL_CREDENTIALS_OPTIONS_INIT, never by hand */
    bool allow_plain_text; /* send them where anybody on the way can read and use them: for a
                              connection that something else protects, and for tests. Without it
                              such a call ends with UNAUTHENTICATED. TLS of credentials that are
                              `insecure` counts as TLS */
} vitro_call_credentials_options;
#define VITRO_CALL_CREDENTIALS_OPTIONS_INIT                                                        \
    {                                                                                              \
        sizeof(vitro_call_credentials_options), false                                              \
    }

/**
 * Make call credentials of a token, which every call carries.
 *
 * @param out      gives one reference; vitro_call_credentials_unref().
 * @param token    copied; printable ASCII without a space, at least one character.
 * @param options  copied; NULL: all defaults.
 * @param err      filled on failure, without the token; may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for what is no token; VITRO_RESOURCE_EXHAUSTED out of
 *         memory.
 * Thread: any.  Wire: "authorization: Bearer TOKEN" (RFC 6750, 2.1).
 */
VITRO_API VITRO_CHECKED vitro_code
vitro_call_credentials_token(vitro_call_credentials **out, const char *token,
                             const vitro_call_credentials_options *options, vitro_error *err);

/**
 * Make call credentials of a Google service account: calls carry a JSON Web Token that its key has
 * signed here, for the service that is called; nobody is asked for it. It is valid for an hour and
 * used until five minutes before that, in all calls of its service in a row.
 *
 * @param out      gives one reference; vitro_call_credentials_unref().
 * @param file     lent until return; the account's key file of JSON, with the members "type"
 *                 ("service_account"), "client_email", "private_key" (PEM: RSA of 2048 bits or
 *                 more, or P-256) and, if there is one, "private_key_id". NULL: json has it.
 * @param json     the text of such a file, copied; not looked at when there is a file.
 * @param options  copied; NULL: all defaults.
 * @param err      filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for a file that cannot be read or a text that is no such
 *         key; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: any.  Wire: "authorization: Bearer JWT" with iss, sub, aud ("https://HOST/SERVICE"), iat
 * and exp, by RS256 or ES256 (RFC 7515, 7519; google.aip.dev/auth/4111).
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_credentials_service_account(
    vitro_call_credentials **out, const char *file, vitro_bytes json,
    const vitro_call_credentials_options *options, vitro_error *err);

/** The question what a call shall carry: see vitro_call_credentials_callback(). */
typedef struct vitro_auth vitro_auth;

/**
 * Make call credentials that ask the application, once for each call.
 *
 * @param out      gives one reference; vitro_call_credentials_unref().
 * @param ask      called in a turn of the call's loop, before the call is sent: gives auth, which
 *                 vitro_auth_answer() takes back, at once or later. The call waits for it.
 * @param release  called with user when nobody uses the credentials any more, on whichever thread
 *                 that is; may be NULL.
 * @param user     kept until then.
 * @param options  copied; NULL: all defaults.
 * @param err      filled on failure; may be NULL. release is not called then.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT without ask; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: any.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_credentials_callback(
    vitro_call_credentials **out, void (*ask)(vitro_auth *auth, void *user),
    void (*release)(void *user), void *user, const vitro_call_credentials_options *options,
    vitro_error *err);

/**
 * Make call credentials of several, all of which a call carries.
 *
 * @param out   gives one reference; vitro_call_credentials_unref().
 * @param list  refs each; none is NULL.
 * @param n     how many; 1 to 65535.
 * @param err   filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for another number, or a NULL among them;
 *         VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: any.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_credentials_composite(
    vitro_call_credentials **out, vitro_call_credentials *const *list, size_t n, vitro_error *err);

/**
 * Take one more reference.
 *
 * @param credentials  lent until return; may be NULL.
 * @return gives credentials: vitro_call_credentials_unref().
 * Thread: any.
 */
VITRO_API vitro_call_credentials *vitro_call_credentials_ref(vitro_call_credentials *credentials);

/**
 * Drop one reference; channels and calls hold their own.
 *
 * @param credentials  takes one reference; NULL is accepted.
 * Thread: any.
 */
VITRO_API void vitro_call_credentials_unref(vitro_call_credentials *credentials);

/** Whom a token is for, its audience: "https://HOST[:PORT]/package.Service", the host being that of
 *  the call's authority, without port 443. Lends until the answer. Thread: any. */
VITRO_API vitro_str vitro_auth_service_url(const vitro_auth *auth);

/** The method that is called, "Method". Lends until the answer. Thread: any. */
VITRO_API vitro_str vitro_auth_method(const vitro_auth *auth);

/** The loop of the call that is asked for. Lends until the answer. Thread: any. */
VITRO_API vitro_loop *vitro_auth_loop(const vitro_auth *auth);

/**
 * Answer what a call shall carry. Exactly once, also when the call or its channel is gone in the
 * meantime: then it is only given back. The loop lives until then.
 *
 * @param auth      takes.
 * @param code      VITRO_OK: the call is sent. Else it ends with that status; with INTERNAL in its
 *                  place where a server alone may say so (NOT_FOUND and the like: gRFC A54).
 * @param message   why, copied; NULL: none. Not looked at with VITRO_OK.
 * @param metadata  what is added to the call's own; copied; NULL: nothing.
 * Thread: any: outside of the loop's turns the call goes on in a later one.  Re-entry: allowed
 * everywhere.  Wire: request metadata.
 */
VITRO_API void vitro_auth_answer(vitro_auth *auth, vitro_code code, const char *message,
                                 const vitro_md *metadata);

#ifdef __cplusplus
}
#endif
#endif
