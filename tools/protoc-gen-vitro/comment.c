/*
 * comment - what stands in comments of the .proto, carried into the header as doc comments.
 */
#include <string.h>

#include "write.h"

/* U+202A-202E and U+2066-2069 turn the direction of text: code would read unlike it compiles. */
static bool is_bidi(const char *s, size_t len)
{
    if (len < 3) {
        return false;
    }
    unsigned char second = (unsigned char)s[1], last = (unsigned char)s[2];
    return (unsigned char)s[0] == 0xe2 && ((second == 0x80 && last >= 0xaa && last <= 0xae) ||
                                           (second == 0x81 && last >= 0xa6 && last <= 0xa9));
}

/* Nothing in the text may end the comment or look as if it began another one. */
static void write_line(struct text *out, const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_bidi(line + i, len - i)) {
            i += 2;
            continue;
        }
        text_add(out, line + i, 1);
        bool closes = line[i] == '*' && i + 1 < len && line[i + 1] == '/';
        bool opens = line[i] == '/' && i + 1 < len && line[i + 1] == '*';
        if (closes || opens) {
            text_add(out, " ", 1);
        }
    }
}

static void write_lines(struct text *out, const char *comment, const char *indent)
{
    size_t end = strlen(comment);
    while (end > 0 && strchr(" \t\r\n", comment[end - 1])) {
        end--;
    }
    for (size_t at = 0; at < end;) {
        const char *newline = memchr(comment + at, '\n', end - at);
        size_t len = newline ? (size_t)(newline - comment) - at : end - at;
        size_t text_len = len;
        while (text_len > 0 && strchr(" \t\r", comment[at + text_len - 1])) {
            text_len--;
        }
        text_put(out, "%s *%s", indent, text_len && comment[at] != ' ' ? " " : "");
        write_line(out, comment + at, text_len);
        text_put(out, "\n");
        at += len + 1;
    }
}

static bool is_blank(const char *comment)
{
    return !comment || comment[strspn(comment, " \t\r\n")] == '\0';
}

/* A doc comment opens with one star more than others, and that one comes along. */
static const char *without_star(const char *comment)
{
    return *comment == '*' ? comment + 1 : comment;
}

static void write_rule(struct text *out, bool needed, const char *indent)
{
    if (needed) {
        text_put(out, "%s *\n", indent);
    }
}

void write_comment_and(struct text *out, struct place place, const char *indent, const char *more)
{
    const char *leading = place.location ? place.location->leading_comments : NULL;
    const char *trailing = place.location ? place.location->trailing_comments : NULL;
    bool first = !is_blank(leading), second = !is_blank(trailing), third = !is_blank(more);
    if (!first && !second && !third) {
        return;
    }
    text_put(out, "%s/**\n", indent);
    if (first) {
        write_lines(out, without_star(leading), indent);
    }
    write_rule(out, first && second, indent);
    if (second) {
        write_lines(out, without_star(trailing), indent);
    }
    write_rule(out, (first || second) && third, indent);
    if (third) {
        write_lines(out, more, indent);
    }
    text_put(out, "%s */\n", indent);
}

void write_comment(struct text *out, struct place place, const char *indent)
{
    write_comment_and(out, place, indent, NULL);
}
