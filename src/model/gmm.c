/* gmm.c - columns alone: every attribute by itself, independent of all others and of time.
 *
 * Sets and addresses are smoothed counts, ports and counts Gaussian mixtures on the log scale. What
 * such a model cannot know (who answers whom, what a port means for its bytes) is what the others
 * are measured by. docs/math-mixtures.md has the formulas.
 */
#include "base/memory.h"
#include "base/progress.h"
#include "model/integer_mixture.h"
#include "model/model.h"
#include "model/set_counts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
#define AT(field) offsetof(struct integer_mixture_settings, field)
    { "components", 0, OPTION_INT, AT(components), "0", .minimum = 0, .maximum = 100,
      .argument = "N",
      .help = "Gaussian components of each integer attribute; 0 chooses by cross-validation" },
    { "max-components", 0, OPTION_INT, AT(max_components), "20", .minimum = 1, .maximum = 100,
      .argument = "N", .needs = "components=0",
      .help = "the most components that cross-validation tries" },
    { "folds", 0, OPTION_INT, AT(folds), "5", .minimum = 2, .maximum = 100, .argument = "N",
      .needs = "components=0",
      .help = "parts of the training data, each held out once in cross-validation" },
    { "max-iterations", 0, OPTION_INT, AT(max_iterations), "200", .minimum = 1, .maximum = 1e6,
      .argument = "N", .help = "most rounds of EM after components were added" },
#undef AT
};

/* Log masses of so many values from the lowest up are kept: nearly all that a flow has. All ports
 * are among them. */
enum { TABLE_COUNTS = 4096, TABLE_PORTS = 65536 };

/* One attribute's distribution. */
struct head {
    enum { HEAD_NONE, HEAD_SET, HEAD_MIXTURE } kind;
    struct set_counts set;
    struct integer_mixture mixture;
    double *log_masses; /* of mixture.lowest + i, [n_log_masses] */
    size_t n_log_masses;
};

struct gmm {
    struct model base;
    struct head heads[N_CODED];
};

static bool is_integer(enum attribute attribute)
{
    enum attribute_kind kind = attribute_infos[attribute].kind;
    return kind == KIND_PORT || kind == KIND_COUNT;
}

static int64_t highest_of(enum attribute attribute)
{
    const struct attribute_info *info = &attribute_infos[attribute];
    return info->kind == KIND_PORT ? info->support - 1 : INT64_MAX;
}

static void head_tabulate(struct head *head, enum attribute attribute)
{
    head->n_log_masses = attribute_infos[attribute].kind == KIND_PORT ? TABLE_PORTS : TABLE_COUNTS;
    head->log_masses = memory_alloc(head->n_log_masses, sizeof *head->log_masses);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < head->n_log_masses; i++)
        head->log_masses[i] = integer_mixture_log_mass(&head->mixture,
                                                       head->mixture.lowest + (int64_t)i);
}

static double head_log_mass(const struct head *head, int64_t value)
{
    if (head->kind == HEAD_SET)
        return set_counts_log_mass(&head->set, value);
    int64_t offset = value - head->mixture.lowest;
    if (offset >= 0 && (size_t)offset < head->n_log_masses)
        return head->log_masses[offset];
    return integer_mixture_log_mass(&head->mixture, value);
}

static int64_t head_draw(const struct head *head, enum attribute attribute, struct rng *rng)
{
    if (head->kind == HEAD_NONE)
        return attribute_infos[attribute].lowest;
    if (head->kind == HEAD_SET)
        return set_counts_draw(&head->set, rng);
    for (;;) {
        int64_t value = integer_mixture_draw(&head->mixture, rng);
        /* What a flow record can hold (flow.h). */
        if (attribute != ATTRIBUTE_DURATION || value <= UINT32_MAX)
            return value;
    }
}

static void gmm_free(struct model *model)
{
    struct gmm *gmm = (struct gmm *)model;
    for (size_t a = 0; a < N_CODED; a++) {
        set_counts_release(&gmm->heads[a].set);
        integer_mixture_release(&gmm->heads[a].mixture);
        free(gmm->heads[a].log_masses);
    }
    free(gmm);
}

/* ---- fitting ------------------------------------------------------------------------------ */

/* One attribute's scored values of every n_parts-th host from the one at `first` on. */
static struct integer_sample collect(const struct sequence_set *train, const size_t *order,
                                     size_t first, size_t n_parts, enum attribute attribute)
{
    int64_t *values = memory_alloc(train->n_scored, sizeof *values);
    size_t n = 0;
    for (size_t h = first; h < train->n; h += n_parts) {
        const struct sequence *sequence = &train->items[order[h]];
        for (size_t i = sequence->first_scored; i < sequence->n_rows; i++)
            values[n++] = sequence->rows[i].value[attribute];
    }
    struct integer_sample sample = integer_sample_create(values, n);
    free(values);
    return sample;
}

/* The rows of one host are alike: a fold that held out some of them and trained on the others would
 * take every habit of a host for a law. So whole hosts are held out, where there are enough. */
static void fit_mixture(struct head *head, const struct sequence_set *train, const size_t *order,
                        const struct integer_mixture_settings *settings, enum attribute attribute,
                        uint64_t seed)
{
    int64_t lowest = attribute_infos[attribute].lowest, highest = highest_of(attribute);
    bool by_hosts = train->n >= 2 * (size_t)settings->folds;
    size_t n_parts = by_hosts ? settings->folds : 1;
    struct integer_sample *parts = memory_alloc(n_parts, sizeof *parts);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t p = 0; p < n_parts; p++)
        parts[p] = collect(train, order, p, n_parts, attribute);

    head->kind = HEAD_MIXTURE;
    if (by_hosts)
        integer_mixture_fit_parts(&head->mixture, parts, n_parts, lowest, highest, settings);
    else
        integer_mixture_fit(&head->mixture, &parts[0], lowest, highest, settings, seed);
    head_tabulate(head, attribute);
    for (size_t p = 0; p < n_parts; p++)
        integer_sample_release(&parts[p]);
    free(parts);
}

static void fit_set(struct head *head, const struct sequence_set *train, enum attribute attribute)
{
    int64_t *values = memory_alloc(train->n_scored, sizeof *values);
    size_t n = 0;
    for (size_t s = 0; s < train->n; s++)
        for (size_t i = train->items[s].first_scored; i < train->items[s].n_rows; i++)
            values[n++] = train->items[s].rows[i].value[attribute];
    head->kind = HEAD_SET;
    set_counts_fit(&head->set, values, n, attribute_infos[attribute].support);
    free(values);
}

static enum status gmm_fit(const void *settings, const struct sequence_set *train, uint64_t seed,
                           struct fit_control *control, struct model **model, struct error *err)
{
    (void)control; /* it takes seconds */
    RETURN_IF(train->n_scored == 0, err, STATUS_RANGE, "there are no flows to fit the model to");
    struct gmm *gmm = memory_zalloc(1, sizeof *gmm);
    size_t *order = memory_alloc(train->n, sizeof *order); /* folds are every so-many-th of it */
    for (size_t h = 0; h < train->n; h++)
        order[h] = h;
    struct rng rng = rng_stream(seed, RNG_SPLIT, 0, 0);
    rng_shuffle(&rng, order, train->n, sizeof *order);

    /* Sets side by side; mixtures one by one, for each is worked on by all threads. */
#pragma omp parallel for schedule(dynamic, 1)
    for (int a = 0; a < N_CODED; a++)
        if ((train->attributes & ATTRIBUTE_BIT(a)) && !is_integer((enum attribute)a))
            fit_set(&gmm->heads[a], train, (enum attribute)a);
    struct progress progress = progress_start("fit", N_CODED, "attributes");
    for (enum attribute a = 0; a < N_CODED; a++) {
        progress_update(&progress, a, "%s", attribute_infos[a].name);
        if ((train->attributes & ATTRIBUTE_BIT(a)) && is_integer(a))
            fit_mixture(&gmm->heads[a], train, order, settings, a, seed);
    }
    progress_finish(&progress);
    free(order);
    *model = &gmm->base;
    return STATUS_OK;
}

/* ---- masses and draws --------------------------------------------------------------------- */

static enum status gmm_log_mass(const struct model *model, const struct sequence *sequence,
                                double *log_mass, struct error *err)
{
    (void)err;
    const struct gmm *gmm = (const struct gmm *)model;
    for (size_t i = sequence->first_scored; i < sequence->n_rows; i++) {
        double *row = log_mass + (i - sequence->first_scored) * N_ATTRIBUTES;
        memset(row, 0, N_ATTRIBUTES * sizeof *row);
        for (size_t a = 0; a < N_CODED; a++)
            if (gmm->heads[a].kind != HEAD_NONE)
                row[a] = head_log_mass(&gmm->heads[a], sequence->rows[i].value[a]);
    }
    return STATUS_OK;
}

struct gmm_sampler {
    struct sampler base;
    uint64_t seed;
    struct gmm_host {
        uint64_t stream;
        uint64_t n_drawn; /* rows so far */
    } * hosts;
};

static struct sampler *gmm_sampler_create(const struct model *model,
                                          const struct sampler_host *hosts, size_t n_hosts,
                                          const struct sampler_settings *settings)
{
    struct gmm_sampler *sampler = memory_zalloc(1, sizeof *sampler);
    sampler->seed = settings->seed;
    sampler->hosts = memory_zalloc(n_hosts, sizeof *sampler->hosts);
    for (size_t h = 0; h < n_hosts; h++)
        sampler->hosts[h].stream = hosts[h].stream;
    sampler->base.model = model;
    return &sampler->base;
}

/* Every row has random numbers of its own, so that a row is the same whichever rows were drawn
 * before it and beside it. */
static enum status gmm_sampler_advance(struct sampler *base, const size_t *which, size_t n,
                                       struct row *rows, struct error *err)
{
    (void)err;
    struct gmm_sampler *sampler = (struct gmm_sampler *)base;
    const struct gmm *gmm = (const struct gmm *)base->model;
#pragma omp parallel for schedule(static) if (n >= 256)
    for (size_t i = 0; i < n; i++) {
        struct gmm_host *host = &sampler->hosts[which[i]];
        struct rng rng = rng_stream(sampler->seed, RNG_SAMPLE, host->stream, host->n_drawn++);
        for (enum attribute a = 0; a < N_CODED; a++)
            rows[i].value[a] = head_draw(&gmm->heads[a], a, &rng);
    }
    return STATUS_OK;
}

static void gmm_sampler_free(struct sampler *base)
{
    struct gmm_sampler *sampler = (struct gmm_sampler *)base;
    free(sampler->hosts);
    free(sampler);
}

/* ---- files -------------------------------------------------------------------------------- */

static enum status gmm_save(const struct model *model, struct hdf5_group *group, struct error *err)
{
    const struct gmm *gmm = (const struct gmm *)model;
    for (enum attribute a = 0; a < N_CODED; a++) {
        const struct head *head = &gmm->heads[a];
        if (head->kind == HEAD_SET)
            FORWARD(set_counts_save(&head->set, group, attribute_infos[a].name, err));
        else if (head->kind == HEAD_MIXTURE)
            FORWARD(integer_mixture_save(&head->mixture, group, attribute_infos[a].name, err));
    }
    return STATUS_OK;
}

static enum status load_head(struct head *head, enum attribute attribute, struct hdf5_group *group,
                             struct error *err)
{
    const struct attribute_info *info = &attribute_infos[attribute];
    if (is_integer(attribute)) {
        FORWARD(integer_mixture_load(&head->mixture, group, info->name, err));
        head->kind = HEAD_MIXTURE;
        RETURN_IF(head->mixture.lowest != info->lowest ||
                      head->mixture.highest != highest_of(attribute),
                  err, STATUS_FORMAT, "%s: a mixture over %lld..%lld", info->name,
                  (long long)head->mixture.lowest, (long long)head->mixture.highest);
        head_tabulate(head, attribute);
        return STATUS_OK;
    }
    FORWARD(set_counts_load(&head->set, group, info->name, err));
    head->kind = HEAD_SET;
    RETURN_IF(head->set.support != info->support, err, STATUS_FORMAT, "%s: a set of %lld values",
              info->name, (long long)head->set.support);
    return STATUS_OK;
}

static enum status gmm_load(struct hdf5_group *group, struct model **model, struct error *err)
{
    int64_t attributes = 0;
    FORWARD(hdf5_read_integer(group, "attributes", &attributes, err));
    struct gmm *gmm = memory_zalloc(1, sizeof *gmm);
    enum status status = STATUS_OK;
    for (enum attribute a = 0; a < N_CODED && status == STATUS_OK; a++)
        if (attributes & ATTRIBUTE_BIT(a))
            status = load_head(&gmm->heads[a], a, group, err);
    if (status == STATUS_OK)
        *model = &gmm->base;
    else
        gmm_free(&gmm->base);
    return status;
}

const struct model_kind model_kind_gmm = {
    .name = "gmm",
    .summary = "columns alone: smoothed counts and Gaussian mixtures",
    .options = options,
    .n_options = ARRAY_LEN(options),
    .settings_size = sizeof(struct integer_mixture_settings),
    .fit = gmm_fit,
    .free = gmm_free,
    .log_mass = gmm_log_mass,
    .sampler_create = gmm_sampler_create,
    .sampler_advance = gmm_sampler_advance,
    .sampler_free = gmm_sampler_free,
    .save = gmm_save,
    .load = gmm_load,
};
