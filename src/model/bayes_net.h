/* bayes_net.h - what the Bayesian network shows besides the interface of all models (model.h). */
#ifndef FLOWTWIN_MODEL_BAYES_NET_H
#define FLOWTWIN_MODEL_BAYES_NET_H

#include "data/bins.h"
#include "model/model.h"

extern const struct model_kind model_kind_bayes_net;

/* As model_log_mass, but of the bin that holds each value instead of the value: what was measured
 * before masses were taken on the data's own units. `model` is a Bayesian network. */
enum status bayes_net_log_mass_of_bins(const struct model *model, const struct sequence *sequence,
                                       double *log_mass, struct error *err);

/* The bins of an attribute, borrowed; NULL where it is not modelled. */
const struct bins *bayes_net_bins(const struct model *model, enum attribute attribute);

/* The edges to an attribute: "bytes<-packets". Caller frees with free(). */
char *bayes_net_edges(const struct model *model, enum attribute attribute);

#endif
