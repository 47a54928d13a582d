/* hdf5_array.c - the arrays of hdf5_file.h: cut into chunks, packed and unpacked by several
 * threads, written and read by one. */
#include "data/hdf5_internal.h"

#include "base/memory.h"
#include "base/threads.h"

#include <hdf5_hl.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "chunks are written as they are in memory");

/* Values in a chunk, and bytes up to which an array has none and stands in its object's header. */
#define CHUNK_VALUES  ((size_t)65536)
#define COMPACT_BYTES ((size_t)4096)
/* What HDF5's deflate filter is told it was packed with; only a reader that packs again uses it. */
#define NOMINAL_LEVEL 1
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

/* Pieces of that many columns that are worked on side by side: all columns of the same rows, so
 * that records come from memory once. */
static size_t pieces_at_once(size_t n_columns)
{
    return CHUNKS_MAX / n_columns;
}

static int n_threads(void)
{
    return threads_count() < THREADS_MAX ? threads_count() : THREADS_MAX;
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

/* The columns of an array of records on their way into the file or out of it. An array on its own
 * is a table of one column. */
struct table {
    const struct hdf5_group *group;
    const struct hdf5_column *columns;
    size_t n_columns;
    unsigned char *records;
    size_t stride;
    struct layout layout; /* of each column */
};

static unsigned char *piece_address(const struct table *table, const struct hdf5_column *column,
                                    size_t p)
{
    return table->records + column->offset + p * table->layout.n_piece_values * table->stride;
}

static enum status write_chunks(const struct table *table, const hid_t *datasets, struct error *err)
{
    const struct layout *layout = &table->layout;
    struct chunk_room *room = table->group->room;
    size_t n_columns = table->n_columns, batch = pieces_at_once(n_columns);
    for (size_t first = 0; first < layout->n_pieces; first += batch) {
        size_t n_left = layout->n_pieces - first;
        size_t n = (n_left < batch ? n_left : batch) * n_columns;
#pragma omp parallel for schedule(dynamic) num_threads(n_threads()) if (n > 1)
        for (size_t c = 0; c < n; c++) {
            const struct hdf5_column *column = &table->columns[c % n_columns];
            size_t p = first + c / n_columns;
            shuffle_deflate_pack(&room->chunks[c], &room->rooms[omp_get_thread_num()],
                                 piece_address(table, column, p), table->stride,
                                 piece_values(layout, p), hdf5_type_size(column->type),
                                 layout->n_piece_values);
        }
        for (size_t c = 0; c < n; c++) {
            const struct packed_chunk *chunk = &room->chunks[c];
            hsize_t offset[HDF5_DIMENSIONS_MAX];
            piece_offset(layout, first + c / n_columns, offset);
            if (H5Dwrite_chunk(datasets[c % n_columns], H5P_DEFAULT, 0, offset, chunk->n_bytes,
                               chunk->bytes) < 0)
                return hdf5_failed_to_write(table->group, table->columns[c % n_columns].name, err);
        }
    }
    return STATUS_OK;
}

static enum status write_compact(const struct table *table, const struct hdf5_column *column,
                                 hid_t dataset, struct error *err)
{
    unsigned char plain[COMPACT_BYTES];
    size_t size = hdf5_type_size(column->type);
    for (size_t i = 0; i < table->layout.n_values; i++)
        memcpy(plain + i * size, table->records + column->offset + i * table->stride, size);
    if (H5Dwrite(dataset, hdf5_type_id(column->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, plain) < 0)
        return hdf5_failed_to_write(table->group, column->name, err);
    return STATUS_OK;
}

/* Caller closes with H5Dclose where it succeeded. */
static enum status create_array(const struct table *table, const struct hdf5_column *column,
                                bool is_compact, hid_t *dataset, struct error *err)
{
    const struct layout *layout = &table->layout;
    int rank = (int)layout->n_dimensions;
    hid_t creation = array_creation(), space = H5Screate_simple(rank, layout->sizes, NULL);
    herr_t failure = 0;
    if (is_compact)
        failure |= H5Pset_layout(creation, H5D_COMPACT);
    else
        failure |= H5Pset_chunk(creation, rank, layout->piece) | H5Pset_shuffle(creation) |
                   H5Pset_deflate(creation, NOMINAL_LEVEL) |
                   H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    *dataset = failure < 0 ? H5I_INVALID_HID
                           : H5Dcreate2(table->group->id, column->name, hdf5_type_id(column->type),
                                        space, H5P_DEFAULT, creation, H5P_DEFAULT);
    enum status status = *dataset < 0 ? hdf5_failed_to_write(table->group, column->name, err)
                                      : STATUS_OK;
    if (space >= 0)
        H5Sclose(space);
    H5Pclose(creation);
    return status;
}

static enum status write_table(const struct table *table, struct error *err)
{
    hid_t datasets[HDF5_COLUMNS_MAX];
    struct hdf5_column packed[HDF5_COLUMNS_MAX];
    size_t n_packed = 0;
    enum status status = STATUS_OK;
    for (size_t c = 0; status == STATUS_OK && c < table->n_columns; c++) {
        const struct hdf5_column *column = &table->columns[c];
        bool is_compact = table->layout.n_values * hdf5_type_size(column->type) <= COMPACT_BYTES;
        hid_t dataset;
        status = create_array(table, column, is_compact, &dataset, err);
        if (status != STATUS_OK)
            break;
        if (is_compact) {
            status = write_compact(table, column, dataset, err);
            H5Dclose(dataset);
        } else {
            packed[n_packed] = *column;
            datasets[n_packed++] = dataset;
        }
    }
    if (status == STATUS_OK && n_packed > 0) {
        struct table rest = *table;
        rest.columns = packed;
        rest.n_columns = n_packed;
        status = write_chunks(&rest, datasets, err);
    }
    for (size_t c = 0; c < n_packed; c++)
        H5Dclose(datasets[c]);
    return status;
}

static void check_n_columns(size_t n)
{
    if (n < 1 || n > HDF5_COLUMNS_MAX)
        BUG("%zu columns", n);
}

enum status hdf5_write_array(struct hdf5_group *group, const char *name, enum hdf5_type type,
                             const void *values, size_t n_dimensions, const size_t *dimensions,
                             struct error *err)
{
    if (n_dimensions < 1 || n_dimensions > HDF5_DIMENSIONS_MAX)
        BUG("%zu dimensions", n_dimensions);
    hsize_t sizes[HDF5_DIMENSIONS_MAX];
    for (size_t d = 0; d < n_dimensions; d++)
        sizes[d] = dimensions[d];
    struct hdf5_column column = { name, type, 0 };
    struct table table = { .group = group,
                           .columns = &column,
                           .n_columns = 1,
                           .records = (unsigned char *)(uintptr_t)values, /* only read */
                           .stride = hdf5_type_size(type),
                           .layout = layout_of(n_dimensions, sizes) };
    return write_table(&table, err);
}

enum status hdf5_write_table(struct hdf5_group *group, const struct hdf5_column *columns,
                             size_t n_columns, const void *records, size_t stride, size_t count,
                             struct error *err)
{
    check_n_columns(n_columns);
    hsize_t size = count;
    struct table table = { .group = group,
                           .columns = columns,
                           .n_columns = n_columns,
                           .records = (unsigned char *)(uintptr_t)records, /* only read */
                           .stride = stride,
                           .layout = layout_of(1, &size) };
    return write_table(&table, err);
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
    RETURN_IF(!hdf5_has_array(group, name), err, STATUS_FORMAT, "%s has no array %s%s", group->path,
              group->name, name);
    array->dataset = H5Dopen2(group->id, name, H5P_DEFAULT);
    if (array->dataset < 0)
        return hdf5_failed_to_read(group, name, err);
    array->space = H5Dget_space(array->dataset);
    array->type = H5Dget_type(array->dataset);
    array->creation = H5Dget_create_plist(array->dataset);
    if (array->space < 0 || array->type < 0 || array->creation < 0)
        return hdf5_failed_to_read(group, name, err);
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
        H5Tequal(array->type, hdf5_type_id(type)) <= 0 || H5Pget_nfilters(array->creation) != 2)
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
        return hdf5_failed_to_read(group, name, err);
    RETURN_IF(n_bytes == 0 || n_bytes > 2 * array->layout.n_piece_values * size + 1024, err,
              STATUS_FORMAT, "%s: chunk %zu of %s%s is missing or has an impossible size of %llu",
              group->path, p, group->name, name, (unsigned long long)n_bytes);
    packed_chunk_reserve(chunk, n_bytes);
    chunk->n_bytes = n_bytes;
    uint32_t skipped_filters;
    if (H5Dread_chunk(array->dataset, H5P_DEFAULT, offset, &skipped_filters, chunk->bytes) < 0)
        return hdf5_failed_to_read(group, name, err);
    *is_packed = skipped_filters == 0;
    return STATUS_OK;
}

/* Reads piece p of a column through HDF5's own filters and conversions. */
static enum status read_piece(const struct table *table, const struct hdf5_column *column,
                              const struct open_array *array, size_t p, struct error *err)
{
    const struct layout *layout = &table->layout;
    size_t size = hdf5_type_size(column->type);
    hsize_t offset[HDF5_DIMENSIONS_MAX], sizes[HDF5_DIMENSIONS_MAX];
    piece_offset(layout, p, offset);
    memcpy(sizes, layout->piece, sizeof sizes);
    hsize_t n_left = layout->sizes[0] - offset[0], n_values = piece_values(layout, p);
    if (n_left < sizes[0])
        sizes[0] = n_left;
    struct packed_chunk *plain = &table->group->room->chunks[0];
    packed_chunk_reserve(plain, n_values * size);

    enum status status = STATUS_OK;
    hid_t memory = H5Screate_simple(1, &n_values, NULL);
    if (memory < 0 ||
        H5Sselect_hyperslab(array->space, H5S_SELECT_SET, offset, NULL, sizes, NULL) < 0 ||
        H5Dread(array->dataset, hdf5_type_id(column->type), memory, array->space, H5P_DEFAULT,
                plain->bytes) < 0)
        status = hdf5_failed_to_read(table->group, column->name, err);
    if (memory >= 0)
        H5Sclose(memory);
    unsigned char *values = piece_address(table, column, p);
    for (size_t i = 0; status == STATUS_OK && i < n_values; i++)
        memcpy(values + i * table->stride, plain->bytes + i * size, size);
    return status;
}

/* Reads pieces first .. first + n - 1 of columns whose chunks are ours. */
static enum status read_chunks(const struct table *table, const struct open_array *arrays,
                               size_t first, size_t n, struct error *err)
{
    const struct layout *layout = &table->layout;
    const struct hdf5_group *group = table->group;
    struct chunk_room *room = group->room;
    size_t n_columns = table->n_columns, n_chunks = n * n_columns;
    bool is_packed[CHUNKS_MAX] = { false }, is_whole[CHUNKS_MAX];
    for (size_t c = 0; c < n_chunks; c++) {
        const struct hdf5_column *column = &table->columns[c % n_columns];
        FORWARD(fetch_chunk(group, column->name, &arrays[c % n_columns],
                            hdf5_type_size(column->type), first + c / n_columns, &room->chunks[c],
                            &is_packed[c], err));
    }
#pragma omp parallel for schedule(dynamic) num_threads(n_threads()) if (n_chunks > 1)
    for (size_t c = 0; c < n_chunks; c++) {
        const struct hdf5_column *column = &table->columns[c % n_columns];
        size_t p = first + c / n_columns;
        is_whole[c] = !is_packed[c] ||
                      shuffle_deflate_unpack(&room->chunks[c], &room->rooms[omp_get_thread_num()],
                                             piece_address(table, column, p), table->stride,
                                             piece_values(layout, p), hdf5_type_size(column->type),
                                             layout->n_piece_values);
    }
    for (size_t c = 0; c < n_chunks; c++) {
        const struct hdf5_column *column = &table->columns[c % n_columns];
        size_t p = first + c / n_columns;
        RETURN_IF(!is_whole[c], err, STATUS_FORMAT, "%s: chunk %zu of %s%s is damaged", group->path,
                  p, group->name, column->name);
        if (!is_packed[c])
            FORWARD(read_piece(table, column, &arrays[c % n_columns], p, err));
    }
    return STATUS_OK;
}

/* Whether a column has the length and a type that it has to have. */
static enum status check_column(const struct hdf5_group *group, const struct hdf5_column *column,
                                const struct open_array *array, size_t count, struct error *err)
{
    RETURN_IF(array->layout.n_values != count, err, STATUS_FORMAT,
              "%s: %s%s has %zu values, not %zu", group->path, group->name, column->name,
              array->layout.n_values, count);
    RETURN_IF(!hdf5_type_converts(array->type, column->type), err, STATUS_FORMAT,
              "%s: %s%s holds values of another type than it has to", group->path, group->name,
              column->name);
    return STATUS_OK;
}

/* n_dimensions = 0: any, for an array on its own. */
static enum status read_table(struct table *table, size_t n_dimensions, size_t count,
                              struct error *err)
{
    struct open_array arrays[HDF5_COLUMNS_MAX];
    struct hdf5_column packed[HDF5_COLUMNS_MAX];
    size_t n_packed = 0;
    enum status status = STATUS_OK;
    for (size_t c = 0; status == STATUS_OK && c < table->n_columns; c++) {
        const struct hdf5_column *column = &table->columns[c];
        struct open_array *array = &arrays[n_packed];
        status = open_array(table->group, column->name, array, err);
        if (status == STATUS_OK)
            status = check_column(table->group, column, array, count, err);
        if (status == STATUS_OK && n_dimensions > 0 && array->layout.n_dimensions != n_dimensions)
            status = error_set(err, STATUS_FORMAT, "%s: %s%s has %zu dimensions, not %zu",
                               table->group->path, table->group->name, column->name,
                               array->layout.n_dimensions, n_dimensions);
        table->layout = array->layout;
        if (status == STATUS_OK && is_ours(array, column->type)) {
            packed[n_packed++] = *column; /* stays open until all of them are */
            continue;
        }
        for (size_t p = 0; status == STATUS_OK && p < table->layout.n_pieces; p++)
            status = read_piece(table, column, array, p, err);
        close_array(array);
    }
    if (status == STATUS_OK && n_packed > 0) {
        struct table rest = *table;
        rest.columns = packed;
        rest.n_columns = n_packed;
        size_t batch = pieces_at_once(n_packed), n_pieces = rest.layout.n_pieces;
        for (size_t p = 0; status == STATUS_OK && p < n_pieces; p += batch)
            status = read_chunks(&rest, arrays, p, n_pieces - p < batch ? n_pieces - p : batch,
                                 err);
    }
    for (size_t c = 0; c < n_packed; c++)
        close_array(&arrays[c]);
    return status;
}

enum status hdf5_read_array(struct hdf5_group *group, const char *name, enum hdf5_type type,
                            void *values, size_t count, struct error *err)
{
    struct hdf5_column column = { name, type, 0 };
    struct table table = { .group = group,
                           .columns = &column,
                           .n_columns = 1,
                           .records = values,
                           .stride = hdf5_type_size(type) };
    return read_table(&table, 0, count, err);
}

enum status hdf5_read_table(struct hdf5_group *group, const struct hdf5_column *columns,
                            size_t n_columns, void *records, size_t stride, size_t count,
                            struct error *err)
{
    check_n_columns(n_columns);
    struct table table = { .group = group,
                           .columns = columns,
                           .n_columns = n_columns,
                           .records = records,
                           .stride = stride };
    return read_table(&table, 1, count, err);
}

/* ---- what arrays say about themselves ----------------------------------------------------- */

enum status hdf5_array_write_text(struct hdf5_group *group, const char *array, const char *name,
                                  const char *text, struct error *err)
{
    hid_t dataset = H5Dopen2(group->id, array, H5P_DEFAULT);
    if (dataset < 0)
        return hdf5_failed_to_write(group, array, err);
    char *of = memory_format("%s.", array);
    enum status status = hdf5_put_text_attribute(group, dataset, of, name, text, err);
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
        return hdf5_failed_to_write(group, array, err);
    char *of = memory_format("%s.", array);
    enum status status = hdf5_put_attribute(group, dataset, of, name, hdf5_type_id(type), values, n,
                                            err);
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
    hid_t dataset = H5Dcreate2(group->id, name, hdf5_type_id(HDF5_U8), space, H5P_DEFAULT, creation,
                               H5P_DEFAULT);
    enum status status = STATUS_OK;
    if (dataset < 0 || H5DSset_scale(dataset, words) < 0)
        status = hdf5_failed_to_write(group, name, err);
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
        status = hdf5_failed_to_write(group, array, err);
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
        status = hdf5_failed_to_write(group, array, err);
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
    hid_t type = hdf5_text_type(length), space = H5Screate_simple(1, &size, NULL);
    hid_t creation = array_creation();
    /* Large tables would stand outside the header, where no checksum guards them. */
    if (n * length <= COMPACT_BYTES)
        H5Pset_layout(creation, H5D_COMPACT);
    else if (H5Pset_chunk(creation, 1, &size) >= 0)
        H5Pset_fletcher32(creation);
    hid_t dataset = H5Dcreate2(group->id, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    enum status status = STATUS_OK;
    if (dataset < 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, table) < 0)
        status = hdf5_failed_to_write(group, name, err);

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
        status = hdf5_failed_to_read(group, name, err);
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
