#include "crypto/secrets.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

enum { LINE_KEY_LEN = 1 + RANDOM_LEN, ROWS_MIN = 16, ROWS_MAX = 1 << 22 };

/*
 * The rows are the leaves of a crit-bit tree, as no choice of client randoms makes it deeper than
 * a key has bits. Row n is also the node that was made for it, but for the first, which needs none.
 */
struct secret_row {
    uint8_t key[LINE_KEY_LEN]; /* label, client random */
    struct secret secret;
    uint16_t bit;      /* where the keys below the node differ first */
    uint32_t child[2]; /* refs, by that bit */
};

/* ---- the tree -------------------------------------------------------------------------------- */

/* A ref is the number of a row, as a leaf or as a node. */
static uint32_t ref_leaf(uint32_t row)
{
    return row << 1 | 1;
}

static uint32_t ref_node(uint32_t row)
{
    return row << 1;
}

static bool is_leaf(uint32_t ref)
{
    return ref & 1;
}

static unsigned bit_of(const uint8_t *key, unsigned bit)
{
    return (unsigned)key[bit >> 3] >> (7 - (bit & 7)) & 1;
}

/* The only row whose key may be this one. There are rows. */
static struct secret_row *candidate(const struct secrets *s, const uint8_t *key)
{
    uint32_t ref = s->root;

    while (!is_leaf(ref))
        ref = s->rows[ref >> 1].child[bit_of(key, s->rows[ref >> 1].bit)];
    return &s->rows[ref >> 1];
}

/* The keys differ. */
static unsigned first_difference(const uint8_t *a, const uint8_t *b)
{
    unsigned bit = 0;

    while (bit_of(a, bit) == bit_of(b, bit))
        bit++;
    return bit;
}

static bool reserve(struct secrets *s)
{
    uint32_t cap = MAX(ROWS_MIN, s->cap * 2);
    void *rows;

    if (s->count < s->cap)
        return true;
    if (cap > ROWS_MAX)
        return false;
    rows = vitro_mem_resize(s->account, s->rows, s->cap * sizeof *s->rows, cap * sizeof *s->rows);
    if (!rows)
        return false;
    s->rows = rows;
    s->cap = cap;
    return true;
}

/* Hang the newest row, whose key differs from all others first at this bit, into the tree. */
static void hang(struct secrets *s, struct secret_row *row, unsigned bit)
{
    uint32_t *ref = &s->root;
    unsigned side = bit_of(row->key, bit);

    while (!is_leaf(*ref) && s->rows[*ref >> 1].bit < bit)
        ref = &s->rows[*ref >> 1].child[bit_of(row->key, s->rows[*ref >> 1].bit)];
    row->bit = (uint16_t)bit;
    row->child[side] = ref_leaf(s->count);
    row->child[!side] = *ref;
    *ref = ref_node(s->count);
}

static bool keep(struct secrets *s, const uint8_t *key, const struct secret *secret)
{
    const struct secret_row *near = s->count ? candidate(s, key) : NULL;
    struct secret_row *row;

    if (near && memcmp(near->key, key, LINE_KEY_LEN) == 0)
        return true;
    unsigned bit = near ? first_difference(near->key, key) : 0;
    if (!reserve(s))
        return false;
    assert(s->rows);
    row = &s->rows[s->count];
    memcpy(row->key, key, LINE_KEY_LEN);
    row->secret = *secret;
    if (near)
        hang(s, row, bit);
    else
        s->root = ref_leaf(0);
    s->count++;
    return true;
}

bool vitro_secrets_find(const struct secrets *s, enum secret_label label,
                        const uint8_t client_random[RANDOM_LEN], struct secret *out)
{
    uint8_t key[LINE_KEY_LEN] = { (uint8_t)label };
    const struct secret_row *row;

    memcpy(key + 1, client_random, RANDOM_LEN);
    row = s->count ? candidate(s, key) : NULL;
    if (!row || memcmp(row->key, key, LINE_KEY_LEN) != 0)
        return false;
    *out = row->secret;
    return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static const struct {
    vitro_str name;
    uint8_t label;
} labels[] = {
    { VITRO_STR_INIT("CLIENT_RANDOM"), SECRET_MASTER },
    { VITRO_STR_INIT("CLIENT_EARLY_TRAFFIC_SECRET"), SECRET_CLIENT_EARLY },
    { VITRO_STR_INIT("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), SECRET_CLIENT_HANDSHAKE },
    { VITRO_STR_INIT("SERVER_HANDSHAKE_TRAFFIC_SECRET"), SECRET_SERVER_HANDSHAKE },
    { VITRO_STR_INIT("CLIENT_TRAFFIC_SECRET_0"), SECRET_CLIENT_TRAFFIC },
    { VITRO_STR_INIT("SERVER_TRAFFIC_SECRET_0"), SECRET_SERVER_TRAFFIC },
};

/* Cut the text before the next such character off; all of it when there is none. */
static vitro_str cut(vitro_str *text, char at)
{
    const char *end = text->len ? memchr(text->ptr, at, text->len) : NULL;
    vitro_str front = { text->ptr, end ? (size_t)(end - text->ptr) : text->len };
    size_t gone = front.len + (end != NULL);

    text->ptr += gone;
    text->len -= gone;
    return front;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when it is not hex digits in pairs, or more than max bytes. */
static bool read_hex(vitro_str text, uint8_t *out, size_t max)
{
    if (text.len % 2 || text.len / 2 > max)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = digit_of(text.ptr[i]), low = digit_of(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* A master secret has 48 bytes, a traffic secret as many as a digest of 1.3's suites: 32 or 48. */
static bool sound_length(uint8_t label, size_t len)
{
    return len == SECRET_MAX || (label != SECRET_MASTER && len == 32);
}

/* The rest of a line behind its label. False when memory is out. */
static bool add_secret(struct secrets *s, uint8_t label, vitro_str rest)
{
    vitro_str random = cut(&rest, ' ');
    uint8_t key[LINE_KEY_LEN] = { label };
    struct secret secret = { .len = (uint8_t)MIN(rest.len / 2, SECRET_MAX) };

    if (random.len == 2 * RANDOM_LEN && read_hex(random, key + 1, RANDOM_LEN) &&
        read_hex(rest, secret.bytes, SECRET_MAX) && sound_length(label, secret.len))
        return keep(s, key, &secret);
    s->bad++;
    return true;
}

static bool add_line(struct secrets *s, vitro_str line)
{
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (!line.len || line.ptr[0] == '#')
        return true;
    vitro_str name = cut(&line, ' ');
    for (size_t i = 0; i < ARRAY_LEN(labels); i++)
        if (vitro_str_eq(name, labels[i].name))
            return add_secret(s, labels[i].label, line);
    *(line.len ? &s->others : &s->bad) += 1;
    return true;
}

bool vitro_secrets_add(struct secrets *s, vitro_str lines)
{
    while (lines.len)
        if (!add_line(s, cut(&lines, '\n')))
            return false;
    return true;
}

void vitro_secrets_init(struct secrets *s, struct account *account)
{
    memset(s, 0, sizeof *s);
    s->account = account;
}

void vitro_secrets_done(struct secrets *s)
{
    vitro_mem_free(s->account, s->rows, s->cap * sizeof *s->rows);
    memset(s, 0, sizeof *s);
}
