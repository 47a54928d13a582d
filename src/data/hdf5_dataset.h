/* hdf5_dataset.h - datasets as files that h5py, pandas and xarray open; docs/formats.md.
 *
 *     FORWARD(hdf5_dataset_write(data, "day1.h5", err));
 *     FORWARD(hdf5_dataset_read("day1.h5", &data, err));
 *     ...
 *     dataset_free(data);
 */
#ifndef FLOWTWIN_DATA_HDF5_DATASET_H
#define FLOWTWIN_DATA_HDF5_DATASET_H

#include "data/dataset.h"

/* Written under a temporary name and renamed. */
enum status hdf5_dataset_write(const struct dataset *data, const char *path, struct error *err);

/* The same dataset again, down to the order of flows. Caller frees with dataset_free. STATUS_FORMAT
 * for a file that is cut short, damaged, of another version, or not ours, and for one whose parts
 * do not fit together; STATUS_IO where the system refuses. */
enum status hdf5_dataset_read(const char *path, struct dataset **data, struct error *err);

#endif
