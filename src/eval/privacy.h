/* privacy.h - does the twin, or its model, give away the flows that it was trained on?
 *
 * Everything is measured against held-out real hosts: what those share with the training flows, any
 * other user would share too, and only what goes beyond that is copied.
 *
 *     struct privacy privacy = privacy_measure(training, held_out, synthetic, seed);
 *     print(privacy.flows.beyond, privacy.windows.nearer.mean);
 *     FORWARD(membership_measure(&membership, model_log_mass, model, trained, held_out, err));
 */
#ifndef FLOWTWIN_EVAL_PRIVACY_H
#define FLOWTWIN_EVAL_PRIVACY_H

#include "base/error.h"
#include "eval/host_ratio.h"
#include "eval/nll.h"
#include "eval/traffic.h"

/* How many of the items of a side occur exactly in the training flows. Shares of the side's items;
 * errors over its hosts. */
struct copies {
    size_t n_synthetic, n_held_out; /* items looked up */
    size_t n_synthetic_found, n_held_out_found;
    struct host_ratio synthetic, held_out;
    double
        beyond; /* synthetic copies beyond the held-out share, in items; 0 where there are none */
};

/* Distance to the nearest training item, by sampled items. 0 is an exact copy but for what is not
 * compared (addresses); see docs/evaluation.md for the scale. */
enum { NEAREST_5_PERCENT, NEAREST_MEDIAN, NEAREST_95_PERCENT, N_NEAREST };
struct nearest {
    size_t n_synthetic, n_held_out, n_training;       /* sampled */
    double synthetic[N_NEAREST], held_out[N_NEAREST]; /* quantiles of the distance */
    /* How often a synthetic item is nearer to training than a held-out one: 0.5 alike; above it,
     * the twin keeps closer to training than other users do. Error over hosts of both sides. */
    struct host_ratio nearer;
    /* Synthetic items that are nearer than 95 % of the held-out ones: 0.05 where they are alike. */
    double very_near;
};

struct privacy {
    bool is_measured;
    struct copies flows; /* all fields but the host's address */
    struct copies
        conversations; /* of two flows and more: remote, ports, and all fields of all flows */
    struct nearest rows;
    struct nearest windows; /* of 16 consecutive flows */
};

/* Membership inference: is a host whose flows the model finds likely one of those that it was
 * trained on? Index 0 is of training hosts, 1 of held-out ones. */
struct inference {
    struct host_ratio auc; /* chance that of a pair the training host is taken for it; 0.5: safe */
    /* Share of training hosts found at no more than 1 % of held-out hosts taken for such. With
     * fewer than 100 held-out hosts that means none of them. */
    double found_at_1_percent;
};
struct membership {
    bool is_measured;
    size_t n_hosts[2];
    struct host_ratio nats_per_flow[2];
    struct inference by_nll; /* the host of the lower NLL */
    /* The host whose NLL is lower by more than that of a reference, which was not trained on it:
     * some hosts are more likely than others, whoever is trained on them ("difficulty calibration",
     * Watson, Guo, Cormode and Sablayrolles, ICLR 2022). The reference is bayes-net, fitted to
     * hosts of both sides but a fifth, to which the host belongs. NaN where there are few hosts. */
    struct inference by_gain;
};

/* Hosts of held_out are not in training. */
struct privacy privacy_measure(const struct traffic *training, const struct traffic *held_out,
                               const struct traffic *synthetic, uint64_t seed);

/* The first flows of each host are scored, MEMBERSHIP_FLOWS at most; hosts of less than
 * MEMBERSHIP_FEWEST and training hosts of a type (sends, receives, both) that no held-out host has
 * are left out, since they differ in more than in having been trained on. Both sets are coded by
 * the model's labels. */
#define MEMBERSHIP_FLOWS  2000
#define MEMBERSHIP_FEWEST 16
#define REFERENCE_FOLDS   5
enum status membership_measure(struct membership *membership, nll_log_mass *log_mass,
                               const struct model *model, const struct sequence_set *trained,
                               const struct sequence_set *held_out, struct error *err);

/* What the figures mean and when to worry. */
extern const char *const copies_meaning, *const nearest_meaning, *const membership_meaning;

#endif
