#include "model/model.h"

#include "base/memory.h"
#include "base/output_path.h"
#include "data/text_order.h"

#include <stdlib.h>
#include <string.h>

extern const struct model_kind model_kind_gmm, model_kind_bayes_net, model_kind_masked_conv;

const struct model_kind *const model_kinds[] = {
    &model_kind_gmm,
    &model_kind_bayes_net,
    &model_kind_masked_conv,
    NULL,
};

#define FORMAT  "flowtwin-model"
#define VERSION 10

const struct model_kind *model_kind_find(const char *name)
{
    for (size_t k = 0; model_kinds[k] != NULL; k++)
        if (strcmp(model_kinds[k]->name, name) == 0)
            return model_kinds[k];
    return NULL;
}

/* What every model holds, once; later calls change nothing. */
static void fill_in(struct model *model, const struct fit_control *control)
{
    if (model->configuration != NULL)
        return;
    const struct training_record *record = control->record;
    model->kind = control->kind;
    model->attributes = control->train->attributes;
    model->is_in_text_order = control->is_in_text_order;
    model->labels = label_list_copy(&control->train->labels);
    model->monitored = address_set_copy(&control->train->monitored);
    model->trained_on = *record;
    model->trained_on.hosts = memory_alloc(record->n_hosts, sizeof *record->hosts);
    for (size_t h = 0; h < record->n_hosts; h++)
        model->trained_on.hosts[h] = record->hosts[h];
    model->seed = control->seed;
    model->configuration = memory_strdup(control->configuration);
}

enum status fit_checkpoint(struct fit_control *control, struct model *model, struct error *err)
{
    fill_in(model, control);
    return control->checkpoint != NULL ? model_save(model, control->checkpoint, err) : STATUS_OK;
}

enum status model_fit_kept(const struct model_kind *kind, const void *settings,
                           const struct sequence_set *train, struct training_record *record,
                           uint64_t seed, const char *configuration, const char *checkpoint,
                           struct model *resumed, struct model **model, struct error *err)
{
    struct fit_control control = { kind,          train,      record,  seed,
                                   configuration, checkpoint, resumed, text_order_is_kept(train) };
    FORWARD(kind->fit(settings, train, seed, &control, model, err));
    fill_in(*model, &control);
    training_record_release(record);
    return STATUS_OK;
}

enum status model_fit(const struct model_kind *kind, const void *settings,
                      const struct sequence_set *train, struct training_record *record,
                      uint64_t seed, const char *configuration, struct model **model,
                      struct error *err)
{
    return model_fit_kept(kind, settings, train, record, seed, configuration, NULL, NULL, model,
                          err);
}

bool model_is_unfinished(const struct model *model)
{
    return model->kind->is_unfinished != NULL && model->kind->is_unfinished(model);
}

bool model_knows_hosts(const struct model *model)
{
    return model->kind->knows_hosts != NULL && model->kind->knows_hosts(model);
}

struct fit_history model_history(const struct model *model)
{
    return model->kind->history != NULL ? model->kind->history(model)
                                        : (struct fit_history){ .n_rows = 0 };
}

void model_free(struct model *model)
{
    if (model == NULL)
        return;
    label_list_release(&model->labels);
    address_set_release(&model->monitored);
    training_record_release(&model->trained_on);
    free(model->configuration);
    model->kind->free(model);
}

enum status model_log_mass(const struct model *model, const struct sequence *sequence,
                           double *log_mass, struct error *err)
{
    return model->kind->log_mass(model, sequence, log_mass, err);
}

enum status model_embeddings(const struct model *model, struct embedding_set *set,
                             struct error *err)
{
    RETURN_IF(model->kind->embeddings == NULL, err, STATUS_USAGE,
              "a %s learns no embeddings: give a model that does, such as masked-conv",
              model->kind->name);
    model->kind->embeddings(model, set);
    return STATUS_OK;
}

struct sampler *model_sampler(const struct model *model, const struct sampler_host *hosts,
                              size_t n_hosts, const struct sampler_settings *settings)
{
    struct sampler *sampler = model->kind->sampler_create(model, hosts, n_hosts, settings);
    sampler->model = model;
    sampler->kind = model->kind;
    return sampler;
}

enum status sampler_advance(struct sampler *sampler, const size_t *which, size_t n,
                            struct row *rows, struct error *err)
{
    return sampler->kind->sampler_advance(sampler, which, n, rows, err);
}

void sampler_free(struct sampler *sampler)
{
    if (sampler != NULL)
        sampler->kind->sampler_free(sampler);
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Ranges and hosts as arrays; what is empty is not written. */
static enum status write_addresses(const struct model *model, struct hdf5_group *root,
                                   struct error *err)
{
    const struct address_set *monitored = &model->monitored;
    const struct training_record *record = &model->trained_on;
    const size_t range_size[] = { monitored->n_ranges, 2 };
    uint32_t *ranges = memory_alloc(memory_product(2, monitored->n_ranges), sizeof *ranges);
    for (size_t r = 0; r < monitored->n_ranges; r++) {
        ranges[2 * r] = monitored->ranges[r].first;
        ranges[2 * r + 1] = monitored->ranges[r].last;
    }
    enum status status = STATUS_OK;
    if (monitored->n_ranges > 0)
        status = hdf5_write_array(root, "monitored", HDF5_U32, ranges, 2, range_size, err);
    if (status == STATUS_OK && record->n_hosts > 0)
        status = hdf5_write_array(root, "trained_hosts", HDF5_U32, record->hosts, 1,
                                  &record->n_hosts, err);
    free(ranges);
    return status;
}

static enum status write_common(const struct model *model, struct hdf5_group *root,
                                struct error *err)
{
    FORWARD(hdf5_write_text(root, "format", FORMAT, err));
    FORWARD(hdf5_write_integer(root, "version", VERSION, err));
    FORWARD(hdf5_write_text(root, "kind", model->kind->name, err));
    FORWARD(hdf5_write_text(root, "configuration", model->configuration, err));
    FORWARD(hdf5_write_integer(root, "seed", (int64_t)model->seed, err));
    FORWARD(hdf5_write_integer(root, "trained_from", model->trained_on.from, err));
    FORWARD(hdf5_write_integer(root, "trained_until", model->trained_on.until, err));
    FORWARD(hdf5_write_integer(root, "text_order", model->is_in_text_order, err));
    if (model->labels.n > 0)
        FORWARD(hdf5_write_texts(root, "labels", model->labels.names, model->labels.n, err));
    return write_addresses(model, root, err);
}

static enum status write_parameters(const struct model *model, struct hdf5_group *root,
                                    struct error *err)
{
    struct hdf5_group *group;
    FORWARD(hdf5_group_create(root, "parameters", &group, err));
    enum status status = hdf5_write_integer(group, "attributes", model->attributes, err);
    if (status == STATUS_OK)
        status = model->kind->save(model, group, err);
    enum status closed = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

enum status model_save(const struct model *model, const char *path, struct error *err)
{
    struct output_path output;
    struct hdf5_group *root = NULL;
    FORWARD(output_path_begin(&output, path, err));
    enum status status = hdf5_file_create(output.temporary, &root, err);
    if (status == STATUS_OK) {
        status = write_common(model, root, err);
        if (status == STATUS_OK)
            status = write_parameters(model, root, err);
        enum status closed = hdf5_group_close(root, status == STATUS_OK ? err : NULL);
        if (status == STATUS_OK)
            status = closed;
    }
    if (status == STATUS_OK)
        status = output_path_commit(&output, err);
    output_path_release(&output);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Says what the file is, where it is not what it has to be. */
static enum status read_kind(struct hdf5_group *root, const struct model_kind **kind,
                             struct error *err)
{
    RETURN_IF(!hdf5_has(root, "format"), err, STATUS_FORMAT, "this is no file of flowtwin");
    char *text;
    FORWARD(hdf5_read_text(root, "format", &text, err));
    bool is_model = strcmp(text, FORMAT) == 0;
    if (!is_model)
        error_set(err, STATUS_FORMAT, "this is a file of format \"%.40s\", not a model (\"%s\")",
                  text, FORMAT);
    free(text);
    if (!is_model)
        return STATUS_FORMAT;

    int64_t version;
    FORWARD(hdf5_read_integer(root, "version", &version, err));
    RETURN_IF(version != VERSION, err, STATUS_FORMAT,
              "the model has version %lld; this flowtwin reads version %d", (long long)version,
              VERSION);
    FORWARD(hdf5_read_text(root, "kind", &text, err));
    *kind = model_kind_find(text);
    if (*kind == NULL)
        error_set(err, STATUS_FORMAT, "this flowtwin has no kind of model named \"%.40s\"", text);
    free(text);
    return *kind != NULL ? STATUS_OK : STATUS_FORMAT;
}

static enum status read_labels(struct hdf5_group *root, struct label_list *labels,
                               struct error *err)
{
    if (!hdf5_has(root, "labels"))
        return STATUS_OK;
    char **names;
    size_t n;
    enum status status = STATUS_OK;
    FORWARD(hdf5_read_texts(root, "labels", &names, &n, err));
    for (size_t i = 0; i < n; i++) {
        if (status == STATUS_OK && label_list_add(labels, names[i], strlen(names[i])) != (int)i)
            status = error_set(err, STATUS_FORMAT, "label %zu, \"%.40s\", is one too many", i,
                               names[i]);
        free(names[i]);
    }
    free(names);
    return status;
}

static enum status read_addresses(struct hdf5_group *root, struct model *model, struct error *err)
{
    struct training_record *record = &model->trained_on;
    size_t size[2] = { 0, 0 };
    if (hdf5_has(root, "monitored"))
        FORWARD(hdf5_array_size(root, "monitored", 2, size, err));
    RETURN_IF(size[0] > 0 && size[1] != 2, err, STATUS_FORMAT,
              "monitored has %zu columns, not first and last", size[1]);
    if (size[0] > 0) {
        uint32_t *ranges = memory_alloc(memory_product(2, size[0]), sizeof *ranges);
        enum status status = hdf5_read_array(root, "monitored", HDF5_U32, ranges, 2 * size[0], err);
        for (size_t r = 0; r < size[0] && status == STATUS_OK; r++) {
            if (ranges[2 * r] > ranges[2 * r + 1])
                status = error_set(err, STATUS_FORMAT, "monitored range %zu ends before it begins",
                                   r);
            else
                address_set_add_range(&model->monitored, ranges[2 * r], ranges[2 * r + 1]);
        }
        free(ranges);
        FORWARD(status);
    }
    if (!hdf5_has(root, "trained_hosts"))
        return STATUS_OK;
    FORWARD(hdf5_array_size(root, "trained_hosts", 1, &record->n_hosts, err));
    record->hosts = memory_alloc(record->n_hosts, sizeof *record->hosts);
    FORWARD(hdf5_read_array(root, "trained_hosts", HDF5_U32, record->hosts, record->n_hosts, err));
    for (size_t h = 1; h < record->n_hosts; h++)
        RETURN_IF(record->hosts[h] <= record->hosts[h - 1], err, STATUS_FORMAT,
                  "trained_hosts is not in ascending order");
    return STATUS_OK;
}

static enum status read_common(struct hdf5_group *root, struct model *model, struct error *err)
{
    int64_t seed, is_in_text_order;
    FORWARD(hdf5_read_text(root, "configuration", &model->configuration, err));
    FORWARD(hdf5_read_integer(root, "seed", &seed, err));
    model->seed = (uint64_t)seed;
    FORWARD(hdf5_read_integer(root, "trained_from", &model->trained_on.from, err));
    FORWARD(hdf5_read_integer(root, "trained_until", &model->trained_on.until, err));
    FORWARD(hdf5_read_integer(root, "text_order", &is_in_text_order, err));
    model->is_in_text_order = is_in_text_order != 0;
    FORWARD(read_labels(root, &model->labels, err));
    return read_addresses(root, model, err);
}

static enum status read_parameters(struct hdf5_group *root, const struct model_kind *kind,
                                   struct model **model, struct error *err)
{
    struct hdf5_group *group;
    int64_t attributes;
    FORWARD(hdf5_group_open(root, "parameters", &group, err));
    enum status status = hdf5_read_integer(group, "attributes", &attributes, err);
    if (status == STATUS_OK && (attributes < 0 || attributes > ATTRIBUTES_ALL))
        status = error_set(err, STATUS_FORMAT, "attributes are %lld, more than there are",
                           (long long)attributes);
    if (status == STATUS_OK)
        status = kind->load(group, model, err);
    hdf5_group_close(group, NULL);
    FORWARD(status);
    (*model)->kind = kind;
    (*model)->attributes = (uint32_t)attributes;
    return STATUS_OK;
}

enum status model_load(const char *path, struct model **model, struct error *err)
{
    struct hdf5_group *root;
    const struct model_kind *kind = NULL;
    struct model *loaded = NULL;
    FORWARD(hdf5_file_open(path, &root, err));
    enum status status = read_kind(root, &kind, err);
    if (status == STATUS_OK)
        status = read_parameters(root, kind, &loaded, err);
    if (status == STATUS_OK)
        status = read_common(root, loaded, err);
    hdf5_group_close(root, NULL);
    if (status == STATUS_OK) {
        *model = loaded;
        return STATUS_OK;
    }
    error_prefix(err, "%s: ", path);
    model_free(loaded);
    return status;
}
