/* Turning into somebody else: who asks decides what mmap(2) answers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MAP_32BIT
#define MAP_32BIT 0 /* x86-64 alone has it */
#endif
#define NOBODY 65534
#define LIMIT_FILE "/proc/sys/vm/mmap_min_addr"

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static unsigned long long capabilities(void) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data)) fail("capget");
    return data[0].effective | (unsigned long long)data[1].effective << 32;
}

static int has(int capability) { return capabilities() >> capability & 1; }

/* Keep those capabilities of `kept` that are there, and no others. */
static void keep(unsigned long long kept) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data)) fail("capget");
    for (int i = 0; i < 2; i++) {
        data[i].permitted &= (unsigned)(kept >> 32 * i);
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &head, data)) fail("capset");
}

static void be_nobody(void) {
    if (setgroups(0, NULL)) fail("setgroups");
    if (setresgid(NOBODY, NOBODY, NOBODY)) fail("setresgid");
    if (setresuid(NOBODY, NOBODY, NOBODY)) fail("setresuid");
    prctl(PR_SET_DUMPABLE, 1); /* else /proc/self would be root's */
}

static void write_text(const char *file, const char *text) {
    int out = open(file, O_WRONLY);
    if (out < 0 || write(out, text, strlen(text)) < 0) fail(file);
    close(out);
}

/* A user namespace in which this process is root, see user_namespaces(7). */
static void be_root_of_a_namespace(void) {
    char map[64];
    unsigned user = geteuid(), group = getegid();
    if (unshare(CLONE_NEWUSER)) fail("unshare");
    snprintf(map, sizeof map, "0 %u 1", user);
    write_text("/proc/self/uid_map", map);
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", group);
    write_text("/proc/self/gid_map", map);
}

static void become(const char *who) {
    unsigned long long rawio = 1ULL << CAP_SYS_RAWIO;
    if (!strcmp(who, "you")) return;
    if (!strcmp(who, "root")) {
        if (geteuid() || !has(CAP_SYS_RAWIO)) errno = EPERM, fail("root with CAP_SYS_RAWIO");
    } else if (!strcmp(who, "root-without")) {
        if (geteuid()) errno = EPERM, fail("root");
        keep(~rawio);
    } else if (!strcmp(who, "nobody")) {
        be_nobody();
    } else if (!strcmp(who, "nobody-with")) {
        if (prctl(PR_SET_KEEPCAPS, 1)) fail("prctl");
        be_nobody();
        keep(rawio);
        if (!has(CAP_SYS_RAWIO)) errno = EPERM, fail("nobody with CAP_SYS_RAWIO");
    } else if (!strcmp(who, "namespace")) {
        if (!geteuid()) be_nobody();
        be_root_of_a_namespace();
    } else if (!strcmp(who, "powerless")) {
        keep(0); /* the user's own id, but without capabilities: nobody need be root for it */
    } else {
        fprintf(stderr, "nobody is called %s here\n", who);
        exit(2);
    }
}
