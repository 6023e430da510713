#include "vitro/version.h"

const char *vitro_library_version(void)
{
    return VITRO_VERSION;
}
