#include "merge_apart.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INVENTED 0xc0000200U
#define OTHERS   0xc6120000U
#define PAIRS    65000U

static uint32_t address_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_invented(const uint8_t *p)
{
    return (address_at(p) | 3) == (INVENTED | 3) && (address_at(p) & 3) % 3;
}

/* One word of a checksum's input changes (RFC 1624, 3). */
static void mend(uint8_t *sum, uint32_t before, uint32_t after)
{
    uint32_t v = (uint32_t)(sum[0] << 8 | sum[1]) ^ 0xffff;

    v +=
        ((before >> 16) ^ 0xffff) + ((before & 0xffff) ^ 0xffff) + (after >> 16) + (after & 0xffff);
    v = (v & 0xffff) + (v >> 16);
    v = (v & 0xffff) + (v >> 16);
    v ^= 0xffff;
    sum[0] = (uint8_t)(v >> 8);
    sum[1] = (uint8_t)v;
}

/* What an invented end, 1 or 2, is called in this program's trace. */
static uint32_t other_name(uint32_t program, uint32_t end)
{
    return OTHERS + 2 * ((program - 1) % PAIRS) + end - 1;
}

static void rename_at(uint8_t *p, uint32_t program, uint8_t *ip_sum, uint8_t *tcp_sum)
{
    uint32_t before = address_at(p), after = other_name(program, before & 3);

    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(after >> (24 - 8 * i));
    mend(ip_sum, before, after);
    mend(tcp_sum, before, after);
}

vitro_bytes merge_apart_packet(struct merge_stream *s, const struct capture_record *r)
{
    uint8_t *p = s->merge->packet;
    size_t head;

    if (s->program == 1 || r->link != PCAPNG_LINK_RAW || r->bytes.len < 40 ||
        r->bytes.len > MERGE_PACKET || r->bytes.ptr[0] >> 4 != 4 ||
        !is_invented(r->bytes.ptr + 12) || !is_invented(r->bytes.ptr + 16))
        return r->bytes;
    head = (r->bytes.ptr[0] & 15) * 4u;
    if (head < 20 || head + 20 > r->bytes.len)
        return r->bytes;
    memcpy(p, r->bytes.ptr, r->bytes.len);
    rename_at(p + 12, s->program, p + 10, p + head + 16);
    rename_at(p + 16, s->program, p + 10, p + head + 16);
    return (vitro_bytes){ p, r->bytes.len };
}

/* Text with the same done to its addresses. */
static bool add_renamed(struct merge_stream *s, vitro_str text)
{
    static const char invented[] = "192.0.2.";
    const size_t n = sizeof invented - 1;
    const char *p = text.ptr, *end = p + text.len, *at;
    char name[16];

    while ((at = memmem(p, (size_t)(end - p), invented, n))) {
        bool whole = end - at > (long)n + 1 && (at[n] == '1' || at[n] == '2') && at[n + 1] == ':';
        uint32_t a = other_name(s->program, whole ? (uint32_t)(at[n] - '0') : 1);
        size_t skip = n + whole;
        snprintf(name, sizeof name, "%" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32, a >> 24,
                 a >> 16 & 255, a >> 8 & 255, a & 255);
        if (!vitro_buf_append(&s->merge->note, p, (size_t)(at - p)) ||
            !vitro_buf_append(&s->merge->note, whole ? name : at, whole ? strlen(name) : n))
            return false;
        p = at + skip;
    }
    return vitro_buf_append(&s->merge->note, p, (size_t)(end - p));
}

/* Fields that name the ends of a connection. */
static bool names_ends(vitro_str name)
{
    return vitro_str_eq(name, vitro_str_of("MESSAGE")) ||
           vitro_str_eq(name, vitro_str_of("VITRO_CLIENT")) ||
           vitro_str_eq(name, vitro_str_of("VITRO_SERVER"));
}

vitro_bytes merge_apart_note(struct merge_stream *s, vitro_bytes entry)
{
    struct buf *out = &s->merge->note;
    struct note_field f;
    size_t cursor = 0, done = 0;

    if (s->program == 1 || !memmem(entry.ptr, entry.len, "192.0.2.", 8))
        return entry;
    vitro_buf_consume(out, out->len);
    while (vitro_note_next(entry, &cursor, &f)) {
        if (!f.at || entry.ptr[f.at - 1] != '=' || !names_ends(f.name))
            continue; /* a value with a length in front of it is no address */
        if (!vitro_buf_append(out, entry.ptr + done, f.at - done) || !add_renamed(s, f.value))
            return entry;
        done = f.at + f.value.len;
    }
    return vitro_buf_append(out, entry.ptr + done, entry.len - done) ? vitro_buf_bytes(out) : entry;
}
