/*
 * schemas - protobuf types for the decoder: those that ship, descriptor sets, .proto files.
 */
#ifndef VITRO_TOOLS_SCHEMAS_H
#define VITRO_TOOLS_SCHEMAS_H

#include "vitro/lab/decode.h"
#include "vitro/pb.h"

/* The types of the schemas that ship with vitro, for want of what the trace says. */
vitro_code schemas_add_shipped(vitro_decode *d, vitro_error *err);

/* A file that protoc -o wrote. */
vitro_code schemas_add_set(vitro_decode *d, const char *path, vitro_error *err);

/* .proto files, through protoc. dirs: where they and their imports are. */
vitro_code schemas_add_proto(vitro_decode *d, char *const *protos, size_t file_count,
                             char *const *dirs, size_t dir_count, vitro_error *err);

/*
 * The same for other places than a decoder: add is handed serialized FileDescriptorSets, lent
 * until it returns.
 */
struct schema_sink {
    vitro_code (*add)(void *to, vitro_bytes set, vitro_error *err);
    void *to;
};
vitro_code schemas_give_shipped(const struct schema_sink *sink, vitro_error *err);
/* Of them, what services of any kind may use: details of errors, what google.protobuf.Any holds. */
vitro_code schemas_give_common(const struct schema_sink *sink, vitro_error *err);
vitro_code schemas_give_set(const struct schema_sink *sink, const char *path, vitro_error *err);
vitro_code schemas_give_proto(const struct schema_sink *sink, char *const *protos,
                              size_t file_count, char *const *dirs, size_t dir_count,
                              vitro_error *err);

/* Of the files that ship, the one with this name, such as "chat.proto"; NULL: none. */
const vitro_pb_file *schemas_shipped_file(vitro_str name);

#endif
