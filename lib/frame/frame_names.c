#include "frame/frame.h"

#include "base/util.h"

const uint8_t vitro_frame_preface[FRAME_PREFACE_BYTES] = { 'P', 'R', 'I',  ' ',  '*',  ' ',
                                                           'H', 'T', 'T',  'P',  '/',  '2',
                                                           '.', '0', '\r', '\n', '\r', '\n',
                                                           'S', 'M', '\r', '\n', '\r', '\n' };

static const struct type_name {
    const char *name, *section;
} types[] = {
#define X(id, number, name, rule, least, most, section) [number] = { name, section },
#include "frame/frame_types.def"
#undef X
};

static const struct flag_name {
    uint8_t type, bit;
    const char *name, *section;
} flags[] = {
#define X(type, bit, name, section) { FRAME_##type, bit, name, section },
#include "frame/frame_flags.def"
#undef X
};

static const struct setting_name {
    const char *name, *section;
    uint32_t initial;
} settings[] = {
#define X(id, number, name, initial, least, most, reason, section)                                 \
    [number] = { name, section, initial },
#include "frame/frame_settings.def"
#undef X
};

static const char *const errors[] = {
#define X(id, number) [number] = #id,
#include "frame/frame_errors.def"
#undef X
};

static const char *const fields[] = {
#define X(id, name) name,
#include "frame/frame_fields.def"
#undef X
};

static const struct frame_wrong_info wrongs[] = {
#define X(id, code, scope, text, section) { #id, text, section, H2_##code, FRAME_SCOPE_##scope },
#include "frame/frame_wrongs.def"
#undef X
};

const char *vitro_frame_type_name(uint8_t type)
{
    return type < ARRAY_LEN(types) ? types[type].name : NULL;
}

const char *vitro_frame_type_section(uint8_t type)
{
    return type < ARRAY_LEN(types) ? types[type].section : NULL;
}

uint8_t vitro_frame_type_flags(uint8_t type)
{
    unsigned bits = 0;

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flags[i].type == type)
            bits |= flags[i].bit;
    return (uint8_t)bits;
}

static const struct flag_name *flag_find(uint8_t type, uint8_t bit)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flags[i].type == type && flags[i].bit == bit)
            return &flags[i];
    return NULL;
}

const char *vitro_frame_flag_name(uint8_t type, uint8_t bit)
{
    const struct flag_name *f = flag_find(type, bit);

    return f ? f->name : NULL;
}

const char *vitro_frame_flag_section(uint8_t type, uint8_t bit)
{
    const struct flag_name *f = flag_find(type, bit);

    return f ? f->section : NULL;
}

const char *vitro_frame_setting_name(uint16_t id)
{
    return id < ARRAY_LEN(settings) ? settings[id].name : NULL;
}

const char *vitro_frame_setting_section(uint16_t id)
{
    return id < ARRAY_LEN(settings) ? settings[id].section : NULL;
}

uint32_t vitro_frame_setting_default(uint16_t id)
{
    return id < ARRAY_LEN(settings) ? settings[id].initial : 0;
}

const char *vitro_frame_error_name(uint32_t code)
{
    return code < ARRAY_LEN(errors) ? errors[code] : NULL;
}

const char *vitro_frame_field_name(enum frame_field f)
{
    return (unsigned)f < ARRAY_LEN(fields) ? fields[f] : "";
}

const struct frame_wrong_info *vitro_frame_wrong_info(enum frame_wrong w)
{
    return (unsigned)w < ARRAY_LEN(wrongs) ? &wrongs[w] : NULL;
}
