/*
 * schema_record - messages of descriptor.proto read into records, by tables.
 *
 * A table says which field of a descriptor message goes where in a record of ours; what has
 * another number or wire type is passed over. Lists are read in two passes, count and fill.
 * Source: google/protobuf/descriptor.proto, whose field numbers stand in the tables.
 */
#ifndef VITRO_PB_SCHEMA_RECORD_H
#define VITRO_PB_SCHEMA_RECORD_H

#include "pb/schema.h"
#include "pb/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pb_rule_kind { PB_RULE_TEXT, PB_RULE_INT, PB_RULE_FLAG, PB_RULE_COUNT, PB_RULE_INSIDE };

struct pb_rule {
    uint32_t number;
    enum pb_rule_kind kind;
    size_t offset;                /* in the record */
    const struct pb_rule *inside; /* PB_RULE_INSIDE: a sub-message's fields, into the same record */
};

struct pb_file_record {
    vitro_str name, package, syntax;
};

struct pb_message_record {
    vitro_str name;
    size_t fields, oneofs;
    bool map_entry;
};

struct pb_field_record {
    vitro_str name, type_name, default_value, json_name;
    int32_t number, label, type, oneof, packed;
    bool proto3_optional;
};

struct pb_named_record { /* oneofs, enums and services; their lists are field 2 */
    vitro_str name;
    size_t parts;
};

extern const struct pb_rule vitro_pb_file_rules[], vitro_pb_message_rules[], vitro_pb_field_rules[],
    vitro_pb_named_rules[], vitro_pb_enum_value_rules[], vitro_pb_method_rules[];

/* Fill the record with what bytes say of it; text is lent from bytes. */
enum pb_fault vitro_pb_read_record(vitro_bytes bytes, const struct pb_rule *rules, void *record);

/* The next part of a list: field `number` of a message that vitro_pb_read_record found sound. */
bool vitro_pb_next_part(struct pb_reader *r, uint32_t number, vitro_bytes *part);

#ifdef __cplusplus
}
#endif
#endif
