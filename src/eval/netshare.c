#include "eval/netshare.h"

#include "base/memory.h"
#include "eval/divergence.h"
#include "eval/integer_sort.h"
#include "eval/wasserstein.h"

#include <stdlib.h>

const struct netshare_info netshare_infos[N_NETSHARE_FIGURES] = {
    [NETSHARE_JS_SOURCE_ADDRESS] = { "js_sa", "nats", "JS source by rank" },
    [NETSHARE_JS_DESTINATION_ADDRESS] = { "js_da", "nats", "JS destination by rank" },
    [NETSHARE_JS_SOURCE_PORT] = { "js_sp", "nats", "JS source port" },
    [NETSHARE_JS_DESTINATION_PORT] = { "js_dp", "nats", "JS destination port" },
    [NETSHARE_JS_PROTOCOL] = { "js_pr", "nats", "JS protocol" },
    [NETSHARE_EMD_START] = { "emd_ts", "s", "EMD start time" },
    [NETSHARE_EMD_DURATION] = { "emd_td", "s", "EMD duration" },
    [NETSHARE_EMD_PACKETS] = { "emd_pkt", "packets", "EMD packets" },
    [NETSHARE_EMD_BYTES] = { "emd_byt", "bytes", "EMD bytes" },
};

/* ---- the flows' own columns --------------------------------------------------------------- */

/* Caller frees with free(). */
static int64_t *gather_figure(const struct traffic *traffic, enum netshare_figure figure)
{
    int64_t *const *values = traffic->columns->values;
    const int64_t *directions = values[ATTRIBUTE_DIRECTION];
    int64_t *out = memory_alloc(traffic->n_rows, sizeof *out);
    size_t n = 0;
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        for (size_t i = host->first; i < host->first + host->n_rows; i++) {
            bool is_out = directions[i] == DIRECTION_OUT;
            int64_t local = values[ATTRIBUTE_LOCAL_PORT][i];
            int64_t remote = values[ATTRIBUTE_REMOTE_PORT][i];
            int64_t x = 0;
            switch (figure) {
            case NETSHARE_JS_SOURCE_ADDRESS:
                x = is_out ? host->address : values[ATTRIBUTE_REMOTE][i];
                break;
            case NETSHARE_JS_DESTINATION_ADDRESS:
                x = is_out ? values[ATTRIBUTE_REMOTE][i] : host->address;
                break;
            case NETSHARE_JS_SOURCE_PORT:
                x = is_out ? local : remote;
                break;
            case NETSHARE_JS_DESTINATION_PORT:
                x = is_out ? remote : local;
                break;
            case NETSHARE_JS_PROTOCOL:
                x = values[ATTRIBUTE_PROTOCOL][i];
                break;
            case NETSHARE_EMD_START: /* ms */
                x = traffic->columns->ends[i] * 1000 - values[ATTRIBUTE_DURATION][i];
                break;
            case NETSHARE_EMD_DURATION: /* ms */
                x = values[ATTRIBUTE_DURATION][i];
                break;
            case NETSHARE_EMD_PACKETS:
                x = values[ATTRIBUTE_PACKETS][i];
                break;
            case NETSHARE_EMD_BYTES:
            default:
                x = values[ATTRIBUTE_BYTES][i];
                break;
            }
            out[n++] = x;
        }
    }
    return out;
}

/* ---- distances ---------------------------------------------------------------------------- */

/* How often each value of a sorted list occurs, most frequent first, at the start of a zeroed list
 * of n. Caller frees with free(). */
static double *ranked_counts(const int64_t *sorted, size_t n, size_t *n_distinct)
{
    int64_t *runs = memory_alloc(n, sizeof *runs);
    *n_distinct = 0;
    for (size_t i = 0, first = 0; i < n; i++) {
        if (i + 1 == n || sorted[i + 1] != sorted[i]) {
            runs[(*n_distinct)++] = (int64_t)(i + 1 - first);
            first = i + 1;
        }
    }
    integer_sort(runs, *n_distinct);
    double *ranked = memory_zalloc(n, sizeof *ranked);
    for (size_t r = 0; r < *n_distinct; r++)
        ranked[r] = (double)runs[*n_distinct - 1 - r];
    free(runs);
    return ranked;
}

double netshare_popularity(int64_t *a, size_t n_a, int64_t *b, size_t n_b)
{
    integer_sort(a, n_a);
    integer_sort(b, n_b);
    size_t distinct_a, distinct_b;
    double *p = ranked_counts(a, n_a, &distinct_a), *q = ranked_counts(b, n_b, &distinct_b);
    size_t n = distinct_a > distinct_b ? distinct_a : distinct_b;
    p = memory_resize(p, n, sizeof *p);
    q = memory_resize(q, n, sizeof *q);
    for (size_t r = distinct_a; r < n; r++)
        p[r] = 0.0;
    for (size_t r = distinct_b; r < n; r++)
        q[r] = 0.0;
    double nats = divergence_jensen_shannon(p, q, n);
    free(p);
    free(q);
    return nats;
}

static double by_value(const int64_t *a, size_t n_a, const int64_t *b, size_t n_b, size_t support)
{
    double *p = memory_zalloc(support, sizeof *p), *q = memory_zalloc(support, sizeof *q);
    for (size_t i = 0; i < n_a; i++)
        p[a[i]] += 1.0;
    for (size_t i = 0; i < n_b; i++)
        q[b[i]] += 1.0;
    double nats = divergence_jensen_shannon(p, q, support);
    free(p);
    free(q);
    return nats;
}

static double earth_moved(int64_t *a, size_t n_a, int64_t *b, size_t n_b, bool from_first)
{
    integer_sort(a, n_a);
    integer_sort(b, n_b);
    for (size_t i = n_a; from_first && i-- > 0;)
        a[i] -= a[0];
    for (size_t i = n_b; from_first && i-- > 0;)
        b[i] -= b[0];
    return wasserstein_distance(a, n_a, b, n_b);
}

static double compare_figure(const struct traffic *real, const struct traffic *synthetic,
                             enum netshare_figure figure)
{
    int64_t *a = gather_figure(real, figure), *b = gather_figure(synthetic, figure);
    size_t n_a = real->n_rows, n_b = synthetic->n_rows;
    double distance = 0.0;
    switch (figure) {
    case NETSHARE_JS_SOURCE_ADDRESS:
    case NETSHARE_JS_DESTINATION_ADDRESS:
        distance = netshare_popularity(a, n_a, b, n_b);
        break;
    case NETSHARE_JS_SOURCE_PORT:
    case NETSHARE_JS_DESTINATION_PORT:
        distance = by_value(a, n_a, b, n_b, 65536);
        break;
    case NETSHARE_JS_PROTOCOL:
        distance = by_value(a, n_a, b, n_b, 256);
        break;
    case NETSHARE_EMD_START:
    case NETSHARE_EMD_DURATION:
        distance = earth_moved(a, n_a, b, n_b, figure == NETSHARE_EMD_START) / 1000.0;
        break;
    default:
        distance = earth_moved(a, n_a, b, n_b, false);
        break;
    }
    free(a);
    free(b);
    return distance;
}

struct netshare_figures netshare_compare(const struct traffic *real,
                                         const struct traffic *synthetic)
{
    struct netshare_figures figures;
#pragma omp parallel for schedule(dynamic)
    for (int f = 0; f < N_NETSHARE_FIGURES; f++)
        figures.values[f] = compare_figure(real, synthetic, (enum netshare_figure)f);
    return figures;
}
