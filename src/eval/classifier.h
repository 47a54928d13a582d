/* classifier.h - a small network that learns classes or numbers from examples.
 *
 * An example is a window of rows, each with codes and numbers. A row is the sum of the embeddings
 * of its codes and a linear map of its numbers; where there are several rows, two gated causal
 * convolutions let each see those before it, and their mean stands for the window; two layers lead
 * to the outputs. Numbers are scaled by mean and deviation of the training examples.
 *
 *     struct example_shape shape = { .length = 1, .n_numbers = 3, .n_outputs = 2 };
 *     struct example_set *train = example_set_create(&shape, n);
 *     ... fill train->codes, numbers and classes ...
 *     FORWARD(classifier_fit(&classifier, train, &CLASSIFIER_DEFAULTS, err));
 *     FORWARD(classifier_score(classifier, test, scores, err));      // ln P of each class
 *     classifier_free(classifier);
 *
 * Several can be trained at once, one a thread; what comes out is the same on any number of
 * threads.
 */
#ifndef FLOWTWIN_EVAL_CLASSIFIER_H
#define FLOWTWIN_EVAL_CLASSIFIER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct example_shape {
    size_t length;    /* rows of an example */
    size_t n_fields;  /* codes of a row */
    size_t n_codes;   /* that there are, over all fields */
    size_t n_numbers; /* of a row */
    size_t n_outputs; /* classes, or numbers to be told */
    bool is_regression;
};

struct example_set {
    struct example_shape shape;
    size_t n;
    int32_t *codes;   /* [n, length, n_fields] below n_codes */
    float *numbers;   /* [n, length, n_numbers] */
    int32_t *classes; /* [n]; NULL in regression */
    float *targets;   /* [n, n_outputs]; NULL for classes */
};

/* With room for n examples. Caller frees with example_set_free. */
struct example_set *example_set_create(const struct example_shape *shape, size_t n);
void example_set_free(struct example_set *set);

struct classifier_settings {
    size_t width, hidden;
    size_t n_examples;        /* of a step */
    size_t n_steps, n_epochs; /* until the first of the two is reached */
    double rate, decay, dropout;
    uint64_t seed;
};

#define CLASSIFIER_DEFAULTS                                                                        \
    ((struct classifier_settings){ .width = 32,                                                    \
                                   .hidden = 64,                                                   \
                                   .n_examples = 32,                                               \
                                   .n_steps = 1000,                                                \
                                   .n_epochs = 12,                                                 \
                                   .rate = 3e-3,                                                   \
                                   .decay = 0.01,                                                  \
                                   .dropout = 0.1 })

struct classifier;

/* Learns from at least one example: classes by cross-entropy, numbers by Huber's loss, which is the
 * absolute error beyond one deviation of the target and its square within. Caller frees with
 * classifier_free. STATUS_INTERRUPTED where the user asked to stop. */
enum status classifier_fit(struct classifier **classifier, const struct example_set *train,
                           const struct classifier_settings *settings, struct error *err);
void classifier_free(struct classifier *classifier);

/* scores [n, n_outputs]: ln P of each class, or the numbers told. */
enum status classifier_score(const struct classifier *classifier, const struct example_set *set,
                             double *scores, struct error *err);

/* Does n jobs (train and ask a network each), one a thread, with a line of progress that begins
 * with `label`. The first failure that is noticed is returned; STATUS_INTERRUPTED where the user
 * asked to stop. */
typedef enum status network_job(void *user, size_t job, struct error *err);
enum status run_network_jobs(const char *label, size_t n, network_job *job, void *user,
                             struct error *err);

#endif
