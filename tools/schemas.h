/*
 * schemas - protobuf types for the decoder: those that ship, descriptor sets, .proto files.
 */
#ifndef VITRO_TOOLS_SCHEMAS_H
#define VITRO_TOOLS_SCHEMAS_H

#include "vitro/lab/decode.h"

/* The types of the schemas that ship with vitro. */
vitro_code schemas_add_shipped(vitro_decode *d, vitro_error *err);

/* A file that protoc -o wrote. */
vitro_code schemas_add_set(vitro_decode *d, const char *path, vitro_error *err);

/* .proto files, through protoc. dirs: where they and their imports are. */
vitro_code schemas_add_proto(vitro_decode *d, char *const *files, size_t file_count,
                             char *const *dirs, size_t dir_count, vitro_error *err);

#endif
