/*
 * serve - the services of `vitro serve` through generated stubs, on virtual time.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.vitro.h"
#include "sensor.vitro.h"
#include "support/served.h"
#include "user.vitro.h"

/* What happened to a call, each thing with its second: "headers@1 notif_0@1 ... closed 0@6". */
struct seen {
    struct served *world;
    char text[1024];
    size_t messages;
    vitro_code code;
    bool closed;
};

static void see(struct seen *s, const char *what)
{
    size_t n = strlen(s->text);

    snprintf(s->text + n, sizeof s->text - n, "%s@%" PRId64 " ", what, served_ms(s->world));
}

static void see_headers(vitro_call *call, const vitro_md *md, void *user)
{
    see(user, "headers");
}

static void see_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct seen *s = user;

    s->code = status->code;
    s->closed = true;
    see(s, vitro_code_name(status->code));
}

/* ---- ChatService ---------------------------------------------------------------------------- */

Test(serve, a_message_is_answered_with_the_time_and_logged_escaped)
{
    struct served w;
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    char id[64];
    served_begin(&w, NULL);
    request.userid = (char *)"사용자1";
    request.message = (char *)"안녕하세요!";
    cr_assert_eq(chat_chat_service_send_message(w.channel, &request, &response, NULL, NULL),
                 VITRO_OK);
    cr_expect(response->success);
    snprintf(id, sizeof id, "msg_%" PRId64, INT64_C(1758326400000) + served_ms(&w));
    cr_expect_str_eq(response->messageid, id);
    chat__message_response__free_unpacked(response, NULL);

    request.userid = (char *)"\x1b[31m";
    request.message = (char *)"a\nb";
    cr_assert_eq(chat_chat_service_send_message(w.channel, &request, &response, NULL, NULL),
                 VITRO_OK);
    chat__message_response__free_unpacked(response, NULL);
    fflush(w.heard);
    cr_expect_str_eq(w.said, "사용자1: 안녕하세요!\n\\u{1b}[31m: a\\u{a}b\n");
    served_end(&w);
}

static void on_notice(vitro_call *call, const Chat__Notification *n, void *user)
{
    char text[200];

    snprintf(text, sizeof text, "%s|%s|%s", n->id, n->title, n->content);
    see(user, text);
}

static const chat_chat_service_get_notifications_events notice_events = {
    { .size = sizeof(vitro_call_events),
      .on_headers = see_headers,
      .on_message = chat_chat_service_get_notifications_deliver,
      .on_closed = see_closed },
    on_notice,
};

static vitro_call *get_notices(struct served *w, struct seen *s)
{
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    vitro_call *call;

    memset(s, 0, sizeof *s);
    s->world = w;
    request.userid = (char *)"하나";
    cr_assert_eq(chat_chat_service_get_notifications_start(&call, w->channel, &request, NULL,
                                                           &notice_events, s, NULL),
                 VITRO_OK);
    return call;
}

#define NOTICE(n, title, at)                                                                       \
    "notif_" n "|알림 " title "|하나님에게 새로운 메시지가 있습니다.@" at " "

Test(serve, notifications_come_each_second_the_headers_with_the_first_and_the_end_at_six)
{
    struct served w;
    struct seen s;
    served_begin(&w, NULL);
    vitro_call_unref(get_notices(&w, &s));
    vitro_sim_run(w.sim);
    cr_expect_str_eq(s.text, "headers@1000 " NOTICE("0", "1", "1000") NOTICE("1", "2", "2000")
                                 NOTICE("2", "3", "3000") NOTICE("3", "4", "4000")
                                     NOTICE("4", "5", "5000") "OK@6000 ");
    served_end(&w);
}

Test(serve, notifications_stop_when_nobody_wants_them)
{
    for (int how = 0; how < 3; how++) {
        struct served w;
        struct seen s;
        served_begin(&w, NULL);
        vitro_call *call = get_notices(&w, &s);
        served_run_ms(&w, 2500);
        if (how == 0)
            vitro_call_cancel(call);
        else if (how == 1)
            cr_assert(vitro_sim_cut(w.sim, 0));
        else
            vitro_server_drain(w.server, 1, NULL, NULL); /* the rest is cut after a nanosecond */
        vitro_sim_run(w.sim);
        cr_expect(s.closed);
        cr_expect_neq(s.code, VITRO_OK);
        cr_expect_lt(served_ms(&w), 4000, "%d: a timer ran on until %" PRId64, how, served_ms(&w));
        vitro_call_unref(call);
        served_end(&w);
    }
}

Test(serve, an_upload_is_counted)
{
    struct served w;
    chat_chat_service_upload_files_writer writer;
    Chat__UploadResponse *response;
    uint8_t *bytes = calloc(1, 1 << 20);
    served_begin(&w, NULL);
    cr_assert_eq(chat_chat_service_upload_files(w.channel, &writer, NULL, NULL), VITRO_OK);
    for (int i = 0; i < 11; i++) {
        Chat__FileData file = CHAT__FILE_DATA__INIT;
        file.filename = (char *)"안녕.txt";
        file.data = (ProtobufCBinaryData){ i < 8 ? 1 << 20 : 16, bytes };
        cr_assert_eq(chat_chat_service_upload_files_write(&writer, &file, NULL), VITRO_OK);
    }
    cr_assert_eq(chat_chat_service_upload_files_finish(&writer, &response, NULL), VITRO_OK);
    cr_expect_eq(response->filecount, 11);
    cr_expect_eq(response->totalsize, (8 << 20) + 3 * 16);
    chat__upload_response__free_unpacked(response, NULL);
    free(bytes);
    served_end(&w);
}

static void on_echo(vitro_call *call, const Chat__ChatMessage *message, void *user)
{
    struct seen *s = user;
    char text[64];

    snprintf(text, sizeof text, "에코: %zu ", s->messages++);
    cr_expect_str_eq(message->userid, "서버");
    cr_expect_eq(strncmp(message->text, text, strlen(text)), 0, "not %s", text);
}

static const chat_chat_service_chat_events echo_events = {
    { .size = sizeof(vitro_call_events),
      .on_message = chat_chat_service_chat_deliver,
      .on_closed = see_closed },
    on_echo,
};

static void say_numbers(vitro_call *call, size_t n)
{
    char *text = malloc(1100);

    for (size_t i = 0; i < n; i++) {
        Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;
        memset(text, 'v', 1099);
        text[1099] = '\0';
        text[snprintf(text, 32, "%zu", i)] = ' ';
        message.userid = (char *)"하나";
        message.text = text;
        cr_assert_eq(chat_chat_service_chat_send(call, &message, 0, NULL, NULL), VITRO_OK);
    }
    free(text);
    vitro_call_send_end(call, NULL);
}

Test(serve, echoes_keep_their_order_and_who_does_not_read_them_is_not_read)
{
    struct served w;
    struct seen s = { .world = &w };
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;
    size_t n = 4000, held;
    served_begin(&w, NULL);
    options.manual_credit = true;
    cr_assert_eq(chat_chat_service_chat_start(&call, w.channel, &options, &echo_events, &s, NULL),
                 VITRO_OK);
    say_numbers(call, n);
    served_run_ms(&w, 1000);
    held = vitro_loop_memory(w.loops[0]).bytes + vitro_loop_memory(w.loops[1]).bytes;
    cr_expect_eq(s.messages, 0);
    cr_expect_lt(held, 1500000, "%zu bytes are held of %zu sent", held, n * 1100);
    vitro_call_credit(call, (uint32_t)n);
    vitro_sim_run(w.sim);
    cr_expect_eq(s.messages, n);
    cr_expect(s.closed);
    cr_expect_eq(s.code, VITRO_OK);
    vitro_call_unref(call);
    served_end(&w);
}

/* ---- UserService ---------------------------------------------------------------------------- */

Test(serve, a_user_is_found_or_not_found)
{
    struct served w;
    User__GetUserRequest request = USER__GET_USER_REQUEST__INIT;
    User__GetUserResponse *response;
    vitro_error err;
    static char longer[5000];
    served_begin(&w, NULL);
    request.userid = (char *)"123";
    cr_assert_eq(user_user_service_get_user(w.channel, &request, &response, NULL, NULL), VITRO_OK);
    cr_expect_str_eq(response->user->name, "John Doe");
    cr_expect_str_eq(response->user->email, "john@example.com");
    cr_expect_eq(response->user->age, 30);
    cr_expect(response->user->isactive);
    cr_expect_eq(user__user__get_packed_size(response->user), 32); /* not 33 */
    user__get_user_response__free_unpacked(response, NULL);

    request.userid = (char *)"없음";
    cr_assert_eq(user_user_service_get_user(w.channel, &request, &response, NULL, &err),
                 VITRO_NOT_FOUND);
    cr_expect_str_eq(err.frame[0].text, "no user '없음'");
    memset(longer, 'x', sizeof longer - 1);
    request.userid = longer;
    cr_assert_eq(user_user_service_get_user(w.channel, &request, &response, NULL, &err),
                 VITRO_NOT_FOUND);
    cr_expect_str_eq(err.frame[0].text, "no such user");
    served_end(&w);
}

/* ---- SensorService -------------------------------------------------------------------------- */

static void on_reading(vitro_call *call, const Sensor__SensorData *reading, void *user)
{
    struct seen *s = user;

    s->messages++;
    see(s, "reading");
    cr_expect(reading->temperature >= 20.5F && reading->temperature <= 26.5F);
    cr_expect(reading->humidity >= 45.0F && reading->humidity <= 65.0F);
}

static const sensor_sensor_service_get_sensor_data_events reading_events = {
    { .size = sizeof(vitro_call_events),
      .on_message = sensor_sensor_service_get_sensor_data_deliver,
      .on_closed = see_closed },
    on_reading,
};

Test(serve, a_sensor_reads_each_second_until_it_is_cancelled)
{
    struct served w;
    struct seen s = { .world = &w };
    Sensor__SensorRequest request = SENSOR__SENSOR_REQUEST__INIT;
    vitro_call *call;
    served_begin(&w, NULL);
    request.deviceid = (char *)"sensor001";
    cr_assert_eq(sensor_sensor_service_get_sensor_data_start(&call, w.channel, &request, NULL,
                                                             &reading_events, &s, NULL),
                 VITRO_OK);
    served_run_ms(&w, 2500);
    vitro_call_cancel(call);
    vitro_sim_run(w.sim);
    cr_expect_str_eq(s.text, "reading@0 reading@1000 reading@2000 CANCELLED@2500 ");
    cr_expect_lt(served_ms(&w), 4000, "its timer ran on until %" PRId64, served_ms(&w));
    vitro_call_unref(call);

    request.deviceid = (char *)"";
    s.text[0] = '\0';
    cr_assert_eq(sensor_sensor_service_get_sensor_data_start(&call, w.channel, &request, NULL,
                                                             &reading_events, &s, NULL),
                 VITRO_OK);
    vitro_sim_run(w.sim);
    cr_expect_eq(s.code, VITRO_INVALID_ARGUMENT);
    vitro_call_unref(call);
    served_end(&w);
}

Test(serve, a_sensor_leaves_readings_out_for_who_is_behind)
{
    struct served w;
    struct seen s = { .world = &w };
    Sensor__SensorRequest request = SENSOR__SENSOR_REQUEST__INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;
    size_t held;
    served_begin(&w, NULL);
    request.deviceid = (char *)"sensor001";
    options.manual_credit = true;
    cr_assert_eq(sensor_sensor_service_get_sensor_data_start(&call, w.channel, &request, &options,
                                                             &reading_events, &s, NULL),
                 VITRO_OK);
    served_run_ms(&w, INT64_C(50000) * 1000); /* of 15 bytes: far over a window */
    held = vitro_loop_memory(w.loops[0]).bytes + vitro_loop_memory(w.loops[1]).bytes;
    cr_expect_lt(held, 800000, "%zu bytes are held", held);
    vitro_call_cancel(call);
    vitro_sim_run(w.sim);
    vitro_call_unref(call);
    served_end(&w);
}
