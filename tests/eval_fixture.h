/* eval_fixture.h - traffic that tests write by hand, flow by flow. */
#ifndef FLOWTWIN_TESTS_EVAL_FIXTURE_H
#define FLOWTWIN_TESTS_EVAL_FIXTURE_H

#include "base/rng.h"
#include "eval/traffic.h"

/* A TCP flow out of 10.0.0.x:40000 to 192.0.2.1:80, 5 packets of 500 bytes in 100 ms, a second
 * after the one before; what a test is about it sets itself. */
struct row fixture_row(void);

/* Hosts 10.0.0.1, 10.0.0.2, ... with n_rows[h] of the rows each, which start at midnight of
 * 2016-04-11. The rows are borrowed. Caller frees with fixture_set_free. */
struct sequence_set *fixture_set(const struct row *rows, const size_t *n_rows, size_t n_hosts);
void fixture_set_free(struct sequence_set *set);

/* n_hosts hosts of n_rows flows each that differ from host to host and from hour to hour. Caller
 * frees with free(). */
struct row *fixture_varied_rows(uint64_t seed, size_t n_hosts, size_t n_rows);

#endif
