#include "data/hdf5_file.h"

#include "base/memory.h"
#include "base/threads.h"
#include "data/shuffle_deflate.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "chunks are written as they are in memory");

/* Values in a chunk, and bytes up to which an array has none and stands in its object's header. */
#define CHUNK_VALUES  ((size_t)65536)
#define COMPACT_BYTES ((size_t)4096)
/* What HDF5's deflate filter is told it was packed with; only a reader that packs again uses it. */
#define NOMINAL_LEVEL 1
/* Chunks that are packed side by side before they are written one after another. */
#define CHUNKS_PER_THREAD 4
#define CHUNKS_MAX        64

struct chunk_room {
    struct packed_chunk chunks[CHUNKS_MAX];
};

struct hdf5_group {
    hid_t id;   /* of the file or the group */
    char *path; /* of the file */
    char *name; /* for messages: "" for the root, "heads/" for a group */
    bool is_root;
    struct chunk_room *room; /* the root's */
};

/* ---- messages ----------------------------------------------------------------------------- */

static herr_t keep_innermost(unsigned n, const H5E_error2_t *entry, void *reason)
{
    if (n == 0)
        snprintf(reason, 512, ": %s", entry->desc);
    return 0;
}

/* Must follow the failed call at once: the next one clears HDF5's error stack. */
static void last_reason(char reason[512])
{
    reason[0] = '\0';
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, reason);
}

/* "model.h5: cannot write heads/weights: no space left". */
static enum status failed_to(const char *verb, const struct hdf5_group *group, const char *name,
                             enum status code, struct error *err)
{
    char reason[512];
    last_reason(reason);
    return error_set(err, code, "%s: cannot %s %s%s%s", group->path, verb, group->name, name,
                     reason);
}

static enum status failed_to_read(const struct hdf5_group *group, const char *name,
                                  struct error *err)
{
    return failed_to("read", group, name, STATUS_FORMAT, err);
}

static enum status failed_to_write(const struct hdf5_group *group, const char *name,
                                   struct error *err)
{
    return failed_to("write", group, name, STATUS_IO, err);
}

/* ---- files and groups --------------------------------------------------------------------- */

static struct hdf5_group *new_root(hid_t id, const char *path)
{
    struct hdf5_group *root = memory_zalloc(1, sizeof *root);
    root->id = id;
    root->path = memory_strdup(path);
    root->name = memory_strdup("");
    root->is_root = true;
    root->room = memory_zalloc(1, sizeof *root->room);
    return root;
}

static struct hdf5_group *new_group(const struct hdf5_group *parent, hid_t id, const char *name)
{
    struct hdf5_group *group = memory_zalloc(1, sizeof *group);
    group->id = id;
    group->path = memory_strdup(parent->path);
    group->name = memory_format("%s%s/", parent->name, name);
    group->room = parent->room;
    return group;
}

static void silence(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

enum status hdf5_file_create(const char *path, struct hdf5_group **root, struct error *err)
{
    silence();
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t id = H5I_INVALID_HID;
    char reason[512] = "";
    /* Readers see the arrays in the order in which they were written. The format of 1.10 has
     * checksums on everything but the data. */
    if (H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0 &&
        H5Pset_obj_track_times(creation, false) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_SEMI) >= 0)
        id = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    if (id < 0)
        last_reason(reason);
    H5Pclose(creation);
    H5Pclose(access);
    RETURN_IF(id < 0, err, STATUS_IO, "cannot write %s%s", path, reason);
    *root = new_root(id, path);
    return STATUS_OK;
}

/* HDF5 does not say why a file cannot be read; the system does. */
static enum status check_readable(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    RETURN_IF(fd < 0, err, STATUS_IO, "cannot read %s: %s", path, strerror(errno));
    struct stat info;
    bool is_file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    close(fd);
    RETURN_IF(!is_file, err, STATUS_IO, "cannot read %s: not a regular file", path);
    RETURN_IF(info.st_size == 0, err, STATUS_FORMAT, "%s is empty", path);
    return STATUS_OK;
}

enum status hdf5_file_open(const char *path, struct hdf5_group **root, struct error *err)
{
    silence();
    FORWARD(check_readable(path, err));
    RETURN_IF(H5Fis_hdf5(path) <= 0, err, STATUS_FORMAT, "%s is not an HDF5 file", path);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_SEMI);
    hid_t id = H5Fopen(path, H5F_ACC_RDONLY, access);
    char reason[512] = "";
    if (id < 0)
        last_reason(reason);
    H5Pclose(access);
    RETURN_IF(id < 0, err, STATUS_FORMAT, "%s is cut short or damaged%s", path, reason);
    *root = new_root(id, path);
    return STATUS_OK;
}

enum status hdf5_group_create(struct hdf5_group *parent, const char *name,
                              struct hdf5_group **group, struct error *err)
{
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_obj_track_times(creation, false);
    hid_t id = H5Gcreate2(parent->id, name, H5P_DEFAULT, creation, H5P_DEFAULT);
    enum status status = id < 0 ? failed_to_write(parent, name, err) : STATUS_OK;
    H5Pclose(creation);
    if (status == STATUS_OK)
        *group = new_group(parent, id, name);
    return status;
}

enum status hdf5_group_open(struct hdf5_group *parent, const char *name, struct hdf5_group **group,
                            struct error *err)
{
    RETURN_IF(H5Lexists(parent->id, name, H5P_DEFAULT) <= 0, err, STATUS_FORMAT,
              "%s has no group %s%s", parent->path, parent->name, name);
    hid_t id = H5Gopen2(parent->id, name, H5P_DEFAULT);
    if (id < 0)
        return failed_to_read(parent, name, err);
    *group = new_group(parent, id, name);
    return STATUS_OK;
}

enum status hdf5_group_close(struct hdf5_group *group, struct error *err)
{
    if (group == NULL)
        return STATUS_OK;
    enum status status = STATUS_OK;
    if ((group->is_root ? H5Fclose(group->id) : H5Gclose(group->id)) < 0) {
        char reason[512];
        last_reason(reason);
        status = error_set(err, STATUS_IO, "cannot close %s%s%s%s", group->path,
                           group->is_root ? "" : ", group ", group->name, reason);
    }
    if (group->is_root) {
        for (size_t c = 0; c < CHUNKS_MAX; c++)
            packed_chunk_release(&group->room->chunks[c]);
        free(group->room);
    }
    free(group->path);
    free(group->name);
    free(group);
    return status;
}

static bool has_array(const struct hdf5_group *group, const char *name)
{
    return H5Lexists(group->id, name, H5P_DEFAULT) > 0;
}

bool hdf5_has(struct hdf5_group *group, const char *name)
{
    return has_array(group, name) || H5Aexists(group->id, name) > 0;
}

/* ---- types -------------------------------------------------------------------------------- */

static size_t type_size(enum hdf5_type type)
{
    static const unsigned char sizes[] = {
        [HDF5_U8] = 1,  [HDF5_U16] = 2, [HDF5_U32] = 4, [HDF5_U64] = 8,
        [HDF5_I32] = 4, [HDF5_I64] = 8, [HDF5_F32] = 4, [HDF5_F64] = 8
    };
    return sizes[type];
}

/* Owned by the library, like all predefined types; the same in memory and in the file. */
static hid_t type_id(enum hdf5_type type)
{
    switch (type) {
    case HDF5_U8:
        return H5T_STD_U8LE;
    case HDF5_U16:
        return H5T_STD_U16LE;
    case HDF5_U32:
        return H5T_STD_U32LE;
    case HDF5_U64:
        return H5T_STD_U64LE;
    case HDF5_I32:
        return H5T_STD_I32LE;
    case HDF5_I64:
        return H5T_STD_I64LE;
    case HDF5_F32:
        return H5T_IEEE_F32LE;
    case HDF5_F64:
        return H5T_IEEE_F64LE;
    }
    BUG("HDF5 type %d", (int)type);
}

/* A text of exactly `length` bytes, padded with zeros. Caller closes with H5Tclose. */
static hid_t text_type(size_t length)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(type, length > 0 ? length : 1) < 0 ||
        H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)
        BUG("a text of %zu bytes", length);
    return type;
}

/* Whether values of the file's type all have a place in `type`. */
static bool converts_to(hid_t file_type, enum hdf5_type type)
{
    H5T_class_t class = H5Tget_class(file_type);
    if (class != H5Tget_class(type_id(type)))
        return false;
    if (class == H5T_FLOAT)
        return true;
    size_t file_size = H5Tget_size(file_type);
    bool file_signed = H5Tget_sign(file_type) == H5T_SGN_2;
    bool is_signed = H5Tget_sign(type_id(type)) == H5T_SGN_2;
    if (file_signed == is_signed)
        return file_size <= type_size(type);
    return is_signed && file_size < type_size(type);
}

/* ---- attributes --------------------------------------------------------------------------- */

/* n = 0: one value, not an array of them. `of`: "" or "weights.", for messages. */
static enum status write_attribute(const struct hdf5_group *group, hid_t object, const char *of,
                                   const char *name, hid_t type, const void *values, hsize_t n,
                                   struct error *err)
{
    enum status status = STATUS_OK;
    hid_t space = n > 0 ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, type, values) < 0) {
        char *full_name = memory_format("%s%s", of, name);
        status = failed_to_write(group, full_name, err);
        free(full_name);
    }
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return status;
}

static enum status write_text_attribute(const struct hdf5_group *group, hid_t object,
                                        const char *of, const char *name, const char *text,
                                        struct error *err)
{
    hid_t type = text_type(strlen(text));
    enum status status = write_attribute(group, object, of, name, type, text, 0, err);
    H5Tclose(type);
    return status;
}

enum status hdf5_write_text(struct hdf5_group *group, const char *name, const char *text,
                            struct error *err)
{
    return write_text_attribute(group, group->id, "", name, text, err);
}

enum status hdf5_write_number(struct hdf5_group *group, const char *name, double number,
                              struct error *err)
{
    return write_attribute(group, group->id, "", name, type_id(HDF5_F64), &number, 0, err);
}

enum status hdf5_write_integer(struct hdf5_group *group, const char *name, int64_t number,
                               struct error *err)
{
    return write_attribute(group, group->id, "", name, type_id(HDF5_I64), &number, 0, err);
}

/* Opens an attribute of one value. Caller closes what is not H5I_INVALID_HID, also after failure.
 */
static enum status open_attribute(const struct hdf5_group *group, const char *name,
                                  hid_t *attribute, hid_t *type, struct error *err)
{
    RETURN_IF(H5Aexists(group->id, name) <= 0, err, STATUS_FORMAT, "%s has no attribute %s%s",
              group->path, group->name, name);
    *attribute = H5Aopen(group->id, name, H5P_DEFAULT);
    if (*attribute < 0)
        return failed_to_read(group, name, err);
    *type = H5Aget_type(*attribute);
    if (*type < 0)
        return failed_to_read(group, name, err);
    hid_t space = H5Aget_space(*attribute);
    if (space < 0)
        return failed_to_read(group, name, err);
    hssize_t n_values = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    RETURN_IF(n_values != 1, err, STATUS_FORMAT, "%s: attribute %s%s has %lld values, not one",
              group->path, group->name, name, (long long)n_values);
    return STATUS_OK;
}

static void close_attribute(hid_t attribute, hid_t type)
{
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
}

enum status hdf5_read_text(struct hdf5_group *group, const char *name, char **text,
                           struct error *err)
{
    hid_t attribute = H5I_INVALID_HID, type = H5I_INVALID_HID;
    char *bytes = NULL;
    enum status status = open_attribute(group, name, &attribute, &type, err);
    if (status != STATUS_OK)
        goto cleanup;
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0) {
        status = error_set(err, STATUS_FORMAT, "%s: attribute %s%s is not a text of fixed length",
                           group->path, group->name, name);
        goto cleanup;
    }
    bytes = memory_zalloc(H5Tget_size(type) + 1, 1);
    if (H5Aread(attribute, type, bytes) < 0) {
        status = failed_to_read(group, name, err);
        goto cleanup;
    }
    *text = bytes;
    bytes = NULL;

cleanup:
    free(bytes);
    close_attribute(attribute, type);
    return status;
}

static enum status read_scalar(struct hdf5_group *group, const char *name, enum hdf5_type wanted,
                               void *value, struct error *err)
{
    hid_t attribute = H5I_INVALID_HID, type = H5I_INVALID_HID;
    enum status status = open_attribute(group, name, &attribute, &type, err);
    if (status != STATUS_OK)
        goto cleanup;
    if (!converts_to(type, wanted))
        status = error_set(err, STATUS_FORMAT, "%s: attribute %s%s is not a %s number", group->path,
                           group->name, name, wanted == HDF5_I64 ? "whole" : "real");
    else if (H5Aread(attribute, type_id(wanted), value) < 0)
        status = failed_to_read(group, name, err);

cleanup:
    close_attribute(attribute, type);
    return status;
}

enum status hdf5_read_number(struct hdf5_group *group, const char *name, double *number,
                             struct error *err)
{
    return read_scalar(group, name, HDF5_F64, number, err);
}

enum status hdf5_read_integer(struct hdf5_group *group, const char *name, int64_t *number,
                              struct error *err)
{
    return read_scalar(group, name, HDF5_I64, number, err);
}

/* ---- arrays as pieces --------------------------------------------------------------------- */

/* An array is cut along its first dimension, so that every piece is contiguous in it. A piece is a
 * chunk of ours in the file, and what is read at a time where the chunks are others'. */
struct layout {
    size_t n_dimensions;
    hsize_t sizes[HDF5_DIMENSIONS_MAX], piece[HDF5_DIMENSIONS_MAX];
    size_t n_values, n_piece_values;
    size_t n_pieces;
};

static struct layout layout_of(size_t n_dimensions, const hsize_t *sizes)
{
    struct layout layout = { .n_dimensions = n_dimensions, .n_values = 1 };
    size_t n_row = 1; /* values per step of the first dimension */
    for (size_t d = 0; d < n_dimensions; d++) {
        layout.sizes[d] = layout.piece[d] = sizes[d];
        layout.n_values = memory_product(layout.n_values, sizes[d]);
        if (d > 0)
            n_row *= sizes[d];
    }
    if (layout.n_values == 0)
        return layout;
    size_t n_rows = CHUNK_VALUES / n_row > 0 ? CHUNK_VALUES / n_row : 1;
    if (n_rows < sizes[0])
        layout.piece[0] = n_rows;
    layout.n_piece_values = layout.piece[0] * n_row;
    layout.n_pieces = (layout.n_values + layout.n_piece_values - 1) / layout.n_piece_values;
    return layout;
}

/* Values in piece p; the last may have fewer. */
static size_t piece_values(const struct layout *layout, size_t p)
{
    size_t left = layout->n_values - p * layout->n_piece_values;
    return left < layout->n_piece_values ? left : layout->n_piece_values;
}

static void piece_offset(const struct layout *layout, size_t p, hsize_t *offset)
{
    memset(offset, 0, HDF5_DIMENSIONS_MAX * sizeof *offset);
    offset[0] = p * layout->piece[0];
}

static size_t batch_size(void)
{
    size_t n = (size_t)threads_count() * CHUNKS_PER_THREAD;
    return n < CHUNKS_MAX ? n : CHUNKS_MAX;
}

/* How arrays are made: without the time of their making, so that the same input gives the same
 * bytes. Caller closes with H5Pclose. */
static hid_t array_creation(void)
{
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (H5Pset_obj_track_times(creation, false) < 0)
        BUG("H5Pset_obj_track_times");
    return creation;
}

/* ---- writing arrays ----------------------------------------------------------------------- */

static enum status write_chunks(const struct hdf5_group *group, const char *name, hid_t dataset,
                                const struct layout *layout, size_t size,
                                const unsigned char *values, size_t stride, struct error *err)
{
    struct packed_chunk *chunks = group->room->chunks;
    size_t batch = batch_size();
    for (size_t first = 0; first < layout->n_pieces; first += batch) {
        size_t n = layout->n_pieces - first < batch ? layout->n_pieces - first : batch;
#pragma omp parallel for schedule(dynamic) if (n > 1)
        for (size_t c = 0; c < n; c++)
            shuffle_deflate_pack(&chunks[c], values + (first + c) * layout->n_piece_values * stride,
                                 stride, piece_values(layout, first + c), size,
                                 layout->n_piece_values);
        for (size_t c = 0; c < n; c++) {
            hsize_t offset[HDF5_DIMENSIONS_MAX];
            piece_offset(layout, first + c, offset);
            if (H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, offset, chunks[c].n_bytes,
                               chunks[c].bytes) < 0)
                return failed_to_write(group, name, err);
        }
    }
    return STATUS_OK;
}

static enum status write_compact(const struct hdf5_group *group, const char *name, hid_t dataset,
                                 const struct layout *layout, enum hdf5_type type,
                                 const unsigned char *values, size_t stride, struct error *err)
{
    unsigned char plain[COMPACT_BYTES];
    size_t size = type_size(type);
    for (size_t i = 0; i < layout->n_values; i++)
        memcpy(plain + i * size, values + i * stride, size);
    if (H5Dwrite(dataset, type_id(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, plain) < 0)
        return failed_to_write(group, name, err);
    return STATUS_OK;
}

static enum status write_values(struct hdf5_group *group, const char *name, enum hdf5_type type,
                                const void *values, size_t stride, size_t n_dimensions,
                                const size_t *dimensions, struct error *err)
{
    if (n_dimensions < 1 || n_dimensions > HDF5_DIMENSIONS_MAX)
        BUG("%zu dimensions", n_dimensions);
    hsize_t sizes[HDF5_DIMENSIONS_MAX];
    for (size_t d = 0; d < n_dimensions; d++)
        sizes[d] = dimensions[d];
    struct layout layout = layout_of(n_dimensions, sizes);
    bool is_compact = layout.n_values * type_size(type) <= COMPACT_BYTES;
    int rank = (int)n_dimensions;

    hid_t creation = array_creation(), dataset = H5I_INVALID_HID;
    hid_t space = H5Screate_simple(rank, sizes, NULL);
    herr_t failure = 0;
    if (is_compact)
        failure |= H5Pset_layout(creation, H5D_COMPACT);
    else
        failure |= H5Pset_chunk(creation, rank, layout.piece) | H5Pset_shuffle(creation) |
                   H5Pset_deflate(creation, NOMINAL_LEVEL) |
                   H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    if (failure >= 0)
        dataset = H5Dcreate2(group->id, name, type_id(type), space, H5P_DEFAULT, creation,
                             H5P_DEFAULT);
    enum status status;
    if (dataset < 0)
        status = failed_to_write(group, name, err);
    else if (is_compact)
        status = write_compact(group, name, dataset, &layout, type, values, stride, err);
    else
        status = write_chunks(group, name, dataset, &layout, type_size(type), values, stride, err);

    if (dataset >= 0)
        H5Dclose(dataset);
    if (space >= 0)
        H5Sclose(space);
    H5Pclose(creation);
    return status;
}

enum status hdf5_write_array(struct hdf5_group *group, const char *name, enum hdf5_type type,
                             const void *values, size_t n_dimensions, const size_t *dimensions,
                             struct error *err)
{
    return write_values(group, name, type, values, type_size(type), n_dimensions, dimensions, err);
}

enum status hdf5_write_column(struct hdf5_group *group, const char *name, enum hdf5_type type,
                              const void *values, size_t stride, size_t count, struct error *err)
{
    return write_values(group, name, type, values, stride, 1, &count, err);
}

/* ---- reading arrays ----------------------------------------------------------------------- */

/* An array that was opened; safe to close in every partial state. */
struct open_array {
    hid_t dataset, space, type, creation;
    struct layout layout;
};

static void close_array(struct open_array *array)
{
    if (array->creation >= 0)
        H5Pclose(array->creation);
    if (array->type >= 0)
        H5Tclose(array->type);
    if (array->space >= 0)
        H5Sclose(array->space);
    if (array->dataset >= 0)
        H5Dclose(array->dataset);
}

/* Caller closes with close_array, also after failure. */
static enum status open_array(const struct hdf5_group *group, const char *name,
                              struct open_array *array, struct error *err)
{
    *array = (struct open_array){ .dataset = H5I_INVALID_HID,
                                  .space = H5I_INVALID_HID,
                                  .type = H5I_INVALID_HID,
                                  .creation = H5I_INVALID_HID };
    RETURN_IF(!has_array(group, name), err, STATUS_FORMAT, "%s has no array %s%s", group->path,
              group->name, name);
    array->dataset = H5Dopen2(group->id, name, H5P_DEFAULT);
    if (array->dataset < 0)
        return failed_to_read(group, name, err);
    array->space = H5Dget_space(array->dataset);
    array->type = H5Dget_type(array->dataset);
    array->creation = H5Dget_create_plist(array->dataset);
    if (array->space < 0 || array->type < 0 || array->creation < 0)
        return failed_to_read(group, name, err);
    int rank = H5Sget_simple_extent_ndims(array->space);
    RETURN_IF(rank < 1 || rank > HDF5_DIMENSIONS_MAX, err, STATUS_FORMAT,
              "%s: %s%s has %d dimensions, not 1 to %d", group->path, group->name, name, rank,
              HDF5_DIMENSIONS_MAX);
    hsize_t sizes[HDF5_DIMENSIONS_MAX];
    H5Sget_simple_extent_dims(array->space, sizes, NULL);
    array->layout = layout_of((size_t)rank, sizes);
    return STATUS_OK;
}

enum status hdf5_array_size(struct hdf5_group *group, const char *name, size_t n_dimensions,
                            size_t *dimensions, struct error *err)
{
    struct open_array array;
    enum status status = open_array(group, name, &array, err);
    if (status == STATUS_OK && array.layout.n_dimensions != n_dimensions)
        status = error_set(err, STATUS_FORMAT, "%s: %s%s has %zu dimensions, not %zu", group->path,
                           group->name, name, array.layout.n_dimensions, n_dimensions);
    for (size_t d = 0; status == STATUS_OK && d < n_dimensions; d++)
        dimensions[d] = array.layout.sizes[d];
    close_array(&array);
    return status;
}

/* Whether the chunks are the pieces of our layout, shuffled and deflated, of that very type. */
static bool is_ours(const struct open_array *array, enum hdf5_type type)
{
    int rank = (int)array->layout.n_dimensions;
    hsize_t chunk[HDF5_DIMENSIONS_MAX];
    if (H5Pget_layout(array->creation) != H5D_CHUNKED ||
        H5Pget_chunk(array->creation, rank, chunk) != rank ||
        memcmp(chunk, array->layout.piece, (size_t)rank * sizeof chunk[0]) != 0 ||
        H5Tequal(array->type, type_id(type)) <= 0 || H5Pget_nfilters(array->creation) != 2)
        return false;
    static const H5Z_filter_t filters[] = { H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE };
    for (unsigned f = 0; f < ARRAY_LEN(filters); f++) {
        unsigned flags;
        size_t n_words = 0;
        if (H5Pget_filter2(array->creation, f, &flags, &n_words, NULL, 0, NULL, NULL) != filters[f])
            return false;
    }
    return true;
}

/* Fetches chunk p as it is in the file. *is_packed: both filters were applied to it. */
static enum status fetch_chunk(const struct hdf5_group *group, const char *name,
                               const struct open_array *array, size_t size, size_t p,
                               struct packed_chunk *chunk, bool *is_packed, struct error *err)
{
    hsize_t offset[HDF5_DIMENSIONS_MAX], n_bytes;
    piece_offset(&array->layout, p, offset);
    if (H5Dget_chunk_storage_size(array->dataset, offset, &n_bytes) < 0)
        return failed_to_read(group, name, err);
    RETURN_IF(n_bytes == 0 || n_bytes > 2 * array->layout.n_piece_values * size + 1024, err,
              STATUS_FORMAT, "%s: chunk %zu of %s%s is missing or has an impossible size of %llu",
              group->path, p, group->name, name, (unsigned long long)n_bytes);
    packed_chunk_reserve(chunk, n_bytes);
    chunk->n_bytes = n_bytes;
    uint32_t skipped_filters;
    if (H5Dread_chunk(array->dataset, H5P_DEFAULT, offset, &skipped_filters, chunk->bytes) < 0)
        return failed_to_read(group, name, err);
    *is_packed = skipped_filters == 0;
    return STATUS_OK;
}

/* Reads piece p through HDF5's own filters and conversions. */
static enum status read_piece(const struct hdf5_group *group, const char *name,
                              const struct open_array *array, enum hdf5_type type, size_t p,
                              unsigned char *values, size_t stride, struct error *err)
{
    const struct layout *layout = &array->layout;
    size_t size = type_size(type);
    hsize_t offset[HDF5_DIMENSIONS_MAX], sizes[HDF5_DIMENSIONS_MAX];
    piece_offset(layout, p, offset);
    memcpy(sizes, layout->piece, sizeof sizes);
    hsize_t n_left = layout->sizes[0] - offset[0], n_values = piece_values(layout, p);
    if (n_left < sizes[0])
        sizes[0] = n_left;
    packed_chunk_reserve(&group->room->chunks[0], n_values * size);
    unsigned char *plain = group->room->chunks[0].bytes;

    enum status status = STATUS_OK;
    hid_t memory = H5Screate_simple(1, &n_values, NULL);
    if (memory < 0 ||
        H5Sselect_hyperslab(array->space, H5S_SELECT_SET, offset, NULL, sizes, NULL) < 0 ||
        H5Dread(array->dataset, type_id(type), memory, array->space, H5P_DEFAULT, plain) < 0)
        status = failed_to_read(group, name, err);
    if (memory >= 0)
        H5Sclose(memory);
    for (size_t i = 0; status == STATUS_OK && i < n_values; i++)
        memcpy(values + i * stride, plain + i * size, size);
    return status;
}

/* Reads chunks first .. first + n - 1 of an array that is ours. */
static enum status read_chunks(const struct hdf5_group *group, const char *name,
                               const struct open_array *array, enum hdf5_type type, size_t first,
                               size_t n, unsigned char *values, size_t stride, struct error *err)
{
    const struct layout *layout = &array->layout;
    struct packed_chunk *chunks = group->room->chunks;
    bool all_packed = true;
    for (size_t c = 0; c < n; c++) {
        bool is_packed = false;
        FORWARD(fetch_chunk(group, name, array, type_size(type), first + c, &chunks[c], &is_packed,
                            err));
        all_packed = all_packed && is_packed;
    }
    if (!all_packed) {
        for (size_t c = 0; c < n; c++)
            FORWARD(read_piece(group, name, array, type, first + c,
                               values + (first + c) * layout->n_piece_values * stride, stride,
                               err));
        return STATUS_OK;
    }
    bool is_whole[CHUNKS_MAX];
#pragma omp parallel for schedule(dynamic) if (n > 1)
    for (size_t c = 0; c < n; c++)
        is_whole[c] = shuffle_deflate_unpack(
            &chunks[c], values + (first + c) * layout->n_piece_values * stride, stride,
            piece_values(layout, first + c), type_size(type), layout->n_piece_values);
    for (size_t c = 0; c < n; c++)
        RETURN_IF(!is_whole[c], err, STATUS_FORMAT, "%s: chunk %zu of %s%s is damaged", group->path,
                  first + c, group->name, name);
    return STATUS_OK;
}

static enum status read_values(struct hdf5_group *group, const char *name, enum hdf5_type type,
                               unsigned char *values, size_t stride, size_t count,
                               struct error *err)
{
    struct open_array array;
    enum status status = open_array(group, name, &array, err);
    if (status != STATUS_OK)
        goto cleanup;
    if (array.layout.n_values != count) {
        status = error_set(err, STATUS_FORMAT, "%s: %s%s has %zu values, not %zu", group->path,
                           group->name, name, array.layout.n_values, count);
        goto cleanup;
    }
    if (!converts_to(array.type, type)) {
        status = error_set(err, STATUS_FORMAT,
                           "%s: %s%s holds values of another type than it has to", group->path,
                           group->name, name);
        goto cleanup;
    }
    if (is_ours(&array, type)) {
        size_t batch = batch_size();
        for (size_t p = 0; status == STATUS_OK && p < array.layout.n_pieces; p += batch) {
            size_t left = array.layout.n_pieces - p;
            status = read_chunks(group, name, &array, type, p, left < batch ? left : batch, values,
                                 stride, err);
        }
    } else {
        for (size_t p = 0; status == STATUS_OK && p < array.layout.n_pieces; p++)
            status = read_piece(group, name, &array, type, p,
                                values + p * array.layout.n_piece_values * stride, stride, err);
    }

cleanup:
    close_array(&array);
    return status;
}

enum status hdf5_read_array(struct hdf5_group *group, const char *name, enum hdf5_type type,
                            void *values, size_t count, struct error *err)
{
    return read_values(group, name, type, values, type_size(type), count, err);
}

enum status hdf5_read_column(struct hdf5_group *group, const char *name, enum hdf5_type type,
                             void *values, size_t stride, size_t count, struct error *err)
{
    return read_values(group, name, type, values, stride, count, err);
}

/* ---- what arrays say about themselves ----------------------------------------------------- */

enum status hdf5_array_write_text(struct hdf5_group *group, const char *array, const char *name,
                                  const char *text, struct error *err)
{
    hid_t dataset = H5Dopen2(group->id, array, H5P_DEFAULT);
    if (dataset < 0)
        return failed_to_write(group, array, err);
    char *of = memory_format("%s.", array);
    enum status status = write_text_attribute(group, dataset, of, name, text, err);
    free(of);
    H5Dclose(dataset);
    return status;
}

enum status hdf5_array_write_values(struct hdf5_group *group, const char *array, const char *name,
                                    enum hdf5_type type, const void *values, size_t n,
                                    struct error *err)
{
    hid_t dataset = H5Dopen2(group->id, array, H5P_DEFAULT);
    if (dataset < 0)
        return failed_to_write(group, array, err);
    char *of = memory_format("%s.", array);
    enum status status = write_attribute(group, dataset, of, name, type_id(type), values, n, err);
    free(of);
    H5Dclose(dataset);
    return status;
}

enum status hdf5_dimension_create(struct hdf5_group *group, const char *name, size_t length,
                                  struct error *err)
{
    /* An array to which nothing is ever written has no storage. NetCDF tells by the words in NAME
     * that it is not to be shown as a variable. */
    char words[80];
    snprintf(words, sizeof words, "This is a netCDF dimension but not a netCDF variable.%10zu",
             length);
    hsize_t size = length;
    hid_t creation = array_creation(), space = H5Screate_simple(1, &size, NULL);
    hid_t dataset = H5Dcreate2(group->id, name, type_id(HDF5_U8), space, H5P_DEFAULT, creation,
                               H5P_DEFAULT);
    enum status status = STATUS_OK;
    if (dataset < 0 || H5DSset_scale(dataset, words) < 0)
        status = failed_to_write(group, name, err);
    if (dataset >= 0)
        H5Dclose(dataset);
    if (space >= 0)
        H5Sclose(space);
    H5Pclose(creation);
    return status;
}

enum status hdf5_dimension_from_array(struct hdf5_group *group, const char *array,
                                      struct error *err)
{
    hid_t dataset = H5Dopen2(group->id, array, H5P_DEFAULT);
    enum status status = STATUS_OK;
    if (dataset < 0 || H5DSset_scale(dataset, array) < 0)
        status = failed_to_write(group, array, err);
    if (dataset >= 0)
        H5Dclose(dataset);
    return status;
}

enum status hdf5_dimension_attach(struct hdf5_group *group, const char *array,
                                  const char *dimension, struct error *err)
{
    hid_t dataset = H5Dopen2(group->id, array, H5P_DEFAULT);
    hid_t scale = dataset >= 0 ? H5Dopen2(group->id, dimension, H5P_DEFAULT) : H5I_INVALID_HID;
    enum status status = STATUS_OK;
    if (scale < 0 || H5DSattach_scale(dataset, scale, 0) < 0)
        status = failed_to_write(group, array, err);
    if (scale >= 0)
        H5Dclose(scale);
    if (dataset >= 0)
        H5Dclose(dataset);
    return status;
}

/* ---- lists of texts ----------------------------------------------------------------------- */

enum status hdf5_write_texts(struct hdf5_group *group, const char *name, char *const *texts,
                             size_t n, struct error *err)
{
    size_t length = 1;
    for (size_t i = 0; i < n; i++)
        length = strlen(texts[i]) > length ? strlen(texts[i]) : length;
    char *table = memory_zalloc(n, length);
    for (size_t i = 0; i < n; i++)
        memcpy(table + i * length, texts[i], strlen(texts[i]));

    hsize_t size = n;
    hid_t type = text_type(length), space = H5Screate_simple(1, &size, NULL);
    hid_t creation = array_creation();
    /* Large tables would stand outside the header, where no checksum guards them. */
    if (n * length <= COMPACT_BYTES)
        H5Pset_layout(creation, H5D_COMPACT);
    else if (H5Pset_chunk(creation, 1, &size) >= 0)
        H5Pset_fletcher32(creation);
    hid_t dataset = H5Dcreate2(group->id, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    enum status status = STATUS_OK;
    if (dataset < 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, table) < 0)
        status = failed_to_write(group, name, err);

    if (dataset >= 0)
        H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
    H5Tclose(type);
    free(table);
    return status;
}

enum status hdf5_read_texts(struct hdf5_group *group, const char *name, char ***texts, size_t *n,
                            struct error *err)
{
    struct open_array array;
    char *table = NULL;
    enum status status = open_array(group, name, &array, err);
    if (status != STATUS_OK)
        goto cleanup;
    if (array.layout.n_dimensions != 1 || H5Tget_class(array.type) != H5T_STRING ||
        H5Tis_variable_str(array.type) != 0) {
        status = error_set(err, STATUS_FORMAT, "%s: %s%s is not a list of texts of fixed length",
                           group->path, group->name, name);
        goto cleanup;
    }
    size_t length = H5Tget_size(array.type), n_texts = array.layout.n_values;
    table = memory_alloc(n_texts, length);
    if (H5Dread(array.dataset, array.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, table) < 0) {
        status = failed_to_read(group, name, err);
        goto cleanup;
    }
    *texts = memory_alloc(n_texts, sizeof **texts);
    *n = n_texts;
    for (size_t i = 0; i < n_texts; i++)
        (*texts)[i] = memory_format("%.*s", (int)length, table + i * length);

cleanup:
    free(table);
    close_array(&array);
    return status;
}
