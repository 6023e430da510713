/* defaults - what an option is when it is zero, of channels and servers alike. */
#ifndef VITRO_RPC_DEFAULTS_H
#define VITRO_RPC_DEFAULTS_H

#include "base/error.h"
#include "base/util.h"
#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DEFAULT_MAX_RECV = 4 * 1024 * 1024,
    DEFAULT_MAX_HEADERS = 8 * 1024,
    DEFAULT_WINDOW = 65535,
    DEFAULT_MAX_WINDOW = 4 * 1024 * 1024,
    DEFAULT_KEEPALIVE_TIMEOUT = 20000 /* ms */
};

static inline void option_default(uint32_t *option, uint32_t value)
{
    if (*option == 0)
        *option = value;
}

/* An option in ms that may be for ever: UINT32_MAX is INT64_MAX. */
static inline int64_t option_ns(uint32_t ms)
{
    return ms == UINT32_MAX ? INT64_MAX : (int64_t)ms * 1000000;
}

/* INVALID_ARGUMENT for a window that HTTP/2 does not allow (RFC 9113, 6.9.1). */
static inline vitro_code option_windows(uint32_t *window, uint32_t *max_window, const char *layer,
                                        vitro_error *err)
{
    option_default(window, DEFAULT_WINDOW);
    option_default(max_window, DEFAULT_MAX_WINDOW);
    *max_window = MAX(*max_window, *window);
    if (*max_window <= INT32_MAX)
        return VITRO_OK;
    return vitro_fail(err, VITRO_INVALID_ARGUMENT, layer, 0, "a window is over 2^31-1");
}

#ifdef __cplusplus
}
#endif
#endif
