#include "testing.h"

#include "base/config.h"
#include "base/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct settings {
    bool strict, header;
    int64_t hosts;
    double days, shade;
    bool align;
    const char *output;
    int colour;
    struct text_list names;
} settings;

static struct other_settings {
    int64_t hosts;
} other_settings;

static const char *const colours[] = { "red", "green", NULL };

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "strict", 's', OPTION_FLAG, AT(strict), "no", .help = "stop at once" },
    { "header", 0, OPTION_FLAG, AT(header), "yes", .help = "names first" },
    { "hosts", 'n', OPTION_INT, AT(hosts), "20", .minimum = 1, .maximum = 100, .argument = "N",
      .help = "how many" },
    { "days", 0, OPTION_REAL, AT(days), "1.5", .help = "how long" },
    { "output", 'o', OPTION_TEXT, AT(output), NULL, .argument = "FILE", .help = "where to" },
    { "colour", 0, OPTION_CHOICE, AT(colour), "red", .choices = colours, .help = "which" },
    { "name", 0, OPTION_LIST, AT(names), NULL, .help = "who" },
    { "shade", 0, OPTION_REAL, AT(shade), "0.1", .needs = "colour=green|colour=blue",
      .help = "of green" },
    { "align", 0, OPTION_FLAG, AT(align), NULL, .needs = "header=yes|name", .help = "of columns" },
};
#undef AT
static const struct option other_options[] = {
    { "hosts", 0, OPTION_INT, offsetof(struct other_settings, hosts), "5", .help = "the same" },
};

static const struct option_table tables[] = {
    { options, ARRAY_LEN(options), &settings, "Test" },
    { other_options, ARRAY_LEN(other_options), &other_settings, "Other" },
};

static enum status parse(const char *const *words, int n, struct text_list *arguments,
                         struct error *err)
{
    char *argv[16];
    for (int i = 0; i < n; i++)
        argv[i] = (char *)(uintptr_t)words[i];
    options_set_defaults(tables, ARRAY_LEN(tables));
    return options_parse(tables, ARRAY_LEN(tables), n, argv, arguments, err);
}

/* What a parse leaves to its caller. */
static void release(struct text_list *arguments)
{
    text_list_release(arguments);
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        options_release_lists(&tables[t]);
    options_release();
}

#define PARSE(arguments, err, ...)                                                                 \
    parse((const char *const[]){ __VA_ARGS__ },                                                    \
          (int)ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })), arguments, err)

START_TEST(defaults_are_what_the_table_says)
{
    struct error err = { 0 };
    struct text_list arguments = { 0 };
    assert_ok(parse(NULL, 0, &arguments, &err), err);
    ck_assert(!settings.strict && settings.header);
    ck_assert_int_eq(settings.hosts, 20);
    ck_assert_double_eq(settings.days, 1.5);
    ck_assert_ptr_null(settings.output);
    ck_assert_int_eq(settings.colour, 0);
    ck_assert_uint_eq(settings.names.n, 0);
    release(&arguments);
}
END_TEST

START_TEST(every_form_of_an_option_is_read)
{
    struct error err = { 0 };
    struct text_list arguments = { 0 };
    assert_ok(PARSE(&arguments, &err, "--strict", "--no-header", "--hosts=7", "--days", "2",
                    "-otwin.csv", "--colour", "green", "--name", "a", "--name=b", "first", "-",
                    "--", "-x"),
              err);
    ck_assert(settings.strict && !settings.header);
    ck_assert_int_eq(settings.hosts, 7);
    ck_assert_double_eq(settings.days, 2.0);
    ck_assert_str_eq(settings.output, "twin.csv");
    ck_assert_int_eq(settings.colour, 1);
    ck_assert_uint_eq(settings.names.n, 2);
    ck_assert_str_eq(settings.names.items[1], "b");
    ck_assert_uint_eq(arguments.n, 3);
    ck_assert_str_eq(arguments.items[0], "first");
    ck_assert_str_eq(arguments.items[1], "-");
    ck_assert_str_eq(arguments.items[2], "-x");
    release(&arguments);
}
END_TEST

START_TEST(a_name_in_two_tables_sets_both)
{
    struct error err = { 0 };
    struct text_list arguments = { 0 };
    assert_ok(PARSE(&arguments, &err, "--hosts", "9"), err);
    ck_assert_int_eq(settings.hosts, 9);
    ck_assert_int_eq(other_settings.hosts, 9);
    release(&arguments);
}
END_TEST

static const struct {
    const char *words[2];
    const char *message;
} wrong[] = {
    { { "--host", "3" }, "did you mean --hosts?" },
    { { "--zzzzzz", "3" }, "unknown option --zzzzzz" },
    { { "--hosts", "0" }, "outside 1..100" },
    { { "--hosts", "2.5" }, "not a whole number" },
    { { "--hosts", "3x" }, "is not a number" },
    { { "--days", "nan" }, "is not a number" },
    { { "--colour", "blue" }, "none of red, green" },
    { { "--strict=maybe", "x" }, "neither yes nor no" },
    { { "x", "--output" }, "--output needs a value (FILE)" },
    { { "x", "-o" }, "-o (--output) needs a value" },
    { { "-sx", "x" }, "takes no value" },
    { { "-z", "x" }, "unknown option -z" },
    { { "--no-hosts", "x" }, "unknown option --no-hosts" },
};

START_TEST(wrong_words_are_refused_with_advice)
{
    struct error err = { 0 };
    struct text_list arguments = { 0 };
    assert_fails(parse(wrong[_i].words, 2, &arguments, &err), STATUS_USAGE, err, wrong[_i].message);
    release(&arguments);
}
END_TEST

static const struct {
    const char *words[3];
    const char *message; /* NULL: there is an effect */
} effects[] = {
    { { "--shade=0.1", "x", "x" }, NULL }, /* as without it */
    { { "--shade=0.2", "--colour=green", "x" }, NULL },
    { { "--shade=0.2", "x", "x" }, "shade has no effect here: it is for colour=green or colour=" },
    { { "--align", "x", "x" }, NULL },
    { { "--align", "--no-header", "--name=a" }, NULL },
    { { "--align", "--no-header", "x" }, "align has no effect here: it is for header=yes or name" },
};

START_TEST(options_without_effect_are_refused)
{
    struct error err = { 0 };
    struct text_list arguments = { 0 };
    assert_ok(parse(effects[_i].words, 3, &arguments, &err), err);
    enum status status = options_check_needs(tables, ARRAY_LEN(tables), &err);
    ck_assert_int_eq(status, effects[_i].message == NULL ? STATUS_OK : STATUS_USAGE);
    if (effects[_i].message != NULL)
        testing_assert_words(err.message, effects[_i].message);
    release(&arguments);
}
END_TEST

START_TEST(defaults_are_known)
{
    struct error err = { 0 };
    struct text_list arguments = { 0 };
    assert_ok(PARSE(&arguments, &err, "--days=2", "--hosts=20", "--strict", "-o", "x"), err);
    static const char *const set[] = { "days", "strict", "output" };
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        bool is_set = false;
        for (size_t k = 0; k < ARRAY_LEN(set); k++)
            is_set |= strcmp(set[k], options[i].name) == 0;
        ck_assert_msg(option_is_default(&tables[0], &options[i]) == !is_set, "%s", options[i].name);
    }
    release(&arguments);
}
END_TEST

START_TEST(resolved_text_is_read_back_the_same)
{
    struct error err = { 0 };
    struct text_list arguments = { 0 };
    assert_ok(PARSE(&arguments, &err, "--days", "0.1", "--colour=green", "--no-header", "-o", "x"),
              err);
    char *text = options_resolved_text(tables, ARRAY_LEN(tables));
    ck_assert_ptr_nonnull(strstr(text, "colour = green\n"));
    const char *path = testing_write("resolved.ini", text);
    struct settings before = settings;
    options_set_defaults(tables, ARRAY_LEN(tables));
    struct config config;
    assert_ok(config_read(&config, path, &err), err);
    assert_ok(config_apply(&config, tables, ARRAY_LEN(tables), &err), err);
    ck_assert_double_eq(settings.days, before.days);
    ck_assert_int_eq(settings.colour, before.colour);
    ck_assert(settings.header == before.header);
    ck_assert_str_eq(settings.output, before.output);
    config_release(&config);
    free(text);
    release(&arguments);
}
END_TEST

static const struct {
    const char *text, *message;
} wrong_configs[] = {
    { "hosts = 3\nhots = 4\n", ":2: unknown option hots; did you mean hosts?" },
    { "\n\nhosts = many\n", ":3: hosts: \"many\" is not a number" },
    { "hosts = 3\nhosts = 4\n", ":2: hosts was set on line 1 already" },
    { "[part]\nhosts = 3\n", ":2: [part]: sections are not used" },
    { "hosts = 3\nnonsense\n", ":2: the line is not `key = value`" },
    { "hosts = 3\n = 4\n", ":2: the line is not `key = value`" },
};

START_TEST(wrong_configurations_name_file_and_line)
{
    struct error err = { 0 };
    struct config config;
    const char *path = testing_write("wrong.ini", wrong_configs[_i].text);
    options_set_defaults(tables, ARRAY_LEN(tables));
    enum status status = config_read(&config, path, &err);
    if (status == STATUS_OK)
        status = config_apply(&config, tables, ARRAY_LEN(tables), &err);
    ck_assert_int_eq(status, STATUS_USAGE);
    testing_assert_words(err.message, wrong_configs[_i].message);
    testing_assert_words(err.message, path);
    config_release(&config);
}
END_TEST

/* inih's Debian build would cut such a line without a word. */
START_TEST(a_long_line_is_an_error_not_a_shorter_value)
{
    struct error err = { 0 };
    struct config config;
    char text[400];
    snprintf(text, sizeof text, "hosts = 3\noutput = %0300d\n", 7);
    assert_fails(config_read(&config, testing_write("long.ini", text), &err), STATUS_USAGE, err,
                 ":2: the line is longer than");
    config_release(&config);
}
END_TEST

START_TEST(a_missing_configuration_is_an_error)
{
    struct error err = { 0 };
    struct config config;
    assert_fails(config_read(&config, testing_path("none.ini"), &err), STATUS_IO, err,
                 "No such file");
    config_release(&config);
}
END_TEST

START_TEST(help_shows_every_option_once)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    options_print_help(tables, ARRAY_LEN(tables), out);
    fclose(out);
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const char *found = strstr(text, options[i].help);
        ck_assert_ptr_nonnull(found);
    }
    ck_assert_ptr_null(strstr(text, "the same"));
    ck_assert_ptr_nonnull(strstr(text, "which: red, green [red]"));
    ck_assert_ptr_nonnull(strstr(text, "--no-header"));
    free(text);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("base/options");
    testing_add(suite, defaults_are_what_the_table_says);
    testing_add(suite, every_form_of_an_option_is_read);
    testing_add(suite, a_name_in_two_tables_sets_both);
    testing_add_loop(suite, wrong_words_are_refused_with_advice, ARRAY_LEN(wrong));
    testing_add_loop(suite, options_without_effect_are_refused, ARRAY_LEN(effects));
    testing_add(suite, defaults_are_known);
    testing_add(suite, resolved_text_is_read_back_the_same);
    testing_add_loop(suite, wrong_configurations_name_file_and_line, ARRAY_LEN(wrong_configs));
    testing_add(suite, a_long_line_is_an_error_not_a_shorter_value);
    testing_add(suite, a_missing_configuration_is_an_error);
    testing_add(suite, help_shows_every_option_once);
    return suite;
}
