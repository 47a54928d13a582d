/* data_fixture.h - small datasets that tests make up. */
#ifndef FLOWTWIN_TESTS_DATA_FIXTURE_H
#define FLOWTWIN_TESTS_DATA_FIXTURE_H

#include "base/rng.h"
#include "data/dataset.h"

/* 10.0.0.0/8, which the made-up hosts live in. */
#define FIXTURE_NETWORK UINT32_C(0x0a000000)

/* A legal flow with every field drawn over its whole support, of one of n_hosts hosts at
 * 10.0.0.1 and up; some have both ends among them. */
struct flow fixture_flow(struct rng *rng, uint32_t n_hosts);

/* A dataset of n_flows such flows over `seconds` from 2016-04-11, labels "background" and
 * "blacklist". Caller frees with dataset_free. */
struct dataset *fixture_dataset(uint64_t seed, uint32_t n_hosts, size_t n_flows, int64_t seconds);

#endif
