#include "eval_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "eval/figures.h"
#include "eval/page_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reports ------------------------------------------------------------------------------ */

enum { N_HOSTS = 4, N_ROWS = 250, N_REPEATS = 5 };

struct fixture {
    struct row *rows[2];
    struct sequence_set *sets[2];
    struct traffic *traffic[2];
    struct report report;
};

/* Two twins: the real flows themselves, and flows of ten times the bytes in which nobody answers.
 */
static void make_fixture(struct fixture *fixture)
{
    static const size_t n_rows[N_HOSTS] = { N_ROWS, N_ROWS, N_ROWS, N_ROWS };
    *fixture = (struct fixture){ 0 };
    for (int s = 0; s < 2; s++) {
        fixture->rows[s] = fixture_varied_rows(7, N_HOSTS, N_ROWS);
        for (size_t i = 0; s == 1 && i < (size_t)N_HOSTS * N_ROWS; i++) {
            fixture->rows[s][i].value[ATTRIBUTE_BYTES] *= 10;
            fixture->rows[s][i].value[ATTRIBUTE_REMOTE] += (int64_t)(1000 + 40 * i);
        }
        fixture->sets[s] = fixture_set(fixture->rows[s], n_rows, N_HOSTS);
        fixture->traffic[s] = traffic_create(fixture->sets[s]);
    }
    struct report *report = &fixture->report;
    *report = (struct report){ .data = "<real>.h5",
                               .part = "unseen",
                               .n_flows = N_HOSTS * N_ROWS,
                               .n_hosts = N_HOSTS,
                               .n_repeats = N_REPEATS,
                               .bins_attribute = -1,
                               .from = 1460332800000,
                               .until = 1460419200000,
                               .effective_hosts = N_HOSTS };
    report->profile = profile_create(fixture->traffic[0]);
    report->twins = memory_zalloc(2, sizeof *report->twins);
    for (int t = 0; t < 2; t++) {
        struct report_twin *twin = &report->twins[report->n_twins++];
        *twin = (struct report_twin){ .name = t == 0 ? "same" : "folder/a & b.h5",
                                      .n_hosts = N_HOSTS,
                                      .n_flows = N_HOSTS * N_ROWS,
                                      .effective_hosts = N_HOSTS };
        twin->profile = profile_create(fixture->traffic[t]);
        struct classes *classes = classes_create(fixture->traffic[0], fixture->traffic[t]);
        struct side a = side_create(fixture->traffic[0], classes);
        struct side b = side_create(fixture->traffic[t], classes);
        struct comparison one = comparison_make(&a, &b);
        for (int r = 0; r < N_REPEATS; r++)
            comparison_average_add(&twin->average, &one);
        comparison_average_finish(&twin->average);
        side_release(&a);
        side_release(&b);
        classes_free(classes);
    }
    struct error err;
    assert_ok(comparison_floor(fixture->traffic[0], 6, 1, &report->floor, &err), err);
}

static void free_fixture(struct fixture *fixture)
{
    report_release(&fixture->report);
    for (int s = 0; s < 2; s++) {
        traffic_free(fixture->traffic[s]);
        fixture_set_free(fixture->sets[s]);
        free(fixture->rows[s]);
    }
}

static struct finding find(const struct report *report, size_t t, const char *key)
{
    struct figure figures[FIGURES_MAX];
    size_t n = figures_list(report, figures);
    for (size_t f = 0; f < n; f++)
        if (strcmp(figures[f].key, key) == 0)
            return figure_find(&figures[f], report, &report->twins[t]);
    ck_abort_msg("no figure %s", key);
}

START_TEST(the_real_flows_are_like_real)
{
    struct fixture fixture;
    make_fixture(&fixture);
    struct figure figures[FIGURES_MAX];
    size_t n = figures_list(&fixture.report, figures);
    ck_assert_uint_gt(n, 40);
    for (size_t f = 0; f < n; f++) {
        struct finding finding = figure_find(&figures[f], &fixture.report,
                                             &fixture.report.twins[0]);
        if (isnan(finding.distance)) /* a rule that is about no flow */
            continue;
        assert_near(finding.distance, 0.0, 1e-12);
        ck_assert_msg(finding.verdict == VERDICT_LIKE_REAL, "%s", figures[f].key);
    }
    free_fixture(&fixture);
}
END_TEST

START_TEST(others_are_not)
{
    struct fixture fixture;
    make_fixture(&fixture);
    const struct report *report = &fixture.report;
    const struct comparison *mean = &report->twins[1].average.mean;
    struct finding bytes = find(report, 1, "js.bytes.all_day");
    assert_near(bytes.distance, mean->distributions[ATTRIBUTE_BYTES].js, 1e-12);
    assert_near(bytes.floor, 0.5 * report->floor.mean.distributions[ATTRIBUTE_BYTES].js, 1e-12);
    assert_near(bytes.ratio, bytes.distance / bytes.floor, 1e-9);
    ck_assert(isnan(bytes.real));
    struct finding remote = find(report, 1, "conversations.remote_8");
    assert_near(remote.real, mean->real.conversations.remote[0], 1e-12);
    assert_near(remote.synthetic, 0.0, 1e-12);
    assert_near(remote.distance, remote.real, 1e-12);
    /* Not squared: the root of the factor. */
    assert_near(remote.floor, sqrt(0.5) * report->floor.mean.difference.conversations.remote[0],
                1e-12);
    ck_assert_int_eq(remote.verdict, VERDICT_FAR);
    ck_assert_int_eq(find(report, 1, "js.protocol.all_day").verdict, VERDICT_LIKE_REAL);
    free_fixture(&fixture);
}
END_TEST

START_TEST(judges_have_scales_of_their_own)
{
    struct fixture fixture;
    make_fixture(&fixture);
    struct report *report = &fixture.report;
    struct figure figures[FIGURES_MAX];
    size_t n = figures_list(report, figures);
    struct report_twin *twin = &report->twins[0];
    twin->two_sample.is_measured = twin->tasks.is_measured = twin->privacy.is_measured = true;
    twin->two_sample.windows.auc = (struct host_ratio){ 0.74, 0.02 };
    twin->two_sample.flows.auc = (struct host_ratio){ 0.58, 0.02 };
    twin->tasks.loss.macro_f1 = (struct host_ratio){ -0.04, 0.01 };
    twin->tasks.loss.mae[FORECAST_BYTES] = (struct host_ratio){ 0.60, 0.01 };
    twin->privacy.flows.synthetic = (struct host_ratio){ 0.02, 0.001 };
    twin->privacy.flows.held_out = (struct host_ratio){ 0.03, 0.001 };
    twin->privacy.rows.nearer = (struct host_ratio){ 0.7, 0.01 };
    ck_assert_uint_gt(figures_list(report, figures), n);
    ck_assert_int_eq(find(report, 0, "two_sample.windows").verdict, VERDICT_CLOSE);
    ck_assert_int_eq(find(report, 0, "two_sample.flows").verdict, VERDICT_LIKE_REAL);
    ck_assert_int_eq(find(report, 1, "two_sample.flows").verdict, VERDICT_NONE);
    ck_assert_int_eq(find(report, 0, "tasks.macro_f1_loss").verdict, VERDICT_CLOSE);
    ck_assert_int_eq(find(report, 0, "tasks.mae_bytes_loss").verdict, VERDICT_FAR);
    ck_assert_int_eq(find(report, 0, "privacy.flow_copies").verdict, VERDICT_LIKE_REAL);
    ck_assert_int_eq(find(report, 0, "privacy.rows_nearer").verdict, VERDICT_APART);
    free_fixture(&fixture);
}
END_TEST

START_TEST(figures_are_in_json)
{
    struct fixture fixture;
    make_fixture(&fixture);
    json_t *list = figures_json(&fixture.report, &fixture.report.twins[1]);
    struct figure figures[FIGURES_MAX];
    ck_assert_uint_eq(json_array_size(list), figures_list(&fixture.report, figures));
    const char *key, *verdict;
    double distance, floor;
    ck_assert_int_eq(json_unpack(json_array_get(list, 0), "{s:s, s:F, s:F, s:s}", "key", &key,
                                 "distance", &distance, "floor_at_size", &floor, "verdict",
                                 &verdict),
                     0);
    ck_assert_str_eq(key, figures[0].key);
    json_decref(list);
    free_fixture(&fixture);
}
END_TEST

/* ---- the page ----------------------------------------------------------------------------- */

static const char *write_and_read(const struct report *report)
{
    static char text[1 << 21];
    struct error err;
    const char *path = testing_path("report.html");
    assert_ok(report_write_page(report, path, &err), err);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    ck_assert_uint_lt(strlen(text), sizeof text - 1);
    ck_assert_ptr_null(strstr(text, ">nan"));
    ck_assert_ptr_null(strstr(text, "nan\""));
    return text;
}

START_TEST(pages_have_their_sections)
{
    struct fixture fixture;
    make_fixture(&fixture);
    static const char *const ids[] = { "summary", "distances", "hours",         "values", "byhour",
                                       "order",   "ranks",     "conversations", "figures" };
    const char *text = write_and_read(&fixture.report);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char section[64];
        snprintf(section, sizeof section, "<section id=\"%s\">", ids[i]);
        testing_assert_words(text, section);
    }
    testing_assert_words(text, "&lt;real&gt;.h5");
    testing_assert_words(text, "a &amp; b");
    ck_assert_ptr_null(strstr(text, "<real>"));
    ck_assert_ptr_null(strstr(text, "section id=\"judges\""));
    ck_assert_ptr_null(strstr(text, "section id=\"likelihood\""));
    free_fixture(&fixture);
}
END_TEST

START_TEST(pages_show_what_judges_and_models_found)
{
    struct fixture fixture;
    make_fixture(&fixture);
    struct report *report = &fixture.report;
    static const char *const columns[] = { "rows", "nll", "nll_hosts" };
    static const double notes[] = { 1000.0, 9.0, (double)NAN, 2000.0, 8.0, 8.5 };
    report->models = memory_zalloc(1, sizeof *report->models);
    report->n_models = 1;
    report->models[0] = (struct report_model){
        .name = "m.h5",
        .kind = "made-up",
        .twin = 1,
        .nll = { .n_flows = 10,
                 .n_hosts = 2,
                 .total = { 20.0, (double)NAN },
                 .attributes = ATTRIBUTE_BIT(ATTRIBUTE_BYTES) },
        .history = { columns, 3, 2, notes },
        .membership = { .is_measured = true,
                        .by_nll.auc = { 0.51, 0.03 },
                        .by_gain.auc = { 0.45, 0.04 } },
        .gain = { .is_measured = true, .forecast = { .n_train = 100, .n_test = 50 } },
    };
    for (int t = 0; t < 2; t++) {
        report->twins[t].two_sample.is_measured = true;
        report->twins[t].two_sample.windows.auc = (struct host_ratio){ 0.9, (double)NAN };
        report->twins[t].two_sample.flows.auc = (struct host_ratio){ (double)NAN, (double)NAN };
        report->twins[t].tasks.is_measured = report->twins[t].privacy.is_measured = t == 0;
    }
    const char *text = write_and_read(report);
    static const char *const words[] = {
        "Can a classifier tell twin from real?",
        "Protocol of a flow: macro-F1",
        "closeness to the flows that were trained on",
        "hardly better than guessing",
        "hosts kept for validation",
        "<section id=\"training\">",
        "AUC of membership",
        "the same against a reference",
        "<th scope=\"row\">  against a reference</th>",
        "Protocol of a flow, by the form of its ports",
        "learned from 100 slots",
        "<th scope=\"row\">without ports</th>",
    };
    for (size_t w = 0; w < ARRAY_LEN(words); w++)
        testing_assert_words(text, words[w]);
    free_fixture(&fixture);
}
END_TEST

START_TEST(pages_do_without_twins_and_floors)
{
    struct fixture fixture;
    make_fixture(&fixture);
    comparison_average_release(&fixture.report.floor);
    testing_assert_words(write_and_read(&fixture.report), "There is no floor");
    size_t n_twins = fixture.report.n_twins;
    fixture.report.n_twins = 0;
    const char *text = write_and_read(&fixture.report);
    testing_assert_words(text, "<section id=\"hours\">");
    ck_assert_ptr_null(strstr(text, "<section id=\"order\">"));
    fixture.report.n_twins = n_twins;
    free_fixture(&fixture);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/figures");
    testing_add(suite, the_real_flows_are_like_real);
    testing_add(suite, others_are_not);
    testing_add(suite, judges_have_scales_of_their_own);
    testing_add(suite, figures_are_in_json);
    testing_add(suite, pages_have_their_sections);
    testing_add(suite, pages_show_what_judges_and_models_found);
    testing_add(suite, pages_do_without_twins_and_floors);
    return suite;
}
