#include "eval/tasks.h"

#include "base/interrupt.h"
#include "base/progress.h"
#include "eval/tasks_internal.h"

#include <math.h>
#include <omp.h>

const double mix_shares[N_MIXES] = { 0.0, 0.2, 0.5, 1.0 };
const char *const forecast_names[N_FORECASTS] = { "bytes", "flows" };
const char *const tasks_meaning =
    "The twin can stand in where training on it costs little: worry where macro-F1 falls by more "
    "than 0.02 or the error of the forecast grows by more than 5 %.";

enum { TASK_PROTOCOL, TASK_FORECAST, N_TASKS };

size_t mix_count(int mix, int side, size_t n)
{
    size_t n_synthetic = (size_t)lround(mix_shares[mix] * (double)n);
    return side == TASK_SYNTHETIC ? n_synthetic : n - n_synthetic;
}

/* Trains and asks all networks, one a thread. */
static enum status run_networks(struct protocol_task *protocol, struct forecast_task *forecast,
                                struct error *err)
{
    enum { N_NETWORKS = N_TASKS * N_MIXES };
    struct progress progress = progress_start("tasks", N_NETWORKS, "networks");
    enum status status = STATUS_OK;
    size_t n_done = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : n_done)
    for (int i = 0; i < N_NETWORKS; i++) {
        struct error own = { 0 };
        if (interrupt_requested())
            continue;
        enum status of_network = i / N_MIXES == TASK_PROTOCOL
                                     ? protocol_task_run(protocol, i % N_MIXES, &own)
                                     : forecast_task_run(forecast, i % N_MIXES, &own);
        if (of_network != STATUS_OK) {
#pragma omp critical(tasks_failure)
            {
                status = of_network;
                *err = own;
            }
        }
        n_done++;
        if (omp_get_thread_num() == 0)
            progress_update(&progress, (double)n_done * omp_get_num_threads(), NULL);
    }
    progress_finish(&progress);
    RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "interrupted");
    return status;
}

enum status tasks_measure(struct tasks *result, const struct traffic *training,
                          const struct traffic *test, const struct traffic *synthetic,
                          uint64_t seed, struct error *err)
{
    struct task_sides sides = { .train = { training, synthetic }, .test = test, .seed = seed };
    struct protocol_task *protocol = protocol_task_create(&sides);
    struct forecast_task *forecast = forecast_task_create(&sides);
    enum status status = run_networks(protocol, forecast, err);
    *result = (struct tasks){ .is_measured = status == STATUS_OK };
    if (status == STATUS_OK) {
        protocol_task_finish(protocol, result);
        forecast_task_finish(forecast, result);
    }
    protocol_task_free(protocol);
    forecast_task_free(forecast);
    return status;
}

enum status tasks_measure_halves(struct tasks *result, const struct traffic *real,
                                 const struct traffic *synthetic, uint64_t seed, struct error *err)
{
    struct traffic *halves[2];
    traffic_halves(real, seed, 0, halves);
    enum status status = tasks_measure(result, halves[0], halves[1], synthetic, seed, err);
    result->is_half = true;
    traffic_free(halves[0]);
    traffic_free(halves[1]);
    return status;
}
