#include "eval/nll.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

static enum status no_mass(const struct sequence *sequence, size_t row, int attribute, double mass,
                           struct error *err)
{
    char host[ADDRESS_TEXT_SIZE];
    address_format(sequence->host, host);
    long long value = attribute < N_CODED ? (long long)sequence->rows[row].value[attribute] : 0;
    return error_set(err, STATUS_NUMERIC, "flow %zu of host %s: its %s, %lld, has log mass %g",
                     row + 1, host, attribute_infos[attribute].name, value, mass);
}

/* Adds up one host's rows. */
static enum status score_sequence(nll_log_mass *measure, const struct model *model,
                                  const struct sequence *sequence, double sums[NLL_COLUMNS],
                                  struct error *err)
{
    size_t n = sequence->n_rows - sequence->first_scored;
    double *log_mass = memory_alloc(memory_product(n, N_ATTRIBUTES), sizeof *log_mass);
    enum status status = measure(model, sequence, log_mass, err);
    for (size_t i = 0; status == STATUS_OK && i < n; i++) {
        for (int a = 0; status == STATUS_OK && a < N_ATTRIBUTES; a++) {
            double mass = log_mass[i * N_ATTRIBUTES + a];
            if (!isfinite(mass))
                status = no_mass(sequence, sequence->first_scored + i, a, mass, err);
            sums[a] -= mass;
        }
    }
    for (int a = 0; a < N_ATTRIBUTES; a++)
        sums[NLL_TOTAL] += sums[a];
    free(log_mass);
    return status;
}

/* Failures of threads: the one of the lowest host is kept, whichever came first. */
struct first_failure {
    size_t host;
    enum status status;
    struct error err;
};

static enum status score_hosts(double *sums, nll_log_mass *measure, const struct model *model,
                               const struct sequence_set *set, struct error *err)
{
    struct first_failure failure = { .status = STATUS_OK };
    struct progress progress = progress_start("score", (double)set->n_scored, "flows");
    size_t n_done = 0;
    /* Long hosts do not stand together, and one thread may meet several: hosts are handed out as
     * threads become free. No sum depends on who takes which. */
#pragma omp parallel for schedule(dynamic) reduction(+ : n_done)
    for (size_t s = 0; s < set->n; s++) {
        if (interrupt_requested())
            continue;
        struct error own = { 0 };
        enum status status = score_sequence(measure, model, &set->items[s], sums + s * NLL_COLUMNS,
                                            &own);
        n_done += set->items[s].n_rows - set->items[s].first_scored;
        if (status != STATUS_OK) {
#pragma omp critical(nll_failure)
            if (failure.status == STATUS_OK || s < failure.host)
                failure = (struct first_failure){ s, status, own };
        }
        if (omp_get_thread_num() == 0)
            progress_update(&progress, (double)n_done * omp_get_num_threads(), NULL);
    }
    progress_finish(&progress);
    RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "interrupted");
    if (failure.status != STATUS_OK)
        return error_set(err, failure.status, "%s", failure.err.message);
    return STATUS_OK;
}

enum status nll_score(struct nll *nll, const struct model *model, const struct sequence_set *set,
                      struct error *err)
{
    return nll_score_by(model_log_mass, nll, model, set, err);
}

enum status nll_score_by(nll_log_mass *log_mass, struct nll *nll, const struct model *model,
                         const struct sequence_set *set, struct error *err)
{
    *nll = (struct nll){
        .n_flows = set->n_scored,
        .n_hosts = set->n,
        .sums = memory_zalloc(memory_product(set->n, NLL_COLUMNS), sizeof *nll->sums),
        .flows = memory_alloc(set->n, sizeof *nll->flows),
        .hosts = memory_alloc(set->n, sizeof *nll->hosts),
    };
    for (size_t s = 0; s < set->n; s++) {
        nll->hosts[s] = set->items[s].host;
        nll->flows[s] = (double)(set->items[s].n_rows - set->items[s].first_scored);
    }
    FORWARD(score_hosts(nll->sums, log_mass, model, set, err));
    nll->total = host_ratio_of(nll->sums + NLL_TOTAL, NLL_COLUMNS, nll->flows, nll->n_hosts);
    nll->attributes = model->attributes;
    for (int a = 0; a < N_ATTRIBUTES; a++) {
        nll->by_attribute[a] = host_ratio_of(nll->sums + a, NLL_COLUMNS, nll->flows, nll->n_hosts);
        if (nll->by_attribute[a].mean != 0.0)
            nll->attributes |= ATTRIBUTE_BIT(a);
    }
    return STATUS_OK;
}

void nll_release(struct nll *nll)
{
    free(nll->sums);
    free(nll->flows);
    free(nll->hosts);
    *nll = (struct nll){ 0 };
}

struct nll_difference nll_compare(const struct nll *a, const struct nll *b)
{
    if (a->n_hosts != b->n_hosts)
        BUG("NLLs of %zu and %zu hosts", a->n_hosts, b->n_hosts);
    double *sums = memory_alloc(memory_product(a->n_hosts, NLL_COLUMNS), sizeof *sums);
    for (size_t h = 0; h < a->n_hosts; h++) {
        if (a->hosts[h] != b->hosts[h] || a->flows[h] != b->flows[h])
            BUG("NLLs of different flows");
        for (size_t c = 0; c < NLL_COLUMNS; c++)
            sums[h * NLL_COLUMNS + c] = a->sums[h * NLL_COLUMNS + c] - b->sums[h * NLL_COLUMNS + c];
    }
    struct nll_difference difference;
    difference.total = host_ratio_of(sums + NLL_TOTAL, NLL_COLUMNS, a->flows, a->n_hosts);
    for (int k = 0; k < N_ATTRIBUTES; k++)
        difference.by_attribute[k] = host_ratio_of(sums + k, NLL_COLUMNS, a->flows, a->n_hosts);
    free(sums);
    return difference;
}
