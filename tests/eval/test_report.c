#include "eval_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "eval/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_HOSTS = 4, N_ROWS = 250 };

static const size_t n_rows[N_HOSTS] = { N_ROWS, N_ROWS, N_ROWS, N_ROWS };

/* A report of two made-up models and one twin, with a floor. */
struct fixture {
    struct row *rows[2];
    struct sequence_set *sets[2];
    struct traffic *traffic[2];
    struct report report;
};

static struct nll made_up_nll(double nats)
{
    struct nll nll = { .n_flows = 1000, .n_hosts = N_HOSTS, .total = { nats, 0.5 } };
    nll.attributes = ATTRIBUTE_BIT(ATTRIBUTE_GAP) | ATTRIBUTE_BIT(ATTRIBUTE_BYTES) |
                     ATTRIBUTE_BIT(ATTRIBUTE_LINK);
    nll.by_attribute[ATTRIBUTE_BYTES] = (struct host_ratio){ nats / 2.0, (double)NAN };
    return nll;
}

static void make_fixture(struct fixture *fixture)
{
    *fixture = (struct fixture){ 0 };
    for (uint64_t s = 0; s < 2; s++) {
        fixture->rows[s] = fixture_varied_rows(s, N_HOSTS, N_ROWS);
        fixture->sets[s] = fixture_set(fixture->rows[s], n_rows, N_HOSTS);
        fixture->traffic[s] = traffic_create(fixture->sets[s]);
    }
    struct report *report = &fixture->report;
    *report = (struct report){
        .data = "real.h5",
        .part = "unseen",
        .n_flows = N_HOSTS * N_ROWS,
        .n_hosts = N_HOSTS,
        .from = 1460332800000,
        .until = 1460419200000,
        .n_repeats = 1,
        .seed = 1,
        .bins_attribute = ATTRIBUTE_BYTES,
        .effective_hosts = 4.0,
    };
    report->models = memory_zalloc(2, sizeof *report->models);
    report->n_models = 2;
    for (int m = 0; m < 2; m++)
        report->models[m] = (struct report_model){ .name = m == 0 ? "one.h5" : "folder/two.h5",
                                                   .kind = "made-up",
                                                   .nll = made_up_nll(20.0 + m),
                                                   .difference.total = { m, 0.01 },
                                                   .bins = { 4.5, 0.1 },
                                                   .n_bins = 304,
                                                   .twin = m == 0 ? 0 : -1 };
    report->twins = memory_zalloc(1, sizeof *report->twins);
    report->n_twins = 1;
    report->twins[0] = (struct report_twin){ .name = "one.h5",
                                             .n_hosts = 9,
                                             .effective_hosts = 4.0,
                                             .n_flows = 1000,
                                             .is_drawn = true,
                                             .n_silent = 2 };
    struct classes *classes = classes_create(fixture->traffic[0], fixture->traffic[1]);
    struct side a = side_create(fixture->traffic[0], classes);
    struct side b = side_create(fixture->traffic[1], classes);
    struct comparison one = comparison_make(&a, &b);
    comparison_average_add(&report->twins[0].average, &one);
    comparison_average_finish(&report->twins[0].average);
    side_release(&a);
    side_release(&b);
    classes_free(classes);
    struct error err;
    assert_ok(comparison_floor(fixture->traffic[0], 3, 1, &report->floor, &err), err);
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

/* The number at a path like "js.bytes.all_day"; fails where there is none. */
static double number_of(json_t *object, const char *path)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = copy; key != NULL && object != NULL;) {
        char *dot = strchr(key, '.');
        if (dot != NULL)
            *dot = '\0';
        object = json_object_get(object, key);
        key = dot != NULL ? dot + 1 : NULL;
    }
    ck_assert_msg(json_is_number(object), "no number at %s", path);
    return json_number_value(object);
}

START_TEST(json_has_the_keys_that_stay)
{
    struct fixture fixture;
    make_fixture(&fixture);
    json_t *json = report_json(&fixture.report);
    const struct comparison *mean = &fixture.report.twins[0].average.mean;
    const struct comparison *floor = &fixture.report.floor.mean;
    assert_near(number_of(json, "nll.nats_per_flow"), 20.0, 0.0);
    assert_near(number_of(json, "nll.bits_per_flow"), 20.0 / log(2.0), 1e-12);
    assert_near(number_of(json, "nll.stderr"), 0.5, 0.0);
    assert_near(number_of(json, "nll.flows"), 1000.0, 0.0);
    assert_near(number_of(json, "nll.hosts"), 4.0, 0.0);
    assert_near(number_of(json, "nll.by_attribute.bytes"), 10.0, 0.0);
    number_of(json, "nll.by_attribute.link");
    assert_near(number_of(json, "js.bytes.all_day"), mean->distributions[ATTRIBUTE_BYTES].js, 0.0);
    assert_near(number_of(json, "js.bytes.all_day_floor"), floor->distributions[ATTRIBUTE_BYTES].js,
                0.0);
    assert_near(number_of(json, "js.bytes.all_day_floor_at_size"),
                0.5 * floor->distributions[ATTRIBUTE_BYTES].js, 1e-15);
    assert_near(number_of(json, "js.local_port.hourly_mean"),
                mean->distributions[ATTRIBUTE_LOCAL_PORT].js_hourly_mean, 0.0);
    number_of(json, "js.local_port.hourly_mean_floor");
    static const char *const conversations[] = { "reply_8", "reply_64", "remote_8" };
    for (size_t c = 0; c < ARRAY_LEN(conversations); c++) {
        char path[64];
        snprintf(path, sizeof path, "conversations.%s.real", conversations[c]);
        ck_assert_double_lt(number_of(json, path), 1.0);
        snprintf(path, sizeof path, "conversations.%s.synthetic", conversations[c]);
        ck_assert_double_lt(number_of(json, path), 1.0);
    }
    assert_near(number_of(json, "conversations.remote_8.synthetic"),
                mean->synthetic.conversations.remote[0], 0.0);
    assert_near(number_of(json, "netshare.emd_byt.ratio"),
                mean->netshare.values[NETSHARE_EMD_BYTES] /
                    floor->netshare.values[NETSHARE_EMD_BYTES],
                1e-12);
    assert_near(number_of(json, "hosts.flows_per_day_js"), mean->js_host_counts, 0.0);
    number_of(json, "hosts.flows_per_day_js_floor_at_size");
    assert_near(number_of(json, "hosts.flows_per_day.synthetic"), mean->synthetic.host_counts.mean,
                0.0);
    assert_near(number_of(json, "hosts.silent"), 2.0, 0.0);
    assert_near(number_of(json, "nmi.real.bytes.packets"),
                mean->real.dependence.nmi[ATTRIBUTE_BYTES][ATTRIBUTE_PACKETS], 0.0);

    json_t *models = json_object_get(json, "models");
    ck_assert_uint_eq(json_array_size(models), 2);
    ck_assert_ptr_null(json_object_get(json_array_get(models, 0), "difference"));
    assert_near(number_of(json_array_get(models, 1), "difference.nats_per_flow"), 1.0, 0.0);
    assert_near(number_of(json_array_get(models, 1), "bins.number"), 304.0, 0.0);
    number_of(json_array_get(models, 0), "js.bytes.all_day");
    ck_assert_ptr_null(json_object_get(json_array_get(models, 1), "js"));
    /* What is no number is null, and nothing else is. */
    ck_assert(json_is_null(json_object_get(
        json_object_get(json_object_get(json, "nll"), "by_attribute_stderr"), "bytes")));
    char *text = json_dumps(json, 0);
    ck_assert_ptr_nonnull(text);
    free(text);
    json_decref(json);
    free_fixture(&fixture);
}
END_TEST

START_TEST(text_has_every_table_in_even_columns)
{
    struct fixture fixture;
    make_fixture(&fixture);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    report_print(&fixture.report, out);
    ck_assert_int_eq(fclose(out), 0);
    static const char *const words[] = {
        "Real: real.h5, unseen: 1000 flows of 4 hosts, 2016-04-11 00:00:00 to 2016-04-12 00:00:00",
        "20.000 (0.500)",
        "1.000 (0.010)",
        " one  ",
        " two  ",
        "bytes, of its bin",
        "Jensen-Shannon divergence",
        "23:00 to 23:59",
        "Kullback-Leibler",
        "NetShare's figures",
        "reply to one of the last 8 ",
        "log bytes, lag 50",
        "port 53 is UDP",
        "duration and its next",
        "Normalised mutual information",
        "Correlation",
    };
    for (size_t w = 0; w < ARRAY_LEN(words); w++)
        testing_assert_words(text, words[w]);
    ck_assert_ptr_null(strstr(text, "folder/two")); /* headings have the name alone */
    ck_assert_ptr_null(strstr(text, " \n"));
    ck_assert_ptr_null(strstr(text, "nan"));
    free(text);
    free_fixture(&fixture);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/report");
    testing_add(suite, json_has_the_keys_that_stay);
    testing_add(suite, text_has_every_table_in_even_columns);
    return suite;
}
