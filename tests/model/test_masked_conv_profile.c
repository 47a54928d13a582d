/* The profile of a host: as it goes, of a whole sequence, as features, and in files. */
#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/calendar.h"
#include "masked_conv_fixture.h"
#include "model/masked_conv/habits.h"
#include "model_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void assert_same_services(const struct service_lists *a, const struct service_lists *b)
{
    for (size_t i = 0; i < 4; i++) {
        const struct service_list *x = &a->lists[i / 2][i % 2], *y = &b->lists[i / 2][i % 2];
        assert_quick(x->n == y->n);
        assert_quick(memcmp(x->ports, y->ports, x->n * sizeof *x->ports) == 0);
        assert_quick(memcmp(x->levels, y->levels, x->n * sizeof *x->levels) == 0);
    }
}

START_TEST(a_row_falls_into_one_bin_of_each_group)
{
    struct sequence_set *set = crowded_sequence(4, 500);
    struct vocabulary vocabulary;
    vocabulary_learn(&vocabulary, set);
    struct profile profile = { 0 };
    for (size_t i = 0; i < set->n_rows; i++) {
        uint16_t bins[PROFILE_GROUPS];
        profile_bins(&vocabulary, i > 0 ? &set->rows[i - 1] : NULL, &set->rows[i], bins);
        for (size_t g = 0; g < PROFILE_GROUPS; g++) {
            assert_quick(bins[g] < PROFILE_BINS);
            assert_quick(g == 0 || bins[g] > bins[g - 1]);
        }
        profile_note(&profile, bins);
    }
    uint64_t sum = 0;
    for (size_t b = 0; b < PROFILE_BINS; b++)
        sum += profile.counts[b];
    ck_assert_uint_eq(sum, set->n_rows * PROFILE_GROUPS);
    real features[PROFILE_FEATURES];
    profile_features(&profile, features);
    for (size_t b = 0; b < PROFILE_BINS; b++) {
        double share = (double)profile.counts[b] / (double)profile.n_flows;
        assert_near(features[b], log1p(1000.0 * share) / log1p(1000.0), 1e-6);
    }
    ck_assert(features[PROFILE_BINS] > 0);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(an_empty_profile_has_no_features)
{
    struct profile profile = { 0 };
    real features[PROFILE_FEATURES];
    profile_features(&profile, features);
    for (size_t f = 0; f < PROFILE_FEATURES; f++)
        ck_assert(features[f] == 0);
}
END_TEST

START_TEST(habits_come_back_from_a_file)
{
    struct sequence_set *set = crowded_sequence(5, 700);
    struct vocabulary vocabulary;
    struct habits habits, again;
    struct error err;
    vocabulary_learn(&vocabulary, set);
    habits_learn(&habits, set, &vocabulary, true, 0, MS_PER_SECOND * 86400);
    struct hdf5_group *file;
    const char *path = testing_path("habits.h5");
    ck_assert_int_eq(hdf5_file_create(path, &file, &err), STATUS_OK);
    ck_assert_int_eq(habits_save(&habits, file, &err), STATUS_OK);
    ck_assert_int_eq(habits_load(&again, 1, file, &err), STATUS_OK);
    ck_assert_int_eq(memcmp(&again.profiles[0].profile, &habits.profiles[0].profile,
                            sizeof habits.profiles[0].profile),
                     0);
    assert_same_services(&again.profiles[0].services, &habits.profiles[0].services);
    const struct usual_values *usual = &habits.profiles[0].usual, *same = &again.profiles[0].usual;
    ck_assert_uint_gt(usual->n_kinds, 10);
    ck_assert_uint_eq(same->n_kinds, usual->n_kinds);
    ck_assert_uint_eq(same->n_values, usual->n_values);
    for (size_t i = 0; i < usual->n_kinds; i++) {
        assert_quick(same->kinds[i].key == usual->kinds[i].key);
        assert_quick(same->kinds[i].of == usual->kinds[i].of);
        assert_quick(same->kinds[i].n_flows == usual->kinds[i].n_flows);
        assert_quick(same->kinds[i].first == usual->kinds[i].first);
        assert_quick(same->kinds[i].n == usual->kinds[i].n);
    }
    for (size_t i = 0; i < usual->n_values; i++) {
        assert_quick(same->values[i].value == usual->values[i].value);
        assert_quick(same->values[i].n == usual->values[i].n);
    }
    habits_release(&again);
    ck_assert_int_eq(habits_load(&again, 2, file, &err), STATUS_FORMAT);
    habits_release(&again);
    hdf5_group_close(file, NULL);
    habits_release(&habits);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/profile");
    testing_add(suite, a_row_falls_into_one_bin_of_each_group);
    testing_add(suite, an_empty_profile_has_no_features);
    testing_add(suite, habits_come_back_from_a_file);
    return suite;
}
