/* address_set.h - IPv4 addresses as text, and sets of them: prefixes, addresses, lists.
 *
 *     struct address_set monitored = { 0 };
 *     FORWARD(address_set_add_text(&monitored, "42.219.0.0/16,10.0.0.7", err));
 *     if (address_set_has(&monitored, flow->source)) ...
 *     address_set_release(&monitored);
 */
#ifndef FLOWTWIN_DATA_ADDRESS_SET_H
#define FLOWTWIN_DATA_ADDRESS_SET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ranges, sorted and apart. */
struct address_set {
    struct address_range {
        uint32_t first, last; /* both inside */
    } * ranges;
    size_t n_ranges;
};

/* Adds what the text names, separated by commas or white space: 42.219.0.0/16, 10.0.0.7, or
 * @FILE with such words in it, one or more on a line (# begins a comment). */
enum status address_set_add_text(struct address_set *set, const char *text, struct error *err);
void address_set_add_range(struct address_set *set, uint32_t first, uint32_t last);
bool address_set_has(const struct address_set *set, uint32_t address);
/* How many addresses are in it. */
uint64_t address_set_size(const struct address_set *set);
/* The set as text that address_set_add_text takes. Caller frees with free(). */
char *address_set_text(const struct address_set *set);
struct address_set address_set_copy(const struct address_set *set);
void address_set_release(struct address_set *set);

/* Whether a sorted list has an address; its place there, or where it would stand, in *place. */
bool address_list_find(const uint32_t *addresses, size_t n, uint32_t address, size_t *place);

/* Four octets 0..255 with dots between; false where the text is anything else. */
bool address_parse(const char *text, size_t length, uint32_t *address);
#define ADDRESS_TEXT_SIZE 16
void address_format(uint32_t address, char text[ADDRESS_TEXT_SIZE]);

#endif
