/*
 * system - an errno as an error of ours, in the C locale whatever the program's is.
 */
#ifndef VITRO_IO_SYSTEM_H
#define VITRO_IO_SYSTEM_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "Connection refused" for ECONNREFUSED; static text. */
const char *vitro_system_text(int number);

/* "Name or service not known" for EAI_NONAME, for what getaddrinfo returns; static text. */
const char *vitro_lookup_text(int number);

/* vitro_fail with the text of an errno, and the number. */
vitro_code vitro_fail_system(vitro_error *err, vitro_code code, const char *layer, int number);

#ifdef __cplusplus
}
#endif
#endif
