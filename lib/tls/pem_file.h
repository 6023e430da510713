/*
 * pem_file - the text of a certificate or a key, from wherever the application has it.
 */
#ifndef VITRO_TLS_PEM_FILE_H
#define VITRO_TLS_PEM_FILE_H

#include "crypto/pem.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Take the text of a file, or when path is NULL a copy of given, which is called what. With
 * neither p stays empty. INVALID_ARGUMENT when the file cannot be read: io/file.h.
 */
vitro_code vitro_pem_read(struct pem *p, const char *path, vitro_bytes given, const char *what,
                          vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
