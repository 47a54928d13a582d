/* report_json.c - the report for programs. The keys are listed in docs/evaluation.md and stay. */
#include "data/calendar.h"
#include "eval/figures.h"
#include "eval/report_internal.h"

#include <math.h>
#include <string.h>

/* A number, or null where there is none. */
json_t *report_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

void report_set_number(json_t *object, const char *key, const char *suffix, double x)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s", key, suffix);
    json_object_set_new(object, name, report_number(x));
}

/* The object under a key, which is made where it is not there. */
json_t *report_child(json_t *object, const char *key)
{
    if (json_object_get(object, key) == NULL)
        json_object_set_new(object, key, json_object());
    return json_object_get(object, key);
}

/* ---- likelihood --------------------------------------------------------------------------- */

static json_t *nll_json(const struct nll *nll)
{
    json_t *object = json_object();
    report_set_number(object, "nats_per_flow", "", nll->total.mean);
    report_set_number(object, "bits_per_flow", "", nll->total.mean / log(2.0));
    report_set_number(object, "stderr", "", nll->total.standard_error);
    json_object_set_new(object, "flows", json_integer((json_int_t)nll->n_flows));
    json_object_set_new(object, "hosts", json_integer((json_int_t)nll->n_hosts));
    json_object_set_new(object, "order", json_string("end"));
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if ((nll->attributes & ATTRIBUTE_BIT(a)) == 0)
            continue;
        const char *name = attribute_infos[a].name;
        report_set_number(report_child(object, "by_attribute"), name, "",
                          nll->by_attribute[a].mean);
        report_set_number(report_child(object, "by_attribute_stderr"), name, "",
                          nll->by_attribute[a].standard_error);
    }
    return object;
}

static json_t *difference_json(const struct nll_difference *difference, uint32_t attributes)
{
    json_t *object = json_object();
    report_set_number(object, "nats_per_flow", "", difference->total.mean);
    report_set_number(object, "stderr", "", difference->total.standard_error);
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if ((attributes & ATTRIBUTE_BIT(a)) == 0)
            continue;
        const char *name = attribute_infos[a].name;
        report_set_number(report_child(object, "by_attribute"), name, "",
                          difference->by_attribute[a].mean);
        report_set_number(report_child(object, "by_attribute_stderr"), name, "",
                          difference->by_attribute[a].standard_error);
    }
    return object;
}

/* ---- comparisons -------------------------------------------------------------------------- */

/* A distance with its siblings: key, key_deviation, key_floor, key_floor_deviation. */
static void set_distance(json_t *object, const char *key, const struct report *report,
                         const struct report_twin *twin, size_t offset)
{
    report_set_number(object, key, "", number_at(&twin->average.mean, offset));
    report_set_number(object, key, "_deviation", number_at(&twin->average.deviation, offset));
    if (report->floor.n > 0) {
        report_set_number(object, key, "_floor", number_at(&report->floor.mean, offset));
        report_set_number(object, key, "_floor_deviation",
                          number_at(&report->floor.deviation, offset));
    }
}

/* {real, synthetic, synthetic_deviation, floor}: floor is the mean difference of two real halves.
 */
static json_t *portrait_json(const struct report *report, const struct report_twin *twin,
                             size_t offset)
{
    json_t *object = json_object();
    report_set_number(object, "real", "", number_at(&twin->average.mean, real_at(offset)));
    report_set_number(object, "synthetic", "",
                      number_at(&twin->average.mean, synthetic_at(offset)));
    report_set_number(object, "synthetic_deviation", "",
                      number_at(&twin->average.deviation, synthetic_at(offset)));
    if (report->floor.n > 0)
        report_set_number(object, "difference_floor", "",
                          number_at(&report->floor.mean, difference_at(offset)));
    return object;
}

static json_t *numbers(const struct comparison *comparison, size_t offset, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list,
                              report_number(number_at(comparison, offset + i * sizeof(double))));
    return list;
}

static void add_distributions(json_t *js, json_t *kl, const struct report *report,
                              const struct report_twin *twin)
{
    double at_size = comparison_size_factor(report->effective_hosts, twin->effective_hosts);
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if (a >= N_CODED || !report_has_distribution(report, a))
            continue;
        const char *name = attribute_infos[a].name;
        size_t all_day = DISTANCE_AT(distributions[a].js);
        size_t hourly = DISTANCE_AT(distributions[a].js_hourly_mean);
        size_t by_hour = DISTANCE_AT(distributions[a].js_by_hour);
        json_t *object = report_child(js, name);
        set_distance(object, "all_day", report, twin, all_day);
        set_distance(object, "hourly_mean", report, twin, hourly);
        if (report->floor.n > 0) {
            const struct comparison *floor = &report->floor.mean;
            report_set_number(object, "all_day_floor_at_size", "",
                              at_size * number_at(floor, all_day));
            report_set_number(object, "hourly_mean_floor_at_size", "",
                              at_size * number_at(floor, hourly));
            json_object_set_new(object, "by_hour_floor", numbers(floor, by_hour, N_HOURS));
        }
        json_object_set_new(object, "by_hour", numbers(&twin->average.mean, by_hour, N_HOURS));

        object = report_child(kl, name);
        set_distance(object, "all_day", report, twin, DISTANCE_AT(distributions[a].kl));
        set_distance(object, "hourly_mean", report, twin,
                     DISTANCE_AT(distributions[a].kl_hourly_mean));
        json_object_set_new(
            object, "by_hour",
            numbers(&twin->average.mean, DISTANCE_AT(distributions[a].kl_by_hour), N_HOURS));
    }
}

static json_t *netshare_json(const struct report *report, const struct report_twin *twin)
{
    json_t *object = json_object();
    for (int f = 0; f < N_NETSHARE_FIGURES; f++) {
        size_t offset = DISTANCE_AT(netshare.values[f]);
        json_t *figure = report_child(object, netshare_infos[f].name);
        set_distance(figure, "distance", report, twin, offset);
        json_object_set_new(figure, "unit", json_string(netshare_infos[f].unit));
        if (report->floor.n > 0)
            report_set_number(figure, "ratio", "",
                              number_at(&twin->average.mean, offset) /
                                  number_at(&report->floor.mean, offset));
    }
    return object;
}

/* A square of numbers over the attributes of the report, {a: {b: number}}. */
static json_t *matrix_json(const struct report *report, const struct comparison *comparison,
                           size_t offset)
{
    json_t *object = json_object();
    for (int a = 0; a < N_CODED; a++) {
        for (int b = 0; b < N_CODED; b++) {
            double x = number_at(comparison, offset + (size_t)(a * N_CODED + b) * sizeof(double));
            if (report_has_attribute(report, (enum attribute)a) && !isnan(x))
                report_set_number(report_child(object, attribute_infos[a].name),
                                  attribute_infos[b].name, "", x);
        }
    }
    return object;
}

static json_t *pairs_json(const struct report *report, const struct report_twin *twin)
{
    json_t *object = json_object();
    set_distance(object, "mean_same_row", report, twin, DISTANCE_AT(pairs.mean_same_row));
    set_distance(object, "mean_next_row", report, twin, DISTANCE_AT(pairs.mean_next_row));
    for (int a = 0; a < N_CODED; a++)
        if (report_has_attribute(report, (enum attribute)a))
            set_distance(report_child(object, "next_row"), attribute_infos[a].name, report, twin,
                         DISTANCE_AT(pairs.next_row[a]));
    json_object_set_new(object, "same_row",
                        matrix_json(report, &twin->average.mean, DISTANCE_AT(pairs.same_row)));
    if (report->floor.n > 0)
        json_object_set_new(object, "same_row_floor",
                            matrix_json(report, &report->floor.mean, DISTANCE_AT(pairs.same_row)));
    return object;
}

static json_t *dependence_json(const struct report *report, const struct report_twin *twin,
                               size_t offset)
{
    const struct comparison *mean = &twin->average.mean;
    json_t *object = json_object();
    json_object_set_new(object, "real", matrix_json(report, mean, real_at(offset)));
    json_object_set_new(object, "synthetic", matrix_json(report, mean, synthetic_at(offset)));
    json_object_set_new(object, "difference", matrix_json(report, mean, difference_at(offset)));
    if (report->floor.n > 0)
        json_object_set_new(object, "difference_floor",
                            matrix_json(report, &report->floor.mean, difference_at(offset)));
    return object;
}

static json_t *autocorrelation_json(const struct report *report, const struct report_twin *twin)
{
    json_t *object = json_object();
    const struct comparison *mean = &twin->average.mean;
    for (int s = 0; s < N_ACF_SERIES; s++) {
        json_t *series = report_child(object, acf_series_names[s]);
        size_t r = PORTRAIT_AT(autocorrelation[s].mean);
        size_t band = PORTRAIT_AT(autocorrelation[s].deviation);
        size_t hosts = PORTRAIT_AT(autocorrelation[s].n_hosts);
        json_object_set_new(series, "real", numbers(mean, real_at(r), N_LAGS));
        json_object_set_new(series, "real_deviation", numbers(mean, real_at(band), N_LAGS));
        json_object_set_new(series, "synthetic", numbers(mean, synthetic_at(r), N_LAGS));
        json_object_set_new(series, "synthetic_deviation",
                            numbers(mean, synthetic_at(band), N_LAGS));
        report_set_number(series, "real_hosts", "", number_at(mean, real_at(hosts)));
        report_set_number(series, "synthetic_hosts", "", number_at(mean, synthetic_at(hosts)));
        if (report->floor.n > 0)
            json_object_set_new(series, "difference_floor",
                                numbers(&report->floor.mean, difference_at(r), N_LAGS));
    }
    return object;
}

static json_t *hosts_json(const struct report *report, const struct report_twin *twin)
{
    json_t *object = json_object();
    const struct comparison *mean = &twin->average.mean;
    size_t js = DISTANCE_AT(js_host_counts), shares = PORTRAIT_AT(host_counts.shares);
    set_distance(object, "flows_per_day_js", report, twin, js);
    if (report->floor.n > 0)
        report_set_number(object, "flows_per_day_js_floor_at_size", "",
                          comparison_size_factor((double)report->n_hosts, (double)twin->n_hosts) *
                              number_at(&report->floor.mean, js));
    json_object_set_new(object, "flows_per_day",
                        portrait_json(report, twin, PORTRAIT_AT(host_counts.mean)));
    json_object_set_new(object, "octaves",
                        json_pack("{s:o, s:o}", "real",
                                  numbers(mean, real_at(shares), HOST_COUNT_CLASSES), "synthetic",
                                  numbers(mean, synthetic_at(shares), HOST_COUNT_CLASSES)));
    if (twin->is_drawn) {
        json_object_set_new(object, "silent", json_integer((json_int_t)twin->n_silent));
        json_object_set_new(object, "runaway", json_integer((json_int_t)twin->n_runaway));
    }
    return object;
}

/* All figures of a twin, as keys of an object. */
static void add_twin(json_t *object, const struct report *report, const struct report_twin *twin)
{
    json_object_set_new(object, "twin",
                        json_pack("{s:s, s:I, s:I, s:f, s:I}", "name", twin->name, "flows",
                                  (json_int_t)twin->n_flows, "hosts", (json_int_t)twin->n_hosts,
                                  "effective_hosts", twin->effective_hosts, "repeats",
                                  (json_int_t)twin->average.n));
    add_distributions(report_child(object, "js"), report_child(object, "kl"), report, twin);
    json_object_set_new(object, "netshare", netshare_json(report, twin));
    json_object_set_new(object, "pairs", pairs_json(report, twin));
    json_object_set_new(object, "hosts", hosts_json(report, twin));
    json_t *conversations = report_child(object, "conversations"),
           *rules = report_child(object, "rules");
    for (int c = 0; c < N_CONVERSATION_FIGURES; c++)
        json_object_set_new(conversations, conversation_infos[c].name,
                            portrait_json(report, twin, conversation_infos[c].offset));
    for (int r = 0; r < N_RULES; r++)
        json_object_set_new(rules, rule_infos[r].name,
                            portrait_json(report, twin, PORTRAIT_AT(rules.rates[r])));
    json_object_set_new(object, "nmi", dependence_json(report, twin, PORTRAIT_AT(dependence.nmi)));
    json_object_set_new(object, "correlation",
                        dependence_json(report, twin, PORTRAIT_AT(dependence.correlation)));
    json_object_set_new(object, "autocorrelation", autocorrelation_json(report, twin));
    json_object_set_new(object, "figures", figures_json(report, twin));
    if (twin->profile != NULL)
        json_object_set_new(object, "profile", profile_json(twin->profile));
    report_add_judges(object, report, twin);
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* {column: [numbers]} of what the training noted. */
static json_t *history_json(const struct fit_history *history)
{
    json_t *object = json_object();
    for (size_t c = 0; c < history->n_columns; c++) {
        json_t *column = json_array();
        for (size_t i = 0; i < history->n_rows; i++)
            json_array_append_new(column,
                                  report_number(history->values[i * history->n_columns + c]));
        json_object_set_new(object, history->columns[c], column);
    }
    return object;
}

static json_t *model_json(const struct report *report, size_t m)
{
    const struct report_model *model = &report->models[m];
    json_t *object = json_pack("{s:s, s:s}", "file", model->name, "kind", model->kind);
    json_object_set_new(object, "nll", nll_json(&model->nll));
    if (m > 0)
        json_object_set_new(
            object, "difference",
            difference_json(&model->difference,
                            model->nll.attributes | report->models[0].nll.attributes));
    if (report->bins_attribute >= 0) {
        json_t *bins = report_child(object, "bins");
        const char *name = attribute_infos[report->bins_attribute].name;
        json_object_set_new(bins, "attribute", json_string(name));
        json_object_set_new(bins, "number", json_integer((json_int_t)model->n_bins));
        report_set_number(bins, "nats_per_flow", "", model->bins.mean);
        report_set_number(bins, "stderr", "", model->bins.standard_error);
    }
    if (model->history.n_rows > 0)
        json_object_set_new(object, "training", history_json(&model->history));
    if (model->maps.n > 0)
        json_object_set_new(object, "embedding_maps", embedding_maps_json(&model->maps));
    report_add_gain(object, &model->gain);
    report_add_membership(object, &model->membership);
    if (model->twin >= 0)
        add_twin(object, report, &report->twins[model->twin]);
    return object;
}

json_t *report_json(const struct report *report)
{
    char from[CALENDAR_TEXT_SIZE], until[CALENDAR_TEXT_SIZE];
    calendar_format(report->from, from);
    calendar_format(report->until, until);
    json_t *object = json_pack("{s:s, s:i}", "format", "flowtwin-eval", "version", REPORT_VERSION);
    json_object_set_new(object, "data",
                        json_pack("{s:s, s:s, s:I, s:I, s:f, s:s, s:s}", "file", report->data,
                                  "part", report->part, "flows", (json_int_t)report->n_flows,
                                  "hosts", (json_int_t)report->n_hosts, "effective_hosts",
                                  report->effective_hosts, "from", from, "until", until));
    if (report->profile != NULL)
        json_object_set_new(object, "profile_real", profile_json(report->profile));
    json_object_set_new(object, "seed", json_integer((json_int_t)report->seed));
    if (report->n_models > 0) {
        json_object_set_new(object, "nll", nll_json(&report->models[0].nll));
        json_t *models = json_array();
        for (size_t m = 0; m < report->n_models; m++)
            json_array_append_new(models, model_json(report, m));
        json_object_set_new(object, "models", models);
        report_add_gain(object, &report->models[0].gain);
        report_add_membership(object, &report->models[0].membership);
    }
    if (report->n_twins > 0) {
        json_object_set_new(object, "floor_halvings", json_integer((json_int_t)report->floor.n));
        add_twin(object, report, &report->twins[0]);
    }
    return object;
}
