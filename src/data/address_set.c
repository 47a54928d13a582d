#include "data/address_set.h"

#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- addresses as text -------------------------------------------------------------------- */

bool address_list_find(const uint32_t *addresses, size_t n, uint32_t address, size_t *place)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addresses[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    *place = low;
    return low < n && addresses[low] == address;
}

bool address_parse(const char *text, size_t length, uint32_t *address)
{
    const char *end = text + length;
    uint32_t octets = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && (text == end || *text++ != '.'))
            return false;
        uint32_t octet = 0;
        const char *first = text;
        while (text < end && *text >= '0' && *text <= '9' && text - first < 3)
            octet = octet * 10 + (uint32_t)(*text++ - '0');
        /* A leading zero means octal to some programs, so it means nothing to us. */
        if (text == first || octet > 255 || (*first == '0' && text - first > 1))
            return false;
        octets = octets << 8 | octet;
    }
    *address = octets;
    return text == end;
}

void address_format(uint32_t address, char text[ADDRESS_TEXT_SIZE])
{
    snprintf(text, ADDRESS_TEXT_SIZE, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
             address >> 8 & 255, address & 255);
}

/* ---- sets --------------------------------------------------------------------------------- */

/* The first range that does not end before the address. */
static size_t range_at_or_after(const struct address_set *set, uint32_t address)
{
    size_t low = 0, high = set->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool address_set_has(const struct address_set *set, uint32_t address)
{
    size_t i = range_at_or_after(set, address);
    return i < set->n_ranges && set->ranges[i].first <= address;
}

void address_set_add_range(struct address_set *set, uint32_t first, uint32_t last)
{
    /* Ranges that overlap or touch the new one become part of it. */
    size_t begin = range_at_or_after(set, first > 0 ? first - 1 : 0), end = begin;
    while (end < set->n_ranges && (last == UINT32_MAX || set->ranges[end].first <= last + 1)) {
        first = set->ranges[end].first < first ? set->ranges[end].first : first;
        last = set->ranges[end].last > last ? set->ranges[end].last : last;
        end++;
    }
    if (begin == end)
        set->ranges = memory_resize(set->ranges, set->n_ranges + 1, sizeof *set->ranges);
    size_t n_after = set->n_ranges - end;
    if (n_after > 0)
        memmove(set->ranges + begin + 1, set->ranges + end, n_after * sizeof *set->ranges);
    set->ranges[begin] = (struct address_range){ first, last };
    set->n_ranges = begin + 1 + n_after;
}

uint64_t address_set_size(const struct address_set *set)
{
    uint64_t size = 0;
    for (size_t i = 0; i < set->n_ranges; i++)
        size += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
    return size;
}

struct address_set address_set_copy(const struct address_set *set)
{
    struct address_set copy = { .n_ranges = set->n_ranges };
    copy.ranges = memory_alloc(set->n_ranges, sizeof *copy.ranges);
    for (size_t r = 0; r < set->n_ranges; r++)
        copy.ranges[r] = set->ranges[r];
    return copy;
}

void address_set_release(struct address_set *set)
{
    free(set->ranges);
    *set = (struct address_set){ 0 };
}

/* The longest prefix length whose block starts at `first` and does not go beyond `last`. */
static int prefix_length(uint32_t first, uint32_t last)
{
    int length = 32;
    while (length > 0) {
        uint64_t size = UINT64_C(1) << (33 - length);
        if (first % size != 0 || first + size - 1 > last)
            break;
        length--;
    }
    return length;
}

char *address_set_text(const struct address_set *set)
{
    size_t capacity = 64, length = 0;
    char *text = memory_alloc(capacity, 1);
    text[0] = '\0';
    for (size_t i = 0; i < set->n_ranges; i++) {
        /* A range is the sum of at most 62 prefixes. */
        uint64_t first = set->ranges[i].first, last = set->ranges[i].last;
        while (first <= last) {
            int prefix = prefix_length((uint32_t)first, (uint32_t)last);
            char address[ADDRESS_TEXT_SIZE];
            address_format((uint32_t)first, address);
            text = memory_grow(text, &capacity, length + ADDRESS_TEXT_SIZE + 5, 1);
            length += (size_t)snprintf(text + length, capacity - length,
                                       prefix == 32 ? "%s%s" : "%s%s/%d", length > 0 ? "," : "",
                                       address, prefix);
            first += UINT64_C(1) << (32 - prefix);
        }
    }
    return text;
}

/* ---- sets from text ----------------------------------------------------------------------- */

static enum status add_file(struct address_set *set, const char *path, struct error *err);

/* "42.219.0.0/16", "10.0.0.7", or "@FILE" where may_be_file. */
static enum status add_word(struct address_set *set, const char *word, bool may_be_file,
                            struct error *err)
{
    if (word[0] == '@' && may_be_file)
        return add_file(set, word + 1, err);
    const char *slash = strchr(word, '/');
    uint32_t address;
    RETURN_IF(!address_parse(word, slash != NULL ? (size_t)(slash - word) : strlen(word), &address),
              err, STATUS_USAGE, "%s is no IPv4 address or prefix (42.219.0.0/16, 10.0.0.7%s)",
              word, may_be_file ? ", @FILE" : "");
    int length = 32;
    if (slash != NULL) {
        size_t digits = strspn(slash + 1, "0123456789");
        length = digits >= 1 && digits <= 2 && slash[1 + digits] == '\0'
                     ? (int)strtol(slash + 1, NULL, 10)
                     : 33;
        RETURN_IF(length > 32, err, STATUS_USAGE, "%s: a prefix is 0 to 32 bits long", word);
    }
    uint32_t host_bits = length == 0 ? UINT32_MAX : (uint32_t)((UINT64_C(1) << (32 - length)) - 1);
    if ((address & host_bits) != 0) {
        char meant[ADDRESS_TEXT_SIZE];
        address_format(address & ~host_bits, meant);
        return error_set(err, STATUS_USAGE,
                         "%s has bits set beyond its prefix; did you mean %s/%d?", word, meant,
                         length);
    }
    address_set_add_range(set, address, address | host_bits);
    return STATUS_OK;
}

static enum status add_words(struct address_set *set, const char *text, bool may_be_file,
                             struct error *err)
{
    static const char separators[] = ", \t\r\n";
    for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
        size_t length = strcspn(text, separators);
        char *word = memory_format("%.*s", (int)length, text);
        enum status status = add_word(set, word, may_be_file, err);
        free(word);
        FORWARD(status);
        text += length;
    }
    return STATUS_OK;
}

static enum status add_file(struct address_set *set, const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");
    RETURN_IF(file == NULL, err, STATUS_USAGE, "cannot read the hosts in %s: %s", path,
              strerror(errno));
    enum status status = STATUS_OK;
    char *line = NULL;
    size_t capacity = 0;
    for (int number = 1; status == STATUS_OK && getline(&line, &capacity, file) >= 0; number++) {
        line[strcspn(line, "#")] = '\0';
        status = add_words(set, line, false, err);
        if (status != STATUS_OK)
            error_prefix(err, "%s:%d: ", path, number);
    }
    if (status == STATUS_OK && ferror(file))
        status = error_set(err, STATUS_IO, "cannot read %s: %s", path, strerror(errno));
    free(line);
    fclose(file);
    return status;
}

enum status address_set_add_text(struct address_set *set, const char *text, struct error *err)
{
    return add_words(set, text, true, err);
}
