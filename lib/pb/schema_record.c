#include "pb/schema_record.h"

#include <string.h>

#define RULES_END                                                                                  \
    {                                                                                              \
        0, PB_RULE_TEXT, 0, NULL                                                                   \
    }

const struct pb_rule vitro_pb_file_rules[] = {
    { 1, PB_RULE_TEXT, offsetof(struct pb_file_record, name), NULL },
    { 2, PB_RULE_TEXT, offsetof(struct pb_file_record, package), NULL },
    { 12, PB_RULE_TEXT, offsetof(struct pb_file_record, syntax), NULL },
    RULES_END,
};

static const struct pb_rule message_options_rules[] = {
    { 7, PB_RULE_FLAG, offsetof(struct pb_message_record, map_entry), NULL },
    RULES_END,
};
const struct pb_rule vitro_pb_message_rules[] = {
    { 1, PB_RULE_TEXT, offsetof(struct pb_message_record, name), NULL },
    { 2, PB_RULE_COUNT, offsetof(struct pb_message_record, fields), NULL },
    { 7, PB_RULE_INSIDE, 0, message_options_rules },
    { 8, PB_RULE_COUNT, offsetof(struct pb_message_record, oneofs), NULL },
    RULES_END,
};

static const struct pb_rule field_options_rules[] = {
    { 2, PB_RULE_INT, offsetof(struct pb_field_record, packed), NULL },
    RULES_END,
};
const struct pb_rule vitro_pb_field_rules[] = {
    { 1, PB_RULE_TEXT, offsetof(struct pb_field_record, name), NULL },
    { 3, PB_RULE_INT, offsetof(struct pb_field_record, number), NULL },
    { 4, PB_RULE_INT, offsetof(struct pb_field_record, label), NULL },
    { 5, PB_RULE_INT, offsetof(struct pb_field_record, type), NULL },
    { 6, PB_RULE_TEXT, offsetof(struct pb_field_record, type_name), NULL },
    { 7, PB_RULE_TEXT, offsetof(struct pb_field_record, default_value), NULL },
    { 8, PB_RULE_INSIDE, 0, field_options_rules },
    { 9, PB_RULE_INT, offsetof(struct pb_field_record, oneof), NULL },
    { 10, PB_RULE_TEXT, offsetof(struct pb_field_record, json_name), NULL },
    { 17, PB_RULE_FLAG, offsetof(struct pb_field_record, proto3_optional), NULL },
    RULES_END,
};

const struct pb_rule vitro_pb_named_rules[] = {
    { 1, PB_RULE_TEXT, offsetof(struct pb_named_record, name), NULL },
    { 2, PB_RULE_COUNT, offsetof(struct pb_named_record, parts), NULL },
    RULES_END,
};
const struct pb_rule vitro_pb_enum_value_rules[] = {
    { 1, PB_RULE_TEXT, offsetof(struct pb_enum_value, name), NULL },
    { 2, PB_RULE_INT, offsetof(struct pb_enum_value, number), NULL },
    RULES_END,
};
const struct pb_rule vitro_pb_method_rules[] = {
    { 1, PB_RULE_TEXT, offsetof(struct pb_method_type, name), NULL },
    { 2, PB_RULE_TEXT, offsetof(struct pb_method_type, input_name), NULL },
    { 3, PB_RULE_TEXT, offsetof(struct pb_method_type, output_name), NULL },
    { 5, PB_RULE_FLAG, offsetof(struct pb_method_type, client_streaming), NULL },
    { 6, PB_RULE_FLAG, offsetof(struct pb_method_type, server_streaming), NULL },
    RULES_END,
};

/* Step over one field, groups whole. Loop while r->at < r->end. */
static enum pb_fault next_field(struct pb_reader *r, struct pb_token *t)
{
    enum pb_fault fault = vitro_pb_read(r, t);
    size_t body_end;

    if (!fault && t->wire == PB_END)
        fault = PB_FAULT_GROUP_END;
    if (!fault && t->wire == PB_START)
        fault = vitro_pb_skip_group(r, t->number, PB_DEPTH, &body_end);
    return fault;
}

static enum pb_fault apply(const struct pb_rule *rule, const struct pb_token *t, vitro_bytes value,
                           void *record)
{
    bool varint = rule->kind == PB_RULE_INT || rule->kind == PB_RULE_FLAG;
    uint8_t *at = (uint8_t *)record + rule->offset;
    vitro_str text = { (const char *)value.ptr, value.len };
    int32_t number = (int32_t)(uint32_t)t->value;

    if (t->wire != (varint ? PB_VARINT : PB_LEN))
        return PB_FAULT_NONE;
    switch (rule->kind) {
    case PB_RULE_TEXT:
        memcpy(at, &text, sizeof text);
        break;
    case PB_RULE_INT:
        memcpy(at, &number, sizeof number);
        break;
    case PB_RULE_FLAG:
        *(bool *)at = t->value != 0;
        break;
    case PB_RULE_COUNT:
        ++*(size_t *)(void *)at;
        break;
    case PB_RULE_INSIDE:
        return vitro_pb_read_record(value, rule->inside, record);
    }
    return PB_FAULT_NONE;
}

enum pb_fault vitro_pb_read_record(vitro_bytes bytes, const struct pb_rule *rules, void *record)
{
    struct pb_reader r = pb_reader_of(bytes);
    enum pb_fault fault = PB_FAULT_NONE;

    while (!fault && r.at < r.end) {
        struct pb_token t;
        const struct pb_rule *rule = rules;

        fault = next_field(&r, &t);
        if (fault)
            break;
        while (rule->number && rule->number != t.number)
            rule++;
        if (rule->number)
            fault = apply(rule, &t, pb_token_bytes(&r, &t), record);
    }
    return fault;
}

bool vitro_pb_next_part(struct pb_reader *r, uint32_t number, vitro_bytes *part)
{
    while (r->at < r->end) {
        struct pb_token t;

        if (next_field(r, &t))
            return false;
        if (t.number == number && t.wire == PB_LEN) {
            *part = pb_token_bytes(r, &t);
            return true;
        }
    }
    return false;
}
