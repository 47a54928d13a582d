#include "base/digest.h"

#include "base/memory.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct digest {
    struct sha256_ctx state;
};

struct digest *digest_create(void)
{
    struct digest *digest = memory_alloc(1, sizeof *digest);
    sha256_init(&digest->state);
    return digest;
}

void digest_add(struct digest *digest, const void *bytes, size_t n)
{
    sha256_update(&digest->state, n, bytes);
}

void digest_finish(struct digest *digest, char text[DIGEST_TEXT_SIZE])
{
    static const char hex_digits[] = "0123456789abcdef";
    uint8_t bytes[SHA256_DIGEST_SIZE];
    if (digest != NULL && text != NULL) {
        sha256_digest(&digest->state, sizeof bytes, bytes);
        for (size_t i = 0; i < sizeof bytes; i++) {
            text[2 * i] = hex_digits[bytes[i] >> 4];
            text[2 * i + 1] = hex_digits[bytes[i] & 15];
        }
        text[2 * sizeof bytes] = '\0';
    }
    free(digest);
}

enum status digest_file(const char *path, char text[DIGEST_TEXT_SIZE], struct error *err)
{
    enum { CHUNK = 65536 };
    FILE *file = fopen(path, "re");
    RETURN_IF(file == NULL, err, STATUS_IO, "cannot open %s: %s", path, strerror(errno));
    struct digest *digest = digest_create();
    char *chunk = memory_alloc(CHUNK, 1);
    size_t n;
    while ((n = fread(chunk, 1, CHUNK, file)) > 0)
        digest_add(digest, chunk, n);
    int failed = ferror(file), reason = errno;
    fclose(file);
    free(chunk);
    digest_finish(digest, text);
    RETURN_IF(failed, err, STATUS_IO, "cannot read %s: %s", path, strerror(reason));
    return STATUS_OK;
}
