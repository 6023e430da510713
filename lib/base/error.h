/*
 * error - how a failure travels: vitro_fail starts the chain, vitro_wrap adds a frame on the way
 * up, both return the code, so that a function ends with `return vitro_fail(...)`.
 *
 * Also here: sized option structs, the other half of every public signature.
 */
#ifndef VITRO_BASE_ERROR_H
#define VITRO_BASE_ERROR_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start a chain. layer is static text; native is the foreign code or 0; err may be NULL. */
vitro_code vitro_fail(vitro_error *err, vitro_code code, const char *layer, int32_t native,
                      const char *format, ...) VITRO_PRINTF(5, 6);

/* Add a cause on the way up. When all frames are in use the newest one is overwritten. */
vitro_code vitro_wrap(vitro_error *err, vitro_code code, const char *layer, const char *format, ...)
    VITRO_PRINTF(4, 5);

/*
 * Read a sized option struct of any version into dst of ours: what an older caller does not
 * know becomes zero (the default). False when the caller is newer and asks for something that
 * we do not know, or when its size field cannot be right. src may be NULL: all defaults.
 */
bool vitro_options_import(void *dst, size_t dst_size, const void *src);

/* What is said of options that were not imported. @return VITRO_INVALID_ARGUMENT. */
vitro_code vitro_options_refuse(const char *layer, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
