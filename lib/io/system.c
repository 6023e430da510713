#include "io/system.h"

#include <string.h>

#include "base/error.h"

const char *vitro_system_text(int number)
{
#ifdef __GLIBC__
    const char *text = strerrordesc_np(number);
#else
    const char *text = strerror(number);
#endif
    return text ? text : "unknown error";
}

vitro_code vitro_fail_system(vitro_error *err, vitro_code code, const char *layer, int number)
{
    return vitro_fail(err, code, layer, number, "%s", vitro_system_text(number));
}
