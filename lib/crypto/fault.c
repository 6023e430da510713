#include "crypto/fault.h"

#include <openssl/err.h>
#include <string.h>

void vitro_fault_clear(void)
{
    ERR_clear_error();
}

vitro_code vitro_fault(vitro_error *err, vitro_code code, const char *layer, const char *what)
{
    unsigned long first = ERR_get_error();
    const char *why = ERR_reason_error_string(first);
    char system[64];

    if (ERR_SYSTEM_ERROR(first) && strerror_r(ERR_GET_REASON(first), system, sizeof system) == 0)
        why = system;
    if (!first || ERR_GET_REASON(first) == ERR_R_MALLOC_FAILURE)
        why = "out of memory";
    ERR_clear_error();
    return vitro_fail(err, code, layer, 0, "%s: %s", what, why ? why : "it is refused");
}
