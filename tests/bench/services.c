/* SPDX-License-Identifier: MIT */
#include "bench/services.h"

#include <stdlib.h>

#include <belay/context.h>
#include <belay/time.h>
#include <belay/wait.h>

#include "peer.belay.h"

#define SPIN_LIMIT BELAY_SECONDS(3)
#define SPIN_STEPS 1000

static void
count(uint64_t *total)
{
    __atomic_fetch_add(total, 1, __ATOMIC_RELAXED);
}

/* ---- What the handlers saw ---------------------------------------------------------------------------- */

static void
put_seen(bench_state *bench, uint64_t id, int64_t ns)
{
    pthread_mutex_lock(&bench->seen_lock);
    bench->seen[id % SEEN_SLOTS].id = id;
    bench->seen[id % SEEN_SLOTS].ns = ns;
    pthread_mutex_unlock(&bench->seen_lock);
}

static int64_t
get_seen(bench_state *bench, uint64_t id)
{
    pthread_mutex_lock(&bench->seen_lock);
    int64_t ns = bench->seen[id % SEEN_SLOTS].id == id ? bench->seen[id % SEEN_SLOTS].ns : 0;
    pthread_mutex_unlock(&bench->seen_lock);
    return ns;
}

/* ---- Greeter ------------------------------------------------------------------------------------------ */

static belay_code
say_hello(belay_call *call, const Helloworld__HelloRequest *request, Helloworld__HelloReply *reply)
{
    bench_state *bench = belay_call_data(call);
    count(&bench->started);
    reply->message = belay_printf(call, "Hello %s", request->name);
    if (belay_cancelled(call))
        count(&bench->cancelled);
    count(&bench->finished);
    return reply->message != NULL ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
}

/* ---- Bench -------------------------------------------------------------------------------------------- */

static uint64_t
step(uint64_t x, uint64_t steps)
{
    for (uint64_t i = 0; i < steps; i++)
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return x;
}

/* Computes until the call is cancelled. Returns when that was seen, or 0 when it took too long. */
static uint64_t
compute(const belay_call *call, uint64_t *x, uint64_t steps)
{
    uint64_t start = belay_now();
    for (;;) {
        *x = step(*x, steps);
        if (belay_cancelled(call))
            return belay_now();
        /* The clock is read on one round in 256. */
        if ((*x & 0xff00) == 0 && belay_now() - start > SPIN_LIMIT)
            return 0;
    }
}

static belay_code
spin(belay_call *call, const Helloworld__BenchReq *request, Helloworld__BenchRep *reply)
{
    bench_state *bench = belay_call_data(call);
    uint64_t x = request->id;
    uint64_t ns = compute(call, &x, request->n != 0 ? request->n : SPIN_STEPS);
    __atomic_fetch_add(&bench->sink, x, __ATOMIC_RELAXED);
    reply->ns = (int64_t)ns;
    if (ns == 0)
        return BELAY_OK;
    put_seen(bench, request->id, (int64_t)ns);
    return belay_fail(call, BELAY_CANCELLED, "cancelled");
}

static belay_code
chain(belay_call *call, const Helloworld__BenchReq *request, Helloworld__BenchRep *reply)
{
    if (request->n_hops == 0)
        return spin(call, request, reply);
    bench_state *bench = belay_call_data(call);
    belay_channel *channel = channels_get(&bench->channels, request->hops[0]);
    if (channel == NULL)
        return belay_fail(call, BELAY_INVALID_ARGUMENT, "no channel to %s", request->hops[0]);
    Helloworld__BenchReq onward = HELLOWORLD__BENCH_REQ__INIT;
    onward.id = request->id;
    onward.n = request->n;
    onward.hops = request->hops + 1;
    onward.n_hops = request->n_hops - 1;
    Helloworld__BenchRep *answer = NULL;
    belay_status *status = NULL;
    belay_code code =
        helloworld_bench_chain(channel, belay_call_context(call), &onward, NULL, &answer, &status);
    if (code != BELAY_OK)
        return belay_fail(call, code, "%s", belay_status_message(status));
    *reply = *answer;
    return BELAY_OK;
}

static belay_code
seen(belay_call *call, const Helloworld__BenchReq *request, Helloworld__BenchRep *reply)
{
    reply->ns = get_seen(belay_call_data(call), request->id);
    return BELAY_OK;
}

static belay_code
block(belay_call *call, const Helloworld__BenchReq *request, Helloworld__BenchRep *reply)
{
    bench_state *bench = belay_call_data(call);
    (void)reply;
    count(&bench->blocked);
    belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
    put_seen(bench, request->id, (int64_t)belay_now());
    __atomic_fetch_sub(&bench->blocked, 1, __ATOMIC_RELAXED);
    return code;
}

/* Nanoseconds of one look at the call's flag, and of one relaxed load of a flag that is like it. Aligned: a loop of five
 * instructions takes twice as long when it lies across two cache lines, which was for the linker to decide. */
static __attribute__((aligned(64))) belay_code
flag_cost(belay_call *call, const Helloworld__BenchReq *request, Helloworld__BenchRep *reply)
{
    static int flag;
    bench_state *bench = belay_call_data(call);
    uint64_t looks = request->n != 0 ? request->n : 1;
    uint64_t hits = 0;
    uint64_t start = belay_now();
    for (uint64_t i = 0; i < looks; i++)
        hits += belay_cancelled(call);
    uint64_t middle = belay_now();
    for (uint64_t i = 0; i < looks; i++)
        hits += __atomic_load_n(&flag, __ATOMIC_RELAXED) != 0;
    uint64_t end = belay_now();
    __atomic_fetch_add(&bench->sink, hits, __ATOMIC_RELAXED);
    reply->v = (double)(middle - start) / (double)looks;
    reply->v2 = (double)(end - middle) / (double)looks;
    return BELAY_OK;
}

static belay_code
stats(belay_call *call, const Helloworld__BenchReq *request, Helloworld__BenchRep *reply)
{
    const bench_state *bench = belay_call_data(call);
    (void)request;
    reply->started = __atomic_load_n(&bench->started, __ATOMIC_RELAXED);
    reply->finished = __atomic_load_n(&bench->finished, __ATOMIC_RELAXED);
    reply->ns = (int64_t)__atomic_load_n(&bench->cancelled, __ATOMIC_RELAXED);
    reply->v = (double)__atomic_load_n(&bench->blocked, __ATOMIC_RELAXED);
    return BELAY_OK;
}

/* ---- Set-up ------------------------------------------------------------------------------------------- */

void
bench_init(bench_state *bench, belay_runtime *runtime)
{
    channels_init(&bench->channels, runtime);
    pthread_mutex_init(&bench->seen_lock, NULL);
}

void
bench_fini(bench_state *bench)
{
    channels_fini(&bench->channels);
    pthread_mutex_destroy(&bench->seen_lock);
}

belay_code
bench_add(bench_state *bench, belay_server *server)
{
    static const helloworld_greeter_handlers greeter = {.say_hello = say_hello};
    static const helloworld_bench_handlers methods = {
        .spin = spin,
        .chain = chain,
        .seen = seen,
        .block = block,
        .flag_cost = flag_cost,
        .stats = stats,
    };
    belay_code code = helloworld_greeter_add(server, &greeter, bench);
    if (code == BELAY_OK)
        code = helloworld_bench_add(server, &methods, bench);
    if (code == BELAY_OK)
        code = belay_server_reserve_method(server, "/helloworld.Bench/Seen");
    if (code == BELAY_OK)
        code = belay_server_reserve_method(server, "/helloworld.Bench/Stats");
    return code;
}
