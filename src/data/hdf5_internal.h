/* hdf5_internal.h - what hdf5_file.c and hdf5_array.c share. */
#ifndef FLOWTWIN_DATA_HDF5_INTERNAL_H
#define FLOWTWIN_DATA_HDF5_INTERNAL_H

#include "data/hdf5_file.h"
#include "data/shuffle_deflate.h"

#include <hdf5.h>

/* Chunks that are packed side by side before they are written one after another. */
#define CHUNKS_MAX  64
#define THREADS_MAX 64

struct chunk_room {
    struct packed_chunk chunks[CHUNKS_MAX];
    struct pack_room rooms[THREADS_MAX];
};

struct hdf5_group {
    hid_t id;   /* of the file or the group */
    char *path; /* of the file */
    char *name; /* for messages: "" for the root, "heads/" for a group */
    bool is_root;
    struct chunk_room *room; /* the root's */
};

/* Records why the last call of HDF5 failed, as "model.h5: cannot write heads/weights: ...". Must
 * follow it at once: the next call clears HDF5's error stack. STATUS_FORMAT and STATUS_IO. */
enum status hdf5_failed_to_read(const struct hdf5_group *group, const char *name,
                                struct error *err);
enum status hdf5_failed_to_write(const struct hdf5_group *group, const char *name,
                                 struct error *err);

bool hdf5_has_array(const struct hdf5_group *group, const char *name);

size_t hdf5_type_size(enum hdf5_type type);
/* Owned by the library, like all predefined types; the same in memory and in the file. */
hid_t hdf5_type_id(enum hdf5_type type);
/* Whether values of the file's type all have a place in `type`. */
bool hdf5_type_converts(hid_t file_type, enum hdf5_type type);
/* A text of exactly `length` bytes, padded with zeros. Caller closes with H5Tclose. */
hid_t hdf5_text_type(size_t length);

/* An attribute of a group or an array. n = 0: one value, not an array of them. `of`: "" or
 * "weights.", for messages. */
enum status hdf5_put_attribute(const struct hdf5_group *group, hid_t object, const char *of,
                               const char *name, hid_t type, const void *values, hsize_t n,
                               struct error *err);
enum status hdf5_put_text_attribute(const struct hdf5_group *group, hid_t object, const char *of,
                                    const char *name, const char *text, struct error *err);

#endif
