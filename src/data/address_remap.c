#include "data/address_remap.h"

#include "base/memory.h"

#include <errno.h>
#include <nettle/aes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 32, ADDRESS_BITS = 32 };

struct address_remap {
    struct aes128_ctx cipher;
    uint8_t pad[AES_BLOCK_SIZE];
};

/* ---- the key ------------------------------------------------------------------------------ */

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
        return (digit | 0x20) - 'a' + 10;
    return -1;
}

static bool parse_hex(const char *text, size_t length, uint8_t key[KEY_SIZE])
{
    if (length == 2 * KEY_SIZE + 2 && text[0] == '0' && text[1] == 'x') {
        text += 2;
        length -= 2;
    }
    if (length != 2 * KEY_SIZE)
        return false;
    for (size_t i = 0; i < KEY_SIZE; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* The words of the message never show the key. */
static enum status parse_key(const char *text, size_t length, const char *source,
                             uint8_t key[KEY_SIZE], struct error *err)
{
    if (parse_hex(text, length, key))
        return STATUS_OK;
    RETURN_IF(length != KEY_SIZE, err, STATUS_USAGE,
              "remap: %s has %zu characters; a key is 64 hex digits (`openssl rand -hex 32` makes "
              "one) or 32 characters",
              source, length);
    memcpy(key, text, KEY_SIZE);
    return STATUS_OK;
}

static enum status read_key(const char *path, uint8_t key[KEY_SIZE], struct error *err)
{
    char text[256];
    FILE *file = fopen(path, "re");
    RETURN_IF(file == NULL, err, STATUS_IO, "remap: cannot open %s: %s", path, strerror(errno));
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    return parse_key(text, length, path, key, err);
}

enum status address_remap_create(struct address_remap **remap, const char *key_text,
                                 struct error *err)
{
    uint8_t key[KEY_SIZE];
    if (key_text[0] == '@')
        FORWARD(read_key(key_text + 1, key, err));
    else
        FORWARD(parse_key(key_text, strlen(key_text), "the key", key, err));
    *remap = memory_alloc(1, sizeof **remap);
    aes128_set_encrypt_key(&(*remap)->cipher, key);
    aes128_encrypt(&(*remap)->cipher, AES_BLOCK_SIZE, (*remap)->pad, key + AES128_KEY_SIZE);
    return STATUS_OK;
}

void address_remap_free(struct address_remap *remap)
{
    free(remap);
}

/* ---- addresses ---------------------------------------------------------------------------- */

uint32_t address_remap_apply(const struct address_remap *remap, uint32_t address)
{
    /* Block i holds the pad, its first i bits replaced by the address's. */
    uint8_t blocks[ADDRESS_BITS][AES_BLOCK_SIZE], images[ADDRESS_BITS][AES_BLOCK_SIZE];
    const uint8_t *pad = remap->pad;
    uint32_t pad_bits = (uint32_t)pad[0] << 24 | (uint32_t)pad[1] << 16 | (uint32_t)pad[2] << 8 |
                        pad[3];
    for (int i = 0; i < ADDRESS_BITS; i++) {
        uint32_t kept = i == 0 ? 0 : UINT32_MAX << (ADDRESS_BITS - i);
        uint32_t bits = (address & kept) | (pad_bits & ~kept);
        memcpy(blocks[i], pad, AES_BLOCK_SIZE);
        for (int octet = 0; octet < 4; octet++)
            blocks[i][octet] = (uint8_t)(bits >> (24 - 8 * octet));
    }
    aes128_encrypt(&remap->cipher, sizeof blocks, images[0], blocks[0]);
    uint32_t flips = 0;
    for (int i = 0; i < ADDRESS_BITS; i++)
        flips = flips << 1 | (uint32_t)images[i][0] >> 7;
    return address ^ flips;
}

struct address_set address_remap_set(const struct address_remap *remap,
                                     const struct address_set *set)
{
    struct address_set images = { 0 };
    for (size_t r = 0; r < set->n_ranges; r++) {
        /* The range as prefixes, each of whose images is a prefix of the same length. */
        uint64_t first = set->ranges[r].first, end = (uint64_t)set->ranges[r].last + 1;
        while (first < end) {
            uint64_t size = UINT64_C(1) << ADDRESS_BITS;
            while (first % size != 0 || first + size > end)
                size /= 2;
            uint32_t image = address_remap_apply(remap, (uint32_t)first) & ~(uint32_t)(size - 1);
            address_set_add_range(&images, image, image + (uint32_t)(size - 1));
            first += size;
        }
    }
    return images;
}
