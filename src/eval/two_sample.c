#include "eval/two_sample.h"

#include "base/memory.h"
#include "eval/classifier.h"
#include "eval/roc.h"
#include "eval/row_coder.h"
#include "eval/verdict.h"
#include "eval/window_sample.h"

#include <math.h>
#include <stdlib.h>

/* Hosts are dealt into so many folds; each is judged by a network that learned from the others. */
#define FOLDS 4
/* Windows, and single flows, of a host at most, so that one busy host does not decide, and in all.
 */
#define WINDOWS_OF_HOST 256
#define WINDOWS_OF_SIDE 8192
#define FLOWS_OF_HOST   1024
#define FLOWS_OF_SIDE   32768

static const size_t lengths[] = { TWO_SAMPLE_WINDOW, 1 };
enum { N_LENGTHS = ARRAY_LEN(lengths) };

const char *const two_sample_meaning =
    "0.5: nobody can tell; 1: every window gives itself away. Worry where it is well above the "
    "floor: above " WORRY_TWO_SAMPLE_TEXT " the twin is easily told from real flows.";

const char *const two_sample_trained_meaning =
    "Trained on: real flows of the training hosts in the twin's place. Hosts differ, so that a "
    "perfect copy of these is told from other hosts as often; no twin of theirs can be expected "
    "to do better.";

/* The windows of one side that are used. */
struct sampled_side {
    const struct traffic *traffic;
    struct window_sample windows;
    size_t *folds;  /* [n_hosts of the traffic] of each host */
    size_t n_hosts; /* that have a window */
};

/* Two sides with windows of one length. */
struct trial {
    struct sampled_side sides[2];
    size_t length, n_folds;
    struct roc_hosts found; /* filled fold by fold: a host belongs to one */
    uint64_t seed;
};

/* ---- windows ------------------------------------------------------------------------------ */

/* The hosts with windows, dealt into folds in random order. */
static void deal_folds(struct sampled_side *side, size_t length, size_t n_folds, struct rng *rng)
{
    size_t n_hosts = side->traffic->n_hosts;
    size_t *order = memory_alloc(n_hosts, sizeof *order), dealt = 0;
    for (size_t h = 0; h < n_hosts; h++)
        order[h] = h;
    rng_shuffle(rng, order, n_hosts, sizeof *order);
    for (size_t i = 0; i < n_hosts; i++) {
        bool is_dealt = n_folds > 0 && side->traffic->hosts[order[i]].n_rows >= length;
        side->folds[order[i]] = is_dealt ? dealt++ % n_folds : n_folds;
    }
    free(order);
}

static size_t count_hosts(const struct traffic *traffic, size_t length)
{
    size_t n = 0;
    for (size_t h = 0; h < traffic->n_hosts; h++)
        n += traffic->hosts[h].n_rows >= length;
    return n;
}

static void sample_side(struct sampled_side *side, const struct traffic *traffic,
                        const struct trial *trial, uint64_t name)
{
    size_t n = traffic->n_hosts;
    size_t n_max = trial->length > 1 ? window_sample_share(WINDOWS_OF_HOST, WINDOWS_OF_SIDE, n)
                                     : window_sample_share(FLOWS_OF_HOST, FLOWS_OF_SIDE, n);
    *side = (struct sampled_side){
        .traffic = traffic,
        .folds = memory_alloc(traffic->n_hosts, sizeof *side->folds),
        .n_hosts = count_hosts(traffic, trial->length),
    };
    struct rng rng = rng_stream(trial->seed, RNG_EVAL, name, trial->length);
    deal_folds(side, trial->length, trial->n_folds, &rng);
    side->windows = window_sample_draw(traffic, trial->length, n_max, &rng);
}

static void trial_init(struct trial *trial, const struct traffic *real,
                       const struct traffic *synthetic, size_t length, uint64_t seed)
{
    const struct traffic *const sides[] = { real, synthetic };
    *trial = (struct trial){ .length = length, .n_folds = FOLDS, .seed = seed };
    for (size_t s = 0; s < 2; s++) {
        size_t n = count_hosts(sides[s], length);
        trial->n_folds = n < trial->n_folds ? n : trial->n_folds;
        trial->found.n[s] = sides[s]->n_hosts;
        trial->found.sums[s] = memory_zalloc(sides[s]->n_hosts, sizeof(double));
        trial->found.counts[s] = memory_zalloc(sides[s]->n_hosts, sizeof(double));
    }
    if (trial->n_folds < 2) /* nobody is left to learn from */
        trial->n_folds = 0;
    for (size_t s = 0; s < 2; s++)
        sample_side(&trial->sides[s], sides[s], trial, s);
}

static void trial_release(struct trial *trial)
{
    for (size_t s = 0; s < 2; s++) {
        free(trial->found.sums[s]);
        free(trial->found.counts[s]);
        window_sample_release(&trial->sides[s].windows);
        free(trial->sides[s].folds);
    }
}

/* ---- one fold ----------------------------------------------------------------------------- */

/* The windows of a side that are, or are not, of a fold. Caller frees *which. */
static size_t choose(const struct sampled_side *side, size_t fold, bool is_test, size_t **which)
{
    size_t n = 0;
    *which = memory_alloc(side->windows.n, sizeof **which);
    for (size_t w = 0; w < side->windows.n; w++)
        if ((side->folds[side->windows.hosts[w]] == fold) == is_test)
            (*which)[n++] = w;
    return n;
}

/* The hosts outside a fold, to learn vocabularies from. Caller frees. */
static struct traffic *training_hosts(const struct sampled_side *side, size_t fold)
{
    size_t *order = memory_alloc(side->traffic->n_hosts, sizeof *order), n = 0;
    for (size_t h = 0; h < side->traffic->n_hosts; h++)
        if (side->folds[h] != fold)
            order[n++] = h;
    struct traffic *part = traffic_part(side->traffic, order, n);
    free(order);
    return part;
}

static struct row_coder *learn_coder(const struct trial *trial, size_t fold)
{
    struct traffic *sides[2];
    for (size_t s = 0; s < 2; s++)
        sides[s] = training_hosts(&trial->sides[s], fold);
    struct row_coder *coder = row_coder_create(
        (const struct traffic *const[]){ sides[0], sides[1] }, 2, trial->length, -1);
    for (size_t s = 0; s < 2; s++)
        traffic_free(sides[s]);
    return coder;
}

/* Examples of class s for n windows of side s; of training, the smaller side is repeated until both
 * weigh the same. Caller frees. */
static struct example_set *code_windows(const struct trial *trial, const struct row_coder *coder,
                                        size_t *const which[2], const size_t n[2], size_t repeat_to)
{
    struct example_shape shape = {
        .length = trial->length,
        .n_fields = coder->n_fields,
        .n_codes = coder->n_codes,
        .n_numbers = ROW_NUMBERS,
        .n_outputs = 2,
    };
    size_t sizes[2], at = 0;
    for (size_t s = 0; s < 2; s++)
        sizes[s] = repeat_to > n[s] ? repeat_to : n[s];
    struct example_set *set = example_set_create(&shape, sizes[0] + sizes[1]);
    for (size_t s = 0; s < 2; s++) {
        const struct sampled_side *side = &trial->sides[s];
        for (size_t i = 0; i < sizes[s]; i++, at++) {
            row_coder_write(coder, side->traffic->columns, side->windows.rows[which[s][i % n[s]]],
                            set->codes + at * shape.length * shape.n_fields,
                            set->numbers + at * shape.length * shape.n_numbers);
            set->classes[at] = (int32_t)s;
        }
    }
    return set;
}

/* Adds the placements of a fold's windows to their hosts. scores: [n[0] + n[1]]. */
static void note_scores(struct trial *trial, size_t *const which[2], const size_t n[2],
                        const double *scores)
{
    const double *of_side[2] = { scores, scores + n[0] };
    for (size_t s = 0; s < 2; s++) {
        double *placements = memory_alloc(n[s], sizeof *placements);
        roc_placements(placements, of_side[s], n[s], of_side[1 - s], n[1 - s]);
        for (size_t i = 0; i < n[s]; i++) {
            size_t host = trial->sides[s].windows.hosts[which[s][i]];
            trial->found.sums[s][host] += placements[i];
            trial->found.counts[s][host] += 1.0;
        }
        free(placements);
    }
}

static enum status judge_test(struct trial *trial, const struct row_coder *coder,
                              const struct classifier *classifier, size_t fold, struct error *err)
{
    size_t *which[2], n[2];
    for (size_t s = 0; s < 2; s++)
        n[s] = choose(&trial->sides[s], fold, true, &which[s]);
    struct example_set *test = code_windows(trial, coder, which, n, 0);
    double *scores = memory_alloc(memory_product(2, test->n), sizeof *scores);
    enum status status = classifier_score(classifier, test, scores, err);
    for (size_t i = 0; i < test->n; i++) /* ln P(synthetic) - ln P(real) */
        scores[i] = scores[2 * i + 1] - scores[2 * i];
    if (status == STATUS_OK)
        note_scores(trial, which, n, scores);
    free(scores);
    example_set_free(test);
    free(which[0]);
    free(which[1]);
    return status;
}

static enum status judge_fold(struct trial *trial, size_t fold, struct error *err)
{
    struct row_coder *coder = learn_coder(trial, fold);
    struct classifier_settings settings = CLASSIFIER_DEFAULTS;
    settings.seed = trial->seed;
    if (trial->length == 1)
        settings.n_examples *= 8;
    size_t *which[2], n[2];
    for (size_t s = 0; s < 2; s++)
        n[s] = choose(&trial->sides[s], fold, false, &which[s]);
    struct example_set *train = code_windows(trial, coder, which, n, n[0] > n[1] ? n[0] : n[1]);
    free(which[0]);
    free(which[1]);
    struct classifier *classifier = NULL;
    enum status status = classifier_fit(&classifier, train, &settings, err);
    example_set_free(train);
    if (status == STATUS_OK)
        status = judge_test(trial, coder, classifier, fold, err);
    classifier_free(classifier);
    row_coder_free(coder);
    return status;
}

/* ---- all folds of all trials -------------------------------------------------------------- */

/* A fold of one of the trials; folds write to different hosts. */
static enum status do_job(void *user, size_t job, struct error *err)
{
    struct trial *trial = (struct trial *)user + job / FOLDS;
    return job % FOLDS < trial->n_folds ? judge_fold(trial, job % FOLDS, err) : STATUS_OK;
}

static struct two_sample_figure figure_of(const struct trial *trial)
{
    struct two_sample_figure figure = { .auc = { (double)NAN, (double)NAN } };
    for (size_t s = 0; s < 2; s++) {
        figure.n_windows[s] = trial->sides[s].windows.n;
        figure.n_hosts[s] = trial->sides[s].n_hosts;
    }
    if (trial->n_folds > 0)
        figure.auc = roc_area_of_hosts(&trial->found);
    return figure;
}

enum status two_sample_compare(struct two_sample *result, const struct traffic *real,
                               const struct traffic *synthetic, uint64_t seed, struct error *err)
{
    struct trial trials[N_LENGTHS];
    for (int l = 0; l < N_LENGTHS; l++)
        trial_init(&trials[l], real, synthetic, lengths[l], seed);
    enum status status = run_network_jobs("tell apart", N_LENGTHS * FOLDS, do_job, trials, err);
    *result = (struct two_sample){ .is_measured = status == STATUS_OK,
                                   .windows = figure_of(&trials[0]),
                                   .flows = figure_of(&trials[1]) };
    for (int l = 0; l < N_LENGTHS; l++)
        trial_release(&trials[l]);
    return status;
}

/* ---- the floor ---------------------------------------------------------------------------- */

static void mean_and_deviation(const double *values, size_t n, double *mean, double *deviation)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - *mean) * (values[i] - *mean);
    *deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : (double)NAN;
}

enum status two_sample_halves(struct two_sample_floor *floor, const struct traffic *real,
                              size_t n_halvings, uint64_t seed, struct error *err)
{
    *floor = (struct two_sample_floor){ 0 };
    size_t n = n_halvings * N_LENGTHS;
    struct trial *trials = memory_alloc(n, sizeof *trials);
    struct traffic **halves = memory_alloc(2 * n_halvings, sizeof *halves);
    double *areas = memory_alloc(n, sizeof *areas);
    for (size_t i = 0; i < n_halvings; i++) {
        traffic_halves(real, seed, i, &halves[2 * i]);
        for (int l = 0; l < N_LENGTHS; l++)
            trial_init(&trials[l * n_halvings + i], halves[2 * i], halves[2 * i + 1], lengths[l],
                       seed + i);
    }
    enum status status = run_network_jobs("halves", n * FOLDS, do_job, trials, err);
    for (size_t i = 0; i < n; i++) {
        areas[i] = figure_of(&trials[i]).auc.mean;
        trial_release(&trials[i]);
    }
    if (status == STATUS_OK) {
        floor->n_halvings = n_halvings;
        mean_and_deviation(areas, n_halvings, &floor->windows, &floor->windows_deviation);
        mean_and_deviation(areas + n_halvings, n_halvings, &floor->flows, &floor->flows_deviation);
    }
    for (size_t i = 0; i < 2 * n_halvings; i++)
        traffic_free(halves[i]);
    free(areas);
    free(halves);
    free(trials);
    return status;
}
