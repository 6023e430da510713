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

/* vitro_fail with that text and the number. */
vitro_code vitro_fail_system(vitro_error *err, vitro_code code, const char *layer, int number);

#ifdef __cplusplus
}
#endif
#endif
