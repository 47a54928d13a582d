/* hdf5_file.h - groups, arrays and attributes in HDF5 files, for everything that we keep.
 *
 * The only way from the rest of the program to HDF5. Types are explicit and little-endian, text is
 * UTF-8 of fixed length. Arrays of more than 4 KiB are chunked, shuffled and deflated, by several
 * threads (shuffle_deflate.h); smaller ones stand in the header of their object. Files need HDF5
 * 1.10 or later: its format has a checksum on everything that describes the data, and zlib has one
 * on the data, so that a damaged file is an error and not another file. HDF5's own error printing
 * is off; its error stack becomes the message, which names the file and the item. To be called from
 * one thread only.
 *
 *     struct hdf5_group *file;
 *     FORWARD(hdf5_file_create("model.h5.tmp", &file, err));
 *     enum status status = hdf5_write_text(file, "format", "flowtwin-model", err);
 *     if (status == STATUS_OK)
 *         status = hdf5_write_array(file, "weights", HDF5_F64, weights, 2, sizes, err);
 *     enum status closing = hdf5_group_close(file, status == STATUS_OK ? err : NULL);
 *     return status != STATUS_OK ? status : closing;
 */
#ifndef FLOWTWIN_DATA_HDF5_FILE_H
#define FLOWTWIN_DATA_HDF5_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file's root or a group in it. */
struct hdf5_group;

enum hdf5_type { HDF5_U8, HDF5_U16, HDF5_U32, HDF5_U64, HDF5_I32, HDF5_I64, HDF5_F32, HDF5_F64 };

#define HDF5_DIMENSIONS_MAX 4

/* Caller closes with hdf5_group_close, which for the root closes the file. A file that is not HDF5
 * or is cut short is STATUS_FORMAT, one that cannot be read or written STATUS_IO. */
enum status hdf5_file_create(const char *path, struct hdf5_group **root, struct error *err);
enum status hdf5_file_open(const char *path, struct hdf5_group **root, struct error *err);
enum status hdf5_group_create(struct hdf5_group *parent, const char *name,
                              struct hdf5_group **group, struct error *err);
enum status hdf5_group_open(struct hdf5_group *parent, const char *name, struct hdf5_group **group,
                            struct error *err);
/* Flushes and closes; for a file that was written, its failure is the last that can be noticed.
 * Groups are closed before the root. NULL is fine. */
enum status hdf5_group_close(struct hdf5_group *group, struct error *err);

/* Whether a group, array or attribute of that name is there. */
bool hdf5_has(struct hdf5_group *group, const char *name);

/* Attributes of the group: one text or number. */
enum status hdf5_write_text(struct hdf5_group *group, const char *name, const char *text,
                            struct error *err);
enum status hdf5_read_text(struct hdf5_group *group, const char *name, char **text,
                           struct error *err); /* caller frees with free() */
enum status hdf5_write_number(struct hdf5_group *group, const char *name, double number,
                              struct error *err);
enum status hdf5_read_number(struct hdf5_group *group, const char *name, double *number,
                             struct error *err);
enum status hdf5_write_integer(struct hdf5_group *group, const char *name, int64_t number,
                               struct error *err);
enum status hdf5_read_integer(struct hdf5_group *group, const char *name, int64_t *number,
                              struct error *err);

/* An array of 1 to HDF5_DIMENSIONS_MAX dimensions, any of which may be 0. */
enum status hdf5_write_array(struct hdf5_group *group, const char *name, enum hdf5_type type,
                             const void *values, size_t n_dimensions, const size_t *dimensions,
                             struct error *err);
/* Its sizes; n_dimensions must be what the file has, or it is STATUS_FORMAT. */
enum status hdf5_array_size(struct hdf5_group *group, const char *name, size_t n_dimensions,
                            size_t *dimensions, struct error *err);
/* All of it, as `type`, into room for `count` values; another count is STATUS_FORMAT. Whole numbers
 * may become wider, real numbers may change their precision; anything else is STATUS_FORMAT. */
enum status hdf5_read_array(struct hdf5_group *group, const char *name, enum hdf5_type type,
                            void *values, size_t count, struct error *err);

/* Arrays of one dimension and the same length, each a field of an array of structs of `stride`
 * bytes, in less time than one after another:
 *     static const struct hdf5_column columns[] = {
 *         { "pkt", HDF5_U64, offsetof(struct flow, packets) }, ... };
 *     status = hdf5_write_table(file, columns, ARRAY_LEN(columns), flows, sizeof *flows, n, err);
 */
struct hdf5_column {
    const char *name;
    enum hdf5_type type;
    size_t offset;
};
#define HDF5_COLUMNS_MAX 16
enum status hdf5_write_table(struct hdf5_group *group, const struct hdf5_column *columns,
                             size_t n_columns, const void *records, size_t stride, size_t count,
                             struct error *err);
enum status hdf5_read_table(struct hdf5_group *group, const struct hdf5_column *columns,
                            size_t n_columns, void *records, size_t stride, size_t count,
                            struct error *err);

/* What an array says about itself: a text ("units"), or a few values ("flag_values"). */
enum status hdf5_array_write_text(struct hdf5_group *group, const char *array, const char *name,
                                  const char *text, struct error *err);
enum status hdf5_array_write_values(struct hdf5_group *group, const char *array, const char *name,
                                    enum hdf5_type type, const void *values, size_t n,
                                    struct error *err);

/* Names of dimensions, as xarray and netCDF read them (HDF5 dimension scales): a dimension of a
 * length without values, or an array of one dimension as the coordinate of its own dimension; and
 * the first dimension of another array said to be that one. */
enum status hdf5_dimension_create(struct hdf5_group *group, const char *name, size_t length,
                                  struct error *err);
enum status hdf5_dimension_from_array(struct hdf5_group *group, const char *array,
                                      struct error *err);
enum status hdf5_dimension_attach(struct hdf5_group *group, const char *array,
                                  const char *dimension, struct error *err);

/* A list of texts, as an array of one dimension. */
enum status hdf5_write_texts(struct hdf5_group *group, const char *name, char *const *texts,
                             size_t n, struct error *err);
enum status hdf5_read_texts(struct hdf5_group *group, const char *name, char ***texts, size_t *n,
                            struct error *err); /* caller frees each and the list */

#endif
