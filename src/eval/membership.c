/* membership.c - can the hosts that a model was trained on be told from others by its likelihoods?
 */
#include "base/memory.h"
#include "base/options.h"
#include "eval/privacy.h"
#include "eval/roc.h"

#include <math.h>
#include <stdlib.h>

/* ---- which hosts are compared ------------------------------------------------------------- */

/* By its flows with addresses that are not monitored, as in a dataset. */
static enum host_type type_of(const struct sequence *sequence, const struct address_set *monitored)
{
    bool sends = false, receives = false;
    for (size_t i = sequence->first_scored; i < sequence->n_rows; i++) {
        const int64_t *value = sequence->rows[i].value;
        if (address_set_has(monitored, (uint32_t)value[ATTRIBUTE_REMOTE]))
            continue;
        sends |= value[ATTRIBUTE_DIRECTION] == DIRECTION_OUT;
        receives |= value[ATTRIBUTE_DIRECTION] == DIRECTION_IN;
    }
    return host_type_of(sends, receives);
}

/* A set of none of its hosts, with room for n. items: freed by the caller, rows borrowed. */
static struct sequence_set empty_like(const struct sequence_set *set, size_t n)
{
    struct sequence_set empty = *set;
    empty.items = memory_alloc(n, sizeof *empty.items);
    empty.n = empty.n_rows = empty.n_scored = 0;
    return empty;
}

static void add_host(struct sequence_set *set, const struct sequence *sequence)
{
    set->items[set->n++] = *sequence;
    set->n_rows += sequence->n_rows;
    set->n_scored += sequence->n_rows - sequence->first_scored;
}

/* The hosts of a set that are compared, cut to their first flows. types: bit per type that is let
 * in. */
static struct sequence_set choose_hosts(const struct sequence_set *set, unsigned types)
{
    struct sequence_set chosen = empty_like(set, set->n);
    for (size_t s = 0; s < set->n; s++) {
        struct sequence sequence = set->items[s];
        size_t n_scored = sequence.n_rows - sequence.first_scored;
        if (n_scored < MEMBERSHIP_FEWEST ||
            (types & 1u << type_of(&sequence, &set->monitored)) == 0)
            continue;
        if (n_scored > MEMBERSHIP_FLOWS)
            sequence.n_rows = sequence.first_scored + MEMBERSHIP_FLOWS;
        add_host(&chosen, &sequence);
    }
    return chosen;
}

static unsigned types_of(const struct sequence_set *set)
{
    unsigned types = 0;
    for (size_t s = 0; s < set->n; s++)
        if (set->items[s].n_rows - set->items[s].first_scored >= MEMBERSHIP_FEWEST)
            types |= 1u << type_of(&set->items[s], &set->monitored);
    return types;
}

/* Hosts of 0 are held out, of 1 trained on: scores of each, high where one is taken for a training
 * host. */
static struct inference infer(double *const scores[2], const size_t n[2])
{
    double *placements[2], *ones[2];
    for (size_t s = 0; s < 2; s++) {
        placements[s] = memory_alloc(n[s], sizeof(double));
        ones[s] = memory_alloc(n[s], sizeof(double));
        for (size_t h = 0; h < n[s]; h++)
            ones[s][h] = 1.0;
        roc_placements(placements[s], scores[s], n[s], scores[1 - s], n[1 - s]);
    }
    struct roc_hosts found = { { placements[0], placements[1] },
                               { ones[0], ones[1] },
                               { n[0], n[1] } };
    struct inference inference = { roc_area_of_hosts(&found),
                                   roc_found_at(scores[1], n[1], scores[0], n[0], 0.01) };
    for (size_t s = 0; s < 2; s++) {
        free(placements[s]);
        free(ones[s]);
    }
    return inference;
}

static double host_nats(const struct nll *nll, size_t h)
{
    return nll->sums[h * NLL_COLUMNS + NLL_TOTAL] / nll->flows[h];
}

/* ---- the reference ------------------------------------------------------------------------ */

/* The hosts of both sides that are in a fold, or not. */
static struct sequence_set take_fold(const struct sequence_set sides[2], size_t fold, bool is_in)
{
    struct sequence_set part = empty_like(&sides[0], sides[0].n + sides[1].n);
    for (size_t s = 0; s < 2; s++)
        for (size_t h = 0; h < sides[s].n; h++)
            if ((h % REFERENCE_FOLDS == fold) == is_in)
                add_host(&part, &sides[s].items[h]);
    return part;
}

static enum status fit_reference(const struct sequence_set *train, struct model **model,
                                 struct error *err)
{
    const struct model_kind *kind = model_kind_find("bayes-net");
    void *settings = memory_zalloc(1, kind->settings_size);
    const struct option_table table = { kind->options, kind->n_options, settings, NULL };
    struct training_record none = { 0 };
    options_set_defaults(&table, 1);
    enum status status = model_fit(kind, settings, train, &none, 1, "", model, err);
    free(settings);
    return status;
}

/* Adds to the scores of a fold's hosts what the reference gives them, in nats per flow. */
static enum status calibrate_fold(double *const scores[2], const struct sequence_set sides[2],
                                  size_t fold, struct error *err)
{
    struct sequence_set train = take_fold(sides, fold, false), test = take_fold(sides, fold, true);
    struct model *reference = NULL;
    struct nll nll = { 0 };
    enum status status = fit_reference(&train, &reference, err);
    if (status == STATUS_OK)
        status = nll_score(&nll, reference, &test, err);
    size_t n = 0;
    for (size_t s = 0; status == STATUS_OK && s < 2; s++)
        for (size_t h = fold; h < sides[s].n; h += REFERENCE_FOLDS)
            scores[s][h] += host_nats(&nll, n++);
    nll_release(&nll);
    model_free(reference);
    free(train.items);
    free(test.items);
    return status;
}

/* ---- both --------------------------------------------------------------------------------- */

static enum status compare_hosts(struct membership *membership, const struct nll nll[2],
                                 const struct sequence_set sides[2], struct error *err)
{
    enum status status = STATUS_OK;
    size_t n[2] = { nll[0].n_hosts, nll[1].n_hosts };
    double *scores[2];
    for (size_t s = 0; s < 2; s++) {
        membership->n_hosts[1 - s] = n[s];
        membership->nats_per_flow[1 - s] = nll[s].total;
        scores[s] = memory_alloc(n[s], sizeof(double));
        for (size_t h = 0; h < n[s]; h++)
            scores[s][h] = -host_nats(&nll[s], h);
    }
    membership->by_nll = infer(scores, n);
    membership->by_gain = (struct inference){ { NAN, NAN }, NAN };
    bool has_folds = n[0] >= REFERENCE_FOLDS && n[1] >= REFERENCE_FOLDS;
    for (size_t fold = 0; has_folds && status == STATUS_OK && fold < REFERENCE_FOLDS; fold++)
        status = calibrate_fold(scores, sides, fold, err);
    if (has_folds && status == STATUS_OK)
        membership->by_gain = infer(scores, n);
    free(scores[0]);
    free(scores[1]);
    return status;
}

enum status membership_measure(struct membership *membership, nll_log_mass *log_mass,
                               const struct model *model, const struct sequence_set *trained,
                               const struct sequence_set *held_out, struct error *err)
{
    unsigned types = types_of(held_out);
    struct sequence_set chosen[] = { choose_hosts(held_out, types), choose_hosts(trained, types) };
    struct nll nll[2] = { 0 };
    enum status status = STATUS_OK;
    *membership = (struct membership){ .is_measured = chosen[0].n > 0 && chosen[1].n > 0 };
    for (size_t s = 0; membership->is_measured && status == STATUS_OK && s < 2; s++)
        status = nll_score_by(log_mass, &nll[s], model, &chosen[s], err);
    if (membership->is_measured && status == STATUS_OK)
        status = compare_hosts(membership, nll, chosen, err);
    for (size_t s = 0; s < 2; s++) {
        nll_release(&nll[s]);
        free(chosen[s].items);
    }
    return status;
}
