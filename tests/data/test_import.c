#include "testing.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "data/import.h"
#include "data/text_source.h"
#include "data/ugr16.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- helpers ------------------------------------------------------------------------------ */

static const char *one_prefix[] = { "10.0.0.0/8" };
static const struct import_settings everything = { .hosts = { one_prefix, 1 },
                                                   .type = N_HOST_TYPES };

static enum status import_one(const char *path, const struct import_settings *settings,
                              struct dataset **data, struct import_report *report,
                              struct error *err)
{
    return import_flows(&path, 1, settings, data, report, err);
}

static void check_sums(const struct import_report *report)
{
    uint64_t n_refused = 0;
    for (int kind = 0; kind < N_BAD_ROWS; kind++)
        n_refused += report->n_refused[kind];
    ck_assert_uint_eq(n_refused, report->n_rows_refused);
    ck_assert_uint_eq(report->n_rows_read,
                      report->n_rows_kept + report->n_rows_refused + report->n_rows_elsewhere);
}

static struct dataset *import_well(const char *path, const struct import_settings *settings)
{
    struct error err = { 0 };
    struct dataset *data;
    struct import_report report;
    assert_ok(import_one(path, settings, &data, &report, &err), err);
    check_sums(&report);
    ck_assert_uint_eq(report.n_rows_kept, data->n_flows);
    ck_assert_uint_eq(report.n_hosts_kept, data->n_hosts);
    ck_assert_uint_eq(data->n_rows_read, report.n_rows_read);
    ck_assert_uint_eq(data->n_rows_refused, report.n_rows_refused);
    ck_assert_uint_eq(data->n_rows_elsewhere, report.n_rows_elsewhere);
    return data;
}

/* Flows are compared as the lines that they are written as, which name the label. */
static void check_same_flows(const struct dataset *a, const struct flow *x, const struct dataset *b,
                             const struct flow *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char one[UGR16_LINE_MAX], other[UGR16_LINE_MAX];
        size_t length = ugr16_format(&x[i], &a->labels, one);
        ck_assert_uint_eq(ugr16_format(&y[i], &b->labels, other), length);
        ck_assert_msg(memcmp(one, other, length) == 0, "flow %zu: %.*s", i, (int)length, one);
    }
}

static void check_equal(const struct dataset *a, const struct dataset *b)
{
    ck_assert_uint_eq(a->n_flows, b->n_flows);
    ck_assert_uint_eq(a->n_hosts, b->n_hosts);
    ck_assert_mem_eq(a->hosts, b->hosts, a->n_hosts * sizeof *a->hosts);
    ck_assert_int_eq(a->start, b->start);
    ck_assert_int_eq(a->end, b->end);
    ck_assert_uint_eq(a->labels.n, b->labels.n);
    for (size_t l = 0; l < a->labels.n; l++)
        ck_assert_str_eq(a->labels.names[l], b->labels.names[l]);
    check_same_flows(a, a->flows, b, b->flows, a->n_flows);
}

static const char *write_flows(const char *name, const struct dataset *data)
{
    const char *path = testing_path(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < data->n_flows; i++) {
        char line[UGR16_LINE_MAX];
        fwrite(line, 1, ugr16_format(&data->flows[i], &data->labels, line), file);
    }
    fclose(file);
    return path;
}

/* A network of 10.0.0.0/8 with n_hosts hosts: host h has about (h + 1) * 3 flows, of the type h
 * % 4. Rows are in order of time but for some; every 40th is of nobody. */
static const char *write_network(const char *name, uint64_t n_hosts, uint64_t seed)
{
    static const char *const label_names[] = { "background", "blacklist", "anomaly-spam" };
    struct label_list labels = { 0 };
    for (size_t l = 0; l < ARRAY_LEN(label_names); l++)
        label_list_add(&labels, label_names[l], strlen(label_names[l]));
    struct rng rng = rng_stream(seed, RNG_TEST, n_hosts, 0);
    const char *path = testing_path(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    int64_t end = INT64_C(1460332800000);
    for (uint64_t i = 0; i < 3 * n_hosts * (n_hosts + 1) / 2; i++) {
        end += (int64_t)rng_below(&rng, 3) * 1000;
        uint64_t h = rng_below(&rng, n_hosts), other = rng_below(&rng, n_hosts);
        h = i < 2 * n_hosts ? i % n_hosts : h < other ? other : h; /* everybody has two */
        uint32_t host = UINT32_C(10) << 24 | (uint32_t)h;
        uint32_t remote = UINT32_C(192) << 24 | (uint32_t)rng_below(&rng, 50);
        bool is_out = h % 4 == 0 ? i / n_hosts % 2 == 0 : h % 4 == 1;
        if (h % 4 == 3) /* of two such hosts, the lower one has the flow */
            remote = host + 4 * (uint32_t)rng_below(&rng, 3);
        if (i >= 2 * n_hosts && i % 40 == 39) {
            host = UINT32_C(11) << 24;
            remote = UINT32_C(192) << 24;
        }
        struct flow flow = { .end = end - (i % 50 == 49 ? 5000 : 0),
                             .packets = 1 + i,
                             .bytes = 40 + i,
                             .source = is_out ? host : remote,
                             .destination = is_out ? remote : host,
                             .source_port = (uint16_t)rng_below(&rng, 65536),
                             .destination_port = 53,
                             .protocol = PROTOCOL_UDP,
                             .label = (uint8_t)(rng_below(&rng, 20) == 0 ? 1 + h % 2 : 0) };
        char line[UGR16_LINE_MAX];
        fwrite(line, 1, ugr16_format(&flow, &labels, line), file);
    }
    ck_assert_int_eq(fclose(file), 0);
    label_list_release(&labels);
    return path;
}

/* Runs a shell command that reads $F and writes $T. */
static void run_command(const char *command, const char *from, const char *to)
{
    char *words = memory_format("F='%s' T='%s'; %s", from, to, command);
    ck_assert_int_eq(system(words), 0);
    free(words);
}

#define TIME                "2016-04-11 00:01:38"
#define FLOW(sa, da, label) TIME ",6.000," sa "," da ",1,2,TCP,.A....,0,64,12,864," label "\n"

/* ---- what comes out ----------------------------------------------------------------------- */

START_TEST(hosts_have_their_flows_in_order)
{
    struct dataset *data = import_well(write_network("network.csv", 40, 1), &everything);
    ck_assert_uint_eq(data->n_hosts, 40);
    uint64_t n_by_type[N_HOST_TYPES] = { 0 };
    size_t first = 0;
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct host *host = &data->hosts[h];
        ck_assert_uint_eq(host->first, first);
        first += host->n_flows;
        ck_assert(h == 0 || host->address > data->hosts[h - 1].address);
        ck_assert_int_eq((int)host->type, (int)(host->address % 4));
        n_by_type[host->type]++;
        for (size_t i = host->first; i < first; i++) {
            const struct flow *flow = &data->flows[i];
            uint32_t owner;
            ck_assert(dataset_flow_host(&data->monitored, flow, &owner));
            ck_assert_uint_eq(owner, host->address);
            if (i > host->first) {
                const struct flow *before = &data->flows[i - 1];
                ck_assert_int_ge(flow->end, before->end);
                /* The packets number the rows of the file. */
                if (flow->end == before->end)
                    ck_assert_uint_gt(flow->packets, before->packets);
            }
        }
    }
    for (int type = 0; type < N_HOST_TYPES; type++)
        ck_assert_uint_eq(n_by_type[type], 10);
    ck_assert_uint_eq(first, data->n_flows);
    ck_assert_str_eq(data->labels.names[0], "background");
    dataset_free(data);
}
END_TEST

START_TEST(encodings_and_threads_change_nothing)
{
    const char *plain = write_network("network.csv", 120, 2);
    const char *gzip = testing_path("network.csv.gz"), *zstd = testing_path("network.csv.zst");
    run_command("gzip -1 < $F > $T", plain, gzip);
    run_command("zstd -q < $F > $T", plain, zstd);
    struct dataset *expected = import_well(plain, &everything);
    ck_assert_uint_gt(expected->n_flows, 20000);
    const char *paths[] = { plain, gzip, zstd, "-" };
    for (size_t p = 0; p < ARRAY_LEN(paths); p++) {
        for (int n_threads = 1; n_threads <= 3; n_threads++) {
            /* Counted first: standard input is a file and is read twice as well. */
            for (int is_counted = 0; is_counted < 2; is_counted++) {
                int fd = open(plain, O_RDONLY);
                ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
                close(fd);
                struct import_settings settings = everything;
                settings.min_flows = is_counted;
                threads_set(n_threads);
                struct dataset *data = import_well(paths[p], &settings);
                check_equal(data, expected);
                dataset_free(data);
            }
        }
    }
    dataset_free(expected);
}
END_TEST

START_TEST(files_are_read_one_after_another)
{
    struct error err = { 0 };
    const char *paths[] = {
        testing_write("a.csv",
                      FLOW("10.0.0.1", "1.1.1.1", "second") FLOW("10.0.0.1", "1.1.1.2", "first")),
        testing_write("b.csv", UGR16_HEADER FLOW("10.0.0.1", "1.1.1.3", "first") "junk\n"),
        testing_write("c.csv", ""),
    };
    struct dataset *data;
    struct import_report report;
    assert_ok(import_flows(paths, 3, &everything, &data, &report, &err), err);
    check_sums(&report);
    ck_assert_uint_eq(data->n_flows, 3);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(data->flows[i].destination, 0x01010101 + i);
    ck_assert_str_eq(data->labels.names[0], "second");
    ck_assert_str_eq(data->labels.names[1], "first");
    testing_assert_words(data->source, "a.csv and 2 more");
    ck_assert_str_eq(report.file_of[BAD_COLUMN_COUNT], paths[1]);
    ck_assert_uint_eq(report.lines[BAD_COLUMN_COUNT][0], 3);
    dataset_free(data);
}
END_TEST

START_TEST(both_sides_one_side_no_side)
{
    const char *path = testing_write(
        "sides.csv", FLOW("10.0.0.2", "10.0.0.1", "x") FLOW("10.0.0.1", "10.0.0.1", "x")
                         FLOW("1.1.1.1", "10.0.0.2", "x") FLOW("1.1.1.1", "2.2.2.2", "x")
                             FLOW("0.0.0.0", "255.255.255.255", "x"));
    struct dataset *data = import_well(path, &everything);
    ck_assert_uint_eq(data->n_hosts, 2);
    ck_assert_uint_eq(data->n_rows_elsewhere, 2);
    ck_assert_int_eq(data->hosts[0].type, HOST_INTERNAL);
    ck_assert_uint_eq(data->hosts[0].n_flows, 2);
    ck_assert_int_eq(data->hosts[1].type, HOST_RECEIVES);
    dataset_free(data);

    struct import_settings internal = everything;
    internal.type = HOST_INTERNAL;
    data = import_well(path, &internal);
    ck_assert_uint_eq(data->n_hosts, 1);
    ck_assert_uint_eq(data->n_flows, 2);
    ck_assert_uint_eq(data->n_rows_elsewhere, 3);
    dataset_free(data);
}
END_TEST

/* ---- bad rows ----------------------------------------------------------------------------- */

/* Mutated rows, against a plain loop over the lines of the file. */
START_TEST(junk_is_counted_by_kind_and_line)
{
    const char *clean = write_network("clean.csv", 60, 3), *path = testing_path("junk.csv");
    FILE *in = fopen(clean, "re"), *out = fopen(path, "we");
    struct rng rng = rng_stream(4, RNG_TEST, 0, 0);
    struct ugr16_reader reader = { 0 };
    uint64_t n_by_fault[UGR16_FINE + 1] = { 0 }, n_rows = 0, n_time_lines = 0, line_number = 0;
    uint64_t first_times[BAD_LINES_KEPT] = { 0 };
    char line[2 * UGR16_LINE_MAX];
    while (fgets(line, UGR16_LINE_MAX, in) != NULL) {
        size_t n = strlen(line) - 1;
        if (rng_below(&rng, 10) == 0)
            line[rng_below(&rng, n)] = "0123456789,.-:x/\xff"[rng_below(&rng, 17)];
        if (rng_below(&rng, 50) == 0)
            n = (size_t)rng_below(&rng, n);
        line[n] = '\n';
        fwrite(line, 1, n + 1, out);
        line_number++;
        if (n == 0)
            continue;
        n_rows++;
        struct flow flow;
        struct ugr16_label label;
        enum ugr16_column fault = ugr16_parse(&reader, line, n, &flow, &label);
        n_by_fault[fault]++;
        if (fault == UGR16_TE && n_time_lines < BAD_LINES_KEPT)
            first_times[n_time_lines++] = line_number;
    }
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);

    struct error err = { 0 };
    struct dataset *data;
    struct import_report report;
    assert_ok(import_one(path, &everything, &data, &report, &err), err);
    check_sums(&report);
    ck_assert_uint_eq(report.n_rows_read, n_rows);
    ck_assert_uint_eq(report.n_rows_kept + report.n_rows_elsewhere, n_by_fault[UGR16_FINE]);
    ck_assert_uint_eq(report.n_refused[BAD_COLUMN_COUNT], n_by_fault[UGR16_COLUMN_COUNT]);
    ck_assert_uint_eq(report.n_refused[BAD_TIME], n_by_fault[UGR16_TE]);
    ck_assert_uint_eq(report.n_refused[BAD_ADDRESS], n_by_fault[UGR16_SA] + n_by_fault[UGR16_DA]);
    ck_assert_uint_eq(report.n_refused[BAD_PORT], n_by_fault[UGR16_SP] + n_by_fault[UGR16_DP]);
    ck_assert_uint_gt(report.n_refused[BAD_TIME], BAD_LINES_KEPT);
    ck_assert_mem_eq(report.lines[BAD_TIME], first_times, sizeof first_times);
    ck_assert_str_eq(report.file_of[BAD_TIME], path);
    for (size_t i = 1; i < BAD_LINES_KEPT; i++)
        ck_assert_uint_gt(report.lines[BAD_ADDRESS][i], report.lines[BAD_ADDRESS][i - 1]);
    dataset_free(data);
}
END_TEST

START_TEST(strict_stops_at_the_first_bad_row)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        { FLOW("10.0.0.1", "1.1.1.1", "x") "\n" TIME
                                           ",6.000,1.2.3.4,5.6.7.8,70000,2,TCP,.A....,0,64,12,864,x"
                                           "\njunk\n",
          "strict.csv:3: column 5 (sp) is \"70000\", not a port 0..65535" },
        { UGR16_HEADER "junk\n" TIME ",x\n", "strict.csv:2: 1 column, not the 13" },
        { TIME ",-1,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,12,864,x",
          "strict.csv:1: column 2 (td) is \"-1\", not a duration" },
    };
    struct import_settings strict = everything;
    strict.strict = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int is_counted = 0; is_counted < 2; is_counted++) {
            struct error err = { 0 };
            struct dataset *data;
            struct import_report report;
            strict.min_flows = is_counted;
            assert_fails(import_one(testing_write("strict.csv", cases[i].text), &strict, &data,
                                    &report, &err),
                         STATUS_FORMAT, err, cases[i].words);
            ck_assert_ptr_null(data);
        }
    }
    strict.min_flows = 0;
    struct dataset *data = import_well(write_network("network.csv", 20, 5), &strict);
    dataset_free(data);
}
END_TEST

START_TEST(files_without_flows_are_told)
{
    static const char *const texts[] = { "",       "\n\n",   UGR16_HEADER,
                                         "junk\n", "\0\0\0", FLOW("11.0.0.1", "1.1.1.1", "x") };
    for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
        for (int is_counted = 0; is_counted < 2; is_counted++) {
            struct error err = { 0 };
            struct dataset *data;
            struct import_report report;
            struct import_settings settings = everything;
            settings.min_flows = is_counted;
            assert_fails(
                import_one(testing_write("none.csv", texts[t]), &settings, &data, &report, &err),
                STATUS_FORMAT, err, "none.csv: no flow of the chosen hosts");
        }
    }
}
END_TEST

START_TEST(labels_without_end_are_told)
{
    const char *path = testing_path("labels.csv");
    for (int n = LABELS_MAX; n <= LABELS_MAX + 1; n++) {
        FILE *file = fopen(path, "we");
        /* What nobody keeps does not count. */
        for (int i = 0; i < n; i++)
            fprintf(file, FLOW("10.0.0.1", "1.1.1.1", "label-%d") FLOW("11.0.0.1", "1.1.1.1", "%d"),
                    i, i);
        ck_assert_int_eq(fclose(file), 0);
        struct error err = { 0 };
        struct dataset *data;
        struct import_report report;
        enum status status = import_one(path, &everything, &data, &report, &err);
        if (n == LABELS_MAX) {
            assert_ok(status, err);
            ck_assert_uint_eq(data->labels.n, LABELS_MAX);
            ck_assert_str_eq(data->labels.names[254], "label-254");
        } else {
            assert_fails(status, STATUS_FORMAT, err, "\"label-255\" is one too many");
        }
        dataset_free(data);
    }
}
END_TEST

/* ---- choosing hosts ----------------------------------------------------------------------- */

/* The chosen hosts, as two passes keep them, have what one pass gives them. */
static void check_choice(const struct dataset *all, const struct dataset *chosen)
{
    for (size_t h = 0; h < chosen->n_hosts; h++) {
        const struct host *host = &chosen->hosts[h];
        const struct host *same = dataset_find_host(all, host->address);
        ck_assert_ptr_nonnull(same);
        ck_assert_uint_eq(host->n_flows, same->n_flows);
        ck_assert_int_eq(host->type, same->type);
        check_same_flows(chosen, chosen->flows + host->first, all, all->flows + same->first,
                         host->n_flows);
    }
    ck_assert_uint_eq(chosen->n_rows_read, all->n_rows_read);
    ck_assert_uint_eq(chosen->n_rows_elsewhere + chosen->n_flows,
                      all->n_rows_elsewhere + all->n_flows);
}

static size_t rank_by_flows(const struct dataset *data, const struct host *host)
{
    size_t rank = 0;
    for (size_t h = 0; h < data->n_hosts; h++)
        rank += data->hosts[h].n_flows > host->n_flows ||
                (data->hosts[h].n_flows == host->n_flows && data->hosts[h].address < host->address);
    return rank;
}

START_TEST(hosts_are_chosen_by_what_they_do)
{
    const char *path = write_network("network.csv", 60, 6);
    struct dataset *all = import_well(path, &everything);
    struct import_settings settings = everything;

    settings.type = HOST_SENDS;
    struct dataset *data = import_well(path, &settings);
    check_choice(all, data);
    ck_assert_uint_eq(data->n_hosts, 15);
    for (size_t h = 0; h < data->n_hosts; h++)
        ck_assert_int_eq(data->hosts[h].type, HOST_SENDS);
    dataset_free(data);

    settings = everything;
    settings.min_flows = 50;
    settings.max_flows = 100;
    data = import_well(path, &settings);
    check_choice(all, data);
    size_t n_expected = 0;
    for (size_t h = 0; h < all->n_hosts; h++)
        n_expected += all->hosts[h].n_flows >= 50 && all->hosts[h].n_flows <= 100;
    ck_assert_uint_gt(n_expected, 3);
    ck_assert_uint_eq(data->n_hosts, n_expected);

    /* First by number of flows, then the top of those. */
    settings.top = 3;
    dataset_free(data);
    data = import_well(path, &settings);
    check_choice(all, data);
    ck_assert_uint_eq(data->n_hosts, 3);
    for (size_t h = 0; h < data->n_hosts; h++)
        ck_assert_uint_le(data->hosts[h].n_flows, 100);
    dataset_free(data);

    settings = everything;
    settings.top = 7;
    data = import_well(path, &settings);
    check_choice(all, data);
    ck_assert_uint_eq(data->n_hosts, 7);
    for (size_t h = 0; h < data->n_hosts; h++)
        ck_assert_uint_lt(rank_by_flows(all, &data->hosts[h]), 7);
    dataset_free(data);
    dataset_free(all);
}
END_TEST

START_TEST(hosts_are_drawn_from_the_middle_half)
{
    const char *path = write_network("network.csv", 60, 7);
    struct dataset *all = import_well(path, &everything);
    struct import_settings settings = everything;
    int n_drawn[60] = { 0 };
    settings.limit_hosts = 10;
    uint32_t first_addresses[10];
    for (settings.seed = 1; settings.seed <= 40; settings.seed++) {
        struct dataset *data = import_well(path, &settings);
        check_choice(all, data);
        ck_assert_uint_eq(data->n_hosts, 10);
        for (size_t h = 0; h < 10; h++) {
            size_t rank = rank_by_flows(all, &data->hosts[h]);
            ck_assert(rank >= 15 && rank < 45);
            n_drawn[rank]++;
            if (settings.seed == 1)
                first_addresses[h] = data->hosts[h].address;
        }
        dataset_free(data);
    }
    for (size_t rank = 15; rank < 45; rank++)
        ck_assert_int_gt(n_drawn[rank], 0);

    settings.seed = 1;
    struct dataset *again = import_well(path, &settings);
    for (size_t h = 0; h < 10; h++)
        ck_assert_uint_eq(again->hosts[h].address, first_addresses[h]);
    dataset_free(again);

    settings.limit_hosts = 1000;
    struct dataset *middle = import_well(path, &settings);
    ck_assert_uint_eq(middle->n_hosts, 30);
    dataset_free(middle);
    dataset_free(all);
}
END_TEST

START_TEST(hosts_are_given_as_a_list)
{
    const char *path = write_network("network.csv", 30, 8);
    const char *file = testing_write("hosts.txt", "10.0.0.4 # one\n10.0.0.0/31\n");
    char *at_file = memory_format("@%s", file);
    const char *words[] = { "10.0.0.8,10.0.0.9", at_file };
    struct import_settings settings = everything;
    settings.hosts = (struct text_list){ words, 2 };
    struct dataset *data = import_well(path, &settings);
    static const uint32_t expected[] = { 0, 1, 4, 8, 9 };
    ck_assert_uint_eq(data->n_hosts, 5);
    for (size_t h = 0; h < 5; h++)
        ck_assert_uint_eq(data->hosts[h].address, UINT32_C(10) << 24 | expected[h]);
    ck_assert_uint_eq(address_set_size(&data->monitored), 5);
    dataset_free(data);
    free(at_file);
}
END_TEST

START_TEST(wrong_choices_are_told)
{
    const char *path = write_network("network.csv", 30, 9);
    struct error err = { 0 };
    struct dataset *data;
    struct import_report report;
    struct import_settings settings = everything;
    settings.min_flows = 1000000;
    assert_fails(import_one(path, &settings, &data, &report, &err), STATUS_FORMAT, err,
                 "of 30 hosts with flows none is left");
    const char *words[] = { "10.0.0.0/40" };
    settings.hosts = (struct text_list){ words, 1 };
    assert_fails(import_one(path, &settings, &data, &report, &err), STATUS_USAGE, err,
                 "0 to 32 bits");
    words[0] = " , ";
    assert_fails(import_one(path, &settings, &data, &report, &err), STATUS_USAGE, err,
                 "--hosts names no host");
    settings.hosts = (struct text_list){ 0 };
    assert_fails(import_one(path, &settings, &data, &report, &err), STATUS_USAGE, err,
                 "say which hosts are yours with --hosts; 10.0.0.0/24 is on one side or both of");
    assert_fails(import_one(testing_write("junk", "junk\n"), &settings, &data, &report, &err),
                 STATUS_FORMAT, err, "none of the first 1 rows is a flow");
    const char *twice[] = { "-", "-" };
    assert_fails(import_flows(twice, 2, &everything, &data, &report, &err), STATUS_USAGE, err,
                 "standard input can be read only once");
    const char *missing[] = { path, "/nonexistent/b.csv" };
    assert_fails(import_flows(missing, 2, &everything, &data, &report, &err), STATUS_IO, err,
                 "cannot read /nonexistent/b.csv");
}
END_TEST

START_TEST(an_interrupt_ends_it)
{
    struct error err = { 0 };
    struct dataset *data;
    struct import_report report;
    const char *path = write_network("network.csv", 30, 10);
    interrupt_install();
    raise(SIGINT);
    assert_fails(import_one(path, &everything, &data, &report, &err), STATUS_INTERRUPTED, err,
                 "interrupted while reading");
    ck_assert_ptr_null(data);
}
END_TEST

/* ---- the real day ------------------------------------------------------------------------- */

/* Bytes flipped and lost anywhere: every row is still kept, refused or elsewhere, and what is kept
 * is legal, as writing it and reading it again shows. */
START_TEST(damaged_files_lose_no_row)
{
    enum { N_TRIALS = 150, SIZE_MAX_OF_FILE = 1 << 16 };
    const char *path = write_network("whole.csv", 12, 9), *damaged = testing_path("damaged.csv");
    unsigned char bytes[SIZE_MAX_OF_FILE];
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t n_bytes = fread(bytes, 1, sizeof bytes, file), n_kept = 0;
    ck_assert(n_bytes > 10000 && n_bytes < sizeof bytes);
    fclose(file);
    struct rng rng = rng_stream(5, RNG_TEST, 0, 0);
    for (int trial = 0; trial < N_TRIALS; trial++) {
        for (int i = 0; i < 3; i++)
            bytes[rng_below(&rng, n_bytes)] = (unsigned char)rng_below(&rng, 256);
        file = fopen(damaged, "we");
        ck_assert_ptr_nonnull(file);
        fwrite(bytes, 1, trial % 5 == 4 ? rng_below(&rng, n_bytes) : n_bytes, file);
        fclose(file);
        struct dataset *data, *again;
        struct import_report report;
        struct error err;
        if (import_one(damaged, &everything, &data, &report, &err) != STATUS_OK) {
            testing_assert_words(err.message, "damaged.csv");
            continue;
        }
        check_sums(&report);
        n_kept += report.n_rows_kept;
        again = import_well(write_flows("again.csv", data), &everything);
        ck_assert_uint_eq(again->n_rows_refused, 0);
        ck_assert_uint_eq(again->n_flows, data->n_flows);
        check_same_flows(data, data->flows, again, again->flows, data->n_flows);
        dataset_free(data);
        dataset_free(again);
    }
    ck_assert_uint_gt(n_kept, N_TRIALS * 20);
}
END_TEST

/* FNV-1a (Fowler, Noll, Vo), 64 bits. */
static uint64_t hash_of(const char *text, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Every line of the day comes out as it went in: lines are compared as a multiset, by the sum and
 * the sum of squares of their hashes, as the dataset has them in another order. */
START_TEST(the_real_day_comes_out_as_it_went_in)
{
    const char *path = testing_real_data();
    if (path == NULL) {
        testing_skip("the_real_day_comes_out_as_it_went_in", "no real data");
        return;
    }
    const char *prefix[] = { "42.219.0.0/16" };
    struct import_settings settings = { .hosts = { prefix, 1 }, .type = N_HOST_TYPES };
    struct dataset *data = import_well(path, &settings);
    ck_assert_uint_eq(data->n_rows_read, 995485);
    ck_assert_uint_eq(data->n_rows_refused, 0);
    ck_assert_uint_eq(data->n_flows, 995485);

    struct error err = { 0 };
    struct text_source *source;
    assert_ok(text_source_open(&source, path, false, &err), err);
    size_t capacity = 128 << 20, n;
    char *text = memory_alloc(capacity, 1);
    assert_ok(text_source_read(source, text, capacity, &n, &err), err);
    ck_assert_uint_lt(n, capacity);
    text_source_close(source);

    uint64_t sum = 0, squares = 0, n_lines = 0;
    for (const char *line = text, *newline; line < text + n; line = newline + 1) {
        newline = memchr(line, '\n', (size_t)(text + n - line));
        uint64_t hash = hash_of(line, (size_t)(newline - line) + 1);
        sum += hash;
        squares += hash * hash;
        n_lines++;
    }
    ck_assert_uint_eq(n_lines, data->n_flows);
    for (size_t i = 0; i < data->n_flows; i++) {
        char line[UGR16_LINE_MAX];
        uint64_t hash = hash_of(line, ugr16_format(&data->flows[i], &data->labels, line));
        sum -= hash;
        squares -= hash * hash;
    }
    ck_assert_uint_eq(sum, 0);
    ck_assert_uint_eq(squares, 0);
    free(text);
    dataset_free(data);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/import");
    testing_add(suite, hosts_have_their_flows_in_order);
    testing_add(suite, encodings_and_threads_change_nothing);
    testing_add(suite, files_are_read_one_after_another);
    testing_add(suite, both_sides_one_side_no_side);
    testing_add(suite, junk_is_counted_by_kind_and_line);
    testing_add(suite, strict_stops_at_the_first_bad_row);
    testing_add(suite, files_without_flows_are_told);
    testing_add(suite, labels_without_end_are_told);
    testing_add(suite, hosts_are_chosen_by_what_they_do);
    testing_add(suite, hosts_are_drawn_from_the_middle_half);
    testing_add(suite, hosts_are_given_as_a_list);
    testing_add(suite, wrong_choices_are_told);
    testing_add(suite, an_interrupt_ends_it);
    testing_add(suite, damaged_files_lose_no_row);
    testing_add(suite, the_real_day_comes_out_as_it_went_in);
    return suite;
}
