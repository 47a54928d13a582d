/* Model files whose contents were changed behind our back: each number, text and array in turn, for
 * every kind of model. A checksum would not notice, for the file is whole. Loading refuses it with
 * words, or gives a model that scores and draws without harm. */
#include "model_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/options.h"
#include "model/model.h"

#include <float.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* HDF5 1.10 forgets memory of its own when it meets what it cannot read: no leak of ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* ---- a small model of each kind ----------------------------------------------------------- */

/* Settings that make a kind small, where it has them. */
static const char *const small[][2] = {
    { "components", "2" }, { "prior-components", "2" }, { "width", "8" },  { "hidden", "8" },
    { "context", "4" },    { "blocks", "2" },           { "pieces", "2" }, { "piece-rows", "32" },
    { "epochs", "0.3" },   { "structure", "previous" },
};

/* One attribute of each kind of support, so that files are small. */
static const uint32_t attributes = ATTRIBUTE_BIT(ATTRIBUTE_GAP) | ATTRIBUTE_BIT(ATTRIBUTE_REMOTE) |
                                   ATTRIBUTE_BIT(ATTRIBUTE_LOCAL_PORT) |
                                   ATTRIBUTE_BIT(ATTRIBUTE_FLAGS) | ATTRIBUTE_BIT(ATTRIBUTE_BYTES);

static const char *saved(const struct model_kind *kind, const struct sequence_set *train)
{
    struct error err;
    void *settings = memory_zalloc(1, kind->settings_size);
    struct option_table table = { kind->options, kind->n_options, settings, kind->name };
    struct training_record record = fixture_record(train);
    struct model *model;
    options_set_defaults(&table, 1);
    for (size_t i = 0; i < ARRAY_LEN(small); i++)
        if (options_find(&table, 1, small[i][0], NULL) != NULL)
            assert_ok(options_set(&table, 1, small[i][0], small[i][1], &err), err);
    assert_ok(model_fit(kind, settings, train, &record, 3, "seed = 3\n", &model, &err), err);
    const char *path = testing_path("whole.h5");
    assert_ok(model_save(model, path, &err), err);
    model_free(model);
    free(settings);
    return path;
}

/* ---- what is in a file -------------------------------------------------------------------- */

struct item {
    char *object; /* path of the group or array */
    char *name;   /* of the attribute; NULL for an array */
};

struct item_list {
    struct item *items;
    size_t n;
};

static void add_item(struct item_list *list, const char *object, const char *name)
{
    list->items = memory_resize(list->items, list->n + 1, sizeof *list->items);
    list->items[list->n++] = (struct item){ memory_strdup(object),
                                            name != NULL ? memory_strdup(name) : NULL };
}

static herr_t note_object(hid_t root, const char *object, const H5O_info_t *info, void *user)
{
    struct item_list *list = user;
    if (info->type == H5O_TYPE_DATASET)
        add_item(list, object, NULL);
    hid_t opened = H5Oopen(root, object, H5P_DEFAULT);
    for (hsize_t a = 0; a < info->num_attrs; a++) {
        char name[64];
        if (H5Aget_name_by_idx(opened, ".", H5_INDEX_NAME, H5_ITER_INC, a, name, sizeof name,
                               H5P_DEFAULT) > 0)
            add_item(list, object, name);
    }
    H5Oclose(opened);
    return 0;
}

static struct item_list list_items(const char *path)
{
    struct item_list list = { 0 };
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    ck_assert_int_ge(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, note_object, &list), 0);
    H5Fclose(file);
    return list;
}

static void release_items(struct item_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i].object);
        free(list->items[i].name);
    }
    free(list->items);
}

/* ---- changes ------------------------------------------------------------------------------ */

enum change {
    REMOVE,
    EMPTY,      /* an array without an element */
    SHORTER,    /* one element less */
    FIRST_ONES, /* of an array, that element: all bits set, ... */
    MIDDLE_ONES,
    LAST_ONES,
    FIRST_ZERO,
    MIDDLE_ZERO,
    LAST_ZERO,
    FIRST_MOST, /* the largest finite number, ... */
    MIDDLE_MOST,
    LAST_MOST,
    FIRST_LESS, /* less than 0 */
    LAST_LESS,
    REVERSED,
    N_CHANGES,
};

static void set_element(unsigned char *at, size_t size, H5T_class_t class, enum change change)
{
    bool is_real = class == H5T_FLOAT;
    switch (change) {
    case FIRST_ONES:
    case MIDDLE_ONES:
    case LAST_ONES: /* of a real number: not a number */
        memset(at, 0xff, size);
        break;
    case FIRST_MOST:
    case MIDDLE_MOST:
    case LAST_MOST:
        memset(at, 0xff, size);
        at[size - 1] = 0x7f;
        if (is_real && size == sizeof(double))
            memcpy(at, &(double){ DBL_MAX }, size);
        else if (is_real)
            memcpy(at, &(float){ FLT_MAX }, size);
        break;
    case FIRST_LESS:
    case LAST_LESS:
        if (is_real && size == sizeof(double))
            memcpy(at, &(double){ -3.0 }, size);
        else if (is_real)
            memcpy(at, &(float){ -3.0f }, size);
        else {
            memset(at, 0xff, size);
            at[0] = 0xfd;
        }
        break;
    default:
        memset(at, 0, size);
    }
}

static void change_bytes(unsigned char *bytes, size_t n, size_t size, H5T_class_t class,
                         enum change change)
{
    if (n == 0)
        return;
    if (change == REVERSED) {
        for (size_t i = 0, j = (n - 1) * size; i < j; i += size, j -= size)
            for (size_t b = 0; b < size; b++) {
                unsigned char byte = bytes[i + b];
                bytes[i + b] = bytes[j + b];
                bytes[j + b] = byte;
            }
        return;
    }
    bool is_middle = change == MIDDLE_ONES || change == MIDDLE_ZERO || change == MIDDLE_MOST;
    bool is_last = change == LAST_ONES || change == LAST_ZERO || change == LAST_MOST ||
                   change == LAST_LESS;
    size_t which = is_middle ? n / 2 : is_last ? n - 1 : 0;
    set_element(bytes + which * size, size, class, change);
}

static void change_attribute(hid_t object, const char *name, enum change change)
{
    if (change == REMOVE) {
        ck_assert_int_ge(H5Adelete(object, name), 0);
        return;
    }
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(attribute);
    size_t size = H5Tget_size(type);
    unsigned char *bytes = memory_zalloc(size, 1);
    H5Aread(attribute, type, bytes);
    /* A text is an array of characters; a number is one element. */
    if (H5Tget_class(type) == H5T_STRING)
        change_bytes(bytes, size, 1, H5T_INTEGER, change);
    else
        change_bytes(bytes, 1, size, H5Tget_class(type), change);
    ck_assert_int_ge(H5Awrite(attribute, type, bytes), 0);
    free(bytes);
    H5Tclose(type);
    H5Aclose(attribute);
}

static void change_array(hid_t file, const char *path, enum change change)
{
    hid_t array = H5Dopen(file, path, H5P_DEFAULT);
    hid_t type = H5Dget_type(array), space = H5Dget_space(array);
    hsize_t sizes[H5S_MAX_RANK] = { 0 };
    int rank = H5Sget_simple_extent_dims(space, sizes, NULL);
    size_t size = H5Tget_size(type), n = (size_t)H5Sget_simple_extent_npoints(space);
    unsigned char *bytes = memory_zalloc(n + 1, size);
    ck_assert_int_ge(H5Dread(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes), 0);
    if (change > SHORTER) {
        change_bytes(bytes, n, size, H5Tget_class(type), change);
        ck_assert_int_ge(H5Dwrite(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes), 0);
    } else {
        ck_assert_int_ge(H5Ldelete(file, path, H5P_DEFAULT), 0);
    }
    H5Dclose(array);
    if (change == EMPTY || change == SHORTER) {
        sizes[0] = change == EMPTY || sizes[0] == 0 ? 0 : sizes[0] - 1;
        hid_t other = H5Screate_simple(rank, sizes, NULL);
        hid_t made = H5Dcreate(file, path, type, other, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        if (sizes[0] > 0)
            ck_assert_int_ge(H5Dwrite(made, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes), 0);
        H5Dclose(made);
        H5Sclose(other);
    }
    free(bytes);
    H5Tclose(type);
    H5Sclose(space);
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rbe"), *out = fopen(to, "wbe");
    char bytes[65536];
    ck_assert(in != NULL && out != NULL);
    for (size_t n = fread(bytes, 1, sizeof bytes, in); n > 0; n = fread(bytes, 1, sizeof bytes, in))
        ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
}

static void make_changed(const char *whole, const char *changed, const struct item *item,
                         enum change change)
{
    copy_file(whole, changed);
    hid_t file = H5Fopen(changed, H5F_ACC_RDWR, H5P_DEFAULT);
    if (item->name != NULL) {
        hid_t object = H5Oopen(file, item->object, H5P_DEFAULT);
        change_attribute(object, item->name, change);
        H5Oclose(object);
    } else {
        change_array(file, item->object, change);
    }
    ck_assert_int_ge(H5Fclose(file), 0);
}

/* ---- what is expected --------------------------------------------------------------------- */

/* Scores a sequence and draws some rows; any answer but a crash or an illegal row will do. */
static void use(const struct model *model, const struct sequence *whole)
{
    struct error err;
    struct sequence part = *whole, *sequence = &part;
    part.n_rows = 16;
    double *log_mass = memory_zalloc(sequence->n_rows * N_ATTRIBUTES, sizeof *log_mass);
    if (model_log_mass(model, sequence, log_mass, &err) != STATUS_OK)
        ck_assert_uint_gt(strlen(err.message), 0);
    free(log_mass);

    const struct sampler_host hosts[] = {
        { .address = sequence->host, .stream = 1, .start = sequence->start },
        { .address = 0x0a0000ff, .stream = 2, .start = sequence->start },
    };
    const size_t which[] = { 0, 1 };
    struct row rows[2];
    struct sampler *sampler = model_sampler(model, hosts, 2,
                                            &(struct sampler_settings){ .seed = 5 });
    for (int i = 0; i < 4; i++) {
        if (sampler_advance(sampler, which, 2, rows, &err) != STATUS_OK)
            break;
        ck_assert(coding_row_is_legal(&rows[0]) && coding_row_is_legal(&rows[1]));
    }
    sampler_free(sampler);
}

/* Of the changes of an item those that take or leave something are always made, of the others one
 * in four, in turn: all are met, and the test stays short. */
static bool is_made(size_t item, enum change change, bool is_attribute)
{
    if (change <= SHORTER)
        return !is_attribute || change == REMOVE;
    return (size_t)change % 4 == item % 4;
}

/* A loop over kinds; the last change to be made is in `doing`, for a debugger. */
static char doing[256];

START_TEST(changed_contents_are_refused_or_do_no_harm)
{
    const struct model_kind *kind = model_kinds[_i];
    struct error err;
    struct sequence_set *train = fixture_sequences(4, 12, 60);
    train->attributes = attributes;
    const char *whole = saved(kind, train), *changed = testing_path("changed.h5");
    struct item_list list = list_items(whole);
    size_t n_refused = 0, n_changed = 0;
    ck_assert_uint_gt(list.n, 30);
    H5Eset_auto(H5E_DEFAULT, NULL, NULL);
    for (size_t i = 0; i < list.n; i++) {
        const struct item *item = &list.items[i];
        for (enum change change = REMOVE; change < N_CHANGES; change++) {
            struct model *model = NULL;
            if (!is_made(i, change, item->name != NULL))
                continue;
            snprintf(doing, sizeof doing, "%s %s change %d", item->object,
                     item->name != NULL ? item->name : "(array)", (int)change);
            if (getenv("SHOW_CHANGES") != NULL)
                fprintf(stderr, "%s\n", doing);
            make_changed(whole, changed, item, change);
            enum status status = model_load(changed, &model, &err);
            n_changed++;
            if (status == STATUS_OK) {
                use(model, &train->items[2]);
                model_free(model);
            } else {
                n_refused++;
                ck_assert_msg(status == STATUS_FORMAT, "%s: %s", doing, err.message);
                ck_assert_msg(strstr(err.message, "changed.h5") != NULL, "%s: %s", doing,
                              err.message);
            }
        }
    }
    /* Many changes make another legal model; but what cannot be is not taken. */
    ck_assert_uint_gt(n_refused, n_changed / 4);
    if (getenv("SHOW_CHANGES") != NULL)
        fprintf(stderr, "%zu of %zu refused\n", n_refused, n_changed);
    release_items(&list);
    sequence_set_free(train);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/model_files");
    size_t n_kinds = 0;
    while (model_kinds[n_kinds] != NULL)
        n_kinds++;
    testing_add_loop(suite, changed_contents_are_refused_or_do_no_harm, n_kinds);
    return suite;
}
