/* forecast_gain.h - does a forecast gain from what a model has learned about ports?
 *
 * The bytes and flows of a host in the next 5 minutes are told from its last hour slot by slot and
 * the time of day (slots.h), by networks that see the ports of that hour's flows in one of three
 * forms, in the mean over flows; or do not see them. All are tested on hosts that neither they nor
 * the model have seen. */
#ifndef FLOWTWIN_EVAL_FORECAST_GAIN_H
#define FLOWTWIN_EVAL_FORECAST_GAIN_H

#include "eval/embedding_gain.h"

/* The set has tables of both ports; hosts of `test` are not in training. Nothing is measured where
 * there is no slot with an hour before it. STATUS_INTERRUPTED where the user asked to stop. */
enum status forecast_gain_measure(struct forecast_gain *result, const struct embedding_set *set,
                                  const struct traffic *training, const struct traffic *test,
                                  uint64_t seed, struct error *err);

#endif
