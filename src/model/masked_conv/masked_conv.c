#include "model/masked_conv/masked_conv.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings ----------------------------------------------------------------------------- */

#define AT(field) offsetof(struct masked_conv_settings, field)
static const struct option options[] = {
    { "width", 0, OPTION_INT, AT(width), "64", .minimum = 8, .maximum = 1024, .argument = "C",
      .help = "channels of rows and of the stack of convolutions" },
    { "hidden", 0, OPTION_INT, AT(hidden), "64", .minimum = 8, .maximum = 1024, .argument = "N",
      .help = "hidden units of the head of an attribute" },
    { "context", 0, OPTION_INT, AT(context), "32", .minimum = 4, .maximum = 512, .argument = "N",
      .help = "channels of the context: windows, clock, host" },
    { "blocks", 0, OPTION_INT, AT(blocks), "4", .minimum = 0, .maximum = BLOCKS_MAX,
      .argument = "N", .help = "gated blocks; dilations are powers of the kernel" },
    { "kernel", 0, OPTION_INT, AT(kernel), "2", .minimum = 2, .maximum = 4, .argument = "K",
      .help = "taps of a convolution" },
    { "windows", 0, OPTION_FLAG, AT(windows), "yes", .help = "see the windows of 5 minutes" },
    { "clock", 0, OPTION_FLAG, AT(clock), "yes", .help = "see the time of day and day of week" },
    { "host-embedding", 0, OPTION_FLAG, AT(host_embedding), "yes",
      .help = "learn a vector for each training host" },
    { "memory", 0, OPTION_FLAG, AT(memory), "yes", .help = "remember conversations" },
    { "recall", 0, OPTION_FLAG, AT(recall), "yes", .needs = "memory=yes",
      .help = "and recall what like flows had, where no pace is shown" },
    { "pace", 0, OPTION_FLAG, AT(pace), "yes",
      .help = "learn what it means that so many flows are still to come in the hour" },
    { "profile", 0, OPTION_FLAG, AT(profile), "yes", .needs = "pace=yes",
      .help = "and how a host's flows divide over services and sizes" },
    { "pieces", 0, OPTION_INT, AT(pieces), "4", .minimum = 2, .maximum = 1024, .argument = "N",
      .help = "pieces of sequences in a training step" },
    { "piece-rows", 0, OPTION_INT, AT(piece_rows), "256", .minimum = 1, .maximum = 65536,
      .argument = "N", .help = "rows of a piece" },
    { "balance", 0, OPTION_REAL, AT(balance), "0.5", .minimum = 0, .maximum = 1, .argument = "B",
      .help = "train on a host of fewer rows than the mean (mean / rows)^B times as often" },
    { "epochs", 0, OPTION_REAL, AT(epochs), "8", .minimum = 0, .maximum = 1e6, .argument = "N",
      .help = "how often each row is trained on; 0 for no limit" },
    { "minutes", 0, OPTION_REAL, AT(minutes), "0", .minimum = 0, .maximum = 1e6, .argument = "M",
      .help = "time budget that the schedule fits itself to where epochs take longer; 0: none" },
    { "rate", 0, OPTION_REAL, AT(rate), "0.002", .minimum = 1e-8, .maximum = 1, .argument = "R",
      .help = "learning rate at its highest" },
    { "final-share", 0, OPTION_REAL, AT(final_share), "0.01", .minimum = 0, .maximum = 1,
      .argument = "SHARE", .help = "of the rate that is left at the end of the cosine" },
    { "warm-up", 0, OPTION_INT, AT(warm_up), "50", .minimum = 0, .maximum = 1e6,
      .argument = "STEPS", .help = "steps in which the rate rises" },
    { "beta2", 0, OPTION_REAL, AT(beta2), "0.99", .minimum = 0, .maximum = 0.99999, .argument = "B",
      .help = "how much of the second moment stays" },
    { "clip", 0, OPTION_REAL, AT(clip), "5", .minimum = 0, .maximum = 1e9, .argument = "NORM",
      .help = "longest gradient that is not shortened; 0 for none" },
    { "decay", 0, OPTION_REAL, AT(decay), "0", .minimum = 0, .maximum = 1, .argument = "D",
      .help = "decoupled weight decay" },
    { "dropout", 0, OPTION_REAL, AT(dropout), "0.15", .minimum = 0, .maximum = 0.9, .argument = "P",
      .help = "how often training leaves a hidden unit out" },
    { "feature-dropout", 0, OPTION_REAL, AT(feature_dropout), "0.05", .minimum = 0, .maximum = 0.9,
      .argument = "P", .help = "how often training leaves a feature of a row out" },
    { "host-dropout", 0, OPTION_REAL, AT(host_dropout), "0.5", .minimum = 0, .maximum = 1,
      .argument = "P", .needs = "host-embedding=yes",
      .help = "how often training takes a host for an unknown one" },
    { "pace-dropout", 0, OPTION_REAL, AT(pace_dropout), "0.55", .minimum = 0, .maximum = 1,
      .argument = "P", .needs = "pace=yes",
      .help = "how often training does not show how many flows are to come" },
    { "cold-share", 0, OPTION_REAL, AT(cold_share), "0.6", .minimum = 0, .maximum = 1,
      .argument = "P", .needs = "pace=yes",
      .help = "and, where it does, how often a host begins anew" },
    { "strange-share", 0, OPTION_REAL, AT(strange_share), "0.6", .minimum = 0, .maximum = 1,
      .argument = "P", .needs = "pace=yes",
      .help = "and, of these, how often after what another host did" },
    { "patience", 0, OPTION_INT, AT(patience), "0", .minimum = 0, .maximum = 1e6, .argument = "N",
      .help = "stop after so many validations without a better one; 0 for never" },
    { "checkpoint-minutes", 0, OPTION_REAL, AT(checkpoint_minutes), "5", .minimum = 0.001,
      .maximum = 1e6, .argument = "M", .help = "how often an unfinished model is kept" },
};
#undef AT

/* ---- the model ---------------------------------------------------------------------------- */

extern const struct model_kind model_kind_masked_conv;

struct masked_conv *masked_conv_create(const struct masked_conv_settings *settings,
                                       struct vocabulary *vocabulary, uint32_t *hosts,
                                       size_t n_hosts, struct habits *habits, uint64_t seed)
{
    struct masked_conv *model = memory_zalloc(1, sizeof *model);
    model->base.kind = &model_kind_masked_conv;
    model->settings = *settings;
    model->vocabulary = *vocabulary;
    *vocabulary = (struct vocabulary){ 0 };
    model->habits = *habits;
    *habits = (struct habits){ 0 };
    model->hosts = hosts;
    model->n_hosts = n_hosts;
    feature_space_init(&model->space, &model->vocabulary);
    heads_init(&model->heads, &model->vocabulary);
    struct network_size size = {
        .width = (size_t)settings->width,
        .hidden = (size_t)settings->hidden,
        .context = (size_t)settings->context,
        .n_blocks = (size_t)settings->blocks,
        .kernel = (size_t)settings->kernel,
        .n_hosts = n_hosts + 1,
    };
    model->network = network_create(&size, &model->space, &model->heads, seed);
    return model;
}

void masked_conv_free(struct model *base)
{
    struct masked_conv *model = (struct masked_conv *)base;
    network_free(model->network);
    vocabulary_release(&model->vocabulary);
    habits_release(&model->habits);
    training_state_release(&model->training);
    free(model->hosts);
    free(model);
}

void training_state_release(struct training_state *state)
{
    free(state->history);
    free(state->weights);
    free(state->first_moments);
    free(state->second_moments);
    *state = (struct training_state){ 0 };
}

static bool is_unfinished(const struct model *base)
{
    return !((const struct masked_conv *)base)->training.is_finished;
}

/* By their embedding, and by the hours that they were active in. */
static bool knows_hosts(const struct model *base)
{
    const struct masked_conv *model = (const struct masked_conv *)base;
    return model->settings.host_embedding || model->settings.pace;
}

static struct fit_history history(const struct model *base)
{
    /* The members of struct training_note, in their order. */
    static const char *const columns[] = { "step",      "rows",     "seconds", "nll",
                                           "nll_hosts", "nll_time", "rate" };
    static_assert(ARRAY_LEN(columns) == TRAINING_NOTE_COLUMNS, "a name for each column");
    const struct training_state *state = &((const struct masked_conv *)base)->training;
    return (struct fit_history){
        .columns = columns,
        .n_columns = ARRAY_LEN(columns),
        .n_rows = state->n_notes,
        .values = state->n_notes > 0 ? &state->history->step : NULL,
    };
}

bool masked_conv_find_host(const struct masked_conv *model, uint32_t address, size_t *host)
{
    return address_list_find(model->hosts, model->n_hosts, address, host);
}

int32_t masked_conv_host(const struct masked_conv *model, uint32_t address)
{
    size_t host;
    bool is_known = model->settings.host_embedding && masked_conv_find_host(model, address, &host);
    return is_known ? (int32_t)host + 1 : 0;
}

struct prepared_sequence masked_conv_prepare(const struct masked_conv *model,
                                             const struct sequence *sequence)
{
    size_t host;
    bool is_known = masked_conv_find_host(model, sequence->host, &host);
    const struct service_lists *services = is_known ? &model->habits.profiles[host].services : NULL;
    return (struct prepared_sequence){
        .linked = linked_sequence_create(sequence, &model->vocabulary, model->settings.memory,
                                         model->settings.recall, services),
        .windows = window_series_create(sequence),
        .host = masked_conv_host(model, sequence->host),
    };
}

void prepared_sequence_release(struct prepared_sequence *prepared)
{
    linked_sequence_free(prepared->linked);
    window_series_free(prepared->windows);
    *prepared = (struct prepared_sequence){ 0 };
}

struct batch *masked_conv_batch(const struct masked_conv *model, size_t n_pieces, size_t n_scored)
{
    size_t n_history = network_receptive_field(&model->network->size);
    struct batch *batch = batch_create(&model->space, &model->heads, n_pieces, n_history, n_scored);
    batch->drop_windows = !model->settings.windows;
    batch->drop_clock = !model->settings.clock;
    return batch;
}

/* ---- likelihood --------------------------------------------------------------------------- */

/* Rows that are scored at once. */
#define SCORED_ROWS 512

static enum status log_mass(const struct model *base, const struct sequence *sequence,
                            double *log_mass_out, struct error *err)
{
    const struct masked_conv *model = (const struct masked_conv *)base;
    struct prepared_sequence prepared = masked_conv_prepare(model, sequence);
    struct batch *batch = masked_conv_batch(model, 1, SCORED_ROWS);
    struct tape *tape = tape_create();
    enum status status = STATUS_OK;
    size_t n_scored = sequence->n_rows - sequence->first_scored;
    memset(log_mass_out, 0, n_scored * N_ATTRIBUTES * sizeof *log_mass_out);
    for (size_t first = 0; status == STATUS_OK && first < n_scored; first += SCORED_ROWS) {
        size_t n = n_scored - first < SCORED_ROWS ? n_scored - first : SCORED_ROWS;
        batch_clear(batch);
        batch_add(batch, &(struct piece){ .sequence = &prepared,
                                          .first = sequence->first_scored + first,
                                          .n = n,
                                          .host = prepared.host });
        batch_finish(batch);
        struct tensor *nll[N_HEADS];
        tape_reset(tape, TAPE_INFER);
        network_nll(model->network, tape, batch, base->attributes, (struct network_noise){ 0 },
                    nll);
        status = tape_status(tape, err);
        for (enum head h = 0; status == STATUS_OK && h < N_HEADS; h++) {
            const struct head_batch *head = &batch->head[h];
            for (size_t i = 0; nll[h] != NULL && i < head->n; i++) {
                size_t row = first + (size_t)head->rows[i];
                log_mass_out[row * N_ATTRIBUTES + head_infos[h].attribute] -=
                    (double)nll[h]->data[i];
            }
        }
    }
    tape_free(tape);
    batch_free(batch);
    prepared_sequence_release(&prepared);
    return status;
}

/* ---- files -------------------------------------------------------------------------------- */

#define REAL_TYPE (sizeof(real) == sizeof(float) ? HDF5_F32 : HDF5_F64)

static enum status save_training(const struct training_state *state, size_t n_weights,
                                 struct hdf5_group *group, struct error *err)
{
    const size_t note_size[] = { state->n_notes, TRAINING_NOTE_COLUMNS };
    FORWARD(hdf5_write_integer(group, "finished", state->is_finished, err));
    FORWARD(hdf5_write_integer(group, "steps", (int64_t)state->n_steps, err));
    FORWARD(hdf5_write_integer(group, "rows", (int64_t)state->n_rows, err));
    FORWARD(hdf5_write_number(group, "seconds", state->seconds, err));
    FORWARD(hdf5_write_number(group, "nll", state->nll, err));
    FORWARD(hdf5_write_number(group, "best_nll", state->best_nll, err));
    FORWARD(hdf5_write_integer(group, "worse", state->n_worse, err));
    FORWARD(hdf5_write_number(group, "next_validation", state->next_validation, err));
    if (state->n_notes > 0)
        FORWARD(hdf5_write_array(group, "history", HDF5_F64, state->history, 2, note_size, err));
    if (state->is_finished)
        return STATUS_OK;
    FORWARD(hdf5_write_array(group, "weights", REAL_TYPE, state->weights, 1, &n_weights, err));
    FORWARD(hdf5_write_array(group, "first_moments", REAL_TYPE, state->first_moments, 1, &n_weights,
                             err));
    return hdf5_write_array(group, "second_moments", REAL_TYPE, state->second_moments, 1,
                            &n_weights, err);
}

static enum status load_block(real **block, size_t n, const char *name, struct hdf5_group *group,
                              struct error *err)
{
    *block = memory_alloc(n, sizeof **block);
    return hdf5_read_array(group, name, REAL_TYPE, *block, n, err);
}

static enum status load_training(struct training_state *state, size_t n_weights,
                                 struct hdf5_group *group, struct error *err)
{
    int64_t finished, steps, rows;
    FORWARD(hdf5_read_integer(group, "finished", &finished, err));
    FORWARD(hdf5_read_integer(group, "steps", &steps, err));
    FORWARD(hdf5_read_integer(group, "rows", &rows, err));
    FORWARD(hdf5_read_number(group, "seconds", &state->seconds, err));
    FORWARD(hdf5_read_number(group, "nll", &state->nll, err));
    FORWARD(hdf5_read_number(group, "best_nll", &state->best_nll, err));
    FORWARD(hdf5_read_integer(group, "worse", &state->n_worse, err));
    FORWARD(hdf5_read_number(group, "next_validation", &state->next_validation, err));
    RETURN_IF(steps < 0 || rows < 0, err, STATUS_FORMAT, "training: %lld steps of %lld rows",
              (long long)steps, (long long)rows);
    state->is_finished = finished != 0;
    state->n_steps = (size_t)steps;
    state->n_rows = (uint64_t)rows;
    if (hdf5_has(group, "history")) {
        size_t size[2];
        FORWARD(hdf5_array_size(group, "history", 2, size, err));
        RETURN_IF(size[1] != TRAINING_NOTE_COLUMNS, err, STATUS_FORMAT,
                  "training/history has %zu columns, not %d", size[1], (int)TRAINING_NOTE_COLUMNS);
        state->n_notes = size[0];
        state->history = memory_alloc(size[0], sizeof *state->history);
        FORWARD(
            hdf5_read_array(group, "history", HDF5_F64, state->history, size[0] * size[1], err));
    }
    if (state->is_finished)
        return STATUS_OK;
    FORWARD(load_block(&state->weights, n_weights, "weights", group, err));
    FORWARD(load_block(&state->first_moments, n_weights, "first_moments", group, err));
    return load_block(&state->second_moments, n_weights, "second_moments", group, err);
}

static enum status save(const struct model *base, struct hdf5_group *group, struct error *err)
{
    const struct masked_conv *model = (const struct masked_conv *)base;
    const struct params *params = model->network->params;
    const struct option_table table = { options, ARRAY_LEN(options),
                                        (void *)(uintptr_t)&model->settings, "masked-conv" };
    char *text = options_resolved_text(&table, 1);
    enum status status = hdf5_write_text(group, "settings", text, err);
    free(text);
    FORWARD(status);
    FORWARD(vocabulary_save(&model->vocabulary, group, err));
    FORWARD(hdf5_write_array(group, "hosts", HDF5_U32, model->hosts, 1, &model->n_hosts, err));
    FORWARD(habits_save(&model->habits, group, err));
    FORWARD(hdf5_write_array(group, "weights", REAL_TYPE, params->values, 1, &params->size, err));

    struct hdf5_group *training;
    FORWARD(hdf5_group_create(group, "training", &training, err));
    status = save_training(&model->training, params->size, training, err);
    enum status closed = hdf5_group_close(training, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

/* Settings as options_resolved_text wrote them. */
static enum status read_settings(const char *text, struct masked_conv_settings *settings,
                                 struct error *err)
{
    const struct option_table table = { options, ARRAY_LEN(options), settings, "masked-conv" };
    options_set_defaults(&table, 1);
    char *lines = memory_strdup(text), *rest = lines;
    enum status status = STATUS_OK;
    for (char *line = strsep(&rest, "\n"); status == STATUS_OK && line != NULL;
         line = strsep(&rest, "\n")) {
        char *equals = strstr(line, " = ");
        if (equals == NULL)
            continue;
        *equals = '\0';
        status = options_set(&table, 1, line, equals + strlen(" = "), err);
    }
    free(lines);
    return status == STATUS_OK ? STATUS_OK
                               : error_set(err, STATUS_FORMAT, "the model's settings are damaged");
}

/* The parts that the network is made from. */
static enum status load_parts(struct hdf5_group *group, struct masked_conv_settings *settings,
                              struct vocabulary *vocabulary, uint32_t **hosts, size_t *n_hosts,
                              struct habits *habits, struct error *err)
{
    char *text;
    FORWARD(hdf5_read_text(group, "settings", &text, err));
    enum status status = read_settings(text, settings, err);
    free(text);
    FORWARD(status);
    FORWARD(vocabulary_load(vocabulary, group, err));
    FORWARD(hdf5_array_size(group, "hosts", 1, n_hosts, err));
    *hosts = memory_alloc(*n_hosts, sizeof **hosts);
    FORWARD(hdf5_read_array(group, "hosts", HDF5_U32, *hosts, *n_hosts, err));
    return habits_load(habits, *n_hosts, group, err);
}

static enum status load(struct hdf5_group *group, struct model **result, struct error *err)
{
    struct masked_conv_settings settings;
    struct vocabulary vocabulary = { 0 };
    struct habits habits = { 0 };
    uint32_t *hosts = NULL;
    size_t n_hosts;
    enum status status = load_parts(group, &settings, &vocabulary, &hosts, &n_hosts, &habits, err);
    if (status != STATUS_OK) {
        vocabulary_release(&vocabulary);
        habits_release(&habits);
        free(hosts);
        return status;
    }
    struct masked_conv *model = masked_conv_create(&settings, &vocabulary, hosts, n_hosts, &habits,
                                                   0);
    struct params *params = model->network->params;
    struct hdf5_group *training = NULL;
    status = hdf5_read_array(group, "weights", REAL_TYPE, params->values, params->size, err);
    if (status == STATUS_OK)
        status = hdf5_group_open(group, "training", &training, err);
    if (status == STATUS_OK) {
        status = load_training(&model->training, params->size, training, err);
        hdf5_group_close(training, NULL);
    }
    if (status != STATUS_OK)
        masked_conv_free(&model->base);
    else
        *result = &model->base;
    return status;
}

const struct model_kind model_kind_masked_conv = {
    .name = "masked-conv",
    .summary = "masked convolutions over a host's flows, with a memory of its conversations",
    .options = options,
    .n_options = ARRAY_LEN(options),
    .settings_size = sizeof(struct masked_conv_settings),
    .fit = masked_conv_fit,
    .free = masked_conv_free,
    .log_mass = log_mass,
    .sampler_create = masked_conv_sampler_create,
    .has_temperatures = true,
    .knows_hosts = knows_hosts,
    .sampler_advance = masked_conv_sampler_advance,
    .sampler_free = masked_conv_sampler_free,
    .is_unfinished = is_unfinished,
    .history = history,
    .embeddings = masked_conv_embeddings,
    .save = save,
    .load = load,
};
