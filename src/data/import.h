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
    int type; /* enum host_type, or N_HOST_TYPES for any */
    bool strict;
};

/* --hosts, --min-flows, --max-flows, --top, --type, --limit-hosts, --seed, --strict */
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
    uint64_t n_rows_read;
    uint64_t n_refused[N_BAD_ROWS];
    uint64_t lines[N_BAD_ROWS][BAD_LINES_KEPT]; /* the first line numbers of each, from 1 */
    const char *file_of[N_BAD_ROWS];            /* the file of the first one */
    uint64_t n_rows_elsewhere;                  /* legal, but of no chosen host */
    size_t n_hosts_found, n_hosts_kept;
};

/* What is wrong with such rows, as in "12 rows with a port outside 0..65535". */
const char *bad_row_words(enum bad_row kind);

/* Reads the files one after another ("-" is standard input; plain, gzip or zstd by their first
 * bytes) and makes a dataset of the flows of the chosen hosts. STATUS_FORMAT where no row is left,
 * or with `strict` at the first bad row, with file, line, column and value. */
enum status import_flows(const char *const *paths, size_t n_paths,
                         const struct import_settings *settings, struct dataset **data,
                         struct import_report *report, struct error *err);

#endif
