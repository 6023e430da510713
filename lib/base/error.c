#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const code_names[] = {
#define CODE_NAME(name, number) [number] = #name,
    VITRO_CODES(CODE_NAME)
#undef CODE_NAME
};

const char *vitro_code_name(int code)
{
    if (code < 0 || code > VITRO_UNAUTHENTICATED)
        return "CODE_OUT_OF_RANGE";
    return code_names[code];
}

/* A path of PATH_MAX bytes, and what is wrong with it. */
enum { WHOLE_MAX = 4096 + 256 };

static bool inside_character(char c)
{
    return ((uint8_t)c & 0xc0u) == 0x80u;
}

/* Of a text that is too long both ends stay: it begins with what and where, and why comes last. */
static void keep_ends(char *out, size_t size, const char *whole, size_t len)
{
    static const char gap[] = "...";
    size_t room = size - sizeof gap, head = room / 2, tail = len - (room - head);

    while (head && inside_character(whole[head]))
        head--;
    while (tail < len && inside_character(whole[tail]))
        tail++;
    snprintf(out, size, "%.*s%s%s", (int)head, whole, gap, whole + tail);
}

static void set_frame(vitro_error *err, const char *layer, int32_t native, const char *format,
                      va_list args) VITRO_PRINTF(4, 0);
static void set_frame(vitro_error *err, const char *layer, int32_t native, const char *format,
                      va_list args)
{
    unsigned at = err->depth < VITRO_ERROR_FRAMES ? err->depth++ : VITRO_ERROR_FRAMES - 1;

    char whole[WHOLE_MAX];
    size_t len;

    vsnprintf(whole, sizeof whole, format, args);
    len = strlen(whole);
    err->frame[at].layer = layer;
    err->frame[at].native = native;
    if (len < VITRO_ERROR_TEXT)
        memcpy(err->frame[at].text, whole, len + 1);
    else
        keep_ends(err->frame[at].text, VITRO_ERROR_TEXT, whole, len);
}

vitro_code vitro_fail(vitro_error *err, vitro_code code, const char *layer, int32_t native,
                      const char *format, ...)
{
    va_list args;

    if (!err)
        return code;
    err->code = code;
    err->depth = 0;
    va_start(args, format);
    set_frame(err, layer, native, format, args);
    va_end(args);
    return code;
}

vitro_code vitro_wrap(vitro_error *err, vitro_code code, const char *layer, const char *format, ...)
{
    va_list args;

    if (!err)
        return code;
    err->code = code;
    va_start(args, format);
    set_frame(err, layer, 0, format, args);
    va_end(args);
    return code;
}

size_t vitro_error_format(const vitro_error *err, char *out, size_t size)
{
    struct text line;

    vitro_text_init(&line, out, size);
    vitro_text_add(&line, "%s", vitro_code_name((int)err->code));
    for (unsigned i = err->depth; i-- > 0;) {
        vitro_text_add(&line, "%s", i + 1u == err->depth ? ": " : " <- ");
        vitro_text_add(&line, "%s: ", err->frame[i].layer);
        vitro_text_escape(&line, vitro_str_of(err->frame[i].text));
        if (err->frame[i].native)
            vitro_text_add(&line, " (%d)", (int)err->frame[i].native);
    }
    return line.len;
}

bool vitro_options_import(void *dst, size_t dst_size, const void *src)
{
    size_t n;

    if (!src) {
        memset(dst, 0, dst_size);
        return true;
    }
    memcpy(&n, src, sizeof n);
    if (n < sizeof n)
        return false;
    for (size_t i = dst_size; i < n; i++) {
        if (((const unsigned char *)src)[i])
            return false; /* asks for a feature that this version lacks */
    }
    memset(dst, 0, dst_size);
    memcpy(dst, src, n < dst_size ? n : dst_size);
    return true;
}

vitro_code vitro_options_refuse(const char *layer, vitro_error *err)
{
    return vitro_fail(err, VITRO_INVALID_ARGUMENT, layer, 0,
                      "options that were not begun with their _INIT, or of a newer version");
}
