#include "eval_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "data/import.h"
#include "eval/description.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- by hand ------------------------------------------------------------------------------ */

/* Two hosts. The first: a request and its answer at 00:00:01, then 3000 s later another remote;
 * the second: one flow at 00:00:01. */
static struct profile *make_by_hand(void)
{
    static struct row rows[4];
    static const size_t n_rows[] = { 3, 1 };
    for (int i = 0; i < 4; i++)
        rows[i] = fixture_row();
    rows[1].value[ATTRIBUTE_GAP] = 0;
    rows[1].value[ATTRIBUTE_DIRECTION] = DIRECTION_IN;
    rows[1].value[ATTRIBUTE_BYTES] = 100;
    rows[2].value[ATTRIBUTE_GAP] = 4000;
    rows[2].value[ATTRIBUTE_REMOTE]++;
    rows[2].value[ATTRIBUTE_BYTES] = 7;
    rows[3].value[ATTRIBUTE_PROTOCOL] = PROTOCOL_UDP;
    struct sequence_set *set = fixture_set(rows, n_rows, 2);
    struct traffic *traffic = traffic_create(set);
    struct profile *profile = profile_create(traffic);
    traffic_free(traffic);
    fixture_set_free(set);
    return profile;
}

static double share_at(const struct profile_count *count, double x)
{
    for (size_t c = 0; c < PROFILE_CLASSES; c++)
        if (profile_edges()[c] <= x && x < profile_edges()[c + 1])
            return count->shares[c];
    return (double)NAN;
}

START_TEST(counts_are_counted)
{
    struct profile *profile = make_by_hand();
    ck_assert_uint_eq(profile->n_flows, 4);
    ck_assert_uint_eq(profile->n_hosts, 2);
    const struct profile_count *gap = &profile->counts[PROFILE_GAP];
    assert_near(gap->zero, 0.25, 1e-12);
    assert_near(share_at(gap, 0.0), 0.25, 1e-12);
    assert_near(share_at(gap, 1.0), 0.5, 1e-12);
    assert_near(share_at(gap, 4000.0), 0.25, 1e-12);
    assert_near(gap->highest, 4000.0, 0.0);
    assert_near(gap->mean, 4002.0 / 4.0, 1e-9);
    const struct profile_count *bytes = &profile->counts[PROFILE_BYTES]; /* 7, 100, 2500, 2500 */
    assert_near(bytes->lowest, 7.0, 0.0);
    assert_near(bytes->quantiles[QUANTILE_50], 1300.0, 1e-9);
    assert_near(bytes->quantiles[QUANTILE_25], 76.75, 1e-9);
    assert_near(profile->out, 0.75, 1e-12);
    assert_near(profile->protocols[PROTOCOL_UDP], 0.25, 1e-12);
    assert_near(profile->protocols[PROTOCOL_TCP], 0.75, 1e-12);
    profile_free(profile);
}
END_TEST

START_TEST(hours_are_means_over_hosts)
{
    struct profile *profile = make_by_hand();
    assert_near(profile->n_hours, 2.0, 0.0);
    assert_near(profile->flows_by_hour[0], 3.0 / 2.0, 1e-12);
    assert_near(profile->flows_by_hour[1], 1.0 / 2.0, 1e-12);
    assert_near(profile->bytes_by_hour[0], 5100.0 / 2.0, 1e-9);
    ck_assert(isnan(profile->flows_by_hour[2]));
    assert_near(profile->bytes_quantiles[QUANTILE_50][0], 2500.0, 0.0);
    assert_near(profile->bytes_quantiles[QUANTILE_50][1], 7.0, 0.0);
    ck_assert(isnan(profile->bytes_quantiles[QUANTILE_50][2]));
    profile_free(profile);
}
END_TEST

static void assert_curve(const struct curve *curve, size_t n, const double *x, const double *y)
{
    ck_assert_uint_eq(curve->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_near(curve->x[i], x[i], 1e-12);
        assert_near(curve->y[i], y[i], 1e-9);
    }
}

START_TEST(ranks_fall)
{
    struct profile *profile = make_by_hand();
    static const double ranks[] = { 1.0, 2.0 };
    assert_curve(&profile->host_flows, 2, ranks, (const double[]){ 3.0, 1.0 });
    assert_curve(&profile->host_bytes, 2, ranks, (const double[]){ 2607.0, 2500.0 });
    assert_curve(&profile->host_remotes, 2, ranks, (const double[]){ 2.0, 1.0 });
    assert_curve(&profile->remotes, 2, ranks, (const double[]){ 0.75, 0.25 });
    assert_curve(&profile->local_ports, 1, ranks, (const double[]){ 1.0 });
    /* Request and answer are one conversation; three in all, of which one has two flows. */
    assert_curve(&profile->conversations, 2, ranks, (const double[]){ 1.0, 1.0 / 3.0 });
    assert_near(profile->conversations.length, 3.0, 0.0);
    profile_free(profile);
}
END_TEST

/* ---- many --------------------------------------------------------------------------------- */

static struct profile *make_many(size_t n_hosts, size_t n_per_host)
{
    size_t *n_rows = memory_alloc(n_hosts, sizeof *n_rows);
    for (size_t h = 0; h < n_hosts; h++)
        n_rows[h] = n_per_host;
    struct row *rows = fixture_varied_rows(3, n_hosts, n_per_host);
    struct sequence_set *set = fixture_set(rows, n_rows, n_hosts);
    struct traffic *traffic = traffic_create(set);
    struct profile *profile = profile_create(traffic);
    traffic_free(traffic);
    fixture_set_free(set);
    free(rows);
    free(n_rows);
    return profile;
}

START_TEST(shares_add_up)
{
    struct profile *profile = make_many(5, 400);
    for (int c = 0; c < N_PROFILE_COUNTS; c++) {
        double sum = 0.0;
        for (size_t k = 0; k < PROFILE_CLASSES; k++)
            sum += profile->counts[c].shares[k];
        assert_near(sum, 1.0, 1e-9);
        for (size_t q = 1; q < N_QUANTILES; q++)
            ck_assert_double_ge(profile->counts[c].quantiles[q],
                                profile->counts[c].quantiles[q - 1]);
    }
    double flows = 0.0;
    for (int hour = 0; hour < N_HOURS; hour++)
        if (!isnan(profile->flows_by_hour[hour]))
            flows += 5.0 * profile->flows_by_hour[hour];
    ck_assert_double_gt(flows, 1000.0);
    profile_free(profile);
}
END_TEST

START_TEST(long_curves_keep_their_ends)
{
    struct profile *profile = make_many(4, 1000); /* some 3,900 local ports */
    const struct curve *curve = &profile->local_ports;
    ck_assert_double_gt(curve->length, 3000.0);
    ck_assert_uint_eq(curve->n, CURVE_POINTS);
    assert_near(curve->x[0], 1.0, 0.0);
    assert_near(curve->x[curve->n - 1], curve->length, 0.0);
    for (size_t i = 1; i < curve->n; i++) {
        ck_assert_double_gt(curve->x[i], curve->x[i - 1]);
        ck_assert_double_le(curve->y[i], curve->y[i - 1]);
    }
    profile_free(profile);
}
END_TEST

/* ---- descriptions ------------------------------------------------------------------------- */

static const char small_csv[] =
    "2016-04-11 00:00:10,0.000,10.0.0.1,192.0.2.1,40000,80,TCP,.AP.SF,0,0,2,300,background\n"
    "2016-04-11 00:00:10,0.004,192.0.2.1,10.0.0.1,80,40000,TCP,.AP.SF,0,0,3,1200,background\n"
    "2016-04-11 00:00:20,0.000,10.0.0.2,192.0.2.9,40001,53,UDP,.A....,0,0,1,70,background\n"
    "2016-04-11 00:02:30,0.000,10.0.0.1,10.0.0.3,40002,22,TCP,.AP.SF,0,0,1,50,background\n"
    "2016-04-11 00:02:31,0.000,10.0.0.3,10.0.0.4,40003,22,TCP,.AP.SF,0,0,1,50,background\n"
    "2016-04-11 00:03:10,0.000,192.0.2.7,10.0.0.5,1,2048,ICMP,.A....,0,0,1,84,background\n";

static struct description *describe_small(void)
{
    struct import_settings settings;
    struct option_table table = { import_options, n_import_options, &settings, "" };
    const char *hosts[] = { "10.0.0.0/24" }, *path = testing_write("small.csv", small_csv);
    options_set_defaults(&table, 1);
    settings.hosts = (struct text_list){ hosts, 1 };
    struct dataset *data = NULL;
    struct import_report report;
    struct error err;
    assert_ok(import_flows(&path, 1, &settings, &data, &report, &err), err);
    struct description *description = description_create(data);
    dataset_free(data);
    return description;
}

START_TEST(hosts_are_described)
{
    struct description *description = describe_small();
    ck_assert_uint_eq(description->n_flows, 6);
    ck_assert_uint_eq(description->n_hosts, 4); /* 10.0.0.4 is in the sequence of 10.0.0.3 */
    ck_assert_uint_eq(description->hosts_of_type[HOST_BOTH], 1);
    ck_assert_uint_eq(description->hosts_of_type[HOST_SENDS], 1);
    ck_assert_uint_eq(description->hosts_of_type[HOST_RECEIVES], 1);
    ck_assert_uint_eq(description->hosts_of_type[HOST_INTERNAL], 1);
    ck_assert_uint_eq(description->flows_of_type[HOST_BOTH], 3);
    assert_near(description->n_bytes, 1754.0, 0.0);
    assert_near(description->seconds, 180.0, 0.0);
    assert_near(description->busiest_minute, 3.0, 0.0);
    assert_near(description->flows_per_host.highest, 3.0, 0.0);
    assert_near(description->flows_per_hour.lowest, 20.0, 1e-9);
    ck_assert_uint_eq(description->n_top_hosts, 4);
    const struct described_host *top = &description->top_hosts[0];
    ck_assert_uint_eq(top->address, 0x0a000001);
    assert_near(top->n_remotes, 2.0, 0.0);
    assert_near(top->out, 2.0 / 3.0, 1e-12);
    assert_near(top->n_bytes, 1550.0, 0.0);
    ck_assert_uint_eq(description->top_hosts[1].address, 0x0a000002); /* of as many, the lower */
    ck_assert_uint_eq(description->top_remote[0].port, 22);
    assert_near(description->top_remote[0].share, 0.4, 1e-12); /* ICMP has no ports */
    assert_near(description->bytes_by_protocol[PROTOCOL_UDP], 70.0 / 1754.0, 1e-12);
    assert_near(description->portrait.conversations.reply[0], 1.0 / 6.0, 1e-12);
    description_free(description);
}
END_TEST

START_TEST(descriptions_are_printed)
{
    struct description *description = describe_small();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    description_print(description, out);
    ck_assert_int_eq(fclose(out), 0);
    static const char *const words[] = {
        "6 flows of 4 hosts, 1,754 bytes, 2016-04-11 00:00:10 to 2016-04-11 00:03:10",
        "send and receive                       1         3       50.00",
        "talk with monitored hosts only         1         1       16.67",
        "10.0.0.1                      both         3     1,550     66.67",
        "reply to one of the last 8, % of flows       16.67",
        "ICMP                           16.67",
        "rows read                        6",
    };
    for (size_t w = 0; w < ARRAY_LEN(words); w++)
        testing_assert_words(text, words[w]);
    ck_assert_ptr_null(strstr(text, "nan"));
    ck_assert_ptr_null(strstr(text, " \n"));
    free(text);
    description_free(description);
}
END_TEST

START_TEST(descriptions_have_keys)
{
    struct description *description = describe_small();
    json_t *json = description_json(description);
    ck_assert_str_eq(json_string_value(json_object_get(json, "format")), "flowtwin-describe");
    ck_assert_int_eq(json_integer_value(json_object_get(json, "version")), DESCRIPTION_VERSION);
    double zero = -1.0;
    int flows = -1;
    ck_assert_int_eq(json_unpack(json, "{s:{s:{s:{s:f}}}, s:{s:{s:i}}}", "profile", "counts", "gap",
                                 "zero", &zero, "host_types", "both", "flows", &flows),
                     0);
    assert_near(zero, 1.0 / 6.0, 1e-12);
    ck_assert_int_eq(flows, 3);
    json_decref(json);
    description_free(description);
}
END_TEST

START_TEST(descriptions_are_pages)
{
    struct description *description = describe_small();
    struct error err;
    const char *path = testing_path("page.html");
    assert_ok(description_write_page(description, path, &err), err);
    static char text[1 << 20];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    ck_assert_ptr_null(strstr(text, ">nan"));
    testing_assert_words(text, "<section id=\"hosts\">");
    testing_assert_words(text, "<th scope=\"row\">10.0.0.1</th>");
    /* No host is long enough for an autocorrelation. */
    testing_assert_words(text, "No data to show.");
    description_free(description);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/profile");
    testing_add(suite, counts_are_counted);
    testing_add(suite, hours_are_means_over_hosts);
    testing_add(suite, ranks_fall);
    testing_add(suite, shares_add_up);
    testing_add(suite, long_curves_keep_their_ends);
    testing_add(suite, hosts_are_described);
    testing_add(suite, descriptions_are_printed);
    testing_add(suite, descriptions_have_keys);
    testing_add(suite, descriptions_are_pages);
    return suite;
}
