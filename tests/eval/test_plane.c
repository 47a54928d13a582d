#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "eval/plane.h"

#include <math.h>
#include <stdlib.h>

/* Groups of points around corners of a cube of many dimensions; group g has points g, g + n_groups,
 * ... */
static double *draw_groups(size_t n, size_t n_groups, size_t width, double spread)
{
    double *vectors = memory_alloc(n * width, sizeof *vectors);
    struct rng rng = rng_stream(1, RNG_TEST, n, width);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++)
            vectors[i * width + k] = (k == i % n_groups ? 10.0 : 0.0) + spread * rng_normal(&rng);
    return vectors;
}

/* Share of the points whose nearest neighbour on the map is of their group. */
static double share_with_their_group(const double *map, size_t n, size_t n_groups)
{
    size_t n_right = 0;
    for (size_t i = 0; i < n; i++) {
        double nearest = INFINITY;
        size_t of = 0;
        for (size_t j = 0; j < n; j++) {
            double gap = hypot(map[2 * i] - map[2 * j], map[2 * i + 1] - map[2 * j + 1]);
            if (j != i && gap < nearest) {
                nearest = gap;
                of = j % n_groups;
            }
        }
        n_right += of == i % n_groups;
    }
    return (double)n_right / (double)n;
}

START_TEST(groups_stay_together)
{
    enum { N = 160, GROUPS = 16, WIDTH = 16 };
    double *vectors = draw_groups(N, GROUPS, WIDTH, 1.0), map[2 * N], components[2 * N];
    enum plane_method method;
    struct error err;
    threads_set(1);
    assert_ok(plane_map(map, vectors, N, WIDTH, &method, &err), err);
    ck_assert_int_eq(method, PLANE_TSNE);
    ck_assert_double_gt(share_with_their_group(map, N, GROUPS), 0.99);
    plane_components(components, vectors, N, WIDTH); /* two directions cannot part them */
    ck_assert_double_lt(share_with_their_group(components, N, GROUPS), 0.9);
    for (int i = 0; i < 2 * N; i++)
        ck_assert(isfinite(map[i]));
    free(vectors);
}
END_TEST

/* Points on a tilted line with a little width: the first component is the way along it. */
START_TEST(components_are_those_of_largest_variance)
{
    enum { N = 200, WIDTH = 5 };
    double vectors[N * WIDTH], map[2 * N], along[N], across[N];
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        along[i] = 3.0 * rng_normal(&rng);
        across[i] = 0.5 * rng_normal(&rng);
        for (int k = 0; k < WIDTH; k++)
            vectors[i * WIDTH + k] = 7.0;
        vectors[i * WIDTH + 1] += 0.6 * along[i] - 0.8 * across[i];
        vectors[i * WIDTH + 4] += 0.8 * along[i] + 0.6 * across[i];
    }
    plane_components(map, vectors, N, WIDTH);
    double sums[2] = { 0.0, 0.0 }, squares[2] = { 0.0, 0.0 };
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 2; k++) {
            sums[k] += map[2 * i + k];
            squares[k] += map[2 * i + k] * map[2 * i + k];
        }
    }
    assert_near(sums[0], 0.0, 1e-9);
    ck_assert_double_gt(squares[0], 20.0 * squares[1]);
    /* All of the variance is in two directions. */
    double mean_along = 0.0, mean_across = 0.0, variance = 0.0;
    for (int i = 0; i < N; i++) {
        mean_along += along[i] / N;
        mean_across += across[i] / N;
    }
    for (int i = 0; i < N; i++)
        variance += pow(along[i] - mean_along, 2.0) + pow(across[i] - mean_across, 2.0);
    assert_near(squares[0] + squares[1], variance, 1e-6 * variance);
}
END_TEST

static const struct small_case {
    size_t n;
    enum plane_method method;
} small_cases[] = {
    { 1, PLANE_COMPONENTS },
    { 2, PLANE_COMPONENTS },
    { PLANE_FEWEST - 1, PLANE_COMPONENTS },
    { PLANE_FEWEST, PLANE_TSNE },
    { PLANE_MOST + 1, PLANE_COMPONENTS },
};

START_TEST(any_number_of_points_has_a_map)
{
    enum { WIDTH = 3 };
    size_t n = small_cases[_i].n;
    double *vectors = draw_groups(n, 2, WIDTH, 0.1), *map = memory_alloc(2 * n, sizeof *map);
    enum plane_method method;
    struct error err;
    assert_ok(plane_map(map, vectors, n, WIDTH, &method, &err), err);
    ck_assert_int_eq(method, small_cases[_i].method);
    for (size_t i = 0; i < 2 * n; i++)
        ck_assert(isfinite(map[i]));
    free(vectors);
    free(map);
}
END_TEST

/* All at one place: no variance, no neighbours that are nearer than others. */
START_TEST(equal_points_have_a_map)
{
    enum { N = 20, WIDTH = 4 };
    double vectors[N * WIDTH] = { 0.0 }, map[2 * N];
    enum plane_method method;
    struct error err;
    assert_ok(plane_map(map, vectors, N, WIDTH, &method, &err), err);
    for (int i = 0; i < 2 * N; i++)
        ck_assert(isfinite(map[i]));
}
END_TEST

START_TEST(threads_change_nothing)
{
    enum { N = 160, WIDTH = 6 };
    double *vectors = draw_groups(N, 3, WIDTH, 1.0), maps[2][2 * N];
    enum plane_method method;
    struct error err;
    for (int i = 0; i < 2; i++) {
        threads_set(1 + 2 * i);
        assert_ok(plane_map(maps[i], vectors, N, WIDTH, &method, &err), err);
    }
    for (int i = 0; i < 2 * N; i++)
        ck_assert_double_eq(maps[0][i], maps[1][i]);
    free(vectors);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/plane");
    testing_add(suite, groups_stay_together);
    testing_add(suite, components_are_those_of_largest_variance);
    testing_add_loop(suite, any_number_of_points_has_a_map, ARRAY_LEN(small_cases));
    testing_add(suite, equal_points_have_a_map);
    testing_add(suite, threads_change_nothing);
    return suite;
}
