/* import.h - flow files in, datasets out.
 *
 *     struct import_settings settings;  // filled through import_options
 *     struct import_report report;
 *     FORWARD(import_flows(paths, n_paths, &settings, &data, &report, err));
 */
#ifndef FLOWTWIN_DATA_IMPORT_H
#define FLOWTWIN_DATA_IMPORT_H

#include "base/options.h"
#include "data/dataset.h"

struct import_settings {
    struct text_list hosts;                               /* prefixes, addresses, @files */
    int64_t min_flows, max_flows, top, limit_hosts, seed; /* 0: no limit */
    int type;                                             /* enum host_type; N_HOST_TYPES: any */
    bool strict;
};

/* --hosts, --type, --min-flows, --max-flows, --top, --limit-hosts, --strict; the seed of
 * --limit-hosts is the command's own option. */
extern const struct option import_options[];
extern const size_t n_import_options;

enum bad_row {
    BAD_COLUMN_COUNT,
    BAD_TIME,
    BAD_DURATION,
    BAD_ADDRESS,
    BAD_PORT,
    BAD_PROTOCOL,
    BAD_FLAGS,
    BAD_SMALL_NUMBER, /* fwd, stos */
    BAD_PACKETS,
    BAD_BYTES,
    BAD_LABEL,
    N_BAD_ROWS,
};

#define BAD_LINES_KEPT 5

struct import_report {
    uint64_t n_rows_read; /* kept + refused + elsewhere */
    uint64_t n_rows_kept;
    uint64_t n_rows_refused;
    uint64_t n_rows_elsewhere; /* legal, but of no chosen host */
    uint64_t n_refused[N_BAD_ROWS];
    const char *file_of[N_BAD_ROWS];            /* the file with the first of each kind */
    uint64_t lines[N_BAD_ROWS][BAD_LINES_KEPT]; /* the first lines of that file, from 1; else 0 */
    size_t n_hosts_found, n_hosts_kept;         /* monitored hosts that have flows */
};

/* A key for machines ("port") and words for people ("a port that is not 0..65535"). */
const char *bad_row_name(enum bad_row kind);
const char *bad_row_words(enum bad_row kind);

/* Reads the files one after another ("-" is standard input; plain, gzip or zstd by their first
 * bytes) and makes a dataset of the flows of the chosen hosts. Memory is what the kept flows need
 * and a constant: where the choice depends on what hosts do, everything is read twice, once to
 * count and once to keep. The report is filled also where it fails; its file names are those of
 * `paths`. Caller frees *data with dataset_free.
 * STATUS_USAGE where no hosts are named (with the prefix that seems to be meant); STATUS_FORMAT
 * where no flow is left, or with `strict` at the first bad row, with file, line, column and value;
 * STATUS_INTERRUPTED. The result does not depend on the number of threads. */
enum status import_flows(const char *const *paths, size_t n_paths,
                         const struct import_settings *settings, struct dataset **data,
                         struct import_report *report, struct error *err);

#endif
