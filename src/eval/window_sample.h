/* window_sample.h - windows of consecutive flows, drawn at random from the hosts of a side.
 *
 *     struct rng rng = rng_stream(seed, RNG_EVAL, 0, 0);
 *     struct window_sample sample = window_sample_draw(traffic, 16, 256, &rng);
 *     for (size_t w = 0; w < sample.n; w++)
 *         use(traffic->columns, sample.rows[w], sample.hosts[w]);
 *     window_sample_release(&sample);
 */
#ifndef FLOWTWIN_EVAL_WINDOW_SAMPLE_H
#define FLOWTWIN_EVAL_WINDOW_SAMPLE_H

#include "eval/traffic.h"

struct window_sample {
    size_t n;
    size_t *rows;  /* [n] the first row of each window */
    size_t *hosts; /* [n] its host, by index */
};

/* A host's rows are cut into windows of `length` (1: single flows), of which at most n_of_host are
 * taken, so that one busy host does not decide; host by host. */
struct window_sample window_sample_draw(const struct traffic *traffic, size_t length,
                                        size_t n_of_host, struct rng *rng);
/* How many of a host may be taken, so that a side of n_hosts has no more than `n_in_all`; at least
 * one. */
size_t window_sample_share(size_t n_of_host, size_t n_in_all, size_t n_hosts);
/* Puts the windows in random order and keeps n of them at most. */
void window_sample_mix(struct window_sample *sample, size_t n, struct rng *rng);
void window_sample_release(struct window_sample *sample);

#endif
