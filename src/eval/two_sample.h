/* two_sample.h - can a classifier tell the flows of a twin from real ones?
 *
 * A small network is shown windows of consecutive flows of a host, as coded, and learns which come
 * from the real side and which from the twin. It is then asked about hosts that it has not seen, on
 * both sides. The area under its ROC curve (AUC) is the chance that of a real and a synthetic
 * window it takes the right one for synthetic: 0.5 is guessing, and what a perfect twin gets; 1
 * means that each window gives itself away. The same for single flows, which says how much of it is
 * in the flows themselves and how much in how they follow one another.
 *
 *     struct two_sample result;
 *     FORWARD(two_sample_compare(&result, real, synthetic, seed, err));
 *     print(result.windows.auc.mean, result.windows.auc.standard_error);
 *     FORWARD(two_sample_halves(&floor, real, TWO_SAMPLE_HALVINGS, seed, err));
 */
#ifndef FLOWTWIN_EVAL_TWO_SAMPLE_H
#define FLOWTWIN_EVAL_TWO_SAMPLE_H

#include "base/error.h"
#include "eval/host_ratio.h"
#include "eval/traffic.h"

/* Flows of a window. */
#define TWO_SAMPLE_WINDOW 16
/* Halvings that the floor is the mean of, where nothing else is asked: each trains networks. */
#define TWO_SAMPLE_HALVINGS 4

/* What was asked about, and how often it was told apart. Index 0 is real, 1 synthetic. */
struct two_sample_figure {
    struct host_ratio auc; /* error over hosts of both sides; NaN where there are too few hosts */
    size_t n_windows[2];   /* that were judged, each by a network that has not seen its host */
    size_t n_hosts[2];     /* that they come from */
};

struct two_sample {
    bool is_measured;
    struct two_sample_figure windows, flows;
};

/* Real against real: halves of the hosts, in the same way. Means and deviations over halvings. */
struct two_sample_floor {
    size_t n_halvings; /* 0: not measured */
    double windows, windows_deviation;
    double flows, flows_deviation;
};

/* STATUS_INTERRUPTED where the user asked to stop. */
enum status two_sample_compare(struct two_sample *result, const struct traffic *real,
                               const struct traffic *synthetic, uint64_t seed, struct error *err);
enum status two_sample_halves(struct two_sample_floor *floor, const struct traffic *real,
                              size_t n_halvings, uint64_t seed, struct error *err);

/* What the figure means and when to worry, in a sentence or two. */
extern const char *const two_sample_meaning;
/* What it means to put real flows of training hosts in the twin's place. */
extern const char *const two_sample_trained_meaning;

#endif
