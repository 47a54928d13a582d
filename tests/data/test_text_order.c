/* The order of flow files within a second, against what strcmp says of the lines. */
#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/text_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fields of a line that are in the order, with what stands between them in UGR'16. */
static void write_line(char *line, size_t size, const struct flow *flow)
{
    const uint32_t addresses[] = { flow->source, flow->destination };
    int n = snprintf(line, size, "%u.%03u", flow->duration / 1000, flow->duration % 1000);
    for (size_t a = 0; a < 2; a++)
        n += snprintf(line + n, size - (size_t)n, ",%u.%u.%u.%u", addresses[a] >> 24,
                      addresses[a] >> 16 & 255, addresses[a] >> 8 & 255, addresses[a] & 255);
    snprintf(line + n, size - (size_t)n, ",%u,%u", flow->source_port, flow->destination_port);
}

/* Numbers of any length that often begin alike. */
static uint32_t draw_number(struct rng *rng, uint32_t highest)
{
    static const uint32_t starts[] = { 0, 1, 10, 100, 25, 2, 255, 99, 9, 4294967295 };
    uint32_t start = starts[rng_below(rng, ARRAY_LEN(starts))];
    uint32_t x = rng_below(rng, 2) > 0 ? start : 10 * start + (uint32_t)rng_below(rng, 10);
    return (uint32_t)(rng_below(rng, 3) > 0 ? x % (highest + UINT64_C(1))
                                            : rng_below(rng, highest));
}

static struct flow draw_flow(struct rng *rng)
{
    struct flow flow = { .duration = draw_number(rng, UINT32_MAX) };
    for (int octet = 0; octet < 4; octet++) {
        flow.source = flow.source << 8 | draw_number(rng, 255);
        flow.destination = flow.destination << 8 | draw_number(rng, 255);
    }
    flow.source_port = (uint16_t)draw_number(rng, 65535);
    flow.destination_port = (uint16_t)draw_number(rng, 65535);
    return flow;
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

START_TEST(flows_stand_as_their_lines_do)
{
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (int i = 0; i < 200000; i++) {
        struct flow a = draw_flow(&rng), b = draw_flow(&rng);
        /* So that later fields matter: each is the same with those before it. */
        uint64_t n_same = rng_below(&rng, 6);
        if (n_same > 0)
            b.duration = a.duration;
        if (n_same > 1)
            b.source = a.source;
        if (n_same > 2)
            b.destination = a.destination;
        if (n_same > 3)
            b.source_port = a.source_port;
        if (n_same > 4)
            b.destination_port = a.destination_port;
        char line_a[80], line_b[80];
        write_line(line_a, sizeof line_a, &a);
        write_line(line_b, sizeof line_b, &b);
        ck_assert_msg(sign(text_order(&a, &b)) == sign(strcmp(line_a, line_b)), "%s and %s", line_a,
                      line_b);
    }
}
END_TEST

/* 201 flows in one second by source port as text, but for so many neighbours. */
static const struct {
    size_t n_swapped;
    bool is_kept;
} cases[] = { { 0, true }, { 2, true }, { 3, false }, { 90, false } };

START_TEST(a_set_is_in_order_but_for_a_pair_in_a_hundred)
{
    enum { N = 201 };
    struct row rows[N] = { { { 0 } } };
    const struct sequence sequence = { .host = 1, .rows = rows, .n_rows = N };
    const struct sequence_set set = { .items = (struct sequence *)(uintptr_t)&sequence, .n = 1 };
    for (size_t i = 0; i < N; i++) {
        rows[i].value[ATTRIBUTE_PACKETS] = 1;
        rows[i].value[ATTRIBUTE_LOCAL_PORT] = 1000 + (int64_t)i;
        rows[i].value[ATTRIBUTE_DIRECTION] = DIRECTION_OUT;
    }
    for (size_t s = 0; s < cases[_i].n_swapped; s++) {
        struct row row = rows[2 * s];
        rows[2 * s] = rows[2 * s + 1];
        rows[2 * s + 1] = row;
    }
    ck_assert_int_eq(text_order_is_kept(&set), cases[_i].is_kept);
    for (size_t i = 0; i < N; i++) /* flows of different seconds have no order */
        rows[i].value[ATTRIBUTE_GAP] = 1;
    ck_assert(text_order_is_kept(&set));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/text_order");
    testing_add(suite, flows_stand_as_their_lines_do);
    testing_add_loop(suite, a_set_is_in_order_but_for_a_pair_in_a_hundred, ARRAY_LEN(cases));
    return suite;
}
