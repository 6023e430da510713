#include "wire/header_list.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

static const struct {
    vitro_str name;
    enum header_kind kind;
} headers[] = {
#define HEADER(id, name, kind) { VITRO_STR_INIT(name), HEADER_KIND_##kind },
#include "wire/header.def"
#undef HEADER
};

/* Which rows have names of a length: a field of the application is told by one comparison or so. */
static const struct {
    uint8_t from, to;
} rows_of_length[] = {
    [2] = { HEADER_TE, HEADER_TE + 1 },
    [4] = { HEADER_HOST, HEADER_HOST + 1 },
    [5] = { HEADER_PATH, HEADER_PATH + 1 },
    [7] = { HEADER_METHOD, HEADER_UPGRADE + 1 },
    [10] = { HEADER_AUTHORITY, HEADER_USER_AGENT + 1 },
    [11] = { HEADER_GRPC_STATUS, HEADER_GRPC_STATUS + 1 },
    [12] = { HEADER_CONTENT_TYPE, HEADER_GRPC_TIMEOUT + 1 },
    [13] = { HEADER_GRPC_ENCODING, HEADER_GRPC_ENCODING + 1 },
    [14] = { HEADER_CONTENT_LENGTH, HEADER_CONTENT_LENGTH + 1 },
    [16] = { HEADER_PROXY_CONNECTION, HEADER_PROXY_CONNECTION + 1 },
    [17] = { HEADER_GRPC_MESSAGE_TYPE, HEADER_TRANSFER_ENCODING + 1 },
    [20] = { HEADER_GRPC_ACCEPT_ENCODING, HEADER_GRPC_ACCEPT_ENCODING + 1 },
};

enum header_id vitro_header_id(vitro_str name)
{
    if (name.len >= ARRAY_LEN(rows_of_length))
        return HEADER_USER;
    for (unsigned i = rows_of_length[name.len].from; i < rows_of_length[name.len].to; i++) {
        if (memcmp(headers[i].name.ptr, name.ptr, name.len) == 0)
            return (enum header_id)i;
    }
    return HEADER_USER;
}

enum header_kind vitro_header_kind(enum header_id id)
{
    return id < HEADER_IDS ? headers[id].kind : HEADER_KIND_USER;
}

vitro_str vitro_header_name(enum header_id id)
{
    return id < HEADER_IDS ? headers[id].name : (vitro_str){ "", 0 };
}

void vitro_header_list_init(struct header_list *l, struct account *account, size_t limit)
{
    l->account = account;
    l->limit = limit;
    vitro_buf_init(&l->spill, account, SIZE_MAX / 2);
    vitro_header_list_begin(l, NULL);
}

void vitro_header_list_done(struct header_list *l)
{
    vitro_buf_done(&l->spill);
}

void vitro_header_list_begin(struct header_list *l, vitro_md *md)
{
    l->md = md;
    l->size = 0;
    l->seen = 0;
    l->twice = 0;
    l->malformed = false;
    l->bad = VITRO_OK;
    l->used = 0;
    if (l->spill.cap)
        vitro_buf_done(&l->spill);
}

/* Keep the value of a field that has its own place. Positions past the store are in spill. */
static bool keep_value(struct header_list *l, enum header_id id, vitro_str value)
{
    if (value.len > UINT32_MAX / 2 || l->spill.len > UINT32_MAX / 2 - HEADER_STORE)
        return false;
    l->value[id].len = (uint32_t)value.len;
    if (value.len <= HEADER_STORE - l->used) {
        l->value[id].at = l->used;
        if (value.len)
            memcpy(l->store + l->used, value.ptr, value.len);
        l->used += (uint32_t)value.len;
        return true;
    }
    l->value[id].at = HEADER_STORE + (uint32_t)l->spill.len;
    return vitro_buf_append(&l->spill, value.ptr, value.len);
}

static vitro_code add_user(struct header_list *l, vitro_str name, vitro_str value)
{
    vitro_code rc;

    if (name.len == 0 || name.ptr[0] == ':') {
        l->malformed = true;
        return VITRO_OK;
    }
    if (!l->md)
        return VITRO_OK;
    rc = vitro_md_add_wire(l->md, name, value, l->bad ? NULL : &l->bad_error);
    if (rc == VITRO_RESOURCE_EXHAUSTED)
        return rc;
    if (rc && !l->bad)
        l->bad = rc;
    return VITRO_OK;
}

vitro_code vitro_header_list_add(struct header_list *l, vitro_str name, vitro_str value)
{
    const enum header_id id = vitro_header_id(name);

    l->size += name.len + value.len + 32;
    if (l->limit && l->size > l->limit)
        return VITRO_RESOURCE_EXHAUSTED;
    if (id == HEADER_USER)
        return add_user(l, name, value);
    if (header_list_has(l, id)) {
        l->twice |= 1u << id;
        return VITRO_OK;
    }
    if (!keep_value(l, id, value))
        return VITRO_RESOURCE_EXHAUSTED;
    l->seen |= 1u << id;
    return VITRO_OK;
}

vitro_str vitro_header_list_get(const struct header_list *l, enum header_id id)
{
    assert(id < HEADER_IDS);
    if (!header_list_has(l, id))
        return (vitro_str){ "", 0 };
    if (l->value[id].at < HEADER_STORE || l->value[id].len == 0)
        return (vitro_str){ l->store + MIN(l->value[id].at, HEADER_STORE), l->value[id].len };
    return (vitro_str){ (const char *)l->spill.ptr + (l->value[id].at - HEADER_STORE),
                        l->value[id].len };
}
