#include "crypto/fault.h"

#include <openssl/err.h>
#include <string.h>

void vitro_fault_clear(void)
{
    ERR_clear_error();
}

/* Memory that runs out deep inside is told there; what it did to those above comes before or after.
 */
struct fault vitro_fault_take(void)
{
    struct fault f = { ERR_peek_error(), false };

    for (unsigned long e; (e = ERR_get_error()) != 0;)
        f.no_memory |= ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE ||
                       ERR_GET_REASON(e) == ERR_R_INIT_FAIL; /* of a BIO: nothing else can fail */
    return f;
}

vitro_code vitro_fault(vitro_error *err, vitro_code code, const char *layer, const char *what)
{
    struct fault f = vitro_fault_take();
    const char *why = ERR_reason_error_string(f.first);
    char system[64];

    if (f.no_memory || !f.first)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, layer, 0, "%s: out of memory", what);
    if (ERR_SYSTEM_ERROR(f.first) &&
        strerror_r(ERR_GET_REASON(f.first), system, sizeof system) == 0)
        why = system;
    return vitro_fail(err, code, layer, 0, "%s: %s", what, why ? why : "it is refused");
}
