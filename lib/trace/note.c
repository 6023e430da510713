#include "trace/note.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "trace/journal.h"
#include "trace/tap.h"

/* ---- the tables that notes.def yields -------------------------------------------------------- */

enum field_type {
    FIELD_END,
    FIELD_ID,
    FIELD_AMOUNT,
    FIELD_TIME,
    FIELD_TEXT,
    FIELD_STR,
    FIELD_BYTES,
    FIELD_AT
};

struct field {
    const char *name;
    size_t offset;
    enum field_type type;
};

#define FIELD_TYPE(type)                                                                           \
    _Generic((type){ 0 },                                                                          \
        uint32_t: FIELD_ID,                                                                        \
        uint64_t: FIELD_AMOUNT,                                                                    \
        int64_t: FIELD_TIME,                                                                       \
        const char *: FIELD_TEXT,                                                                  \
        vitro_str: FIELD_STR,                                                                      \
        vitro_bytes: FIELD_BYTES,                                                                  \
        struct note_at: FIELD_AT)

/* The local typedef lets a field know its struct. */
#define VITRO_FIELD(type, name) { #name, offsetof(self, name), FIELD_TYPE(type) },
#define VITRO_NOTE(id, text, fields)                                                               \
    static const struct field *fields_of_##id(void)                                                \
    {                                                                                              \
        typedef struct note_##id self;                                                             \
        static const struct field table[] = { fields{ NULL, 0, FIELD_END } };                      \
        return table;                                                                              \
    }
#include "trace/notes.def"
#undef VITRO_NOTE
#undef VITRO_FIELD

static const struct note_row {
    const char *kind;
    const char *text;
    const struct field *(*fields)(void);
} rows[] = {
#define VITRO_NOTE(id, text, fields) { #id, text, fields_of_##id },
#include "trace/notes.def"
#undef VITRO_NOTE
};

/* ---- a note as a list of named values -------------------------------------------------------- */

enum { VALUES = 16, MESSAGE_BYTES = 2048, SAY_BYTES = 1024 };

struct value {
    const char *name;
    vitro_str text; /* any bytes */
    bool ours;      /* a number or a constant: one line of printable text */
    bool time;      /* people are told ms of its ns */
    uint64_t ns;
    char digits[JOURNAL_DIGITS];
};

struct values {
    struct value value[VALUES];
    size_t n;
};

static struct value *add_value(struct values *all, const char *name, bool ours)
{
    struct value *v = &all->value[all->n++];

    assert(all->n <= VALUES);
    v->name = name;
    v->ours = ours;
    v->time = false;
    return v;
}

static void add_number(struct values *all, const char *name, uint64_t number)
{
    struct value *v = add_value(all, name, true);

    v->text = vitro_journal_digits(number, v->digits);
}

static void add_at(struct values *all, const struct note_at *at)
{
    if (!at->side)
        return;
    add_value(all, "side", true)->text = vitro_str_of(at->side);
    if (at->conn == RECORD_NO_CONN)
        return;
    add_number(all, "conn", at->conn);
    add_number(all, "in", at->in);
    add_number(all, "out", at->out);
}

/* Read a member without caring for its alignment. */
#define LOAD(type, name, p)                                                                        \
    type name;                                                                                     \
    memcpy(&name, p, sizeof name)

static void add_field(struct values *all, const struct field *f, const char *note)
{
    const char *p = note + f->offset;

    if (f->type == FIELD_ID) {
        LOAD(uint32_t, id, p);
        if (id)
            add_number(all, f->name, id);
    } else if (f->type == FIELD_AMOUNT) {
        LOAD(uint64_t, amount, p);
        add_number(all, f->name, amount);
    } else if (f->type == FIELD_TIME) {
        LOAD(uint64_t, ns, p);
        add_number(all, f->name, ns);
        all->value[all->n - 1].time = true;
        all->value[all->n - 1].ns = ns;
    } else if (f->type == FIELD_TEXT) {
        LOAD(const char *, text, p);
        if (text)
            add_value(all, f->name, false)->text = vitro_str_of(text);
    } else if (f->type == FIELD_STR) {
        LOAD(vitro_str, text, p);
        add_value(all, f->name, false)->text = text;
    } else if (f->type == FIELD_BYTES) {
        LOAD(vitro_bytes, bytes, p);
        add_value(all, f->name, false)->text = (vitro_str){ (const char *)bytes.ptr, bytes.len };
    } else {
        LOAD(struct note_at, at, p);
        add_at(all, &at);
    }
}

static const struct value *find_value(const struct values *all, vitro_str name)
{
    for (size_t i = 0; i < all->n; i++)
        if (vitro_str_eq(vitro_str_of(all->value[i].name), name))
            return &all->value[i];
    return NULL;
}

/* ---- MESSAGE: the row's text with its values ------------------------------------------------- */

/* The text after {name} or [part], whose inside goes to *inside. */
static const char *bracketed(const char *p, char close, const char *end, vitro_str *inside)
{
    const char *stop = memchr(p + 1, close, (size_t)(end - p) - 1);

    *inside = (vitro_str){ p + 1, (size_t)(stop - p) - 1 };
    return stop + 1;
}

static bool has_all(const struct values *all, vitro_str part)
{
    const char *p = part.ptr, *end = p + part.len;
    vitro_str name;

    while ((p = memchr(p, '{', (size_t)(end - p)))) {
        p = bracketed(p, '}', end, &name);
        if (!find_value(all, name))
            return false;
    }
    return true;
}

static void say_value(struct text *out, const struct value *v)
{
    if (v && v->time)
        vitro_text_add(out, "%" PRIu64 ".%03u ms", v->ns / 1000000,
                       (unsigned)(v->ns / 1000 % 1000));
    else if (v && v->ours)
        vitro_text_bytes(out, v->text);
    else if (v)
        vitro_text_escape(out, v->text);
}

/* Bytes at p up to the mark, or to the end. */
static size_t run_before(const char *p, const char *end, char mark)
{
    const char *at = memchr(p, mark, (size_t)(end - p));

    return (size_t)((at ? at : end) - p);
}

/* Text with {names}. */
static void say_words(struct text *out, vitro_str words, const struct values *all)
{
    const char *p = words.ptr, *end = p + words.len;

    while (p < end) {
        size_t n = run_before(p, end, '{');
        vitro_str name;
        vitro_text_bytes(out, (vitro_str){ p, n });
        p += n;
        if (p < end) {
            p = bracketed(p, '}', end, &name);
            say_value(out, find_value(all, name));
        }
    }
}

/* Text with [parts] that are said when all their values are there. */
static void say_text(struct text *out, vitro_str text, const struct values *all)
{
    const char *p = text.ptr, *end = p + text.len;

    while (p < end) {
        size_t n = run_before(p, end, '[');
        vitro_str part;
        say_words(out, (vitro_str){ p, n }, all);
        p += n;
        if (p < end) {
            p = bracketed(p, ']', end, &part);
            if (has_all(all, part))
                say_words(out, part, all);
        }
    }
}

/* ---- the entry ------------------------------------------------------------------------------- */

static bool put_value(struct buf *out, const struct value *v)
{
    char field[32] = "VITRO_";
    const char *name = v->name;
    size_t n = 6;

    for (; *name && n < sizeof field; name++)
        field[n++] = (char)(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
    return vitro_journal_field(out, (vitro_str){ field, n }, v->text, v->ours);
}

static bool put_message(struct buf *out, const char *text, const struct values *all)
{
    char message[MESSAGE_BYTES];
    struct text line;
    vitro_str cut;

    vitro_text_init(&line, message, sizeof message);
    say_text(&line, vitro_str_of(text), all);
    cut = (vitro_str){ message, MIN(line.len, sizeof message - 1) };
    while (cut.len && !vitro_utf8_valid(cut)) /* cut within a character */
        cut.len--;
    return vitro_journal_field(out, vitro_str_of("MESSAGE"), cut, true);
}

bool vitro_note_entry(struct buf *entry, uint64_t ns, enum note_id id, const void *note)
{
    const struct note_row *row = &rows[id];
    struct values all;
    bool ok;

    all.n = 0;
    for (const struct field *f = row->fields(); f->type != FIELD_END; f++)
        add_field(&all, f, note);
    ok = vitro_journal_number(entry, "__REALTIME_TIMESTAMP", ns / 1000) &&
         put_message(entry, row->text, &all) &&
         vitro_journal_field(entry, vitro_str_of("VITRO_KIND"), vitro_str_of(row->kind), true) &&
         vitro_journal_number(entry, "VITRO_NS", ns);
    for (size_t i = 0; ok && i < all.n; i++)
        ok = put_value(entry, &all.value[i]);
    return ok;
}

/* ---- what callers see ------------------------------------------------------------------------ */

static bool make_note(vitro_trace *t, struct block *b, enum note_id id, const void *note)
{
    vitro_buf_consume(&t->entry, t->entry.len);
    if (!vitro_note_entry(&t->entry, vitro_trace_now(t), id, note))
        return false;
    vitro_block_journal(b, vitro_buf_bytes(&t->entry));
    return true;
}

void vitro_note_write(vitro_trace *t, enum note_id id, const void *note)
{
    struct block b;

    if (make_note(t, &b, id, note))
        vitro_trace_emit(t, &b);
    else
        vitro_trace_lose(t);
}

void vitro_note_write_to(vitro_trace *t, struct sink *s, enum note_id id, const void *note)
{
    struct block b;

    if (make_note(t, &b, id, note))
        vitro_trace_emit_to(t, s, &b);
    else
        s->lost++;
}

void vitro_trace_note(vitro_trace *trace, enum note_id id, const void *note)
{
    vitro_trace_enter(trace);
    vitro_note_write(trace, id, note);
    vitro_trace_leave(trace);
}

void vitro_trace_note_some(vitro_trace *trace, struct audience some, enum note_id id,
                           const void *note)
{
    struct block b;

    vitro_trace_enter(trace);
    if (make_note(trace, &b, id, note))
        vitro_trace_emit_some(trace, some, &b);
    vitro_trace_leave(trace);
}

void vitro_trace_say(vitro_trace *trace, const char *format, ...)
{
    char text[SAY_BYTES];
    va_list args;
    int n;

    if (!vitro_trace_on(trace))
        return;
    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n >= 0)
        vitro_note(trace, say, .text = { text, MIN((size_t)n, sizeof text - 1) });
}
