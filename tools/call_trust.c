/*
 * call_trust - whom `vitro call` believes, and what it shows of itself: TLS, and tokens.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "command.h"
#include "print.h"

static int fail(const char *where, const vitro_error *err, const char *what_to_do)
{
    command_fail_error("call", where, err, what_to_do);
    return EXIT_SYSTEM;
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static int open_tls(struct call_trust *t, const struct call_options *o)
{
    vitro_credentials_options c = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_error err;

    if (!o->tls)
        return EXIT_DONE;
    c.ca_file = o->ca_file;
    c.crl_file = o->crl_file;
    c.certificate_file = o->cert_file;
    c.key_file = o->key_file;
    c.insecure = o->insecure;
    if (vitro_credentials_client(&t->tls, &c, &err) == VITRO_OK)
        return EXIT_DONE;
    return fail("TLS", &err, "--cacert, --crl, --cert and --key are files of PEM");
}

/* ---- tokens --------------------------------------------------------------------------------- */

enum { TOKEN_MAX = 64 * 1024 };

/* The first line of a file, into room of TOKEN_MAX bytes. */
static int read_token(const char *path, char *room)
{
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(room, TOKEN_MAX, f);
    int why = !f || ferror(f) ? errno : 0;

    if (f)
        fclose(f);
    if (ok) {
        room[strcspn(room, "\r\n")] = '\0';
        return EXIT_DONE;
    }
    command_fail("call", path, why ? strerror(why) : "it is empty",
                 "--token-file is a file with a token in its first line");
    return EXIT_SYSTEM;
}

static int open_token(struct call_trust *t, const struct call_options *o)
{
    vitro_call_credentials_options c = VITRO_CALL_CREDENTIALS_OPTIONS_INIT;
    char room[TOKEN_MAX];
    const char *token = o->token_file ? room : o->token;
    vitro_error err;
    int status;

    c.allow_plain_text = o->allow_plain_token;
    if (o->service_account) {
        if (vitro_call_credentials_service_account(&t->token, o->service_account,
                                                   (vitro_bytes){ NULL, 0 }, &c, &err))
            return fail("--service-account", &err,
                        "it is the JSON file of a service account's key");
        return EXIT_DONE;
    }
    status = o->token_file ? read_token(o->token_file, room) : EXIT_DONE;
    if (!status && token && vitro_call_credentials_token(&t->token, token, &c, &err))
        return fail(o->token_file ? o->token_file : "--token", &err, NULL);
    return status;
}

/* ---- both ----------------------------------------------------------------------------------- */

int call_trust_open(struct call_trust *t, const struct call_options *o)
{
    int status = open_tls(t, o);

    return status ? status : open_token(t, o);
}

void call_trust_close(struct call_trust *t)
{
    vitro_credentials_unref(t->tls);
    vitro_call_credentials_unref(t->token);
}

void call_trust_use(const struct call_trust *t, const struct call_options *o,
                    vitro_channel_options *channel)
{
    channel->user_agent = "vitro-call";
    channel->authority = o->authority;
    channel->credentials = t->tls;
    channel->call_credentials = t->token;
}

void call_trust_tell(const vitro_call *call)
{
    const vitro_identity *who = vitro_call_peer_identity(call);
    struct printer p = { .out = stderr };

    fputs("peer: ", stderr);
    print_escaped(&p, vitro_call_peer(call));
    if (who && who->secure) {
        fprintf(stderr, ", TLS 1.%d, %s", who->version - 0x0301, who->suite.ptr);
        fputs(who->verified ? ", verified: " : ", not verified: ", stderr);
        print_escaped(&p, who->subject);
    } else {
        fputs(", plain text", stderr);
    }
    fputc('\n', stderr);
}
