/*
 * keymap - which key does what: as keys.def has it, until somebody binds another.
 *
 * A key is a character or one of the numbers below; it has a name for people and for
 * `bind KEY ACTION`: "x", "Space", "^X", "F5", "PgUp".
 */
#ifndef VITRO_UI_KEYMAP_H
#define VITRO_UI_KEYMAP_H

#include "vitro/base.h"

/* Keys that are no characters. */
enum {
    UI_CTRL_A = 1,
    UI_CTRL_C = 3,
    UI_CTRL_E = 5,
    UI_TAB = '\t',
    UI_ENTER = '\n',
    UI_CTRL_L = 12,
    UI_CTRL_U = 21,
    UI_CTRL_W = 23,
    UI_CTRL_Z = 26,
    UI_ESCAPE = 27,
    UI_UP = 0x200000,
    UI_DOWN,
    UI_LEFT,
    UI_RIGHT,
    UI_HOME,
    UI_END,
    UI_PAGE_UP,
    UI_PAGE_DOWN,
    UI_BACKTAB,
    UI_BACKSPACE,
    UI_DELETE,
    UI_F1,
    UI_F4 = UI_F1 + 3,
    UI_F12 = UI_F1 + 11,
    UI_RESIZE,
    UI_MOUSE
};

enum action {
    ACT_NONE,
#define KEY(action, key, other, english, korean) ACT_##action,
#include "ui/keys.def"
#undef KEY
    ACT_COUNT
};

enum { KEYS_OF_ONE = 3, KEY_NAME = 16, ACTION_NAME = 24 };

struct keymap {
    int keys[ACT_COUNT][KEYS_OF_ONE]; /* 0: none; the first is shown first */
};

/* A line of the help: every action has one. */
struct key_row {
    char keys[KEYS_OF_ONE * KEY_NAME];
    const char *english, *korean;
    bool lesson; /* of a lesson only */
};

void keymap_init(struct keymap *map);
/* Give the actions of a lesson their keys, besides those that somebody bound to them. */
void keymap_lesson(struct keymap *map);

/*
 * The key that a Hangul letter stands on (the usual layout, with two sets of letters): who types
 * Korean need not change over to press q. Any other key is itself.
 */
int keymap_latin(int key);

/* What a key does; ACT_NONE: nothing. */
enum action keymap_action(const struct keymap *map, int key);

/* Let a key do that, and nothing else; ACT_NONE takes it away. */
void keymap_bind(struct keymap *map, int key, enum action action);

/* It means something in a lesson only. */
bool keymap_of_lesson(enum action action);

/* The line of the i-th action, from 0; false behind the last. */
bool keymap_row(const struct keymap *map, size_t i, struct key_row *out);

/* "filter-invert"; out is terminated. */
void keymap_action_name(enum action action, char out[ACTION_NAME]);
/* ACT_NONE: there is none by that name. */
enum action keymap_find(vitro_str name);

void keymap_name(int key, char out[KEY_NAME]);
/* 0: there is none by that name. */
int keymap_key(vitro_str name);

#endif
