/* model_fixture.h - small training sets that tests of models make up. */
#ifndef FLOWTWIN_TESTS_MODEL_FIXTURE_H
#define FLOWTWIN_TESTS_MODEL_FIXTURE_H

#include "data/sequence.h"
#include "data/split.h"

/* Rows as hosts have them: exact values that come back (40 bytes, 0 s, port 443), wide rests, some
 * 50 remotes below 2000, and bytes that hang on from row to row (x_t = 0.9 x_{t-1} + e). Labels
 * "background" and "blacklist". Caller frees with sequence_set_free. */
struct sequence_set *fixture_sequences(uint64_t seed, size_t n_hosts, size_t n_rows_each);

/* What hosts of the simulated network do (simulate/demo_network.h): of each ten seven clients, two
 * servers (1 and 6), one scanner (4). Caller frees with sequence_set_free. */
struct sequence_set *fixture_network(uint64_t seed, size_t n_hosts, size_t n_hours);

/* Hosts whose rows are all 0, for a test to fill. */
struct sequence_set *fixture_empty(size_t n_hosts, size_t n_rows_each);

/* A set of one host with those rows, which are copied. */
struct sequence_set *fixture_sequence_of(const struct row *rows, size_t n_rows);

/* Moved into a model by model_fit. */
struct training_record fixture_record(const struct sequence_set *set);

#endif
