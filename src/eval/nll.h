/* nll.h - the negative log-likelihood of flows under a model, in nats per flow.
 *
 *     struct nll nll;
 *     FORWARD(nll_score(&nll, model, set, err));
 *     print(nll.total.mean, nll.total.standard_error, nll.by_attribute[ATTRIBUTE_BYTES].mean);
 *     struct nll_difference gain = nll_compare(&other, &nll);     // other - nll, paired by host
 *     nll_release(&nll);
 */
#ifndef FLOWTWIN_EVAL_NLL_H
#define FLOWTWIN_EVAL_NLL_H

#include "eval/host_ratio.h"
#include "model/model.h"

/* Columns of the sums of a host: one an attribute, and their total. */
#define NLL_TOTAL   N_ATTRIBUTES
#define NLL_COLUMNS (N_ATTRIBUTES + 1)

struct nll {
    size_t n_flows, n_hosts;
    uint32_t attributes; /* bit per attribute that has a part in it (ATTRIBUTE_LINK among them) */
    struct host_ratio total;
    struct host_ratio by_attribute[N_ATTRIBUTES];
    /* What it came from, for differences. */
    double *sums;  /* [n_hosts, NLL_COLUMNS] nats */
    double *flows; /* [n_hosts] */
    uint32_t *hosts;
};

/* Scores every sequence, several at a time; a host's sum is taken in the order of its rows and the
 * hosts' in the order of their addresses, so that the number of threads changes no bit.
 * STATUS_NUMERIC where a model gives a flow no mass at all, with host, row and attribute.
 * Released with nll_release, also after a failure. */
enum status nll_score(struct nll *nll, const struct model *model, const struct sequence_set *set,
                      struct error *err);
/* The same with another measure than model_log_mass: of bins instead of values, say. */
typedef enum status nll_log_mass(const struct model *model, const struct sequence *sequence,
                                 double *log_mass, struct error *err);
enum status nll_score_by(nll_log_mass *log_mass, struct nll *nll, const struct model *model,
                         const struct sequence_set *set, struct error *err);
void nll_release(struct nll *nll);

/* a - b in nats per flow, paired: the error is that of the hosts' differences. */
struct nll_difference {
    struct host_ratio total;
    struct host_ratio by_attribute[N_ATTRIBUTES];
};
/* Both must be of the same hosts and flows. */
struct nll_difference nll_compare(const struct nll *a, const struct nll *b);

#endif
