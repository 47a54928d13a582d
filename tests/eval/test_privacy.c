#include "eval_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/options.h"
#include "base/rng.h"
#include "eval/privacy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_HOSTS = 4, N_ROWS = 100 };

struct fixture_side {
    struct row *rows;
    struct sequence_set *set;
    struct traffic *traffic;
};

static struct fixture_side side_of(struct row *rows, size_t n_hosts)
{
    size_t n_rows[N_HOSTS] = { N_ROWS, N_ROWS, N_ROWS, N_ROWS };
    struct fixture_side side = { .rows = rows, .set = fixture_set(rows, n_rows, n_hosts) };
    side.traffic = traffic_create(side.set);
    return side;
}

static void free_side(struct fixture_side *side)
{
    traffic_free(side->traffic);
    fixture_set_free(side->set);
    free(side->rows);
}

/* Hosts of flows of which no two are the same: the bytes tell them apart. */
static struct row *distinct_rows(int64_t first_bytes)
{
    struct row *rows = memory_alloc(N_HOSTS * N_ROWS, sizeof *rows);
    for (int64_t i = 0; i < N_HOSTS * N_ROWS; i++) {
        rows[i] = fixture_row();
        rows[i].value[ATTRIBUTE_BYTES] = first_bytes + i;
        rows[i].value[ATTRIBUTE_LOCAL_PORT] = 10000 + i;
    }
    return rows;
}

static struct privacy measure(const struct fixture_side *training, const struct fixture_side *held,
                              const struct fixture_side *synthetic)
{
    return privacy_measure(training->traffic, held->traffic, synthetic->traffic, 1);
}

START_TEST(copied_flows_are_counted)
{
    struct fixture_side training = side_of(distinct_rows(1000), N_HOSTS);
    struct row *held_rows = distinct_rows(50000), *twin_rows = distinct_rows(90000);
    held_rows[7] = training.rows[11]; /* by chance */
    for (int i = 0; i < 30; i++)      /* of other hosts, at other times */
        twin_rows[i] = training.rows[200 + i];
    twin_rows[3].value[ATTRIBUTE_GAP] = 77;
    twin_rows[4].value[ATTRIBUTE_DURATION]++; /* no copies */
    twin_rows[5].value[ATTRIBUTE_FLAGS] ^= 1;
    twin_rows[6].value[ATTRIBUTE_DIRECTION] ^= 1;
    twin_rows[7].value[ATTRIBUTE_REMOTE] ^= 1;
    struct fixture_side held = side_of(held_rows, N_HOSTS), twin = side_of(twin_rows, N_HOSTS);
    struct copies copies = measure(&training, &held, &twin).flows;
    ck_assert_uint_eq(copies.n_synthetic, N_HOSTS * N_ROWS);
    ck_assert_uint_eq(copies.n_synthetic_found, 26);
    ck_assert_uint_eq(copies.n_held_out_found, 1);
    assert_near(copies.synthetic.mean, 26.0 / 400.0, 1e-15);
    assert_near(copies.held_out.mean, 1.0 / 400.0, 1e-15);
    assert_near(copies.beyond, 25.0, 1e-9);
    free_side(&training);
    free_side(&held);
    free_side(&twin);
}
END_TEST

/* Pairs of flows, 2 i and 2 i + 1, are conversations; other flows may lie between. */
static struct row *paired_rows(int64_t first_bytes)
{
    struct row *rows = distinct_rows(first_bytes);
    for (size_t i = 1; i < N_HOSTS * N_ROWS; i += 2) {
        rows[i].value[ATTRIBUTE_LOCAL_PORT] = rows[i - 1].value[ATTRIBUTE_LOCAL_PORT];
        rows[i].value[ATTRIBUTE_DIRECTION] = DIRECTION_IN;
    }
    return rows;
}

static void swap_rows(struct row *a, struct row *b)
{
    struct row row = *a;
    *a = *b;
    *b = row;
}

START_TEST(copied_conversations_are_counted)
{
    struct fixture_side training = side_of(paired_rows(1000), N_HOSTS);
    struct row *twin_rows = paired_rows(90000);
    memcpy(twin_rows, training.rows + 100, 8 * sizeof *twin_rows);
    swap_rows(&twin_rows[1], &twin_rows[2]); /* still in order within each of two: copies */
    swap_rows(&twin_rows[4], &twin_rows[5]); /* the answer first: none */
    twin_rows[7].value[ATTRIBUTE_BYTES] = 1; /* half of one: none */
    struct fixture_side held = side_of(paired_rows(50000), N_HOSTS);
    struct fixture_side twin = side_of(twin_rows, N_HOSTS);
    struct copies copies = measure(&training, &held, &twin).conversations;
    ck_assert_uint_eq(copies.n_synthetic, N_HOSTS * N_ROWS / 2);
    ck_assert_uint_eq(copies.n_synthetic_found, 2);
    ck_assert_uint_eq(copies.n_held_out_found, 0);
    assert_near(copies.beyond, 2.0, 1e-9);
    free_side(&training);
    free_side(&held);
    free_side(&twin);
}
END_TEST

START_TEST(what_everyone_has_is_not_beyond)
{
    struct fixture_side training = side_of(distinct_rows(1000), N_HOSTS);
    struct fixture_side held = side_of(distinct_rows(1200), N_HOSTS);
    for (int i = 0; i < N_HOSTS * N_ROWS; i++)
        held.rows[i].value[ATTRIBUTE_LOCAL_PORT] += 200;
    free_side(&held);
    struct row *shared = distinct_rows(1000);
    held = side_of(shared, N_HOSTS);
    struct fixture_side twin = side_of(distinct_rows(1000), N_HOSTS);
    struct privacy privacy = measure(&training, &held, &twin);
    assert_near(privacy.flows.synthetic.mean, 1.0, 0.0);
    assert_near(privacy.flows.beyond, 0.0, 0.0);
    assert_near(privacy.rows.nearer.mean, 0.5, 0.0);
    assert_near(privacy.rows.very_near, 0.05, 1e-12);
    free_side(&training);
    free_side(&held);
    free_side(&twin);
}
END_TEST

/* A twin that is training with a little noise is nearer than others are; another draw of the same
 * process is not. */
START_TEST(nearness_is_seen)
{
    struct fixture_side training = side_of(fixture_varied_rows(1, N_HOSTS, N_ROWS), N_HOSTS);
    struct fixture_side held = side_of(fixture_varied_rows(2, N_HOSTS, N_ROWS), N_HOSTS);
    struct fixture_side fair = side_of(fixture_varied_rows(3, N_HOSTS, N_ROWS), N_HOSTS);
    struct row *close_rows = fixture_varied_rows(1, N_HOSTS, N_ROWS);
    for (size_t i = 0; i < N_HOSTS * N_ROWS; i++)
        close_rows[i].value[ATTRIBUTE_BYTES] += 1;
    struct fixture_side close = side_of(close_rows, N_HOSTS);
    struct privacy of_fair = measure(&training, &held, &fair);
    struct privacy of_close = measure(&training, &held, &close);
    assert_near(of_fair.rows.nearer.mean, 0.5, 0.1);
    assert_near(of_fair.windows.nearer.mean, 0.5, 0.25);
    assert_near(of_fair.rows.very_near, 0.05, 0.05);
    ck_assert_double_gt(of_close.rows.nearer.mean, 0.99);
    ck_assert_double_gt(of_close.windows.nearer.mean, 0.99);
    ck_assert_double_gt(of_close.rows.very_near, 0.95);
    ck_assert_double_lt(of_close.rows.synthetic[NEAREST_MEDIAN],
                        of_close.rows.held_out[NEAREST_MEDIAN]);
    ck_assert_uint_eq(of_close.windows.n_training, N_HOSTS * (N_ROWS / 16));
    free_side(&training);
    free_side(&held);
    free_side(&fair);
    free_side(&close);
}
END_TEST

/* ---- membership --------------------------------------------------------------------------- */

static uint32_t first_held_out;

/* A scorer that knows its training hosts by heart: 1 nat a flow, 2 of others. */
static enum status score_by_heart(const struct model *model, const struct sequence *sequence,
                                  double *log_mass, struct error *err)
{
    (void)model, (void)err;
    size_t n = (sequence->n_rows - sequence->first_scored) * N_ATTRIBUTES;
    memset(log_mass, 0, n * sizeof *log_mass);
    for (size_t i = 0; i < n; i += N_ATTRIBUTES)
        log_mass[i] = sequence->host < first_held_out ? -1.0 : -2.0;
    return STATUS_OK;
}

static enum status score_alike(const struct model *model, const struct sequence *sequence,
                               double *log_mass, struct error *err)
{
    (void)model, (void)err;
    size_t n = (sequence->n_rows - sequence->first_scored) * N_ATTRIBUTES;
    memset(log_mass, 0, n * sizeof *log_mass);
    for (size_t i = 0; i < n; i += N_ATTRIBUTES)
        log_mass[i] = -3.0;
    return STATUS_OK;
}

static const struct membership_case {
    nll_log_mass *scorer;
    double auc, found;
} membership_cases[] = {
    { score_by_heart, 1.0, 1.0 },
    { score_alike, 0.5, 0.0 },
};

START_TEST(membership_is_inferred)
{
    const struct membership_case *c = &membership_cases[_i];
    struct fixture_side trained = side_of(fixture_varied_rows(1, N_HOSTS, N_ROWS), N_HOSTS);
    struct fixture_side held = side_of(fixture_varied_rows(2, N_HOSTS, N_ROWS), N_HOSTS - 1);
    struct model model = { .attributes = ATTRIBUTES_ALL };
    struct membership membership;
    struct error err;
    first_held_out = 0x0a000000 + 100;
    for (size_t h = 0; h < held.set->n; h++)
        held.set->items[h].host = first_held_out + (uint32_t)h;
    assert_ok(membership_measure(&membership, c->scorer, &model, trained.set, held.set, &err), err);
    ck_assert(membership.is_measured);
    ck_assert_uint_eq(membership.n_hosts[0], N_HOSTS);
    ck_assert_uint_eq(membership.n_hosts[1], N_HOSTS - 1);
    assert_near(membership.by_nll.auc.mean, c->auc, 0.0);
    assert_near(membership.by_nll.found_at_1_percent, c->found, 0.0);
    ck_assert(isnan(membership.by_gain.auc.mean)); /* too few for folds */
    assert_near(membership.nats_per_flow[0].mean, c->scorer == score_by_heart ? 1.0 : 3.0, 1e-12);
    free_side(&trained);
    free_side(&held);
}
END_TEST

/* A training host that only sends, or has too few flows, is no match for held-out ones that do
 * both: its likelihood would say what it is, and not that it was trained on. */
START_TEST(only_comparable_hosts_are_compared)
{
    struct fixture_side trained = side_of(fixture_varied_rows(1, N_HOSTS, N_ROWS), N_HOSTS);
    struct fixture_side held = side_of(fixture_varied_rows(2, N_HOSTS, N_ROWS), N_HOSTS);
    for (int i = 0; i < N_ROWS; i++)
        trained.rows[N_ROWS + i].value[ATTRIBUTE_DIRECTION] = DIRECTION_OUT;
    trained.set->items[2].n_rows = MEMBERSHIP_FEWEST - 1;
    struct model model = { .attributes = ATTRIBUTES_ALL };
    struct membership membership;
    struct error err;
    assert_ok(membership_measure(&membership, score_alike, &model, trained.set, held.set, &err),
              err);
    ck_assert_uint_eq(membership.n_hosts[0], N_HOSTS - 2);
    ck_assert_uint_eq(membership.n_hosts[1], N_HOSTS);
    free_side(&trained);
    free_side(&held);
}
END_TEST

enum { MANY_HOSTS = 20 };

/* Of each four hosts n_hard have bytes that nobody has twice. */
static struct sequence_set *mixed_hosts(uint64_t seed, size_t n_hard, struct row **rows)
{
    size_t n_rows[MANY_HOSTS];
    *rows = fixture_varied_rows(seed, MANY_HOSTS, N_ROWS);
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    for (size_t h = 0; h < MANY_HOSTS; h++) {
        n_rows[h] = N_ROWS;
        for (size_t i = 0; h % 4 < n_hard && i < N_ROWS; i++)
            (*rows)[h * N_ROWS + i].value[ATTRIBUTE_BYTES] += (int64_t)rng_below(&rng, 1 << 30);
    }
    return fixture_set(*rows, n_rows, MANY_HOSTS);
}

/* As likely as they are to one who has seen others like them, and by a nat more if it knows them by
 * heart. */
static struct model *seen_others;
static bool is_by_heart;
static enum status score_by_others(const struct model *model, const struct sequence *sequence,
                                   double *log_mass, struct error *err)
{
    (void)model;
    FORWARD(model_log_mass(seen_others, sequence, log_mass, err));
    for (size_t i = 0; is_by_heart && sequence->host < first_held_out && i < sequence->n_rows; i++)
        log_mass[i * N_ATTRIBUTES] += 1.0;
    return STATUS_OK;
}

/* Held-out hosts that are harder for everyone look like no members; against a reference they do
 * not, while what a model knows by heart still shows. */
START_TEST(hard_hosts_are_told_from_hosts_that_were_not_seen)
{
    struct row *rows[3];
    struct sequence_set *trained = mixed_hosts(1, 1, &rows[0]);
    struct sequence_set *held = mixed_hosts(2, 4, &rows[1]);
    struct sequence_set *others = mixed_hosts(3, 2, &rows[2]);
    const struct model_kind *kind = model_kind_find("bayes-net");
    void *settings = memory_zalloc(1, kind->settings_size);
    const struct option_table table = { kind->options, kind->n_options, settings, NULL };
    struct training_record record = { 0 };
    struct membership membership;
    struct error err;
    options_set_defaults(&table, 1);
    assert_ok(model_fit(kind, settings, others, &record, 1, "", &seen_others, &err), err);
    first_held_out = 0x0a000000 + 100;
    for (size_t h = 0; h < held->n; h++)
        held->items[h].host = first_held_out + (uint32_t)h;
    is_by_heart = _i == 1;
    assert_ok(membership_measure(&membership, score_by_others, seen_others, trained, held, &err),
              err);
    ck_assert_double_gt(membership.by_nll.auc.mean, 0.8);
    if (is_by_heart) {
        ck_assert_double_gt(membership.by_gain.auc.mean, 0.95);
        ck_assert_double_gt(membership.by_gain.found_at_1_percent, 0.5);
    } else {
        ck_assert_double_lt(membership.by_gain.auc.mean, 0.65);
        ck_assert_double_gt(membership.by_gain.auc.mean, 0.2);
    }
    model_free(seen_others);
    free(settings);
    fixture_set_free(trained);
    fixture_set_free(held);
    fixture_set_free(others);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        free(rows[i]);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/privacy");
    testing_add(suite, copied_flows_are_counted);
    testing_add(suite, copied_conversations_are_counted);
    testing_add(suite, what_everyone_has_is_not_beyond);
    testing_add(suite, nearness_is_seen);
    testing_add_loop(suite, membership_is_inferred, ARRAY_LEN(membership_cases));
    testing_add_loop(suite, hard_hosts_are_told_from_hosts_that_were_not_seen, 2);
    testing_add(suite, only_comparable_hosts_are_compared);
    return suite;
}
