#include "io/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <net/if.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"

static void put_ip(struct text *t, const struct address *a)
{
    char ip[INET6_ADDRSTRLEN];
    const void *bytes = a->kind == ADDRESS_IPV4 ? (const void *)&a->as.v4.sin_addr
                                                : (const void *)&a->as.v6.sin6_addr;

    inet_ntop(a->as.any.sa_family, bytes, ip, sizeof ip);
    if (a->kind == ADDRESS_IPV4) {
        vitro_text_add(t, "ipv4:%s", ip);
    } else {
        vitro_text_add(t, "ipv6:[%s", ip);
        if (a->as.v6.sin6_scope_id)
            vitro_text_add(t, "%%%u", (unsigned)a->as.v6.sin6_scope_id);
        vitro_text_add(t, "]");
    }
    vitro_text_add(t, ":%u", (unsigned)vitro_address_port(a));
}

static void put_unix(struct text *t, const struct address *a)
{
    size_t len = a->len - offsetof(struct sockaddr_un, sun_path);
    const char *path = a->as.local.sun_path;
    bool abstract = len > 0 && path[0] == '\0';

    if (abstract)
        vitro_text_add(t, "unix-abstract:");
    else
        vitro_text_add(t, "unix:");
    if (abstract)
        vitro_text_escape(t, (vitro_str){ path + 1, len - 1 });
    else
        vitro_text_escape(t, (vitro_str){ path, strnlen(path, len) });
}

char *vitro_address_text(const struct address *a, char *out, size_t size)
{
    struct text t;

    vitro_text_init(&t, out, size);
    switch (a->kind) {
    case ADDRESS_IPV4:
    case ADDRESS_IPV6:
        put_ip(&t, a);
        break;
    case ADDRESS_UNIX:
        put_unix(&t, a);
        break;
    case ADDRESS_SIM:
        vitro_text_add(&t, "sim:%s", a->as.name);
        break;
    case ADDRESS_NONE:
        vitro_text_add(&t, "none");
    }
    return out;
}

uint16_t vitro_address_port(const struct address *a)
{
    if (a->kind == ADDRESS_IPV4)
        return ntohs(a->as.v4.sin_port);
    return a->kind == ADDRESS_IPV6 ? ntohs(a->as.v6.sin6_port) : 0;
}

void vitro_address_set_port(struct address *a, uint16_t port)
{
    if (a->kind == ADDRESS_IPV4)
        a->as.v4.sin_port = htons(port);
    else if (a->kind == ADDRESS_IPV6)
        a->as.v6.sin6_port = htons(port);
}

bool vitro_address_equal(const struct address *a, const struct address *b)
{
    if (a->kind != b->kind || a->len != b->len)
        return false;
    if (a->kind == ADDRESS_SIM)
        return strcmp(a->as.name, b->as.name) == 0;
    return memcmp(&a->as, &b->as, a->len) == 0;
}

/* Split "host:port", "[host]:port" or "host"; false when brackets or digits are wrong. */
static bool split(vitro_str text, vitro_str *host, uint16_t *port)
{
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    const char *close = text.len ? memrchr(text.ptr, ']', text.len) : NULL;
    bool many = colon && memchr(text.ptr, ':', (size_t)(colon - text.ptr)) != NULL;
    uint64_t number;

    *host = text;
    if (colon && (close ? colon == close + 1 : !many)) {
        vitro_str digits = { colon + 1, (size_t)(text.ptr + text.len - colon - 1) };
        if (!vitro_text_number(digits, UINT16_MAX, &number))
            return false;
        *port = (uint16_t)number;
        host->len = (size_t)(colon - text.ptr);
    }
    if (host->len && host->ptr[0] == '[') {
        if (host->len < 3 || host->ptr[host->len - 1] != ']')
            return false;
        *host = (vitro_str){ host->ptr + 1, host->len - 2 };
    }
    return true;
}

static void set_v4(struct address *a, struct in_addr ip, uint16_t port)
{
    *a = (struct address){ .kind = ADDRESS_IPV4, .len = sizeof a->as.v4 };
    a->as.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
    a->as.v4.sin_addr = ip;
}

/* The number after %, or the name of an interface; 0: none such. */
static uint32_t scope_of(const char *text)
{
    uint64_t number;

    if (vitro_text_number(vitro_str_of(text), UINT32_MAX, &number))
        return (uint32_t)number;
    return if_nametoindex(text);
}

bool vitro_address_parse_ip(struct address *a, vitro_str text, uint16_t port)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], *scope;
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct in_addr v4;
    vitro_str name;

    if (!split(text, &name, &port) || !name.len || name.len >= sizeof host ||
        memchr(name.ptr, '\0', name.len))
        return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    if (inet_pton(AF_INET, host, &v4) == 1) {
        set_v4(a, v4, port);
        return true;
    }
    scope = strchr(host, '%');
    if (scope) {
        *scope++ = '\0';
        v6.sin6_scope_id = scope_of(scope);
    }
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1 || (scope && !v6.sin6_scope_id))
        return false;
    v6.sin6_port = htons(port);
    *a = (struct address){ .kind = ADDRESS_IPV6, .len = sizeof v6 };
    a->as.v6 = v6;
    return true;
}

bool vitro_address_from(struct address *a, const struct sockaddr *sa, socklen_t len)
{
    enum address_kind kind = sa->sa_family == AF_INET    ? ADDRESS_IPV4
                             : sa->sa_family == AF_INET6 ? ADDRESS_IPV6
                             : sa->sa_family == AF_UNIX  ? ADDRESS_UNIX
                                                         : ADDRESS_NONE;

    *a = (struct address){ .kind = kind, .len = MIN(len, (socklen_t)sizeof a->as) };
    memcpy(&a->as, sa, a->len);
    return kind != ADDRESS_NONE;
}
