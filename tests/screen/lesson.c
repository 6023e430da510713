/*
 * lesson - the screen of a lesson after some keys, as text, for documents and for comparing:
 *
 *      lesson NAME WIDTHxHEIGHT en|ko|ascii KEY...
 *
 * A KEY is a character, a name (Enter, Space, Down), or either with a number: Enter*3. The lesson
 * is that of the build, its program runs as it does for a learner.
 */
#include <stdio.h>

#include "support/lesson_player.h"

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "lesson: %s: %s\n", what, why);
    return 2;
}

/* The number behind a star, else 1; the name before it is cut off there. */
static int times(char *word)
{
    char *star = word[0] ? strchr(word + 1, '*') : NULL;

    if (!star)
        return 1;
    *star = '\0';
    return (int)strtol(star + 1, NULL, 10);
}

static int press(struct lesson_player *p, char *word)
{
    int n = times(word), key = keymap_key(vitro_str_of(word));

    if (!key)
        return fail(word, "no such key");
    while (n-- > 0) {
        if (!player_key(p, key))
            return fail(word, "the program does not come to rest");
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct lesson_player p;
    char dir[512];
    int w, h, status = 0;
    bool korean;

    if (argc < 4 || sscanf(argv[2], "%dx%d", &w, &h) != 2)
        return fail("usage", "lesson NAME WIDTHxHEIGHT en|ko|ascii KEY...");
    korean = strcmp(argv[3], "ko") == 0;
    snprintf(dir, sizeof dir, "build/lessons/%s", argv[1]);
    if (!player_open(&p, dir, argv[1], korean ? VITRO_KOREAN : VITRO_ENGLISH))
        return fail(argv[1], "cannot be begun");
    p.ui.ascii = strcmp(argv[3], "ascii") == 0;
    player_size(&p, w, h);
    for (int i = 4; i < argc && !status; i++)
        status = press(&p, argv[i]);
    player_show(&p);
    if (!status)
        fputs(p.text, stdout);
    player_close(&p);
    return status;
}
