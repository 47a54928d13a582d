#include "eval_fixture.h"
#include "testing.h"

#include "eval/dependence.h"
#include "eval/pairs.h"

#include <math.h>
#include <stdlib.h>

START_TEST(nmi_of_known_tables)
{
    const double independent[] = { 2.0, 4.0, 6.0, 3.0, 6.0, 9.0 };
    const double identical[] = { 5.0, 0.0, 0.0, 7.0 };
    const double constant[] = { 3.0, 4.0 };
    assert_near(dependence_nmi(independent, 2, 3), 0.0, 1e-12);
    assert_near(dependence_nmi(identical, 2, 2), 1.0, 1e-12);
    assert_near(dependence_nmi(constant, 1, 2), 0.0, 0.0);
    /* (1/2, 1/4; 0, 1/4): H(X) = H(3/4, 1/4), H(Y) = ln 2, H(X, Y) = 3/2 ln 2. */
    const double by_hand[] = { 2.0, 1.0, 0.0, 1.0 };
    double h_x = -0.75 * log(0.75) - 0.25 * log(0.25);
    assert_near(dependence_nmi(by_hand, 2, 2), 2.0 * (h_x - 0.5 * log(2.0)) / (h_x + log(2.0)),
                1e-12);
}
END_TEST

/* Packets 1 or 8, bytes 40 or 4000 with them; the duration goes the other way, the gap with
 * neither. */
START_TEST(measured_dependence_is_that_of_the_rows)
{
    enum { N = 400 };
    struct row rows[N];
    for (int i = 0; i < N; i++) {
        bool is_large = i % 2 == 1;
        rows[i] = fixture_row();
        rows[i].value[ATTRIBUTE_PACKETS] = is_large ? 8 : 1;
        rows[i].value[ATTRIBUTE_BYTES] = is_large ? 4000 : 40;
        rows[i].value[ATTRIBUTE_DURATION] = is_large ? 0 : 500;
        rows[i].value[ATTRIBUTE_GAP] = i / 2 % 2 * 10;
    }
    struct sequence_set *set = fixture_set(rows, (const size_t[]){ N }, 1);
    struct traffic *traffic = traffic_create(set);
    struct classes *classes = classes_create(traffic, NULL);
    struct side side = side_create(traffic, classes);
    struct dependence dependence = dependence_measure(&side);
    assert_near(dependence.nmi[ATTRIBUTE_PACKETS][ATTRIBUTE_BYTES], 1.0, 1e-12);
    assert_near(dependence.nmi[ATTRIBUTE_GAP][ATTRIBUTE_BYTES], 0.0, 1e-12);
    assert_near(dependence.nmi[ATTRIBUTE_FLAGS][ATTRIBUTE_BYTES], 0.0, 1e-12);
    assert_near(dependence.correlation[ATTRIBUTE_PACKETS][ATTRIBUTE_BYTES], 1.0, 1e-12);
    assert_near(dependence.correlation[ATTRIBUTE_DURATION][ATTRIBUTE_BYTES], -1.0, 1e-12);
    assert_near(dependence.correlation[ATTRIBUTE_GAP][ATTRIBUTE_BYTES], 0.0, 1e-12);
    ck_assert(isnan(dependence.correlation[ATTRIBUTE_PROTOCOL][ATTRIBUTE_BYTES]));
    side_release(&side);
    classes_free(classes);
    traffic_free(traffic);
    fixture_set_free(set);
}
END_TEST

/* Each attribute alone is alike on both sides; packets and bytes go together on one and against
 * each other on the other; bytes alternate on one and come in pairs on the other. */
START_TEST(pairs_see_what_single_attributes_do_not)
{
    enum { N = 401 };
    struct row real[N], twin[N];
    for (int i = 0; i < N; i++) {
        real[i] = twin[i] = fixture_row();
        real[i].value[ATTRIBUTE_BYTES] = i % 2 == 0 ? 40 : 4000;
        twin[i].value[ATTRIBUTE_BYTES] = i / 2 % 2 == 0 ? 40 : 4000;
        real[i].value[ATTRIBUTE_PACKETS] = i % 2 == 0 ? 1 : 8;
        twin[i].value[ATTRIBUTE_PACKETS] = i / 2 % 2 == 0 ? 8 : 1;
    }
    const size_t n_rows = N;
    struct sequence_set *sets[] = { fixture_set(real, &n_rows, 1), fixture_set(twin, &n_rows, 1) };
    struct traffic *traffic[] = { traffic_create(sets[0]), traffic_create(sets[1]) };
    struct classes *classes = classes_create(traffic[0], traffic[1]);
    struct side a = side_create(traffic[0], classes), b = side_create(traffic[1], classes);
    struct pair_distances pairs = pairs_compare(&a, &b);
    assert_near(pairs.same_row[ATTRIBUTE_BYTES][ATTRIBUTE_BYTES], 0.0, 0.01);
    assert_near(pairs.same_row[ATTRIBUTE_PACKETS][ATTRIBUTE_BYTES], 1.0, 0.01);
    assert_near(pairs.same_row[ATTRIBUTE_FLAGS][ATTRIBUTE_TOS], 0.0, 0.0);
    assert_near(pairs.next_row[ATTRIBUTE_BYTES], 0.5, 0.01);
    assert_near(pairs.next_row[ATTRIBUTE_FLAGS], 0.0, 0.0);
    struct pair_distances none = pairs_compare(&a, &a);
    assert_near(none.mean_same_row, 0.0, 0.0);
    assert_near(none.mean_next_row, 0.0, 0.0);
    side_release(&a);
    side_release(&b);
    classes_free(classes);
    for (int s = 0; s < 2; s++) {
        traffic_free(traffic[s]);
        fixture_set_free(sets[s]);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/dependence");
    testing_add(suite, nmi_of_known_tables);
    testing_add(suite, measured_dependence_is_that_of_the_rows);
    testing_add(suite, pairs_see_what_single_attributes_do_not);
    return suite;
}
