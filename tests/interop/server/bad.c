/* bad - a server that misbehaves (support/bad_cases.def), until a signal ends it. */
#include "base/error.h"
#include "interop/server/service.h"
#include "io/signals.h"
#include "support/bad_server.h"

static vitro_code until_signal(vitro_loop *loop, vitro_error *err)
{
    struct signals signals;
    bool came = false;
    vitro_code rc = vitro_signals_open(&signals, err);

    while (!rc && !came)
        rc = vitro_signals_run(&signals, loop, &came, err);
    vitro_signals_close(&signals);
    return rc;
}

vitro_code serve_badly(const char *name, const char *target, vitro_credentials *credentials,
                       vitro_error *err)
{
    const struct bad_case *of = bad_case_find(name);
    struct bad_server server;
    char bound[300];
    const char *wrong;
    vitro_loop *loop;
    vitro_code rc;

    if (!of)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "bad_case", 0, "there is no %s", name);
    rc = vitro_loop_new(&loop, NULL, err);
    if (rc)
        return rc;
    rc = bad_server_open(&server, loop, target, credentials, of, err);
    if (!rc) {
        say_where(vitro_address_text(&server.listener.bound, bound, sizeof bound));
        rc = until_signal(loop, err);
    }
    bad_server_close(&server);
    wrong = bad_seen_wrong(&server.seen, of);
    if (!rc && wrong)
        rc = vitro_fail(err, VITRO_FAILED_PRECONDITION, of->name, 0, "%s", wrong);
    vitro_loop_unref(loop);
    return rc;
}
