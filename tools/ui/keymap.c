#include "ui/keymap.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"

static const struct {
    const char *name;
    int keys[KEYS_OF_ONE];
    const char *english, *korean;
    bool lesson;
} actions[] = {
#define KEY(action, key, other, english, korean)                                                   \
    { #action, { key, other, 0 }, english, korean, false },
#define LESSON_KEY(action, key, other, english, korean)                                            \
    { #action, { key, other, 0 }, english, korean, true },
#include "ui/keys.def"
#undef LESSON_KEY
#undef KEY
};

static const struct {
    int key;
    const char *name;
} named[] = {
    { ' ', "Space" },        { UI_TAB, "Tab" },        { UI_ENTER, "Enter" },
    { UI_ESCAPE, "Esc" },    { UI_UP, "Up" },          { UI_DOWN, "Down" },
    { UI_LEFT, "Left" },     { UI_RIGHT, "Right" },    { UI_HOME, "Home" },
    { UI_END, "End" },       { UI_PAGE_UP, "PgUp" },   { UI_PAGE_DOWN, "PgDn" },
    { UI_BACKTAB, "S-Tab" }, { UI_BACKSPACE, "Bksp" }, { UI_DELETE, "Del" },
};

/* ---- bindings -------------------------------------------------------------------------------- */

void keymap_init(struct keymap *map)
{
    memset(map, 0, sizeof *map);
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (!actions[i].lesson)
            memcpy(map->keys[i + 1], actions[i].keys, sizeof map->keys[0]);
    }
}

static enum action bound_to(const struct keymap *map, int key)
{
    for (int a = 1; key && a < ACT_COUNT; a++) {
        for (int k = 0; k < KEYS_OF_ONE; k++) {
            if (map->keys[a][k] == key)
                return (enum action)a;
        }
    }
    return ACT_NONE;
}

int keymap_latin(int key)
{
    static const char consonants[] = "rR s  eEf       aqQ tTdwWczxvg"; /* from U+3131 on */
    static const char vowels[] = "koiOjpuPh   yn   bm l";              /* from U+314F on */
    char latin = ' ';

    if (key >= 0x3131 && key < 0x3131 + (int)sizeof consonants - 1)
        latin = consonants[key - 0x3131];
    else if (key >= 0x314f && key < 0x314f + (int)sizeof vowels - 1)
        latin = vowels[key - 0x314f];
    return latin == ' ' ? key : latin;
}

enum action keymap_action(const struct keymap *map, int key)
{
    enum action action = bound_to(map, key);

    return action == ACT_NONE ? bound_to(map, keymap_latin(key)) : action;
}

static void unbind(struct keymap *map, int key)
{
    for (int a = 1; a < ACT_COUNT; a++) {
        int n = 0;
        for (int k = 0; k < KEYS_OF_ONE; k++) {
            if (map->keys[a][k] != key)
                map->keys[a][n++] = map->keys[a][k];
        }
        while (n < KEYS_OF_ONE)
            map->keys[a][n++] = 0;
    }
}

void keymap_bind(struct keymap *map, int key, enum action action)
{
    unbind(map, key);
    if (action == ACT_NONE)
        return;
    memmove(&map->keys[action][1], &map->keys[action][0],
            (KEYS_OF_ONE - 1) * sizeof map->keys[0][0]);
    map->keys[action][0] = key;
}

bool keymap_of_lesson(enum action action)
{
    return action != ACT_NONE && actions[action - 1].lesson;
}

void keymap_lesson(struct keymap *map)
{
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        for (int k = KEYS_OF_ONE; actions[i].lesson && k-- > 0;) {
            if (actions[i].keys[k])
                keymap_bind(map, actions[i].keys[k], (enum action)(i + 1));
        }
    }
}

bool keymap_row(const struct keymap *map, size_t i, struct key_row *out)
{
    struct text t;
    char name[KEY_NAME];

    if (i >= ARRAY_LEN(actions))
        return false;
    vitro_text_init(&t, out->keys, sizeof out->keys);
    for (int k = 0; k < KEYS_OF_ONE && map->keys[i + 1][k]; k++) {
        keymap_name(map->keys[i + 1][k], name);
        vitro_text_add(&t, "%s%s", k ? " " : "", name);
    }
    out->english = actions[i].english;
    out->korean = actions[i].korean;
    out->lesson = actions[i].lesson;
    return true;
}

/* ---- names ----------------------------------------------------------------------------------- */

void keymap_action_name(enum action action, char out[ACTION_NAME])
{
    const char *name = action == ACT_NONE ? "none" : actions[action - 1].name;
    size_t n = 0;

    for (; name[n] && n < ACTION_NAME - 1; n++) {
        char c = name[n];
        out[n] = (char)(c == '_' ? '-' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    out[n] = 0;
}

enum action keymap_find(vitro_str name)
{
    char own[ACTION_NAME];

    for (int a = 1; a < ACT_COUNT; a++) {
        keymap_action_name((enum action)a, own);
        if (strlen(own) == name.len && memcmp(own, name.ptr, name.len) == 0)
            return (enum action)a;
    }
    return ACT_NONE;
}

void keymap_name(int key, char out[KEY_NAME])
{
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (named[i].key == key) {
            snprintf(out, KEY_NAME, "%s", named[i].name);
            return;
        }
    }
    if (key >= UI_F1 && key <= UI_F12)
        snprintf(out, KEY_NAME, "F%d", key - UI_F1 + 1);
    else if (key > 0 && key < ' ')
        snprintf(out, KEY_NAME, "^%c", key + '@');
    else if (key < 0x7f)
        snprintf(out, KEY_NAME, "%c", key);
    else if (key < 0x110000)
        out[vitro_utf8_encode((uint32_t)key, out)] = 0;
    else
        out[0] = 0;
}

int keymap_key(vitro_str name)
{
    char own[KEY_NAME];
    uint32_t c;

    if (name.len > 1) {
        for (int key = 1; key < 0x7f; key++) {
            keymap_name(key, own);
            if (strlen(own) == name.len && memcmp(own, name.ptr, name.len) == 0)
                return key;
        }
        for (int key = UI_UP; key <= UI_F12; key++) {
            keymap_name(key, own);
            if (strlen(own) == name.len && memcmp(own, name.ptr, name.len) == 0)
                return key;
        }
    }
    if (name.len && vitro_utf8_decode(name, &c) == name.len && vitro_utf8_printable(c))
        return (int)c;
    return 0;
}
