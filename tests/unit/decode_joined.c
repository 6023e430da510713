/*
 * A sink that comes in mid-connection: from there on the decoder tells of it what it tells of the
 * whole trace, restricted to what came later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/program.h"
#include "support/seed.h"

TestSuite(decode_joined, .timeout = 120);

/* ---- what the decoder tells ------------------------------------------------------------------ */

struct seen {
    struct decoded_bytes bytes;
    vitro_decode *d;
    uint64_t base[2]; /* where the connection goes on, of the late one */
    bool joined;
};

static void see(struct seen *s, int fd)
{
    size_t n = (size_t)lseek(fd, 0, SEEK_END);
    vitro_code rc;

    memset(s, 0, sizeof *s);
    s->bytes.ptr = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    s->bytes.len = n;
    s->d = decoded_of(&s->bytes, true, &rc);
    cr_assert(eq(int, rc, VITRO_OK));
}

static void unsee(struct seen *s)
{
    vitro_decode_free(s->d);
    munmap((void *)(uintptr_t)s->bytes.ptr, s->bytes.len);
}

static uint64_t note_number(struct seen *s, const vitro_event *ev, const char *name)
{
    char text[4096], find[64];
    vitro_span span = vitro_event_span(ev);
    size_t n = vitro_decode_bytes(s->d, &span, 0, (uint8_t *)text, sizeof text - 1, NULL);
    const char *at;

    text[n] = '\0';
    snprintf(find, sizeof find, "\n%s=", name);
    at = strstr(text, find);
    cr_assert(at != NULL, "%s in %s", name, text);
    return strtoull(at + strlen(find), NULL, 10);
}

/* Where the first byte of an event stands in its direction. */
static uint64_t begins(struct seen *s, const vitro_event *ev)
{
    vitro_span span = vitro_event_span(ev), part;

    if (ev->source == VITRO_SOURCE_DIRECTION)
        return ev->offset;
    cr_assert(vitro_decode_parts(s->d, &span, &part, 1) > 0);
    return part.offset;
}

static void put_str(FILE *out, vitro_str s)
{
    fprintf(out, "%.*s", (int)MIN(s.len, 60u), s.ptr);
}

/* One event and what can be told of it, whatever came before. */
static void put_event(FILE *out, struct seen *s, const vitro_event *ev)
{
    vitro_detail dt;

    fprintf(out, "%d @%llu +%llu stream %u type %u flags %u bits %u why %s\n", ev->kind,
            (unsigned long long)begins(s, ev), (unsigned long long)ev->length, ev->stream, ev->type,
            ev->flags, ev->bits, vitro_decode_why(ev->why));
    cr_assert(eq(int, vitro_decode_detail(s->d, ev, &dt, NULL), 0));
    put_str(out, dt.title);
    put_str(out, dt.path);
    for (size_t i = 0; i < dt.count; i++) {
        const vitro_item *item = &dt.items[i];
        if (item->header) {
            fprintf(out, "  %s %u ", item->header->repr, item->header->index);
            put_str(out, item->header->name);
            fputs(": ", out);
            put_str(out, item->header->value);
            fputc('\n', out);
        }
        if (item->field) {
            fputs("  ", out);
            put_str(out, item->field->name);
            fputs(" = ", out);
            put_str(out, item->field->value);
            fputc('\n', out);
        }
    }
}

/* Everything of a direction from its base on, in order. */
static char *text_of(struct seen *s, int dir, const uint64_t base[2])
{
    size_t size;
    char *text;
    FILE *out = open_memstream(&text, &size);
    vitro_event ev, parent;

    for (uint32_t i = 1; vitro_decode_event(s->d, i, &ev); i++) {
        if (ev.conn != 0 || ev.dir != dir || ev.kind == VITRO_EVENT_TCP ||
            ev.kind == VITRO_EVENT_NOTE || begins(s, &ev) < base[dir])
            continue;
        /* inside of a message that had begun before */
        if (ev.kind == VITRO_EVENT_PROTOBUF && vitro_decode_event(s->d, ev.parent, &parent) &&
            begins(s, &parent) < base[dir])
            continue;
        if (!strcmp(vitro_decode_why(ev.why),
                    "the rest of a message that had begun before the capture"))
            continue;
        put_event(out, s, &ev);
    }
    fclose(out);
    return text;
}

static void find_base(struct seen *s)
{
    vitro_event ev;
    vitro_detail dt;
    bool by_server;

    for (uint32_t i = 1; !s->joined && vitro_decode_event(s->d, i, &ev); i++) {
        if (ev.kind != VITRO_EVENT_NOTE || vitro_decode_detail(s->d, &ev, &dt, NULL) ||
            !strstr(dt.title.ptr, "goes on"))
            continue;
        by_server = strstr(dt.title.ptr, "at the server") != NULL; /* whose out is s2c */
        s->base[by_server] = note_number(s, &ev, "VITRO_OUT");
        s->base[!by_server] = note_number(s, &ev, "VITRO_IN");
        s->joined = true;
    }
}

static size_t count_notes(struct seen *s, const char *title)
{
    size_t n = 0;
    vitro_event ev;
    vitro_detail dt;

    for (uint32_t i = 1; vitro_decode_event(s->d, i, &ev); i++)
        n += ev.kind == VITRO_EVENT_NOTE && !vitro_decode_detail(s->d, &ev, &dt, NULL) &&
             strstr(dt.title.ptr, title);
    return n;
}

struct tally {
    size_t joined, told;
};

static void compare(const struct program *g, struct seen *whole, int fd, size_t run,
                    struct tally *tally)
{
    struct seen late;

    see(&late, fd);
    cr_expect(eq(int, vitro_decode_check_tiling(late.d, NULL), 0), SEED_TEXT, seed_of_run(), run);
    find_base(&late);
    tally->joined += late.joined;
    tally->told += count_notes(&late, "fields of a header block");
    for (int dir = 0; late.joined && dir < 2; dir++) {
        char *a = text_of(whole, dir, late.base), *b = text_of(&late, dir, late.base);
        size_t at = 0;
        while (a[at] && a[at] == b[at])
            at++;
        while (at && a[at - 1] != '\n')
            at--;
        cr_assert(strcmp(a, b) == 0,
                  "direction %d from %llu " SEED_TEXT "\nwhole: %.400s\nlate: %.400s", dir,
                  (unsigned long long)late.base[dir], seed_of_run(), run, a + at, b + at);
        free(a);
        free(b);
    }
    unsee(&late);
}

/* `what` sets what a program is to be. */
static void compare_programs(size_t runs, void (*what)(struct program *g, size_t run))
{
    struct chance c = seed_chance();
    struct tally tally = { 0, 0 };

    for (size_t run = 0; run < runs; run++) {
        static struct program g;
        struct seen whole;

        memset(&g, 0, sizeof g);
        vitro_chance_seed(&g.chance, vitro_chance_next(&c));
        what(&g, run);
        program_run(&g);
        see(&whole, g.whole);
        compare(&g, &whole, g.late[0], run, &tally);
        compare(&g, &whole, g.late[1], run, &tally);
        unsee(&whole);
        program_done(&g);
    }
    cr_assert(tally.joined > runs && tally.told > runs, "%zu joined, %zu blocks told", tally.joined,
              tally.told);
}

static void under_sim(struct program *g, size_t run)
{
    (void)g;
    (void)run;
}

static void over_tcp(struct program *g, size_t run)
{
    g->real = true;
    g->no_client = run % 3 == 1;
    g->no_server = run % 3 == 2;
}

Test(decode_joined, from_there_on_it_tells_what_the_whole_trace_tells)
{
    compare_programs(120, under_sim);
}

Test(decode_joined, over_tcp_it_does_so_too_whichever_end_is_traced)
{
    compare_programs(60, over_tcp);
}

/* ---- losses ---------------------------------------------------------------------------------- */

/* Each event that is whole stands in the text of all; returns how many frames there are. */
static size_t expect_in(struct seen *s, const char *all, int dir, size_t run)
{
    size_t frames = 0;
    vitro_event ev;

    for (uint32_t i = 1; vitro_decode_event(s->d, i, &ev); i++) {
        size_t size;
        char *text;
        FILE *out;
        if (ev.conn != 0 || ev.dir != dir || ev.kind == VITRO_EVENT_TCP ||
            ev.kind == VITRO_EVENT_NOTE || ev.kind == VITRO_EVENT_UNKNOWN ||
            ev.bits & (VITRO_EVENT_CUT | VITRO_EVENT_HOLE))
            continue;
        out = open_memstream(&text, &size);
        put_event(out, s, &ev);
        fclose(out);
        cr_assert(strstr(all, text) != NULL, SEED_TEXT "\n%.600s", seed_of_run(), run, text);
        free(text);
        frames += ev.kind == VITRO_EVENT_FRAME;
    }
    return frames;
}

Test(decode_joined, behind_a_loss_it_is_joined_again_and_reads_on)
{
    static const uint64_t start[2] = { 0, 0 };
    struct chance c = seed_chance();
    size_t lost = 0, again = 0, frames = 0;

    for (size_t run = 0; run < 40; run++) {
        static struct program g;
        struct seen whole, slow;

        memset(&g, 0, sizeof g);
        vitro_chance_seed(&g.chance, vitro_chance_next(&c));
        g.slow = true;
        g.real = run % 2;
        program_run(&g);
        see(&whole, g.whole);
        see(&slow, g.slow_file);
        cr_expect(eq(int, vitro_decode_check_tiling(slow.d, NULL), 0), SEED_TEXT, seed_of_run(),
                  run);
        for (int dir = 0; dir < 2; dir++) {
            char *all = text_of(&whole, dir, start);
            frames += expect_in(&slow, all, dir, run);
            free(all);
        }
        lost += count_notes(&slow, "lost ");
        again += count_notes(&slow, "goes on");
        unsee(&whole);
        unsee(&slow);
        program_done(&g);
    }
    cr_assert(lost > 10 && again > 10 && frames > 1000, "%zu lost, %zu again, %zu frames", lost,
              again, frames);
}

/* ---- notes that lie -------------------------------------------------------------------------- */

/* A digit of a note becomes another one, or a letter of a header block's field. */
static void lie(struct chance *c, uint8_t *p, size_t n)
{
    for (size_t tries = 0; tries < 2000; tries++) {
        size_t at = seed_between(c, 0, n - 1);
        bool digit = p[at] >= '0' && p[at] <= '9', letter = p[at] >= 'a' && p[at] <= 'z';
        if (digit)
            p[at] = (uint8_t)('0' + seed_between(c, 0, 9));
        else if (letter)
            p[at] = (uint8_t)('a' + seed_between(c, 0, 25));
        if ((digit || letter) && seed_between(c, 0, 3) == 0)
            return;
    }
}

Test(decode_joined, whatever_notes_say_each_byte_is_told_once)
{
    struct chance c = seed_chance();

    for (size_t run = 0; run < 8; run++) {
        static struct program g;
        struct seen late;

        memset(&g, 0, sizeof g);
        vitro_chance_seed(&g.chance, vitro_chance_next(&c));
        g.slow = true; /* some go on again and again */
        program_run(&g);
        for (size_t k = 0; k < 20; k++) {
            int fd = k % 2 ? g.late[0] : g.slow_file;
            size_t n = (size_t)lseek(fd, 0, SEEK_END);
            uint8_t *p = malloc(n);
            struct decoded_bytes bytes = { p, n, 0, NULL };
            vitro_code rc;
            cr_assert(pread(fd, p, n, 0) == (ssize_t)n);
            lie(&c, p, n);
            memset(&late, 0, sizeof late);
            late.d = decoded_of(&bytes, true, &rc);
            cr_expect(eq(int, vitro_decode_check_tiling(late.d, NULL), 0), SEED_TEXT, seed_of_run(),
                      run);
            vitro_decode_free(late.d);
            free(p);
        }
        program_done(&g);
    }
}
