/* run - a program that is nothing but a server: serve until a signal, let open calls end. */
#include "base/error.h"
#include "io/signals.h"
#include "server/server.h"

/* The first signal asks for the end, a second one does not wait for it. */
static vitro_code on_signal(vitro_server *s, int64_t grace_ns, bool *asked, vitro_error *err)
{
    if (*asked)
        return vitro_fail(err, VITRO_CANCELLED, "server", 0, "a second signal: calls are open");
    *asked = true;
    vitro_server_drain(s, grace_ns, NULL, NULL);
    return VITRO_OK;
}

vitro_code vitro_server_run(vitro_server *s, int64_t grace_ns, vitro_error *err)
{
    struct signals signals;
    bool came, asked = false;
    vitro_code rc = vitro_signals_open(&signals, err);

    if (rc)
        return rc;
    while (!rc && !s->drained_told) {
        rc = vitro_signals_run(&signals, server_first_loop(s), &came, err);
        if (!rc && came)
            rc = on_signal(s, grace_ns, &asked, err);
    }
    vitro_signals_close(&signals);
    return rc;
}
