/* bayes_net.c - a Bayesian network over the bins of all attributes: the seed's second baseline.
 *
 * Values are sorted into bins that all hosts share, each attribute's bin is drawn given the hour
 * and the bins of its parents (bayes_net_node.h), and inside a bin all values are equal. The
 * attribute's parent is its own value in the row before, or what the structure says.
 * docs/math-bayes-net.md has the formulas.
 *
 * The hour is that of the clock when the attribute is drawn: for the gap, of the end of the row
 * before; for all others, of this row's end, which the gap has fixed.
 */
#include "model/bayes_net.h"

#include "base/memory.h"
#include "data/calendar.h"
#include "model/bayes_net_node.h"
#include "model/bayes_net_structure.h"
#include "model/integer_mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum structure_choice {
    CHOOSE_ALONE,
    CHOOSE_HOUR,
    CHOOSE_PREVIOUS,
    CHOOSE_TREE,
    CHOOSE_EDGES,
};
static const char *const structure_names[] = { "alone", "hour", "previous", "tree", "edges", NULL };

enum prior_choice { PRIOR_COUNTS, PRIOR_MIXTURE };
static const char *const prior_names[] = { "counts", "mixture", NULL };

struct settings {
    int structure; /* enum structure_choice */
    struct text_list edges, more_edges;
    bool hour;
    struct bins_settings bins;
    int64_t port_bins, address_bins;
    int64_t least_hosts;
    int prior; /* enum prior_choice */
    int64_t prior_components;
    double smoothing;
    bool argmax;
};

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "structure", 0, OPTION_CHOICE, AT(structure), "previous", .choices = structure_names,
      .argument = "NAME", .help = "what an attribute depends on" },
    { "edges", 0, OPTION_LIST, AT(edges), NULL, .argument = "LIST",
      .help = "for structure edges: bytes<-packets+previous.bytes,...; others as in previous" },
    { "more-edges", 0, OPTION_LIST, AT(more_edges), NULL, .argument = "LIST",
      .help = "the same, for what does not fit in one line" },
    { "hour", 0, OPTION_FLAG, AT(hour), "yes",
      .needs = "structure=alone|structure=previous|structure=tree|structure=edges",
      .help = "let the hour be a parent too (in a tree, where it tells something)" },
    { "bins", 0, OPTION_CHOICE, AT(bins.rule), "freedman-diaconis", .choices = bins_rule_names,
      .argument = "RULE", .help = "how many bins counts have on the log scale" },
    { "bins-number", 0, OPTION_INT, AT(bins.number), "300", .minimum = 1, .maximum = 1e5,
      .argument = "N", .needs = "bins=fixed", .help = "for bins fixed: how many" },
    { "port-bins", 0, OPTION_INT, AT(port_bins), "512", .minimum = 1, .maximum = 65536,
      .argument = "N", .help = "at most so many single ports, and so many ranges of ports" },
    { "address-bins", 0, OPTION_INT, AT(address_bins), "4096", .minimum = 1, .maximum = 1e6,
      .argument = "N", .help = "at most so many single addresses, and so many prefixes" },
    { "least-hosts", 0, OPTION_INT, AT(least_hosts), "2", .minimum = 1, .maximum = 1e6,
      .argument = "N", .help = "hosts that must have met a port or address for a bin of its own" },
    { "prior", 0, OPTION_CHOICE, AT(prior), "mixture", .choices = prior_names, .argument = "KIND",
      .help = "where the mass of a bin of a count comes from" },
    { "prior-components", 0, OPTION_INT, AT(prior_components), "7", .minimum = 1, .maximum = 100,
      .argument = "N", .needs = "prior=mixture", .help = "Gaussian components of that mixture" },
    { "smoothing", 0, OPTION_REAL, AT(smoothing), "1", .minimum = 0, .maximum = 1e6,
      .argument = "S", .help = "added to every count of a table (Laplace: 1)" },
    { "argmax", 0, OPTION_FLAG, AT(argmax), "no",
      .help = "take the likeliest bin instead of drawing one, as the first comparison did" },
};
#undef AT

struct bayes_net {
    struct model base;
    struct structure structure;
    bool argmax;
    struct bins *bins[N_CODED];
    struct node nodes[N_CODED];
};

static bool has(const struct bayes_net *net, size_t attribute)
{
    return (net->structure.attributes & ATTRIBUTE_BIT(attribute)) != 0;
}

static void bayes_net_free(struct model *model)
{
    struct bayes_net *net = (struct bayes_net *)model;
    for (size_t a = 0; a < N_CODED; a++) {
        bins_free(net->bins[a]);
        node_release(&net->nodes[a]);
    }
    free(net);
}

/* Of a time in seconds since 1970, however far away. */
static int hour_of(int64_t clock)
{
    return calendar_hour(clock % (MS_PER_DAY / MS_PER_SECOND) * MS_PER_SECOND);
}

/* The largest value that a flow record can hold (flow.h). */
static int64_t highest_of(size_t attribute)
{
    const struct attribute_info *info = &attribute_infos[attribute];
    if (info->support > 0)
        return info->support - 1;
    return attribute == ATTRIBUTE_DURATION ? UINT32_MAX : INT64_MAX;
}

/* ---- fitting ------------------------------------------------------------------------------ */

/* The rows are looked at with every second host first, so that their first part and the rest share
 * no host: the s-th sequence in that order. */
static const struct sequence *in_halves(const struct sequence_set *train, size_t s)
{
    size_t half = (train->n + 1) / 2;
    return &train->items[s < half ? 2 * s : 2 * (s - half) + 1];
}

static int64_t *collect_values(const struct sequence_set *train, size_t attribute)
{
    int64_t *values = memory_alloc(train->n_scored, sizeof *values);
    size_t n = 0;
    for (size_t s = 0; s < train->n; s++) {
        const struct sequence *sequence = in_halves(train, s);
        for (size_t i = sequence->first_scored; i < sequence->n_rows; i++)
            values[n++] = sequence->rows[i].value[attribute];
    }
    return values;
}

/* Each value as often as there are hosts that have it. */
static struct integer_sample count_hosts(const struct sequence_set *train, const int64_t *values)
{
    int64_t *distinct = memory_alloc(train->n_scored, sizeof *distinct);
    size_t n = 0, first = 0;
    for (size_t s = 0; s < train->n; s++) {
        const struct sequence *sequence = in_halves(train, s);
        size_t n_scored = sequence->n_rows - sequence->first_scored;
        struct integer_sample host = integer_sample_create(values + first, n_scored);
        memcpy(distinct + n, host.values, host.n * sizeof *distinct);
        n += host.n;
        first += n_scored;
        integer_sample_release(&host);
    }
    struct integer_sample hosts = integer_sample_create(distinct, n);
    free(distinct);
    return hosts;
}

static struct bins *create_bins(const struct settings *settings, const struct sequence_set *train,
                                size_t attribute, const int64_t *values,
                                const struct integer_sample *sample)
{
    const struct attribute_info *info = &attribute_infos[attribute];
    struct bins_sample all = { sample->values, sample->counts, sample->n };
    if (info->kind == KIND_COUNT)
        return bins_create_ranges(&all, 1, info->lowest, highest_of(attribute), &settings->bins);
    if (info->kind == KIND_SET)
        return bins_create_set(&all, 1, info->support);
    /* What only one host met will not be met again by others: it is no value of its own, and what
     * stands for it is how many hosts met something near it. */
    size_t most = info->kind == KIND_PORT ? settings->port_bins : settings->address_bins;
    struct integer_sample hosts = count_hosts(train, values);
    struct bins_sample by_host = { hosts.values, hosts.counts, hosts.n };
    struct bins *bins = bins_create_atoms(&by_host, 1, info->support, most,
                                          (double)settings->least_hosts, most);
    integer_sample_release(&hosts);
    return bins;
}

/* ln P(B) by the mixture; NULL where the prior is to be counted. */
static double *mixture_prior(const struct settings *settings, size_t attribute,
                             const struct bins *bins, const struct integer_sample *sample,
                             uint64_t seed)
{
    if (settings->prior != PRIOR_MIXTURE || attribute_infos[attribute].kind != KIND_COUNT)
        return NULL;
    struct integer_mixture mixture;
    const struct integer_mixture_settings mixture_settings = {
        .components = settings->prior_components,
        .max_components = settings->prior_components,
        .folds = 2,
        .max_iterations = 200,
    };
    integer_mixture_fit(&mixture, sample, bins->lowest, INT64_MAX, &mixture_settings, seed);
    double *log_prior = memory_alloc(bins->n, sizeof *log_prior), sum = 0.0;
    for (size_t bin = 0; bin < bins->n; bin++) {
        log_prior[bin] = integer_mixture_log_mass_between(&mixture, bins_first(bins, bin),
                                                          bins_last(bins, bin));
        sum += exp(log_prior[bin]);
    }
    for (size_t bin = 0; bin < bins->n; bin++)
        log_prior[bin] -= log(sum); /* what lies above the support's end */
    integer_mixture_release(&mixture);
    return log_prior;
}

/* The training rows by bins. */
struct columns {
    struct structure_columns bins;
    uint32_t *current[N_CODED], *previous[N_CODED];
    uint32_t *hours, *gap_hours;
};

static void columns_fill(struct columns *columns, const struct sequence_set *train,
                         const struct bins *bins, size_t attribute, const int64_t *values)
{
    uint32_t *current = memory_alloc(train->n_scored, sizeof *current);
    uint32_t *previous = memory_alloc(train->n_scored, sizeof *previous);
    size_t n = 0;
    for (size_t s = 0; s < train->n; s++) {
        const struct sequence *sequence = in_halves(train, s);
        size_t first = sequence->first_scored;
        uint32_t before = NODE_NO_BIN;
        if (first > 0)
            before = (uint32_t)bins_find(bins, sequence->rows[first - 1].value[attribute]);
        for (size_t i = first; i < sequence->n_rows; i++, n++) {
            previous[n] = before;
            current[n] = before = (uint32_t)bins_find(bins, values[n]);
        }
    }
    columns->bins.current[attribute] = columns->current[attribute] = current;
    columns->bins.previous[attribute] = columns->previous[attribute] = previous;
    columns->bins.n_bins[attribute] = bins->n;
}

static void columns_fill_hours(struct columns *columns, const struct sequence_set *train)
{
    columns->bins.n_rows = columns->bins.n_first = train->n_scored;
    columns->hours = memory_alloc(train->n_scored, sizeof *columns->hours);
    columns->gap_hours = memory_alloc(train->n_scored, sizeof *columns->gap_hours);
    columns->bins.hours = columns->hours;
    columns->bins.gap_hours = columns->gap_hours;
    size_t n = 0;
    for (size_t s = 0; s < train->n; s++) {
        const struct sequence *sequence = in_halves(train, s);
        int64_t clock = sequence->start;
        if (s == (train->n + 1) / 2)
            columns->bins.n_first = n;
        for (size_t i = 0; i < sequence->n_rows; i++) {
            int before = hour_of(clock);
            clock += sequence->rows[i].value[ATTRIBUTE_GAP];
            if (i < sequence->first_scored)
                continue;
            columns->gap_hours[n] = (uint32_t)before;
            columns->hours[n++] = (uint32_t)hour_of(clock);
        }
    }
}

static void columns_release(struct columns *columns)
{
    for (size_t a = 0; a < N_CODED; a++) {
        free(columns->current[a]);
        free(columns->previous[a]);
    }
    free(columns->hours);
    free(columns->gap_hours);
}

static enum status choose_structure(struct structure *structure, const struct settings *settings,
                                    const struct columns *columns, uint32_t attributes,
                                    struct error *err)
{
    const struct text_list *lists[] = { &settings->edges, &settings->more_edges };
    switch ((enum structure_choice)settings->structure) {
    case CHOOSE_ALONE:
    case CHOOSE_HOUR:
        *structure = structure_alone(attributes);
        break;
    case CHOOSE_TREE:
        *structure = structure_learn_tree(attributes, &columns->bins);
        break;
    case CHOOSE_PREVIOUS:
    case CHOOSE_EDGES:
        *structure = structure_previous(attributes);
        break;
    }
    for (size_t a = 0; a < N_CODED; a++) {
        if (settings->structure == CHOOSE_HOUR)
            structure->uses_hour[a] = true;
        else if (settings->structure == CHOOSE_TREE)
            structure->uses_hour[a] &= settings->hour;
        else
            structure->uses_hour[a] = settings->hour && settings->structure != CHOOSE_ALONE;
    }
    for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
        RETURN_IF(lists[l]->n > 0 && settings->structure != CHOOSE_EDGES, err, STATUS_USAGE,
                  "edges are given, but the structure is %s", structure_names[settings->structure]);
        for (size_t i = 0; i < lists[l]->n; i++)
            FORWARD(structure_add_text(structure, lists[l]->items[i], err));
    }
    return structure_sort(structure, err);
}

static void fit_node(struct bayes_net *net, const struct settings *settings,
                     const struct columns *columns, size_t attribute, const double *log_prior)
{
    struct node_rows rows = {
        .n = columns->bins.n_rows,
        .bins = columns->current[attribute],
        .hours = attribute == ATTRIBUTE_GAP ? columns->gap_hours : columns->hours,
        .n_parents = net->structure.n_parents[attribute],
    };
    for (size_t k = 0; k < rows.n_parents; k++) {
        const struct structure_parent *parent = &net->structure.parents[attribute][k];
        rows.parents[k] = parent->is_previous ? columns->previous[parent->attribute]
                                              : columns->current[parent->attribute];
        rows.n_parent_bins[k] = columns->bins.n_bins[parent->attribute];
    }
    node_fit(&net->nodes[attribute], &rows, net->bins[attribute]->n, settings->smoothing,
             net->structure.uses_hour[attribute], log_prior);
}

static enum status bayes_net_fit(const void *model_settings, const struct sequence_set *train,
                                 uint64_t seed, struct fit_control *control, struct model **model,
                                 struct error *err)
{
    (void)control; /* it takes seconds */
    const struct settings *settings = model_settings;
    struct bayes_net *net = memory_zalloc(1, sizeof *net);
    struct columns columns = { 0 };
    double *log_priors[N_CODED] = { NULL };
    net->argmax = settings->argmax;
    columns_fill_hours(&columns, train);
#pragma omp parallel for schedule(dynamic)
    for (size_t a = 0; a < N_CODED; a++) {
        if ((train->attributes & ATTRIBUTE_BIT(a)) == 0)
            continue;
        int64_t *values = collect_values(train, a);
        struct integer_sample sample = integer_sample_create(values, train->n_scored);
        net->bins[a] = create_bins(settings, train, a, values, &sample);
        log_priors[a] = mixture_prior(settings, a, net->bins[a], &sample, seed);
        columns_fill(&columns, train, net->bins[a], a, values);
        integer_sample_release(&sample);
        free(values);
    }
    enum status status = choose_structure(&net->structure, settings, &columns, train->attributes,
                                          err);
    if (status == STATUS_OK) {
#pragma omp parallel for schedule(dynamic)
        for (size_t a = 0; a < N_CODED; a++)
            if (has(net, a))
                fit_node(net, settings, &columns, a, log_priors[a]);
    }
    for (size_t a = 0; a < N_CODED; a++)
        free(log_priors[a]);
    columns_release(&columns);
    if (status == STATUS_OK)
        *model = &net->base;
    else
        bayes_net_free(&net->base);
    return status;
}

/* ---- likelihood --------------------------------------------------------------------------- */

/* The bins of an attribute's parents; NULL where one of them has none (it is in a row that is not
 * there, or its value outside the support), so that the attribute comes from P(B). */
static const uint32_t *find_parents(const struct bayes_net *net, size_t attribute,
                                    const uint32_t *current, const uint32_t *previous,
                                    uint32_t parents[NODE_PARENTS_MAX])
{
    for (size_t k = 0; k < net->structure.n_parents[attribute]; k++) {
        const struct structure_parent *parent = &net->structure.parents[attribute][k];
        if (parent->is_previous && previous == NULL)
            return NULL;
        parents[k] = parent->is_previous ? previous[parent->attribute] : current[parent->attribute];
    }
    return parents;
}

/* NODE_NO_BIN for a value outside the support. */
static uint32_t find_bin(const struct bins *bins, int64_t value)
{
    size_t bin = bins_find(bins, value);
    return bin < bins->n ? (uint32_t)bin : NODE_NO_BIN;
}

static void find_bins(const struct bayes_net *net, const struct row *row, uint32_t *bins)
{
    for (size_t a = 0; a < N_CODED; a++)
        if (has(net, a))
            bins[a] = find_bin(net->bins[a], row->value[a]);
}

/* ln P of one attribute's bin, and where wanted of its value inside that. */
static double score_attribute(const struct bayes_net *net, size_t attribute, int hour,
                              const uint32_t *current, const uint32_t *previous, int64_t value,
                              bool inside_bins)
{
    uint32_t parents[NODE_PARENTS_MAX], bin = current[attribute];
    if (bin == NODE_NO_BIN)
        return -HUGE_VAL;
    const uint32_t *given = find_parents(net, attribute, current, previous, parents);
    double log_mass = node_log_mass(&net->nodes[attribute], hour, given, bin);
    return inside_bins ? log_mass + bins_log_share(net->bins[attribute], bin, value) : log_mass;
}

static void score(const struct bayes_net *net, const struct sequence *sequence, bool inside_bins,
                  double *log_mass)
{
    uint32_t bins[2][N_CODED];
    uint32_t *current = bins[0], *previous = bins[1];
    size_t first = sequence->first_scored;
    int64_t clock = sequence->start;
    for (size_t i = 0; i < first; i++)
        clock += sequence->rows[i].value[ATTRIBUTE_GAP];
    if (first > 0)
        find_bins(net, &sequence->rows[first - 1], previous);

    memset(log_mass, 0, (sequence->n_rows - first) * N_ATTRIBUTES * sizeof *log_mass);
    for (size_t i = first; i < sequence->n_rows; i++, log_mass += N_ATTRIBUTES) {
        const struct row *row = &sequence->rows[i];
        int gap_hour = hour_of(clock);
        clock += row->value[ATTRIBUTE_GAP];
        int hour = hour_of(clock);
        find_bins(net, row, current);
        for (size_t a = 0; a < N_CODED; a++)
            if (has(net, a))
                log_mass[a] = score_attribute(net, a, a == ATTRIBUTE_GAP ? gap_hour : hour, current,
                                              i > 0 ? previous : NULL, row->value[a], inside_bins);
        uint32_t *swap = previous;
        previous = current;
        current = swap;
    }
}

static enum status bayes_net_log_mass(const struct model *model, const struct sequence *sequence,
                                      double *log_mass, struct error *err)
{
    (void)err;
    score((const struct bayes_net *)model, sequence, true, log_mass);
    return STATUS_OK;
}

enum status bayes_net_log_mass_of_bins(const struct model *model, const struct sequence *sequence,
                                       double *log_mass, struct error *err)
{
    (void)err;
    score((const struct bayes_net *)model, sequence, false, log_mass);
    return STATUS_OK;
}

const struct bins *bayes_net_bins(const struct model *model, enum attribute attribute)
{
    return ((const struct bayes_net *)model)->bins[attribute];
}

char *bayes_net_edges(const struct model *model, enum attribute attribute)
{
    return structure_text(&((const struct bayes_net *)model)->structure, attribute);
}

/* ---- drawing ------------------------------------------------------------------------------ */

struct host_state {
    uint64_t stream;
    uint64_t n_rows; /* drawn */
    int64_t clock;
    bool has_previous;
    uint32_t previous[N_CODED]; /* bins of the row before, drawn or past */
};

struct bayes_net_sampler {
    struct sampler base;
    uint64_t seed;
    struct host_state *hosts;
};

static struct sampler *bayes_net_sampler_create(const struct model *model,
                                                const struct sampler_host *hosts, size_t n_hosts,
                                                const struct sampler_settings *settings)
{
    struct bayes_net_sampler *sampler = memory_zalloc(1, sizeof *sampler);
    sampler->seed = settings->seed;
    sampler->hosts = memory_zalloc(n_hosts, sizeof *sampler->hosts);
    for (size_t h = 0; h < n_hosts; h++) {
        struct host_state *host = &sampler->hosts[h];
        const struct sequence *past = hosts[h].past;
        *host = (struct host_state){ .stream = hosts[h].stream, .clock = hosts[h].start };
        host->has_previous = past != NULL && past->n_rows > 0;
        if (host->has_previous)
            find_bins((const struct bayes_net *)model, &past->rows[past->n_rows - 1],
                      host->previous);
    }
    return &sampler->base;
}

static void bayes_net_sampler_free(struct sampler *sampler)
{
    free(((struct bayes_net_sampler *)sampler)->hosts);
    free(sampler);
}

static void draw_row(const struct bayes_net *net, struct host_state *host, uint64_t seed,
                     struct row *row)
{
    struct rng rng = rng_stream(seed, RNG_SAMPLE, host->stream, host->n_rows);
    uint32_t current[N_CODED] = { 0 }, parents[NODE_PARENTS_MAX];
    for (size_t a = 0; a < N_CODED; a++)
        row->value[a] = attribute_infos[a].lowest;
    for (size_t i = 0; i < net->structure.n_order; i++) {
        size_t a = net->structure.order[i];
        const uint32_t *given = find_parents(net, a, current,
                                             host->has_previous ? host->previous : NULL, parents);
        int hour = hour_of(host->clock);
        current[a] = net->argmax ? node_best(&net->nodes[a], hour, given)
                                 : node_draw(&net->nodes[a], hour, given, &rng);
        do {
            row->value[a] = bins_draw(net->bins[a], current[a], &rng);
        } while (row->value[a] > INT64_C(1) << 53); /* 1 in 10^11 of what is above all seen */
        if (a == ATTRIBUTE_GAP)
            host->clock += row->value[a];
    }
    memcpy(host->previous, current, sizeof current);
    host->has_previous = true;
    host->n_rows++;
}

static enum status bayes_net_sampler_advance(struct sampler *base, const size_t *which, size_t n,
                                             struct row *rows, struct error *err)
{
    (void)err;
    struct bayes_net_sampler *sampler = (struct bayes_net_sampler *)base;
    const struct bayes_net *net = (const struct bayes_net *)sampler->base.model;
#pragma omp parallel for schedule(static) if (n > 64)
    for (size_t i = 0; i < n; i++)
        draw_row(net, &sampler->hosts[which[i]], sampler->seed, &rows[i]);
    return STATUS_OK;
}

/* ---- files -------------------------------------------------------------------------------- */

/* A group for each attribute: its bins, its edges as text, and its tables. */
static enum status save_attribute(const struct bayes_net *net, enum attribute attribute,
                                  struct hdf5_group *parent, struct error *err)
{
    struct hdf5_group *group;
    FORWARD(hdf5_group_create(parent, attribute_infos[attribute].name, &group, err));
    char *edges = structure_text(&net->structure, attribute);
    enum status status = hdf5_write_text(group, "edges", edges, err);
    free(edges);
    if (status == STATUS_OK)
        status = bins_save(net->bins[attribute], group, "bins", err);
    if (status == STATUS_OK)
        status = node_save(&net->nodes[attribute], group, "tables", err);
    enum status closed = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

static enum status bayes_net_save(const struct model *model, struct hdf5_group *group,
                                  struct error *err)
{
    const struct bayes_net *net = (const struct bayes_net *)model;
    FORWARD(hdf5_write_integer(group, "argmax", net->argmax, err));
    for (enum attribute a = 0; a < N_CODED; a++)
        if (has(net, a))
            FORWARD(save_attribute(net, a, group, err));
    return STATUS_OK;
}

static enum status load_edges_and_bins(struct bayes_net *net, size_t attribute,
                                       struct hdf5_group *parent, struct error *err)
{
    const struct attribute_info *info = &attribute_infos[attribute];
    struct hdf5_group *group;
    char *edges = NULL;
    FORWARD(hdf5_group_open(parent, info->name, &group, err));
    enum status status = hdf5_read_text(group, "edges", &edges, err);
    if (status == STATUS_OK && structure_add_text(&net->structure, edges, err) != STATUS_OK)
        status = error_set(err, STATUS_FORMAT, "\"%s\" is not what %s can depend on", edges,
                           info->name);
    if (status == STATUS_OK)
        status = bins_load(&net->bins[attribute], info->lowest, highest_of(attribute), group,
                           "bins", err);
    free(edges);
    hdf5_group_close(group, NULL);
    return status;
}

static enum status load_tables(struct bayes_net *net, size_t attribute, struct hdf5_group *parent,
                               struct error *err)
{
    size_t n_parent_bins[NODE_PARENTS_MAX], n_parents = net->structure.n_parents[attribute];
    for (size_t k = 0; k < n_parents; k++)
        n_parent_bins[k] = net->bins[net->structure.parents[attribute][k].attribute]->n;
    struct hdf5_group *group;
    FORWARD(hdf5_group_open(parent, attribute_infos[attribute].name, &group, err));
    enum status status = node_load(&net->nodes[attribute], net->bins[attribute]->n, n_parent_bins,
                                   n_parents, group, "tables", err);
    hdf5_group_close(group, NULL);
    return status;
}

static enum status bayes_net_load(struct hdf5_group *group, struct model **model, struct error *err)
{
    int64_t attributes, argmax;
    FORWARD(hdf5_read_integer(group, "attributes", &attributes, err));
    FORWARD(hdf5_read_integer(group, "argmax", &argmax, err));
    struct bayes_net *net = memory_zalloc(1, sizeof *net);
    net->argmax = argmax != 0;
    net->structure = structure_alone((uint32_t)attributes);
    enum status status = STATUS_OK;
    for (size_t a = 0; a < N_CODED && status == STATUS_OK; a++)
        if (has(net, a))
            status = load_edges_and_bins(net, a, group, err);
    if (status == STATUS_OK && structure_sort(&net->structure, err) != STATUS_OK)
        status = error_set(err, STATUS_FORMAT, "the edges of the network form a cycle");
    for (size_t a = 0; a < N_CODED && status == STATUS_OK; a++)
        if (has(net, a))
            status = load_tables(net, a, group, err);
    if (status == STATUS_OK)
        *model = &net->base;
    else
        bayes_net_free(&net->base);
    return status;
}

const struct model_kind model_kind_bayes_net = {
    .name = "bayes-net",
    .summary = "bins given the hour and the row before, or a learned tree",
    .options = options,
    .n_options = ARRAY_LEN(options),
    .settings_size = sizeof(struct settings),
    .fit = bayes_net_fit,
    .free = bayes_net_free,
    .log_mass = bayes_net_log_mass,
    .sampler_create = bayes_net_sampler_create,
    .sampler_advance = bayes_net_sampler_advance,
    .sampler_free = bayes_net_sampler_free,
    .save = bayes_net_save,
    .load = bayes_net_load,
};
