#include "base/options.h"

#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Texts that options hold; they live until options_release. */
static struct text_list stored_texts;

void text_list_add(struct text_list *list, const char *text)
{
    list->items = memory_resize(list->items, list->n + 1, sizeof *list->items);
    list->items[list->n++] = text;
}

void text_list_release(struct text_list *list)
{
    free(list->items);
    *list = (struct text_list){ 0 };
}

static const char *store_text(const char *text)
{
    char *copy = memory_strdup(text);
    text_list_add(&stored_texts, copy);
    return copy;
}

void options_release_lists(const struct option_table *table)
{
    for (size_t i = 0; table->target != NULL && i < table->n; i++)
        if (table->options[i].type == OPTION_LIST)
            text_list_release((void *)((char *)table->target + table->options[i].offset));
}

void options_release(void)
{
    for (size_t i = 0; i < stored_texts.n; i++)
        free((void *)(uintptr_t)stored_texts.items[i]);
    text_list_release(&stored_texts);
}

/* ---- nearest word ------------------------------------------------------------------------- */

#define LONGEST_WORD 63

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edits between two words: insert, delete, replace, swap neighbours. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST_WORD + 1];
    size_t length_a = strlen(a), length_b = strlen(b);
    if (length_a > LONGEST_WORD || length_b > LONGEST_WORD)
        return SIZE_MAX;
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= length_b; j++)
        above[j] = j;
    for (size_t i = 1; i <= length_a; i++) {
        row[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[length_b];
}

const char *nearest_word(const char *word, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t distance = edit_distance(word, names[i]);
        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    size_t length = strlen(word);
    return least <= 1 + length / 4 && least < length ? nearest : NULL;
}

/* ---- finding options ---------------------------------------------------------------------- */

const struct option *options_find(const struct option_table *tables, size_t n_tables,
                                  const char *name, const struct option_table **table)
{
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; i < tables[t].n; i++) {
            if (strcmp(tables[t].options[i].name, name) == 0) {
                if (table != NULL)
                    *table = &tables[t];
                return &tables[t].options[i];
            }
        }
    }
    return NULL;
}

static const struct option *find_letter(const struct option_table *tables, size_t n_tables,
                                        char letter)
{
    for (size_t t = 0; t < n_tables; t++)
        for (size_t i = 0; i < tables[t].n; i++)
            if (tables[t].options[i].letter == letter)
                return &tables[t].options[i];
    return NULL;
}

static enum status unknown_option(const struct option_table *tables, size_t n_tables,
                                  const char *name, const char *dashes, struct error *err)
{
    struct text_list names = { 0 };
    for (size_t t = 0; t < n_tables; t++)
        for (size_t i = 0; i < tables[t].n; i++)
            text_list_add(&names, tables[t].options[i].name);
    const char *nearest = nearest_word(name, names.items, names.n);
    text_list_release(&names);
    if (nearest != NULL)
        return error_set(err, STATUS_USAGE, "unknown option %s%s; did you mean %s%s?", dashes, name,
                         dashes, nearest);
    return error_set(err, STATUS_USAGE, "unknown option %s%s", dashes, name);
}

/* ---- values ------------------------------------------------------------------------------- */

static enum status parse_number(const struct option *option, const char *value, double *number,
                                struct error *err)
{
    char *end;
    errno = 0;
    *number = strtod(value, &end);
    RETURN_IF(end == value || *end != '\0' || errno != 0 || !isfinite(*number), err, STATUS_USAGE,
              "%s: \"%s\" is not a number", option->name, value);
    if (option->minimum < option->maximum)
        RETURN_IF(*number < option->minimum || *number > option->maximum, err, STATUS_USAGE,
                  "%s: %s is outside %g..%g", option->name, value, option->minimum,
                  option->maximum);
    return STATUS_OK;
}

static enum status parse_choice(const struct option *option, const char *value, int *choice,
                                struct error *err)
{
    char known[256] = "";
    size_t n = 0, used = 0;
    for (; option->choices[n] != NULL; n++) {
        if (strcmp(option->choices[n], value) == 0) {
            *choice = (int)n;
            return STATUS_OK;
        }
        int length = snprintf(known + used, sizeof known - used, "%s%s", n > 0 ? ", " : "",
                              option->choices[n]);
        if (length > 0 && used + (size_t)length < sizeof known)
            used += (size_t)length;
    }
    return error_set(err, STATUS_USAGE, "%s: \"%s\" is none of %s", option->name, value, known);
}

static enum status parse_flag(const struct option *option, const char *value, bool *flag,
                              struct error *err)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(value, words[i]) == 0) {
            *flag = i % 2 == 1;
            return STATUS_OK;
        }
    }
    return error_set(err, STATUS_USAGE, "%s: \"%s\" is neither yes nor no", option->name, value);
}

static enum status set_value(const struct option_table *table, const struct option *option,
                             const char *value, struct error *err)
{
    double real = 0.0;
    int choice = 0;
    bool flag = false;
    char unused;
    char *field = table->target != NULL ? (char *)table->target + option->offset : &unused;
    bool store = table->target != NULL;
    switch (option->type) {
    case OPTION_FLAG:
        FORWARD(parse_flag(option, value, &flag, err));
        if (store)
            *(bool *)(void *)field = flag;
        break;
    case OPTION_INT:
        FORWARD(parse_number(option, value, &real, err));
        RETURN_IF(real != floor(real) || fabs(real) > 0x1p53, err, STATUS_USAGE,
                  "%s: %s is not a whole number", option->name, value);
        if (store)
            *(int64_t *)(void *)field = (int64_t)real;
        break;
    case OPTION_REAL:
        FORWARD(parse_number(option, value, &real, err));
        if (store)
            *(double *)(void *)field = real;
        break;
    case OPTION_TEXT:
        if (store)
            *(const char **)(void *)field = store_text(value);
        break;
    case OPTION_CHOICE:
        FORWARD(parse_choice(option, value, &choice, err));
        if (store)
            *(int *)(void *)field = choice;
        break;
    case OPTION_LIST:
        if (store)
            text_list_add((struct text_list *)(void *)field, store_text(value));
        break;
    }
    return STATUS_OK;
}

/* Sets the option in every table that has one of its name. */
static enum status set_everywhere(const struct option_table *tables, size_t n_tables,
                                  const struct option *option, const char *value, struct error *err)
{
    for (size_t t = 0; t < n_tables; t++) {
        const struct option *twin = options_find(&tables[t], 1, option->name, NULL);
        if (twin == NULL)
            continue;
        if (twin->type != option->type)
            BUG("--%s has two types", option->name);
        FORWARD(set_value(&tables[t], twin, value, err));
    }
    return STATUS_OK;
}

void options_set_defaults(const struct option_table *tables, size_t n_tables)
{
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; tables[t].target != NULL && i < tables[t].n; i++) {
            const struct option *option = &tables[t].options[i];
            struct error err;
            if (option->standard != NULL) {
                if (set_value(&tables[t], option, option->standard, &err) != STATUS_OK)
                    BUG("default of --%s: %s", option->name, err.message);
            } else if (option->type == OPTION_TEXT) {
                *(const char **)(void *)((char *)tables[t].target + option->offset) = NULL;
            } else if (option->type == OPTION_FLAG) {
                *(bool *)(void *)((char *)tables[t].target + option->offset) = false;
            } else if (option->type == OPTION_LIST) {
                *(struct text_list *)(void *)((char *)tables[t].target +
                                              option->offset) = (struct text_list){ 0 };
            } else {
                BUG("--%s has no default", option->name);
            }
        }
    }
}

enum status options_set(const struct option_table *tables, size_t n_tables, const char *name,
                        const char *value, struct error *err)
{
    const struct option *option = options_find(tables, n_tables, name, NULL);
    if (option == NULL)
        return unknown_option(tables, n_tables, name, "", err);
    RETURN_IF(option->command_line_only, err, STATUS_USAGE,
              "%s can be given on the command line only", name);
    return set_everywhere(tables, n_tables, option, value, err);
}

/* ---- the command line --------------------------------------------------------------------- */

/* "--name", "--name=value" or "--no-name"; *i moves over the value where it is the next word. */
static enum status parse_long(const struct option_table *tables, size_t n_tables, int argc,
                              char *const *argv, int *i, struct error *err)
{
    const char *word = argv[*i] + 2;
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
    char name[LONGEST_WORD + 1];
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
             word);
    const struct option *option = options_find(tables, n_tables, name, NULL);
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (option == NULL && strncmp(name, "no-", 3) == 0 && value == NULL) {
        option = options_find(tables, n_tables, name + 3, NULL);
        if (option != NULL && option->type != OPTION_FLAG)
            option = NULL;
        value = "no";
    }
    if (option == NULL)
        return unknown_option(tables, n_tables, name, "--", err);
    if (value == NULL && option->type == OPTION_FLAG)
        value = "yes";
    RETURN_IF(value == NULL && *i + 1 >= argc, err, STATUS_USAGE, "--%s needs a value (%s)", name,
              option->argument != NULL ? option->argument : "VALUE");
    if (value == NULL)
        value = argv[++*i];
    return set_everywhere(tables, n_tables, option, value, err);
}

/* "-o value", "-ovalue", "-q". */
static enum status parse_short(const struct option_table *tables, size_t n_tables, int argc,
                               char *const *argv, int *i, struct error *err)
{
    const char *word = argv[*i];
    const struct option *option = find_letter(tables, n_tables, word[1]);
    RETURN_IF(option == NULL, err, STATUS_USAGE, "unknown option -%c", word[1]);
    const char *value = word[2] != '\0' ? word + 2 : NULL;
    RETURN_IF(option->type == OPTION_FLAG && value != NULL, err, STATUS_USAGE, "-%c takes no value",
              word[1]);
    if (option->type == OPTION_FLAG)
        value = "yes";
    RETURN_IF(value == NULL && *i + 1 >= argc, err, STATUS_USAGE, "-%c (--%s) needs a value (%s)",
              word[1], option->name, option->argument != NULL ? option->argument : "VALUE");
    if (value == NULL)
        value = argv[++*i];
    return set_everywhere(tables, n_tables, option, value, err);
}

enum status options_parse(const struct option_table *tables, size_t n_tables, int argc,
                          char *const *argv, struct text_list *arguments, struct error *err)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            for (i++; i < argc; i++)
                text_list_add(arguments, argv[i]);
        } else if (strncmp(argv[i], "--", 2) == 0) {
            FORWARD(parse_long(tables, n_tables, argc, argv, &i, err));
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            FORWARD(parse_short(tables, n_tables, argc, argv, &i, err));
        } else {
            text_list_add(arguments, argv[i]);
        }
    }
    return STATUS_OK;
}

/* ---- what has no effect ------------------------------------------------------------------- */

/* One of the alternatives of `needs`: "name=value", or "name". */
static bool is_met(const struct option_table *table, const char *need, size_t length)
{
    char name[LONGEST_WORD + 1];
    const char *equals = memchr(need, '=', length);
    size_t n = equals != NULL ? (size_t)(equals - need) : length;
    snprintf(name, sizeof name, "%.*s", (int)n, need);
    const struct option *option = options_find(table, 1, name, NULL);
    if (option == NULL)
        BUG("an option needs --%s, which is not in its table", name);
    if (equals == NULL)
        return !option_is_default(table, option);
    char *value = options_value_text(table, option);
    size_t n_value = length - n - 1;
    bool is_same = value != NULL && strlen(value) == n_value &&
                   strncmp(value, equals + 1, n_value) == 0;
    free(value);
    return is_same;
}

static enum status check_needs(const struct option_table *table, const struct option *option,
                               struct error *err)
{
    char words[256] = "";
    size_t used = 0;
    const char *need = option->needs;
    while (*need != '\0') {
        size_t length = strcspn(need, "|");
        if (is_met(table, need, length))
            return STATUS_OK;
        int n = snprintf(words + used, sizeof words - used, "%s%.*s", used > 0 ? " or " : "",
                         (int)length, need);
        if (n > 0 && used + (size_t)n < sizeof words)
            used += (size_t)n;
        need += length + (need[length] == '|');
    }
    return error_set(err, STATUS_USAGE, "%s has no effect here: it is for %s", option->name, words);
}

enum status options_check_needs(const struct option_table *tables, size_t n_tables,
                                struct error *err)
{
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; i < tables[t].n; i++) {
            const struct option *option = &tables[t].options[i];
            if (option->needs != NULL && !option_is_default(&tables[t], option))
                FORWARD(check_needs(&tables[t], option, err));
        }
    }
    return STATUS_OK;
}

/* ---- showing options ---------------------------------------------------------------------- */

char *options_value_text(const struct option_table *table, const struct option *option)
{
    const char *field = (const char *)table->target + option->offset;
    switch (option->type) {
    case OPTION_FLAG:
        return memory_strdup(*(const bool *)(const void *)field ? "yes" : "no");
    case OPTION_INT:
        return memory_format("%lld", (long long)*(const int64_t *)(const void *)field);
    case OPTION_REAL:
        return memory_format("%.17g", *(const double *)(const void *)field);
    case OPTION_CHOICE:
        return memory_strdup(option->choices[*(const int *)(const void *)field]);
    case OPTION_TEXT: {
        const char *text = *(const char *const *)(const void *)field;
        return text != NULL ? memory_strdup(text) : NULL;
    }
    case OPTION_LIST: {
        const struct text_list *list = (const void *)field;
        char *all = NULL;
        for (size_t i = 0; i < list->n; i++) {
            char *longer = memory_format("%s%s%s", i > 0 ? all : "", i > 0 ? "," : "",
                                         list->items[i]);
            free(all);
            all = longer;
        }
        return all;
    }
    }
    BUG("option type %d", (int)option->type);
}

bool option_is_default(const struct option_table *table, const struct option *option)
{
    char *value = options_value_text(table, option);
    const char *standard = option->type == OPTION_FLAG && option->standard == NULL
                               ? "no"
                               : option->standard;
    bool is_same;
    if (value == NULL || standard == NULL)
        is_same = value == NULL && standard == NULL;
    else if (option->type == OPTION_INT || option->type == OPTION_REAL)
        is_same = strtod(value, NULL) == strtod(standard, NULL);
    else
        is_same = strcmp(value, standard) == 0;
    free(value);
    return is_same;
}

char *options_resolved_text(const struct option_table *tables, size_t n_tables)
{
    char *text = memory_strdup("");
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; i < tables[t].n; i++) {
            const struct option *option = &tables[t].options[i];
            bool is_first = options_find(tables, t, option->name, NULL) == NULL;
            char *value = options_value_text(&tables[t], option);
            if (is_first && !option->command_line_only && value != NULL) {
                char *longer = memory_format("%s%s = %s\n", text, option->name, value);
                free(text);
                text = longer;
            }
            free(value);
        }
    }
    return text;
}

static void print_option(const struct option *option, FILE *out)
{
    char left[96];
    char letter[5] = "    ";
    if (option->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    const char *argument = option->argument != NULL ? option->argument : "VALUE";
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name,
             option->type == OPTION_FLAG ? "" : " ", option->type == OPTION_FLAG ? "" : argument);
    if (strlen(left) > 30)
        fprintf(out, "%s\n%32s%s", left, "", option->help);
    else
        fprintf(out, "%-32s%s", left, option->help);
    if (option->type == OPTION_CHOICE) {
        fprintf(out, ":");
        for (size_t i = 0; option->choices[i] != NULL; i++)
            fprintf(out, "%s %s", i > 0 ? "," : "", option->choices[i]);
    }
    if (option->standard != NULL && option->type != OPTION_FLAG)
        fprintf(out, " [%s]", option->standard);
    else if (option->standard != NULL && strcmp(option->standard, "yes") == 0)
        fprintf(out, " [yes; --no-%s]", option->name);
    fputc('\n', out);
}

void options_print_help(const struct option_table *tables, size_t n_tables, FILE *out)
{
    for (size_t t = 0; t < n_tables; t++) {
        if (tables[t].n > 0)
            fprintf(out, "\n%s:\n", tables[t].owner);
        for (size_t i = 0; i < tables[t].n; i++)
            if (options_find(tables, t, tables[t].options[i].name, NULL) == NULL)
                print_option(&tables[t].options[i], out);
    }
}
