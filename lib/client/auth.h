/*
 * auth - what a call carries to prove who makes it: credentials, and the question to them.
 *
 *      vitro_call_start --> struct vitro_auth --ask--> credentials of the channel, of the call
 *                                ^---------- vitro_auth_answer, now or later ------'
 *
 * A call that has any is asked for first, in a turn of its own, and goes to its channel when all
 * have answered. They are asked side by side; the first that fails ends the call.
 */
#ifndef VITRO_CLIENT_AUTH_H
#define VITRO_CLIENT_AUTH_H

#include "vitro/credentials.h"

#ifdef __cplusplus
extern "C" {
#endif

struct client_call;

struct call_credentials_ops {
    void (*ask)(vitro_call_credentials *c, vitro_auth *auth); /* gives auth: vitro_auth_answer */
    void (*free)(vitro_call_credentials *c);
};

/* Embedded in those of each kind. */
struct vitro_call_credentials {
    const struct call_credentials_ops *ops;
    unsigned refs; /* atomic */
    bool allow_plain_text;
};

/* Begin with one reference; INVALID_ARGUMENT for options of a newer version. */
vitro_code vitro_call_credentials_init(vitro_call_credentials *c,
                                       const struct call_credentials_ops *ops,
                                       const vitro_call_credentials_options *options,
                                       vitro_error *err);

/* Put the question to one more, unless the call has failed by now. */
void vitro_auth_ask(vitro_auth *auth, vitro_call_credentials *c);

/* Give c the question to its own credentials and those of its channel, when there are any. */
vitro_code vitro_auth_new(struct client_call *c, vitro_call_credentials *own, vitro_error *err);

/* Ask, in a later turn; then vitro_client_call_send or vitro_client_call_fail. */
void vitro_auth_begin(vitro_auth *auth);

/* The call is over: answers that are still to come are nobody's. NULL is accepted. */
void vitro_auth_drop(vitro_auth *auth);

#ifdef __cplusplus
}
#endif
#endif
