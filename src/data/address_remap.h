/* address_remap.h - other addresses for real ones: a keyed permutation that keeps prefixes.
 *
 * Crypto-PAn (Xu, Fan, Ammar, Moon: "Prefix-preserving IP address anonymization", ICNP 2002): two
 * addresses that share their first k bits, and differ in the next, do so afterwards. Every address
 * has one image and is the image of one; which, only the key says. Bit i of the image is bit i of
 * the address, flipped or not by a bit of AES-128 of the i bits before it. The key and the images
 * are those of nfanon and of the scheme's first program, so that what one has written another can
 * go on with.
 *
 *     struct address_remap *remap;
 *     FORWARD(address_remap_create(&remap, "@twin.key", err));
 *     flow.source = address_remap_apply(remap, flow.source);
 *     address_remap_free(remap);
 */
#ifndef FLOWTWIN_DATA_ADDRESS_REMAP_H
#define FLOWTWIN_DATA_ADDRESS_REMAP_H

#include "data/address_set.h"

struct address_remap;

/* The key: 32 bytes, as 64 hex digits (0x before them or not) or as 32 characters, or @FILE with
 * either in it. STATUS_USAGE for anything else. Caller frees with address_remap_free. */
enum status address_remap_create(struct address_remap **remap, const char *key, struct error *err);
void address_remap_free(struct address_remap *remap);

/* Any number of threads may call this at once. */
uint32_t address_remap_apply(const struct address_remap *remap, uint32_t address);
/* The images of a set's addresses. Caller frees with address_set_release. */
struct address_set address_remap_set(const struct address_remap *remap,
                                     const struct address_set *set);

#endif
