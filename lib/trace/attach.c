/* attach - readers that come while a trace is written, and leave again. */
#include "base/util.h"
#include "trace/tap.h"
#include "trace/trace.h"

int vitro_trace_listener(vitro_trace *trace, size_t i)
{
    int fd = -1;

    vitro_trace_enter(trace);
    for (size_t at = 0; at < trace->sinks && fd < 0; at++)
        if (trace->sink[at].type == SINK_LISTENER && trace->sink[at].fd >= 0 && !i--)
            fd = trace->sink[at].fd;
    vitro_trace_leave(trace);
    return fd;
}

void vitro_trace_watch(vitro_trace *trace, struct trace_watcher *w)
{
    vitro_trace_enter(trace);
    list_append(&trace->watchers, &w->link);
    vitro_trace_leave(trace);
}

void vitro_trace_unwatch(vitro_trace *trace, struct trace_watcher *w)
{
    vitro_trace_enter(trace);
    list_remove(&w->link);
    vitro_trace_leave(trace);
}

void vitro_trace_tell_watchers(vitro_trace *t)
{
    for (struct list *i = t->watchers.next; i != &t->watchers; i = i->next) {
        struct trace_watcher *w = CONTAINER_OF(i, struct trace_watcher, link);
        w->came(w);
    }
}

unsigned vitro_trace_added(const vitro_trace *trace)
{
    return __atomic_load_n(&trace->added, __ATOMIC_ACQUIRE);
}

/* Those whose readers have gone make room. */
static void sweep(vitro_trace *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->sinks; i++) {
        if (t->sink[i].attached && vitro_sink_is_left(&t->sink[i]))
            vitro_sink_done(&t->sink[i]);
        else if (kept++ != i)
            t->sink[kept - 1] = t->sink[i];
    }
    t->sinks = kept;
}

/* One more than there is room for is told so, and left. */
static void refuse(vitro_trace *t, struct sink *s)
{
    static const char text[] = "too many are attached already";
    struct note_say note = { VITRO_STR_INIT(text) };

    vitro_note_write_to(t, s, NOTE_ID_say, &note);
    vitro_sink_done(s);
}

static enum sink_admission admit(vitro_trace *t, const struct sink *listener)
{
    struct sink s;
    enum sink_admission rc = vitro_sink_admit(&s, listener);

    if (rc != SINK_ADMITTED)
        return rc;
    if (t->sinks - t->asked == TRACE_ATTACHED) {
        vitro_trace_greet(t, &s);
        refuse(t, &s);
        return rc;
    }
    t->sink[t->sinks] = s;
    vitro_trace_greet(t, &t->sink[t->sinks++]);
    return rc;
}

bool vitro_trace_welcome(vitro_trace *trace)
{
    enum sink_admission rc = SINK_NOBODY;
    uint64_t before;
    bool room = true;

    vitro_trace_enter(trace);
    sweep(trace);
    before = trace->serials;
    for (size_t i = 0; i < trace->sinks; i++) {
        if (trace->sink[i].type != SINK_LISTENER || trace->sink[i].fd < 0)
            continue;
        do
            rc = admit(trace, &trace->sink[i]);
        while (rc == SINK_ADMITTED);
        room &= rc == SINK_NOBODY;
    }
    if (trace->serials != before)
        vitro_trace_tell_watchers(trace);
    vitro_trace_leave(trace);
    vitro_trace_flush(trace);
    return room;
}

int64_t vitro_trace_dial(vitro_trace *trace, int64_t now)
{
    int64_t rest = -1;
    uint64_t before;

    vitro_trace_enter(trace);
    before = trace->serials;
    for (size_t i = 0; i < trace->sinks; i++) {
        struct sink *s = &trace->sink[i];
        if (!s->dials)
            continue;
        if (vitro_sink_dial(s, now))
            vitro_trace_greet(trace, s);
        rest = rest < 0 ? vitro_sink_rest(s, now) : MIN(rest, vitro_sink_rest(s, now));
    }
    vitro_trace_count_hearers(trace);
    if (trace->serials != before)
        vitro_trace_tell_watchers(trace);
    vitro_trace_leave(trace);
    vitro_trace_flush(trace);
    return rest;
}

bool vitro_trace_is_awaiting(vitro_trace *trace)
{
    bool any = false;

    vitro_trace_enter(trace);
    for (size_t i = 0; i < trace->sinks; i++)
        any |= trace->sink[i].dials && trace->sink[i].fd < 0;
    vitro_trace_leave(trace);
    return any;
}

void vitro_trace_close_listeners(vitro_trace *t)
{
    if (!t)
        return;
    vitro_trace_enter(t);
    for (size_t i = 0; i < t->sinks; i++)
        if (t->sink[i].type == SINK_LISTENER)
            vitro_sink_done(&t->sink[i]);
    vitro_trace_leave(t);
}
