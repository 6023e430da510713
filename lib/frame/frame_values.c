/*
 * frame_values - finding what a view names, and the lists inside SETTINGS and ORIGIN payloads.
 */
#include "frame/frame.h"

#include "base/util.h"

static uint32_t number(const uint8_t *p, unsigned n)
{
    uint32_t v = 0;

    while (n--)
        v = v << 8 | *p++;
    return v;
}

const struct frame_part *vitro_frame_part(const struct frame_view *v, enum frame_field field)
{
    for (unsigned i = 0; i < v->count; i++)
        if (v->part[i].field == field)
            return &v->part[i];
    return NULL;
}

uint32_t vitro_frame_value(const struct frame_view *v, enum frame_field field)
{
    const struct frame_part *p = vitro_frame_part(v, field);

    return p ? p->value : 0;
}

vitro_bytes vitro_frame_bytes(const struct frame_view *v, enum frame_field field,
                              vitro_bytes payload)
{
    const struct frame_part *p = vitro_frame_part(v, field);
    vitro_bytes b = { NULL, 0 };

    if (p && p->off < payload.len) {
        b.ptr = payload.ptr + p->off;
        b.len = MIN(p->len, payload.len - p->off);
    }
    return b;
}

bool vitro_frame_setting_at(vitro_bytes payload, size_t i, struct frame_setting *out)
{
    if (i >= payload.len / 6)
        return false;
    out->off = (uint32_t)(i * 6);
    out->id = (uint16_t)number(payload.ptr + i * 6, 2);
    out->value = number(payload.ptr + i * 6 + 2, 4);
    return true;
}

enum frame_wrong vitro_frame_setting_wrong(uint16_t id, uint32_t value)
{
    static const struct {
        uint16_t id;
        uint8_t wrong;
        uint32_t least, most;
    } bounds[] = {
#define X(id, number, name, initial, least, most, reason, section)                                 \
    { SETTING_##id, FRAME_WRONG_##reason, least, most },
#include "frame/frame_settings.def"
#undef X
    };

    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        if (bounds[i].id == id && (value < bounds[i].least || value > bounds[i].most))
            return (enum frame_wrong)bounds[i].wrong;
    return FRAME_WRONG_COUNT;
}

bool vitro_frame_origin_next(vitro_bytes payload, uint32_t *off, vitro_str *origin)
{
    size_t left = payload.len > *off ? payload.len - *off : 0;
    uint32_t len;

    if (left < 2)
        return false;
    len = number(payload.ptr + *off, 2);
    if (left - 2 < len)
        return false;
    origin->ptr = (const char *)payload.ptr + *off + 2;
    origin->len = len;
    *off += 2 + len;
    return true;
}
