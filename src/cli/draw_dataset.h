/* draw_dataset.h - a dataset of flows drawn from a model, as if they had been written to a file and
 * imported again. */
#ifndef FLOWTWIN_CLI_DRAW_DATASET_H
#define FLOWTWIN_CLI_DRAW_DATASET_H

#include "data/dataset.h"
#include "sample/sample.h"

/* Caller frees with dataset_free. STATUS_RANGE where the model draws no flow. */
enum status draw_dataset(const struct model *model, const struct sample_settings *settings,
                         struct dataset **data, struct sample_report *report, struct error *err);

#endif
