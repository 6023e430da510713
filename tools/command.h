/*
 * command - the subcommands of vitro, one row each in vitro.c.
 */
#ifndef VITRO_TOOLS_COMMAND_H
#define VITRO_TOOLS_COMMAND_H

#include "vitro/base.h"

/* What a program ends with. */
enum { EXIT_DONE = 0, EXIT_NEGATIVE = 1, EXIT_USAGE = 2, EXIT_SYSTEM = 3, EXIT_INTERRUPTED = 130 };

/* argv[0] is the command's name. Returns what the program ends with. */
typedef int command_fn(int argc, char **argv);

command_fn call_main;
command_fn inspect_main;
command_fn learn_main;
command_fn serve_main;
command_fn watch_main;

/* One line on stderr: `vitro: WHAT: WHERE: WHY; WHAT TO DO`; what_to_do may be NULL. */
void command_fail(const char *what, const char *where, const char *why, const char *what_to_do);

/* The same of an error of the library. */
void command_fail_error(const char *what, const char *where, const vitro_error *err,
                        const char *what_to_do);

/* True for a name that --compress takes. */
bool command_is_compression(const char *name);

/* The language of the environment: LC_ALL, LC_MESSAGES, LANG, read as text. */
bool command_korean(void);

#endif
