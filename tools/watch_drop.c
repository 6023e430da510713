/*
 * watch_drop - once the interface is open nothing that reads hostile bytes needs a privilege.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "command.h"
#include "watch.h"

struct person {
    uid_t uid;
    gid_t gid;
};

static bool number_of(const char *name, uint64_t *out)
{
    const char *value = getenv(name);

    return value && vitro_text_number(vitro_str_of(value), INT32_MAX, out);
}

/* Who ran sudo; else nobody. */
static struct person find_person(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    struct person p = { 65534, 65534 };
    uint64_t uid, gid;

    if (number_of("SUDO_UID", &uid) && number_of("SUDO_GID", &gid) && uid && gid)
        return (struct person){ (uid_t)uid, (gid_t)gid };
    if (nobody)
        p = (struct person){ nobody->pw_uid, nobody->pw_gid };
    return p;
}

/* 0 or an errno. */
static int become(struct person p)
{
    if (setgroups(1, &p.gid) != 0 || setresgid(p.gid, p.gid, p.gid) != 0 ||
        setresuid(p.uid, p.uid, p.uid) != 0)
        return errno;
    return setuid(0) == 0 ? ENOTRECOVERABLE : 0; /* there must be no way back */
}

/* All of them, from this thread, which is the only one yet; 0 or an errno. */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

    memset(none, 0, sizeof none);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* not known to an old kernel */
    return syscall(SYS_capset, &head, none) == 0 ? 0 : errno;
}

int watch_drop_privileges(void)
{
    int number = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;

    if (!number && (geteuid() == 0 || getuid() == 0)) {
        number = become(find_person());
        if (number == EPERM) /* a container's root that may not become somebody else */
            number = 0;
    }
    if (!number)
        number = drop_capabilities();
    if (!number)
        return EXIT_DONE;
    command_fail("watch", "privileges", strerror(number), "they could not be dropped: not run");
    return EXIT_SYSTEM;
}
