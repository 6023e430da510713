#include "filter.h"

#include <string.h>

#include "base/util.h"
#include "vitro/lab/decode.h"

enum kind { TEST, NOT, AND, OR };
enum op { HAS, EQ, NE, GT, LT, GE, LE, CONTAINS };

enum { NESTING = 32 };

/* What filter_fields.def says of kinds and types. */
enum {
    ANY = 0xffff,
    PREFACE = 1 << VITRO_EVENT_PREFACE,
    FRAME = 1 << VITRO_EVENT_FRAME,
    GRPC = 1 << VITRO_EVENT_GRPC,
    PROTOBUF = 1 << VITRO_EVENT_PROTOBUF,
    RECORD = 1 << VITRO_EVENT_TLS,
    DATA = 1 << 0,
    HEADERS = 1 << 1,
    PRIORITY = 1 << 2,
    RST_STREAM = 1 << 3,
    SETTINGS = 1 << 4,
    PUSH_PROMISE = 1 << 5,
    PING = 1 << 6,
    GOAWAY = 1 << 7,
    WINDOW_UPDATE = 1 << 8,
    CONTINUATION = 1 << 9,
    BLOCK = HEADERS | PUSH_PROMISE | CONTINUATION
};

static const struct filter_field fields[] = {
#define FIELD(id, name, kinds, types) { name, kinds, types, FILTER_##id },
#include "filter_fields.def"
#undef FIELD
};

static const struct {
    const char *text;
    enum op op;
} ops[] = { { "==", EQ },
            { "!=", NE },
            { ">=", GE },
            { "<=", LE },
            { ">", GT },
            { "<", LT },
            { "eq", EQ },
            { "ne", NE },
            { "ge", GE },
            { "le", LE },
            { "gt", GT },
            { "lt", LT },
            { "contains", CONTAINS } };

struct parser {
    struct filter *f;
    vitro_str s;
    size_t at;
    int depth;
    struct filter_error *err;
    bool failed;
};

const char *filter_field(size_t i)
{
    return i < ARRAY_LEN(fields) ? fields[i].name : NULL;
}

static uint8_t fail(struct parser *p, size_t at, const char *english, const char *korean)
{
    if (!p->failed && p->err) {
        p->err->at = at;
        p->err->text[VITRO_ENGLISH] = english;
        p->err->text[VITRO_KOREAN] = korean;
    }
    p->failed = true;
    return 0;
}

static uint8_t node(struct parser *p, enum kind kind, uint8_t left, uint8_t right)
{
    struct filter_node *n;

    if (p->failed)
        return 0;
    if (p->f->count == FILTER_NODES)
        return fail(p, p->at, "too long", "너무 김");
    n = &p->f->nodes[p->f->count];
    memset(n, 0, sizeof *n);
    n->kind = (uint8_t)kind;
    n->left = left;
    n->right = right;
    return (uint8_t)p->f->count++;
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '/' || c == ':' || (unsigned char)c >= 0x80;
}

static void blanks(struct parser *p)
{
    while (p->at < p->s.len && (p->s.ptr[p->at] == ' ' || p->s.ptr[p->at] == '\t'))
        p->at++;
}

static vitro_str word(const struct parser *p)
{
    size_t n = 0;

    while (p->at + n < p->s.len && is_word(p->s.ptr[p->at + n]))
        n++;
    return (vitro_str){ p->s.ptr + p->at, n };
}

/* Take a sign or a word; a word ends where letters do. */
static bool take(struct parser *p, const char *text)
{
    size_t n = strlen(text);

    blanks(p);
    if (p->s.len - p->at < n || memcmp(p->s.ptr + p->at, text, n) != 0)
        return false;
    if (is_word(text[0]) && word(p).len != n)
        return false;
    p->at += n;
    return true;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

static bool number(vitro_str s, uint64_t *out)
{
    uint64_t base = 10, v = 0;

    if (s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] == 'x' || s.ptr[1] == 'X')) {
        base = 16;
        s.ptr += 2;
        s.len -= 2;
    }
    for (size_t i = 0; i < s.len; i++) {
        uint64_t d = (uint64_t)digit(s.ptr[i]);
        if (d >= base || v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
    }
    *out = v;
    return s.len > 0;
}

static void add_char(struct parser *p, struct filter_node *n, char c)
{
    if (p->f->texts_len == sizeof p->f->texts) {
        fail(p, p->at, "too long", "너무 김");
        return;
    }
    p->f->texts[p->f->texts_len++] = c;
    n->text_len++;
}

static void quoted(struct parser *p, struct filter_node *n)
{
    size_t start = p->at++;

    while (p->at < p->s.len && p->s.ptr[p->at] != '"' && !p->failed) {
        if (p->s.ptr[p->at] == '\\' && p->at + 1 < p->s.len)
            p->at++;
        add_char(p, n, p->s.ptr[p->at++]);
    }
    if (p->at == p->s.len)
        fail(p, start, "the quotation has no end", "따옴표가 닫히지 않음");
    else
        p->at++;
}

static void value(struct parser *p, uint8_t i)
{
    struct filter_node *n = &p->f->nodes[i];
    vitro_str w;

    blanks(p);
    n->text_at = (uint16_t)p->f->texts_len;
    if (p->at < p->s.len && p->s.ptr[p->at] == '"') {
        quoted(p, n);
        return;
    }
    w = word(p);
    if (!w.len) {
        fail(p, p->at, "a value is missing: a number, a word or \"text\"",
             "값이 없음: 숫자, 낱말 또는 \"글\"");
        return;
    }
    n->has_number = number(w, &n->number);
    for (size_t k = 0; k < w.len; k++)
        add_char(p, n, w.ptr[k]);
    p->at += w.len;
}

/* ---- grammar --------------------------------------------------------------------------------- */

static const struct filter_field *known(vitro_str name)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (vitro_str_eq(vitro_str_of(fields[i].name), name))
            return &fields[i];
    }
    return NULL;
}

static uint8_t test(struct parser *p)
{
    vitro_str name = word(p);
    const struct filter_field *field = known(name);
    size_t at = p->at;
    uint8_t i;

    if (!name.len)
        return at < p->s.len ? fail(p, at, "a field's name belongs here", "필드 이름이 올 자리")
                             : fail(p, at, "something is missing", "무엇이 빠졌음");
    if (!field)
        return fail(p, at, "no such field", "그런 필드가 없음");
    p->at += name.len;
    i = node(p, TEST, 0, 0);
    if (p->failed)
        return 0;
    p->f->nodes[i].field = field;
    for (size_t k = 0; k < ARRAY_LEN(ops); k++) {
        if (take(p, ops[k].text)) {
            p->f->nodes[i].op = (uint8_t)ops[k].op;
            value(p, i);
            break;
        }
    }
    return i;
}

static uint8_t any(struct parser *p);

static uint8_t not_or_test(struct parser *p)
{
    uint8_t i;

    if (p->failed)
        return 0;
    if (++p->depth > NESTING)
        return fail(p, p->at, "nested too deep", "괄호가 너무 깊음");
    blanks(p);
    if (take(p, "!") || take(p, "not")) {
        i = not_or_test(p);
        i = node(p, NOT, i, 0);
    } else if (take(p, "(")) {
        size_t at = p->at - 1;
        i = any(p);
        if (!take(p, ")"))
            i = fail(p, at, "this ( is never closed", "이 괄호 (가 닫히지 않음");
    } else {
        i = test(p);
    }
    p->depth--;
    return i;
}

static uint8_t all(struct parser *p)
{
    uint8_t i = not_or_test(p);

    while (!p->failed && (take(p, "&&") || take(p, "and"))) {
        uint8_t right = not_or_test(p);
        i = node(p, AND, i, right);
    }
    return i;
}

static uint8_t any(struct parser *p)
{
    uint8_t i = all(p);

    while (!p->failed && (take(p, "||") || take(p, "or"))) {
        uint8_t right = all(p);
        i = node(p, OR, i, right);
    }
    return i;
}

bool filter_parse(struct filter *out, vitro_str text, struct filter_error *err)
{
    struct parser p = { .f = out, .s = text, .err = err };

    memset(out, 0, sizeof *out);
    blanks(&p);
    if (p.at == text.len)
        return true;
    out->root = any(&p);
    blanks(&p);
    if (!p.failed && p.at < text.len)
        fail(&p, p.at, "&& or || belongs here", "&&나 ||가 올 자리");
    return !p.failed;
}

/* ---- matching -------------------------------------------------------------------------------- */

struct visitor {
    const struct filter *f;
    const struct filter_node *n;
    bool any, equal;
};

static bool contains(vitro_str hay, vitro_str needle)
{
    return !needle.len || memmem(hay.ptr, hay.len, needle.ptr, needle.len) != NULL;
}

/* "HEADERS" is equal to the text "HEADERS (1)": a name with its number behind it. */
static bool same_text(vitro_str has, vitro_str want)
{
    if (vitro_str_eq(has, want))
        return true;
    return has.len > want.len + 2 && memcmp(has.ptr, want.ptr, want.len) == 0 &&
           memcmp(has.ptr + want.len, " (", 2) == 0;
}

static bool compare(enum op op, uint64_t a, uint64_t b)
{
    switch (op) {
    case GT:
        return a > b;
    case LT:
        return a < b;
    case GE:
        return a >= b;
    case LE:
        return a <= b;
    default:
        return a == b;
    }
}

static void visit(void *arg, const struct filter_value *v)
{
    struct visitor *x = arg;
    vitro_str want = { x->f->texts + x->n->text_at, x->n->text_len };
    bool numbers = v->has_number && x->n->has_number;

    switch (x->n->op) {
    case HAS:
        x->any = true;
        break;
    case CONTAINS:
        x->any |= contains(v->text, want);
        break;
    case EQ:
    case NE:
        x->equal |= numbers ? v->number == x->n->number : same_text(v->text, want);
        x->any = true;
        break;
    default:
        x->any |= numbers && compare((enum op)x->n->op, v->number, x->n->number);
    }
}

static bool match_test(const struct filter *f, const struct filter_node *n, filter_facts *facts,
                       void *user)
{
    struct visitor x = { f, n, false, false };

    facts(user, n->field, visit, &x);
    if (n->op == EQ)
        return x.equal;
    return n->op == NE ? x.any && !x.equal : x.any;
}

static bool match(const struct filter *f, uint8_t i, filter_facts *facts, void *user)
{
    const struct filter_node *n = &f->nodes[i];

    switch (n->kind) {
    case NOT:
        return !match(f, n->left, facts, user);
    case AND:
        return match(f, n->left, facts, user) && match(f, n->right, facts, user);
    case OR:
        return match(f, n->left, facts, user) || match(f, n->right, facts, user);
    default:
        return match_test(f, n, facts, user);
    }
}

bool filter_match(const struct filter *f, filter_facts *facts, void *user)
{
    return !f->count || match(f, f->root, facts, user);
}
