#include "lesson_text.h"

#include <cmark.h>
#include <stdlib.h>
#include <string.h>

#include "lesson_predict.h"

/* ---- what stands in a line ------------------------------------------------------------------ */

/* Text that grows; bad once memory was out. */
struct words {
    char *text;
    size_t len, cap;
    bool bad;
};

static void put(struct words *w, const char *text)
{
    size_t n = text ? strlen(text) : 0;

    if (w->len + n + 1 > w->cap) {
        size_t cap = (w->len + n + 1) * 2;
        char *more = w->bad ? NULL : realloc(w->text, cap);
        if (!more) {
            w->bad = true;
            return;
        }
        w->text = more;
        w->cap = cap;
    }
    if (n)
        memcpy(w->text + w->len, text, n);
    w->len += n;
    w->text[w->len] = '\0';
}

static void put_inline(struct words *w, cmark_node *node, bool enter)
{
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_TEXT:
        put(w, cmark_node_get_literal(node));
        break;
    case CMARK_NODE_CODE:
        put(w, "`");
        put(w, cmark_node_get_literal(node));
        put(w, "`");
        break;
    case CMARK_NODE_SOFTBREAK:
    case CMARK_NODE_LINEBREAK:
        put(w, " ");
        break;
    case CMARK_NODE_LINK:
        if (enter)
            break;
        put(w, " (");
        put(w, cmark_node_get_url(node));
        put(w, ")");
        break;
    default:
        break;
    }
}

/* All the text below a node as one line; to be freed. */
static char *flatten(cmark_node *node)
{
    cmark_iter *it = cmark_iter_new(node);
    struct words w = { NULL, 0, 0, false };
    cmark_event_type ev;

    put(&w, "");
    while ((ev = cmark_iter_next(it)) != CMARK_EVENT_DONE)
        put_inline(&w, cmark_iter_get_node(it), ev == CMARK_EVENT_ENTER);
    cmark_iter_free(it);
    if (!w.bad)
        return w.text;
    free(w.text);
    return NULL;
}

/* ---- blocks --------------------------------------------------------------------------------- */

static struct lesson_block *add(struct lesson_text *t, enum lesson_block_kind kind,
                                cmark_node *node)
{
    struct lesson_block *more = realloc(t->blocks, (t->count + 1) * sizeof *more);
    struct lesson_block *b;

    if (!more)
        return NULL;
    t->blocks = more;
    b = &more[t->count++];
    memset(b, 0, sizeof *b);
    b->kind = kind;
    b->line = cmark_node_get_start_line(node);
    return b;
}

/* The word before the first blank of an info string is its kind, the rest its argument. */
static enum lesson_block_kind fence_kind(const char *info, const char **argument)
{
    static const struct {
        const char *word;
        enum lesson_block_kind kind;
    } kinds[] = { { "wire", LESSON_WIRE }, { "predict", LESSON_PREDICT }, { "code", LESSON_CODE } };
    size_t n = strcspn(info, " ");

    *argument = info + n + strspn(info + n, " ");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].word) == n && memcmp(kinds[i].word, info, n) == 0)
            return kinds[i].kind;
    }
    return LESSON_VERBATIM;
}

static bool add_fence(struct lesson_text *t, cmark_node *node)
{
    const char *info = cmark_node_get_fence_info(node), *literal = cmark_node_get_literal(node);
    const char *argument = "";
    enum lesson_block_kind kind = fence_kind(info ? info : "", &argument);
    struct lesson_block *b = add(t, kind, node);

    if (!b)
        return false;
    if (kind == LESSON_PREDICT)
        return lesson_predict_read(b, literal ? literal : "");
    b->text = strdup(kind == LESSON_VERBATIM ? literal : argument);
    return b->text != NULL;
}

static bool add_line(struct lesson_text *t, enum lesson_block_kind kind, cmark_node *node,
                     int level, int number)
{
    struct lesson_block *b = add(t, kind, node);

    if (!b)
        return false;
    b->level = level;
    b->number = number;
    b->text = flatten(node);
    return b->text != NULL;
}

/* How many of its parents are of a type. */
static int depth_of(cmark_node *node, cmark_node_type type)
{
    int depth = 0;

    while ((node = cmark_node_parent(node)))
        depth += cmark_node_get_type(node) == type;
    return depth;
}

/* The number of the item that a paragraph begins; 0 for a bullet. */
static int item_number(cmark_node *paragraph)
{
    cmark_node *item = cmark_node_parent(paragraph), *list = cmark_node_parent(item);
    int number = cmark_node_get_list_start(list);

    if (cmark_node_get_list_type(list) != CMARK_ORDERED_LIST)
        return 0;
    while ((item = cmark_node_previous(item)))
        number++;
    return number;
}

static bool add_paragraph(struct lesson_text *t, cmark_node *node)
{
    cmark_node *parent = cmark_node_parent(node);
    int depth = depth_of(node, CMARK_NODE_LIST);

    if (cmark_node_get_type(parent) == CMARK_NODE_ITEM && !cmark_node_previous(node))
        return add_line(t, LESSON_ITEM, node, depth, item_number(node));
    if (cmark_node_get_type(parent) == CMARK_NODE_BLOCK_QUOTE)
        return add_line(t, LESSON_QUOTE, node, depth, 0);
    return add_line(t, LESSON_PARAGRAPH, node, depth, 0);
}

static bool add_block(struct lesson_text *t, cmark_node *node)
{
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_HEADING:
        return add_line(t, LESSON_HEADING, node, cmark_node_get_heading_level(node), 0);
    case CMARK_NODE_PARAGRAPH:
        return add_paragraph(t, node);
    case CMARK_NODE_CODE_BLOCK:
        return add_fence(t, node);
    default:
        return true;
    }
}

bool lesson_text_read(struct lesson_text *out, const char *markdown)
{
    cmark_node *root = cmark_parse_document(markdown, strlen(markdown), CMARK_OPT_VALIDATE_UTF8);
    cmark_iter *it = root ? cmark_iter_new(root) : NULL;
    cmark_event_type ev;
    bool ok = it != NULL;

    memset(out, 0, sizeof *out);
    while (ok && (ev = cmark_iter_next(it)) != CMARK_EVENT_DONE) {
        if (ev == CMARK_EVENT_ENTER)
            ok = add_block(out, cmark_iter_get_node(it));
    }
    if (it)
        cmark_iter_free(it);
    if (root)
        cmark_node_free(root);
    return ok;
}

void lesson_text_done(struct lesson_text *t)
{
    for (size_t i = 0; i < t->count; i++) {
        lesson_predict_done(&t->blocks[i]);
        free(t->blocks[i].text);
    }
    free(t->blocks);
    memset(t, 0, sizeof *t);
}

const char *lesson_text_title(const struct lesson_text *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->blocks[i].kind == LESSON_HEADING)
            return t->blocks[i].text;
    }
    return "";
}
