/*
 * explain - the dictionary: a key in, the words that every view prints out.
 */
#include "vitro/lab/decode.h"

#include <string.h>

#include "base/util.h"

struct entry {
    const char *key;
    const char *name;
    const char *text[2]; /* by vitro_language */
    const char *section;
};

#define X(key, name, english, korean, section) { key, name, { english, korean }, section },
static const struct entry entries[] = {
#include "decode/explain.def"
};
#undef X

static void fill(const struct entry *e, vitro_language language, vitro_explanation *out)
{
    out->key = e->key;
    out->name = e->name;
    out->text = e->text[language == VITRO_KOREAN];
    out->section = e->section;
}

bool vitro_explain(const char *key, vitro_language language, vitro_explanation *out)
{
    size_t low = 0, high = ARRAY_LEN(entries);

    while (key && low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(key, entries[mid].key);
        if (order == 0) {
            fill(&entries[mid], language, out);
            return true;
        }
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

bool vitro_explain_at(size_t i, vitro_language language, vitro_explanation *out)
{
    if (i >= ARRAY_LEN(entries))
        return false;
    fill(&entries[i], language, out);
    return true;
}
