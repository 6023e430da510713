#include "support/protoc.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

void protoc_init(struct protoc *p)
{
    memset(p, 0, sizeof *p);
    snprintf(p->dir, sizeof p->dir, "/tmp/vitro-protoc-XXXXXX");
    cr_assert(mkdtemp(p->dir) != NULL);
}

int protoc_shell(struct protoc *p, const char *format, ...)
{
    char command[2048];
    va_list args;
    size_t n = 0;
    FILE *f;
    int status;

    va_start(args, format);
    cr_assert(vsnprintf(command, sizeof command, format, args) < (int)sizeof command);
    va_end(args);
    f = popen(command, "r");
    cr_assert(f != NULL);
    n = fread(p->output, 1, sizeof p->output - 1, f);
    p->output[n] = '\0';
    status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void protoc_file(struct protoc *p, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    cr_assert_eq(protoc_shell(p, "mkdir -p $(dirname '%s/%s')", p->dir, name), 0);
    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    f = fopen(path, "w");
    cr_assert(f != NULL, "%s", path);
    fputs(text, f);
    fclose(f);
}

void protoc_run(struct protoc *p, const char *params, const char *name)
{
    p->status = protoc_shell(p,
                             "protoc "
                             "--plugin=protoc-gen-vitro=build/bin/protoc-gen-vitro "
                             "-I%s --vitro_out=%s%s%s %s 2>&1",
                             p->dir, params, *params ? ":" : "", p->dir, name);
}

char *protoc_read(const struct protoc *p, const char *name)
{
    char path[256];
    char *text = calloc(1, 1 << 20);
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    f = fopen(path, "r");
    if (!f) {
        free(text);
        return NULL;
    }
    cr_assert(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

void protoc_done(struct protoc *p)
{
    cr_assert_eq(protoc_shell(p, "rm -rf '%s'", p->dir), 0);
}
