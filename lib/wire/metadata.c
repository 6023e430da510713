#include "wire/metadata.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "base/base64.h"
#include "wire/header_list.h"

/* Positions in the block; a multiple of 16 bytes from its end, so always aligned. */
struct entry {
    uint32_t key_at, key_len, value_at, value_len;
};

enum { FIRST_BLOCK = 256, MAX_BLOCK = 1 << 30, FIELD_OVERHEAD = 32 };

static struct entry *entry_at(const vitro_md *md, size_t i)
{
    assert(i < md->count);
    return (struct entry *)(void *)(md->block + md->cap) - 1 - i;
}

static vitro_str entry_key(const vitro_md *md, const struct entry *e)
{
    return (vitro_str){ (const char *)md->block + e->key_at, e->key_len };
}

static vitro_bytes entry_value(const vitro_md *md, const struct entry *e)
{
    return (vitro_bytes){ md->block + e->value_at, e->value_len };
}

static size_t field_size(vitro_str key, size_t value_len)
{
    return key.len + (md_key_is_binary(key) ? base64_text_len(value_len) : value_len) +
           FIELD_OVERHEAD;
}

void vitro_md_init(vitro_md *md, struct account *account)
{
    *md = (vitro_md){ .account = account };
}

void vitro_md_done(vitro_md *md)
{
    vitro_mem_free(md->account, md->block, md->cap);
    vitro_md_init(md, md->account);
}

void vitro_md_wipe(vitro_md *md)
{
    if (md)
        vitro_mem_wipe(md->block, md->cap);
}

void vitro_md_swap(vitro_md *a, vitro_md *b)
{
    vitro_md keep = *a;

    *a = *b;
    *b = keep;
}

vitro_md *vitro_md_new(void)
{
    return vitro_mem_zalloc(NULL, sizeof(vitro_md));
}

void vitro_md_free(vitro_md *md)
{
    if (!md)
        return;
    vitro_md_done(md);
    vitro_mem_free(NULL, md, sizeof *md);
}

void vitro_md_clear(vitro_md *md)
{
    md->used = 0;
    md->count = 0;
    md->wire_size = 0;
}

/* A block that was outgrown; what is being added may lie in it, so it goes after the copy. */
struct outgrown {
    uint8_t *block;
    uint32_t cap;
};

/* Make room for one entry of n bytes; false when memory is out. */
static bool make_room(vitro_md *md, size_t n, struct outgrown *old)
{
    size_t back = md->count * sizeof(struct entry);
    size_t need = md->used + back + sizeof(struct entry);
    size_t cap = md->cap ? (size_t)md->cap * 2 : FIRST_BLOCK;
    uint8_t *block;

    *old = (struct outgrown){ NULL, 0 };
    if (n > MAX_BLOCK || need > MAX_BLOCK - n)
        return false;
    need += n;
    if (need <= md->cap)
        return true;
    cap = (MAX(cap, need) + sizeof(struct entry) - 1) / sizeof(struct entry) * sizeof(struct entry);
    block = vitro_mem_alloc(md->account, cap);
    if (!block)
        return false;
    if (md->block) {
        memcpy(block, md->block, md->used);
        memcpy(block + cap - back, md->block + md->cap - back, back);
    }
    *old = (struct outgrown){ md->block, md->cap };
    md->block = block;
    md->cap = (uint32_t)cap;
    return true;
}

/* The room at the front's end becomes an entry: key, then a value of value_len bytes. */
static void commit(vitro_md *md, vitro_str key, size_t value_len)
{
    struct entry *e;

    md->count++;
    e = entry_at(md, md->count - 1);
    e->key_at = md->used;
    e->key_len = (uint32_t)key.len;
    e->value_at = md->used + (uint32_t)key.len;
    e->value_len = (uint32_t)value_len;
    md->used = e->value_at + (uint32_t)value_len;
    md->wire_size += field_size(key, value_len);
}

static vitro_code no_memory(vitro_error *err, vitro_str key)
{
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "metadata", 0, "no memory for %.*s",
                      (int)MIN(key.len, 48), key.ptr);
}

static vitro_code add_raw(vitro_md *md, vitro_str key, vitro_bytes value, vitro_error *err)
{
    struct outgrown old;

    if (key.len > MAX_BLOCK || value.len > MAX_BLOCK || !make_room(md, key.len + value.len, &old))
        return no_memory(err, key);
    memcpy(md->block + md->used, key.ptr, key.len);
    if (value.len)
        memcpy(md->block + md->used + key.len, value.ptr, value.len);
    commit(md, key, value.len);
    vitro_mem_free(md->account, old.block, old.cap);
    return VITRO_OK;
}

static bool key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* "grpc-" is the protocol's, but for what it hands to applications. */
static bool key_is_reserved(vitro_str key)
{
    static const vitro_str given[] = {
        VITRO_STR_INIT("grpc-status-details-bin"),
        VITRO_STR_INIT("grpc-trace-bin"),
        VITRO_STR_INIT("grpc-tags-bin"),
        VITRO_STR_INIT("grpc-retry-pushback-ms"),
    };

    if (key.len < 5 || memcmp(key.ptr, "grpc-", 5) != 0)
        return vitro_header_id(key) != HEADER_USER;
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        if (vitro_str_eq(key, given[i]))
            return false;
    }
    return true;
}

static vitro_code check_key(vitro_str key, vitro_error *err)
{
    if (key.len == 0)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "metadata", 0, "a key is empty");
    for (size_t i = 0; i < key.len; i++) {
        if (!key_byte(key.ptr[i])) {
            return vitro_fail(err, VITRO_INVALID_ARGUMENT, "metadata", 0,
                              "key %.*s: byte 0x%02x is none of [0-9a-z_.-]", (int)MIN(key.len, 32),
                              key.ptr, (unsigned char)key.ptr[i]);
        }
    }
    if (key_is_reserved(key)) {
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "metadata", 0,
                          "key %.*s belongs to the protocol", (int)MIN(key.len, 48), key.ptr);
    }
    return VITRO_OK;
}

/* HTTP allows no blank at either end of a value (RFC 9113, 8.2.1). */
static vitro_str trim(vitro_str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static vitro_str text_of(vitro_bytes b)
{
    return (vitro_str){ (const char *)b.ptr, b.len };
}

static vitro_bytes bytes_of(vitro_str s)
{
    return (vitro_bytes){ (const uint8_t *)s.ptr, s.len };
}

vitro_code vitro_md_add(vitro_md *md, vitro_str key, vitro_bytes value, vitro_error *err)
{
    vitro_code rc = check_key(key, err);

    if (rc)
        return rc;
    if (md_key_is_binary(key))
        return add_raw(md, key, value, err);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e) {
            return vitro_fail(err, VITRO_INVALID_ARGUMENT, "metadata", 0,
                              "value of %.*s: byte 0x%02x is not printable ASCII; use a -bin key",
                              (int)MIN(key.len, 32), key.ptr, value.ptr[i]);
        }
    }
    return add_raw(md, key, bytes_of(trim(text_of(value))), err);
}

vitro_code vitro_md_add_text(vitro_md *md, const char *key, const char *value, vitro_error *err)
{
    return vitro_md_add(md, vitro_str_of(key), bytes_of(vitro_str_of(value)), err);
}

/* What there was before something that came only in part. */
static void roll_back(vitro_md *md, const vitro_md *before)
{
    md->used = before->used;
    md->count = before->count;
    md->wire_size = before->wire_size;
}

vitro_code vitro_md_append_one(vitro_md *md, const vitro_md *from, size_t at, vitro_error *err)
{
    const struct entry *e;

    if (at >= vitro_md_count(from))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "metadata", 0, "no entry number %zu", at);
    e = entry_at(from, at);
    return add_raw(md, entry_key(from, e), entry_value(from, e), err);
}

vitro_code vitro_md_append(vitro_md *md, const vitro_md *from, vitro_error *err)
{
    const vitro_md before = *md;
    const size_t count = vitro_md_count(from);

    for (size_t i = 0; i < count; i++) {
        vitro_code rc = vitro_md_append_one(md, from, i, err);

        if (rc) {
            roll_back(md, &before);
            return rc;
        }
    }
    return VITRO_OK;
}

/* One base64 text of a "-bin" field, decoded straight into the block. */
static vitro_code add_base64(vitro_md *md, vitro_str key, vitro_str text, vitro_error *err)
{
    struct outgrown old;
    size_t n;
    bool good;

    if (key.len > MAX_BLOCK || text.len > MAX_BLOCK ||
        !make_room(md, key.len + base64_max_bytes(text.len), &old))
        return no_memory(err, key);
    memcpy(md->block + md->used, key.ptr, key.len);
    good = vitro_base64_decode(text, md->block + md->used + key.len, &n);
    if (good)
        commit(md, key, n);
    vitro_mem_free(md->account, old.block, old.cap);
    if (!good) {
        return vitro_fail(err, VITRO_INTERNAL, "metadata", 0, "value of %.*s is not base64",
                          (int)MIN(key.len, 48), key.ptr);
    }
    return VITRO_OK;
}

/* Equal keys may arrive joined by commas: split first, base64 has none (PROTOCOL-HTTP2). */
static vitro_code add_binary(vitro_md *md, vitro_str key, vitro_str value, vitro_error *err)
{
    const vitro_md before = *md;

    for (;;) {
        const char *comma = value.len ? memchr(value.ptr, ',', value.len) : NULL;
        size_t n = comma ? (size_t)(comma - value.ptr) : value.len;
        vitro_code rc = add_base64(md, key, trim((vitro_str){ value.ptr, n }), err);

        if (rc)
            roll_back(md, &before);
        if (rc || !comma)
            return rc;
        value.ptr += n + 1;
        value.len -= n + 1;
    }
}

vitro_code vitro_md_add_wire(vitro_md *md, vitro_str name, vitro_str value, vitro_error *err)
{
    if (md_key_is_binary(name))
        return add_binary(md, name, value, err);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c == '\0' || c == '\r' || c == '\n') {
            return vitro_fail(err, VITRO_INTERNAL, "metadata", 0,
                              "value of %.*s: byte 0x%02x is not allowed in HTTP",
                              (int)MIN(name.len, 48), name.ptr, (unsigned char)c);
        }
    }
    return add_raw(md, name, bytes_of(trim(value)), err);
}

size_t vitro_md_count(const vitro_md *md)
{
    return md ? md->count : 0;
}

size_t vitro_md_size(const vitro_md *md)
{
    return md ? md->wire_size : 0;
}

bool vitro_md_at(const vitro_md *md, size_t at, vitro_str *key, vitro_bytes *value)
{
    const struct entry *e;

    if (at >= vitro_md_count(md))
        return false;
    e = entry_at(md, at);
    if (key)
        *key = entry_key(md, e);
    if (value)
        *value = entry_value(md, e);
    return true;
}

bool vitro_md_find(const vitro_md *md, vitro_str key, size_t *at, vitro_bytes *value)
{
    const size_t count = vitro_md_count(md);

    for (size_t i = *at; i < count; i++) {
        const struct entry *e = entry_at(md, i);

        if (!vitro_str_eq(entry_key(md, e), key))
            continue;
        if (value)
            *value = entry_value(md, e);
        *at = i + 1;
        return true;
    }
    return false;
}

bool vitro_md_get(const vitro_md *md, vitro_str key, vitro_bytes *value)
{
    size_t at = 0;

    return vitro_md_find(md, key, &at, value);
}

/* Marks the entries of a key first, as key may itself lie in the block that is then closed up. */
static size_t mark(vitro_md *md, vitro_str key)
{
    size_t marked = 0;

    for (size_t i = 0; i < md->count; i++) {
        struct entry *e = entry_at(md, i);

        if (vitro_str_eq(entry_key(md, e), key)) {
            e->key_len = 0;
            marked++;
        }
    }
    return marked;
}

size_t vitro_md_remove(vitro_md *md, vitro_str key)
{
    const vitro_md before = *md;
    const size_t removed = key.len ? mark(md, key) : 0;

    if (!removed)
        return 0;
    vitro_md_clear(md);
    for (size_t i = 0; i < before.count; i++) {
        const struct entry e = *entry_at(&before, i);
        uint8_t *to = md->block + md->used;

        if (e.key_len == 0)
            continue;
        memmove(to, md->block + e.key_at, (size_t)e.key_len + e.value_len);
        commit(md, (vitro_str){ (const char *)to, e.key_len }, e.value_len);
    }
    return removed;
}

size_t vitro_md_scratch(const vitro_md *md)
{
    const size_t count = vitro_md_count(md);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const struct entry *e = entry_at(md, i);

        if (md_key_is_binary(entry_key(md, e)))
            n += base64_text_len(e->value_len);
    }
    return n;
}

void vitro_md_fields(const vitro_md *md, struct wire_field *out, char *scratch)
{
    const size_t count = vitro_md_count(md);

    for (size_t i = 0; i < count; i++) {
        const struct entry *e = entry_at(md, i);
        const vitro_bytes value = entry_value(md, e);

        out[i].name = entry_key(md, e);
        out[i].value = text_of(value);
        if (md_key_is_binary(out[i].name)) {
            out[i].value = (vitro_str){ scratch, vitro_base64_encode(value, scratch) };
            scratch += out[i].value.len;
        }
    }
}
