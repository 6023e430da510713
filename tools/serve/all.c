/* all - the services together, and what they share. */
#include "serve/serve.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "vitro/health.h"
#include "vitro/reflection.h"

void serve_init(struct serve *s, vitro_loop *home, struct log *log)
{
    memset(s, 0, sizeof *s);
    s->home = home;
    s->log = log;
}

vitro_code serve_register(struct serve *s, vitro_server *server, vitro_error *err)
{
    static serve_fn *const services[] = { serve_chat, serve_user, serve_order,
                                          serve_room, serve_file, serve_sensor };
    vitro_code rc = VITRO_OK;

    for (size_t i = 0; i < ARRAY_LEN(services) && !rc; i++)
        rc = services[i](s, server, err);
    return rc;
}

vitro_code serve_known(vitro_server *server, vitro_error *err)
{
    static const char *const names[] = { "chat.ChatService",   "user.UserService",
                                         "order.OrderService", "room.RoomService",
                                         "file.FileService",   "sensor.SensorService" };
    vitro_health *health;
    vitro_code rc = vitro_health_register(&health, server, err);

    for (size_t i = 0; i < ARRAY_LEN(names) && !rc; i++)
        rc = vitro_health_set(health, names[i], VITRO_HEALTH_SERVING, err);
    return rc ? rc : vitro_reflection_register(server, err);
}

vitro_code serve_connect(struct serve *s, const char *target, vitro_loop *const *loops, size_t n,
                         vitro_error *err)
{
    for (size_t i = 0; i < n && i < SERVE_LOOPS; i++) {
        vitro_code rc = vitro_channel_new(&s->users[i], loops[i], target, NULL, err);
        if (rc)
            return rc;
        s->loops[i] = loops[i];
        s->count = i + 1;
    }
    return VITRO_OK;
}

void serve_disconnect(struct serve *s)
{
    for (size_t i = 0; i < s->count; i++)
        vitro_channel_free(s->users[i]);
    s->count = 0;
}

void serve_log(struct serve *s, const char *who, const char *what)
{
    log_line(s->log, who, what);
}

void serve_fail(vitro_call *call, const vitro_error *err)
{
    vitro_call_finish(call, err->code, err->frame[0].text, NULL, NULL);
}

void serve_out_of_memory(vitro_call *call)
{
    vitro_call_finish(call, VITRO_RESOURCE_EXHAUSTED, "out of memory", NULL, NULL);
}

void serve_id(const vitro_call *call, const char *kind, char id[SERVE_ID])
{
    int64_t ms = vitro_loop_wall(vitro_call_loop(call)) / 1000000;

    snprintf(id, SERVE_ID, "%s_%" PRId64, kind, ms);
}
