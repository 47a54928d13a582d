#include "data/import.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "data/flow_reader.h"
#include "data/host_choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- options and words -------------------------------------------------------------------- */

static const char *const type_choices[] = { "both", "sends", "receives", "internal", "any", NULL };

#define AT(field) offsetof(struct import_settings, field)
const struct option import_options[] = {
    { "hosts", 0, OPTION_LIST, AT(hosts), NULL, .argument = "WHICH",
      .help = "monitored hosts: prefixes, addresses, or @FILE with such words" },
    { "type", 0, OPTION_CHOICE, AT(type), "any", .choices = type_choices, .argument = "TYPE",
      .help = "only hosts that do this with others" },
    { "min-flows", 0, OPTION_INT, AT(min_flows), "0", .minimum = 0, .maximum = 0x1p53,
      .argument = "N", .help = "only hosts with at least N flows" },
    { "max-flows", 0, OPTION_INT, AT(max_flows), "0", .minimum = 0, .maximum = 0x1p53,
      .argument = "N", .help = "only hosts with at most N flows; 0 for no limit" },
    { "top", 0, OPTION_INT, AT(top), "0", .minimum = 0, .maximum = 0x1p32, .argument = "N",
      .help = "of those, only the N hosts with most flows; 0 for all" },
    { "limit-hosts", 0, OPTION_INT, AT(limit_hosts), "0", .minimum = 0, .maximum = 0x1p32,
      .argument = "N",
      .help = "of those, N drawn from the middle half by number of flows; 0 for all" },
    { "strict", 0, OPTION_FLAG, AT(strict), "no",
      .help = "stop at the first row that is not legal, and say what is wrong with it" },
};
#undef AT
const size_t n_import_options = ARRAY_LEN(import_options);

static const struct {
    const char *name, *words;
} bad_rows[N_BAD_ROWS] = {
    [BAD_COLUMN_COUNT] = { "column_count", "more or fewer than 13 columns" },
    [BAD_TIME] = { "time", "an impossible end time" },
    [BAD_DURATION] = { "duration", "an impossible duration" },
    [BAD_ADDRESS] = { "address", "an address that is not IPv4" },
    [BAD_PORT] = { "port", "a port that is not 0..65535" },
    [BAD_PROTOCOL] = { "protocol", "an unknown protocol" },
    [BAD_FLAGS] = { "flags", "something else than TCP flags" },
    [BAD_SMALL_NUMBER] = { "small_number", "a forwarding status or tos that is not 0..255" },
    [BAD_PACKETS] = { "packets", "a number of packets that is not 1 or more" },
    [BAD_BYTES] = { "bytes", "a number of bytes that is not 0 or more" },
    [BAD_LABEL] = { "label", "a label that is not UTF-8 text of 1 to 63 bytes" },
};

static const enum bad_row bad_row_of_fault[UGR16_FINE] = {
    [UGR16_TE] = BAD_TIME,          [UGR16_TD] = BAD_DURATION,
    [UGR16_SA] = BAD_ADDRESS,       [UGR16_DA] = BAD_ADDRESS,
    [UGR16_SP] = BAD_PORT,          [UGR16_DP] = BAD_PORT,
    [UGR16_PR] = BAD_PROTOCOL,      [UGR16_FLG] = BAD_FLAGS,
    [UGR16_FWD] = BAD_SMALL_NUMBER, [UGR16_STOS] = BAD_SMALL_NUMBER,
    [UGR16_PKT] = BAD_PACKETS,      [UGR16_BYT] = BAD_BYTES,
    [UGR16_LABEL] = BAD_LABEL,      [UGR16_COLUMN_COUNT] = BAD_COLUMN_COUNT,
};

const char *bad_row_name(enum bad_row kind)
{
    return bad_rows[kind].name;
}

const char *bad_row_words(enum bad_row kind)
{
    return bad_rows[kind].words;
}

/* ---- one import --------------------------------------------------------------------------- */

enum pass {
    PASS_COUNT, /* the flows of each host */
    PASS_KEEP,  /* the flows of the chosen hosts */
};

struct import {
    const char *const *paths;
    size_t n_paths;
    const struct import_settings *settings;
    struct import_report *report;
    bool is_read_twice;
    enum pass pass;
    struct text_source **sources; /* of each path, while it is open */
    struct flow_reader *reader;

    size_t p;           /* the path that is being read */
    uint64_t n_lines;   /* of it, so far */
    enum status status; /* of what was done with its blocks */
    struct error *err;

    struct address_set monitored;
    struct host_counts hosts;
    struct label_list labels;
    struct flow *flows;
    uint32_t *owners; /* of each flow, an index in hosts */
    size_t n_flows, flows_capacity, owners_capacity;

    struct progress progress;
    uint64_t position; /* bytes of the sources that have been read to their end */
};

static void import_release(struct import *import)
{
    for (size_t p = 0; p < import->n_paths; p++)
        text_source_close(import->sources[p]);
    free(import->sources);
    flow_reader_free(import->reader);
    address_set_release(&import->monitored);
    host_counts_release(&import->hosts);
    label_list_release(&import->labels);
    free(import->flows);
    free(import->owners);
}

/* ---- rows that are refused ---------------------------------------------------------------- */

/* Keeps the smallest lines of a kind, ascending: two faults can be of one kind. */
static void note_line(uint64_t lines[BAD_LINES_KEPT], uint64_t line)
{
    size_t at = BAD_LINES_KEPT;
    while (at > 0 && (lines[at - 1] == 0 || lines[at - 1] > line))
        at--;
    if (at == BAD_LINES_KEPT)
        return;
    memmove(lines + at + 1, lines + at, (BAD_LINES_KEPT - 1 - at) * sizeof *lines);
    lines[at] = line;
}

/* lines_before: of the file, before the block. */
static void note_refused(struct import_report *report, const struct flow_block *block,
                         const char *path, uint64_t lines_before)
{
    for (int fault = 0; fault < UGR16_FINE; fault++) {
        uint64_t n = block->n_refused[fault];
        if (n == 0)
            continue;
        enum bad_row kind = bad_row_of_fault[fault];
        report->n_refused[kind] += n;
        report->n_rows_refused += n;
        if (report->file_of[kind] == NULL)
            report->file_of[kind] = path;
        for (size_t i = 0; report->file_of[kind] == path && i < n && i < FLOW_REFUSED_KEPT; i++)
            note_line(report->lines[kind], lines_before + block->refused[fault][i].line + 1);
    }
}

/* The first refused row of a block as the error that --strict stops with. */
static enum status stop_at_refused(const struct flow_block *block, const char *name,
                                   uint64_t lines_before, struct error *err)
{
    const struct refused_line *first = NULL;
    enum ugr16_column first_fault = UGR16_FINE;
    for (int fault = 0; fault < UGR16_FINE; fault++) {
        if (block->n_refused[fault] > 0 &&
            (first == NULL || block->refused[fault][0].line < first->line)) {
            first = &block->refused[fault][0];
            first_fault = (enum ugr16_column)fault;
        }
    }
    if (first == NULL)
        return STATUS_OK;
    char words[UGR16_FAULT_SIZE];
    ugr16_explain(first_fault, first->text, first->length, words);
    return error_set(err, STATUS_FORMAT, "%s:%llu: %s", name,
                     (unsigned long long)(lines_before + first->line + 1), words);
}

/* ---- rows that are flows ------------------------------------------------------------------ */

static void count_flows(struct import *import, const struct flow_block *block)
{
    for (size_t i = 0; i < block->n_flows; i++)
        host_counts_add(&import->hosts, &import->monitored, &block->flows[i], block->hosts[i]);
}

/* The index of a host whose flows are kept; UINT32_MAX for another one. */
static uint32_t find_owner(struct import *import, uint32_t address)
{
    if (!import->is_read_twice)
        return (uint32_t)host_counts_index(&import->hosts, address);
    size_t h = host_counts_find(&import->hosts, address);
    return h < import->hosts.n && import->hosts.hosts[h].is_chosen ? (uint32_t)h : UINT32_MAX;
}

static enum status too_many_labels(const char *name, struct ugr16_label label, struct error *err)
{
    return error_set(err, STATUS_FORMAT,
                     "%s: there are more than %d different labels, \"%.*s\" is one too many; is "
                     "the last column really a label?",
                     name, LABELS_MAX, (int)label.length, label.text);
}

static enum status keep_flows(struct import *import, const struct flow_block *block,
                              const char *name, struct error *err)
{
    import->flows = memory_grow(import->flows, &import->flows_capacity,
                                import->n_flows + block->n_flows, sizeof *import->flows);
    import->owners = memory_grow(import->owners, &import->owners_capacity,
                                 import->n_flows + block->n_flows, sizeof *import->owners);
    /* Labels are numbered by the first flow that is kept of each. */
    int labels[LABELS_MAX];
    for (size_t l = 0; l < block->labels.n; l++)
        labels[l] = -1;
    for (size_t i = 0; i < block->n_flows; i++) {
        uint32_t owner = find_owner(import, block->hosts[i]);
        if (owner == UINT32_MAX) {
            import->report->n_rows_elsewhere++;
            continue;
        }
        int *label = &labels[block->flows[i].label];
        if (*label < 0) {
            const char *text = block->labels.names[block->flows[i].label];
            *label = label_list_add(&import->labels, text, strlen(text));
            if (*label < 0)
                return too_many_labels(name, (struct ugr16_label){ text, strlen(text) }, err);
        }
        import->flows[import->n_flows] = block->flows[i];
        import->flows[import->n_flows].label = (uint8_t)*label;
        import->owners[import->n_flows++] = owner;
    }
    return STATUS_OK;
}

/* ---- passes ------------------------------------------------------------------------------- */

static enum status take_rows(struct import *import, const struct flow_block *block,
                             struct error *err)
{
    struct import_report *report = import->report;
    const char *name = text_source_name(import->sources[import->p]);
    note_refused(report, block, import->paths[import->p], import->n_lines);
    if (import->settings->strict)
        FORWARD(stop_at_refused(block, name, import->n_lines, err));
    if (block->extra_label.text != NULL)
        return too_many_labels(name, block->extra_label, err);
    report->n_rows_read += block->n_rows;
    report->n_rows_elsewhere += block->n_elsewhere;
    import->n_lines += block->n_lines;
    RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "interrupted while reading %s", name);
    if (import->pass == PASS_KEEP)
        return keep_flows(import, block, name, err);
    count_flows(import, block);
    return STATUS_OK;
}

static bool take_block(void *context, const struct flow_block *block)
{
    struct import *import = context;
    import->status = take_rows(import, block, import->err);
    progress_update(&import->progress, (double)(import->position + block->position), "%llu rows",
                    (unsigned long long)import->report->n_rows_read);
    return import->status == STATUS_OK;
}

static enum status read_source(struct import *import, struct error *err)
{
    import->n_lines = 0;
    import->status = STATUS_OK;
    import->err = err;
    FORWARD(flow_reader_run(import->reader, import->sources[import->p], take_block, import, err));
    return import->status;
}

static enum status run_pass(struct import *import, enum pass pass, struct error *err)
{
    *import->report = (struct import_report){ 0 };
    import->pass = pass;
    for (import->p = 0; import->p < import->n_paths; import->p++) {
        struct text_source **source = &import->sources[import->p];
        if (*source != NULL)
            FORWARD(text_source_rewind(*source, err));
        else
            FORWARD(text_source_open(source, import->paths[import->p], import->is_read_twice, err));
        FORWARD(read_source(import, err));
        import->position += text_source_position(*source);
        /* What cannot be opened again stays open for the next pass. */
        if (pass == PASS_KEEP || text_source_can_reopen(*source)) {
            text_source_close(*source);
            *source = NULL;
        }
    }
    return STATUS_OK;
}

/* The bytes of all files, 0 where one does not say. Finds out before the work that a file is
 * missing or that standard input is to be read twice. */
static enum status measure_files(const struct import *import, double *total, struct error *err)
{
    size_t n_unknown = 0, n_standard_input = 0;
    *total = 0.0;
    for (size_t p = 0; p < import->n_paths; p++) {
        const char *path = import->paths[p];
        struct stat info;
        if (strcmp(path, "-") == 0) {
            n_standard_input++;
        } else {
            RETURN_IF(stat(path, &info) != 0, err, STATUS_IO, "cannot read %s: %s", path,
                      strerror(errno));
            n_unknown += !S_ISREG(info.st_mode);
            *total += (double)info.st_size;
        }
    }
    RETURN_IF(n_standard_input > 1, err, STATUS_USAGE, "standard input can be read only once");
    if (n_unknown + n_standard_input > 0)
        *total = 0.0;
    return STATUS_OK;
}

static enum status run_passes(struct import *import, struct error *err)
{
    double total;
    FORWARD(measure_files(import, &total, err));
    import->progress = progress_start("import", import->is_read_twice ? 2.0 * total : total,
                                      "bytes");
    import->reader = flow_reader_create(&import->monitored, FLOW_BLOCK_BYTES);
    enum status status = STATUS_OK;
    if (import->is_read_twice) {
        status = run_pass(import, PASS_COUNT, err);
        if (status == STATUS_OK && import->hosts.n > 0)
            status = host_counts_choose(&import->hosts, import->settings, err);
    }
    if (status == STATUS_OK)
        status = run_pass(import, PASS_KEEP, err);
    progress_finish(&import->progress);
    return status;
}

/* ---- which hosts -------------------------------------------------------------------------- */

#define FLOWS_TO_SUGGEST_FROM 10000

static bool take_start(void *context, const struct flow_block *block)
{
    struct import *import = context;
    size_t room = FLOWS_TO_SUGGEST_FROM - import->n_flows;
    size_t n = block->n_flows < room ? block->n_flows : room;
    memcpy(import->flows + import->n_flows, block->flows, n * sizeof *import->flows);
    import->n_flows += n;
    import->report->n_rows_read += block->n_rows;
    return import->report->n_rows_read < FLOWS_TO_SUGGEST_FROM;
}

/* No hosts were named: an error that says which ones seem to be meant, by the start of the first
 * file. */
static enum status suggest_hosts(struct import *import, struct error *err)
{
    address_set_add_range(&import->monitored, 0, UINT32_MAX);
    import->reader = flow_reader_create(&import->monitored, FLOW_BLOCK_BYTES);
    import->flows = memory_alloc(FLOWS_TO_SUGGEST_FROM, sizeof *import->flows);
    FORWARD(text_source_open(&import->sources[0], import->paths[0], false, err));
    FORWARD(flow_reader_run(import->reader, import->sources[0], take_start, import, err));
    size_t n = import->n_flows;
    RETURN_IF(n == 0, err, STATUS_FORMAT, "%s: none of the first %llu rows is a flow of UGR'16",
              import->paths[0], (unsigned long long)import->report->n_rows_read);
    uint32_t prefix;
    int length;
    double share;
    suggest_prefix(import->flows, n, &prefix, &length, &share);
    char text[ADDRESS_TEXT_SIZE];
    address_format(prefix, text);
    return error_set(err, STATUS_USAGE,
                     "say which hosts are yours with --hosts; %s/%d is on one side or both of "
                     "%.1f %% of the first %zu flows",
                     text, length, 100.0 * share, n);
}

static enum status add_hosts(struct import *import, struct error *err)
{
    for (size_t i = 0; i < import->settings->hosts.n; i++)
        FORWARD(address_set_add_text(&import->monitored, import->settings->hosts.items[i], err));
    RETURN_IF(import->monitored.n_ranges == 0, err, STATUS_USAGE, "--hosts names no host");
    return STATUS_OK;
}

/* ---- the verb ----------------------------------------------------------------------------- */

/* "day1.csv.gz", "day1.csv.gz and 6 more" */
static char *name_of_source(const char *const *paths, size_t n_paths)
{
    const char *first = strcmp(paths[0], "-") == 0 ? "standard input" : paths[0];
    return n_paths == 1 ? memory_strdup(first)
                        : memory_format("%s and %zu more", first, n_paths - 1);
}

static struct dataset *make_dataset(struct import *import)
{
    size_t n_hosts = import->hosts.n;
    uint32_t *addresses = memory_alloc(n_hosts, sizeof *addresses);
    for (size_t h = 0; h < n_hosts; h++)
        addresses[h] = import->hosts.hosts[h].address;
    host_counts_release(&import->hosts);
    char *source = name_of_source(import->paths, import->n_paths);
    struct dataset *data = dataset_create(source, import->flows, import->owners, import->n_flows,
                                          addresses, n_hosts, import->labels, import->monitored);
    free(source);
    import->flows = NULL;
    import->owners = NULL;
    import->labels = (struct label_list){ 0 };
    import->monitored = (struct address_set){ 0 };
    data->n_rows_read = import->report->n_rows_read;
    data->n_rows_refused = import->report->n_rows_refused;
    data->n_rows_elsewhere = import->report->n_rows_elsewhere;
    return data;
}

static enum status import_all(struct import *import, struct dataset **data, struct error *err)
{
    if (import->settings->hosts.n == 0)
        return suggest_hosts(import, err);
    FORWARD(add_hosts(import, err));
    FORWARD(run_passes(import, err));
    struct import_report *report = import->report;
    report->n_rows_kept = import->n_flows;
    RETURN_IF(import->n_flows == 0, err, STATUS_FORMAT,
              "%s: no flow of the chosen hosts (%llu rows, %llu of them refused)", import->paths[0],
              (unsigned long long)report->n_rows_read, (unsigned long long)report->n_rows_refused);
    size_t n_hosts_found = import->hosts.n;
    /* The blocks are not needed while the flows are sorted. */
    flow_reader_free(import->reader);
    import->reader = NULL;
    *data = make_dataset(import);
    report->n_hosts_found = n_hosts_found;
    report->n_hosts_kept = (*data)->n_hosts;
    return STATUS_OK;
}

enum status import_flows(const char *const *paths, size_t n_paths,
                         const struct import_settings *settings, struct dataset **data,
                         struct import_report *report, struct error *err)
{
    struct import import = { .paths = paths,
                             .n_paths = n_paths,
                             .settings = settings,
                             .report = report,
                             .is_read_twice = host_choice_is_needed(settings),
                             .sources = memory_zalloc(n_paths, sizeof *import.sources) };
    *data = NULL;
    *report = (struct import_report){ 0 };
    enum status status = import_all(&import, data, err);
    import_release(&import);
    return status;
}
