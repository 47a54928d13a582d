#include "eval_fixture.h"
#include "testing.h"

#include "base/threads.h"
#include "eval/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_HOSTS = 6, N_ROWS = 300 };

static const size_t n_rows[N_HOSTS] = { N_ROWS, N_ROWS, N_ROWS, N_ROWS, N_ROWS, N_ROWS };

static struct comparison compare(const struct traffic *real, const struct traffic *synthetic)
{
    struct classes *classes = classes_create(real, synthetic);
    struct side a = side_create(real, classes), b = side_create(synthetic, classes);
    struct comparison comparison = comparison_make(&a, &b);
    side_release(&a);
    side_release(&b);
    classes_free(classes);
    return comparison;
}

/* Largest distance of two comparisons, number by number; infinite where only one is a number. */
static double largest_difference(const struct comparison *a, const struct comparison *b)
{
    const double *x = (const double *)a, *y = (const double *)b;
    double largest = 0.0;
    for (size_t i = 0; i < sizeof *a / sizeof *x; i++) {
        if (isnan(x[i]) != isnan(y[i]))
            return (double)INFINITY;
        if (!isnan(x[i]))
            largest = fmax(largest, fabs(x[i] - y[i]) / fmax(1.0, fabs(x[i])));
    }
    return largest;
}

START_TEST(the_same_flows_have_no_distance)
{
    struct row *rows = fixture_varied_rows(1, N_HOSTS, N_ROWS);
    struct sequence_set *set = fixture_set(rows, n_rows, N_HOSTS);
    struct traffic *traffic = traffic_create(set);
    struct comparison comparison = compare(traffic, traffic);
    assert_near(comparison.distributions[ATTRIBUTE_BYTES].js, 0.0, 0.0);
    assert_near(comparison.distributions[ATTRIBUTE_REMOTE_PORT].js_hourly_mean, 0.0, 0.0);
    assert_near(comparison.pairs.mean_same_row, 0.0, 0.0);
    for (int f = 0; f < N_NETSHARE_FIGURES; f++)
        assert_near(comparison.netshare.values[f], 0.0, 0.0);
    const double *difference = (const double *)&comparison.difference;
    for (size_t i = 0; i < sizeof comparison.difference / sizeof *difference; i++)
        ck_assert(isnan(difference[i]) || difference[i] == 0.0);
    ck_assert(isnan(comparison.distributions[ATTRIBUTE_REMOTE].js));
    traffic_free(traffic);
    fixture_set_free(set);
    free(rows);
}
END_TEST

START_TEST(the_order_of_hosts_and_the_number_of_threads_change_nothing)
{
    struct row *rows = fixture_varied_rows(1, N_HOSTS, N_ROWS);
    struct row *others = fixture_varied_rows(2, N_HOSTS, N_ROWS);
    struct sequence_set *set = fixture_set(rows, n_rows, N_HOSTS);
    struct sequence_set *other_set = fixture_set(others, n_rows, N_HOSTS);
    struct traffic *real = traffic_create(set), *twin = traffic_create(other_set);
    const size_t turned[N_HOSTS] = { 5, 3, 1, 0, 2, 4 };
    struct traffic *turned_real = traffic_part(real, turned, N_HOSTS);

    threads_set(1);
    struct comparison one = compare(real, twin);
    threads_set(2);
    struct comparison two = compare(real, twin);
    ck_assert(memcmp(&one, &two, sizeof one) == 0);
    struct comparison_average floors[2] = { { 0 }, { 0 } };
    struct error err;
    for (int f = 0; f < 2; f++) {
        threads_set(1 + f);
        assert_ok(comparison_floor(real, 3, 1, &floors[f], &err), err);
    }
    ck_assert(memcmp(&floors[0].mean, &floors[1].mean, sizeof floors[0].mean) == 0);
    comparison_average_release(&floors[0]);
    comparison_average_release(&floors[1]);
    struct comparison turned_one = compare(turned_real, twin);
    assert_near(largest_difference(&one, &turned_one), 0.0, 1e-10);
    ck_assert_double_gt(one.distributions[ATTRIBUTE_BYTES].js, 0.001);

    traffic_free(turned_real);
    traffic_free(real);
    traffic_free(twin);
    fixture_set_free(set);
    fixture_set_free(other_set);
    free(rows);
    free(others);
}
END_TEST

START_TEST(averages_leave_out_what_is_no_number)
{
    static struct comparison items[3];
    const double values[] = { 1.0, 2.0, 6.0 };
    struct comparison_average average = { 0 };
    for (int i = 0; i < 3; i++) {
        items[i].netshare.values[0] = values[i];
        items[i].real.rules.rates[1] = i == 1 ? (double)NAN : values[i];
        items[i].pairs.next_row[2] = (double)NAN;
        comparison_average_add(&average, &items[i]);
    }
    comparison_average_finish(&average);
    assert_near(average.mean.netshare.values[0], 3.0, 1e-15);
    assert_near(average.deviation.netshare.values[0], sqrt((4.0 + 1.0 + 9.0) / 2.0), 1e-15);
    assert_near(average.mean.real.rules.rates[1], 3.5, 1e-15);
    assert_near(average.deviation.real.rules.rates[1], sqrt(2.0 * 6.25), 1e-15);
    ck_assert(isnan(average.mean.pairs.next_row[2]));
    comparison_average_release(&average);
}
END_TEST

/* Bytes' JS between two sets of hosts drawn alike, and between halves of the first. */
static void compare_with_perfect_twin(uint64_t seed, double *twin_js, double *floor_js)
{
    enum { N_MANY = 16, N_FEW = 100 };
    size_t many[N_MANY];
    for (int h = 0; h < N_MANY; h++)
        many[h] = N_FEW;
    struct row *rows[2];
    struct sequence_set *sets[2];
    struct traffic *traffic[2];
    for (uint64_t s = 0; s < 2; s++) {
        rows[s] = fixture_varied_rows(2 * seed + s, N_MANY, N_FEW);
        sets[s] = fixture_set(rows[s], many, N_MANY);
        traffic[s] = traffic_create(sets[s]);
    }
    struct comparison_average floor = { 0 };
    struct error err;
    assert_ok(comparison_floor(traffic[0], 4, seed, &floor, &err), err);
    ck_assert_uint_eq(floor.n, 4);
    *floor_js += floor.mean.distributions[ATTRIBUTE_BYTES].js;
    *twin_js += compare(traffic[0], traffic[1]).distributions[ATTRIBUTE_BYTES].js;
    comparison_average_release(&floor);
    for (int s = 0; s < 2; s++) {
        traffic_free(traffic[s]);
        fixture_set_free(sets[s]);
        free(rows[s]);
    }
}

/* Hosts drawn alike are apart by chance alone, and twice the hosts by half as much: in the mean a
 * perfect twin has what the size factor says it has. */
START_TEST(a_perfect_twin_reaches_the_floor_at_its_size)
{
    double twin_js = 0.0, floor_js = 0.0;
    for (uint64_t seed = 0; seed < 12; seed++)
        compare_with_perfect_twin(seed, &twin_js, &floor_js);
    assert_near(comparison_size_factor(16, 16), 0.5, 1e-15);
    assert_near(comparison_size_factor(10, 1000000), 0.25, 1e-5);
    assert_near(twin_js / floor_js, comparison_size_factor(16, 16), 0.15);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/comparison");
    testing_add(suite, the_same_flows_have_no_distance);
    testing_add(suite, the_order_of_hosts_and_the_number_of_threads_change_nothing);
    testing_add(suite, averages_leave_out_what_is_no_number);
    testing_add(suite, a_perfect_twin_reaches_the_floor_at_its_size);
    return suite;
}
