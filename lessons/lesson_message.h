/*
 * lesson_message - messages that no connection carries: shown in the trace, and as JSON.
 */
#ifndef LESSON_MESSAGE_H
#define LESSON_MESSAGE_H

#include "lesson.h"
#include "vitro/pb.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Put the bytes of a message into the trace: a note of the kind `message`, which decodes as the
 * message that it claims to be, damaged or not. On stdout, when nobody watches, its name and
 * length.
 *
 * @param name   what it is called here: a word of its own for selectors.
 * @param file   the .proto file of its type; its schema is written once.
 * @param type   full name: "user.User".
 * @param bytes  lent.
 */
void lesson_message(lesson *l, const char *name, const vitro_pb_file *file, const char *type,
                    vitro_bytes bytes);

/**
 * The JSON of a message, in protobuf's JSON mapping, without a blank that is not needed.
 *
 * @param file   of its type, which is the full name of one in it.
 * @param bytes  lent.
 * @param out    filled, ends with NUL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for a type that the file lacks; VITRO_INTERNAL when
 *         bytes are no such message; VITRO_RESOURCE_EXHAUSTED when room is too small.
 */
VITRO_CHECKED vitro_code lesson_json(const vitro_pb_file *file, const char *type, vitro_bytes bytes,
                                     char *out, size_t room, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
