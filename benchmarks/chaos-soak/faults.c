/*
 * Preloaded into a process of the soak, to make its disk slow or full and its clock wrong. The settings are in a page of
 * memory shared with the soak. CHAOS_PAGE names that page, CHAOS_FOLDER the folder whose files are on the disk.
 *   cc -shared -fPIC -O1 -o faults.so faults.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* As page.mjs writes it. */
struct page {
  int64_t clock_seconds;
  uint32_t disk_milliseconds;
  uint32_t is_full;
};

static const struct page none;
static volatile const struct page *page = &none;
static const char *folder;

enum { most_files = 65536 };
/* Indexed by file descriptor: whether it is a file of the disk. */
static char on_disk[most_files];

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("CHAOS_PAGE");
  folder = getenv("CHAOS_FOLDER");
  if (!name || !folder) return;
  int file = REAL(open64)(name, O_RDONLY);
  if (file < 0) return;
  void *shared = mmap(NULL, sizeof(struct page), PROT_READ, MAP_SHARED, file, 0);
  if (shared != MAP_FAILED) page = shared;
  REAL(close)(file);
}

static int is_inside(const char *path) { return folder && strncmp(path, folder, strlen(folder)) == 0; }

/*
 * Node closes files without calling close() here, so a socket may have the number of a file that was on the disk: look
 * at what it is.
 */
static int is_file(int file) {
  struct stat status;
  if (file < 0 || file >= most_files || !on_disk[file]) return 0;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) return 1;
  on_disk[file] = 0;
  return 0;
}

static void be_slow(void) {
  uint32_t milliseconds = page->disk_milliseconds;
  if (milliseconds) usleep(milliseconds * 1000);
}

/* Waits as long as the disk takes. Returns 1 and sets errno if a write finds the disk full. */
static int has_no_room(void) {
  be_slow();
  if (!page->is_full) return 0;
  errno = ENOSPC;
  return 1;
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  int inside = is_inside(path);
  if (inside && flags & O_CREAT && has_no_room()) return -1;
  int file = REAL(open64)(path, flags, mode);
  if (file >= 0 && file < most_files) on_disk[file] = inside;
  return file;
}

int close(int file) {
  if (is_file(file)) on_disk[file] = 0;
  return REAL(close)(file);
}

#define READS(name, parameters, ...)                                                                                   \
  ssize_t name parameters {                                                                                            \
    if (is_file(file)) be_slow();                                                                                      \
    return REAL(name)(__VA_ARGS__);                                                                                    \
  }
READS(read, (int file, void *bytes, size_t count), file, bytes, count)
READS(pread64, (int file, void *bytes, size_t count, off64_t at), file, bytes, count, at)
READS(readv, (int file, const struct iovec *parts, int count), file, parts, count)
READS(preadv64, (int file, const struct iovec *parts, int count, off64_t at), file, parts, count, at)

#define WRITES(type, name, parameters, ...)                                                                            \
  type name parameters {                                                                                               \
    if (is_file(file) && has_no_room()) return -1;                                                                     \
    return REAL(name)(__VA_ARGS__);                                                                                    \
  }
WRITES(ssize_t, write, (int file, const void *bytes, size_t count), file, bytes, count)
WRITES(ssize_t, pwrite64, (int file, const void *bytes, size_t count, off64_t at), file, bytes, count, at)
WRITES(ssize_t, writev, (int file, const struct iovec *parts, int count), file, parts, count)
WRITES(ssize_t, pwritev64, (int file, const struct iovec *parts, int count, off64_t at), file, parts, count, at)
WRITES(int, fsync, (int file), file)
WRITES(int, fdatasync, (int file), file)

int mkdir(const char *path, mode_t mode) {
  if (is_inside(path) && has_no_room()) return -1;
  return REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to) {
  if (is_inside(to)) be_slow();
  return REAL(rename)(from, to);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int status = REAL(clock_gettime)(clock, now);
  if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += page->clock_seconds;
  return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int status = REAL(gettimeofday)(now, zone);
  if (status == 0) now->tv_sec += page->clock_seconds;
  return status;
}

time_t time(time_t *into) {
  time_t now = REAL(time)(NULL) + page->clock_seconds;
  if (into) *into = now;
  return now;
}
