#include "model/masked_conv/pace.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/calendar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An hour of the day that was observed for less has no rates of its own. */
#define SECONDS_MIN 600.0

enum { RATES_PER_HOST = PACE_COUNTS * (HOURS_PER_DAY + 1) };

/* ---- counts ------------------------------------------------------------------------------- */

static int64_t sum_of(const int32_t *flows, size_t n, size_t stride)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += flows[i * stride];
    return sum;
}

int64_t pace_flows(const struct pace_counts *counts)
{
    return sum_of(counts->of_class, PACE_CLASSES, 1);
}

int64_t pace_flows_out(const struct pace_counts *counts)
{
    int64_t sum = 0;
    for (size_t share = 0; share < N_SHARES; share++)
        sum += pace_flows_of_form(counts, DIRECTION_OUT * N_SHARES + share);
    return sum;
}

int64_t pace_flows_of_kind(const struct pace_counts *counts, enum link_kind kind)
{
    return sum_of(counts->of_class + (size_t)kind * PACE_FORMS, PACE_FORMS, 1);
}

int64_t pace_flows_of_form(const struct pace_counts *counts, size_t form)
{
    return sum_of(counts->of_class + form, N_LINK_KINDS, PACE_FORMS);
}

int64_t pace_flows_of_depths(const struct pace_counts *counts, size_t from, size_t end)
{
    return sum_of(counts->of_depth + from, end - from, 1);
}

struct pace_mark pace_mark(const struct pace_facts *facts, const struct service_lists *services)
{
    enum link_kind kind = facts->kind;
    int64_t gap = facts->row->value[ATTRIBUTE_GAP];
    return (struct pace_mark){
        .class = (uint8_t)pace_class(kind, facts->row),
        .depth = (uint8_t)pace_depth(gap == 0 ? facts->n_in_second : 0),
        .service = (uint8_t)(kind * SERVICE_SLOTS + service_slot(services, facts->row)),
        .turn = (uint8_t)(kind * PACE_TURNS + pace_turn(facts->n_in_hour)),
        .gap = (uint8_t)(facts->before * PACE_GAPS + pace_gap(gap)),
        .step = (uint8_t)(pace_state(facts->before, gap) * N_LINK_KINDS + kind),
    };
}

void pace_add(struct pace_counts *counts, struct pace_mark mark, int32_t n)
{
    counts->of_class[mark.class] += n;
    counts->of_depth[mark.depth] += n;
    counts->of_service[mark.service] += n;
    counts->of_turn[mark.turn] += n;
    counts->of_gap[mark.gap] += n;
    counts->of_step[mark.step] += n;
}

void pace_add_counts(struct pace_counts *counts, const struct pace_counts *others, int32_t n)
{
    for (size_t i = 0; i < PACE_COUNTS; i++)
        counts->all[i] += n * others->all[i];
}

/* Takes one away of what has some, or of what has most. */
static void take(int32_t *counts, size_t n, size_t at)
{
    if (counts[at] == 0)
        for (size_t i = 0; i < n; i++)
            if (counts[i] > counts[at])
                at = i;
    counts[at] -= counts[at] > 0;
}

void pace_take(struct pace_counts *counts, struct pace_mark mark)
{
    take(counts->of_class, PACE_CLASSES, mark.class);
    take(counts->of_service, PACE_SERVICES, mark.service);
    take(counts->of_turn, PACE_TURNS_OF_KINDS, mark.turn);
    take(counts->of_gap, PACE_GAPS_OF_KINDS, mark.gap);
    take(counts->of_step, PACE_STATES * N_LINK_KINDS, mark.step);
    int32_t *of_depth = &counts->of_depth[mark.depth];
    *of_depth -= *of_depth > 0;
}

/* What is over of a flow goes to the next count, if `carries`. */
static void shorten(int32_t *counts, size_t n, int64_t seconds, bool carries)
{
    int64_t over = 0;
    for (size_t i = 0; i < n; i++) {
        over = (carries ? over : 0) + counts[i] * seconds;
        counts[i] = (int32_t)(over / SECONDS_PER_HOUR);
        over %= SECONDS_PER_HOUR;
    }
}

void pace_shorten(struct pace_counts *counts, int64_t seconds)
{
    shorten(counts->of_class, PACE_CLASSES, seconds, true);
    shorten(counts->of_depth, PACE_DEPTHS, seconds, false);
    shorten(counts->of_service, PACE_SERVICES, seconds, true);
    shorten(counts->of_turn, PACE_TURNS_OF_KINDS, seconds, true);
    shorten(counts->of_gap, PACE_GAPS_OF_KINDS, seconds, true);
    shorten(counts->of_step, PACE_STATES * N_LINK_KINDS, seconds, true);
}

/* ---- blurring ---------------------------------------------------------------------------- */

/* A Poisson number: the arrivals of a unit of time where their mean is small (Knuth 1969), a
 * rounded normal one where it is not. */
static int32_t draw_poisson(double mean, struct rng *rng)
{
    if (mean > 64.0)
        return (int32_t)fmin(fmax(round(mean + sqrt(mean) * rng_normal(rng)), 0.0), 1e9);
    int32_t n = 0;
    if (mean > 0.0)
        for (double time = rng_exponential(rng); time < mean; time += rng_exponential(rng))
            n++;
    return n;
}

void pace_draw_error(const struct pace_counts *of_hour, struct rng *rng, struct pace_counts *error)
{
    for (size_t c = 0; c < PACE_COUNTS; c++)
        error->all[c] = draw_poisson(of_hour->all[c], rng) - of_hour->all[c];
}

/* Shares n among counts as these are to each other, rounded where they end one after another. */
static void share_out(int32_t *counts, size_t n_counts, int64_t n)
{
    int64_t all = sum_of(counts, n_counts, 1), sum = 0, shared = 0;
    for (size_t c = 0; c < n_counts; c++) {
        sum += counts[c];
        int64_t until = (2 * sum * n + all) / (2 * all);
        counts[c] = (int32_t)(until - shared);
        shared = until;
    }
}

void pace_blur(struct pace_counts *left, const struct pace_counts *error)
{
    int32_t of_class[PACE_CLASSES];
    int64_t n_left = pace_flows(left);
    memcpy(of_class, left->of_class, sizeof of_class);
    for (size_t c = 0; c < PACE_COUNTS; c++) {
        int32_t n = left->all[c] + error->all[c];
        left->all[c] = n > 0 ? n : 0;
    }
    if (pace_flows(left) > 0)
        share_out(left->of_class, PACE_CLASSES, n_left);
    else
        memcpy(left->of_class, of_class, sizeof of_class);
}

/* ---- learning ----------------------------------------------------------------------------- */

static void observe(double seconds[HOURS_PER_DAY], int64_t from, int64_t until)
{
    for (int64_t clock = from; clock < until;) {
        int64_t hour = clock / SECONDS_PER_HOUR, next = (hour + 1) * SECONDS_PER_HOUR;
        next = next < until ? next : until;
        seconds[hour % HOURS_PER_DAY] += (double)(next - clock);
        clock = next;
    }
}

static void count_flows(double *rates, const struct sequence *sequence,
                        const struct service_lists *services, bool has_memory)
{
    struct conversation_memory *memory = conversation_memory_create();
    int64_t clock = sequence->start;
    size_t n_in_second = 0; /* rows so far that end at the clock */
    enum link_kind before = LINK_NEW;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        const struct row *row = &sequence->rows[i];
        struct link link = conversation_link(memory, row);
        clock += row->value[ATTRIBUTE_GAP];
        const struct past_row *match = conversation_match(memory, &link);
        struct pace_facts facts = { row, link.kind, before, n_in_second,
                                    past_row_in_hour(match, clock) };
        before = link.kind;
        n_in_second = row->value[ATTRIBUTE_GAP] == 0 ? n_in_second + 1 : 1;
        if (has_memory)
            conversation_note(memory, row, clock);
        if (i < sequence->first_scored)
            continue;
        double *of_hour = rates + PACE_COUNTS * (clock / SECONDS_PER_HOUR % HOURS_PER_DAY);
        struct pace_counts one = { 0 };
        pace_add(&one, pace_mark(&facts, services), 1);
        for (size_t c = 0; c < PACE_COUNTS; c++)
            of_hour[c] += one.all[c];
    }
    conversation_memory_free(memory);
}

/* Counts to rates, and those of the whole day. */
static void rate_flows(double *rates, const double seconds[HOURS_PER_DAY])
{
    double *whole = rates + (size_t)PACE_COUNTS * HOURS_PER_DAY, all_seconds = 0.0;
    for (size_t hour = 0; hour < HOURS_PER_DAY; hour++) {
        all_seconds += seconds[hour];
        for (size_t r = 0; r < PACE_COUNTS; r++) {
            double *rate = &rates[PACE_COUNTS * hour + r];
            whole[r] += *rate;
            *rate *= seconds[hour] > 0.0 ? (double)SECONDS_PER_HOUR / seconds[hour] : 0.0;
        }
    }
    for (size_t r = 0; r < PACE_COUNTS; r++)
        whole[r] *= all_seconds > 0.0 ? (double)SECONDS_PER_HOUR / all_seconds : 0.0;
}

void hourly_flows_init(struct hourly_flows *hourly, size_t n_hosts, int64_t from, int64_t until)
{
    *hourly = (struct hourly_flows){ .n_hosts = n_hosts };
    hourly->rates = memory_zalloc(memory_product(n_hosts, RATES_PER_HOST), sizeof(double));
    observe(hourly->seconds, from / MS_PER_SECOND, (until + MS_PER_SECOND - 1) / MS_PER_SECOND);
}

void hourly_flows_learn(struct hourly_flows *hourly, size_t host, const struct sequence *sequence,
                        const struct service_lists *services, bool has_memory)
{
    double *rates = hourly->rates + host * RATES_PER_HOST;
    count_flows(rates, sequence, services, has_memory);
    rate_flows(rates, hourly->seconds);
}

void hourly_flows_release(struct hourly_flows *hourly)
{
    free(hourly->rates);
    *hourly = (struct hourly_flows){ 0 };
}

/* ---- drawing ------------------------------------------------------------------------------ */

/* So few flows of an hour deviate as so many do. */
#define FEWEST_FLOWS 4.0

/* The first n counts; those of a shorter draw are the same. */
static void draw_counts(const struct hourly_flows *hourly, size_t host, int64_t hour, uint64_t seed,
                        uint64_t stream, int32_t *counts, size_t n)
{
    struct rng rng = rng_stream(seed, RNG_SAMPLE_PACE, stream, (uint64_t)hour);
    int64_t of_day = hour % HOURS_PER_DAY;
    int64_t at = hourly->seconds[of_day] >= SECONDS_MIN ? of_day : HOURS_PER_DAY;
    const double *rates = hourly->rates + host * RATES_PER_HOST + PACE_COUNTS * at;
    double mean = 0.0;
    for (size_t c = 0; c < PACE_CLASSES; c++)
        mean += rates[c];
    double deviation = 1.0 / sqrt(fmax(mean, FEWEST_FLOWS));
    double scale = fmax(0.0, 1.0 + deviation * rng_normal(&rng)), offset = rng_uniform(&rng);
    for (size_t c = 0; c < n; c++)
        counts[c] = (int32_t)fmin(floor(rates[c] * scale + offset), 1e9);
}

void hourly_flows_draw(const struct hourly_flows *hourly, size_t host, int64_t hour, uint64_t seed,
                       uint64_t stream, struct pace_counts *flows)
{
    draw_counts(hourly, host, hour, seed, stream, flows->all, PACE_COUNTS);
}

int64_t hourly_flows_of_hour(const struct hourly_flows *hourly, size_t host, int64_t hour,
                             uint64_t seed, uint64_t stream)
{
    int32_t of_class[PACE_CLASSES];
    draw_counts(hourly, host, hour, seed, stream, of_class, PACE_CLASSES);
    return sum_of(of_class, PACE_CLASSES, 1);
}

/* ---- files -------------------------------------------------------------------------------- */

enum status hourly_flows_save(const struct hourly_flows *hourly, struct hdf5_group *parent,
                              struct error *err)
{
    const size_t n_hours = HOURS_PER_DAY,
                 size[] = { hourly->n_hosts, HOURS_PER_DAY + 1, PACE_COUNTS };
    FORWARD(
        hdf5_write_array(parent, "hourly_seconds", HDF5_F64, hourly->seconds, 1, &n_hours, err));
    return hdf5_write_array(parent, "hourly_flows", HDF5_F64, hourly->rates, 3, size, err);
}

enum status hourly_flows_load(struct hourly_flows *hourly, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err)
{
    size_t n_rates = memory_product(n_hosts, RATES_PER_HOST);
    *hourly = (struct hourly_flows){ .n_hosts = n_hosts };
    hourly->rates = memory_alloc(n_rates, sizeof *hourly->rates);
    FORWARD(
        hdf5_read_array(parent, "hourly_seconds", HDF5_F64, hourly->seconds, HOURS_PER_DAY, err));
    FORWARD(hdf5_read_array(parent, "hourly_flows", HDF5_F64, hourly->rates, n_rates, err));
    for (size_t i = 0; i < n_rates; i++)
        RETURN_IF(!(hourly->rates[i] >= 0.0 && hourly->rates[i] < 1e9), err, STATUS_FORMAT,
                  "hourly_flows holds %g flows in an hour", hourly->rates[i]);
    return STATUS_OK;
}
