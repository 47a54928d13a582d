#include "eval/tasks.h"

#include "eval/classifier.h"
#include "eval/tasks_internal.h"
#include "eval/verdict.h"

#include <math.h>

const double mix_shares[N_MIXES] = { 0.0, 0.2, 0.5, 1.0 };
const char *const forecast_names[N_FORECASTS] = { "bytes", "flows" };
const char *const tasks_meaning =
    "The twin can stand in where training on it costs little: worry where macro-F1 falls by more "
    "than " WORRY_MACRO_F1_TEXT
    " or the error of the forecast grows by more than " WORRY_FORECAST_PERCENT_TEXT " %.";

enum { TASK_PROTOCOL, TASK_FORECAST, N_TASKS };

size_t mix_count(int mix, int side, size_t n)
{
    size_t n_synthetic = (size_t)lround(mix_shares[mix] * (double)n);
    return side == TASK_SYNTHETIC ? n_synthetic : n - n_synthetic;
}

struct both_tasks {
    struct protocol_task *protocol;
    struct forecast_task *forecast;
};

static enum status do_job(void *user, size_t job, struct error *err)
{
    const struct both_tasks *tasks = user;
    int mix = (int)job % N_MIXES;
    return job / N_MIXES == TASK_PROTOCOL ? protocol_task_run(tasks->protocol, mix, err)
                                          : forecast_task_run(tasks->forecast, mix, err);
}

enum status tasks_measure(struct tasks *result, const struct traffic *training,
                          const struct traffic *test, const struct traffic *synthetic,
                          uint64_t seed, struct error *err)
{
    struct task_sides sides = { .train = { training, synthetic }, .test = test, .seed = seed };
    struct protocol_task *protocol = protocol_task_create(&sides);
    struct forecast_task *forecast = forecast_task_create(&sides);
    struct both_tasks both = { protocol, forecast };
    enum status status = run_network_jobs("tasks", N_TASKS * N_MIXES, do_job, &both, err);
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
