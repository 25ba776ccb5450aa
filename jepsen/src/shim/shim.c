/* What a node's C library says when its disk or its clock lies.
 *
 * Loaded before the C library (LD_PRELOAD), these few functions stand in front of those of the same name. They look into a page
 * that is shared with the driver (shim.rs), and mostly pass the call on. The page is an array of numbers:
 *
 *   0  so many syncs to refuse with EIO          3  calls refused so far
 *   1  so many writes to refuse with ENOSPC      4  clock readings that were shifted so far
 *   2  nanoseconds the wall clock is ahead       5  processes that loaded this
 *
 * A file whose sync is refused is cut back to where it ended at its last good sync: the kernel throws away what it could not write, and
 * says so once. Who writes on leaves a hole.
 *
 * Refused is what lies in raft/ and state-N/ of the data directory, but for RocksDB's diary, which nobody depends on.
 * Only calls through the C library are seen; Rust's standard library and RocksDB make all of theirs that way.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SYNCS, WRITES, AHEAD, REFUSED, SHIFTED, LOADED, NUMBERS };

static _Atomic int64_t *page;
static const char *root;

__attribute__((constructor)) static void load(void) {
  const char *path = getenv("JEPSEN_SHIM_PAGE");
  root = getenv("JEPSEN_SHIM_ROOT");
  int fd = path && root ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *map = mmap(NULL, NUMBERS * sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map == MAP_FAILED) return;
  page = map;
  atomic_fetch_add(&page[LOADED], 1);
}

static int matters(int fd) {
  char link[32], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  size_t rooted = strlen(root);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, root, rooted) != 0) return 0;
  const char *below = path + rooted;
  const char *name = strrchr(path, '/');
  return (strncmp(below, "/raft", 5) == 0 || strncmp(below, "/state-", 7) == 0) && strncmp(name, "/LOG", 4) != 0;
}

/* Takes one refusal from the page, if there is one and the file matters. */
static int refused(int fd, int which, int why) {
  if (!page || atomic_load(&page[which]) <= 0 || !matters(fd)) return 0;
  if (atomic_fetch_sub(&page[which], 1) <= 0) {
    atomic_fetch_add(&page[which], 1);
    return 0;
  }
  atomic_fetch_add(&page[REFUSED], 1);
  errno = why;
  return 1;
}

/* Where files ended at their last good sync, by inode; a new file takes the place of the one that was forgotten longest. */
enum { FILES = 64 };
static struct { ino_t inode; off_t end; } synced[FILES];
static unsigned next_place;
static pthread_mutex_t synced_lock = PTHREAD_MUTEX_INITIALIZER;

static int place_of(ino_t inode) {
  for (int i = 0; i < FILES; i++)
    if (synced[i].inode == inode) return i;
  return -1;
}

static void note_end(int fd) {
  struct stat file;
  if (!page || fstat(fd, &file) || !S_ISREG(file.st_mode)) return;
  pthread_mutex_lock(&synced_lock);
  int place = place_of(file.st_ino);
  if (place < 0) place = next_place++ % FILES;
  synced[place].inode = file.st_ino;
  synced[place].end = file.st_size;
  pthread_mutex_unlock(&synced_lock);
}

static void cut_back(int fd) {
  struct stat file;
  if (fstat(fd, &file)) return;
  pthread_mutex_lock(&synced_lock);
  int place = place_of(file.st_ino);
  if (place >= 0 && ftruncate(fd, synced[place].end)) perror("shim: cutting back");
  pthread_mutex_unlock(&synced_lock);
}

static int sync_or_refuse(int fd, int (*next)(int)) {
  if (refused(fd, SYNCS, EIO)) {
    cut_back(fd);
    errno = EIO;
    return -1;
  }
  int result = next(fd);
  if (result == 0) note_end(fd);
  return result;
}

#define NEXT(name) \
  static __typeof__(name) *next; \
  if (!next) next = (__typeof__(next))dlsym(RTLD_NEXT, #name)

int fsync(int fd) { NEXT(fsync); return sync_or_refuse(fd, next); }
int fdatasync(int fd) { NEXT(fdatasync); return sync_or_refuse(fd, next); }
ssize_t write(int fd, const void *from, size_t n) { NEXT(write); return refused(fd, WRITES, ENOSPC) ? -1 : next(fd, from, n); }
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) { NEXT(pwrite); return refused(fd, WRITES, ENOSPC) ? -1 : next(fd, from, n, at); }
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) { NEXT(pwrite64); return refused(fd, WRITES, ENOSPC) ? -1 : next(fd, from, n, at); }

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*next)(clockid_t, struct timespec *);
  if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = next ? next(clock, now) : (int)syscall(SYS_clock_gettime, clock, now);
  int64_t ahead = page ? atomic_load(&page[AHEAD]) : 0;
  if (result != 0 || ahead == 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  int64_t all = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + ahead;
  now->tv_sec = all / 1000000000;
  now->tv_nsec = all % 1000000000;
  atomic_fetch_add(&page[SHIFTED], 1);
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec precise;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return (time_t)-1;
  if (out) *out = precise.tv_sec;
  return precise.tv_sec;
}
