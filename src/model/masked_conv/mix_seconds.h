/* mix_seconds.h - the rows of each second in the order in which things happen.
 *
 * Files that are sorted within seconds begin with the shortest flow of each, whatever was first. A
 * host that is drawn so drifts: what refers to the past finds the longest flow of a second there.
 * Here the remotes of a second come in any order, and with each of them its rows by protocol and
 * ports, requests before their replies: a scanner goes from port to port, and a server answers at
 * once.
 *
 *     struct rng rng = rng_stream(seed, RNG_SHUFFLE, 1, host);
 *     mix_seconds(rows, n, &rng);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_MIX_SECONDS_H
#define FLOWTWIN_MODEL_MASKED_CONV_MIX_SECONDS_H

#include "base/rng.h"
#include "data/coding.h"

/* Rows of one host, in order of their end. The first of each second keeps the gap before it. */
void mix_seconds(struct row *rows, size_t n, struct rng *rng);

#endif
