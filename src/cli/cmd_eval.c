/* cmd_eval.c - flowtwin eval: how good a model and its twins are. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/draw_dataset.h"
#include "cli/load_data.h"
#include "data/calendar.h"
#include "eval/page_report.h"
#include "model/bayes_net.h"
#include "sample/sample.h"

#include <stdlib.h>
#include <string.h>

/* The parts of split.h, and before them the one that is taken where none is named. */
enum { PART_AUTO, PART_OFFSET };
static const char *const part_names[] = { "auto",        "unseen",  "unseen-hosts",
                                          "unseen-time", "trained", "all",
                                          NULL };

static struct settings {
    const char *data, *synthetic, *bins, *report;
    struct text_list models;
    bool draw, judge, two_sample, tasks, privacy;
    int part;
    int64_t repeats, halvings, seed;
} settings;

static struct import_settings import_settings;

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "data", 'd', OPTION_TEXT, AT(data), NULL, .argument = "FILE",
      .help = "the real flows: a dataset, or a flow file" },
    { "model", 'm', OPTION_LIST, AT(models), NULL, .argument = "FILE",
      .help = "a model to score; several are compared, flow by flow" },
    { "synthetic", 0, OPTION_TEXT, AT(synthetic), NULL, .argument = "FILE",
      .help = "a twin to compare with the real flows" },
    { "draw", 0, OPTION_FLAG, AT(draw), "no",
      .help = "let each model draw a twin of as many hosts over the same time, and compare it" },
    { "part", 0, OPTION_CHOICE, AT(part), "auto", .choices = part_names, .argument = "PART",
      .help = "of the real flows; auto is unseen where a model was not trained on everything" },
    { "repeats", 0, OPTION_INT, AT(repeats), "1", .minimum = 1, .maximum = 1000, .argument = "N",
      .help = "with --draw: how many twins, with seeds from --seed on" },
    { "halvings", 0, OPTION_INT, AT(halvings), "10", .minimum = 1, .maximum = 1000, .argument = "N",
      .needs = "draw=yes|synthetic", .help = "how often the real hosts are halved for the floor" },
    { "two-sample", 0, OPTION_FLAG, AT(two_sample), "no",
      .help = "train networks to tell the twin's flows from real ones, and say how well they do" },
    { "tasks", 0, OPTION_FLAG, AT(tasks), "no",
      .help = "learn tasks from the twin and from real flows, and test both on real flows" },
    { "privacy", 0, OPTION_FLAG, AT(privacy), "no",
      .help = "copies of training flows, nearness to them, and whether the model gives them away" },
    { "judge", 0, OPTION_FLAG, AT(judge), "no",
      .help = "all three: --two-sample, --tasks and --privacy" },
    { "bins", 0, OPTION_TEXT, AT(bins), NULL, .argument = "ATTRIBUTE",
      .help = "score the bins of this attribute too, as bayes-net has them" },
    { "report", 0, OPTION_TEXT, AT(report), NULL, .argument = "FILE",
      .help = "write a page with a summary and plots, as HTML" },
    { "seed", 0, OPTION_INT, AT(seed), "1", .minimum = 0, .maximum = 0x1p53, .argument = "S",
      .help = "of the first twin and of the halvings" },
};
#undef AT

static size_t tables(struct option_table *table)
{
    table[0] = (struct option_table){ options, ARRAY_LEN(options), &settings, "Evaluation" };
    table[1] = (struct option_table){ import_options, n_import_options, &import_settings,
                                      "Where the data is a flow file" };
    return 2;
}

/* What an evaluation works with. */
struct work {
    struct model **models;
    size_t n_models;
    struct dataset *data;
    enum split_part part;
    struct training_record seen; /* by any of the models */
    bool have_seen_the_same;
    struct sequence_set *set; /* the part, with the data's own labels */
    struct traffic *real;
    struct report report;
};

static void work_release(struct work *work)
{
    report_release(&work->report);
    traffic_free(work->real);
    sequence_set_free(work->set);
    dataset_free(work->data);
    training_record_release(&work->seen);
    for (size_t m = 0; m < work->n_models; m++)
        model_free(work->models[m]);
    free(work->models);
}

/* ---- the real side ------------------------------------------------------------------------ */

static enum status load_models(struct work *work, struct error *err)
{
    work->models = memory_zalloc(settings.models.n, sizeof *work->models);
    for (size_t m = 0; m < settings.models.n; m++) {
        FORWARD(model_load(settings.models.items[m], &work->models[m], err));
        work->n_models++;
    }
    return STATUS_OK;
}

static bool same_record(const struct training_record *a, const struct training_record *b)
{
    return a->from == b->from && a->until == b->until && a->n_hosts == b->n_hosts &&
           (a->n_hosts == 0 || memcmp(a->hosts, b->hosts, a->n_hosts * sizeof *a->hosts) == 0);
}

/* What is unseen by one model may have been learned by another: unseen is what none has seen. */
static void join_records(struct work *work)
{
    work->have_seen_the_same = true;
    for (size_t m = 0; m < work->n_models; m++) {
        const struct training_record *record = &work->models[m]->trained_on;
        struct training_record both = training_record_union(&work->seen, record);
        if (m == 0) {
            both.from = record->from;
            both.until = record->until;
        }
        work->have_seen_the_same &= same_record(&work->models[0]->trained_on, record);
        training_record_release(&work->seen);
        work->seen = both;
    }
}

static enum status no_common_part(const struct work *work, struct error *err)
{
    return error_set(err, STATUS_USAGE,
                     "the models were trained on different flows: there are none that are \"%s\" "
                     "for all of them; --part all scores all",
                     split_part_names[work->part]);
}

/* The flows of the chosen part, coded by `labels`. */
static enum status take_part(const struct work *work, const struct label_list *labels,
                             struct sequence_set **set, struct error *err)
{
    if (work->n_models > 0)
        return split_part_set(work->data, &work->seen, work->part, labels, set, err);
    *set = sequence_set_create(work->data, NULL, labels);
    return STATUS_OK;
}

static enum status choose_part(struct work *work, struct error *err)
{
    bool is_named = settings.part != PART_AUTO;
    work->part = is_named             ? (enum split_part)(settings.part - PART_OFFSET)
                 : work->n_models > 0 ? PART_UNSEEN
                                      : PART_ALL;
    RETURN_IF(work->n_models == 0 && work->part != PART_ALL, err, STATUS_USAGE,
              "--part %s: it is a model that has seen a part; give --model",
              part_names[settings.part]);
    join_records(work);
    bool is_common = work->have_seen_the_same || work->part == PART_ALL ||
                     work->part == PART_UNSEEN || work->part == PART_UNSEEN_HOSTS;
    if (!is_common)
        return no_common_part(work, err);
    enum status status = take_part(work, &work->data->labels, &work->set, err);
    if (status == STATUS_RANGE && !work->have_seen_the_same)
        return no_common_part(work, err);
    if (status == STATUS_RANGE && !is_named) {
        say("the model was trained on all of these flows: they are scored as they are, and the "
            "figures say nothing about others (train with --split to keep some)");
        work->part = PART_ALL;
        status = take_part(work, &work->data->labels, &work->set, err);
    }
    return status;
}

/* From the full hour of the first flow to the second after the last. */
static void set_period(struct report *report, const struct traffic *real)
{
    struct traffic_period period = traffic_period(real);
    report->from = (period.first - period.first % 3600) * MS_PER_SECOND;
    report->until = (period.last + 1) * MS_PER_SECOND;
}

static enum status load_real(struct work *work, struct error *err)
{
    const struct address_set *monitored = work->n_models > 0 ? &work->models[0]->monitored : NULL;
    FORWARD(load_data(settings.data, &import_settings, monitored, &work->data, err));
    FORWARD(choose_part(work, err));
    work->real = traffic_create(work->set);
    struct report *report = &work->report;
    report->data = settings.data;
    report->part = split_part_names[work->part];
    report->n_flows = work->real->n_rows;
    report->n_hosts = work->real->n_hosts;
    report->effective_hosts = traffic_effective_hosts(work->real);
    report->n_repeats = (size_t)settings.repeats;
    report->seed = (uint64_t)settings.seed;
    set_period(report, work->real);
    return STATUS_OK;
}

/* ---- likelihood --------------------------------------------------------------------------- */

/* Adds what the bins of the attribute cost. Only a Bayesian network has bins. */
static enum status score_bins(struct report_model *entry, const struct model *model,
                              const struct sequence_set *set, enum attribute attribute,
                              struct error *err)
{
    RETURN_IF(model->kind != &model_kind_bayes_net, err, STATUS_USAGE,
              "--bins: a %s has none, only a bayes-net does", model->kind->name);
    const struct bins *bins = bayes_net_bins(model, attribute);
    RETURN_IF(bins == NULL, err, STATUS_USAGE, "--bins: %s is not modelled", settings.bins);
    struct nll nll;
    enum status status = nll_score_by(bayes_net_log_mass_of_bins, &nll, model, set, err);
    entry->bins = nll.by_attribute[attribute];
    entry->n_bins = bins->n;
    nll_release(&nll);
    return status;
}

static enum status score_models(struct work *work, struct error *err)
{
    struct report *report = &work->report;
    report->models = memory_zalloc(work->n_models, sizeof *report->models);
    for (size_t m = 0; m < work->n_models; m++) {
        struct report_model *entry = &report->models[m];
        *entry = (struct report_model){
            .name = settings.models.items[m],
            .kind = work->models[m]->kind->name,
            .twin = -1,
            .history = model_history(work->models[m]),
        };
        report->n_models++;
        /* Labels are coded by each model's own list. */
        struct sequence_set *set = NULL;
        enum status status = take_part(work, &work->models[m]->labels, &set, err);
        if (status == STATUS_OK) {
            status = nll_score(&entry->nll, work->models[m], set, err);
            if (status == STATUS_OK && report->bins_attribute >= 0)
                status = score_bins(entry, work->models[m], set,
                                    (enum attribute)report->bins_attribute, err);
            if (status != STATUS_OK && status != STATUS_INTERRUPTED)
                error_prefix(err, "%s: ", entry->name);
        }
        sequence_set_free(set);
        FORWARD(status);
        entry->difference = nll_compare(&entry->nll, &report->models[0].nll);
    }
    return STATUS_OK;
}

/* ---- membership --------------------------------------------------------------------------- */

/* Whether the real flows are those of other hosts than were trained on, so that there is something
 * to compare training flows with. */
static bool is_apart(const struct work *work)
{
    return work->n_models > 0 && (work->part == PART_UNSEEN || work->part == PART_UNSEEN_HOSTS);
}

static enum status measure_membership(struct membership *membership, const struct work *work,
                                      const struct model *model, struct error *err)
{
    struct sequence_set *trained = NULL, *held_out = NULL;
    enum status status = split_part_set(work->data, &model->trained_on, PART_TRAINED,
                                        &model->labels, &trained, err);
    if (status == STATUS_OK)
        status = split_part_set(work->data, &work->seen, PART_UNSEEN_HOSTS, &model->labels,
                                &held_out, err);
    if (status == STATUS_OK)
        status = membership_measure(membership, model_log_mass, model, trained, held_out, err);
    sequence_set_free(trained);
    sequence_set_free(held_out);
    return status == STATUS_RANGE ? STATUS_OK : status; /* one of the two is not in the data */
}

static enum status measure_memberships(struct work *work, struct error *err)
{
    for (size_t m = 0; m < work->n_models; m++) {
        struct report_model *model = &work->report.models[m];
        FORWARD(measure_membership(&model->membership, work, work->models[m], err));
        if (!model->membership.is_measured)
            say("%s: membership is not measured: %s has too few of the hosts that it was trained "
                "on, or of others like them",
                model->name, settings.data);
    }
    return STATUS_OK;
}

/* ---- twins -------------------------------------------------------------------------------- */

/* The flows that a model was trained on, as far as they are in the data and are no part of
 * the real side; empty where there are none. */
struct training {
    struct sequence_set *set;
    struct traffic *traffic;
};

static enum status training_take(struct training *training, const struct work *work, size_t m,
                                 struct error *err)
{
    *training = (struct training){ NULL };
    if (!is_apart(work))
        return STATUS_OK;
    enum status status = split_part_set(work->data, &work->models[m]->trained_on, PART_TRAINED,
                                        &work->data->labels, &training->set, err);
    if (status == STATUS_OK)
        training->traffic = traffic_create(training->set);
    return status == STATUS_RANGE ? STATUS_OK : status;
}

static void training_release(struct training *training)
{
    traffic_free(training->traffic);
    sequence_set_free(training->set);
}

/* The model that drew the twin; of a twin from a file it is taken to be the first. */
static size_t model_of_twin(const struct work *work, const struct report_twin *twin)
{
    for (size_t m = 0; m < work->report.n_models; m++)
        if (work->report.models[m].twin == twin - work->report.twins)
            return m;
    return 0;
}

static enum status measure_tasks(const struct work *work, struct report_twin *twin,
                                 const struct traffic *synthetic, struct error *err)
{
    struct training training;
    FORWARD(training_take(&training, work, model_of_twin(work, twin), err));
    enum status status = STATUS_OK;
    if (training.traffic != NULL)
        status = tasks_measure(&twin->tasks, training.traffic, work->real, synthetic,
                               work->report.seed, err);
    else if (work->real->n_hosts > 1)
        status = tasks_measure_halves(&twin->tasks, work->real, synthetic, work->report.seed, err);
    else
        say("%s: tasks are not measured: they need two real hosts", twin->name);
    training_release(&training);
    return status;
}

/* Of models that have learned embeddings. */
static enum status measure_gains(struct work *work, struct error *err)
{
    bool has_embeddings = false;
    for (size_t m = 0; m < work->n_models; m++)
        has_embeddings |= work->models[m]->kind->embeddings != NULL;
    bool has_twin = settings.draw || settings.synthetic != NULL;
    RETURN_IF(settings.tasks && !has_twin && !(has_embeddings && is_apart(work)), err, STATUS_USAGE,
              "--tasks judges a twin, or a model with embeddings by hosts that it was not trained "
              "on; give --synthetic or --draw");
    for (size_t m = 0; m < work->n_models; m++) {
        struct embedding_set set;
        struct training training;
        if (work->models[m]->kind->embeddings == NULL)
            continue;
        FORWARD(training_take(&training, work, m, err));
        FORWARD(model_embeddings(work->models[m], &set, err));
        enum status status = STATUS_OK;
        if (training.traffic != NULL)
            status = embedding_gain_measure(&work->report.models[m].gain, &set, training.traffic,
                                            work->real, work->report.seed, err);
        else
            say("%s: what its embeddings are worth is not measured: that needs the hosts that it "
                "was trained on, and others",
                settings.models.items[m]);
        embedding_set_release(&set);
        training_release(&training);
        FORWARD(status);
    }
    return STATUS_OK;
}

static enum status measure_privacy(const struct work *work, struct report_twin *twin,
                                   const struct traffic *synthetic, struct error *err)
{
    struct training training;
    FORWARD(training_take(&training, work, model_of_twin(work, twin), err));
    if (training.traffic != NULL)
        twin->privacy = privacy_measure(training.traffic, work->real, synthetic, work->report.seed);
    else if (is_apart(work))
        say("%s: privacy is not measured: the flows that the model was trained on are not in %s",
            twin->name, settings.data);
    training_release(&training);
    RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "interrupted");
    return STATUS_OK;
}

/* The training hosts' real flows stand beside the twin's: what a copy of them would get. */
static enum status tell_apart(const struct work *work, struct report_twin *twin,
                              const struct traffic *synthetic, struct error *err)
{
    uint64_t seed = work->report.seed;
    struct training training;
    FORWARD(two_sample_compare(&twin->two_sample, work->real, synthetic, seed, err));
    FORWARD(training_take(&training, work, model_of_twin(work, twin), err));
    enum status status = STATUS_OK;
    if (training.traffic != NULL)
        status = two_sample_compare(&twin->two_sample_trained, work->real, training.traffic, seed,
                                    err);
    training_release(&training);
    return status;
}

/* The judges that were asked for, on the first twin of its name. */
static enum status judge_twin(const struct work *work, struct report_twin *twin,
                              const struct traffic *synthetic, struct error *err)
{
    if (settings.judge || settings.two_sample)
        FORWARD(tell_apart(work, twin, synthetic, err));
    if (settings.judge || settings.tasks)
        FORWARD(measure_tasks(work, twin, synthetic, err));
    if (settings.judge || settings.privacy)
        FORWARD(measure_privacy(work, twin, synthetic, err));
    return STATUS_OK;
}

/* Compares one synthetic dataset and adds what is found to the twin's average. */
static enum status compare_twin(struct work *work, struct report_twin *twin,
                                const struct dataset *data, struct error *err)
{
    struct sequence_set *set = sequence_set_create(data, NULL, &work->data->labels);
    struct traffic *synthetic = traffic_create(set);
    struct classes *classes = classes_create(work->real, synthetic);
    struct side real_side = side_create(work->real, classes);
    struct side synthetic_side = side_create(synthetic, classes);
    struct comparison one = comparison_make(&real_side, &synthetic_side);
    enum status status = STATUS_OK;
    if (twin->average.n == 0) {
        twin->n_hosts = synthetic->n_hosts;
        twin->n_flows = synthetic->n_rows;
        twin->effective_hosts = traffic_effective_hosts(synthetic);
        if (settings.report != NULL)
            twin->profile = profile_create(synthetic);
        status = judge_twin(work, twin, synthetic, err);
    }
    comparison_average_add(&twin->average, &one);
    side_release(&real_side);
    side_release(&synthetic_side);
    classes_free(classes);
    traffic_free(synthetic);
    sequence_set_free(set);
    return status;
}

static enum status compare_file(struct work *work, struct error *err)
{
    /* The twin lives where the real hosts do; what was chosen among those is not chosen again. */
    struct import_settings everything;
    struct option_table table = { import_options, n_import_options, &everything, "" };
    options_set_defaults(&table, 1);
    struct dataset *data = NULL;
    FORWARD(load_data(settings.synthetic, &everything, &work->data->monitored, &data, err));
    struct report_twin *twin = &work->report.twins[work->report.n_twins++];
    *twin = (struct report_twin){ .name = settings.synthetic };
    enum status status = compare_twin(work, twin, data, err);
    comparison_average_finish(&twin->average);
    dataset_free(data);
    return status;
}

/* A twin of as many hosts over the real flows' time. Caller frees *data. */
static enum status draw_twin(const struct work *work, const struct model *model, int64_t seed,
                             struct dataset **data, struct sample_report *report, struct error *err)
{
    char start[CALENDAR_TEXT_SIZE];
    calendar_format(work->report.from, start);
    const struct sample_settings wanted = {
        .hosts = (int64_t)work->report.n_hosts,
        .days = (double)(work->report.until - work->report.from) / (double)MS_PER_DAY,
        .start = start,
        .seed = seed,
        .truncation = SAMPLE_TRUNCATION,
    };
    return draw_dataset(model, &wanted, data, report, err);
}

static enum status draw_twins(struct work *work, size_t m, struct error *err)
{
    struct report_twin *twin = &work->report.twins[work->report.n_twins];
    *twin = (struct report_twin){ .name = settings.models.items[m] };
    work->report.models[m].twin = (int)work->report.n_twins++;
    for (int64_t r = 0; r < settings.repeats; r++) {
        struct dataset *data = NULL;
        struct sample_report drawn;
        enum status status = draw_twin(work, work->models[m], settings.seed + r, &data, &drawn,
                                       err);
        if (status != STATUS_OK && status != STATUS_INTERRUPTED)
            error_prefix(err, "%s: ", twin->name);
        FORWARD(status);
        if (r == 0) {
            twin->is_drawn = true;
            twin->n_silent = drawn.n_silent;
            twin->n_runaway = drawn.n_runaway;
        }
        status = compare_twin(work, twin, data, err);
        dataset_free(data);
        FORWARD(status);
    }
    comparison_average_finish(&twin->average);
    return STATUS_OK;
}

static enum status compare_twins(struct work *work, struct error *err)
{
    struct report *report = &work->report;
    report->twins = memory_zalloc(work->n_models + 1, sizeof *report->twins);
    if (work->real->n_hosts > 1)
        FORWARD(comparison_floor(work->real, (size_t)settings.halvings, report->seed,
                                 &report->floor, err));
    if (work->real->n_hosts > 1 && (settings.judge || settings.two_sample))
        FORWARD(two_sample_halves(&report->two_sample_floor, work->real, TWO_SAMPLE_HALVINGS,
                                  report->seed, err));
    if (settings.synthetic != NULL)
        FORWARD(compare_file(work, err));
    for (size_t m = 0; settings.draw && m < work->n_models; m++)
        FORWARD(draw_twins(work, m, err));
    return STATUS_OK;
}

/* The page, before the figures are printed: whoever waits for them finds it in its place. */
static enum status write_report(struct work *work, struct error *err)
{
    work->report.profile = profile_create(work->real);
    for (size_t m = 0; m < work->n_models; m++)
        FORWARD(embedding_maps_make(&work->report.models[m].maps, work->models[m], err));
    FORWARD(report_write_page(&work->report, settings.report, err));
    say("wrote %s", settings.report);
    return STATUS_OK;
}

/* ---- the command -------------------------------------------------------------------------- */

static enum status check_settings(const struct command_line *line, struct error *err)
{
    RETURN_IF(line->arguments.n > 0, err, STATUS_USAGE, "unexpected word %s",
              line->arguments.items[0]);
    RETURN_IF(settings.data == NULL, err, STATUS_USAGE, "--data is needed");
    RETURN_IF(settings.models.n == 0 && settings.synthetic == NULL, err, STATUS_USAGE,
              "say what is evaluated: --model, --synthetic, or both");
    RETURN_IF(settings.draw && settings.models.n == 0, err, STATUS_USAGE,
              "--draw needs a --model that draws");
    RETURN_IF(settings.draw && settings.synthetic != NULL, err, STATUS_USAGE,
              "--draw and --synthetic each say where the twin comes from; give one");
    RETURN_IF(settings.repeats > 1 && !settings.draw, err, STATUS_USAGE,
              "--repeats needs --draw: a file is one twin");
    RETURN_IF(settings.two_sample && settings.synthetic == NULL && !settings.draw, err,
              STATUS_USAGE, "--two-sample judges a twin; say which: --synthetic or --draw");
    RETURN_IF(settings.bins != NULL && settings.models.n == 0, err, STATUS_USAGE,
              "--bins needs the --model that has them");
    RETURN_IF(settings.bins != NULL && attribute_find(settings.bins) < 0, err, STATUS_USAGE,
              "--bins: there is no attribute \"%s\"", settings.bins);
    struct option_table all[COMMAND_TABLES_MAX];
    return options_check_needs(all, tables(all), err);
}

static enum status run(const struct command_line *line, struct error *err)
{
    FORWARD(check_settings(line, err));
    struct work work = { .report.bins_attribute = settings.bins != NULL
                                                      ? attribute_find(settings.bins)
                                                      : -1 };
    enum status status = load_models(&work, err);
    if (status == STATUS_OK)
        status = load_real(&work, err);
    if (status == STATUS_OK && work.n_models > 0)
        status = score_models(&work, err);
    if (status == STATUS_OK && (settings.judge || settings.privacy) && is_apart(&work))
        status = measure_memberships(&work, err);
    else if (status == STATUS_OK && (settings.judge || settings.privacy))
        say("privacy is measured against training hosts: it needs a --model, and a --part that it "
            "was not trained on");
    if (status == STATUS_OK && settings.judge && settings.synthetic == NULL && !settings.draw)
        say("there is no twin to judge (--synthetic, --draw): only the models are judged");
    if (status == STATUS_OK && (settings.judge || settings.tasks))
        status = measure_gains(&work, err);
    if (status == STATUS_OK && (settings.draw || settings.synthetic != NULL))
        status = compare_twins(&work, err);
    if (status == STATUS_OK && settings.report != NULL)
        status = write_report(&work, err);
    if (status == STATUS_OK && line->common.json)
        status = print_json(report_json(&work.report), err);
    else if (status == STATUS_OK)
        report_print(&work.report, stdout);
    work_release(&work);
    return status;
}

const struct command command_eval = {
    .name = "eval",
    .summary = "score models, and compare twins with real flows",
    .arguments = "",
    .description =
        "With --model: the negative log-likelihood of the real flows that the model was not\n"
        "trained on, in nats per flow, in all and per attribute. With --synthetic or --draw:\n"
        "how far a twin is from the real flows, each figure beside its floor, the same figure\n"
        "for two halves of the real hosts. docs/evaluation.md explains every figure.",
    .tables = tables,
    .run = run,
};
