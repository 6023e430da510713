#include "ndjson_message.h"

#include <string.h>

static void value_of(struct json_out *j, const char *key, const vitro_item_field *f)
{
    if (f->bare_number)
        json_raw(j, key, f->value);
    else if (f->bare_text)
        json_text(j, key, f->value);
    else
        json_hex(j, key, f->value);
}

static void readings(struct json_out *j, const vitro_item_field *f)
{
    json_open(j, "readings", '[');
    for (size_t i = 0; i < f->reading_count; i++) {
        bool bytes = strcmp(f->readings[i].type, "bytes") == 0 ||
                     strcmp(f->readings[i].type, "message") == 0;
        json_open(j, NULL, '{');
        json_text(j, "type", vitro_str_of(f->readings[i].type));
        if (bytes)
            json_hex(j, "value", f->readings[i].value);
        else
            json_text(j, "value", f->readings[i].value);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* The field at i with what is inside it; returns where the next one may stand. */
static size_t field(struct json_out *j, const vitro_detail *dt, size_t i)
{
    const vitro_item *item = &dt->items[i];
    const vitro_item_field *f = item->field;
    size_t next = i + 1;
    bool inner = false;

    json_open(j, NULL, '{');
    if (f->name.len)
        json_text(j, "protobuf.field.name", f->name);
    json_number(j, "protobuf.field.number", f->number);
    json_number(j, "protobuf.field.wiretype", f->wiretype);
    if (f->type)
        json_text(j, "protobuf.field.type", vitro_str_of(f->type));
    for (; next < dt->count && dt->items[next].depth > item->depth; next++)
        inner |= dt->items[next].field != NULL;
    if (f->reading_count)
        readings(j, f);
    else if (!inner &&
             (f->value.len || f->bare_text || !f->type || strcmp(f->type, "message") != 0))
        value_of(j, "protobuf.field.value", f);
    if (!(item->bits & VITRO_ITEM_DERIVED)) {
        json_number(j, "off", item->span.offset);
        json_number(j, "len", item->span.length);
    }
    if (inner && item->text.len) /* google.protobuf.Any holds it */
        json_text(j, "protobuf.message.name", item->text);
    if (inner || (f->type && strcmp(f->type, "message") == 0 && !f->reading_count))
        ndjson_fields(j, dt, i + 1, item->depth + 1U);
    json_close(j, '}');
    return next;
}

size_t ndjson_fields(struct json_out *j, const vitro_detail *dt, size_t i, unsigned depth)
{
    json_open(j, "fields", '[');
    while (i < dt->count && dt->items[i].depth >= depth) {
        if (dt->items[i].depth == depth && dt->items[i].field)
            i = field(j, dt, i);
        else
            i++;
    }
    json_close(j, ']');
    return i;
}

/* A compressed message: its fields stand in what it inflates to, if it does. */
static void inflated(struct json_out *j, const vitro_detail *dt)
{
    const vitro_item *data = &dt->items[0];
    char name[64];

    if (data->bits & VITRO_ITEM_UNKNOWN) {
        json_text(j, "unknown", data->text);
        return;
    }
    json_number(j, "inflated", data->number);
    ndjson_fields(j, dt, 1, 1);
    if (dt->count > 1) {
        vitro_span_name(&dt->items[1].span, name, sizeof name);
        json_text(j, "fields.src", vitro_str_of(name));
    }
}

void ndjson_message(struct json_out *j, const vitro_event *ev, const vitro_detail *dt)
{
    if (ev->conn != VITRO_NO_CONN)
        json_number(j, "http2.streamid", ev->stream);
    if (ev->kind == VITRO_EVENT_PROTOBUF) {
        if (dt->key && strcmp(dt->key, "pb.message") == 0 && dt->title.len &&
            !memchr(dt->title.ptr, ' ', dt->title.len))
            json_text(j, "protobuf.message.name", dt->title);
        if (dt->count && strcmp(dt->items[0].name, "grpc.message_data") == 0)
            inflated(j, dt);
        else
            ndjson_fields(j, dt, 0, 0);
        return;
    }
    for (size_t i = 0; i < dt->count; i++)
        json_number(j, dt->items[i].name, dt->items[i].number);
    if (dt->path.len)
        json_text(j, "grpc.path", dt->path);
    if (dt->encoding.len)
        json_text(j, "grpc.encoding", dt->encoding);
}

void ndjson_held_messages(struct json_out *j, const vitro_detail *dt)
{
    json_open(j, "messages", '[');
    for (size_t i = 0; i < dt->count; i++) {
        const vitro_item *group = &dt->items[i];
        if (strcmp(group->name, "grpc.message") != 0)
            continue;
        json_open(j, NULL, '{');
        for (; i + 1 < dt->count && strncmp(dt->items[i + 1].name, "grpc.", 5) == 0 &&
               dt->items[i + 1].depth > group->depth;
             i++) {
            if (dt->items[i + 1].form == VITRO_ITEM_NUMBER)
                json_number(j, dt->items[i + 1].name, dt->items[i + 1].number);
        }
        if (group->text.len && !memchr(group->text.ptr, ' ', group->text.len))
            json_text(j, "protobuf.message.name", group->text);
        ndjson_fields(j, dt, i + 1, group->depth + 1U);
        json_close(j, '}');
    }
    json_close(j, ']');
}
