#include "eval/profile.h"

#include "base/memory.h"
#include "eval/integer_sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const enum attribute profile_attributes[N_PROFILE_COUNTS] = {
    [PROFILE_GAP] = ATTRIBUTE_GAP,
    [PROFILE_PACKETS] = ATTRIBUTE_PACKETS,
    [PROFILE_BYTES] = ATTRIBUTE_BYTES,
    [PROFILE_DURATION] = ATTRIBUTE_DURATION,
};

const double profile_quantiles[N_QUANTILES] = { 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.99 };

/* ---- counts ------------------------------------------------------------------------------- */

const double *profile_edges(void)
{
    static double edges[PROFILE_CLASSES + 1];
    if (edges[1] == 0.0)
        for (size_t i = 1; i <= PROFILE_CLASSES; i++)
            edges[i] = fmax(edges[i - 1] + 1.0, ceil(1.2 * edges[i - 1]));
    return edges;
}

static size_t class_of(double x)
{
    const double *edges = profile_edges();
    size_t low = 0, high = PROFILE_CLASSES; /* edges[low] <= x < edges[high] */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (edges[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Of ascending whole numbers; between neighbours by their distance, as row_chart.h has it. */
static double quantile(const int64_t *sorted, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at;
    double low = (double)sorted[below];
    return below + 1 < n ? low + (at - (double)below) * ((double)sorted[below + 1] - low) : low;
}

static void count_values(struct profile_count *count, const struct traffic *traffic,
                         enum attribute attribute)
{
    int64_t *values = traffic_gather(traffic, attribute);
    size_t n = traffic->n_rows;
    double sum = 0.0;
    integer_sort(values, n);
    for (size_t i = 0; i < n; i++) {
        count->shares[class_of((double)values[i])] += 1.0 / (double)n;
        count->zero += values[i] == 0 ? 1.0 / (double)n : 0.0;
        sum += (double)values[i];
    }
    count->mean = sum / (double)n;
    count->lowest = (double)values[0];
    count->highest = (double)values[n - 1];
    for (size_t q = 0; q < N_QUANTILES; q++)
        count->quantiles[q] = quantile(values, n, profile_quantiles[q]);
    free(values);
}

/* ---- hours of the day --------------------------------------------------------------------- */

static void bytes_of_hour(struct profile *profile, int hour, int64_t *bytes, size_t n)
{
    integer_sort(bytes, n);
    for (size_t q = 0; q < N_QUANTILES; q++)
        profile->bytes_quantiles[q][hour] = n > 0 ? quantile(bytes, n, profile_quantiles[q])
                                                  : (double)NAN;
    for (size_t c = 0; n == 0 && c < PROFILE_CLASSES; c++)
        profile->bytes_shares[hour][c] = (double)NAN;
    for (size_t i = 0; i < n; i++)
        profile->bytes_shares[hour][class_of((double)bytes[i])] += 1.0 / (double)n;
}

/* How often each hour of the day occurs from the first flow to the last. */
static void count_hours(const struct traffic *traffic, double occurs[N_HOURS], double *n_hours)
{
    struct traffic_period period = traffic_period(traffic);
    int64_t first_hour = period.first / 3600, last_hour = period.last / 3600;
    *n_hours = (double)(last_hour - first_hour + 1);
    for (int hour = 0; hour < N_HOURS; hour++)
        occurs[hour] = floor(*n_hours / N_HOURS);
    for (int64_t k = 0; k < (last_hour - first_hour + 1) % N_HOURS; k++)
        occurs[(first_hour + k) % N_HOURS] += 1.0;
}

static void profile_hours(struct profile *profile, const struct traffic *traffic)
{
    const struct traffic_columns *columns = traffic->columns;
    double occurs[N_HOURS];
    size_t n_flows[N_HOURS] = { 0 }, first[N_HOURS + 1] = { 0 }, filled[N_HOURS] = { 0 };
    int64_t *bytes = memory_alloc(traffic->n_rows, sizeof *bytes);
    count_hours(traffic, occurs, &profile->n_hours);
    for (size_t h = 0; h < traffic->n_hosts; h++)
        for (size_t i = 0; i < traffic->hosts[h].n_rows; i++)
            n_flows[columns->hours[traffic->hosts[h].first + i]]++;
    for (int hour = 0; hour < N_HOURS; hour++)
        first[hour + 1] = first[hour] + n_flows[hour];
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        for (size_t i = 0; i < traffic->hosts[h].n_rows; i++) {
            size_t at = traffic->hosts[h].first + i, hour = columns->hours[at];
            bytes[first[hour] + filled[hour]++] = columns->values[ATTRIBUTE_BYTES][at];
            profile->bytes_by_hour[hour] += (double)columns->values[ATTRIBUTE_BYTES][at];
        }
    }
    for (int hour = 0; hour < N_HOURS; hour++) {
        double n = occurs[hour] * (double)traffic->n_hosts;
        profile->flows_by_hour[hour] = n > 0.0 ? (double)n_flows[hour] / n : (double)NAN;
        profile->bytes_by_hour[hour] = n > 0.0 ? profile->bytes_by_hour[hour] / n : (double)NAN;
        bytes_of_hour(profile, hour, bytes + first[hour], n_flows[hour]);
    }
    free(bytes);
}

/* ---- curves ------------------------------------------------------------------------------- */

static void add_point(struct curve *curve, double x, double y)
{
    curve->x[curve->n] = x;
    curve->y[curve->n++] = y;
}

/* Which of n places are kept: all, or CURVE_POINTS at equal steps of their logarithms. */
static size_t next_place(size_t place, size_t n, size_t n_kept)
{
    if (n <= CURVE_POINTS || place + 1 >= n)
        return place + 1;
    double share = (double)n_kept / (double)(CURVE_POINTS - 1);
    size_t wanted = (size_t)llround(exp(share * log((double)n))) - 1;
    wanted = wanted > place ? wanted : place + 1;
    return wanted < n ? wanted : n - 1;
}

/* Amounts by rank, largest first. Sorts them. */
static struct curve rank_curve(int64_t *amounts, size_t n, double unit)
{
    struct curve curve = { .length = (double)n };
    integer_sort(amounts, n);
    for (size_t place = 0; place < n && curve.n < CURVE_POINTS;
         place = next_place(place, n, curve.n))
        add_point(&curve, (double)place + 1.0, (double)amounts[n - 1 - place] / unit);
    return curve;
}

/* How often each value occurs, in place of the values: sorted first. Returns how many there are. */
static size_t count_equal(int64_t *values, size_t n)
{
    size_t n_counts = 0;
    integer_sort(values, n);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && values[end] == values[i]; end++)
            ;
        values[n_counts++] = (int64_t)(end - i);
    }
    return n_counts;
}

static struct curve popularity(const struct traffic *traffic, enum attribute attribute)
{
    int64_t *values = traffic_gather(traffic, attribute);
    size_t n = count_equal(values, traffic->n_rows);
    struct curve curve = rank_curve(values, n, (double)traffic->n_rows);
    free(values);
    return curve;
}

static void profile_hosts(struct profile *profile, const struct traffic *traffic)
{
    size_t n = traffic->n_hosts;
    int64_t *flows = memory_zalloc(n, sizeof *flows), *bytes = memory_zalloc(n, sizeof *bytes);
    int64_t *remotes = memory_zalloc(n, sizeof *remotes);
    for (size_t h = 0; h < n; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        int64_t *seen = memory_alloc(host->n_rows, sizeof *seen);
        flows[h] = (int64_t)host->n_rows;
        for (size_t i = 0; i < host->n_rows; i++) {
            bytes[h] += traffic->columns->values[ATTRIBUTE_BYTES][host->first + i];
            seen[i] = traffic->columns->values[ATTRIBUTE_REMOTE][host->first + i];
        }
        remotes[h] = (int64_t)count_equal(seen, host->n_rows);
        free(seen);
    }
    profile->host_flows = rank_curve(flows, n, 1.0);
    profile->host_bytes = rank_curve(bytes, n, 1.0);
    profile->host_remotes = rank_curve(remotes, n, 1.0);
    free(flows);
    free(bytes);
    free(remotes);
}

/* ---- conversations ------------------------------------------------------------------------ */

/* What the flows of a conversation of a host share (conversations.h). */
struct conversation_key {
    uint64_t remote_and_ports;
    uint8_t protocol;
};

static int compare_keys(const void *a, const void *b)
{
    const struct conversation_key *x = a, *y = b;
    if (x->remote_and_ports != y->remote_and_ports)
        return x->remote_and_ports < y->remote_and_ports ? -1 : 1;
    return (x->protocol > y->protocol) - (x->protocol < y->protocol);
}

/* Writes how many flows each conversation of the host has; returns how many there are. */
static size_t conversation_sizes(const struct traffic *traffic, const struct traffic_host *host,
                                 int64_t *sizes)
{
    int64_t *const *values = traffic->columns->values;
    struct conversation_key *keys = memory_alloc(host->n_rows, sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; i < host->n_rows; i++) {
        size_t at = host->first + i;
        keys[i] = (struct conversation_key){
            (uint64_t)values[ATTRIBUTE_REMOTE][at] << 32 |
                (uint64_t)values[ATTRIBUTE_LOCAL_PORT][at] << 16 |
                (uint64_t)values[ATTRIBUTE_REMOTE_PORT][at],
            (uint8_t)values[ATTRIBUTE_PROTOCOL][at],
        };
    }
    qsort(keys, host->n_rows, sizeof *keys, compare_keys);
    for (size_t i = 0, end; i < host->n_rows; i = end) {
        for (end = i; end < host->n_rows && compare_keys(&keys[i], &keys[end]) == 0; end++)
            ;
        sizes[n++] = (int64_t)(end - i);
    }
    free(keys);
    return n;
}

/* The share of the conversations that have x flows or more, at each x that occurs. */
static void profile_conversations(struct profile *profile, const struct traffic *traffic)
{
    int64_t *sizes = memory_alloc(traffic->n_rows, sizeof *sizes);
    size_t n = 0, n_distinct = 0;
    for (size_t h = 0; h < traffic->n_hosts; h++)
        n += conversation_sizes(traffic, &traffic->hosts[h], sizes + n);
    integer_sort(sizes, n);
    struct curve *curve = &profile->conversations;
    curve->length = (double)n;
    for (size_t i = 0; i < n; i++)
        n_distinct += i == 0 || sizes[i] != sizes[i - 1];
    for (size_t i = 0, place = 0, wanted = 0; i < n; i++) {
        if (i > 0 && sizes[i] == sizes[i - 1])
            continue;
        if (place++ == wanted && curve->n < CURVE_POINTS) {
            add_point(curve, (double)sizes[i], (double)(n - i) / (double)n);
            wanted = next_place(place - 1, n_distinct, curve->n);
        }
    }
    free(sizes);
}

/* ---- the whole ---------------------------------------------------------------------------- */

struct profile *profile_create(const struct traffic *traffic)
{
    struct profile *profile = memory_zalloc(1, sizeof *profile);
    profile->n_flows = traffic->n_rows;
    profile->n_hosts = traffic->n_hosts;
    for (int c = 0; c < N_PROFILE_COUNTS; c++)
        count_values(&profile->counts[c], traffic, profile_attributes[c]);
    profile_hours(profile, traffic);
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        for (size_t i = host->first; i < host->first + host->n_rows; i++) {
            profile->protocols[traffic->columns->values[ATTRIBUTE_PROTOCOL][i]] += 1.0;
            profile->out += traffic->columns->values[ATTRIBUTE_DIRECTION][i] == DIRECTION_OUT;
        }
    }
    for (int p = 0; p < 256; p++)
        profile->protocols[p] /= (double)traffic->n_rows;
    profile->out /= (double)traffic->n_rows;
    profile->local_ports = popularity(traffic, ATTRIBUTE_LOCAL_PORT);
    profile->remote_ports = popularity(traffic, ATTRIBUTE_REMOTE_PORT);
    profile->remotes = popularity(traffic, ATTRIBUTE_REMOTE);
    profile_hosts(profile, traffic);
    profile_conversations(profile, traffic);
    return profile;
}

void profile_free(struct profile *profile)
{
    free(profile);
}

/* ---- JSON --------------------------------------------------------------------------------- */

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *numbers(const double *values, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, number(values[i]));
    return list;
}

#define QUANTILE_KEY_SIZE 16
static void quantile_key(size_t q, char key[QUANTILE_KEY_SIZE])
{
    snprintf(key, QUANTILE_KEY_SIZE, "%.2f", profile_quantiles[q]);
}

static json_t *count_json(const struct profile_count *count, const char *unit)
{
    json_t *object = json_object(), *quantiles = json_object();
    json_object_set_new(object, "unit", json_string(unit));
    json_object_set_new(object, "zero", number(count->zero));
    json_object_set_new(object, "mean", number(count->mean));
    json_object_set_new(object, "lowest", number(count->lowest));
    json_object_set_new(object, "highest", number(count->highest));
    for (size_t q = 0; q < N_QUANTILES; q++) {
        char key[QUANTILE_KEY_SIZE];
        quantile_key(q, key);
        json_object_set_new(quantiles, key, number(count->quantiles[q]));
    }
    json_object_set_new(object, "quantiles", quantiles);
    size_t n = PROFILE_CLASSES;
    while (n > 1 && count->shares[n - 1] == 0.0)
        n--;
    json_object_set_new(object, "edges", numbers(profile_edges(), n + 1));
    json_object_set_new(object, "shares", numbers(count->shares, n));
    return object;
}

static json_t *curve_json(const struct curve *curve)
{
    json_t *object = json_object();
    json_object_set_new(object, "length", number(curve->length));
    json_object_set_new(object, "x", numbers(curve->x, curve->n));
    json_object_set_new(object, "y", numbers(curve->y, curve->n));
    return object;
}

static json_t *protocols_json(const struct profile *profile)
{
    json_t *object = json_object();
    for (int p = 0; p < 256; p++)
        if (profile->protocols[p] > 0.0)
            json_object_set_new(object, protocol_name((uint8_t)p), number(profile->protocols[p]));
    return object;
}

json_t *profile_json(const struct profile *profile)
{
    static const struct {
        const char *name;
        size_t offset;
    } curves[] = {
        { "host_flows", offsetof(struct profile, host_flows) },
        { "host_bytes", offsetof(struct profile, host_bytes) },
        { "host_remotes", offsetof(struct profile, host_remotes) },
        { "local_ports", offsetof(struct profile, local_ports) },
        { "remote_ports", offsetof(struct profile, remote_ports) },
        { "remotes", offsetof(struct profile, remotes) },
        { "conversations", offsetof(struct profile, conversations) },
    };
    json_t *object = json_object(), *counts = json_object(), *ranks = json_object();
    json_object_set_new(object, "flows", json_integer((json_int_t)profile->n_flows));
    json_object_set_new(object, "hosts", json_integer((json_int_t)profile->n_hosts));
    json_object_set_new(object, "hours", number(profile->n_hours));
    json_object_set_new(object, "out", number(profile->out));
    json_object_set_new(object, "protocols", protocols_json(profile));
    json_object_set_new(object, "flows_by_hour", numbers(profile->flows_by_hour, N_HOURS));
    json_object_set_new(object, "bytes_by_hour", numbers(profile->bytes_by_hour, N_HOURS));
    json_t *by_hour = json_object();
    for (size_t q = 0; q < N_QUANTILES; q++) {
        char key[QUANTILE_KEY_SIZE];
        quantile_key(q, key);
        json_object_set_new(by_hour, key, numbers(profile->bytes_quantiles[q], N_HOURS));
    }
    json_object_set_new(object, "bytes_by_hour_quantiles", by_hour);
    for (int c = 0; c < N_PROFILE_COUNTS; c++) {
        const struct attribute_info *info = &attribute_infos[profile_attributes[c]];
        json_object_set_new(counts, info->name, count_json(&profile->counts[c], info->unit));
    }
    json_object_set_new(object, "counts", counts);
    for (size_t c = 0; c < ARRAY_LEN(curves); c++)
        json_object_set_new(ranks, curves[c].name,
                            curve_json((const struct curve *)(const void *)((const char *)profile +
                                                                            curves[c].offset)));
    json_object_set_new(object, "curves", ranks);
    return object;
}
