#include "sample/sample_plan.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/calendar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS_STANDARD = 20 };

static const char *const embedding_names[] = { "unknown", "drawn", NULL };

#define TEMPERATURE(group, word, what)                                                             \
    {                                                                                              \
        "temperature-" word, 0, OPTION_REAL, AT(temperature[group]), "1",                          \
            .minimum = 0.01, .maximum = 100, .argument = "T",                                      \
            .help = "temperature of " what " (masked-conv): below 1 keeps to the usual"            \
    }
#define AT(field) offsetof(struct sample_settings, field)
const struct option sample_options[] = {
    { "hosts", 0, OPTION_INT, AT(hosts), "0", .minimum = 0, .maximum = 1e7, .argument = "N",
      .help = "how many new hosts; 0 for 20, or for those of --twin-of or --continue" },
    { "twin-of", 0, OPTION_TEXT, AT(twin_of), NULL, .argument = "HOSTS",
      .help = "twins of hosts of the training: addresses, prefixes, @FILE, or all" },
    { "embedding", 0, OPTION_CHOICE, AT(embedding), "unknown", .choices = embedding_names,
      .argument = "NAME",
      .help =
          "what a new host is like: no host in particular, or one of the training (masked-conv)" },
    { "days", 0, OPTION_REAL, AT(days), "1", .minimum = 1e-4, .maximum = 36500, .argument = "D",
      .help = "for how many days" },
    { "start", 0, OPTION_TEXT, AT(start), NULL, .argument = "DATE",
      .help = "from when, YYYY-MM-DD [hh:mm:ss]; else training's first day, or --continue's end" },
    { "seed", 0, OPTION_INT, AT(seed), "1", .minimum = 0, .maximum = 0x1p53, .argument = "S",
      .help = "same seed, same flows" },
    { "max-flows", 0, OPTION_INT, AT(max_flows), "0", .minimum = 0, .maximum = 0x1p53,
      .argument = "N", .help = "stop after so many; 0 for no limit" },
    { "truncation", 0, OPTION_REAL, AT(truncation), "0.0002", .minimum = 0, .maximum = 0.1,
      .argument = "P",
      .help = "do not draw what is less probable than about this (masked-conv); 0 draws all" },
    TEMPERATURE(TEMPERATURE_TIMES, "times", "gaps and durations"),
    TEMPERATURE(TEMPERATURE_LINKS, "links", "who talks with whom"),
    TEMPERATURE(TEMPERATURE_PORTS, "ports", "protocols and ports"),
    TEMPERATURE(TEMPERATURE_MARKS, "marks", "flags, tos, fwd and labels"),
    TEMPERATURE(TEMPERATURE_SIZES, "sizes", "packets and bytes"),
};
#undef AT
#undef TEMPERATURE
const size_t n_sample_options = ARRAY_LEN(sample_options);

static const enum temperature_group groups[N_ATTRIBUTES] = {
    [ATTRIBUTE_GAP] = TEMPERATURE_TIMES,        [ATTRIBUTE_DURATION] = TEMPERATURE_TIMES,
    [ATTRIBUTE_LINK] = TEMPERATURE_LINKS,       [ATTRIBUTE_REMOTE] = TEMPERATURE_LINKS,
    [ATTRIBUTE_DIRECTION] = TEMPERATURE_LINKS,  [ATTRIBUTE_PROTOCOL] = TEMPERATURE_PORTS,
    [ATTRIBUTE_LOCAL_PORT] = TEMPERATURE_PORTS, [ATTRIBUTE_REMOTE_PORT] = TEMPERATURE_PORTS,
    [ATTRIBUTE_FLAGS] = TEMPERATURE_MARKS,      [ATTRIBUTE_TOS] = TEMPERATURE_MARKS,
    [ATTRIBUTE_FORWARDING] = TEMPERATURE_MARKS, [ATTRIBUTE_LABEL] = TEMPERATURE_MARKS,
    [ATTRIBUTE_PACKETS] = TEMPERATURE_SIZES,    [ATTRIBUTE_BYTES] = TEMPERATURE_SIZES,
};

/* ---- new hosts ---------------------------------------------------------------------------- */

static uint32_t address_at(const struct address_set *set, uint64_t index)
{
    for (size_t r = 0; r < set->n_ranges; r++) {
        uint64_t size = (uint64_t)set->ranges[r].last - set->ranges[r].first + 1;
        if (index < size)
            return set->ranges[r].first + (uint32_t)index;
        index -= size;
    }
    BUG("address %llu of a set that has fewer", (unsigned long long)index);
}

/* The addresses of n hosts, distinct, that are not `taken` (sorted, part of the set): one from each
 * of n equal parts of what is left. */
static void draw_addresses(const struct address_set *set, const uint32_t *taken, size_t n_taken,
                           uint64_t seed, struct sampler_host *hosts, size_t n)
{
    double n_free = (double)(address_set_size(set) - n_taken);
    struct rng rng = rng_stream(seed, RNG_SAMPLE_HOST, 0, 0);
    size_t n_passed = 0; /* of the taken ones */
    for (size_t i = 0; i < n; i++) {
        uint64_t first = (uint64_t)(n_free * (double)i / (double)n);
        uint64_t last = (uint64_t)(n_free * (double)(i + 1) / (double)n);
        uint64_t index = first + rng_below(&rng, last - first);
        while (n_passed < n_taken && taken[n_passed] <= address_at(set, index + n_passed))
            n_passed++;
        hosts[i].address = address_at(set, index + n_passed);
    }
}

static enum status plan_new_hosts(struct sample_plan *plan, const struct model *model,
                                  const struct sample_settings *settings, struct error *err)
{
    const struct training_record *record = &model->trained_on;
    size_t n = settings->hosts > 0 ? (size_t)settings->hosts : HOSTS_STANDARD;
    uint64_t n_addresses = address_set_size(&model->monitored);
    RETURN_IF(n > n_addresses, err, STATUS_USAGE,
              "hosts: the model's hosts live in %llu addresses; %zu cannot be drawn from them",
              (unsigned long long)n_addresses, n);
    RETURN_IF(
        settings->embedding == EMBEDDING_DRAWN && !model_knows_hosts(model), err, STATUS_USAGE,
        "embedding: this %s draws all hosts alike; only a model that has learned them "
        "(masked-conv, with host-embedding or pace) draws new ones like those of the training",
        model->kind->name);
    RETURN_IF(settings->embedding == EMBEDDING_DRAWN && record->n_hosts == 0, err, STATUS_USAGE,
              "embedding: the model does not say which hosts it was trained on, so none can be "
              "drawn from them");
    plan->n_hosts = n;
    plan->hosts = memory_zalloc(n, sizeof *plan->hosts);
    bool has_others = n_addresses - record->n_hosts >= n;
    draw_addresses(&model->monitored, record->hosts, has_others ? record->n_hosts : 0, plan->seed,
                   plan->hosts, n);
    for (size_t h = 0; h < n; h++) {
        struct sampler_host *host = &plan->hosts[h];
        host->stream = h;
        host->start = plan->start;
        if (settings->embedding != EMBEDDING_DRAWN)
            continue;
        struct rng rng = rng_stream(plan->seed, RNG_SAMPLE_HOST, h, 1);
        host->is_twin = true;
        host->twin_of = record->hosts[rng_below(&rng, record->n_hosts)];
    }
    return STATUS_OK;
}

/* ---- twins -------------------------------------------------------------------------------- */

/* Adds what one word of a list names, which has to be at least one host of the training. */
static enum status add_originals(struct address_set *originals, const char *word,
                                 const struct training_record *record, struct error *err)
{
    struct address_set named = { 0 };
    enum status status = address_set_add_text(&named, word, err);
    size_t n_known = 0;
    for (size_t h = 0; status == STATUS_OK && h < record->n_hosts; h++)
        n_known += address_set_has(&named, record->hosts[h]);
    char example[ADDRESS_TEXT_SIZE] = "";
    if (record->n_hosts > 0)
        address_format(record->hosts[0], example);
    if (status != STATUS_OK)
        error_prefix(err, "twin-of: ");
    else if (n_known == 0)
        status = error_set(err, STATUS_USAGE,
                           "twin-of: no host of the training is %s%.64s; the model was trained on "
                           "%zu hosts%s%s",
                           strpbrk(word, "/@") != NULL ? "in " : "", word, record->n_hosts,
                           record->n_hosts > 0 ? ", such as " : "", example);
    for (size_t r = 0; status == STATUS_OK && r < named.n_ranges; r++)
        address_set_add_range(originals, named.ranges[r].first, named.ranges[r].last);
    address_set_release(&named);
    return status;
}

/* The training hosts that a list names. */
static enum status find_originals(struct address_set *originals, const char *list,
                                  const struct training_record *record, struct error *err)
{
    if (strcmp(list, "all") == 0) {
        RETURN_IF(record->n_hosts == 0, err, STATUS_USAGE,
                  "twin-of: the model does not say which hosts it was trained on");
        address_set_add_range(originals, 0, UINT32_MAX);
        return STATUS_OK;
    }
    static const char separators[] = ", \t\n";
    char *words = memory_strdup(list), *rest = NULL;
    enum status status = STATUS_OK;
    char *word = strtok_r(words, separators, &rest);
    if (word == NULL)
        status = error_set(err, STATUS_USAGE, "twin-of: name hosts of the training, or all");
    for (; status == STATUS_OK && word != NULL; word = strtok_r(NULL, separators, &rest))
        status = add_originals(originals, word, record, err);
    free(words);
    return status;
}

static enum status plan_twins(struct sample_plan *plan, const struct model *model,
                              const struct sample_settings *settings, struct error *err)
{
    const struct training_record *record = &model->trained_on;
    struct address_set originals = { 0 };
    enum status status = find_originals(&originals, settings->twin_of, record, err);
    if (status == STATUS_OK)
        plan->hosts = memory_zalloc(record->n_hosts, sizeof *plan->hosts);
    for (size_t h = 0; status == STATUS_OK && h < record->n_hosts; h++) {
        uint32_t address = record->hosts[h];
        if (address_set_has(&originals, address))
            plan->hosts[plan->n_hosts++] = (struct sampler_host){ .address = address,
                                                                  .stream = address,
                                                                  .start = plan->start,
                                                                  .is_twin = true,
                                                                  .twin_of = address };
    }
    address_set_release(&originals);
    return status;
}

/* ---- hosts that go on --------------------------------------------------------------------- */

/* The rows of a sequence that end before a moment, and the clock after the last of them. */
static int64_t cut_past(struct sequence *past, int64_t moment)
{
    int64_t clock = past->start;
    size_t n = 0;
    for (; n < past->n_rows; n++) {
        int64_t end = clock + past->rows[n].value[ATTRIBUTE_GAP];
        if (end >= moment)
            break;
        clock = end;
    }
    past->n_rows = n;
    past->first_scored = 0;
    return clock;
}

static enum status plan_past(struct sample_plan *plan, const struct model *model,
                             const struct sequence_set *past, struct error *err)
{
    RETURN_IF(plan->start <= past->start, err, STATUS_USAGE,
              "start: nothing of the flows to continue lies before that");
    plan->n_hosts = past->n;
    plan->hosts = memory_zalloc(past->n, sizeof *plan->hosts);
    plan->pasts = memory_alloc(past->n, sizeof *plan->pasts);
    for (size_t h = 0; h < past->n; h++) {
        struct sampler_host *host = &plan->hosts[h];
        struct sequence *rows = &plan->pasts[h];
        *rows = past->items[h];
        int64_t clock = cut_past(rows, plan->start);
        *host = (struct sampler_host){
            .address = rows->host,
            .stream = rows->host,
            .start = rows->n_rows > 0 ? clock : plan->start,
            .is_twin = training_record_has(&model->trained_on, rows->host),
            .past = rows->n_rows > 0 ? rows : NULL,
        };
        host->twin_of = host->is_twin ? rows->host : 0;
    }
    return STATUS_OK;
}

/* ---- the plan ----------------------------------------------------------------------------- */

static enum status check_settings(const struct sample_settings *settings, struct error *err)
{
    RETURN_IF(settings->past != NULL && settings->twin_of != NULL, err, STATUS_USAGE,
              "--twin-of and --continue each say which hosts are drawn; give one");
    const char *other = settings->past != NULL      ? "--continue"
                        : settings->twin_of != NULL ? "--twin-of"
                                                    : NULL;
    RETURN_IF(other != NULL && settings->hosts > 0, err, STATUS_USAGE,
              "--hosts asks for new hosts, and %s says which others are drawn; give one", other);
    RETURN_IF(other != NULL && settings->embedding != EMBEDDING_UNKNOWN, err, STATUS_USAGE,
              "--embedding says what new hosts are like, and %s draws none; leave one out", other);
    return STATUS_OK;
}

static enum status plan_period(struct sample_plan *plan, const struct model *model,
                               const struct sample_settings *settings, struct error *err)
{
    int64_t start = calendar_midnight(model->trained_on.from);
    if (settings->past != NULL)
        start = settings->past->end * MS_PER_SECOND;
    RETURN_IF(settings->start != NULL &&
                  !calendar_parse(settings->start, strlen(settings->start), &start),
              err, STATUS_USAGE, "start: \"%s\" is no date like 2016-04-12 or 2016-04-12 08:00:00",
              settings->start);
    plan->start = start / MS_PER_SECOND;
    plan->end = plan->start + (int64_t)llround(settings->days * 86400.0);
    return STATUS_OK;
}

static enum status plan_temperatures(struct sample_plan *plan, const struct model *model,
                                     const struct sample_settings *settings, struct error *err)
{
    static const char *const names[N_TEMPERATURE_GROUPS] = { "times", "links", "ports", "marks",
                                                             "sizes" };
    for (size_t g = 0; g < N_TEMPERATURE_GROUPS; g++) {
        bool is_plain = settings->temperature[g] == 0.0 || settings->temperature[g] == 1.0;
        RETURN_IF(!is_plain && !model->kind->has_temperatures, err, STATUS_USAGE,
                  "temperature-%s: a %s is drawn from as it is; only some kinds of models "
                  "(masked-conv) have temperatures",
                  names[g], model->kind->name);
    }
    RETURN_IF(settings->truncation != 0.0 && settings->truncation != SAMPLE_TRUNCATION &&
                  !model->kind->has_temperatures,
              err, STATUS_USAGE,
              "truncation: a %s is drawn from as it is; only some kinds of models (masked-conv) "
              "are truncated",
              model->kind->name);
    plan->truncation = settings->truncation;
    for (size_t a = 0; a < N_ATTRIBUTES; a++) {
        double temperature = settings->temperature[groups[a]];
        plan->temperature[a] = temperature == 0.0 ? 1.0 : temperature;
    }
    return STATUS_OK;
}

struct written_host {
    uint32_t address;
    struct sampler_host host;
};

static int compare_written(const void *a, const void *b)
{
    const struct written_host *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

/* Hosts by the addresses that are written: as the flows of one second stand in the order of hosts,
 * any other order would tell something about the addresses behind those. */
static void order_hosts(struct sample_plan *plan)
{
    size_t n = plan->n_hosts;
    struct written_host *written = memory_alloc(n, sizeof *written);
    for (size_t h = 0; h < n; h++) {
        uint32_t address = plan->hosts[h].address;
        written[h] = (struct written_host){
            .address = plan->remap != NULL ? address_remap_apply(plan->remap, address) : address,
            .host = plan->hosts[h],
        };
    }
    qsort(written, n, sizeof *written, compare_written);
    plan->addresses = memory_alloc(n, sizeof *plan->addresses);
    for (size_t h = 0; h < n; h++) {
        plan->hosts[h] = written[h].host;
        plan->addresses[h] = written[h].address;
    }
    free(written);
}

enum status sample_plan_create(struct sample_plan *plan, const struct model *model,
                               const struct sample_settings *settings, struct error *err)
{
    *plan = (struct sample_plan){ .seed = (uint64_t)settings->seed,
                                  .max_flows = (uint64_t)settings->max_flows,
                                  .remap = settings->remap };
    FORWARD(check_settings(settings, err));
    FORWARD(plan_period(plan, model, settings, err));
    FORWARD(plan_temperatures(plan, model, settings, err));
    enum status status;
    if (settings->past != NULL)
        status = plan_past(plan, model, settings->past, err);
    else if (settings->twin_of != NULL)
        status = plan_twins(plan, model, settings, err);
    else
        status = plan_new_hosts(plan, model, settings, err);
    if (status == STATUS_OK)
        order_hosts(plan);
    else
        sample_plan_release(plan);
    return status;
}

void sample_plan_release(struct sample_plan *plan)
{
    free(plan->hosts);
    free(plan->addresses);
    free(plan->pasts);
    *plan = (struct sample_plan){ 0 };
}
