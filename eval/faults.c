/* Counts what a process does to the files of one folder, and at a chosen point kills it or lets the disk fail.
 *
 * Preloaded before libc, so that it sees what Python, SQLite and tantivy do alike. Nothing is counted until
 * fault_arm() is called. What is only mapped into memory, as SQLite's -shm file, is not seen: nothing durable is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT = 0, KILL = 1, TORN = 2, FULL = 3, BROKEN = 4 };
enum { WRITE, SYNC, RENAME, REMOVE, CREATE, CUT, KINDS };

static char root[PATH_MAX];
static size_t root_length;
static long wanted, done, by_kind[KINDS];
static int armed, mode, full, last = -1;

void fault_arm(const char *folder, long point, int what) {
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    wanted = point;
    mode = what;
    done = full = 0;
    last = -1;
    memset(by_kind, 0, sizeof by_kind);
    armed = 1;
}
void fault_disarm(void) { armed = 0; }
long fault_count(int kind) { return kind < 0 ? done : by_kind[kind]; }
int fault_last(void) { return last; }

static int below(const char *path) { return strncmp(path, root, root_length) == 0; }

static int concerns(int fd, const char *path) {
    char link[64], target[PATH_MAX];
    ssize_t length;
    if (path && (path[0] == '/' || fd == AT_FDCWD)) return below(path);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, target, sizeof target - 1);
    if (length <= 0) return 0;
    target[length] = 0;
    return below(target);
}

/* Returns the errno to fail with, 0 to go on, -1 to write a half of it and, if `TORN`, die. */
static int point(int kind, int fd, const char *path) {
    if (!armed || !concerns(fd, path)) return 0;
    long number = __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&by_kind[kind], 1, __ATOMIC_SEQ_CST);
    /* On a full disk what takes no room goes on. */
    if (full && (kind == WRITE || kind == CREATE)) return ENOSPC;
    if (number != wanted) return 0;
    last = kind;
    switch (mode) {
    case KILL: syscall(SYS_exit_group, 137); return 0;
    case TORN: if (kind == WRITE) return -1; syscall(SYS_exit_group, 137); return 0;
    case FULL: full = 1; return kind == WRITE ? -1 : kind == REMOVE || kind == CUT ? 0 : ENOSPC;
    case BROKEN: return EIO;
    }
    return 0;
}
static void die_if_torn(void) { if (mode == TORN) syscall(SYS_exit_group, 137); }

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAIL(kind, fd, path) \
    do { int fault = point(kind, fd, path); if (fault > 0) { errno = fault; return -1; } } while (0)
#define HALVED(kind, size) \
    int fault = point(kind, fd, NULL); \
    if (fault > 0) { errno = fault; return -1; } \
    int torn = fault < 0; \
    if (torn) { if (size < 2) { die_if_torn(); errno = ENOSPC; return -1; } size /= 2; }

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write); HALVED(WRITE, size)
    ssize_t result = real(fd, data, size);
    if (torn) die_if_torn();
    return result;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite); HALVED(WRITE, size)
    ssize_t result = real(fd, data, size, at);
    if (torn) die_if_torn();
    return result;
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64); HALVED(WRITE, size)
    ssize_t result = real(fd, data, size, at);
    if (torn) die_if_torn();
    return result;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    int fault = point(WRITE, fd, NULL);
    if (fault > 0) { errno = fault; return -1; }
    if (fault < 0) {
        ssize_t result = real(fd, parts, 1);
        die_if_torn();
        return result;
    }
    return real(fd, parts, count);
}
ssize_t sendfile64(int out, int in, off64_t *at, size_t size) {
    static ssize_t (*real)(int, int, off64_t *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "sendfile64");
    FAIL(WRITE, out, NULL);
    return real(out, in, at, size);
}
ssize_t sendfile(int out, int in, off_t *at, size_t size) { return sendfile64(out, in, (off64_t *)at, size); }
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    REAL(copy_file_range); FAIL(WRITE, out, NULL);
    return real(in, from, out, to, size, flags);
}
int fsync(int fd) { REAL(fsync); FAIL(SYNC, fd, NULL); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); FAIL(SYNC, fd, NULL); return real(fd); }
int ftruncate(int fd, off_t size) { REAL(ftruncate); FAIL(CUT, fd, NULL); return real(fd, size); }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64); FAIL(CUT, fd, NULL); return real(fd, size); }
int rename(const char *from, const char *to) { REAL(rename); FAIL(RENAME, AT_FDCWD, to); return real(from, to); }
int renameat(int a, const char *from, int b, const char *to) {
    REAL(renameat); FAIL(RENAME, b, to); return real(a, from, b, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    REAL(renameat2); FAIL(RENAME, b, to); return real(a, from, b, to, flags);
}
int link(const char *from, const char *to) { REAL(link); FAIL(CREATE, AT_FDCWD, to); return real(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(linkat); FAIL(CREATE, b, to); return real(a, from, b, to, flags);
}
int unlink(const char *path) { REAL(unlink); FAIL(REMOVE, AT_FDCWD, path); return real(path); }
int unlinkat(int fd, const char *path, int flags) {
    REAL(unlinkat); FAIL(REMOVE, fd, path); return real(fd, path, flags);
}
int rmdir(const char *path) { REAL(rmdir); FAIL(REMOVE, AT_FDCWD, path); return real(path); }
int mkdir(const char *path, mode_t bits) { REAL(mkdir); FAIL(CREATE, AT_FDCWD, path); return real(path, bits); }
int mkdirat(int fd, const char *path, mode_t bits) {
    REAL(mkdirat); FAIL(CREATE, fd, path); return real(fd, path, bits);
}

#define BITS(flags) \
    mode_t bits = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); bits = va_arg(rest, mode_t); va_end(rest); }
/* What is there already takes no room to be opened. */
#define OPENED(fd, path) \
    if (flags & (O_CREAT | O_TRUNC)) { \
        if (faccessat(fd, path, F_OK, 0)) FAIL(CREATE, fd, path); \
        else if (flags & O_TRUNC) FAIL(CUT, fd, path); \
    }

int open(const char *path, int flags, ...) {
    BITS(flags) REAL(open);
    OPENED(AT_FDCWD, path)
    return real(path, flags, bits);
}
int open64(const char *path, int flags, ...) {
    BITS(flags) REAL(open64);
    OPENED(AT_FDCWD, path)
    return real(path, flags, bits);
}
int openat(int fd, const char *path, int flags, ...) {
    BITS(flags) REAL(openat);
    OPENED(fd, path)
    return real(fd, path, flags, bits);
}
int openat64(int fd, const char *path, int flags, ...) {
    BITS(flags) REAL(openat64);
    OPENED(fd, path)
    return real(fd, path, flags, bits);
}
