#include "data/hdf5_internal.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

enum status hdf5_failed_to_read(const struct hdf5_group *group, const char *name, struct error *err)
{
    return failed_to("read", group, name, STATUS_FORMAT, err);
}

enum status hdf5_failed_to_write(const struct hdf5_group *group, const char *name,
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
    enum status status = id < 0 ? hdf5_failed_to_write(parent, name, err) : STATUS_OK;
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
        return hdf5_failed_to_read(parent, name, err);
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
        for (size_t t = 0; t < THREADS_MAX; t++)
            pack_room_release(&group->room->rooms[t]);
        free(group->room);
    }
    free(group->path);
    free(group->name);
    free(group);
    return status;
}

bool hdf5_has_array(const struct hdf5_group *group, const char *name)
{
    return H5Lexists(group->id, name, H5P_DEFAULT) > 0;
}

bool hdf5_has(struct hdf5_group *group, const char *name)
{
    return hdf5_has_array(group, name) || H5Aexists(group->id, name) > 0;
}

/* ---- types -------------------------------------------------------------------------------- */

size_t hdf5_type_size(enum hdf5_type type)
{
    static const unsigned char sizes[] = {
        [HDF5_U8] = 1,  [HDF5_U16] = 2, [HDF5_U32] = 4, [HDF5_U64] = 8,
        [HDF5_I32] = 4, [HDF5_I64] = 8, [HDF5_F32] = 4, [HDF5_F64] = 8
    };
    return sizes[type];
}

hid_t hdf5_type_id(enum hdf5_type type)
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

hid_t hdf5_text_type(size_t length)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(type, length > 0 ? length : 1) < 0 ||
        H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)
        BUG("a text of %zu bytes", length);
    return type;
}

bool hdf5_type_converts(hid_t file_type, enum hdf5_type type)
{
    H5T_class_t class = H5Tget_class(file_type);
    if (class != H5Tget_class(hdf5_type_id(type)))
        return false;
    if (class == H5T_FLOAT)
        return true;
    size_t file_size = H5Tget_size(file_type);
    bool file_signed = H5Tget_sign(file_type) == H5T_SGN_2;
    bool is_signed = H5Tget_sign(hdf5_type_id(type)) == H5T_SGN_2;
    if (file_signed == is_signed)
        return file_size <= hdf5_type_size(type);
    return is_signed && file_size < hdf5_type_size(type);
}

/* ---- attributes --------------------------------------------------------------------------- */

enum status hdf5_put_attribute(const struct hdf5_group *group, hid_t object, const char *of,
                               const char *name, hid_t type, const void *values, hsize_t n,
                               struct error *err)
{
    enum status status = STATUS_OK;
    hid_t space = n > 0 ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, type, values) < 0) {
        char *full_name = memory_format("%s%s", of, name);
        status = hdf5_failed_to_write(group, full_name, err);
        free(full_name);
    }
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return status;
}

enum status hdf5_put_text_attribute(const struct hdf5_group *group, hid_t object, const char *of,
                                    const char *name, const char *text, struct error *err)
{
    hid_t type = hdf5_text_type(strlen(text));
    enum status status = hdf5_put_attribute(group, object, of, name, type, text, 0, err);
    H5Tclose(type);
    return status;
}

enum status hdf5_write_text(struct hdf5_group *group, const char *name, const char *text,
                            struct error *err)
{
    return hdf5_put_text_attribute(group, group->id, "", name, text, err);
}

enum status hdf5_write_number(struct hdf5_group *group, const char *name, double number,
                              struct error *err)
{
    return hdf5_put_attribute(group, group->id, "", name, hdf5_type_id(HDF5_F64), &number, 0, err);
}

enum status hdf5_write_integer(struct hdf5_group *group, const char *name, int64_t number,
                               struct error *err)
{
    return hdf5_put_attribute(group, group->id, "", name, hdf5_type_id(HDF5_I64), &number, 0, err);
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
        return hdf5_failed_to_read(group, name, err);
    *type = H5Aget_type(*attribute);
    if (*type < 0)
        return hdf5_failed_to_read(group, name, err);
    hid_t space = H5Aget_space(*attribute);
    if (space < 0)
        return hdf5_failed_to_read(group, name, err);
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
        status = hdf5_failed_to_read(group, name, err);
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
    if (!hdf5_type_converts(type, wanted))
        status = error_set(err, STATUS_FORMAT, "%s: attribute %s%s is not a %s number", group->path,
                           group->name, name, wanted == HDF5_I64 ? "whole" : "real");
    else if (H5Aread(attribute, hdf5_type_id(wanted), value) < 0)
        status = hdf5_failed_to_read(group, name, err);

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
