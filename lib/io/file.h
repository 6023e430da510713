/*
 * file - all of a small file at once: a certificate, a key.
 *
 * Only a regular file is read: it has a size and answers. A pipe, a terminal or a device may do
 * neither, and whoever waited for it here would keep the connections of a loop waiting.
 */
#ifndef VITRO_IO_FILE_H
#define VITRO_IO_FILE_H

#include "base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Append the bytes of a file, in one allocation when the buffer was empty. INVALID_ARGUMENT, with
 * the path, for what cannot be read, is no regular file, or is more than the buffer may hold;
 * RESOURCE_EXHAUSTED out of memory. Never blocks but for the disk.
 */
vitro_code vitro_file_read(struct buf *into, const char *path, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
