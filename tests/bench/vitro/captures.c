/*
 * captures - write a large capture: captures SHAPE FRAMES FILE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/large.h"

static int usage(void)
{
    fprintf(stderr, "captures SHAPE FRAMES FILE\n");
    for (int i = 0; i < LARGE_COUNT; i++)
        fprintf(stderr, "  %-10s %s\n", large_name((enum large_shape)i),
                large_text((enum large_shape)i));
    return 2;
}

int main(int argc, char **argv)
{
    int shape = 0;
    FILE *out;
    bool ok;

    if (argc != 4)
        return usage();
    while (shape < LARGE_COUNT && strcmp(large_name((enum large_shape)shape), argv[1]) != 0)
        shape++;
    if (shape == LARGE_COUNT)
        return usage();
    out = fopen(argv[3], "wb");
    if (!out) {
        perror(argv[3]);
        return 3;
    }
    ok = large_write(out, (enum large_shape)shape, (uint32_t)strtoul(argv[2], NULL, 10));
    ok = fclose(out) == 0 && ok;
    if (!ok)
        perror(argv[3]);
    return ok ? 0 : 3;
}
