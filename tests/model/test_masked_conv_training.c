#include "testing.h"

#include "base/memory.h"
#include "base/threads.h"
#include "masked_conv_fixture.h"
#include "model_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- fitting and scoring ------------------------------------------------------------------ */

static struct masked_conv_settings quick_settings(double epochs)
{
    struct masked_conv_settings settings = small_settings();
    settings.epochs = epochs;
    settings.piece_rows = 64;
    settings.warm_up = 10;
    settings.rate = 0.01;
    return settings;
}

static enum status fit(const struct masked_conv_settings *settings, const struct sequence_set *set,
                       struct masked_conv **model, struct error *err)
{
    struct training_record record = fixture_record(set);
    struct model *fitted = NULL;
    enum status status = model_fit(model_kind_find("masked-conv"), settings, set, &record, 1, "",
                                   &fitted, err);
    if (status != STATUS_OK)
        training_record_release(&record);
    *model = (struct masked_conv *)fitted;
    return status;
}

/* A training that succeeds. */
static struct masked_conv *fitted(const struct masked_conv_settings *settings,
                                  const struct sequence_set *set, int n_threads)
{
    struct masked_conv *model;
    struct error err = { 0 };
    threads_set(n_threads);
    assert_ok(fit(settings, set, &model, &err), err);
    ck_assert(model->training.is_finished);
    return model;
}

/* And one that does not, by its message. */
static void assert_fit_fails(const struct masked_conv_settings *settings,
                             const struct sequence_set *set, enum status status, const char *words,
                             struct error *err)
{
    struct masked_conv *model;
    assert_fails(fit(settings, set, &model, err), status, *err, words);
}

static struct model *fit_gmm(const struct sequence_set *set)
{
    const struct model_kind *kind = model_kind_find("gmm");
    void *settings = memory_zalloc(1, kind->settings_size);
    const struct option_table table = { kind->options, kind->n_options, settings, kind->name };
    struct training_record record = fixture_record(set);
    struct model *model;
    struct error err = { 0 };
    options_set_defaults(&table, 1);
    assert_ok(options_set(&table, 1, "components", "5", &err), err);
    assert_ok(model_fit(kind, settings, set, &record, 1, "", &model, &err), err);
    free(settings);
    return model;
}

/* Nats per flow. */
static double nll_of(const struct model *model, const struct sequence *sequence)
{
    double *masses = memory_alloc(sequence->n_rows * N_ATTRIBUTES, sizeof *masses), sum = 0.0;
    struct error err = { 0 };
    assert_ok(model_log_mass(model, sequence, masses, &err), err);
    for (size_t i = 0; i < sequence->n_rows * N_ATTRIBUTES; i++)
        sum += masses[i];
    free(masses);
    return -sum / (double)sequence->n_rows;
}

/* ---- learning ----------------------------------------------------------------------------- */

START_TEST(the_loss_falls_far_below_columns_alone)
{
    struct sequence_set *all = fixture_network(1, 22, 3);
    struct sequence_set train = *all; /* hosts 20 and 21 are for testing */
    train.n = 20;
    train.n_scored = train.n_rows = 0;
    for (size_t s = 0; s < train.n; s++)
        train.n_scored = train.n_rows += all->items[s].n_rows;
    const struct masked_conv_settings settings = quick_settings(3.0);
    struct masked_conv *model = fitted(&settings, &train, 1);
    struct model *gmm = fit_gmm(&train);
    const struct training_state *state = &model->training;
    ck_assert_uint_ge(state->n_notes, 15);
    const struct training_note *first = &state->history[0];
    const struct training_note *last = &state->history[state->n_notes - 1];
    ck_assert(last->nll < first->nll - 5.0);
    ck_assert(last->nll_hosts < first->nll_hosts - 5.0);
    ck_assert(last->rate < 0.02 * settings.rate);
    ck_assert_uint_eq(state->n_rows, (uint64_t)last->rows);
    for (size_t s = 20; s < 22; s++) {
        double ours = nll_of(&model->base, &all->items[s]), theirs = nll_of(gmm, &all->items[s]);
        ck_assert_msg(ours < theirs - 5.0, "%.2f nats, %.2f of columns alone", ours, theirs);
    }
    model_free(gmm);
    model_free(&model->base);
    sequence_set_free(all);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_weights)
{
    struct sequence_set *set = fixture_network(1, 18, 2);
    const struct masked_conv_settings settings = quick_settings(0.5);
    struct masked_conv *models[2];
    for (int n = 0; n < 2; n++) {
        models[n] = fitted(&settings, set, n + 1);
        const struct params *a = models[0]->network->params, *b = models[n]->network->params;
        ck_assert_uint_eq(a->size, b->size);
        ck_assert(memcmp(a->values, b->values, a->size * sizeof *a->values) == 0);
        ck_assert_uint_eq(models[0]->training.n_notes, models[n]->training.n_notes);
        ck_assert(memcmp(models[0]->training.history, models[n]->training.history,
                         models[0]->training.n_notes * sizeof *models[0]->training.history) == 0);
    }
    for (int n = 0; n < 2; n++)
        model_free(&models[n]->base);
    sequence_set_free(set);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------- */

static size_t requests_of(double epochs, const struct sequence_set *set)
{
    struct masked_conv_settings settings = quick_settings(epochs);
    settings.cold_share = 0; /* hosts that begin anew have a memory of their own */
    size_t before = memory_requests();
    struct masked_conv *model = fitted(&settings, set, 1);
    size_t n = memory_requests() - before;
    ck_assert_uint_eq(model->training.n_notes, 20);
    model_free(&model->base);
    return n;
}

/* A training of many steps asks the system for memory as often as one of few: to set up, and for
 * the history, which is as long; but for a batch now and then that has more rows than any before of
 * a kind that is rare. */
START_TEST(steps_ask_for_no_memory)
{
    struct sequence_set *set = fixture_network(1, 18, 2);
    size_t n_few = requests_of(2.0, set), n_many = requests_of(6.0, set);
    ck_assert_msg(n_many <= n_few + 10, "%zu requests, then %zu", n_few, n_many);
    sequence_set_free(set);
}
END_TEST

/* Small hosts come as often as they are below the mean, large ones once. */
START_TEST(hosts_of_few_rows_come_more_often)
{
    enum { LARGE = 1050, SMALL = 100, N_SMALL = 8, PIECE = 50 };
    struct sequence_set *set = fixture_empty(1 + N_SMALL, LARGE);
    for (size_t i = 0; i < set->n_rows; i++)
        set->rows[i].value[ATTRIBUTE_PACKETS] = 1;
    set->n_scored = LARGE + N_SMALL * SMALL; /* 205 a host */
    for (size_t s = 1; s < set->n; s++)
        set->items[s].n_rows = SMALL;
    static const struct {
        double balance;
        size_t n_small; /* rows of an epoch */
    } expected[] = { { 0.0, N_SMALL * SMALL }, { 1.0, 2 * N_SMALL * SMALL } };
    for (size_t e = 0; e < ARRAY_LEN(expected); e++) {
        struct masked_conv_settings settings = quick_settings(1.0);
        settings.piece_rows = PIECE;
        settings.balance = expected[e].balance;
        struct masked_conv *model = fitted(&settings, set, 1);
        /* The large host's last piece validates. */
        ck_assert_uint_eq(model->training.n_rows, LARGE - PIECE + expected[e].n_small);
        model_free(&model->base);
    }
    sequence_set_free(set);
}
END_TEST

/* ---- stopping ----------------------------------------------------------------------------- */

/* At a rate that soon does harm: the best weights so far are kept, not the last ones. */
START_TEST(early_stopping_keeps_the_best_weights)
{
    struct sequence_set *set = fixture_network(1, 18, 2);
    struct masked_conv_settings settings = quick_settings(40.0);
    settings.rate = 0.05;
    settings.final_share = 1;
    settings.patience = 3;
    settings.host_embedding = false; /* so that held-out hosts score as they did in validation */
    struct masked_conv *model = fitted(&settings, set, 1);
    const struct training_state *state = &model->training;
    ck_assert_uint_gt(state->n_notes, 3);
    ck_assert_uint_lt(state->n_notes, 20);
    size_t best = state->n_notes - 1 - 3; /* then three that are no better */
    for (size_t n = 0; n < state->n_notes; n++) {
        double nll = state->history[n].nll_hosts;
        if (!isnan(state->history[n].nll_time))
            nll = 0.5 * (nll + state->history[n].nll_time);
        ck_assert(n == best ? nll == state->best_nll : nll >= state->best_nll);
    }
    /* One host was held out; the weights score it as the best validation did. */
    size_t n_as_validated = 0;
    for (size_t s = 0; s < set->n; s++) {
        double nll = nll_of(&model->base, &set->items[s]);
        n_as_validated += fabs(nll - state->history[best].nll_hosts) < 1e-4 * nll;
    }
    ck_assert_uint_eq(n_as_validated, 1);
    model_free(&model->base);
    sequence_set_free(set);
}
END_TEST

/* A budget of an hour does not make a training of seconds longer, nor another one. */
START_TEST(epochs_end_a_training_before_its_minutes)
{
    struct sequence_set *set = fixture_network(1, 3, 2);
    struct masked_conv_settings settings = quick_settings(2.0);
    struct masked_conv *by_epochs = fitted(&settings, set, 1);
    settings.minutes = 60;
    struct masked_conv *by_both = fitted(&settings, set, 1);
    ck_assert_uint_eq(by_both->training.n_steps, by_epochs->training.n_steps);
    ck_assert_uint_eq(by_both->training.n_rows, by_epochs->training.n_rows);
    ck_assert_uint_eq(by_both->training.n_notes, by_epochs->training.n_notes);
    model_free(&by_epochs->base);
    model_free(&by_both->base);
    sequence_set_free(set);
}
END_TEST

START_TEST(a_loss_that_is_no_number_stops_with_its_place)
{
    struct sequence_set *set = fixture_network(1, 3, 2);
    struct masked_conv_settings settings = quick_settings(8.0);
    settings.rate = 1e30;
    settings.warm_up = 0;
    settings.clip = 0;
    struct error err = { 0 };
    assert_fit_fails(&settings, set, STATUS_NUMERIC, "gave inf or nan (result", &err);
    size_t step, batch;
    char operation[64];
    ck_assert_int_eq(sscanf(err.message, "step %zu, batch %zu: %63s", &step, &batch, operation), 3);
    ck_assert_uint_eq(step, 1); /* after the first one had moved the weights */
    ck_assert_uint_lt(batch, 2);
    sequence_set_free(set);
}
END_TEST

START_TEST(a_training_needs_an_end)
{
    struct sequence_set *set = fixture_network(1, 2, 1);
    const struct masked_conv_settings settings = quick_settings(0.0);
    struct error err = { 0 };
    assert_fit_fails(&settings, set, STATUS_USAGE, "epochs or minutes", &err);
    sequence_set_free(set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/training");
    testing_add(suite, the_loss_falls_far_below_columns_alone);
    testing_add(suite, any_number_of_threads_gives_the_same_weights);
    testing_add(suite, steps_ask_for_no_memory);
    testing_add(suite, hosts_of_few_rows_come_more_often);
    testing_add(suite, early_stopping_keeps_the_best_weights);
    testing_add(suite, epochs_end_a_training_before_its_minutes);
    testing_add(suite, a_loss_that_is_no_number_stops_with_its_place);
    testing_add(suite, a_training_needs_an_end);
    return suite;
}
