#include "eval_fixture.h"
#include "testing.h"

#include "base/threads.h"
#include "eval/nll.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A model whose log masses can be told from the row: -bytes / 1000 for bytes, -1 / 7 for the gap,
 * and no mass at all for 13 packets. */
static enum status plain_log_mass(const struct model *model, const struct sequence *sequence,
                                  double *log_mass, struct error *err)
{
    (void)model;
    (void)err;
    for (size_t i = sequence->first_scored; i < sequence->n_rows; i++, log_mass += N_ATTRIBUTES) {
        memset(log_mass, 0, N_ATTRIBUTES * sizeof *log_mass);
        log_mass[ATTRIBUTE_BYTES] = -(double)sequence->rows[i].value[ATTRIBUTE_BYTES] / 1000.0;
        log_mass[ATTRIBUTE_GAP] = -1.0 / 7.0;
        if (sequence->rows[i].value[ATTRIBUTE_PACKETS] == 13)
            log_mass[ATTRIBUTE_PACKETS] = -(double)INFINITY;
    }
    return STATUS_OK;
}

static enum status failing_log_mass(const struct model *model, const struct sequence *sequence,
                                    double *log_mass, struct error *err)
{
    (void)model;
    (void)log_mass;
    return error_set(err, STATUS_FORMAT, "host %u fails", (unsigned)sequence->host);
}

static const struct model_kind plain_kind = { .name = "plain", .log_mass = plain_log_mass };
static const struct model_kind failing_kind = { .name = "failing", .log_mass = failing_log_mass };
static const struct model plain = {
    .kind = &plain_kind, .attributes = ATTRIBUTE_BIT(ATTRIBUTE_BYTES) | ATTRIBUTE_BIT(ATTRIBUTE_GAP)
};
static const struct model failing = { .kind = &failing_kind };

START_TEST(sums_are_of_the_scored_rows)
{
    struct row rows[4];
    for (int i = 0; i < 4; i++) {
        rows[i] = fixture_row();
        rows[i].value[ATTRIBUTE_BYTES] = 1000 * (i + 1);
    }
    struct sequence_set *set = fixture_set(rows, (const size_t[]){ 3, 1 }, 2);
    set->items[0].first_scored = 1;
    set->n_scored = 3;
    struct nll nll;
    struct error err;
    assert_ok(nll_score(&nll, &plain, set, &err), err);
    ck_assert_uint_eq(nll.n_flows, 3);
    ck_assert_uint_eq(nll.n_hosts, 2);
    /* Bytes cost 2, 3 and 4 nats. */
    assert_near(nll.by_attribute[ATTRIBUTE_BYTES].mean, 3.0, 1e-15);
    assert_near(nll.by_attribute[ATTRIBUTE_GAP].mean, 1.0 / 7.0, 1e-15);
    assert_near(nll.total.mean, 3.0 + 1.0 / 7.0, 1e-15);
    /* Residuals 5 - 6 and 4 - 3. */
    assert_near(nll.by_attribute[ATTRIBUTE_BYTES].standard_error, sqrt(2.0 * 2.0) / 3.0, 1e-15);
    assert_near(nll.by_attribute[ATTRIBUTE_GAP].standard_error, 0.0, 1e-12);
    nll_release(&nll);
    fixture_set_free(set);
}
END_TEST

START_TEST(a_flow_without_mass_is_named)
{
    struct row rows[3] = { fixture_row(), fixture_row(), fixture_row() };
    rows[2].value[ATTRIBUTE_PACKETS] = 13;
    struct sequence_set *set = fixture_set(rows, (const size_t[]){ 1, 2 }, 2);
    struct nll nll;
    struct error err;
    assert_fails(nll_score(&nll, &plain, set, &err), STATUS_NUMERIC, err,
                 "flow 2 of host 10.0.0.2: its packets, 13, has log mass -inf");
    nll_release(&nll);
    assert_fails(nll_score(&nll, &failing, set, &err), STATUS_FORMAT, err, "host 167772161 fails");
    nll_release(&nll);
    fixture_set_free(set);
}
END_TEST

START_TEST(threads_change_no_bit)
{
    enum { N_HOSTS = 11, N_ROWS = 500 };
    struct row *rows = fixture_varied_rows(1, N_HOSTS, N_ROWS);
    size_t n_rows[N_HOSTS];
    for (int h = 0; h < N_HOSTS; h++)
        n_rows[h] = N_ROWS;
    struct sequence_set *set = fixture_set(rows, n_rows, N_HOSTS);
    struct nll one, two;
    struct error err;
    threads_set(1);
    assert_ok(nll_score(&one, &plain, set, &err), err);
    threads_set(2);
    assert_ok(nll_score(&two, &plain, set, &err), err);
    ck_assert(memcmp(&one.total, &two.total, sizeof one.total) == 0);
    ck_assert(memcmp(one.by_attribute, two.by_attribute, sizeof one.by_attribute) == 0);
    nll_release(&one);
    nll_release(&two);
    fixture_set_free(set);
    free(rows);
}
END_TEST

START_TEST(differences_are_paired_by_host)
{
    /* Hosts differ by much, the models by the same everywhere: the error of each NLL is large, that
     * of the difference 0. */
    double sums_a[4 * NLL_COLUMNS] = { 0.0 }, sums_b[4 * NLL_COLUMNS] = { 0.0 };
    double flows[4] = { 10.0, 20.0, 30.0, 40.0 };
    uint32_t hosts[4] = { 1, 2, 3, 4 };
    for (int h = 0; h < 4; h++) {
        sums_a[h * NLL_COLUMNS + NLL_TOTAL] = flows[h] * (5.0 + h);
        sums_b[h * NLL_COLUMNS + NLL_TOTAL] = flows[h] * (5.5 + h);
    }
    const struct nll a = { .n_hosts = 4, .sums = sums_a, .flows = flows, .hosts = hosts };
    const struct nll b = { .n_hosts = 4, .sums = sums_b, .flows = flows, .hosts = hosts };
    struct nll_difference difference = nll_compare(&b, &a);
    assert_near(difference.total.mean, 0.5, 1e-12);
    assert_near(difference.total.standard_error, 0.0, 1e-12);
    ck_assert_double_gt(host_ratio_of(sums_a + NLL_TOTAL, NLL_COLUMNS, flows, 4).standard_error,
                        0.3);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/nll");
    testing_add(suite, sums_are_of_the_scored_rows);
    testing_add(suite, a_flow_without_mass_is_named);
    testing_add(suite, threads_change_no_bit);
    testing_add(suite, differences_are_paired_by_host);
    return suite;
}
