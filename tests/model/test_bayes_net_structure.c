#include "testing.h"

#include "base/memory.h"
#include "model/bayes_net_structure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void assert_edges(const struct structure *structure, enum attribute attribute,
                         const char *expected)
{
    char *text = structure_text(structure, attribute);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(edges_are_read_and_written)
{
    struct error err;
    struct structure structure = structure_previous(ATTRIBUTES_ALL);
    assert_edges(&structure, ATTRIBUTE_BYTES, "bytes<-previous.bytes");
    assert_ok(structure_add_text(&structure,
                                 "bytes<-packets+previous.bytes, tos<-,gap<-previous.tos", &err),
              err);
    assert_edges(&structure, ATTRIBUTE_BYTES, "bytes<-packets+previous.bytes");
    assert_edges(&structure, ATTRIBUTE_TOS, "tos<-");
    assert_edges(&structure, ATTRIBUTE_GAP, "gap<-previous.tos");
    assert_edges(&structure, ATTRIBUTE_FLAGS, "flags<-previous.flags");

    /* What the data lacks is passed over. */
    structure = structure_alone(ATTRIBUTE_BIT(ATTRIBUTE_GAP) | ATTRIBUTE_BIT(ATTRIBUTE_BYTES));
    assert_ok(structure_add_text(&structure, "bytes<-packets+gap,tos<-bytes", &err), err);
    assert_edges(&structure, ATTRIBUTE_BYTES, "bytes<-gap");
    assert_ok(structure_sort(&structure, &err), err);
    ck_assert_uint_eq(structure.n_order, 2);
}
END_TEST

static const struct {
    const char *text, *words;
} wrong[] = {
    { "bytes", "not of the form" },
    { "bytes<packets", "not of the form" },
    { "bytes<-packets+", "not of the form" },
    { "byte<-packets", "did you mean bytes" },
    { "bytes<-packet", "did you mean packets" },
    { "bytes<-previous.", "no attribute" },
    { "bytes<-link", "no attribute \"link\"" },
    { "gap<-bytes", "row before only" },
    { "bytes<-packets+packets", "twice" },
    { "bytes<-packets+gap+tos", "more than 2" },
    { "bytes<-packets,packets<-bytes", "depends on itself" },
    { "bytes<-bytes", "depends on itself" },
};

START_TEST(wrong_edges_are_refused)
{
    struct error err;
    struct structure structure = structure_previous(ATTRIBUTES_ALL);
    enum status status = structure_add_text(&structure, wrong[_i].text, &err);
    if (status == STATUS_OK)
        status = structure_sort(&structure, &err);

    assert_fails(status, STATUS_USAGE, err, wrong[_i].words);
}
END_TEST

START_TEST(parents_come_first)
{
    struct error err;
    struct structure structure = structure_previous(ATTRIBUTES_ALL);
    assert_ok(
        structure_add_text(&structure, "remote<-tos,tos<-duration,direction<-remote+bytes", &err),
        err);
    assert_ok(structure_sort(&structure, &err), err);
    ck_assert_uint_eq(structure.n_order, N_CODED);
    uint32_t seen = 0;
    for (size_t i = 0; i < N_CODED; i++) {
        enum attribute a = structure.order[i];
        for (size_t k = 0; k < structure.n_parents[a]; k++)
            ck_assert(structure.parents[a][k].is_previous ||
                      (seen & ATTRIBUTE_BIT(structure.parents[a][k].attribute)) != 0);
        seen |= ATTRIBUTE_BIT(a);
    }
    ck_assert_uint_eq(seen, ATTRIBUTES_ALL);
    ck_assert_int_eq(structure.order[0], ATTRIBUTE_GAP);
}
END_TEST

/* The best of all choices of one parent each that lead to the root. */
static double best_by_force(double weight[STRUCTURE_VERTICES][STRUCTURE_VERTICES], size_t n)
{
    size_t n_choices = 1;
    double best = -1.0;
    for (size_t v = 0; v < n; v++)
        n_choices *= n + 1;
    for (size_t choice = 0; choice < n_choices; choice++) {
        size_t parent[STRUCTURE_VERTICES], rest = choice;
        double sum = 0.0;
        bool is_tree = true;
        for (size_t v = 0; v < n; v++, rest /= n + 1) {
            parent[v] = rest % (n + 1) == n ? STRUCTURE_ROOT : rest % (n + 1);
            sum += weight[v][parent[v]];
            is_tree &= parent[v] != v;
        }
        for (size_t v = 0; v < n && is_tree; v++) {
            size_t u = v, n_steps = 0;
            while (u != STRUCTURE_ROOT && n_steps++ <= n)
                u = parent[u];
            is_tree = u == STRUCTURE_ROOT;
        }
        if (is_tree)
            best = fmax(best, sum);
    }
    return best;
}

START_TEST(branchings_are_the_best_there_are)
{
    enum { N = 5 };
    struct rng rng = rng_stream(1, RNG_TEST, 0, (uint64_t)_i);
    double weight[STRUCTURE_VERTICES][STRUCTURE_VERTICES] = { { 0.0 } };
    bool is_in[STRUCTURE_VERTICES] = { [STRUCTURE_ROOT] = true };
    for (size_t v = 0; v < N; v++) {
        is_in[v] = true;
        weight[v][STRUCTURE_ROOT] = 0.4 * rng_uniform(&rng);
        for (size_t u = 0; u < N; u++)
            weight[v][u] = u != v && rng_below(&rng, 4) > 0 ? rng_uniform(&rng) : 0.0;
    }
    size_t parent[STRUCTURE_VERTICES];
    structure_branching(weight, is_in, parent);
    double sum = 0.0;
    for (size_t v = 0; v < N; v++) {
        sum += weight[v][parent[v]];
        size_t u = v, n_steps = 0;
        while (u != STRUCTURE_ROOT) {
            u = parent[u];
            ck_assert_uint_le(n_steps++, N);
        }
    }
    assert_near(sum, best_by_force(weight, N), 1e-12);
}
END_TEST

/* A column that is a copy tells its whole entropy; one that has nothing to do with it costs a
 * little, however many bins it has. */
START_TEST(information_is_what_carries_over)
{
    enum { N = 20000 };
    uint32_t *x = memory_alloc(N, sizeof *x), *noise = memory_alloc(N, sizeof *noise);
    for (size_t i = 0; i < N; i++) {
        struct rng rng = rng_stream(2, RNG_TEST, 0, i);
        x[i] = (uint32_t)rng_below(&rng, 8);
        noise[i] = (uint32_t)rng_below(&rng, 5000);
    }
    double of_y, of_x;
    structure_information(x, 8, x, 8, N / 2, N, &of_y, &of_x);
    assert_near(of_y, log(8.0), 0.01);
    assert_near(of_x, log(8.0), 0.01);
    structure_information(noise, 5000, x, 8, N / 2, N, &of_y, &of_x);
    ck_assert_double_lt(of_y, 0.0);
    structure_information(x, 8, noise, 5000, N / 2, N, &of_y, &of_x);
    ck_assert_double_lt(of_y, 0.0);
    structure_information(x, 8, x, 8, 0, 0, &of_y, &of_x);
    ck_assert_double_eq(of_y, 0.0);
    free(x);
    free(noise);
}
END_TEST

/* A copy of `from` in most rows, noise in the others. */
static uint32_t noisy(uint32_t from, uint32_t n_bins, unsigned percent, struct rng *rng)
{
    return rng_below(rng, 100) < percent ? from % n_bins : (uint32_t)rng_below(rng, n_bins);
}

/* direction and gap hang on the row before, bytes on packets, which hang on the direction, as does
 * tos; remote is noise with many bins; flags follow the hour. */
START_TEST(the_tree_that_made_the_data_is_found)
{
    enum { N = 30000 };
    static const enum attribute used[] = { ATTRIBUTE_GAP,   ATTRIBUTE_REMOTE,  ATTRIBUTE_DIRECTION,
                                           ATTRIBUTE_FLAGS, ATTRIBUTE_PACKETS, ATTRIBUTE_TOS,
                                           ATTRIBUTE_BYTES };
    static const size_t n_bins[N_CODED] = {
        [ATTRIBUTE_GAP] = 6,   [ATTRIBUTE_REMOTE] = 3000, [ATTRIBUTE_DIRECTION] = 4,
        [ATTRIBUTE_FLAGS] = 4, [ATTRIBUTE_PACKETS] = 8,   [ATTRIBUTE_TOS] = 4,
        [ATTRIBUTE_BYTES] = 12
    };
    static uint32_t current[N_CODED][N], previous[N_CODED][N], hours[N], gap_hours[N];
    struct structure_columns columns = {
        .n_rows = N, .n_first = N / 2, .hours = hours, .gap_hours = gap_hours
    };
    uint32_t attributes = 0;
    for (size_t u = 0; u < ARRAY_LEN(used); u++) {
        attributes |= ATTRIBUTE_BIT(used[u]);
        columns.current[used[u]] = current[used[u]];
        columns.previous[used[u]] = previous[used[u]];
        columns.n_bins[used[u]] = n_bins[used[u]];
    }
    uint32_t before[N_CODED] = { 0 };
    for (size_t i = 0; i < N; i++) {
        struct rng rng = rng_stream(4, RNG_TEST, 0, i);
        uint32_t row[N_CODED];
        hours[i] = gap_hours[i] = (uint32_t)rng_below(&rng, 24);
        row[ATTRIBUTE_DIRECTION] = noisy(before[ATTRIBUTE_DIRECTION], 4, 80, &rng);
        row[ATTRIBUTE_GAP] = noisy(before[ATTRIBUTE_BYTES], 6, 70, &rng);
        row[ATTRIBUTE_PACKETS] = noisy(2 * row[ATTRIBUTE_DIRECTION], 8, 70, &rng);
        row[ATTRIBUTE_BYTES] = noisy(row[ATTRIBUTE_PACKETS] + 3, 12, 70, &rng);
        row[ATTRIBUTE_TOS] = noisy(row[ATTRIBUTE_DIRECTION], 4, 60, &rng);
        row[ATTRIBUTE_FLAGS] = noisy(hours[i] / 6, 4, 60, &rng);
        row[ATTRIBUTE_REMOTE] = (uint32_t)rng_below(&rng, 3000);
        for (size_t u = 0; u < ARRAY_LEN(used); u++) {
            current[used[u]][i] = row[used[u]];
            previous[used[u]][i] = i == 0 ? NODE_NO_BIN : before[used[u]];
        }
        memcpy(before, row, sizeof before);
    }
    struct structure tree = structure_learn_tree(attributes, &columns);
    assert_edges(&tree, ATTRIBUTE_DIRECTION, "direction<-previous.direction");
    assert_edges(&tree, ATTRIBUTE_GAP, "gap<-previous.bytes");
    assert_edges(&tree, ATTRIBUTE_PACKETS, "packets<-direction");
    assert_edges(&tree, ATTRIBUTE_BYTES, "bytes<-packets");
    assert_edges(&tree, ATTRIBUTE_TOS, "tos<-direction");
    assert_edges(&tree, ATTRIBUTE_FLAGS, "flags<-");
    assert_edges(&tree, ATTRIBUTE_REMOTE, "remote<-");
    for (size_t u = 0; u < ARRAY_LEN(used); u++)
        ck_assert_int_eq(tree.uses_hour[used[u]], used[u] == ATTRIBUTE_FLAGS);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/bayes_net_structure");
    testing_add(suite, edges_are_read_and_written);
    testing_add_loop(suite, wrong_edges_are_refused, ARRAY_LEN(wrong));
    testing_add(suite, parents_come_first);
    testing_add_loop(suite, branchings_are_the_best_there_are, 50);
    testing_add(suite, information_is_what_carries_over);
    testing_add(suite, the_tree_that_made_the_data_is_found);
    return suite;
}
