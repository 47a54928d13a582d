/* report.h - everything that one evaluation found, for people and for programs.
 *
 *     struct report report = { .data = "day1.h5", .part = "unseen", ... };
 *     ... fill models, twins and the floor ...
 *     report_print(&report, stdout);
 *     json_t *json = report_json(&report);
 *     report_release(&report);
 *
 * docs/evaluation.md says what every figure means and lists the keys.
 */
#ifndef FLOWTWIN_EVAL_REPORT_H
#define FLOWTWIN_EVAL_REPORT_H

#include "eval/comparison.h"
#include "eval/embedding_gain.h"
#include "eval/embedding_map.h"
#include "eval/nll.h"
#include "eval/privacy.h"
#include "eval/profile.h"
#include "eval/tasks.h"
#include "eval/two_sample.h"

#include <jansson.h>
#include <stdio.h>

/* Of the JSON: raised when a key changes its meaning or goes. */
#define REPORT_VERSION 1

struct report_model {
    const char *name; /* the file's */
    const char *kind;
    struct nll nll;
    struct nll_difference difference; /* from the first model; for the first itself 0 */
    int twin;                         /* index of the twin that it drew, or -1 */
    /* Where bins are scored: of the bins that hold the values of one attribute. */
    struct host_ratio bins;
    size_t n_bins;
    struct embedding_maps maps;   /* where there will be plots */
    struct fit_history history;   /* of its training; borrowed from the model */
    struct embedding_gain gain;   /* with --tasks, of models that learn embeddings */
    struct membership membership; /* with --privacy, where training flows are in the data */
};

struct report_twin {
    const char *name;        /* the file's, or that of the model that drew it */
    size_t n_hosts, n_flows; /* of the first repeat */
    double effective_hosts;  /* traffic_effective_hosts, of the same */
    bool is_drawn;    /* by eval, and so it is known how many hosts of the same had no flow */
    size_t n_silent;  /* at all, */
    size_t n_runaway; /* and how many ran away (see sample/sample.h) */
    struct comparison_average average;
    /* What judges of a twin say, each where it was asked: of the first repeat. */
    struct two_sample two_sample;
    struct two_sample two_sample_trained; /* real flows of the training hosts in its place */
    struct tasks tasks;
    struct privacy privacy;
    struct profile *profile; /* of the first repeat, where there will be plots; or NULL */
};

struct report {
    const char *data, *part;
    size_t n_flows, n_hosts; /* of the part */
    double effective_hosts;
    int64_t from, until; /* ms: from the hour of its first flow to after its last */
    struct report_model *models;
    size_t n_models;
    int bins_attribute; /* -1 where no bins are scored */
    struct report_twin *twins;
    size_t n_twins;
    size_t n_repeats;
    uint64_t seed;
    struct comparison_average floor; /* n is the number of halvings; 0 where there is no floor */
    struct two_sample_floor two_sample_floor;
    struct profile *profile; /* of the real side, where there will be plots; or NULL */
};
void report_release(struct report *report);

void report_print(const struct report *report, FILE *out);
/* Caller frees with json_decref. */
json_t *report_json(const struct report *report);

#endif
