/*
 * refuse - see refuse.h. Extensions are no reason: as with protobuf-c they arrive among a
 * message's unknown fields, and are written again from there.
 */
#include "refuse.h"

#include <string.h>

#include "text.h"

static void refuse_message(const struct message *m, void *user)
{
    char **error = user;
    if (*error) {
        return;
    }
    if (m->proto->options && m->proto->options->message_set_wire_format) {
        *error = text_of("%s: %s asks for message_set_wire_format, which is made of groups; "
                         "use google.protobuf.Any",
                         place_text(m->type.place), m->type.full);
    }
    for (size_t i = 0; i < m->n_fields && !*error; i++) {
        const struct field *f = &m->fields[i];
        if (f->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP) {
            *error = text_of("%s: field %s of %s is a group; make it a field of a message type",
                             place_text(f->place), f->proto->name, m->type.full);
        }
    }
}

static char *refuse_import(const struct file *f)
{
    for (size_t i = 0; i < f->proto->n_dependency; i++) {
        if (!strcmp(f->proto->dependency[i], "protobuf-c/protobuf-c.proto")) {
            struct place place = place_find(f, (const int32_t[]){ 3, (int32_t)i }, 2);
            return text_of("%s: the options of protobuf-c.proto change names in ways that are not "
                           "known here; remove them, or use protoc-c and messages=external",
                           place_text(place));
        }
    }
    return NULL;
}

char *refuse(const struct file *f)
{
    const char *syntax = f->proto->syntax ? f->proto->syntax : "proto2";
    if (strcmp(syntax, "proto2") != 0 && strcmp(syntax, "proto3") != 0) {
        return text_of("%s: %s is not supported; write syntax = \"proto3\" or \"proto2\"",
                       place_text(f->place), syntax);
    }
    char *error = refuse_import(f);
    each_message(f, OUTER_FIRST, refuse_message, &error);
    return error;
}
