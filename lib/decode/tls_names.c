#include "decode/tls_names.h"

#include <stddef.h>

#include "base/util.h"

static const struct row {
    uint8_t registry;
    uint16_t number;
    const char *name, *section;
} rows[] = {
#define NAME(registry, number, name, section) { TLS_##registry, number, name, section },
#include "decode/tls_names.def"
};

/* Numbers that are offered only to see whether others pass them over (RFC 8701, 2). */
static const struct row grease = { 0, 0, "GREASE", "RFC 8701 2" };

static bool is_grease(enum tls_registry registry, uint32_t number)
{
    bool reserves = registry == TLS_SUITE || registry == TLS_EXTENSION || registry == TLS_GROUP ||
                    registry == TLS_SIGNATURE || registry == TLS_VERSION;

    return reserves && (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

static int compare(const struct row *row, enum tls_registry registry, uint32_t number)
{
    if (row->registry != registry)
        return row->registry < registry ? -1 : 1;
    return (row->number > number) - (row->number < number);
}

static const struct row *find(enum tls_registry registry, uint32_t number)
{
    size_t low = 0, high = ARRAY_LEN(rows);

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = compare(&rows[mid], registry, number);
        if (order == 0)
            return &rows[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return is_grease(registry, number) ? &grease : NULL;
}

const char *vitro_tls_name(enum tls_registry registry, uint32_t number)
{
    const struct row *row = find(registry, number);

    return row ? row->name : NULL;
}

const char *vitro_tls_section(enum tls_registry registry, uint32_t number)
{
    const struct row *row = find(registry, number);

    return row ? row->section : NULL;
}

bool vitro_tls_is_hex(enum tls_registry registry)
{
    return registry == TLS_VERSION || registry == TLS_SUITE || registry == TLS_GROUP ||
           registry == TLS_SIGNATURE;
}
