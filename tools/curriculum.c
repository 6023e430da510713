#include "curriculum.h"

#include <stdbool.h>
#include <string.h>

#include "base/util.h"

static const struct curriculum_lesson lessons[] = {
#define LESSON(name, minutes, english, korean) { name, minutes, { english, korean } },
#include "../lessons/curriculum.def"
#undef LESSON
};

const struct curriculum_lesson *curriculum_at(size_t i)
{
    return i < ARRAY_LEN(lessons) ? &lessons[i] : NULL;
}

/* "8", "08" and "4b" are numbers: what stands before the first dash, zeros aside. */
static bool is_number_of(const char *name, const char *wanted)
{
    size_t n = strcspn(name, "-");

    while (n > 1 && *name == '0') {
        name++;
        n--;
    }
    while (*wanted == '0' && wanted[1] >= '0' && wanted[1] <= '9')
        wanted++;
    return strlen(wanted) == n && memcmp(name, wanted, n) == 0;
}

const struct curriculum_lesson *curriculum_find(const char *wanted)
{
    for (size_t i = 0; i < ARRAY_LEN(lessons); i++) {
        const char *name = lessons[i].name;
        if (strcmp(name, wanted) == 0 || strcmp(strchr(name, '-') + 1, wanted) == 0 ||
            is_number_of(name, wanted))
            return &lessons[i];
    }
    return NULL;
}
