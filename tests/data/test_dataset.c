#include "data_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "data/calendar.h"
#include "data/split.h"

#include <stdlib.h>
#include <string.h>

START_TEST(flows_stand_by_host_and_time_and_keep_the_order_of_ties)
{
    enum { N = 5000 };
    struct address_set monitored = { 0 };
    address_set_add_range(&monitored, 100, 109);
    struct flow *flows = memory_zalloc(N, sizeof *flows);
    uint32_t *owners = memory_alloc(N, sizeof *owners);
    uint32_t *addresses = memory_alloc(10, sizeof *addresses);
    struct rng rng = rng_stream(1, RNG_TEST, 2, 0);
    for (uint32_t a = 0; a < 10; a++)
        addresses[a] = 109 - a;
    for (size_t i = 0; i < N; i++) {
        owners[i] = (uint32_t)rng_below(&rng, 9); /* the last one, 100, has no flow */
        flows[i] = (struct flow){ .end = 1000 * (int64_t)rng_below(&rng, 40),
                                  .packets = i + 1,
                                  .source = addresses[owners[i]],
                                  .destination = 7 };
    }
    struct dataset *data = dataset_create("test", flows, owners, N, addresses, 10,
                                          (struct label_list){ 0 }, monitored);
    ck_assert_uint_eq(data->n_hosts, 9);
    ck_assert_uint_eq(data->n_flows, N);
    size_t n = 0;
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct host *host = &data->hosts[h];
        ck_assert_uint_eq(host->address, 101 + h);
        ck_assert_uint_eq(host->first, n);
        ck_assert_int_eq(host->type, HOST_SENDS);
        for (size_t i = 0; i < host->n_flows; i++, n++) {
            const struct flow *flow = &data->flows[n];
            ck_assert_uint_eq(flow->source, host->address);
            if (i > 0 && flow[-1].end == flow->end)
                ck_assert_uint_lt(flow[-1].packets, flow->packets);
            else if (i > 0)
                ck_assert_int_lt(flow[-1].end, flow->end);
        }
    }
    ck_assert_uint_eq(n, N);
    ck_assert_ptr_null(dataset_find_host(data, 100));
    ck_assert_uint_eq(dataset_find_host(data, 105)->address, 105);
    dataset_free(data);
}
END_TEST

START_TEST(a_flow_between_two_hosts_belongs_to_the_lower)
{
    struct address_set monitored = { 0 };
    address_set_add_range(&monitored, 10, 19);
    uint32_t host = 0;
    ck_assert(
        dataset_flow_host(&monitored, &(struct flow){ .source = 15, .destination = 12 }, &host));
    ck_assert_uint_eq(host, 12);
    ck_assert(
        dataset_flow_host(&monitored, &(struct flow){ .source = 3, .destination = 12 }, &host));
    ck_assert_uint_eq(host, 12);
    ck_assert(
        dataset_flow_host(&monitored, &(struct flow){ .source = 19, .destination = 20 }, &host));
    ck_assert_uint_eq(host, 19);
    ck_assert(
        !dataset_flow_host(&monitored, &(struct flow){ .source = 3, .destination = 20 }, &host));
    address_set_release(&monitored);
}
END_TEST

/* Four hosts at 10..13 that send, receive, do both, and talk among themselves only. */
START_TEST(types_are_told_by_flows_with_the_outside)
{
    static const struct {
        uint32_t source, destination, owner;
    } cases[] = { { 10, 90, 0 }, { 91, 11, 1 }, { 12, 90, 2 }, { 90, 12, 2 }, { 14, 13, 3 } };
    struct address_set monitored = { 0 };
    address_set_add_range(&monitored, 10, 19);
    struct flow *flows = memory_zalloc(ARRAY_LEN(cases), sizeof *flows);
    uint32_t *owners = memory_alloc(ARRAY_LEN(cases), sizeof *owners);
    uint32_t *addresses = memory_alloc(4, sizeof *addresses);
    for (uint32_t a = 0; a < 4; a++)
        addresses[a] = 10 + a;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        flows[i].source = cases[i].source;
        flows[i].destination = cases[i].destination;
        owners[i] = cases[i].owner;
    }
    struct dataset *data = dataset_create("test", flows, owners, ARRAY_LEN(cases), addresses, 4,
                                          (struct label_list){ 0 }, monitored);
    ck_assert_int_eq(data->hosts[0].type, HOST_SENDS);
    ck_assert_int_eq(data->hosts[1].type, HOST_RECEIVES);
    ck_assert_int_eq(data->hosts[2].type, HOST_BOTH);
    ck_assert_int_eq(data->hosts[3].type, HOST_INTERNAL);
    dataset_free(data);
}
END_TEST

/* ---- splits ------------------------------------------------------------------------------- */

/* Every flow of the fixture has a number of bytes of its own, so that rows can be told apart. */
static struct dataset *numbered_dataset(void)
{
    struct dataset *data = fixture_dataset(3, 41, 20000, 50000);
    for (size_t i = 0; i < data->n_flows; i++)
        data->flows[i].bytes = i;
    return data;
}

/* How often each flow is among the scored rows; times and hosts are checked on the way. */
static void count_scored(const struct dataset *data, const struct sequence_set *set, int *counts)
{
    size_t n_scored = 0;
    for (size_t s = 0; s < set->n; s++) {
        const struct sequence *sequence = &set->items[s];
        int64_t clock = sequence->start;
        for (size_t i = 0; i < sequence->n_rows; i++) {
            const struct row *row = &sequence->rows[i];
            const struct flow *flow = &data->flows[row->value[ATTRIBUTE_BYTES]];
            clock += row->value[ATTRIBUTE_GAP];
            ck_assert_int_eq(clock * MS_PER_SECOND, flow->end);
            ck_assert(flow->source == sequence->host || flow->destination == sequence->host);
            if (i >= sequence->first_scored) {
                counts[row->value[ATTRIBUTE_BYTES]]++;
                n_scored++;
            }
        }
    }
    ck_assert_uint_eq(n_scored, set->n_scored);
}

START_TEST(no_row_of_the_test_part_reaches_training)
{
    struct dataset *data = numbered_dataset();
    struct split_settings settings = {
        .kind = _i, .every = 4, .train_every = 1, .type = N_HOST_TYPES, .train_share = 0.6
    };
    struct sequence_set *train, *unseen = NULL, *trained, *all;
    struct training_record record;
    struct error err = { 0 };
    assert_ok(split_training_set(data, &settings, &train, &record, &err), err);
    int *n_train = calloc(data->n_flows, sizeof *n_train);
    int *n_unseen = calloc(data->n_flows, sizeof *n_unseen);
    int *n_trained = calloc(data->n_flows, sizeof *n_trained);
    int *n_all = calloc(data->n_flows, sizeof *n_all);
    count_scored(data, train, n_train);
    ck_assert_uint_eq(train->n_rows, train->n_scored); /* not as history either */
    enum status status = split_part_set(data, &record, PART_UNSEEN, NULL, &unseen, &err);
    ck_assert_int_eq(status, _i == SPLIT_NONE ? STATUS_RANGE : STATUS_OK);
    if (unseen != NULL)
        count_scored(data, unseen, n_unseen);
    assert_ok(split_part_set(data, &record, PART_TRAINED, NULL, &trained, &err), err);
    count_scored(data, trained, n_trained);
    assert_ok(split_part_set(data, &record, PART_ALL, NULL, &all, &err), err);
    count_scored(data, all, n_all);
    size_t n = 0;
    for (size_t i = 0; i < data->n_flows; i++) {
        ck_assert_int_eq(n_train[i] + n_unseen[i], 1);
        ck_assert_int_eq(n_trained[i], n_train[i]);
        ck_assert_int_eq(n_all[i], 1);
        n += (size_t)n_train[i];
    }
    double share = (double)n / (double)data->n_flows;
    static const double shares[] = { 1.0, 0.75, 0.6, 0.45 };
    assert_near(share, shares[_i], 0.03);

    free(n_train);
    free(n_unseen);
    free(n_trained);
    free(n_all);
    sequence_set_free(train);
    sequence_set_free(unseen);
    sequence_set_free(trained);
    sequence_set_free(all);
    training_record_release(&record);
    dataset_free(data);
}
END_TEST

START_TEST(unseen_hosts_and_unseen_time_are_apart)
{
    struct dataset *data = numbered_dataset();
    struct split_settings settings = {
        .kind = SPLIT_BOTH, .every = 4, .train_every = 1, .type = N_HOST_TYPES, .train_share = 0.6
    };
    struct sequence_set *train, *hosts, *later;
    struct training_record record;
    struct error err = { 0 };
    assert_ok(split_training_set(data, &settings, &train, &record, &err), err);
    assert_ok(split_part_set(data, &record, PART_UNSEEN_HOSTS, NULL, &hosts, &err), err);
    assert_ok(split_part_set(data, &record, PART_UNSEEN_TIME, NULL, &later, &err), err);
    ck_assert_uint_eq(hosts->n, 11);
    ck_assert_uint_eq(later->n, 30);
    ck_assert_uint_eq(hosts->n_scored + later->n_scored + train->n_scored, data->n_flows);
    for (size_t s = 0; s < hosts->n; s++)
        ck_assert_uint_eq(hosts->items[s].first_scored, 0);
    for (size_t s = 0; s < later->n; s++) /* the same hosts, with their history before */
        ck_assert_uint_gt(later->items[s].first_scored, 0);
    sequence_set_free(train);
    sequence_set_free(hosts);
    sequence_set_free(later);
    training_record_release(&record);
    dataset_free(data);
}
END_TEST

START_TEST(only_hosts_of_the_type_are_kept_to_test_with)
{
    struct dataset *data = numbered_dataset();
    for (size_t h = 0; h < data->n_hosts; h++)
        data->hosts[h].type = h < 20 ? HOST_BOTH : HOST_SENDS;
    struct split_settings settings = {
        .kind = SPLIT_HOST, .every = 5, .train_every = 1, .type = HOST_BOTH
    };
    struct sequence_set *train, *unseen;
    struct training_record record;
    struct error err = { 0 };
    assert_ok(split_training_set(data, &settings, &train, &record, &err), err);
    assert_ok(split_part_set(data, &record, PART_UNSEEN, NULL, &unseen, &err), err);
    ck_assert_uint_eq(unseen->n, 4);
    for (size_t s = 0; s < unseen->n; s++)
        ck_assert_uint_eq(unseen->items[s].host, data->hosts[5 * s].address);
    sequence_set_free(train);
    sequence_set_free(unseen);
    training_record_release(&record);
    dataset_free(data);
}
END_TEST

START_TEST(fewer_hosts_to_train_on_leave_those_to_test_with_alone)
{
    struct dataset *data = numbered_dataset();
    struct split_settings settings = { .kind = SPLIT_HOST, .every = 4, .type = N_HOST_TYPES };
    struct sequence_set *train, *unseen;
    struct training_record all, third, both;
    struct error err = { 0 };
    settings.train_every = 1;
    assert_ok(split_training_set(data, &settings, &train, &all, &err), err);
    sequence_set_free(train);
    settings.train_every = 3;
    assert_ok(split_training_set(data, &settings, &train, &third, &err), err);
    sequence_set_free(train);
    ck_assert_uint_eq(all.n_hosts, 30);
    ck_assert_uint_eq(third.n_hosts, 10);
    for (size_t h = 0; h < third.n_hosts; h++)
        ck_assert_uint_eq(third.hosts[h], all.hosts[3 * h]);

    /* What neither has seen is what the larger one has not. */
    both = training_record_union(&third, &all);
    ck_assert_uint_eq(both.n_hosts, all.n_hosts);
    ck_assert_mem_eq(both.hosts, all.hosts, all.n_hosts * sizeof *all.hosts);
    assert_ok(split_part_set(data, &both, PART_UNSEEN, NULL, &unseen, &err), err);
    ck_assert_uint_eq(unseen->n, 11);
    sequence_set_free(unseen);
    training_record_release(&both);

    /* Hosts of one alone, and the time of both. */
    struct training_record other = { .hosts = (uint32_t[]){ 1, third.hosts[9] },
                                     .n_hosts = 2,
                                     .from = third.from - 5,
                                     .until = third.until - 5 };
    both = training_record_union(&other, &third);
    ck_assert_uint_eq(both.n_hosts, 11);
    ck_assert_uint_eq(both.hosts[0], 1);
    ck_assert_int_eq(both.from, other.from);
    ck_assert_int_eq(both.until, third.until);
    training_record_release(&both);
    training_record_release(&all);
    training_record_release(&third);
    dataset_free(data);
}
END_TEST

START_TEST(labels_are_those_of_the_training_rows_alone)
{
    struct dataset *data = numbered_dataset();
    for (size_t i = 0; i < data->n_flows; i++)
        data->flows[i].label = i >= data->hosts[1].first;
    /* Label 0, "background", now stands with host 0 alone, the first one to test with. */
    struct split_settings settings = {
        .kind = SPLIT_HOST, .every = 4, .train_every = 1, .type = N_HOST_TYPES
    };
    struct sequence_set *train, *unseen;
    struct training_record record;
    struct error err = { 0 };
    assert_ok(split_training_set(data, &settings, &train, &record, &err), err);
    ck_assert_uint_eq(train->labels.n, 1);
    ck_assert_str_eq(train->labels.names[0], "blacklist");
    ck_assert_int_eq(train->rows[0].value[ATTRIBUTE_LABEL], 0);
    assert_ok(split_part_set(data, &record, PART_UNSEEN, &train->labels, &unseen, &err), err);
    ck_assert_int_eq(unseen->items[0].rows[0].value[ATTRIBUTE_LABEL], LABELS_MAX);
    ck_assert_int_eq(unseen->items[1].rows[0].value[ATTRIBUTE_LABEL], 0);
    sequence_set_free(train);
    sequence_set_free(unseen);
    training_record_release(&record);
    dataset_free(data);
}
END_TEST

START_TEST(a_split_that_leaves_nothing_says_so)
{
    struct dataset *data = fixture_dataset(4, 1, 10, 1); /* all in one second */
    struct split_settings settings = {
        .kind = SPLIT_TIME, .every = 4, .train_every = 1, .type = N_HOST_TYPES, .train_share = 0.5
    };
    struct sequence_set *train;
    struct training_record record;
    struct error err = { 0 };
    assert_fails(split_training_set(data, &settings, &train, &record, &err), STATUS_RANGE, err,
                 "leaves no flow to train on");
    dataset_free(data);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/dataset");
    testing_add(suite, flows_stand_by_host_and_time_and_keep_the_order_of_ties);
    testing_add(suite, a_flow_between_two_hosts_belongs_to_the_lower);
    testing_add(suite, types_are_told_by_flows_with_the_outside);
    testing_add_loop(suite, no_row_of_the_test_part_reaches_training, 4);
    testing_add(suite, unseen_hosts_and_unseen_time_are_apart);
    testing_add(suite, only_hosts_of_the_type_are_kept_to_test_with);
    testing_add(suite, fewer_hosts_to_train_on_leave_those_to_test_with_alone);
    testing_add(suite, labels_are_those_of_the_training_rows_alone);
    testing_add(suite, a_split_that_leaves_nothing_says_so);
    return suite;
}
