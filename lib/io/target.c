#include "io/target.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"

enum { PORT_DEFAULT = 443, TARGET_TEXT = 1024 };

static vitro_code refuse(vitro_error *err, const char *text, const char *why)
{
    return vitro_fail(err, VITRO_INVALID_ARGUMENT, "target", 0, "%s: %s", text, why);
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at;

    at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Undo %XX (RFC 3986, 2.1). False for a % without two digits, a zero byte, or too long a text. */
static bool decode(vitro_str in, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex(in.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex(in.ptr[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (!c || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

/* ---- one function for each scheme; text is decoded and begins after the colon ---------------- */

typedef vitro_code scheme_fn(struct target *t, const char *text, vitro_error *err);

static vitro_code ip_list(struct target *t, const char *text, enum address_kind kind,
                          vitro_error *err)
{
    const char *at = text;

    for (;;) {
        size_t n = strcspn(at, ",");
        struct address *a = &t->addresses[t->count];
        if (t->count == TARGET_ADDRESSES)
            return refuse(err, text, "too many addresses");
        if (!vitro_address_parse_ip(a, (vitro_str){ at, n }, PORT_DEFAULT) || a->kind != kind)
            return refuse(err, text, kind == ADDRESS_IPV4 ? "no IPv4 address" : "no IPv6 address");
        if (t->count++ == 0)
            snprintf(t->authority, sizeof t->authority, "%.*s", (int)MIN(n, TARGET_HOST), at);
        if (!at[n])
            return VITRO_OK;
        at += n + 1;
    }
}

static vitro_code scheme_ipv4(struct target *t, const char *text, vitro_error *err)
{
    return ip_list(t, text, ADDRESS_IPV4, err);
}

static vitro_code scheme_ipv6(struct target *t, const char *text, vitro_error *err)
{
    return ip_list(t, text, ADDRESS_IPV6, err);
}

static vitro_code unix_address(struct target *t, const char *name, bool abstract, vitro_error *err)
{
    struct address *a = &t->addresses[0];
    size_t at = abstract ? 1 : 0, n = strlen(name);

    if (!n)
        return refuse(err, name, "an empty path");
    if (n + 1 > sizeof a->as.local.sun_path)
        return refuse(err, name, "a path of more than 107 bytes");
    *a = (struct address){ .kind = ADDRESS_UNIX };
    a->as.local.sun_family = AF_UNIX;
    memcpy(a->as.local.sun_path + at, name, n);
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    t->count = 1;
    snprintf(t->authority, sizeof t->authority, "localhost");
    return VITRO_OK;
}

static vitro_code scheme_unix(struct target *t, const char *text, vitro_error *err)
{
    if (strncmp(text, "///", 3) == 0)
        text += 2;
    return unix_address(t, text, false, err);
}

static vitro_code scheme_abstract(struct target *t, const char *text, vitro_error *err)
{
    return unix_address(t, text, true, err);
}

static vitro_code scheme_sim(struct target *t, const char *text, vitro_error *err)
{
    struct address *a = &t->addresses[0];
    size_t n = strlen(text);

    if (!n || n >= sizeof a->as.name)
        return refuse(err, text, "a name of 1 to 63 bytes is needed");
    *a = (struct address){ .kind = ADDRESS_SIM };
    memcpy(a->as.name, text, n);
    t->count = 1;
    snprintf(t->authority, sizeof t->authority, "%s", text);
    return VITRO_OK;
}

/* A name: what can be in a URI's host (RFC 3986, 3.2.2), so that it can also be an :authority. */
static bool is_host(vitro_str host)
{
    static const char others[] = "-._~!$&'()*+;=";

    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (signed char)c >= 0 && !strchr(others, c))
            return false;
    }
    return host.len > 0;
}

static vitro_code host_port(struct target *t, const char *text, vitro_error *err)
{
    const char *colon = strrchr(text, ':');
    vitro_str host = { text, colon ? (size_t)(colon - text) : strlen(text) };
    uint64_t port = PORT_DEFAULT;

    if (colon && !vitro_text_number(vitro_str_of(colon + 1), UINT16_MAX, &port))
        return refuse(err, text, "no port number after the last colon");
    if (host.len >= sizeof t->host || !is_host(host))
        return refuse(err, text, "no host name");
    memcpy(t->host, host.ptr, host.len);
    t->host[host.len] = '\0';
    t->port = (uint16_t)port;
    snprintf(t->authority, sizeof t->authority, "%.*s", TARGET_HOST + 6, text);
    return VITRO_OK;
}

static vitro_code scheme_dns(struct target *t, const char *text, vitro_error *err)
{
    char local[TARGET_TEXT];

    if (strncmp(text, "//", 2) == 0) { /* dns://server/host: the server is the system's */
        const char *slash = strchr(text + 2, '/');
        if (!slash || slash != text + 2)
            return refuse(err, text, "a name server of its own is not supported");
        text = slash + 1;
    }
    if (text[0] == ':') { /* ":PORT" is this machine's */
        snprintf(local, sizeof local, "127.0.0.1%s", text);
        text = local;
    }
    if (!vitro_address_parse_ip(&t->addresses[0], vitro_str_of(text), PORT_DEFAULT))
        return host_port(t, text, err);
    t->count = 1;
    snprintf(t->authority, sizeof t->authority, "%.*s", TARGET_HOST, text);
    return VITRO_OK;
}

static const struct {
    const char *name;
    scheme_fn *parse;
} schemes[] = {
    { "dns", scheme_dns },   { "ipv4", scheme_ipv4 }, { "ipv6", scheme_ipv6 },
    { "unix", scheme_unix }, { "sim", scheme_sim },   { "unix-abstract", scheme_abstract },
};

vitro_code vitro_target_parse(struct target *t, vitro_str text, vitro_error *err)
{
    char whole[TARGET_TEXT];
    size_t n;

    memset(t, 0, sizeof *t);
    if (text.len >= sizeof whole || !decode(text, whole, sizeof whole))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "target", 0, "%.*s: too long, or a bad %%",
                          (int)MIN(text.len, 60), text.len ? text.ptr : "");
    if (!whole[0])
        return refuse(err, "\"\"", "an empty target");
    n = strcspn(whole, ":");
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (whole[n] && n == strlen(schemes[i].name) && memcmp(whole, schemes[i].name, n) == 0)
            return schemes[i].parse(t, whole + n + 1, err);
    }
    if (strncmp(whole + n, "://", 3) == 0)
        return refuse(err, whole, "no such scheme: dns, ipv4, ipv6, unix or unix-abstract");
    return scheme_dns(t, whole, err);
}
