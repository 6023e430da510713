#include "io/system.h"

#include <netdb.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

const char *vitro_system_text(int number)
{
#ifdef __GLIBC__
    const char *text = strerrordesc_np(number);
#else
    const char *text = strerror(number);
#endif
    return text ? text : "unknown error";
}

/* gai_strerror speaks the language of the program's locale. */
static const struct {
    int number;
    const char *text;
} lookups[] = {
    { EAI_NONAME, "Name or service not known" },
    { EAI_NODATA, "No address associated with hostname" },
    { EAI_AGAIN, "Temporary failure in name resolution" },
    { EAI_FAIL, "Non-recoverable failure in name resolution" },
    { EAI_MEMORY, "Memory allocation failure" },
    { EAI_SYSTEM, "System error" },
};

const char *vitro_lookup_text(int number)
{
    for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
        if (lookups[i].number == number)
            return lookups[i].text;
    }
    return "Name resolution failed";
}

vitro_code vitro_fail_system(vitro_error *err, vitro_code code, const char *layer, int number)
{
    return vitro_fail(err, code, layer, number, "%s", vitro_system_text(number));
}
