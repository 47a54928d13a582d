/* digest.h - SHA-256 of files and of what is written, so that a copy can be told from the original.
 *
 *     struct digest *digest = digest_create();
 *     digest_add(digest, bytes, n);
 *     char text[DIGEST_TEXT_SIZE];
 *     digest_finish(digest, text);                  // 64 hex digits; frees
 *
 *     FORWARD(digest_file("model.h5", text, err));
 */
#ifndef FLOWTWIN_BASE_DIGEST_H
#define FLOWTWIN_BASE_DIGEST_H

#include "base/error.h"

#include <stddef.h>

#define DIGEST_TEXT_SIZE 65

struct digest;

struct digest *digest_create(void);
void digest_add(struct digest *digest, const void *bytes, size_t n);
/* Writes the digest of all that was added, and frees. text may be NULL. */
void digest_finish(struct digest *digest, char text[DIGEST_TEXT_SIZE]);

/* Of a file's bytes as they lie there. */
enum status digest_file(const char *path, char text[DIGEST_TEXT_SIZE], struct error *err);

#endif
