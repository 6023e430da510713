#include "wire/content_type.h"

#include <string.h>

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c + ('a' - 'A'));
    return c;
}

bool vitro_content_type_is_grpc(vitro_str value, vitro_str *codec)
{
    static const char grpc[] = "application/grpc";
    const size_t len = sizeof grpc - 1;
    vitro_str after;
    const char *parameters;

    if (codec)
        *codec = (vitro_str){ "", 0 };
    if (value.len < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (lower(value.ptr[i]) != grpc[i])
            return false;
    }
    if (value.len == len || value.ptr[len] == ';')
        return true;
    if (value.ptr[len] != '+')
        return false;
    after = (vitro_str){ value.ptr + len + 1, value.len - len - 1 };
    parameters = after.len ? memchr(after.ptr, ';', after.len) : NULL;
    if (parameters)
        after.len = (size_t)(parameters - after.ptr);
    while (after.len && after.ptr[after.len - 1] == ' ')
        after.len--;
    if (codec)
        *codec = after;
    return true;
}
