/*
 * 12-server-streaming - one request, many messages: the chat's notifications, one a second, then
 * two sensors whose feeds the client cancels. One of their handlers notices, the other does not.
 */
#include <stdio.h>
#include <string.h>

#include "../lesson_feed.h"
#include "../lesson_stage.h"
#include "chat.vitro.h"
#include "sensor.vitro.h"

enum { NOTIFICATIONS = 5, SENSORS = 2 };

/* ---- the server ----------------------------------------------------------------------------- */

/* Five messages, one a second. With the sixth second comes the end. */
static void notify(lesson_feed *f)
{
    Chat__Notification notice = CHAT__NOTIFICATION__INIT;
    char id[16], title[32], content[128];

    if (f->ticks == NOTIFICATIONS) {
        lesson_feed_stop(f);
        vitro_call_finish(f->call, VITRO_OK, NULL, NULL, NULL);
        return;
    }
    snprintf(notice.id = id, sizeof id, "notif_%d", f->ticks);
    snprintf(notice.title = title, sizeof title, "알림 %d", f->ticks + 1);
    snprintf(notice.content = content, sizeof content, "%s님에게 새로운 메시지가 있습니다.",
             f->who);
    (void)!chat_chat_service_get_notifications_respond(f->call, &notice, NULL, NULL);
}

static void get_notifications(vitro_call *call, const Chat__UserRequest *request, void *user)
{
    lesson_feed_start(user, call, request->userid, notify);
}

/* A reading a second. It never ends by itself. */
static void measure(lesson_feed *f)
{
    Sensor__SensorData reading = SENSOR__SENSOR_DATA__INIT;
    vitro_error err;

    reading.temperature = 23.5F + (float)f->ticks * 0.25F;
    reading.humidity = 55.0F - (float)f->ticks;
    if (sensor_sensor_service_get_sensor_data_respond(f->call, &reading, NULL, &err))
        lesson_say(f->l, "server: the timer of %s goes on: %s", f->who, err.frame[0].text);
}

static void stop_feed(vitro_call *call, void *user)
{
    lesson_feed *f = user;

    (void)call;
    lesson_feed_stop(f);
    lesson_say(f->l, "server: the timer of %s stops", f->who);
}

/* The first sensor's handler wants to know when the client goes away; the second one's does not. */
static void get_sensor_data(vitro_call *call, const Sensor__SensorRequest *request, void *user)
{
    static const vitro_call_events careful = { .size = sizeof careful, .on_cancelled = stop_feed };
    lesson_feed *f = lesson_feed_start(user, call, request->deviceid, measure);

    if (f && strcmp(f->who, "sensor001") == 0)
        vitro_stub_serve(call, &careful, f);
}

static vitro_code serve(vitro_server *server, void *l, vitro_error *err)
{
    static const chat_chat_service_handlers chat = { .size = sizeof chat,
                                                     .get_notifications = get_notifications };
    static const sensor_sensor_service_handlers sensor = { .size = sizeof sensor,
                                                           .get_sensor_data = get_sensor_data };
    vitro_code rc = chat_chat_service_register(server, &chat, l, err);

    return rc ? rc : sensor_sensor_service_register(server, &sensor, l, err);
}

/* ---- the client ----------------------------------------------------------------------------- */

static vitro_code read_notifications(lesson *l, vitro_channel *channel, vitro_error *err)
{
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    chat_chat_service_get_notifications_reader reader;
    Chat__Notification *n = NULL;
    char user_id[] = "사용자1";

    request.userid = user_id;
    if (chat_chat_service_get_notifications(channel, &request, &reader, NULL, err))
        return err->code;
    while (!chat_chat_service_get_notifications_read(&reader, &n, NULL) && n) {
        lesson_say(l, "notification: %s | %s | %s", n->id, n->title, n->content);
        chat__notification__free_unpacked(n, NULL);
    }
    lesson_say(l, "notifications: end");
    return chat_chat_service_get_notifications_close(&reader, NULL, err);
}

/* Both sensors for two and a half seconds, and then neither. */
static vitro_code watch_sensors(lesson *l, vitro_channel *channel, vitro_error *err)
{
    Sensor__SensorRequest request = SENSOR__SENSOR_REQUEST__INIT;
    sensor_sensor_service_get_sensor_data_reader readers[SENSORS];
    char devices[SENSORS][16] = { "sensor001", "sensor002" };
    vitro_code rc = VITRO_OK;
    int open = 0;

    for (; open < SENSORS && !rc; open += !rc) {
        request.deviceid = devices[open];
        rc = sensor_sensor_service_get_sensor_data(channel, &request, &readers[open], NULL, err);
    }
    lesson_wait(l, 2500);
    for (int i = 0; i < open; i++)
        vitro_call_cancel(readers[i].call);
    lesson_wait(l, 3000);
    while (open--)
        (void)!sensor_sensor_service_get_sensor_data_close(&readers[open], NULL, NULL);
    return rc;
}

static vitro_code call(vitro_channel *channel, void *l, vitro_error *err)
{
    vitro_code rc = read_notifications(l, channel, err);

    return rc ? rc : watch_sensors(l, channel, err);
}

static vitro_code play(lesson *l, vitro_error *err)
{
    static const lesson_sides sides = { serve, call };

    return lesson_stage(l, &sides, l, err);
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
