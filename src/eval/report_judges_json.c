/* report_judges_json.c - what the judges of a twin found, for programs. docs/evaluation.md lists
 * the keys. */
#include "eval/report_internal.h"

#include <math.h>

/* `key` and its error, `key`_stderr. */
static void set_ratio(json_t *object, const char *key, struct host_ratio ratio)
{
    report_set_number(object, key, "", ratio.mean);
    report_set_number(object, key, "_stderr", ratio.standard_error);
}

static void set_count(json_t *object, const char *key, size_t n)
{
    json_object_set_new(object, key, json_integer((json_int_t)n));
}

/* ---- two-sample test ---------------------------------------------------------------------- */

static json_t *figure_json(const struct two_sample_figure *figure, const struct host_ratio *trained,
                           bool has_floor, double floor, double floor_deviation)
{
    json_t *object = json_object();
    report_set_number(object, "auc", "", figure->auc.mean);
    report_set_number(object, "stderr", "", figure->auc.standard_error);
    report_set_number(object, "auc_floor", "", has_floor ? floor : (double)NAN);
    report_set_number(object, "auc_floor_deviation", "", has_floor ? floor_deviation : (double)NAN);
    if (trained != NULL) {
        report_set_number(object, "auc_trained", "", trained->mean);
        report_set_number(object, "auc_trained_stderr", "", trained->standard_error);
    }
    set_count(object, "real_windows", figure->n_windows[0]);
    set_count(object, "synthetic_windows", figure->n_windows[1]);
    set_count(object, "real_hosts", figure->n_hosts[0]);
    set_count(object, "synthetic_hosts", figure->n_hosts[1]);
    return object;
}

static void add_two_sample(json_t *object, const struct report *report,
                           const struct report_twin *twin)
{
    const struct two_sample *result = &twin->two_sample, *trained = &twin->two_sample_trained;
    bool has_trained = trained->is_measured;
    const struct two_sample_floor *floor = &report->two_sample_floor;
    bool has_floor = floor->n_halvings > 0;
    json_t *two_sample = report_child(object, "two_sample");
    json_object_set_new(two_sample, "windows",
                        figure_json(&result->windows, has_trained ? &trained->windows.auc : NULL,
                                    has_floor, floor->windows, floor->windows_deviation));
    json_object_set_new(two_sample, "flows",
                        figure_json(&result->flows, has_trained ? &trained->flows.auc : NULL,
                                    has_floor, floor->flows, floor->flows_deviation));
    set_count(two_sample, "window_flows", TWO_SAMPLE_WINDOW);
    set_count(two_sample, "floor_halvings", floor->n_halvings);
}

/* ---- tasks -------------------------------------------------------------------------------- */

/* Appends a ratio to the lists `key` and `key`_stderr. */
static void append_ratio(json_t *object, const char *key, struct host_ratio ratio)
{
    char error[64];
    snprintf(error, sizeof error, "%s_stderr", key);
    const char *const keys[] = { key, error };
    const double numbers[] = { ratio.mean, ratio.standard_error };
    for (int i = 0; i < 2; i++) {
        if (json_object_get(object, keys[i]) == NULL)
            json_object_set_new(object, keys[i], json_array());
        json_array_append_new(json_object_get(object, keys[i]), report_number(numbers[i]));
    }
}

static json_t *protocol_json(const struct tasks *tasks)
{
    json_t *object = json_object();
    for (int m = 0; m < N_MIXES; m++) {
        append_ratio(object, "accuracy", tasks->protocol[m].accuracy);
        append_ratio(object, "macro_f1", tasks->protocol[m].macro_f1);
    }
    json_t *majority = report_child(object, "majority");
    set_ratio(majority, "accuracy", tasks->majority.accuracy);
    set_ratio(majority, "macro_f1", tasks->majority.macro_f1);
    set_ratio(object, "accuracy_loss", tasks->loss.accuracy);
    set_ratio(object, "macro_f1_loss", tasks->loss.macro_f1);
    set_count(object, "protocols", tasks->n_protocols);
    set_count(object, "train_flows", tasks->n_train_flows);
    set_count(object, "test_flows", tasks->n_test_flows);
    return object;
}

static json_t *forecast_json(const struct tasks *tasks)
{
    json_t *object = json_object();
    for (int f = 0; f < N_FORECASTS; f++) {
        json_t *series = report_child(object, forecast_names[f]);
        for (int m = 0; m < N_MIXES; m++) {
            append_ratio(series, "mae", tasks->forecast[m][f].mae);
            append_ratio(series, "mse", tasks->forecast[m][f].mse);
        }
        const struct forecast_score *const rules[] = { &tasks->last_value[f],
                                                       &tasks->mean_of_hour[f] };
        static const char *const names[] = { "last_value", "mean_of_hour" };
        for (size_t r = 0; r < ARRAY_LEN(rules); r++) {
            set_ratio(report_child(series, names[r]), "mae", rules[r]->mae);
            set_ratio(report_child(series, names[r]), "mse", rules[r]->mse);
        }
        set_ratio(series, "mae_loss", tasks->loss.mae[f]);
    }
    set_count(object, "train_windows", tasks->n_train_windows);
    set_count(object, "test_windows", tasks->n_test_windows);
    return object;
}

static void add_tasks(json_t *object, const struct tasks *result)
{
    json_t *tasks = report_child(object, "tasks"), *mixes = json_array();
    for (int m = 0; m < N_MIXES; m++)
        json_array_append_new(mixes, json_real(mix_shares[m]));
    json_object_set_new(tasks, "synthetic_shares", mixes);
    json_object_set_new(tasks, "real_training", json_string(result->is_half ? "half" : "trained"));
    set_count(tasks, "test_hosts", result->n_test_hosts);
    json_object_set_new(tasks, "protocol", protocol_json(result));
    json_object_set_new(tasks, "forecast", forecast_json(result));
}

static void add_forecast_gain(json_t *object, const struct forecast_gain *result)
{
    set_count(object, "train_slots", result->n_train);
    set_count(object, "test_slots", result->n_test);
    for (int f = 0; f < N_FORECAST_FORMS; f++) {
        for (int series = 0; series < N_FORECASTS; series++) {
            json_t *figure = report_child(report_child(object, forecast_form_names[f]),
                                          forecast_names[series]);
            set_ratio(figure, "mae", result->mae[f][series]);
            if (f != PORTS_EMBEDDED)
                set_ratio(figure, "embedding_against_this", result->change[f][series]);
        }
    }
}

void report_add_gain(json_t *object, const struct embedding_gain *result)
{
    if (!result->is_measured)
        return;
    static const char *const names[N_GAIN_SIZES] = { "few", "many" };
    json_t *gain = report_child(object, "embedding_gain");
    set_count(gain, "test_flows", result->n_test);
    for (int s = 0; s < N_GAIN_SIZES; s++) {
        json_t *size = report_child(gain, names[s]);
        set_count(size, "train_flows", result->n_train[s]);
        for (int f = 0; f < N_PORT_FORMS; f++) {
            json_t *form = report_child(size, port_form_names[f]);
            set_ratio(form, "accuracy", result->accuracy[s][f]);
            set_ratio(form, "macro_f1", result->macro_f1[s][f]);
            if (f != PORTS_EMBEDDED)
                set_ratio(form, "embedding_less_this", result->gain[s][f]);
        }
    }
    if (result->forecast.n_train > 0)
        add_forecast_gain(report_child(gain, "forecast"), &result->forecast);
}

/* ---- privacy ------------------------------------------------------------------------------ */

static json_t *copies_json(const struct copies *copies)
{
    json_t *object = json_object();
    set_ratio(object, "synthetic", copies->synthetic);
    set_ratio(object, "held_out", copies->held_out);
    set_count(object, "synthetic_found", copies->n_synthetic_found);
    set_count(object, "synthetic_number", copies->n_synthetic);
    set_count(object, "held_out_found", copies->n_held_out_found);
    set_count(object, "held_out_number", copies->n_held_out);
    report_set_number(object, "beyond", "", copies->beyond);
    return object;
}

static json_t *nearest_json(const struct nearest *nearest)
{
    static const char *const names[N_NEAREST] = { "percent_5", "median", "percent_95" };
    json_t *object = json_object();
    for (int q = 0; q < N_NEAREST; q++) {
        report_set_number(report_child(object, "synthetic"), names[q], "", nearest->synthetic[q]);
        report_set_number(report_child(object, "held_out"), names[q], "", nearest->held_out[q]);
    }
    set_ratio(object, "nearer", nearest->nearer);
    report_set_number(object, "very_near", "", nearest->very_near);
    set_count(object, "synthetic_sampled", nearest->n_synthetic);
    set_count(object, "held_out_sampled", nearest->n_held_out);
    set_count(object, "training_sampled", nearest->n_training);
    return object;
}

static void add_privacy(json_t *object, const struct privacy *result)
{
    json_t *copies = report_child(report_child(object, "privacy"), "copies");
    json_t *nearest = report_child(report_child(object, "privacy"), "nearest");
    json_object_set_new(copies, "flows", copies_json(&result->flows));
    json_object_set_new(copies, "conversations", copies_json(&result->conversations));
    json_object_set_new(nearest, "flows", nearest_json(&result->rows));
    json_object_set_new(nearest, "windows", nearest_json(&result->windows));
}

static void set_inference(json_t *object, const struct inference *inference)
{
    report_set_number(object, "auc", "", inference->auc.mean);
    report_set_number(object, "stderr", "", inference->auc.standard_error);
    report_set_number(object, "found_at_1_percent", "", inference->found_at_1_percent);
}

void report_add_membership(json_t *object, const struct membership *result)
{
    if (!result->is_measured)
        return;
    json_t *membership = report_child(object, "membership");
    set_inference(membership, &result->by_nll);
    if (!isnan(result->by_gain.auc.mean))
        set_inference(report_child(membership, "against_reference"), &result->by_gain);
    static const char *const names[] = { "training", "held_out" };
    for (int s = 0; s < 2; s++) {
        json_t *side = report_child(membership, names[s]);
        set_ratio(side, "nats_per_flow", result->nats_per_flow[s]);
        set_count(side, "hosts", result->n_hosts[s]);
    }
}

/* ---- all ---------------------------------------------------------------------------------- */

void report_add_judges(json_t *object, const struct report *report, const struct report_twin *twin)
{
    if (twin->two_sample.is_measured)
        add_two_sample(object, report, twin);
    if (twin->tasks.is_measured)
        add_tasks(object, &twin->tasks);
    if (twin->privacy.is_measured)
        add_privacy(object, &twin->privacy);
}
