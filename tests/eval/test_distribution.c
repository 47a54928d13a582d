#include "eval_fixture.h"
#include "testing.h"

#include "eval/distribution.h"

#include <math.h>
#include <stdlib.h>

/* Two sides of one host each, on shared classes. */
struct sides {
    struct sequence_set *sets[2];
    struct traffic *traffic[2];
    struct classes *classes;
    struct side real, synthetic;
};

static struct sides make_sides(const struct row *real, size_t n_real, const struct row *synthetic,
                               size_t n_synthetic)
{
    struct sides sides;
    sides.sets[0] = fixture_set(real, &n_real, 1);
    sides.sets[1] = fixture_set(synthetic, &n_synthetic, 1);
    for (int s = 0; s < 2; s++)
        sides.traffic[s] = traffic_create(sides.sets[s]);
    sides.classes = classes_create(sides.traffic[0], sides.traffic[1]);
    sides.real = side_create(sides.traffic[0], sides.classes);
    sides.synthetic = side_create(sides.traffic[1], sides.classes);
    return sides;
}

static void free_sides(struct sides *sides)
{
    side_release(&sides->real);
    side_release(&sides->synthetic);
    classes_free(sides->classes);
    for (int s = 0; s < 2; s++) {
        traffic_free(sides->traffic[s]);
        fixture_set_free(sides->sets[s]);
    }
}

START_TEST(the_same_flows_have_no_distance)
{
    struct row *rows = fixture_varied_rows(1, 1, 500);
    struct sides sides = make_sides(rows, 500, rows, 500);
    for (int a = 0; a < N_CODED; a++) {
        if (!classes_has_fine(sides.classes, (enum attribute)a))
            continue;
        struct distribution_distance distance = distribution_compare(&sides.real, &sides.synthetic,
                                                                     (enum attribute)a);
        assert_near(distance.js, 0.0, 1e-12);
        assert_near(distance.js_hourly_mean, 0.0, 1e-12);
    }
    ck_assert(!classes_has_fine(sides.classes, ATTRIBUTE_REMOTE));
    free_sides(&sides);
    free(rows);
}
END_TEST

/* Real: 64 bytes in hour 0, 1000 in hour 1, and nothing later. The twin has them the other way
 * round: as a whole the same, hour by hour nothing in common. */
START_TEST(hours_see_what_the_whole_does_not)
{
    enum { N = 200 };
    struct row real[N], twin[N];
    for (int i = 0; i < N; i++) {
        bool is_first_hour = i < N / 2;
        real[i] = twin[i] = fixture_row();
        real[i].value[ATTRIBUTE_GAP] = twin[i].value[ATTRIBUTE_GAP] = i == N / 2 ? 3600 : 0;
        real[i].value[ATTRIBUTE_BYTES] = is_first_hour ? 64 : 1000;
        twin[i].value[ATTRIBUTE_BYTES] = is_first_hour ? 1000 : 64;
    }
    struct sides sides = make_sides(real, N, twin, N);
    struct distribution_distance distance = distribution_compare(&sides.real, &sides.synthetic,
                                                                 ATTRIBUTE_BYTES);
    assert_near(distance.js, 0.0, 1e-12);
    assert_near(distance.js_hourly_mean, log(2.0), 1e-12);
    ck_assert(isnan(distance.js_by_hour[2]));
    free_sides(&sides);
}
END_TEST

START_TEST(silence_of_the_twin_counts_and_silence_of_the_real_does_not)
{
    struct row real[2] = { fixture_row(), fixture_row() }, twin[3];
    for (int i = 0; i < 3; i++)
        twin[i] = fixture_row();
    real[1].value[ATTRIBUTE_GAP] = 3600;                                /* hours 0 and 1 */
    twin[1].value[ATTRIBUTE_GAP] = twin[2].value[ATTRIBUTE_GAP] = 7200; /* hours 0, 2 and 4 */
    struct sides sides = make_sides(real, 2, twin, 3);
    struct distribution_distance distance = distribution_compare(&sides.real, &sides.synthetic,
                                                                 ATTRIBUTE_BYTES);
    assert_near(distance.js_by_hour[0], 0.0, 1e-12);
    assert_near(distance.js_by_hour[1], log(2.0), 1e-12);
    ck_assert(isnan(distance.js_by_hour[2]));
    assert_near(distance.js_hourly_mean, log(2.0) / 2.0, 1e-12);
    free_sides(&sides);
}
END_TEST

/* The edges come from both sides: two constants that differ by much never share a class, and a
 * value has one class whichever side it is on. */
START_TEST(both_sides_have_the_same_edges)
{
    enum { N = 400 };
    struct row *real = fixture_varied_rows(2, 1, N), *twin = fixture_varied_rows(3, 1, N);
    for (int i = 0; i < N; i++)
        twin[i].value[ATTRIBUTE_BYTES] += 1000000;
    struct sides sides = make_sides(real, N, twin, N);
    for (int i = 0; i < N; i++) {
        size_t class = sides.real.fine[ATTRIBUTE_BYTES][i];
        ck_assert_uint_lt(class, sides.classes->fine[ATTRIBUTE_BYTES]->n);
        ck_assert_uint_eq(
            class, bins_find(sides.classes->fine[ATTRIBUTE_BYTES], real[i].value[ATTRIBUTE_BYTES]));
        ck_assert_uint_lt(sides.synthetic.coarse[ATTRIBUTE_LOCAL_PORT][i],
                          sides.classes->coarse[ATTRIBUTE_LOCAL_PORT]->n);
    }
    struct distribution_distance distance = distribution_compare(&sides.real, &sides.synthetic,
                                                                 ATTRIBUTE_BYTES);
    assert_near(distance.js, log(2.0), 1e-12);
    free_sides(&sides);
    free(real);
    free(twin);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/distribution");
    testing_add(suite, the_same_flows_have_no_distance);
    testing_add(suite, hours_see_what_the_whole_does_not);
    testing_add(suite, silence_of_the_twin_counts_and_silence_of_the_real_does_not);
    testing_add(suite, both_sides_have_the_same_edges);
    return suite;
}
