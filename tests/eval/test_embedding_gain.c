#include "eval_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/threads.h"
#include "eval/forecast_gain.h"

#include <stdlib.h>

enum { N_HOSTS = 4, N_ROWS = 100, WIDTH = 3, N_PORTS = 300 };

/* Many ports, each of one protocol: what is seen of some says nothing about the others. */
static int64_t protocol_of(int64_t port)
{
    return (port * 7919 >> 3) % 3 == 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
}

static struct row *make_rows(uint64_t seed)
{
    struct row *rows = memory_alloc(N_HOSTS * N_ROWS, sizeof *rows);
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    for (size_t i = 0; i < N_HOSTS * N_ROWS; i++) {
        int64_t port = 1000 + (int64_t)rng_below(&rng, N_PORTS);
        rows[i] = fixture_row();
        rows[i].value[ATTRIBUTE_REMOTE_PORT] = port;
        rows[i].value[ATTRIBUTE_PROTOCOL] = protocol_of(port);
    }
    return rows;
}

/* Vectors that know (or not) what the ports are of. */
static void make_table(struct embedding_table *table, const char *name, bool knows)
{
    *table = (struct embedding_table){ .name = name, .n = N_PORTS, .width = WIDTH };
    table->values = memory_alloc(N_PORTS, sizeof *table->values);
    table->vectors = memory_zalloc(N_PORTS * WIDTH, sizeof *table->vectors);
    struct rng rng = rng_stream(5, RNG_TEST, 0, 0);
    for (int i = 0; i < N_PORTS; i++) {
        table->values[i] = 1000 + i;
        for (int k = 0; k < WIDTH; k++)
            table->vectors[i * WIDTH + k] = rng_normal(&rng);
        if (knows)
            table->vectors[i * WIDTH] = protocol_of(1000 + i) == PROTOCOL_TCP ? 2.0 : -2.0;
    }
}

/* Training flows and others, as `make` has them. */
struct fixture {
    struct row *rows[2];
    struct sequence_set *sets[2];
    struct traffic *traffic[2];
};

static struct fixture make_fixture(struct row *make(uint64_t seed), size_t n_rows_of_host)
{
    struct fixture fixture;
    size_t n_rows[N_HOSTS];
    for (int h = 0; h < N_HOSTS; h++)
        n_rows[h] = n_rows_of_host;
    for (int s = 0; s < 2; s++) {
        fixture.rows[s] = make((uint64_t)s);
        fixture.sets[s] = fixture_set(fixture.rows[s], n_rows, N_HOSTS);
        fixture.traffic[s] = traffic_create(fixture.sets[s]);
    }
    threads_set(2);
    return fixture;
}

static void free_fixture(struct fixture *fixture)
{
    for (int s = 0; s < 2; s++) {
        traffic_free(fixture->traffic[s]);
        fixture_set_free(fixture->sets[s]);
        free(fixture->rows[s]);
    }
}

/* Tables of both ports, where only that of the remote ones may know. */
static struct embedding_set make_set(bool knows)
{
    struct embedding_set set = { .tables = memory_alloc(2, sizeof *set.tables), .n = 2 };
    make_table(&set.tables[0], "local_port", false);
    make_table(&set.tables[1], "remote_port", knows);
    return set;
}

static struct embedding_gain measure(const struct embedding_set *set)
{
    struct fixture fixture = make_fixture(make_rows, N_ROWS);
    struct embedding_gain gain;
    struct error err;
    assert_ok(embedding_gain_measure(&gain, set, fixture.traffic[0], fixture.traffic[1], 1, &err),
              err);
    free_fixture(&fixture);
    return gain;
}

START_TEST(what_an_embedding_knows_is_a_gain)
{
    for (int knows = 0; knows < 2; knows++) {
        struct embedding_set set = make_set(knows);
        struct embedding_gain gain = measure(&set);
        ck_assert(gain.is_measured);
        ck_assert_uint_eq(gain.forecast.n_train, 0); /* it is over before there is an hour */
        ck_assert_uint_eq(gain.n_train[GAIN_FEW], 300);
        ck_assert_uint_eq(gain.n_train[GAIN_MANY], N_HOSTS * N_ROWS);
        const struct host_ratio *f1 = gain.macro_f1[GAIN_FEW];
        const struct host_ratio *more = gain.gain[GAIN_FEW];
        if (knows) {
            ck_assert_double_gt(f1[PORTS_EMBEDDED].mean, 0.98);
            ck_assert_double_gt(more[PORTS_ONE_HOT].mean, 0.1);
            ck_assert_double_gt(more[PORTS_AS_NUMBERS].mean, 0.1);
        } else {
            ck_assert_double_lt(f1[PORTS_EMBEDDED].mean, 0.75);
        }
        assert_near(more[PORTS_ONE_HOT].mean, f1[PORTS_EMBEDDED].mean - f1[PORTS_ONE_HOT].mean,
                    1e-12);
        embedding_set_release(&set);
    }
}
END_TEST

enum { N_BURSTS = 40, FLOWS_OF_BURST = 3 };

/* A burst an hour. The protocol that its ports are of says whether the next one is large; how large
 * it is itself does not. */
static struct row *make_bursts(uint64_t seed)
{
    struct row *rows = memory_alloc(N_HOSTS * N_BURSTS * FLOWS_OF_BURST, sizeof *rows), *row = rows;
    struct rng rng = rng_stream(seed, RNG_TEST, 1, 0);
    for (int h = 0; h < N_HOSTS; h++) {
        bool is_large = false;
        for (int b = 0; b < N_BURSTS; b++) {
            bool next_is_large = rng_below(&rng, 2) == 0;
            for (int i = 0; i < FLOWS_OF_BURST; i++, row++) {
                *row = fixture_row();
                row->value[ATTRIBUTE_GAP] = i > 0 ? 0 : b > 0 ? 3600 : 60;
                row->value[ATTRIBUTE_BYTES] = is_large ? 1000000 : 100;
                do
                    row->value[ATTRIBUTE_REMOTE_PORT] = 1000 + (int64_t)rng_below(&rng, N_PORTS);
                while ((protocol_of(row->value[ATTRIBUTE_REMOTE_PORT]) == PROTOCOL_TCP) !=
                       next_is_large);
            }
            is_large = next_is_large;
        }
    }
    return rows;
}

START_TEST(forecasts_can_gain_too)
{
    struct fixture fixture = make_fixture(make_bursts, N_BURSTS * FLOWS_OF_BURST);
    for (int knows = 0; knows < 2; knows++) {
        struct embedding_set set = make_set(knows);
        struct forecast_gain gain;
        struct error err;
        assert_ok(
            forecast_gain_measure(&gain, &set, fixture.traffic[0], fixture.traffic[1], 1, &err),
            err);
        /* Each slot but those of the first hour, and the last one, which the end cuts. */
        ck_assert_uint_eq(gain.n_train, N_HOSTS * (12 * (N_BURSTS - 1) - 12));
        ck_assert_uint_eq(gain.n_test, gain.n_train);
        double error = gain.mae[PORTS_EMBEDDED][FORECAST_BYTES].mean;
        double without = gain.mae[PORTS_UNSEEN][FORECAST_BYTES].mean;
        double change = gain.change[PORTS_UNSEEN][FORECAST_BYTES].mean;
        assert_near(change, (error - without) / without, 1e-9);
        ck_assert_msg(knows ? change < -0.3 : change > -0.2, "%.3f, %.3f without: %.3f", error,
                      without, change);
        embedding_set_release(&set);
    }
    free_fixture(&fixture);
}
END_TEST

START_TEST(no_ports_no_figure)
{
    struct embedding_set set = { .tables = memory_alloc(1, sizeof *set.tables), .n = 1 };
    make_table(&set.tables[0], "remote", true);
    ck_assert(!measure(&set).is_measured);
    ck_assert_ptr_null(embedding_vector(&set.tables[0], 999));
    ck_assert_ptr_eq(embedding_vector(&set.tables[0], 1001), set.tables[0].vectors + WIDTH);
    embedding_set_release(&set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/embedding_gain");
    testing_add(suite, what_an_embedding_knows_is_a_gain);
    testing_add(suite, forecasts_can_gain_too);
    testing_add(suite, no_ports_no_figure);
    return suite;
}
