/*
 * stub_external - stubs of ours over messages that protoc-c made (messages=external).
 */
#include <criterion/criterion.h>
#include <string.h>

#include "external/echo.vitro.h"
#include "vitro/lab/sim.h"

static void say(vitro_call *call, const External__Text *request, void *user)
{
    cr_assert_eq(external_echo_say_reply(call, request, NULL), VITRO_OK);
}

static void repeat(vitro_call *call, const External__Text *request, void *user)
{
    for (size_t i = 0; i < strlen(request->text); i++) {
        cr_assert_eq(external_echo_repeat_respond(call, request, NULL, NULL), VITRO_OK);
    }
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

Test(stub_external, calls_carry_the_messages_of_protoc_c)
{
    vitro_sim *sim;
    vitro_loop *home, *away;
    vitro_server *server;
    vitro_channel *channel;
    vitro_sim_options options = VITRO_SIM_OPTIONS_INIT;
    external_echo_handlers handlers = EXTERNAL_ECHO_HANDLERS_INIT;
    External__Text request = EXTERNAL__TEXT__INIT, *response = NULL;
    external_echo_repeat_reader reader;
    int count = 0;

    handlers.say = say;
    handlers.repeat = repeat;
    request.text = (char *)"abc";
    cr_assert_eq(vitro_sim_new(&sim, &options, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &home, "server", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &away, "client", NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&server, &home, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(external_echo_register(server, &handlers, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(server, "sim:echo", NULL, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_channel_new(&channel, away, "sim:echo", NULL, NULL), VITRO_OK);

    cr_assert_eq(external_echo_say(channel, &request, &response, NULL, NULL), VITRO_OK);
    cr_expect_str_eq(response->text, "abc");
    vitro_pb_free(&response->base);
    cr_assert_eq(external_echo_repeat(channel, &request, &reader, NULL, NULL), VITRO_OK);
    while (external_echo_repeat_read(&reader, &response, NULL) == VITRO_OK && response) {
        vitro_pb_free(&response->base);
        count++;
    }
    cr_expect_eq(count, 3);
    cr_expect_eq(external_echo_repeat_close(&reader, NULL, NULL), VITRO_OK);

    vitro_channel_free(channel);
    vitro_server_free(server);
    vitro_loop_unref(home);
    vitro_loop_unref(away);
    vitro_sim_free(sim);
}

Test(stub_external, the_embedded_file_brings_its_imports_with_it)
{
    static uint8_t set[4096];
    const vitro_pb_file *file = &external_echo_proto_file;
    cr_expect_str_eq(file->name, "external/echo.proto");
    cr_expect_gt(vitro_pb_file_set(&file, 1, set, sizeof set), file->descriptor_len);
}
