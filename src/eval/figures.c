#include "eval/figures.h"

#include "eval/report_internal.h"

#include <math.h>
#include <string.h>

const char *const figure_group_words[N_FIGURE_GROUPS] = {
    [GROUP_TWO_SAMPLE] = "Told from real by a classifier",
    [GROUP_TASKS] = "Good to learn from",
    [GROUP_PRIVACY] = "Privacy",
    [GROUP_VALUES] = "Values of single flows",
    [GROUP_HOURS] = "Values by the hour of the day",
    [GROUP_HOSTS] = "Hosts",
    [GROUP_ORDER] = "Order and dependence",
    [GROUP_CONVERSATIONS] = "Conversations",
    [GROUP_RULES] = "Rules of networks",
    [GROUP_NETSHARE] = "NetShare's figures",
};

/* ---- distances ---------------------------------------------------------------------------- */

static double distance_at(const struct comparison *comparison, size_t offset)
{
    return number_at(comparison, offset);
}

static double portrait_distance(const struct comparison *comparison, size_t offset)
{
    return number_at(comparison, difference_at(offset));
}

/* Means over what there are numbers for. */
struct mean {
    double sum, n;
};

static void mean_add(struct mean *mean, double x)
{
    mean->sum += isfinite(x) ? x : 0.0;
    mean->n += isfinite(x) ? 1.0 : 0.0;
}

static double mean_of(const struct mean *mean)
{
    return mean->n > 0.0 ? mean->sum / mean->n : (double)NAN;
}

/* offset: of the first lag. */
static double acf_distance(const struct comparison *comparison, size_t offset)
{
    struct mean mean = { 0.0, 0.0 };
    for (size_t k = 0; k < N_LAGS; k++)
        mean_add(&mean, number_at(comparison, difference_at(offset) + k * sizeof(double)));
    return mean_of(&mean);
}

static double rules_distance(const struct comparison *comparison, size_t offset)
{
    struct mean mean = { 0.0, 0.0 };
    for (size_t r = 0; r < N_RULES; r++)
        mean_add(&mean, number_at(comparison, difference_at(offset) + r * sizeof(double)));
    return mean_of(&mean);
}

/* offset: of a square over attributes. */
static double square_distance(const struct comparison *comparison, size_t offset)
{
    struct mean mean = { 0.0, 0.0 };
    for (size_t a = 0; a < N_CODED; a++)
        for (size_t b = 0; b < a; b++)
            mean_add(&mean, number_at(comparison,
                                      difference_at(offset) + (a * N_CODED + b) * sizeof(double)));
    return mean_of(&mean);
}

/* ---- judges ------------------------------------------------------------------------------- */

static const struct finding nothing_found = { (double)NAN, (double)NAN, (double)NAN, (double)NAN,
                                              (double)NAN, (double)NAN, (double)NAN, VERDICT_NONE };

static struct finding find_of_ratio(const struct host_ratio *ratio)
{
    struct finding finding = nothing_found;
    finding.distance = ratio->mean;
    finding.deviation = ratio->standard_error;
    return finding;
}

/* offset: of the figure in struct two_sample. */
static struct finding judge_two_sample(const struct report *report, const struct report_twin *twin,
                                       size_t offset)
{
    if (!twin->two_sample.is_measured)
        return nothing_found;
    bool is_windows = offset == offsetof(struct two_sample, windows);
    const struct two_sample_floor *floor = &report->two_sample_floor;
    struct finding finding = find_of_ratio(is_windows ? &twin->two_sample.windows.auc
                                                      : &twin->two_sample.flows.auc);
    if (floor->n_halvings > 0) {
        finding.floor = is_windows ? floor->windows : floor->flows;
        finding.floor_deviation = is_windows ? floor->windows_deviation : floor->flows_deviation;
    }
    finding.verdict = verdict_of_two_sample(finding.distance);
    return finding;
}

/* offset: of the loss in struct task_loss. */
static struct finding judge_task(const struct report *report, const struct report_twin *twin,
                                 size_t offset)
{
    (void)report;
    if (!twin->tasks.is_measured)
        return nothing_found;
    const void *at = (const char *)&twin->tasks.loss + offset;
    struct finding finding = find_of_ratio(at);
    bool is_score = offset == offsetof(struct task_loss, macro_f1);
    finding.verdict = is_score ? verdict_of_macro_f1(finding.distance)
                               : verdict_of_forecast(finding.distance);
    return finding;
}

/* offset: of the copies in struct privacy. Held-out hosts are the floor. */
static struct finding judge_copies(const struct report *report, const struct report_twin *twin,
                                   size_t offset)
{
    (void)report;
    if (!twin->privacy.is_measured)
        return nothing_found;
    const void *at = (const char *)&twin->privacy + offset;
    const struct copies *copies = at;
    struct finding finding = find_of_ratio(&copies->synthetic);
    finding.floor = copies->held_out.mean;
    finding.floor_deviation = copies->held_out.standard_error;
    finding.ratio = finding.distance / finding.floor;
    finding.verdict = verdict_of_copies(copies);
    return finding;
}

/* offset: of the distances in struct privacy. */
static struct finding judge_nearest(const struct report *report, const struct report_twin *twin,
                                    size_t offset)
{
    (void)report;
    if (!twin->privacy.is_measured)
        return nothing_found;
    const void *at = (const char *)&twin->privacy + offset;
    const struct nearest *nearest = at;
    struct finding finding = find_of_ratio(&nearest->nearer);
    finding.verdict = verdict_of_nearest(nearest);
    return finding;
}

/* Of the model that drew the twin; offset: of a struct inference in its membership. */
static struct finding judge_membership(const struct report *report, const struct report_twin *twin,
                                       size_t offset)
{
    for (size_t m = 0; m < report->n_models; m++) {
        const struct report_model *model = &report->models[m];
        if (model->twin < 0 || &report->twins[model->twin] != twin ||
            !model->membership.is_measured)
            continue;
        const void *at = (const char *)&model->membership + offset;
        const struct inference *inference = at;
        struct finding finding = find_of_ratio(&inference->auc);
        finding.verdict = verdict_of_membership(inference);
        return finding;
    }
    return nothing_found;
}

/* ---- the list ----------------------------------------------------------------------------- */

/* Differences that nobody would mind: a thousandth of the flows; JS of 0.0005 nats. */
#define SHARE_TOLERANCE 0.001
#define JS_TOLERANCE    0.0005

struct list {
    struct figure *figures;
    size_t n;
};

static struct figure *add(struct list *list, enum figure_group group, size_t offset,
                          double distance(const struct comparison *, size_t))
{
    if (list->n == FIGURES_MAX)
        BUG("more than %d figures", FIGURES_MAX);
    struct figure *figure = &list->figures[list->n++];
    *figure = (struct figure){
        .group = group, .distance = distance, .offset = offset, .scale = 1.0
    };
    return figure;
}

static void name(struct figure *figure, const char *words, const char *unit, const char *key,
                 const char *subkey)
{
    snprintf(figure->words, sizeof figure->words, *unit != '\0' ? "%s, %s" : "%s", words, unit);
    snprintf(figure->key, sizeof figure->key, "%s.%s", key, subkey);
}

static bool is_key_attribute(enum attribute attribute)
{
    return attribute == ATTRIBUTE_BYTES || attribute == ATTRIBUTE_PACKETS ||
           attribute == ATTRIBUTE_DURATION || attribute == ATTRIBUTE_GAP ||
           attribute == ATTRIBUTE_PROTOCOL || attribute == ATTRIBUTE_REMOTE_PORT;
}

static void add_distributions(struct list *list, const struct report *report, bool by_hour)
{
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if (a >= N_CODED || !report_has_distribution(report, a))
            continue;
        const char *attribute = attribute_infos[a].name;
        struct figure *figure = add(list, by_hour ? GROUP_HOURS : GROUP_VALUES,
                                    by_hour ? DISTANCE_AT(distributions[a].js_hourly_mean)
                                            : DISTANCE_AT(distributions[a].js),
                                    distance_at);
        char words[48], key[48];
        snprintf(words, sizeof words, "%s%s", attribute, by_hour ? ", mean over hours" : "");
        snprintf(key, sizeof key, "js.%s", attribute);
        for (char *at = words; *at != '\0'; at++)
            *at = *at == '_' ? ' ' : *at;
        name(figure, words, "JS in nats", key, by_hour ? "hourly_mean" : "all_day");
        figure->is_squared = true;
        figure->tolerance = JS_TOLERANCE;
        figure->is_key = by_hour ? a == ATTRIBUTE_BYTES || a == ATTRIBUTE_PROTOCOL
                                 : is_key_attribute(a);
    }
}

static void add_hosts(struct list *list)
{
    struct figure *spread = add(list, GROUP_HOSTS, DISTANCE_AT(js_host_counts), distance_at);
    name(spread, "flows of a host in a day", "JS in nats", "hosts", "flows_per_day_js");
    spread->is_squared = spread->is_of_hosts = spread->is_key = true;
    spread->tolerance = JS_TOLERANCE;
    struct figure *mean = add(list, GROUP_HOSTS, PORTRAIT_AT(host_counts.mean), portrait_distance);
    name(mean, "flows of a host in a day", "mean", "hosts", "flows_per_day");
    mean->has_sides = mean->is_of_hosts = true;
}

static void add_order(struct list *list)
{
    for (int s = 0; s < N_ACF_SERIES; s++) {
        struct figure *figure = add(list, GROUP_ORDER, PORTRAIT_AT(autocorrelation[s].mean),
                                    acf_distance);
        name(figure,
             s == ACF_GAP ? "autocorrelation of gaps, mean error over lags"
                          : "autocorrelation of log bytes, mean error over lags",
             "", "autocorrelation", acf_series_names[s]);
        figure->is_key = true;
    }
    struct figure *next = add(list, GROUP_ORDER, DISTANCE_AT(pairs.mean_next_row), distance_at);
    name(next, "a flow and the next one", "total variation", "pairs", "mean_next_row");
    struct figure *same = add(list, GROUP_ORDER, DISTANCE_AT(pairs.mean_same_row), distance_at);
    name(same, "two attributes of a flow", "total variation", "pairs", "mean_same_row");
    struct figure *nmi = add(list, GROUP_ORDER, PORTRAIT_AT(dependence.nmi), square_distance);
    name(nmi, "mutual information of attributes, mean error", "", "nmi", "mean_difference");
    next->is_key = same->is_key = true;
}

static bool is_key_conversation(const char *key)
{
    static const char *const keys[] = {
        "reply_8", "repeat_8", "remote_8", "remotes_per_host", "flows_per_conversation", "fan_out"
    };
    for (size_t k = 0; k < ARRAY_LEN(keys); k++)
        if (strcmp(keys[k], key) == 0)
            return true;
    return false;
}

static void add_conversations(struct list *list)
{
    for (int c = 0; c < N_CONVERSATION_FIGURES; c++) {
        const struct conversation_info *info = &conversation_infos[c];
        struct figure *figure = add(list, GROUP_CONVERSATIONS, info->offset, portrait_distance);
        bool is_share = info->scale != 1.0;
        name(figure, info->words, is_share ? "% of flows" : "mean", "conversations", info->name);
        figure->has_sides = true;
        figure->scale = info->scale;
        figure->tolerance = is_share ? SHARE_TOLERANCE : 0.0;
        figure->is_key = is_key_conversation(info->name);
    }
}

static void add_rules(struct list *list)
{
    struct figure *mean = add(list, GROUP_RULES, PORTRAIT_AT(rules.rates), rules_distance);
    name(mean, "how often rules are kept, mean error", "percentage points", "rules",
         "mean_difference");
    mean->is_key = true;
    mean->scale = 100.0;
    mean->tolerance = SHARE_TOLERANCE;
    for (int r = 0; r < N_RULES; r++) {
        struct figure *figure = add(list, GROUP_RULES, PORTRAIT_AT(rules.rates[r]),
                                    portrait_distance);
        name(figure, rule_infos[r].words, "%", "rules", rule_infos[r].name);
        figure->has_sides = true;
        figure->scale = 100.0;
        figure->tolerance = SHARE_TOLERANCE;
    }
}

static void add_netshare(struct list *list)
{
    for (int f = 0; f < N_NETSHARE_FIGURES; f++) {
        struct figure *figure = add(list, GROUP_NETSHARE, DISTANCE_AT(netshare.values[f]),
                                    distance_at);
        name(figure, netshare_infos[f].words, netshare_infos[f].unit, "netshare",
             netshare_infos[f].name);
        figure->is_squared = f <= NETSHARE_JS_PROTOCOL;
        figure->tolerance = figure->is_squared ? JS_TOLERANCE : 0.0;
    }
}

/* Those that at least one twin was shown to. */
static void add_judges(struct list *list, const struct report *report)
{
#define SAMPLE_AT(member)  offsetof(struct two_sample, member)
#define LOSS_AT(member)    offsetof(struct task_loss, member)
#define PRIVACY_AT(member) offsetof(struct privacy, member)
#define MEMBER_AT(member)  offsetof(struct membership, member)
    static const struct {
        enum figure_group group;
        const char *words, *key, *subkey;
        struct finding (*judge)(const struct report *, const struct report_twin *, size_t);
        size_t offset;
        double scale;
    } judges[] = {
        { GROUP_TWO_SAMPLE, "AUC on windows of flows, 0.5 is guessing", "two_sample", "windows",
          judge_two_sample, SAMPLE_AT(windows), 1.0 },
        { GROUP_TWO_SAMPLE, "AUC on single flows", "two_sample", "flows", judge_two_sample,
          SAMPLE_AT(flows), 1.0 },
        { GROUP_TASKS, "protocol: macro-F1 gained or lost, points", "tasks", "macro_f1_loss",
          judge_task, LOSS_AT(macro_f1), 100.0 },
        { GROUP_TASKS, "forecast of bytes: error added, %", "tasks", "mae_bytes_loss", judge_task,
          LOSS_AT(mae[FORECAST_BYTES]), 100.0 },
        { GROUP_TASKS, "forecast of flows: error added, %", "tasks", "mae_flows_loss", judge_task,
          LOSS_AT(mae[FORECAST_FLOWS]), 100.0 },
        { GROUP_PRIVACY, "flows copied from training, %", "privacy", "flow_copies", judge_copies,
          PRIVACY_AT(flows), 100.0 },
        { GROUP_PRIVACY, "conversations copied from training, %", "privacy", "conversation_copies",
          judge_copies, PRIVACY_AT(conversations), 100.0 },
        { GROUP_PRIVACY, "flow nearer to training than a real one, 0.5", "privacy", "rows_nearer",
          judge_nearest, PRIVACY_AT(rows), 1.0 },
        { GROUP_PRIVACY, "window nearer to training than a real one, 0.5", "privacy",
          "windows_nearer", judge_nearest, PRIVACY_AT(windows), 1.0 },
        { GROUP_PRIVACY, "AUC of membership, 0.5 is guessing", "privacy", "membership_auc",
          judge_membership, MEMBER_AT(by_nll), 1.0 },
        { GROUP_PRIVACY, "the same against a reference, 0.5 is guessing", "privacy",
          "membership_auc_against_reference", judge_membership, MEMBER_AT(by_gain), 1.0 },
    };
    for (size_t j = 0; j < ARRAY_LEN(judges); j++) {
        bool is_there = false;
        for (size_t t = 0; t < report->n_twins && !is_there; t++)
            is_there = isfinite(
                judges[j].judge(report, &report->twins[t], judges[j].offset).distance);
        if (!is_there)
            continue;
        struct figure *figure = add(list, judges[j].group, judges[j].offset, NULL);
        name(figure, judges[j].words, "", judges[j].key, judges[j].subkey);
        figure->judge = judges[j].judge;
        figure->scale = judges[j].scale;
        figure->is_key = true;
    }
}

size_t figures_list(const struct report *report, struct figure figures[FIGURES_MAX])
{
    struct list list = { figures, 0 };
    if (report->n_twins == 0)
        return 0;
    add_judges(&list, report);
    add_distributions(&list, report, false);
    add_distributions(&list, report, true);
    add_hosts(&list);
    add_order(&list);
    add_conversations(&list);
    add_rules(&list);
    add_netshare(&list);
    return list.n;
}

/* ---- findings ----------------------------------------------------------------------------- */

/* Mean and deviation of the distance over the comparisons of an average. */
static void distances_of(const struct figure *figure, const struct comparison_average *average,
                         double *mean, double *deviation)
{
    double sum = 0.0, squares = 0.0, n = 0.0;
    for (size_t i = 0; i < average->n; i++) {
        double x = figure->distance(&average->items[i], figure->offset);
        sum += isfinite(x) ? x : 0.0;
        n += isfinite(x) ? 1.0 : 0.0;
    }
    *mean = n > 0.0 ? sum / n : (double)NAN;
    for (size_t i = 0; i < average->n; i++) {
        double x = figure->distance(&average->items[i], figure->offset) - *mean;
        squares += isfinite(x) ? x * x : 0.0;
    }
    *deviation = n > 1.0 ? sqrt(squares / (n - 1.0)) : (double)NAN;
}

struct finding figure_find(const struct figure *figure, const struct report *report,
                           const struct report_twin *twin)
{
    if (figure->judge != NULL)
        return figure->judge(report, twin, figure->offset);
    struct finding finding = nothing_found;
    if (figure->has_sides) {
        finding.real = number_at(&twin->average.mean, real_at(figure->offset));
        finding.synthetic = number_at(&twin->average.mean, synthetic_at(figure->offset));
    }
    distances_of(figure, &twin->average, &finding.distance, &finding.deviation);
    distances_of(figure, &report->floor, &finding.floor, &finding.floor_deviation);
    double factor = figure->is_of_hosts
                        ? comparison_size_factor((double)report->n_hosts, (double)twin->n_hosts)
                        : comparison_size_factor(report->effective_hosts, twin->effective_hosts);
    factor = figure->is_squared ? factor : sqrt(factor);
    finding.floor *= factor;
    finding.floor_deviation *= factor;
    finding.ratio = finding.distance / finding.floor;
    finding.verdict = verdict_of(finding.distance, finding.floor, finding.floor_deviation,
                                 figure->tolerance);
    return finding;
}

static void set_number(json_t *object, const char *key, double x)
{
    json_object_set_new(object, key, isfinite(x) ? json_real(x) : json_null());
}

json_t *figures_json(const struct report *report, const struct report_twin *twin)
{
    struct figure figures[FIGURES_MAX];
    size_t n = figures_list(report, figures);
    json_t *list = json_array();
    for (size_t f = 0; f < n; f++) {
        struct finding finding = figure_find(&figures[f], report, twin);
        json_t *object = json_object();
        json_object_set_new(object, "key", json_string(figures[f].key));
        json_object_set_new(object, "group", json_string(figure_group_words[figures[f].group]));
        json_object_set_new(object, "in_summary", json_boolean(figures[f].is_key));
        if (figures[f].has_sides) {
            set_number(object, "real", finding.real);
            set_number(object, "synthetic", finding.synthetic);
        }
        set_number(object, "distance", finding.distance);
        set_number(object, "distance_deviation", finding.deviation);
        set_number(object, "floor_at_size", finding.floor);
        set_number(object, "floor_at_size_deviation", finding.floor_deviation);
        set_number(object, "ratio", finding.ratio);
        json_object_set_new(object, "verdict", json_string(verdict_names[finding.verdict]));
        json_array_append_new(list, object);
    }
    return list;
}
