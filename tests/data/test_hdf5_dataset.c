#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/calendar.h"
#include "data/coding.h"
#include "data/hdf5_dataset.h"
#include "data/hdf5_file.h"
#include "data_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool same_flow(const struct flow *a, const struct flow *b)
{
    return a->end == b->end && a->packets == b->packets && a->bytes == b->bytes &&
           a->duration == b->duration && a->source == b->source &&
           a->destination == b->destination && a->source_port == b->source_port &&
           a->destination_port == b->destination_port && a->protocol == b->protocol &&
           a->flags == b->flags && a->forwarding == b->forwarding && a->tos == b->tos &&
           a->label == b->label;
}

static bool same_host(const struct host *a, const struct host *b)
{
    return a->address == b->address && a->type == b->type && a->first == b->first &&
           a->n_flows == b->n_flows;
}

static bool same_dataset(const struct dataset *a, const struct dataset *b)
{
    bool same = strcmp(a->source, b->source) == 0 && a->n_flows == b->n_flows &&
                a->n_hosts == b->n_hosts && a->labels.n == b->labels.n &&
                a->attributes == b->attributes && a->start == b->start && a->end == b->end &&
                a->n_rows_read == b->n_rows_read && a->n_rows_refused == b->n_rows_refused &&
                a->n_rows_elsewhere == b->n_rows_elsewhere;
    for (size_t i = 0; same && i < a->n_flows; i++)
        same = same_flow(&a->flows[i], &b->flows[i]);
    for (size_t h = 0; same && h < a->n_hosts; h++)
        same = same_host(&a->hosts[h], &b->hosts[h]);
    for (size_t l = 0; same && l < a->labels.n; l++)
        same = strcmp(a->labels.names[l], b->labels.names[l]) == 0;
    char *monitored_a = address_set_text(&a->monitored);
    char *monitored_b = address_set_text(&b->monitored);
    same = same && strcmp(monitored_a, monitored_b) == 0;
    free(monitored_a);
    free(monitored_b);
    return same;
}

static struct dataset *make(size_t n_flows)
{
    struct dataset *data = fixture_dataset(5, 7, n_flows, 3600);
    data->n_rows_read = n_flows + 30;
    data->n_rows_refused = 10;
    data->n_rows_elsewhere = 20;
    return data;
}

/* One flow, less than a chunk, and a file of several chunks a column. */
static const size_t n_flows_cases[] = { 1, 100, 65536, 200000 };

START_TEST(datasets_come_back_bit_for_bit)
{
    struct error err;
    struct dataset *data = make(n_flows_cases[_i]), *again = NULL;
    const char *path = testing_path("day.h5");
    assert_ok(hdf5_dataset_write(data, path, &err), err);
    assert_ok(hdf5_dataset_read(path, &again, &err), err);
    ck_assert(same_dataset(data, again));
    /* Writing is repeatable as well: there is no clock in the file, which counts seconds. */
    if (_i == 0)
        sleep(1);
    const char *second = testing_path("second.h5");
    assert_ok(hdf5_dataset_write(again, second, &err), err);
    char command[600];
    snprintf(command, sizeof command, "cmp %s %s", path, second);
    ck_assert_int_eq(system(command), 0);
    dataset_free(data);
    dataset_free(again);
}
END_TEST

START_TEST(attributes_that_a_format_lacks_stay_missing)
{
    struct error err;
    struct dataset *data = make(50), *again = NULL;
    data->attributes = ATTRIBUTES_ALL &
                       ~(ATTRIBUTE_BIT(ATTRIBUTE_FLAGS) | ATTRIBUTE_BIT(ATTRIBUTE_GAP));
    label_list_release(&data->labels);
    for (size_t i = 0; i < data->n_flows; i++)
        data->flows[i].label = 0;
    assert_ok(hdf5_dataset_write(data, testing_path("few.h5"), &err), err);
    assert_ok(hdf5_dataset_read(testing_path("few.h5"), &again, &err), err);
    ck_assert(same_dataset(data, again));
    dataset_free(data);
    dataset_free(again);
}
END_TEST

/* What is written although it does not fit together is refused when it is read. */
static void second_flow_is_earlier(struct dataset *data)
{
    data->flows[1].end = data->flows[0].end - 1;
}
static void flow_is_late(struct dataset *data)
{
    data->end = data->flows[data->hosts[0].n_flows - 1].end;
}
static void flow_is_foreign(struct dataset *data)
{
    data->flows[3].source = data->flows[3].destination = 1;
}
static void no_packets(struct dataset *data)
{
    data->flows[3].packets = 0;
}
static void too_many_bytes(struct dataset *data)
{
    data->flows[3].bytes = UINT64_MAX;
}
static void label_has_no_name(struct dataset *data)
{
    data->flows[3].label = 77;
}
static void hosts_are_not_sorted(struct dataset *data)
{
    data->hosts[1].address = data->hosts[0].address;
}
static void host_type_is_unknown(struct dataset *data)
{
    data->hosts[1].type = N_HOST_TYPES;
}
static void host_is_too_long(struct dataset *data)
{
    data->hosts[1].n_flows++;
}
static void last_host_is_missing(struct dataset *data)
{
    data->n_hosts--;
}
static void no_host(struct dataset *data)
{
    data->n_hosts = 0;
}
static void negative_count(struct dataset *data)
{
    data->n_rows_read = UINT64_MAX;
}

static const struct {
    void (*spoil)(struct dataset *data);
    const char *words;
} faults[] = {
    { second_flow_is_earlier, "flow 1 ends before the one before it" },
    { flow_is_late, "ends outside of the dataset's period" },
    { flow_is_foreign, "flow 3 is not its host's" },
    { no_packets, "flow 3 has no legal number of packets" },
    { too_many_bytes, "flow 3 has a negative number of bytes" },
    { label_has_no_name, "flow 3 has a label without a name" },
    { hosts_are_not_sorted, "row 1 of the host table does not fit" },
    { host_type_is_unknown, "row 1 of the host table does not fit" },
    { host_is_too_long, "row 2 of the host table does not fit" },
    { last_host_is_missing, "but the file has 100" },
    { no_host, "has no hosts" },
    { negative_count, "rows_read is negative" },
};

START_TEST(what_does_not_fit_together_is_refused)
{
    struct error err;
    struct dataset *data = make(100), *again = NULL;
    faults[_i].spoil(data);
    assert_ok(hdf5_dataset_write(data, testing_path("spoilt.h5"), &err), err);
    assert_fails(hdf5_dataset_read(testing_path("spoilt.h5"), &again, &err), STATUS_FORMAT, err,
                 faults[_i].words);
    testing_assert_words(err.message, "spoilt.h5");
    dataset_free(data);
}
END_TEST

static void write_head(const char *path, const char *format, int64_t version, const char *monitored)
{
    struct error err;
    struct hdf5_group *file = NULL;
    assert_ok(hdf5_file_create(path, &file, &err), err);
    if (format != NULL)
        assert_ok(hdf5_write_text(file, "format", format, &err), err);
    assert_ok(hdf5_write_integer(file, "version", version, &err), err);
    assert_ok(hdf5_write_text(file, "source", "x", &err), err);
    static const char *const numbers[] = { "start", "end", "rows_read", "rows_refused",
                                           "rows_elsewhere" };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        assert_ok(hdf5_write_integer(file, numbers[i], 0, &err), err);
    if (monitored != NULL) {
        assert_ok(hdf5_write_text(file, "monitored", monitored, &err), err);
        assert_ok(hdf5_write_text(file, "attributes", "gap weather", &err), err);
    }
    assert_ok(hdf5_group_close(file, &err), err);
}

START_TEST(other_files_are_refused)
{
    struct error err;
    struct dataset *data = NULL;
    const char *path = testing_path("other.h5");
    assert_fails(hdf5_dataset_read(path, &data, &err), STATUS_IO, err, "No such file");
    write_head(path, NULL, 1, NULL);
    assert_fails(hdf5_dataset_read(path, &data, &err), STATUS_FORMAT, err,
                 "other.h5 was not written by flowtwin");
    write_head(path, "flowtwin-model", 1, NULL);
    assert_fails(hdf5_dataset_read(path, &data, &err), STATUS_FORMAT, err,
                 "other.h5 is no dataset: its format is flowtwin-model");
    write_head(path, "flowtwin-dataset", 2, NULL);
    assert_fails(hdf5_dataset_read(path, &data, &err), STATUS_FORMAT, err,
                 "is a dataset of version 2; this program reads version 1");
    write_head(path, "flowtwin-dataset", 1, NULL);
    assert_fails(hdf5_dataset_read(path, &data, &err), STATUS_FORMAT, err,
                 "has no attribute monitored");
    write_head(path, "flowtwin-dataset", 1, "@/etc/passwd");
    assert_fails(hdf5_dataset_read(path, &data, &err), STATUS_FORMAT, err, "no set of addresses");
    write_head(path, "flowtwin-dataset", 1, "10.0.0.0/99");
    assert_fails(hdf5_dataset_read(path, &data, &err), STATUS_FORMAT, err, "monitored: ");
    write_head(path, "flowtwin-dataset", 1, "10.0.0.0/8");
    assert_fails(hdf5_dataset_read(path, &data, &err), STATUS_FORMAT, err, "unknown here: weather");
}
END_TEST

START_TEST(a_failed_write_leaves_nothing)
{
    struct error err;
    struct dataset *data = make(10);
    assert_fails(hdf5_dataset_write(data, "/nowhere/day.h5", &err), STATUS_IO, err,
                 "/nowhere/day.h5");
    assert_fails(hdf5_dataset_write(data, "/tmp", &err), STATUS_IO, err, "/tmp is a folder");
    dataset_free(data);
}
END_TEST

/* HDF5 1.10 forgets memory of its own when it meets a damaged file: no leak of ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* A file that was flipped somewhere or cut short is an error, or says the same as before; it never
 * is another dataset, and never ends the program. */
START_TEST(damage_is_an_error_or_does_not_matter)
{
    enum { N_TRIALS = 400 };
    struct error err;
    struct dataset *data = make(1500), *again = NULL;
    const char *path = testing_path("whole.h5"), *damaged = testing_path("damaged.h5");
    assert_ok(hdf5_dataset_write(data, path, &err), err);
    FILE *file = fopen(path, "rbe");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    size_t n_bytes = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = memory_alloc(n_bytes, 1);
    ck_assert_uint_eq(fread(bytes, 1, n_bytes, file), n_bytes);
    fclose(file);

    struct rng rng = rng_stream(17, RNG_TEST, 0, 0);
    size_t n_refused = 0;
    for (int trial = 0; trial < N_TRIALS; trial++) {
        size_t kept = n_bytes, place = rng_below(&rng, n_bytes);
        unsigned char old = bytes[place];
        if (trial % 4 == 0)
            kept = place;
        else
            bytes[place] ^= (unsigned char)(1 + rng_below(&rng, 255));
        file = fopen(damaged, "wbe");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(bytes, 1, kept, file), kept);
        fclose(file);
        bytes[place] = old;

        if (hdf5_dataset_read(damaged, &again, &err) == STATUS_OK) {
            ck_assert_msg(same_dataset(data, again), "trial %d, byte %zu of %zu", trial, place,
                          n_bytes);
            dataset_free(again);
        } else {
            testing_assert_words(err.message, "damaged.h5");
            n_refused++;
        }
    }
    /* All that were cut short and most of the others: some bytes of the file are not used. */
    ck_assert_uint_gt(n_refused, N_TRIALS / 2);
    free(bytes);
    dataset_free(data);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/hdf5_dataset");
    testing_add_loop(suite, datasets_come_back_bit_for_bit, ARRAY_LEN(n_flows_cases));
    testing_add(suite, attributes_that_a_format_lacks_stay_missing);
    testing_add_loop(suite, what_does_not_fit_together_is_refused, ARRAY_LEN(faults));
    testing_add(suite, other_files_are_refused);
    testing_add(suite, a_failed_write_leaves_nothing);
    testing_add(suite, damage_is_an_error_or_does_not_matter);
    return suite;
}
