#include "frame/hpack_told.h"

#include <string.h>

#include "base/util.h"

void vitro_hpack_told_drop(struct hpack_reader *r)
{
    vitro_buf_consume(&r->told, r->told.len);
    r->told_at = 0;
}

void vitro_hpack_tell(struct hpack_reader *r, vitro_bytes lines)
{
    vitro_hpack_told_drop(r);
    (void)vitro_buf_append(&r->told, lines.ptr, lines.len); /* else nothing was said */
}

/* The next field that was told, lent until the block's end; false when there is none. */
static bool next_told(struct hpack_reader *r, vitro_str *name, vitro_str *value)
{
    const char *p = (const char *)r->told.ptr + r->told_at, *end, *colon;

    if (r->told_at == r->told.len)
        return false;
    end = memchr(p, '\n', r->told.len - r->told_at);
    colon = end && end > p ? memchr(p + 1, ':', (size_t)(end - p) - 1) : NULL;
    if (!colon || colon + 1 == end || colon[1] != ' ')
        return false;
    *name = (vitro_str){ p, (size_t)(colon - p) };
    *value = (vitro_str){ colon + 2, (size_t)(end - colon) - 2 };
    r->told_at = (size_t)(end + 1 - (const char *)r->told.ptr);
    return true;
}

/* Does a field that was told contradict what the block says itself? */
static bool contradicts(const struct hpack_field *f, vitro_str name, vitro_str value)
{
    return (!(f->flags & HPACK_NAME_UNKNOWN) && !vitro_str_eq(f->name, name)) ||
           (!(f->flags & HPACK_VALUE_UNKNOWN) && !vitro_str_eq(f->value, value));
}

/* The older entry that the field refers to has a name now; a value, too, when it is all of it. */
static void remember_old(struct hpack_reader *r, const struct hpack_field *f, vitro_str name,
                         vitro_str value)
{
    static const vitro_str none = { "", 0 };
    bool whole = f->repr == HPACK_INDEXED;
    struct hpack_entry e = { name, whole ? value : none, f->refers, 0,
                             whole ? 0 : HPACK_ENTRY_VALUE_UNKNOWN };

    if (f->index > HPACK_STATIC_COUNT + r->table.count)
        vitro_hpack_table_tell(&r->table, &e);
}

void vitro_hpack_told_fill(struct hpack_reader *r, struct hpack_field *f)
{
    vitro_str name, value;

    if (!r->told.len)
        return;
    if (!next_told(r, &name, &value) || contradicts(f, name, value)) {
        vitro_hpack_told_drop(r);
        return;
    }
    if (f->wrong || !(f->flags & (HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN)))
        return;
    remember_old(r, f, name, value);
    f->name = name;
    f->value = value;
    f->flags &= (uint8_t) ~(HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN);
    f->flags |= HPACK_TOLD;
    r->filled++;
}
