#include "eval/protocol_tally.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

struct protocol_tally protocol_tally_count(size_t n_hosts, const size_t *hosts, const uint8_t *is,
                                           const uint8_t *told, size_t n)
{
    size_t size = memory_product(n_hosts, PROTOCOLS);
    struct protocol_tally tally = {
        .n_hosts = n_hosts,
        .right = memory_zalloc(size, sizeof *tally.right),
        .missed = memory_zalloc(size, sizeof *tally.missed),
        .wrong = memory_zalloc(size, sizeof *tally.wrong),
    };
    for (size_t i = 0; i < n; i++) {
        size_t host = hosts[i] * PROTOCOLS;
        if (is[i] == told[i]) {
            tally.right[host + is[i]]++;
        } else {
            tally.missed[host + is[i]]++;
            tally.wrong[host + told[i]]++;
        }
    }
    return tally;
}

void protocol_tally_release(struct protocol_tally *tally)
{
    free(tally->right);
    free(tally->missed);
    free(tally->wrong);
    *tally = (struct protocol_tally){ 0 };
}

/* The sum over hosts but for one (n_hosts: for none). */
static double sum_but(const double *counts, size_t n_hosts, size_t protocol, size_t but)
{
    double sum = 0.0;
    for (size_t h = 0; h < n_hosts; h++)
        sum += h == but ? 0.0 : counts[h * PROTOCOLS + protocol];
    return sum;
}

static double macro_f1_but(const struct protocol_tally *tally, const bool *counted, size_t but)
{
    double sum = 0.0, n = 0.0;
    for (size_t p = 0; p < PROTOCOLS; p++) {
        if (!counted[p])
            continue;
        double right = sum_but(tally->right, tally->n_hosts, p, but);
        double missed = sum_but(tally->missed, tally->n_hosts, p, but);
        double wrong = sum_but(tally->wrong, tally->n_hosts, p, but);
        if (right + missed + wrong == 0.0) /* only that host had it */
            continue;
        sum += 2.0 * right / (2.0 * right + missed + wrong);
        n += 1.0;
    }
    return sum / n;
}

size_t protocol_tally_choose(const struct protocol_tally *tally, bool counted[PROTOCOLS])
{
    size_t n = 0;
    for (size_t p = 0; p < PROTOCOLS; p++) {
        counted[p] = sum_but(tally->right, tally->n_hosts, p, tally->n_hosts) +
                         sum_but(tally->missed, tally->n_hosts, p, tally->n_hosts) >=
                     PROTOCOL_FEWEST;
        n += counted[p];
    }
    return n;
}

struct host_ratio protocol_tally_macro_f1(const struct protocol_tally *a,
                                          const struct protocol_tally *b,
                                          const bool counted[PROTOCOLS])
{
    size_t n = a->n_hosts;
    double *values = memory_alloc(n + 1, sizeof *values), sum = 0.0, squares = 0.0;
    for (size_t but = 0; but <= n; but++)
        values[but] = macro_f1_but(a, counted, but) -
                      (b != NULL ? macro_f1_but(b, counted, but) : 0.0);
    for (size_t h = 0; h < n; h++)
        sum += values[h];
    for (size_t h = 0; h < n; h++)
        squares += (values[h] - sum / (double)n) * (values[h] - sum / (double)n);
    struct host_ratio ratio = { values[n], (double)NAN };
    if (n > 1)
        ratio.standard_error = sqrt((double)(n - 1) / (double)n * squares);
    free(values);
    return ratio;
}

struct host_ratio protocol_tally_accuracy(const struct protocol_tally *a,
                                          const struct protocol_tally *b)
{
    double *right = memory_zalloc(a->n_hosts, sizeof *right);
    double *flows = memory_zalloc(a->n_hosts, sizeof *flows);
    for (size_t h = 0; h < a->n_hosts; h++) {
        for (size_t p = h * PROTOCOLS; p < (h + 1) * PROTOCOLS; p++) {
            right[h] += a->right[p] - (b != NULL ? b->right[p] : 0.0);
            flows[h] += a->right[p] + a->missed[p];
        }
    }
    struct host_ratio ratio = host_ratio_of(right, 1, flows, a->n_hosts);
    free(right);
    free(flows);
    return ratio;
}
