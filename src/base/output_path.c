#include "base/output_path.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status output_path_begin(struct output_path *path, const char *target, struct error *err)
{
    *path = (struct output_path){ 0 };
    struct stat info;
    path->is_direct = stat(target, &info) == 0 && !S_ISREG(info.st_mode);
    RETURN_IF(path->is_direct && S_ISDIR(info.st_mode), err, STATUS_IO,
              "%s is a folder, not a file", target);
    if (path->is_direct) {
        path->temporary = memory_strdup(target);
    } else {
        path->temporary = memory_format("%s.tmp-%ld", target, (long)getpid());
        int fd = open(path->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0) {
            int reason = errno;
            free(path->temporary);
            path->temporary = NULL;
            return error_set(err, STATUS_IO, "cannot write %s: %s", target, strerror(reason));
        }
        close(fd);
    }
    path->target = memory_strdup(target);
    return STATUS_OK;
}

static enum status flush_to_disk(const char *name, int flags, struct error *err)
{
    int fd = open(name, flags | O_CLOEXEC);
    RETURN_IF(fd < 0, err, STATUS_IO, "cannot open %s: %s", name, strerror(errno));
    int failed = fsync(fd), reason = errno;
    close(fd);
    /* Some file systems cannot sync a folder, and say so with EINVAL; that is no failure. */
    RETURN_IF(failed && reason != EINVAL, err, STATUS_IO, "cannot flush %s to disk: %s", name,
              strerror(reason));
    return STATUS_OK;
}

enum status output_path_commit(struct output_path *path, struct error *err)
{
    if (path->is_direct) {
        path->is_committed = true;
        return STATUS_OK;
    }
    FORWARD(flush_to_disk(path->temporary, O_RDONLY, err));
    RETURN_IF(rename(path->temporary, path->target) != 0, err, STATUS_IO,
              "cannot rename %s to %s: %s", path->temporary, path->target, strerror(errno));
    path->is_committed = true;

    char *folder = memory_strdup(path->target);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    enum status status = flush_to_disk(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY, err);
    free(folder);
    return status;
}

void output_path_release(struct output_path *path)
{
    if (path->target != NULL && !path->is_committed && !path->is_direct)
        unlink(path->temporary);
    free(path->target);
    free(path->temporary);
    *path = (struct output_path){ 0 };
}

enum status output_folder_create(const char *folder, struct error *err)
{
    char *path = memory_strdup(folder);
    for (char *slash = path + 1;; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char end = *slash;
        *slash = '\0';
        struct stat info;
        if (mkdir(path, 0777) != 0 &&
            (errno != EEXIST || stat(path, &info) != 0 || !S_ISDIR(info.st_mode))) {
            int reason = errno == EEXIST ? ENOTDIR : errno;
            error_set(err, STATUS_IO, "cannot create folder %s: %s", path, strerror(reason));
            free(path);
            return STATUS_IO;
        }
        *slash = end;
        if (end == '\0')
            break;
    }
    free(path);
    return STATUS_OK;
}
