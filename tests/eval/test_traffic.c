#include "eval_fixture.h"
#include "testing.h"

#include <stdlib.h>

START_TEST(columns_hold_the_scored_rows)
{
    struct row rows[5];
    for (int i = 0; i < 5; i++) {
        rows[i] = fixture_row();
        rows[i].value[ATTRIBUTE_GAP] = 1800;
        rows[i].value[ATTRIBUTE_BYTES] = 100 + i;
    }
    struct sequence_set *set = fixture_set(rows, (const size_t[]){ 3, 2 }, 2);
    set->items[0].first_scored = 1; /* history moves the clock, and is left out */
    set->n_scored--;
    struct traffic *traffic = traffic_create(set);
    ck_assert_uint_eq(traffic->n_hosts, 2);
    ck_assert_uint_eq(traffic->n_rows, 4);
    ck_assert_uint_eq(traffic->hosts[0].n_rows, 2);
    ck_assert_uint_eq(traffic->hosts[1].first, 2);
    ck_assert_uint_eq(traffic->hosts[1].address, 0x0a000002);
    const int64_t bytes[] = { 101, 102, 103, 104 };
    const int hours[] = { 1, 1, 0, 1 };
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(traffic->columns->values[ATTRIBUTE_BYTES][i], bytes[i]);
        ck_assert_int_eq(traffic->columns->hours[i], hours[i]);
    }
    ck_assert_int_eq(traffic->columns->ends[0], set->items[0].start + 3600);

    assert_near(traffic_effective_hosts(traffic), 2.0, 1e-15);

    const size_t second[] = { 1 };
    struct traffic *part = traffic_part(traffic, second, 1);
    int64_t *gathered = traffic_gather(part, ATTRIBUTE_BYTES);
    ck_assert_uint_eq(part->n_rows, 2);
    ck_assert_int_eq(gathered[0], 103);
    ck_assert_int_eq(gathered[1], 104);
    free(gathered);
    traffic_free(part);
    traffic_free(traffic);
    fixture_set_free(set);
}
END_TEST

START_TEST(halves_are_disjoint_even_and_repeatable)
{
    enum { N_HOSTS = 9 };
    struct row *rows = fixture_varied_rows(1, N_HOSTS, 4);
    size_t n_rows[N_HOSTS];
    for (int h = 0; h < N_HOSTS; h++)
        n_rows[h] = 4;
    struct sequence_set *set = fixture_set(rows, n_rows, N_HOSTS);
    struct traffic *traffic = traffic_create(set);
    size_t n_moved = 0;
    for (uint64_t halving = 0; halving < 20; halving++) {
        struct traffic *halves[2], *again[2];
        traffic_halves(traffic, 7, halving, halves);
        traffic_halves(traffic, 7, halving, again);
        int seen[N_HOSTS] = { 0 };
        for (int side = 0; side < 2; side++) {
            ck_assert_uint_eq(halves[side]->n_hosts, N_HOSTS / 2);
            for (size_t h = 0; h < halves[side]->n_hosts; h++) {
                ck_assert_int_eq(seen[halves[side]->hosts[h].address - 0x0a000001]++, 0);
                ck_assert_uint_eq(halves[side]->hosts[h].address, again[side]->hosts[h].address);
                n_moved += side == 0 && halves[side]->hosts[h].address > 0x0a000004;
            }
            traffic_free(again[side]);
        }
        traffic_free(halves[0]);
        traffic_free(halves[1]);
    }
    ck_assert_uint_gt(n_moved, 20); /* of 80; in the mean 44 */
    traffic_free(traffic);
    fixture_set_free(set);
    free(rows);
}
END_TEST

START_TEST(hosts_count_by_their_flows)
{
    struct row *rows = fixture_varied_rows(1, 1, 110);
    struct sequence_set *set = fixture_set(rows, (const size_t[]){ 50, 50, 10 }, 3);
    struct traffic *traffic = traffic_create(set);
    assert_near(traffic_effective_hosts(traffic), 110.0 * 110.0 / 5100.0, 1e-12);
    traffic_free(traffic);
    fixture_set_free(set);
    free(rows);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/traffic");
    testing_add(suite, columns_hold_the_scored_rows);
    testing_add(suite, halves_are_disjoint_even_and_repeatable);
    testing_add(suite, hosts_count_by_their_flows);
    return suite;
}
