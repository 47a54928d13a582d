/* embedding_gain.h - does a network for a task gain from what a model has learned about ports?
 *
 * The protocol of a flow is told from its ports, its direction and the logarithms of its packets,
 * bytes and duration, by networks that see the ports in one of three forms; once with few flows to
 * learn from and once with many, since what was learned before should help most where there is
 * little to learn from. All are tested on hosts that neither they nor the model have seen. And the
 * same of a forecast (forecast_gain.h).
 *
 *     FORWARD(embedding_gain_measure(&gain, &embeddings, training, test, seed, err));
 *     print(gain.macro_f1[GAIN_FEW][PORTS_EMBEDDED].mean, gain.n_train[GAIN_FEW]);
 */
#ifndef FLOWTWIN_EVAL_EMBEDDING_GAIN_H
#define FLOWTWIN_EVAL_EMBEDDING_GAIN_H

#include "base/error.h"
#include "eval/tasks.h"
#include "model/embedding.h"

enum port_form {
    PORTS_AS_NUMBERS, /* the port and its logarithm */
    PORTS_ONE_HOT,    /* one input for each frequent port, and for prefixes of the others */
    PORTS_EMBEDDED,   /* the model's vector of the port, as it is; 0 where it has none */
    N_PORT_FORMS,
};
extern const char *const port_form_names[N_PORT_FORMS]; /* "numbers", "one_hot", "embedding" */

/* Of a forecast: those, and without the ports. */
enum { PORTS_UNSEEN = N_PORT_FORMS, N_FORECAST_FORMS };
extern const char *const forecast_form_names[N_FORECAST_FORMS]; /* and "none" */

struct forecast_gain {
    size_t n_train, n_test; /* slots of 5 minutes; 0: not measured */
    struct host_ratio mae[N_FORECAST_FORMS][N_FORECASTS];
    /* The error with the embedding less that with the form, as a share of the latter, paired by
     * host: below 0, the embedding helps. */
    struct host_ratio change[N_FORECAST_FORMS][N_FORECASTS];
};

enum { GAIN_FEW, GAIN_MANY, N_GAIN_SIZES };

struct embedding_gain {
    bool is_measured;
    size_t n_train[N_GAIN_SIZES], n_test;
    struct host_ratio accuracy[N_GAIN_SIZES][N_PORT_FORMS];
    struct host_ratio macro_f1[N_GAIN_SIZES][N_PORT_FORMS];
    /* macro-F1 with the embedding less that with the form, paired by host. */
    struct host_ratio gain[N_GAIN_SIZES][N_PORT_FORMS];
    struct forecast_gain forecast;
};

/* Hosts of `test` are not in training. Does nothing where the set has no tables of both ports.
 * STATUS_INTERRUPTED where the user asked to stop. */
enum status embedding_gain_measure(struct embedding_gain *result, const struct embedding_set *set,
                                   const struct traffic *training, const struct traffic *test,
                                   uint64_t seed, struct error *err);

/* What the figures mean. */
extern const char *const embedding_gain_meaning, *const forecast_gain_meaning;

#endif
