/* tracing - which trace the objects of a loop write to, and by whose clock. */
#include "io/loop.h"
#include "trace/trace.h"
#include "vitro/lab/sim.h"

vitro_trace *vitro_loop_trace(vitro_loop *loop, vitro_trace *given)
{
    vitro_trace *trace = given ? vitro_trace_ref(given) : vitro_trace_process();
    vitro_sim *sim = vitro_loop_sim(loop);

    if (trace && sim)
        vitro_sim_trace(sim, trace);
    return trace;
}
