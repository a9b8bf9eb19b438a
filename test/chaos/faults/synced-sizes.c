/*
 * Remembers how much of every file is surely on the disk, so that a test can cut away the rest as a
 * power cut would. Loaded with LD_PRELOAD; after each fsync or fdatasync that succeeds it appends
 * "<inode> <bytes>" to the file that SYNCED_SIZES names, where the last line of an inode counts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void remember(const struct stat *file)
{
  const char *path = getenv("SYNCED_SIZES");
  int sizes = path == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (sizes < 0)
    return;
  /* One write, which O_APPEND makes atomic: Redis syncs in more than one thread. */
  dprintf(sizes, "%llu %lld\n", (unsigned long long)file->st_ino, (long long)file->st_size);
  close(sizes);
}

static int sync_and_remember(const char *name, int fd)
{
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  struct stat before;
  /* The size beforehand: what is written meanwhile may or may not be on the disk. */
  int known = fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
  int result = real(fd);
  int error = errno;
  if (result == 0 && known)
    remember(&before);
  errno = error;
  return result;
}

int fsync(int fd)
{
  return sync_and_remember("fsync", fd);
}

int fdatasync(int fd)
{
  return sync_and_remember("fdatasync", fd);
}
