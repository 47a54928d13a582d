#include "eval_fixture.h"
#include "testing.h"

#include "eval/netshare.h"

#include <math.h>

START_TEST(popularity_goes_by_rank_and_pads_the_shorter_side)
{
    /* The same popularity under other names. */
    int64_t a[] = { 1, 2, 1, 3, 1, 2 }, b[] = { 9, 9, 7, 9, 5, 7 };
    assert_near(netshare_popularity(a, 6, b, 6), 0.0, 1e-15);
    /* (1/2, 1/2) against (1, 0): the value worked out in test_divergence.c. */
    int64_t c[] = { 4, 8 }, d[] = { 6, 6, 6 };
    double by_hand = 0.5 * log(4.0 / 3.0) + 0.5 * (0.5 * log(2.0 / 3.0) + 0.5 * log(2.0));
    assert_near(netshare_popularity(c, 2, d, 3), by_hand, 1e-15);
    assert_near(netshare_popularity(d, 3, c, 2), by_hand, 1e-15);
}
END_TEST

static struct netshare_figures compare(const struct row *a, size_t n_a, const struct row *b,
                                       size_t n_b)
{
    struct sequence_set *sets[] = { fixture_set(a, &n_a, 1), fixture_set(b, &n_b, 1) };
    struct traffic *traffic[] = { traffic_create(sets[0]), traffic_create(sets[1]) };
    struct netshare_figures figures = netshare_compare(traffic[0], traffic[1]);
    for (int s = 0; s < 2; s++) {
        traffic_free(traffic[s]);
        fixture_set_free(sets[s]);
    }
    return figures;
}

START_TEST(figures_are_of_the_flows_own_columns)
{
    /* Two flows out, against one out and one in of the same conversation, 7 s later on the whole
     * and 2 s further apart. */
    struct row a[] = { fixture_row(), fixture_row() }, b[] = { fixture_row(), fixture_row() };
    b[1].value[ATTRIBUTE_DIRECTION] = DIRECTION_IN;
    b[0].value[ATTRIBUTE_GAP] = 8;
    b[1].value[ATTRIBUTE_GAP] = 3;
    for (int i = 0; i < 2; i++) {
        b[i].value[ATTRIBUTE_DURATION] += 2000;
        b[i].value[ATTRIBUTE_PACKETS] += 3;
        b[i].value[ATTRIBUTE_BYTES] *= 3;
    }
    struct netshare_figures figures = compare(a, 2, b, 2);
    double half = 0.5 * log(4.0 / 3.0) + 0.5 * (0.5 * log(2.0 / 3.0) + 0.5 * log(2.0));
    assert_near(figures.values[NETSHARE_JS_SOURCE_ADDRESS], half, 1e-12);
    assert_near(figures.values[NETSHARE_JS_DESTINATION_ADDRESS], half, 1e-12);
    assert_near(figures.values[NETSHARE_JS_SOURCE_PORT], half, 1e-12);
    assert_near(figures.values[NETSHARE_JS_DESTINATION_PORT], half, 1e-12);
    assert_near(figures.values[NETSHARE_JS_PROTOCOL], 0.0, 1e-12);
    /* Starts from the first: {0, 1} and {0, 3} seconds. */
    assert_near(figures.values[NETSHARE_EMD_START], 1.0, 1e-12);
    assert_near(figures.values[NETSHARE_EMD_DURATION], 2.0, 1e-12);
    assert_near(figures.values[NETSHARE_EMD_PACKETS], 3.0, 1e-12);
    assert_near(figures.values[NETSHARE_EMD_BYTES], 5000.0, 1e-12);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/netshare");
    testing_add(suite, popularity_goes_by_rank_and_pads_the_shorter_side);
    testing_add(suite, figures_are_of_the_flows_own_columns);
    return suite;
}
