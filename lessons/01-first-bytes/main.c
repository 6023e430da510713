/*
 * 01-first-bytes - a message as bytes: protobuf beside JSON, counted. No network.
 *
 * The structs are in user.vitro.h, which protoc-gen-vitro made of proto/user.proto.
 */
#include <stdio.h>
#include <string.h>

#include "../lesson_message.h"
#include "user.vitro.h"

enum { ROOM = 256 };

static void show(lesson *l, const char *name, const uint8_t *bytes, size_t len)
{
    lesson_message(l, name, &user_proto_file, "user.User", (vitro_bytes){ bytes, len });
}

/* The introduction's user: four fields, all set. Returns how many bytes there are. */
static size_t pack_john(uint8_t *bytes)
{
    User__User user = USER__USER__INIT;
    char name[] = "John Doe", email[] = "john@example.com";

    user.name = name;
    user.age = 30;
    user.email = email;
    user.isactive = true;
    return user__user__pack(&user, bytes);
}

/* Another one: no email, not active, and older than one byte of a varint can say. */
static size_t pack_ada(uint8_t *bytes)
{
    User__User user = USER__USER__INIT;
    char name[] = "Ada";

    user.name = name;
    user.age = 200;
    user.isactive = false;
    return user__user__pack(&user, bytes);
}

/* ---- the same as JSON ----------------------------------------------------------------------- */

/* What stands for each sign of JSON, outside of texts. */
struct layout {
    const char *name;
    const char *open, *close, *colon, *comma;
};

static const struct layout layouts[] = {
    { "without blanks", "{", "}", ":", "," },
    { "on one line", "{", "}", ": ", ", " },
    { "a line for each field", "{\n  ", "\n}", ": ", ",\n  " },
};

static const char *sign(const struct layout *how, char c)
{
    switch (c) {
    case '{':
        return how->open;
    case '}':
        return how->close;
    case ':':
        return how->colon;
    case ',':
        return how->comma;
    default:
        return NULL;
    }
}

/* Lay out an object without objects in it anew. Returns its length. */
static size_t lay_out(const struct layout *how, const char *json, char *out)
{
    bool text = false;
    size_t len = 0;

    for (; *json; json++) {
        const char *as = text ? NULL : sign(how, *json);
        text ^= *json == '"'; /* this user has no quote in a text */
        len += (size_t)snprintf(out + len, ROOM - len, as ? "%s" : "%.1s", as ? as : json);
    }
    return len;
}

static void count(lesson *l, const char *json, size_t message)
{
    char laid[ROOM];

    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        lesson_say(l, "JSON: %s %zu bytes", layouts[i].name, lay_out(&layouts[i], json, laid));
    lesson_say(l, "protobuf: %zu bytes, and %zu with its length in front", message,
               message + 1); /* a length below 128 is one byte */
}

/* ---- and broken ----------------------------------------------------------------------------- */

/* Show bytes that are no message, and what the library says to them. */
static void refuse(lesson *l, const char *name, const uint8_t *bytes, size_t len)
{
    ProtobufCMessage *message;
    vitro_error err = { 0 };

    show(l, name, bytes, len);
    if (vitro_pb_unpack(&message, &user__user__descriptor, (vitro_bytes){ bytes, len }, NULL, &err))
        lesson_say(l, "%s: refused, %s", name, err.frame[0].text);
    else
        vitro_pb_free(message);
}

static void break_some(lesson *l, const uint8_t *john, size_t len)
{
    uint8_t endless[] = { 2 << 3, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1 };
    uint8_t nameless[] = { 0 << 3, 30 };

    refuse(l, "cut", john, len - 1);
    refuse(l, "endless", endless, sizeof endless);
    refuse(l, "nameless", nameless, sizeof nameless);
}

static vitro_code play(lesson *l, vitro_error *err)
{
    uint8_t john[ROOM], ada[ROOM];
    char json[ROOM];
    size_t len = pack_john(john);
    vitro_code rc = lesson_json(&user_proto_file, "user.User", (vitro_bytes){ john, len }, json,
                                sizeof json, err);

    if (rc)
        return rc;
    lesson_say(l, "text: %s", json);
    show(l, "John", john, len);
    count(l, json, len);
    show(l, "Ada", ada, pack_ada(ada));
    break_some(l, john, len);
    return VITRO_OK;
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
