/*
 * config - what somebody wants of the screen every time: a plain text file of settings.
 *
 *      # comment
 *      theme light            dark, light, plain
 *      language ko            en, ko
 *      mouse on               on, off
 *      ascii off              on, off
 *      bind x quit-all        a key and an action; none takes the key away
 */
#ifndef VITRO_UI_CONFIG_H
#define VITRO_UI_CONFIG_H

#include "ui/ui.h"

/*
 * Read $XDG_CONFIG_HOME/vitro/config, or ~/.config/vitro/config. No file is no mistake. A line that
 * cannot be meant is told on stderr with FILE:LINE, and as the screen's message; the rest is used.
 */
void config_read(struct ui *ui);

/* The same of a file by name. */
void config_read_file(struct ui *ui, const char *path);

#endif
