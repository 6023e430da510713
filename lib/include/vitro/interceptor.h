/*
 * interceptor - what every call of a channel or a server passes on its way.
 *
 * It logs the call, checks or adds a token, refuses, delays, or changes what the call carries.
 *
 *      application -> A -> B -> channel ~~~~ server -> C -> D -> handler    start, requests
 *      application <- A <- B <- channel ~~~~ server <- C <- D <- handler    headers, responses, end
 *
 * Interceptors know requests from responses, not clients from servers: the same one may stand on
 * either side. A list of them, NULL at its end, stands in the options of a channel, of a call
 * (behind the channel's), of a server and of a method (behind the server's):
 *
 *      static const vitro_interceptor *const checks[] = { &log_calls, &check_token, NULL };
 *
 * A call passes one interceptor after the other, in steps; each step may go on at once, or be
 * suspended and resumed later: from another callback of the loop, an alarm, another call, and
 * through vitro_loop_post() from another thread. While a step is suspended nothing overtakes it,
 * no credit is given on and a sender is told to wait; the other direction goes on. Cancellation and
 * the deadline do not wait: a call that is over goes to its end at once.
 *
 * Who asks another thread gives it references to the call and to its loop (vitro_call_ref(),
 * vitro_loop_ref()). With the answer that thread posts, then drops the loop's; what was posted
 * resumes the step or ends the call, and drops the call's. A client that goes away in the meantime
 * is not in its way: what is posted when a channel with a loop of its own was freed is run by the
 * thread that posted it, as it drops the loop.
 *
 * The order of the events of call.h stays as it is. Of its functions an interceptor uses those that
 * look at the call, and vitro_call_cancel(); to send is the application's. Callbacks run on the
 * call's loop, one at a time, and never inside a function of this header or of call.h.
 */
#ifndef VITRO_INTERCEPTOR_H
#define VITRO_INTERCEPTOR_H

#include "vitro/call.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One interceptor in one call, in one direction. Lives as long as the call: whoever may use it
 *  after on_closed takes a reference to that (vitro_call_ref()). */
typedef struct vitro_intercept vitro_intercept;

/** What becomes of a step. */
typedef enum vitro_verdict {
    VITRO_GO_ON = 0,  /* to the next interceptor */
    VITRO_SUSPEND = 1 /* wait for vitro_intercept_resume() */
} vitro_verdict;

/**
 * An interceptor. Any callback may be NULL: the step goes on. `state` is state_size bytes of each
 * call, zeroed at its start and freed with the call. What a callback is lent it may use until it
 * returns or, when it suspends, until the step was resumed.
 */
typedef struct vitro_interceptor {
    size_t size;       /* set by VITRO_INTERCEPTOR_INIT */
    size_t state_size; /* bytes of state a call; 0: none */
    /* First. Lends the request's metadata, which may be changed. A client's call is not on its way
       to a connection yet, a server's handler does not know of the call. Call credentials of a
       client are asked when this has passed all. */
    vitro_verdict (*on_start)(vitro_intercept *i, vitro_md *md, void *state);
    /* Lends m; its bytes, uncompressed, may lie elsewhere once the callback has returned. wire_size
       is 0 on the sender's side. */
    vitro_verdict (*on_request)(vitro_intercept *i, const vitro_message *m, void *state);
    /* Response headers, before the first response; not of a call that ends without any. Lends md,
       which may be changed. */
    vitro_verdict (*on_headers)(vitro_intercept *i, vitro_md *md, void *state);
    /* As on_request. */
    vitro_verdict (*on_response)(vitro_intercept *i, const vitro_message *m, void *state);
    /* The status is on its way: vitro_intercept_end() puts another one in its place. Lends status
       until return or that; trailers may be changed. Not on a server when the client has gone; not
       where this interceptor has ended the call, or one further out. VITRO_SUSPEND is VITRO_GO_ON
       once the call was cancelled or its deadline is over. */
    vitro_verdict (*on_end)(vitro_intercept *i, const vitro_status *status, vitro_md *trailers,
                            void *state);
    /* Exactly once for each on_start, always last: what the call has come to; a server's handler
       has been told before, a client's application is told after. Steps that are suspended by now
       are over: alarms are freed and calls given up here. Lends status. */
    void (*on_closed)(vitro_intercept *i, const vitro_status *status, void *state);
    void *user; /* of vitro_intercept_user() */
} vitro_interceptor;
#define VITRO_INTERCEPTOR_INIT                                                                     \
    {                                                                                              \
        sizeof(vitro_interceptor), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL                     \
    }

/**
 * Let a suspended step go on, in a later turn. Harmless when none is, and after closed.
 *
 * @param i  lent: of the callback that returned VITRO_SUSPEND; may come before it returned.
 * Thread: loop.  Re-entry: allowed everywhere.
 */
VITRO_API void vitro_intercept_resume(vitro_intercept *i);

/**
 * End the call, or, in on_end, change the status that it ends with. What was on its way through
 * the interceptors is dropped; those further out still see the end. A server's handler that does
 * not know of the call yet never will; another one is told that it was cancelled. Does nothing once
 * the end has passed this interceptor.
 *
 * @param i         lent: either of the interceptor's in this call.
 * @param code      the status. VITRO_OK where a response is missing is for the caller to expect.
 * @param message   text for people, copied; NULL: none.
 * @param trailers  added to the trailing metadata; copied; NULL: none.
 * Thread: loop.  Re-entry: allowed everywhere.
 * Wire: client: RST_STREAM with CANCEL when the call has a stream. Server: as vitro_call_finish().
 */
VITRO_API void vitro_intercept_end(vitro_intercept *i, vitro_code code, const char *message,
                                   const vitro_md *trailers);

/**
 * Put another message in the place of the one at hand.
 *
 * @param i      lent: in on_request or on_response, or while that step is suspended.
 * @param bytes  copied; may be a part of the message itself.
 * @return VITRO_OK; VITRO_FAILED_PRECONDITION when no message is at hand; VITRO_RESOURCE_EXHAUSTED
 *         out of memory, or over the sender's limit: the message is as it was.
 * Thread: loop.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_intercept_replace(vitro_intercept *i, vitro_bytes bytes,
                                                           vitro_error *err);

/** The call: its path, peer, deadline, number. Lends. Thread: loop. */
VITRO_API vitro_call *vitro_intercept_call(const vitro_intercept *i);

/** The state of this interceptor in this call; NULL when it has none. Lends. Thread: loop. */
VITRO_API void *vitro_intercept_state(const vitro_intercept *i);

/** The user of the interceptor, as it was given. Thread: loop. */
VITRO_API void *vitro_intercept_user(const vitro_intercept *i);

#ifdef __cplusplus
}
#endif
#endif
