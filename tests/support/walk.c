#include "support/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static bool bad(struct walk *w, const char *why, size_t at)
{
    if (!w->why[0])
        snprintf(w->why, sizeof w->why, "%s at %zu of %zu", why, at, w->size);
    return false;
}

/* RFC 1071 as it is written: words of 16 bits in the order of the network. */
static uint32_t words(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static bool walk_tcp(struct walk *w, struct walked *k, const uint8_t *p, size_t n, size_t at)
{
    size_t address = k->family == 6 ? 16 : 4, head;
    uint32_t sum = words(k->from, address, 0);

    if (n < 20 || (head = (size_t)(p[12] >> 4) * 4) < 20 || head > n)
        return bad(w, "TCP header", at);
    sum = words(k->to, address, sum);
    sum = words(p, n, sum + 6 + (uint32_t)n);
    if (sum != 0xffff)
        return bad(w, "TCP checksum", at);
    k->from_port = (uint16_t)be16(p);
    k->to_port = (uint16_t)be16(p + 2);
    k->seq = be32(p + 4);
    k->ack = be32(p + 8);
    k->flags = p[13];
    k->data = p + head;
    k->len = n - head;
    return true;
}

static bool walk_ip(struct walk *w, struct walked *k, const uint8_t *p, size_t n, size_t at)
{
    if (n > 65575 || n < 20)
        return bad(w, "packet size", at);
    k->family = p[0] >> 4;
    if (k->family == 4) {
        if (p[0] != 0x45 || be16(p + 2) != n || p[9] != 6)
            return bad(w, "IPv4 header", at);
        if (words(p, 20, 0) != 0xffff)
            return bad(w, "IPv4 checksum", at);
        k->from = p + 12;
        k->to = p + 16;
        return walk_tcp(w, k, p + 20, n - 20, at);
    }
    if (k->family != 6 || n < 40 || be16(p + 4) + 40 != n || p[6] != 6)
        return bad(w, "IPv6 header", at);
    k->from = p + 8;
    k->to = p + 24;
    return walk_tcp(w, k, p + 40, n - 40, at);
}

static bool walk_interface(struct walk *w, const uint8_t *p, size_t n, size_t at)
{
    bool nanoseconds = false;

    if (n < 8 || p[0] != 101 || p[1] != 0)
        return bad(w, "link type", at);
    for (size_t i = 8; i + 4 <= n;) {
        size_t code = p[i] | (size_t)p[i + 1] << 8, len = p[i + 2] | (size_t)p[i + 3] << 8;
        if (i + 4 + len > n)
            return bad(w, "option", at + i);
        if (code == 2 && len < sizeof w->name[0] && w->interfaces < 64)
            memcpy(w->name[w->interfaces], p + i + 4, len);
        nanoseconds |= code == 9 && len == 1 && p[i + 4] == 9;
        i += 4 + (len + 3) / 4 * 4;
    }
    w->interfaces++;
    return nanoseconds ? true : bad(w, "resolution", at);
}

static bool walk_packet(struct walk *w, struct walked *k, const uint8_t *p, size_t n, size_t at)
{
    size_t captured;

    if (n < 20)
        return bad(w, "packet block", at);
    k->interface_id = le32(p);
    k->ns = (uint64_t)le32(p + 4) << 32 | le32(p + 8);
    captured = le32(p + 12);
    if (k->interface_id >= w->interfaces)
        return bad(w, "packet before its interface", at);
    if (captured != le32(p + 16) || (captured + 3) / 4 * 4 + 20 != n)
        return bad(w, "packet length", at);
    return walk_ip(w, k, p + 20, captured, at);
}

static bool walk_body(struct walk *w, uint32_t type, const uint8_t *p, size_t n, size_t at)
{
    struct walked *k = &w->item[w->n];

    memset(k, 0, sizeof *k);
    k->type = (enum walked_type)type;
    switch (type) {
    case WALKED_INTERFACE:
        return walk_interface(w, p, n, at);
    case WALKED_PACKET:
        w->n++;
        return walk_packet(w, k, p, n, at);
    case WALKED_NOTE:
        w->n++;
        k->data = p;
        k->len = n;
        if (strncmp((const char *)p, "__REALTIME_TIMESTAMP=", 21) != 0)
            return bad(w, "note without its time first", at);
        k->ns = strtoull(walk_field(k, "VITRO_NS"), NULL, 10);
        return k->ns ? true : bad(w, "note without VITRO_NS", at);
    case WALKED_SECRETS:
        w->n++;
        if (n < 8 || le32(p) != 0x544c534b || le32(p + 4) > n - 8)
            return bad(w, "secrets", at);
        k->data = p + 8;
        k->len = le32(p + 4);
        return true;
    default:
        return bad(w, "type of block", at);
    }
}

void walk_bytes(struct walk *w, uint8_t *file, size_t size)
{
    static const uint8_t start[] = { 0x0a, 0x0d, 0x0d, 0x0a };
    size_t at = 0;

    memset(w, 0, sizeof *w);
    w->file = file;
    w->size = size;
    w->item = calloc(size / 16 + 1, sizeof *w->item);
    if (size < 28 || memcmp(file, start, 4) != 0 || le32(file + 8) != 0x1a2b3c4d)
        bad(w, "section", 0);
    while (!w->why[0] && at < size) {
        size_t len = size - at >= 12 ? le32(file + at + 4) : 0;
        if (len < 12 || len % 4 || len > size - at || le32(file + at + len - 4) != len)
            bad(w, "block length", at);
        else if (at)
            walk_body(w, le32(file + at), file + at + 8, len - 12, at);
        at += len;
    }
}

void walk_fd(struct walk *w, int fd)
{
    struct stat st;
    uint8_t *p;
    ssize_t got;

    if (fstat(fd, &st))
        st.st_size = 0;
    p = malloc((size_t)st.st_size + 1);
    got = pread(fd, p, (size_t)st.st_size, 0);
    walk_bytes(w, p, got > 0 ? (size_t)got : 0);
}

void walk_done(struct walk *w)
{
    free(w->file);
    free(w->item);
    memset(w, 0, sizeof *w);
}

const uint8_t *walk_raw(const struct walked *note, const char *name, size_t *len)
{
    const uint8_t *p = note->data, *end = p + note->len;
    size_t want = strlen(name);

    while (p < end && *p) {
        const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
        const uint8_t *equals = stop ? memchr(p, '=', (size_t)(stop - p)) : NULL;
        const uint8_t *value = equals ? equals + 1 : stop ? stop + 9 : end;
        size_t named = (size_t)((equals ? equals : stop ? stop : end) - p);
        size_t n = !stop ? 0 : equals ? (size_t)(stop - value) : le32(stop + 1);
        if (!stop)
            return NULL;
        if (named == want && !memcmp(p, name, want)) {
            *len = n;
            return value;
        }
        p = value + n + 1;
    }
    return NULL;
}

const char *walk_field(const struct walked *note, const char *name)
{
    static char text[4096];
    size_t n = 0;
    const uint8_t *p = walk_raw(note, name, &n);

    if (n > sizeof text - 1)
        n = sizeof text - 1;
    if (p)
        memcpy(text, p, n);
    text[p ? n : 0] = '\0';
    return text;
}

const struct walked *walk_note(const struct walk *w, size_t i, const char *kind)
{
    for (; i < w->n; i++)
        if (w->item[i].type == WALKED_NOTE && !strcmp(walk_field(&w->item[i], "VITRO_KIND"), kind))
            return &w->item[i];
    return NULL;
}

uint8_t *walk_payload(const struct walk *w, uint16_t from_port, uint16_t to_port, size_t *len)
{
    uint8_t *all = malloc(w->size + 1);
    uint32_t next = 0;

    *len = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct walked *k = &w->item[i];
        if (k->type != WALKED_PACKET || k->from_port != from_port || k->to_port != to_port)
            continue;
        if (k->seq != next) {
            free(all);
            return NULL;
        }
        memcpy(all + *len, k->data, k->len);
        *len += k->len;
        next += (uint32_t)k->len + ((k->flags & 3) != 0); /* SYN and FIN count as one */
    }
    return all;
}
