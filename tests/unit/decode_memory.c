/*
 * What a capture costs in memory: at most 64 bytes an event on average and 16 MiB, whatever the
 * capture is made of; as the decoder counts it, and as the system counts the process.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "support/large.h"
#include "vitro/lab/decode.h"

enum { FRAMES = 60000, BIG_FRAMES = 2000, EVENT = 64, FIXED = 1 << 20, ALLOWED = 16 << 20 };

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

struct file {
    char path[40];
    FILE *f;
    uint8_t bytes[VITRO_LEND_MAX];
};

/* Many bytes a frame: there are fewer of them, and a message is looked at as a whole. */
static bool is_big(enum large_shape shape)
{
    return shape == LARGE_BULK || shape == LARGE_ETHERNET;
}

static void file_make(struct file *file, enum large_shape shape)
{
    int fd;

    strcpy(file->path, "/tmp/vitro-memory-XXXXXX");
    fd = mkstemp(file->path);
    cr_assert(ge(int, fd, 0));
    file->f = fdopen(fd, "w+b");
    cr_assert(large_write(file->f, shape, is_big(shape) ? BIG_FRAMES : FRAMES));
}

static void file_done(struct file *file)
{
    fclose(file->f);
    unlink(file->path);
}

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    struct file *file = user;
    ssize_t n = pread(fileno(file->f), file->bytes, MIN(len, sizeof file->bytes), (off_t)offset);

    return (vitro_bytes){ file->bytes, n > 0 ? (size_t)n : 0 };
}

/* Look at some of it, so that what looking needs is counted as well. */
static void look(vitro_decode *d)
{
    uint32_t count = vitro_decode_count(d), step = count / 500 + 1;
    vitro_event ev;
    vitro_detail dt;

    for (uint32_t i = 1; i <= count; i += step) {
        cr_assert(vitro_decode_event(d, i, &ev));
        cr_assert(eq(int, vitro_decode_detail(d, &ev, &dt, NULL), VITRO_OK));
    }
}

static void assert_counted(struct file *file, enum large_shape shape)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    uint64_t fixed = is_big(shape) ? 3 * FIXED : FIXED;
    vitro_decode_stats s;
    vitro_error err = { 0 };
    vitro_decode *d;

    options.lend = lend;
    options.user = file;
    options.keep = true;
    cr_assert(eq(int, vitro_decode_new(&d, &options, NULL), VITRO_OK));
    cr_assert(eq(int, vitro_decode_finish(d, NULL), VITRO_OK));
    look(d);
    vitro_decode_stats_get(d, &s);
    cr_expect(eq(u64, s.lost, 0));
    cr_expect(eq(u64, s.unknown, 0));
    cr_expect(le(u64, s.memory_peak, s.events * EVENT + fixed), "%s: %zu bytes for %" PRIu64,
              large_name(shape), s.memory_peak, s.events);
    if (shape == LARGE_UNARY && !SANITIZED)
        cr_expect(eq(int, vitro_decode_check_tiling(d, &err), VITRO_OK), "%s", err.frame[0].text);
    vitro_decode_free(d);
}

Test(decode_memory, an_event_costs_at_most_64_bytes_on_average_all_in, .timeout = 120)
{
    static struct file file;

    for (int i = 0; i < LARGE_COUNT; i++) {
        file_make(&file, (enum large_shape)i);
        assert_counted(&file, (enum large_shape)i);
        file_done(&file);
    }
}

/* What `vitro inspect --stats` says of itself. */
static void assert_process(const struct file *file, enum large_shape shape)
{
    unsigned long long events = 0, counted = 0, kib = 0;
    char command[200], line[300];
    FILE *out;

    snprintf(command, sizeof command, "%s inspect --stats %s", PROGRAM, file->path);
    out = popen(command, "r");
    cr_assert(out != NULL);
    while (fgets(line, sizeof line, out)) {
        if (strstr(line, " events "))
            sscanf(strstr(line, " events "), " events %llu", &events);
        sscanf(line, "memory %*u bytes, %llu at most", &counted);
        sscanf(line, "process %llu KiB", &kib);
    }
    cr_assert(eq(int, pclose(out), 0));
    cr_assert(events > 0 && counted > 0 && kib > 0);
    cr_expect(lt(u64, counted, kib << 10), "the process has what is counted, and more");
    if (!SANITIZED)
        cr_expect(le(u64, kib << 10, events * EVENT + ALLOWED), "%s: %llu KiB for %llu events",
                  large_name(shape), kib, events);
}

Test(decode_memory, the_process_stays_within_what_is_allowed, .timeout = 120)
{
    static struct file file;

    for (int i = 0; i < LARGE_COUNT; i++) {
        file_make(&file, (enum large_shape)i);
        assert_process(&file, (enum large_shape)i);
        file_done(&file);
    }
}
