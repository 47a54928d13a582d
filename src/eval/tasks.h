/* tasks.h - is the twin as good to learn from as real flows are?
 *
 * Two tasks that are done with flow records are learned by small networks, from real flows, from
 * the twin, and from mixes of the two of the same size; all are then tested on real hosts that none
 * of them has seen:
 *
 *   protocol   of a flow, from the other fields of the row
 *   forecast   bytes and flows of a host in the next 5 minutes, on the log scale, from what it did
 *              in the hour before and the time of day
 *
 * Scales and vocabularies come from the flows that are trained on.
 */
#ifndef FLOWTWIN_EVAL_TASKS_H
#define FLOWTWIN_EVAL_TASKS_H

#include "base/error.h"
#include "eval/host_ratio.h"
#include "eval/traffic.h"

/* Shares of the training examples that come from the twin: 0, 0.2, 0.5, 1. */
enum { MIX_REAL, MIX_FIFTH, MIX_HALF, MIX_SYNTHETIC, N_MIXES };
extern const double mix_shares[N_MIXES];

/* Errors are over the test hosts. */
struct protocol_score {
    struct host_ratio accuracy; /* share of flows */
    struct host_ratio macro_f1; /* mean over protocols; error by jackknife */
};

enum forecast_series { FORECAST_BYTES, FORECAST_FLOWS, N_FORECASTS };
extern const char *const forecast_names[N_FORECASTS]; /* "bytes", "flows" */

struct forecast_score {
    struct host_ratio mae, mse; /* of ln(1 + x) */
};

/* What training on the twin costs against training on real flows: synthetic less real, paired by
 * host. For macro_f1 in points of 0..1 (negative: worse); for the errors as a share of the error
 * when trained on real flows (positive: worse). */
struct task_loss {
    struct host_ratio accuracy, macro_f1;
    struct host_ratio mae[N_FORECASTS];
};

struct tasks {
    bool is_measured;
    /* The real flows that were trained on: those that the model was trained on, or where none is
     * known, half of the hosts of the part; the test hosts are the others. */
    bool is_half;
    size_t n_protocols; /* that count for macro-F1: of 20 test flows and more */
    size_t n_train_flows, n_test_flows, n_test_hosts;
    size_t n_train_windows, n_test_windows; /* of 5 minutes */
    struct protocol_score protocol[N_MIXES];
    struct protocol_score majority; /* always the most frequent protocol of real training flows */
    struct forecast_score forecast[N_MIXES][N_FORECASTS];
    struct forecast_score last_value[N_FORECASTS]; /* as in the 5 minutes before */
    struct forecast_score
        mean_of_hour[N_FORECASTS]; /* as in the hour before, in the mean of logs */
    struct task_loss loss;
};

/* Hosts of `test` are in none of the others. STATUS_INTERRUPTED where the user asked to stop. */
enum status tasks_measure(struct tasks *result, const struct traffic *training,
                          const struct traffic *test, const struct traffic *synthetic,
                          uint64_t seed, struct error *err);
/* The same with one half of the real hosts to train on, and the other to test with; needs two. */
enum status tasks_measure_halves(struct tasks *result, const struct traffic *real,
                                 const struct traffic *synthetic, uint64_t seed, struct error *err);

/* What the figures mean and when to worry. */
extern const char *const tasks_meaning;

#endif
