#include "ui/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

enum { LINE_MOST = PROMPT_TEXT, PATH_MOST = 4096 };

/* Said before the screen opens, so that it still stands there afterwards. */
static void complain(struct ui *ui, const char *path, unsigned line, const char *why)
{
    char where[PATH_MOST + 16];

    if (line)
        snprintf(where, sizeof where, "%s:%u", path, line);
    else
        snprintf(where, sizeof where, "%s", path);
    command_fail("config", where, why, "the rest is used");
    if (!ui->m.message[0])
        model_say(&ui->m, "%s: %s", where, why);
}

static void read_line(struct ui *ui, const char *path, unsigned number, char *line)
{
    char why[160];

    line += strspn(line, " \t");
    line[strcspn(line, "\r\n")] = 0;
    if (!line[0] || line[0] == '#')
        return;
    if (!ui_set(ui, line, why, sizeof why))
        complain(ui, path, number, why);
}

void config_read_file(struct ui *ui, const char *path)
{
    FILE *in = fopen(path, "re");
    char line[LINE_MOST];

    if (!in) {
        if (errno != ENOENT && errno != ENOTDIR)
            complain(ui, path, 0, strerror(errno));
        return;
    }
    for (unsigned number = 1; fgets(line, sizeof line, in); number++) {
        bool whole = strchr(line, '\n') || feof(in);
        if (whole)
            read_line(ui, path, number, line);
        else
            complain(ui, path, number, "the line is too long");
        for (int c = 0; !whole && c != '\n' && c != EOF;)
            c = fgetc(in);
    }
    if (ferror(in))
        complain(ui, path, 0, strerror(errno));
    fclose(in);
}

void config_read(struct ui *ui)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char path[PATH_MOST];
    int n = -1;

    if (config && *config == '/') /* a relative one is to be ignored (XDG Base Directory) */
        n = snprintf(path, sizeof path, "%s/vitro/config", config);
    else if (home && *home)
        n = snprintf(path, sizeof path, "%s/.config/vitro/config", home);
    if (n > 0 && n < (int)sizeof path)
        config_read_file(ui, path);
}
