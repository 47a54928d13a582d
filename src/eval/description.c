#include "eval/description.h"

#include "base/memory.h"
#include "data/calendar.h"
#include "eval/integer_sort.h"
#include "eval/row_chart.h"

#include <math.h>
#include <stdlib.h>

/* ---- hosts -------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static struct spread spread_of(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return (struct spread){ values[0], quantile_of(values, n, 0.25), quantile_of(values, n, 0.5),
                            quantile_of(values, n, 0.75), values[n - 1] };
}

static void describe_types(struct description *description, const struct dataset *data)
{
    double *flows = memory_alloc(data->n_hosts, sizeof *flows);
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct host *host = &data->hosts[h];
        description->hosts_of_type[host->type]++;
        description->flows_of_type[host->type] += host->n_flows;
        flows[h] = (double)host->n_flows;
    }
    description->flows_per_host = spread_of(flows, data->n_hosts);
    for (size_t h = 0; h < data->n_hosts; h++)
        flows[h] *= 3600.0 / description->seconds;
    description->flows_per_hour = spread_of(flows, data->n_hosts);
    free(flows);
}

static double count_remotes(const struct traffic *traffic, const struct traffic_host *host)
{
    int64_t *seen = memory_alloc(host->n_rows, sizeof *seen);
    double n = 0.0;
    for (size_t i = 0; i < host->n_rows; i++)
        seen[i] = traffic->columns->values[ATTRIBUTE_REMOTE][host->first + i];
    integer_sort(seen, host->n_rows);
    for (size_t i = 0; i < host->n_rows; i++)
        n += i == 0 || seen[i] != seen[i - 1];
    free(seen);
    return n;
}

/* Most flows first; of as many, the lower address. */
static int compare_sizes(const void *a, const void *b)
{
    const struct traffic_host *x = a, *y = b;
    if (x->n_rows != y->n_rows)
        return x->n_rows > y->n_rows ? -1 : 1;
    return (x->address > y->address) - (x->address < y->address);
}

static void describe_top_hosts(struct description *description, const struct dataset *data,
                               const struct traffic *traffic)
{
    struct traffic_host *hosts = memory_alloc(traffic->n_hosts, sizeof *hosts);
    for (size_t h = 0; h < traffic->n_hosts; h++)
        hosts[h] = traffic->hosts[h];
    qsort(hosts, traffic->n_hosts, sizeof *hosts, compare_sizes);
    for (size_t k = 0; k < traffic->n_hosts && k < DESCRIPTION_TOP; k++) {
        struct described_host *top = &description->top_hosts[description->n_top_hosts++];
        *top = (struct described_host){
            .address = hosts[k].address,
            .type = dataset_find_host(data, hosts[k].address)->type,
            .n_flows = (double)hosts[k].n_rows,
            .n_remotes = count_remotes(traffic, &hosts[k]),
        };
        for (size_t i = hosts[k].first; i < hosts[k].first + hosts[k].n_rows; i++) {
            top->n_bytes += (double)traffic->columns->values[ATTRIBUTE_BYTES][i];
            top->out += traffic->columns->values[ATTRIBUTE_DIRECTION][i] == DIRECTION_OUT
                            ? 1.0 / (double)hosts[k].n_rows
                            : 0.0;
        }
    }
    free(hosts);
}

/* ---- flows -------------------------------------------------------------------------------- */

static void describe_rates(struct description *description, const struct traffic *traffic)
{
    int64_t *ends = memory_alloc(traffic->n_rows, sizeof *ends);
    for (size_t i = 0; i < traffic->n_rows; i++)
        ends[i] = traffic->columns->ends[i];
    integer_sort(ends, traffic->n_rows);
    int64_t first = ends[0], last = ends[traffic->n_rows - 1];
    description->from = first * MS_PER_SECOND;
    description->until = last * MS_PER_SECOND;
    description->seconds = fmax((double)(last - first), 1.0);
    double n = 0.0;
    for (size_t i = 0; i < traffic->n_rows; i++) {
        n = i > 0 && ends[i] / 60 == ends[i - 1] / 60 ? n + 1.0 : 1.0;
        description->busiest_minute = fmax(description->busiest_minute, n);
    }
    free(ends);
}

static void describe_volumes(struct description *description, const struct traffic *traffic)
{
    const struct traffic_columns *columns = traffic->columns;
    for (size_t i = 0; i < traffic->n_rows; i++) {
        double bytes = (double)columns->values[ATTRIBUTE_BYTES][i];
        description->n_bytes += bytes;
        description->n_packets += (double)columns->values[ATTRIBUTE_PACKETS][i];
        description->bytes_by_protocol[columns->values[ATTRIBUTE_PROTOCOL][i]] += bytes;
    }
    for (int p = 0; p < 256; p++)
        description->bytes_by_protocol[p] /= fmax(description->n_bytes, 1.0);
}

/* The most frequent ports of the flows that have ports. Returns how many were written. */
static size_t describe_ports(const struct traffic *traffic, enum attribute attribute,
                             struct described_port top[DESCRIPTION_TOP])
{
    double *counts = memory_zalloc(65536, sizeof *counts), n_flows = 0.0;
    for (size_t i = 0; i < traffic->n_rows; i++) {
        int64_t protocol = traffic->columns->values[ATTRIBUTE_PROTOCOL][i];
        if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)
            continue;
        counts[traffic->columns->values[attribute][i]] += 1.0;
        n_flows += 1.0;
    }
    size_t n = 0;
    for (; n < DESCRIPTION_TOP; n++) {
        size_t best = 0;
        for (size_t port = 1; port < 65536; port++)
            best = counts[port] > counts[best] ? port : best;
        if (counts[best] == 0.0)
            break;
        top[n] = (struct described_port){ (uint16_t)best, counts[best] / n_flows };
        counts[best] = 0.0;
    }
    free(counts);
    return n;
}

/* ---- the whole ---------------------------------------------------------------------------- */

struct description *description_create(const struct dataset *data)
{
    struct description *description = memory_zalloc(1, sizeof *description);
    struct sequence_set *set = sequence_set_create(data, NULL, NULL);
    struct traffic *traffic = traffic_create(set);
    description->source = memory_strdup(data->source);
    description->n_rows_read = data->n_rows_read;
    description->n_rows_refused = data->n_rows_refused;
    description->n_rows_elsewhere = data->n_rows_elsewhere;
    description->attributes = data->attributes;
    description->n_flows = traffic->n_rows;
    description->n_hosts = traffic->n_hosts;
    description->effective_hosts = traffic_effective_hosts(traffic);
    describe_rates(description, traffic);
    describe_volumes(description, traffic);
    describe_types(description, data);
    describe_top_hosts(description, data, traffic);
    description->n_top_local = describe_ports(traffic, ATTRIBUTE_LOCAL_PORT,
                                              description->top_local);
    description->n_top_remote = describe_ports(traffic, ATTRIBUTE_REMOTE_PORT,
                                               description->top_remote);
    description->portrait.conversations = conversations_measure(traffic);
    description->portrait.rules = rules_measure(traffic);
    for (int s = 0; s < N_ACF_SERIES; s++)
        description->portrait.autocorrelation[s] = autocorrelation_measure(traffic, s);
    description->profile = profile_create(traffic);
    traffic_free(traffic);
    sequence_set_free(set);
    return description;
}

void description_free(struct description *description)
{
    if (description == NULL)
        return;
    free(description->source);
    profile_free(description->profile);
    free(description);
}
