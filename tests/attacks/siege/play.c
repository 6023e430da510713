#include "attacks/siege/play.h"

#include <stdlib.h>
#include <unistd.h>

const char play_chat[] = "/chat.ChatService/Chat";

static void end(struct move *m, struct foe *f)
{
    m->left += f->closed;
    m->calmed += f->closed && f->error == H2_ENHANCE_YOUR_CALM;
    foe_end(f);
}

void play_alone(struct move *m, play_begin *begin, void (*step)(struct foe *f, struct move *m))
{
    int64_t until = now_ms() + m->lasts_ms;
    struct foe f;

    m->wanted++;
    if (begin(&f, m->victim)) {
        m->foes++;
        do {
            step(&f, m);
        } while (foe_send(&f) && now_ms() < until);
        f.deaf = false;
        foe_listen(&f, 500);
    }
    end(m, &f);
}

/* One more byte of each who is there still; how many those are. */
static unsigned go_round(struct move *m, struct foe *foes)
{
    unsigned there = 0;

    for (unsigned i = 0; i < m->foes; i++) {
        struct foe *f = &foes[i];

        if (f->closed)
            continue;
        m->sent += foe_drip(f);
        foe_listen(f, 0);
        there += !f->closed;
    }
    return there;
}

void play_crowd(struct move *m, unsigned n, play_begin *begin, int every_ms)
{
    struct foe *foes = calloc(n, sizeof *foes);
    int64_t until;

    m->wanted = n;
    for (; foes && m->foes < n && begin(&foes[m->foes], m->victim); m->foes++)
        m->sent++;
    if (foes && m->foes < n)
        foe_end(&foes[m->foes]); /* the one that could not begin */
    until = now_ms() + m->lasts_ms;
    while (go_round(m, foes) > 0 && now_ms() < until)
        usleep((unsigned)every_ms * 1000);
    for (unsigned i = 0; i < m->foes; i++)
        end(m, &foes[i]);
    free(foes);
}
