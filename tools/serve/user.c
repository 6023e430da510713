/* user - UserService: who somebody is. The first row is the introduction's example. */
#include "user.vitro.h"

#include <string.h>

#include "base/util.h"
#include "serve/serve.h"

static const struct {
    const char *id, *name;
    int32_t age;
    const char *email;
    bool active;
} people[] = {
    { "123", "John Doe", 30, "john@example.com", true },
    { "사용자1", "김하나", 28, "hana@example.com", true },
    { "사용자2", "이두리", 35, "duri@example.com", false },
};

static void reply(vitro_call *call, size_t at)
{
    User__User user = USER__USER__INIT;
    User__GetUserResponse response = USER__GET_USER_RESPONSE__INIT;
    vitro_error err;

    user.name = serve_text(people[at].name);
    user.age = people[at].age;
    user.email = serve_text(people[at].email);
    user.isactive = people[at].active;
    response.user = &user;
    if (user_user_service_get_user_reply(call, &response, &err))
        serve_fail(call, &err);
}

static void get_user(vitro_call *call, const User__GetUserRequest *request, void *user)
{
    char text[160];

    (void)user;
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        if (strcmp(people[i].id, request->userid) == 0) {
            reply(call, i);
            return;
        }
    }
    if (snprintf(text, sizeof text, "no user '%s'", request->userid) >= (int)sizeof text)
        snprintf(text, sizeof text, "no such user"); /* rather than half a character */
    vitro_call_finish(call, VITRO_NOT_FOUND, text, NULL, NULL);
}

vitro_code serve_user(struct serve *s, vitro_server *server, vitro_error *err)
{
    static const user_user_service_handlers handlers = {
        .size = sizeof handlers,
        .get_user = get_user,
    };

    return user_user_service_register(server, &handlers, s, err);
}
