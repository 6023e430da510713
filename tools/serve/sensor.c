/*
 * sensor - SensorService: a reading at once and each second, until the client cancels.
 *
 * The readings come from the device's name and their number alone. While the client is behind,
 * readings are left out: an old temperature is of no use.
 */
#include "sensor.vitro.h"

#include <stdlib.h>

#include "serve/serve.h"

struct sensor {
    vitro_call *call;
    vitro_alarm *next;
    int64_t due;
    uint32_t device, count;
    bool behind;
};

/* From -steps to steps and back again. */
static int swing(uint32_t at, int steps)
{
    int place = (int)(at % (uint32_t)(4 * steps));

    return place <= 2 * steps ? place - steps : 3 * steps - place;
}

static bool read_out(struct sensor *s)
{
    Sensor__SensorData reading = SENSOR__SENSOR_DATA__INIT;
    uint32_t at = s->device + s->count++;
    bool more = true;
    vitro_error err;

    if (s->behind)
        return true;
    reading.temperature = 23.5F + (float)swing(at, 12) * 0.25F;
    reading.humidity = 55.0F + (float)swing(at, 20) * 0.5F;
    if (sensor_sensor_service_get_sensor_data_respond(s->call, &reading, &more, &err)) {
        serve_fail(s->call, &err);
        return false;
    }
    s->behind = !more;
    return true;
}

static void on_second(void *user)
{
    struct sensor *s = user;

    if (!read_out(s))
        return;
    s->due += SERVE_SECOND;
    vitro_alarm_set(s->next, s->due);
}

static void on_writable(vitro_call *call, void *user)
{
    struct sensor *s = user;

    (void)call;
    s->behind = false;
}

static void on_cancelled(vitro_call *call, void *user)
{
    const struct sensor *s = user;

    (void)call;
    vitro_alarm_clear(s->next);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct sensor *s = user;

    (void)call;
    (void)status;
    vitro_alarm_free(s->next);
    free(s);
}

static void get_sensor_data(vitro_call *call, const Sensor__SensorRequest *request, void *user)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_writable = on_writable,
        .on_cancelled = on_cancelled,
        .on_closed = on_closed,
    };
    vitro_loop *loop = vitro_call_loop(call);
    struct sensor *s;

    (void)user;
    if (!request->deviceid[0]) {
        vitro_call_finish(call, VITRO_INVALID_ARGUMENT, "a sensor has a deviceId", NULL, NULL);
        return;
    }
    s = calloc(1, sizeof *s);
    if (!s || vitro_alarm_new(&s->next, loop, on_second, s, NULL)) {
        free(s);
        serve_out_of_memory(call);
        return;
    }
    s->call = call;
    s->due = vitro_loop_now(loop);
    for (const char *c = request->deviceid; *c; c++)
        s->device = s->device * 31 + (unsigned char)*c;
    s->device %= 960; /* both readings begin anew after so many */
    vitro_stub_serve(call, &events, s);
    on_second(s);
}

vitro_code serve_sensor(struct serve *s, vitro_server *server, vitro_error *err)
{
    static const sensor_sensor_service_handlers handlers = {
        .size = sizeof handlers,
        .get_sensor_data = get_sensor_data,
    };

    return sensor_sensor_service_register(server, &handlers, s, err);
}
