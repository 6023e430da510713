#include "wire/status.h"

#include "base/text.h"
#include "base/util.h"

bool vitro_status_parse(vitro_str text, vitro_code *code)
{
    uint64_t number;

    if (!vitro_text_number(text, VITRO_UNAUTHENTICATED, &number)) {
        *code = VITRO_UNKNOWN;
        return false;
    }
    *code = (vitro_code)number;
    return true;
}

vitro_str vitro_status_text(vitro_code code)
{
#define DECIMAL(name, number) [number] = VITRO_STR_INIT(#number),
    static const vitro_str decimals[] = { VITRO_CODES(DECIMAL) };
#undef DECIMAL

    return (size_t)code < ARRAY_LEN(decimals) ? decimals[code] : decimals[VITRO_UNKNOWN];
}

/* A space is written as it is, except where HTTP/2 would take it for padding. */
static bool travels_as_is(vitro_str s, size_t at)
{
    unsigned char c = (unsigned char)s.ptr[at];

    if (c == ' ')
        return at != 0 && at + 1 != s.len;
    return c > ' ' && c <= '~' && c != '%';
}

size_t vitro_status_message_len(vitro_str message)
{
    size_t len = 0;

    for (size_t i = 0; i < message.len; i++)
        len += travels_as_is(message, i) ? 1 : 3;
    return len;
}

size_t vitro_status_message_encode(vitro_str message, char *out)
{
    static const char hex[] = "0123456789ABCDEF";
    char *to = out;

    for (size_t i = 0; i < message.len; i++) {
        unsigned char c = (unsigned char)message.ptr[i];

        if (travels_as_is(message, i)) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    return (size_t)(to - out);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The byte that "%XX" at s stands for, -1 when it is broken. */
static int escaped_byte(const char *s, size_t len)
{
    int high = len > 2 && s[0] == '%' ? hex_digit(s[1]) : -1;
    int low = high >= 0 ? hex_digit(s[2]) : -1;

    return low >= 0 ? high * 16 + low : -1;
}

size_t vitro_status_message_decode(vitro_str text, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        int byte = escaped_byte(text.ptr + i, text.len - i);

        if (byte < 0) {
            out[n++] = text.ptr[i];
        } else {
            out[n++] = (char)byte;
            i += 2;
        }
    }
    return n;
}

vitro_code vitro_status_of_http(unsigned http_status)
{
    static const struct {
        unsigned status;
        vitro_code code;
    } map[] = {
        { 400, VITRO_INTERNAL },          { 401, VITRO_UNAUTHENTICATED },
        { 403, VITRO_PERMISSION_DENIED }, { 404, VITRO_UNIMPLEMENTED },
        { 429, VITRO_UNAVAILABLE },       { 502, VITRO_UNAVAILABLE },
        { 503, VITRO_UNAVAILABLE },       { 504, VITRO_UNAVAILABLE },
    };

    for (size_t i = 0; i < ARRAY_LEN(map); i++) {
        if (map[i].status == http_status)
            return map[i].code;
    }
    return VITRO_UNKNOWN;
}

vitro_code vitro_status_of_control(vitro_code code)
{
    static const uint32_t allowed =
        1u << VITRO_CANCELLED | 1u << VITRO_UNKNOWN | 1u << VITRO_DEADLINE_EXCEEDED |
        1u << VITRO_PERMISSION_DENIED | 1u << VITRO_RESOURCE_EXHAUSTED | 1u << VITRO_UNIMPLEMENTED |
        1u << VITRO_INTERNAL | 1u << VITRO_UNAVAILABLE | 1u << VITRO_UNAUTHENTICATED;

    return (unsigned)code < 32 && (allowed >> code & 1u) ? code : VITRO_INTERNAL;
}

vitro_code vitro_status_of_rst(uint32_t h2_error)
{
    /* In the order of RFC 9113, 7. gRPC names no code for the two that are UNKNOWN here. */
    static const vitro_code map[] = {
        VITRO_INTERNAL,           /* NO_ERROR */
        VITRO_INTERNAL,           /* PROTOCOL_ERROR */
        VITRO_INTERNAL,           /* INTERNAL_ERROR */
        VITRO_INTERNAL,           /* FLOW_CONTROL_ERROR */
        VITRO_INTERNAL,           /* SETTINGS_TIMEOUT */
        VITRO_UNKNOWN,            /* STREAM_CLOSED */
        VITRO_INTERNAL,           /* FRAME_SIZE_ERROR */
        VITRO_UNAVAILABLE,        /* REFUSED_STREAM */
        VITRO_CANCELLED,          /* CANCEL */
        VITRO_INTERNAL,           /* COMPRESSION_ERROR */
        VITRO_INTERNAL,           /* CONNECT_ERROR */
        VITRO_RESOURCE_EXHAUSTED, /* ENHANCE_YOUR_CALM */
        VITRO_PERMISSION_DENIED,  /* INADEQUATE_SECURITY */
        VITRO_UNKNOWN,            /* HTTP_1_1_REQUIRED */
    };

    return h2_error < ARRAY_LEN(map) ? map[h2_error] : VITRO_UNKNOWN;
}
