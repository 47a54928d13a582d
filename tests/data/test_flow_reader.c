#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "data/flow_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ------------------------------------------------------------------------------ */

/* What a reader hands out, with lines counted over the whole source. */
struct result {
    struct flow *flows;
    uint32_t *hosts;
    size_t n_flows, flows_capacity, hosts_capacity;
    uint64_t n_lines, n_rows, n_elsewhere, n_refused[UGR16_FINE];
    uint64_t first_lines[UGR16_FINE][FLOW_REFUSED_KEPT];
    size_t n_blocks, n_wanted; /* n_wanted: blocks to take; 0 for all */
};

static bool take(void *context, const struct flow_block *block)
{
    struct result *result = context;
    size_t n = result->n_flows + block->n_flows;
    result->flows = memory_grow(result->flows, &result->flows_capacity, n, sizeof(struct flow));
    result->hosts = memory_grow(result->hosts, &result->hosts_capacity, n, sizeof(uint32_t));
    for (size_t i = 0; i < block->n_flows; i++) {
        /* Names of labels are "0", "1", ...: their numbers do not depend on the block. */
        struct flow flow;
        memset(&flow, 0, sizeof flow);
        flow = block->flows[i];
        flow.label = (uint8_t)strtol(block->labels.names[flow.label], NULL, 10);
        result->flows[result->n_flows] = flow;
        result->hosts[result->n_flows++] = block->hosts[i];
    }
    for (int f = 0; f < UGR16_FINE; f++) {
        for (uint64_t i = 0; i < block->n_refused[f] && i < FLOW_REFUSED_KEPT; i++)
            if (result->n_refused[f] + i < FLOW_REFUSED_KEPT)
                result->first_lines[f][result->n_refused[f] + i] = result->n_lines +
                                                                   block->refused[f][i].line;
        result->n_refused[f] += block->n_refused[f];
    }
    result->n_lines += block->n_lines;
    result->n_rows += block->n_rows;
    result->n_elsewhere += block->n_elsewhere;
    return ++result->n_blocks != result->n_wanted;
}

static void release(struct result *result)
{
    free(result->flows);
    free(result->hosts);
}

static enum status run(const char *path, size_t block_bytes, struct result *result,
                       struct error *err)
{
    struct address_set monitored = { 0 };
    struct text_source *source;
    assert_ok(address_set_add_text(&monitored, "10.0.0.0/8", err), *err);
    assert_ok(text_source_open(&source, path, false, err), *err);
    struct flow_reader *reader = flow_reader_create(&monitored, block_bytes);
    enum status status = flow_reader_run(reader, source, take, result, err);
    flow_reader_free(reader);
    text_source_close(source);
    address_set_release(&monitored);
    return status;
}

static size_t put_flow(struct rng *rng, const struct label_list *labels, char *line)
{
    struct flow flow = { .end = (int64_t)rng_below(rng, 86400) * 1000 + INT64_C(1460332800000),
                         .packets = 1 + rng_below(rng, 1000),
                         .bytes = rng_below(rng, 100000),
                         .duration = (uint32_t)rng_below(rng, 10000),
                         .source = (uint32_t)(9 + rng_below(rng, 3)) << 24 | 7,
                         .destination = (uint32_t)(9 + rng_below(rng, 3)) << 24 | 9,
                         .source_port = (uint16_t)rng_below(rng, 65536),
                         .destination_port = 80,
                         .protocol = PROTOCOL_TCP,
                         .flags = 16,
                         .label = (uint8_t)rng_below(rng, labels->n) };
    return ugr16_format(&flow, labels, line);
}

/* A file of flows and of everything that is none, and what has to come out of it. */
static const char *write_mixture(const char *name, uint64_t n_lines)
{
    static const char *const odd_lines[] = { "\n",          "\r\n",   "junk\n", ",,,,,,,,,,,,\n",
                                             "torn,line\n", "\xff\n", "x\r\n" };
    struct label_list labels = { 0 };
    for (int l = 0; l < 5; l++)
        label_list_add(&labels, (char[]){ (char)('0' + l) }, 1);
    struct rng rng = rng_stream(5, RNG_TEST, 0, 0);
    const char *path = testing_path(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs("\xef\xbb\xbf" UGR16_HEADER, file);
    for (uint64_t i = 0; i < n_lines; i++) {
        char line[6000];
        size_t n = put_flow(&rng, &labels, line);
        switch (rng_below(&rng, 12)) {
        case 0: {
            const char *odd = odd_lines[rng_below(&rng, ARRAY_LEN(odd_lines))];
            fputs(odd, file);
            continue;
        }
        case 1: /* NUL bytes */
            line[rng_below(&rng, n - 1)] = '\0';
            break;
        case 2: /* longer than the smallest blocks, of one column or with a long label */
            n = rng_below(&rng, 2) == 0 ? 0 : n - 1;
            memset(line + n, 'x', 5000 - n);
            n = 600 + (size_t)rng_below(&rng, 4000);
            line[n++] = '\n';
            break;
        case 3:
            line[n - 1] = '\r';
            line[n++] = '\n';
            break;
        default:
            break;
        }
        fwrite(line, 1, n, file);
    }
    /* The last line has no end. */
    char line[UGR16_LINE_MAX];
    fwrite(line, 1, put_flow(&rng, &labels, line) - 1, file);
    ck_assert_int_eq(fclose(file), 0);
    label_list_release(&labels);
    return path;
}

static void check_equal(const struct result *a, const struct result *b)
{
    ck_assert_uint_eq(a->n_rows, b->n_rows);
    ck_assert_uint_eq(a->n_lines, b->n_lines);
    ck_assert_uint_eq(a->n_elsewhere, b->n_elsewhere);
    ck_assert_mem_eq(a->n_refused, b->n_refused, sizeof a->n_refused);
    ck_assert_mem_eq(a->first_lines, b->first_lines, sizeof a->first_lines);
    ck_assert_uint_eq(a->n_flows, b->n_flows);
    ck_assert(memcmp(a->hosts, b->hosts, a->n_flows * sizeof *a->hosts) == 0);
    for (size_t i = 0; i < a->n_flows; i++) {
        const struct flow *x = &a->flows[i], *y = &b->flows[i];
        ck_assert(x->end == y->end && x->packets == y->packets && x->bytes == y->bytes &&
                  x->duration == y->duration && x->source == y->source &&
                  x->destination == y->destination && x->source_port == y->source_port &&
                  x->label == y->label);
    }
}

/* ---- tests -------------------------------------------------------------------------------- */

START_TEST(blocks_and_threads_change_nothing)
{
    static const size_t block_sizes[] = { 512, 513, 600, 4099, 65536, FLOW_BLOCK_BYTES };
    struct error err = { 0 };
    const char *path = write_mixture("mixture", 6000);
    struct result whole = { 0 };
    threads_set(1);
    assert_ok(run(path, 64 << 20, &whole, &err), err);
    uint64_t n_refused = 0;
    for (int f = 0; f < UGR16_FINE; f++)
        n_refused += whole.n_refused[f];
    ck_assert_uint_eq(whole.n_blocks, 1);
    ck_assert_uint_eq(whole.n_lines, 6002);
    ck_assert_uint_eq(whole.n_rows, n_refused + whole.n_elsewhere + whole.n_flows);
    ck_assert_uint_gt(n_refused, 1000);
    ck_assert_uint_gt(whole.n_elsewhere, 1000);
    ck_assert_uint_gt(whole.n_flows, 2000);
    for (size_t s = 0; s < ARRAY_LEN(block_sizes); s++) {
        for (int n_threads = 1; n_threads <= 3; n_threads++) {
            struct result parts = { 0 };
            threads_set(n_threads);
            assert_ok(run(path, block_sizes[s], &parts, &err), err);
            check_equal(&parts, &whole);
            release(&parts);
        }
    }
    release(&whole);
}
END_TEST

START_TEST(no_rows_are_no_rows)
{
    static const char *const texts[] = { "", "\n", "\r\n\r\n\n", UGR16_HEADER, "\xef\xbb\xbf" };
    for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
        struct error err = { 0 };
        struct result result = { 0 };
        assert_ok(run(testing_write("empty", texts[t]), 512, &result, &err), err);
        ck_assert_uint_eq(result.n_rows, 0);
        ck_assert_uint_eq(result.n_flows, 0);
        release(&result);
    }
}
END_TEST

START_TEST(a_header_in_the_middle_is_a_bad_row)
{
    struct error err = { 0 };
    struct result result = { 0 };
    assert_ok(run(testing_write("headers", UGR16_HEADER UGR16_HEADER), 512, &result, &err), err);
    ck_assert_uint_eq(result.n_rows, 1);
    ck_assert_uint_eq(result.n_refused[UGR16_TE] + result.n_refused[UGR16_COLUMN_COUNT], 1);
    release(&result);
}
END_TEST

/* A gigantic line does not need gigantic memory, and is one row. */
START_TEST(a_long_line_is_one_row)
{
    enum { LENGTH = 5000000 };
    struct error err = { 0 };
    struct result result = { 0 };
    const char *path = testing_path("long");
    FILE *file = fopen(path, "we");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < LENGTH; i++)
            fputc(i % 1000 == 0 ? '\0' : 'x', file);
        if (round == 0)
            fputs("\nshort\n", file);
    }
    ck_assert_int_eq(fclose(file), 0);
    assert_ok(run(path, FLOW_BLOCK_BYTES, &result, &err), err);
    ck_assert_uint_eq(result.n_rows, 3);
    ck_assert_uint_eq(result.n_lines, 3);
    ck_assert_uint_eq(result.n_refused[UGR16_COLUMN_COUNT], 3);
    ck_assert_uint_eq(result.first_lines[UGR16_COLUMN_COUNT][2], 2);
    release(&result);
}
END_TEST

START_TEST(a_taker_can_have_enough)
{
    struct error err = { 0 };
    struct result result = { .n_wanted = 3 };
    assert_ok(run(write_mixture("mixture", 6000), 512, &result, &err), err);
    ck_assert_uint_eq(result.n_blocks, 3);
    release(&result);
}
END_TEST

START_TEST(what_was_read_before_a_failure_is_handed_out)
{
    struct error err = { 0 };
    struct result result = { 0 };
    char command[600];
    const char *path = write_mixture("mixture", 6000), *cut = testing_path("cut.gz");
    snprintf(command, sizeof command, "gzip -c %s | head -c 100000 > %s", path, cut);
    ck_assert_int_eq(system(command), 0);
    assert_fails(run(cut, 4096, &result, &err), STATUS_FORMAT, err, "ends in the middle");
    ck_assert_uint_gt(result.n_flows, 100);
    release(&result);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/flow_reader");
    testing_add(suite, blocks_and_threads_change_nothing);
    testing_add(suite, no_rows_are_no_rows);
    testing_add(suite, a_header_in_the_middle_is_a_bad_row);
    testing_add(suite, a_long_line_is_one_row);
    testing_add(suite, a_taker_can_have_enough);
    testing_add(suite, what_was_read_before_a_failure_is_handed_out);
    return suite;
}
