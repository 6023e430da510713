/*
 * lesson - the world of a lesson, so that its main.c is only the scenario.
 *
 *      scenario: server, channel, calls  -->  one loop  -->  the lesson's trace
 *
 * The command line and the environment decide where it runs and who watches; the scenario is
 * the same everywhere:
 *
 *      main               in memory, on a clock of its own: every run is the same, to the byte
 *      main --real        on sockets of the loopback interface, in real time
 *      main --seed N      another world of the same kind
 *      VITRO_LEARN=fd:N   vitro learn watches: the trace goes to that descriptor, stdout is quiet
 *      VITRO_GATE=hold    with it: each frame waits for a command that lets it go (lesson_gate.h)
 *      VITRO_TRACE=SINKS  the trace goes there too
 */
#ifndef LESSON_H
#define LESSON_H

#include "vitro/channel.h"
#include "vitro/credentials.h"
#include "vitro/loop.h"
#include "vitro/server.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a scenario builds with. The lesson owns all of it. */
typedef struct lesson {
    vitro_loop *loop; /* of the client and of the server */
    vitro_trace *trace;
    const char *listen; /* where a server of the lesson listens */
    const char *target; /* where a client finds it, once it listens */
    vitro_server_options server;
    vitro_channel_options channel;  /* both: the trace, and windows that do not grow */
    vitro_credentials *credentials; /* of a server that listens from then on; NULL: plain text */
    bool alone;                     /* nobody watches: what is said goes to stdout */
    bool real;
    void *world;              /* private */
    struct lesson_gate *gate; /* private; NULL: nothing is held */
    char bound[160];
    char authority[sizeof "localhost:65535"]; /* of a channel on sockets: a name, as under sim */
} lesson;

/**
 * Build the world, play the scenario once, take the world down.
 *
 * @param play  the scenario. It frees what it made before it returns.
 * @return what main returns: 0; 1 when the scenario failed, with a line on stderr; 2 for a
 *         command line that cannot be meant; 3 when the world could not be built.
 */
int lesson_main(int argc, char **argv, vitro_code (*play)(lesson *l, vitro_error *err));

/**
 * Let the server listen, and the client's target lead to it.
 *
 * @param server  lent; its services are registered.
 * @return as vitro_server_listen().
 */
VITRO_CHECKED vitro_code lesson_listen(lesson *l, vitro_server *server, vitro_error *err);

/**
 * Free the server once its connections are gone, for a moment at most: those that a client has
 * closed end in good order.
 *
 * @param server  takes; NULL is accepted.
 */
void lesson_end(lesson *l, vitro_server *server);

/**
 * Where a file of lessons/certificates is: "ca.pem" is the authority; server, elsewhere (another
 * name), expired, early and self (its own authority) are servers, alice, bob and impostor (alice,
 * as it says itself) are clients: .pem and .key.
 *
 * @return lends until a few more were asked for; a file that is not there has a path all the same.
 */
const char *lesson_file(const char *name);

/**
 * Let a side under TLS know nothing of h2: a client does not offer it, a server looks at no offer.
 *
 * @param credentials  that nothing uses yet.
 * @return as vitro_credentials_without_alpn().
 */
VITRO_CHECKED vitro_code lesson_without_h2(vitro_credentials *credentials, vitro_error *err);

/**
 * Say something at this point of the run: a note in the trace; on stdout when nobody watches.
 *
 * @param format  as printf; cut at 1,023 bytes.
 */
void lesson_say(lesson *l, const char *format, ...) VITRO_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif
#endif
