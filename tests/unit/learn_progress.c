/* The curriculum, and the file that says how far a learner is. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/curriculum.h"
#include "../../tools/progress.h"
#include "../../tools/wrap.h"

/* A state folder of the test's own. */
static char dir[64], path[128];

static void begin(const char *text)
{
    FILE *f;

    snprintf(dir, sizeof dir, "/tmp/vitro-progress-XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/vitro/progress", dir);
    setenv("XDG_STATE_HOME", dir, 1);
    if (!text)
        return;
    snprintf(path, sizeof path, "%s/vitro", dir);
    cr_assert(eq(int, mkdir(path, 0700), 0));
    snprintf(path, sizeof path, "%s/vitro/progress", dir);
    f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static void end(void)
{
    char command[256];

    snprintf(command, sizeof command, "chmod -R u+rwx %s && rm -r %s", dir, dir);
    cr_assert(eq(int, system(command), 0));
}

static const char *file(void)
{
    static char text[4096];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    return text;
}

Test(progress, the_curriculum_has_26_lessons_in_order, .timeout = 60)
{
    const struct curriculum_lesson *l;
    size_t n = 0;

    for (; (l = curriculum_at(n)) != NULL; n++) {
        cr_expect(n == 0 || strcmp(curriculum_at(n - 1)->name, l->name) < 0, "%s", l->name);
        cr_expect(eq(ptr, (void *)curriculum_find(l->name), (void *)l));
        cr_expect(eq(ptr, (void *)curriculum_find(strchr(l->name, '-') + 1), (void *)l));
        for (int k = 0; k < 2; k++)
            cr_expect(le(int, wrap_columns(vitro_str_of(l->titles[k])), 38), "%s", l->titles[k]);
    }
    cr_expect(eq(sz, n, 26));
}

Test(progress, a_lesson_is_found_by_any_of_its_names, .timeout = 60)
{
    static const struct {
        const char *wanted, *name;
    } rows[] = {
        { "0", "00-orientation" },      { "00", "00-orientation" }, { "8", "08-unary" },
        { "08", "08-unary" },           { "unary", "08-unary" },    { "4", "04-envelope" },
        { "4b", "04b-tcp-underneath" }, { "24", "24-measure" },     { "04b", "04b-tcp-underneath" },
    };
    static const char *const none[] = { "", "25", "-1", "8b", "una", "08-", "8 ", "0x8" };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct curriculum_lesson *l = curriculum_find(rows[i].wanted);
        cr_assert(l != NULL, "%s", rows[i].wanted);
        cr_expect(eq(str, (char *)l->name, (char *)rows[i].name));
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect(curriculum_find(none[i]) == NULL, "%s", none[i]);
}

Test(progress, it_only_goes_forward_and_first_answers_stay, .timeout = 60)
{
    struct progress p;

    begin(NULL);
    progress_read(&p);
    cr_expect(eq(int, progress_of(&p, "08-unary"), PROGRESS_NONE));
    cr_expect(eq(int, progress_set(&p, "08-unary", PROGRESS_BEGUN, NULL), VITRO_OK));
    cr_expect(eq(int, progress_set_answer(&p, "08-unary", 1, 2, NULL), VITRO_OK));
    cr_expect(eq(int, progress_set_answer(&p, "08-unary", 1, 0, NULL), VITRO_OK));
    cr_expect(eq(int, progress_set(&p, "08-unary", PROGRESS_DONE, NULL), VITRO_OK));
    cr_expect(eq(int, progress_set(&p, "08-unary", PROGRESS_BEGUN, NULL), VITRO_OK));
    progress_done(&p);
    progress_read(&p);
    cr_expect(eq(int, progress_of(&p, "08-unary"), PROGRESS_DONE));
    cr_expect(eq(int, progress_answer(&p, "08-unary", 1), 2));
    cr_expect(eq(int, progress_answer(&p, "08-unary", 2), -1));
    cr_expect(eq(str, (char *)file(), "08-unary 1=c done\n"));
    progress_done(&p);
    end();
}

Test(progress, a_place_is_that_of_a_lesson_that_is_begun, .timeout = 60)
{
    struct progress p;

    begin("08-unary 1=c at=3 begun\n12-server-streaming at=x begun\n13-client-streaming at=-4\n");
    progress_read(&p);
    cr_expect(eq(int, progress_place(&p, "08-unary"), 3));
    cr_expect(eq(int, progress_place(&p, "12-server-streaming"), 0));
    cr_expect(eq(int, progress_place(&p, "13-client-streaming"), 0));
    cr_expect(eq(int, progress_set_place(&p, "08-unary", 17, NULL), VITRO_OK));
    cr_expect(eq(int, progress_place(&p, "08-unary"), 17));
    cr_expect(eq(int, strncmp(file(), "08-unary 1=c at=17 begun\n", 25), 0), "%s", file());
    cr_expect(eq(int, progress_set(&p, "08-unary", PROGRESS_DONE, NULL), VITRO_OK));
    cr_expect(eq(int, progress_place(&p, "08-unary"), 0)); /* next time from its beginning */
    progress_done(&p);
    end();
}

Test(progress, what_is_not_understood_is_kept, .timeout = 60)
{
    static const char text[] = "# by hand\n"
                               "31-quic done later=7\n"
                               "08-unary begun  seen=3 # a word of mine\n"
                               "08-unary-two done\n"
                               "\xff\xfe\x01\n";
    struct progress p;

    begin(text);
    progress_read(&p);
    cr_expect(eq(int, progress_of(&p, "31-quic"), PROGRESS_DONE));
    cr_expect(eq(int, progress_of(&p, "08-unary"), PROGRESS_BEGUN));
    cr_expect(eq(int, progress_set(&p, "08-unary", PROGRESS_DONE, NULL), VITRO_OK));
    cr_expect(eq(int, progress_set(&p, "12-server-streaming", PROGRESS_BEGUN, NULL), VITRO_OK));
    cr_expect(eq(str, (char *)file(),
                 "# by hand\n"
                 "31-quic done later=7\n"
                 "08-unary done  seen=3 # a word of mine\n"
                 "08-unary-two done\n"
                 "\xff\xfe\x01\n"
                 "12-server-streaming begun\n"));
    progress_done(&p);
    end();
}

Test(progress, a_place_that_cannot_be_written_is_said_and_memory_goes_on, .timeout = 60)
{
    struct progress p;
    vitro_error err = { 0 };

    begin(NULL);
    setenv("XDG_STATE_HOME", "/dev/null/state", 1);
    progress_read(&p);
    cr_expect(eq(int, progress_set(&p, "08-unary", PROGRESS_DONE, &err), VITRO_UNAVAILABLE));
    cr_expect(strstr(err.frame[0].text, "/dev/null/state") != NULL);
    cr_expect(eq(int, progress_of(&p, "08-unary"), PROGRESS_DONE));
    progress_done(&p);
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    progress_read(&p);
    cr_expect(eq(int, progress_set(&p, "08-unary", PROGRESS_DONE, &err), VITRO_UNAVAILABLE));
    progress_done(&p);
    end();
}
