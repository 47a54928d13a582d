/* hdf5_dataset.h - datasets as files that h5py, pandas and xarray open; docs/formats.md. */
#ifndef FLOWTWIN_DATA_HDF5_DATASET_H
#define FLOWTWIN_DATA_HDF5_DATASET_H

#include "data/dataset.h"

/* Written under a temporary name and renamed. */
enum status hdf5_dataset_write(const struct dataset *data, const char *path, struct error *err);
/* Caller frees with dataset_free. STATUS_FORMAT for a file that is cut short, of another version,
 * or not ours. */
enum status hdf5_dataset_read(const char *path, struct dataset **data, struct error *err);

#endif
