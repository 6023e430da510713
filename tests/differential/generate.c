/*
 * generate - the captures that our decoder and tshark are compared on: generate DIRECTORY.
 *
 * Each file stands for one thing that a decoder may get wrong. The list of what is compared, and
 * what each file is expected to hold, is differential.py's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/conversation.h"

struct capture_case {
    const char *name;
    struct conversation_shape shape;
    unsigned flags; /* of pcap_write */
    bool cut;       /* segments of any size */
    int trouble;
};

enum { SOUND, RETRANSMISSION, REORDER, MISSING_START, TWO };

static const struct capture_case cases[] = {
    { "plain", { .calls = 8 }, PCAP_NG, false, SOUND },
    { "continuation", { .calls = 12, .continuation = true }, PCAP_NG, false, SOUND },
    { "padding", { .calls = 12, .padding = true }, PCAP_NG, false, SOUND },
    { "priority", { .calls = 12, .priority = true, .padding = true }, PCAP_NG, false, SOUND },
    { "split", { .calls = 12, .split = true, .message_max = 200 }, PCAP_NG, true, SOUND },
    { "representations", { .calls = 24, .styles = true }, PCAP_NG, false, SOUND },
    { "sizes", { .calls = 24, .sizes = true, .styles = true }, PCAP_NG, false, SOUND },
    { "interleaved", { .calls = 24, .interleave = true, .split = true }, PCAP_NG, true, SOUND },
    { "controls", { .calls = 12, .controls = true }, PCAP_NG, false, SOUND },
    { "empty", { .calls = 16, .empty = true }, PCAP_NG, false, SOUND },
    { "large", { .calls = 4, .message_max = 60000 }, PCAP_NG, false, SOUND },
    { "pcap", { .calls = 4 }, PCAP_NANO, false, SOUND },
    { "everything",
      { .calls = 40,
        .interleave = true,
        .split = true,
        .padding = true,
        .priority = true,
        .continuation = true,
        .styles = true,
        .sizes = true,
        .controls = true,
        .empty = true,
        .message_max = 3000 },
      PCAP_NG | PCAP_BIG,
      true,
      SOUND },
    { "retransmission", { .calls = 8 }, PCAP_NG, true, RETRANSMISSION },
    { "reorder", { .calls = 8 }, PCAP_NG, true, REORDER },
    { "missing-start", { .calls = 40, .styles = true }, PCAP_NG, false, MISSING_START },
    { "two-connections", { .calls = 8, .split = true }, PCAP_NG, true, TWO },
};

/* A segment of a turn, to be sent out of turn. */
static void send_at(struct pcap_write *w, struct pcap_talk *t, int dir, uint32_t seq,
                    const uint8_t *p, size_t n)
{
    uint32_t keep = t->next[dir];

    t->next[dir] = seq;
    pcap_talk_send(w, t, dir, p, n);
    t->next[dir] = keep;
}

/* As conversation_capture, and one time in four something goes wrong on the way. */
static void troubled(const struct conversation *c, struct pcap_write *w, struct pcap_talk *t,
                     struct chance *cut, int trouble)
{
    size_t at[2] = { 0, 0 };

    pcap_talk_open(w, t);
    for (size_t i = 0; i < c->turn_count; i++) {
        int dir = c->turns[i].dir;
        size_t n = c->turns[i].len, first = n / 2;
        const uint8_t *p = c->out[dir].ptr + at[dir];
        uint32_t seq = t->next[dir];
        if (n < 2 || n > 1400 || i < 3 || vitro_chance_below(cut, 4)) {
            pcap_talk_send(w, t, dir, p, n);
        } else if (trouble == REORDER) {
            send_at(w, t, dir, seq + (uint32_t)first, p + first, n - first);
            pcap_talk_send(w, t, dir, p, first);
            t->next[dir] = seq + (uint32_t)n;
        } else {
            pcap_talk_send(w, t, dir, p, n);
            send_at(w, t, dir, seq, p, n);
        }
        at[dir] += n;
    }
    pcap_talk_close(w, t);
}

/* The handshake, the preface and the first calls are not there. */
static void joined_late(const struct conversation *c, struct pcap_write *w, struct pcap_talk *t)
{
    size_t at[2] = { 0, 0 };

    for (size_t i = 0; i < c->turn_count; i++) {
        int dir = c->turns[i].dir;
        if (i < c->turn_count / 3)
            pcap_talk_skip(t, dir, c->turns[i].len);
        else
            pcap_talk_send(w, t, dir, c->out[dir].ptr + at[dir], c->turns[i].len);
        at[dir] += c->turns[i].len;
    }
    pcap_talk_close(w, t);
}

/* The same conversation once more, in the middle of the first and from another port. */
static void twice(const struct conversation *c, struct pcap_write *w, struct pcap_talk *t)
{
    struct pcap_talk other = { .shape = { .client_port = 49153 }, .next = { 7, 9 } };
    size_t at[2] = { 0, 0 };

    pcap_talk_open(w, t);
    for (size_t i = 0; i < c->turn_count; i++) {
        int dir = c->turns[i].dir;
        pcap_talk_send(w, t, dir, c->out[dir].ptr + at[dir], c->turns[i].len);
        at[dir] += c->turns[i].len;
        if (i == c->turn_count / 2)
            conversation_capture(c, w, &other, NULL);
    }
    pcap_talk_close(w, t);
}

static bool generate(const struct capture_case *k, const char *directory, unsigned long long seed)
{
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct conversation c;
    struct pcap_write w;
    struct chance cut;
    unsigned long long times = k->trouble == TWO ? 2 : 1;
    char path[4096];
    bool ok;

    vitro_chance_seed(&cut, seed);
    conversation_make(&c, &k->shape, seed, seed + 1);
    pcap_write_init(&w, k->flags, 1);
    if (k->trouble == MISSING_START)
        joined_late(&c, &w, &talk);
    else if (k->trouble == TWO)
        twice(&c, &w, &talk);
    else if (k->trouble != SOUND)
        troubled(&c, &w, &talk, &cut, k->trouble);
    else
        conversation_capture(&c, &w, &talk, k->cut ? &cut : NULL);
    snprintf(path, sizeof path, "%s/%s.%s", directory, k->name,
             k->flags & PCAP_NG ? "pcapng" : "pcap");
    ok = pcap_write_save(&w, path);
    if (ok)
        printf("%s frames %llu headers %llu messages %llu fields %llu\n", path, times * c.frames,
               times * c.headers, times * c.messages, times * c.fields);
    else
        fprintf(stderr, "generate: %s: cannot be written\n", path);
    pcap_write_done(&w);
    conversation_done(&c);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: generate DIRECTORY\n");
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (!generate(&cases[i], argv[1], seed_of_run() + i))
            return 1;
    }
    return 0;
}
