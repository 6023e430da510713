/* vitro watch as a program: live on a terminal, programs that come, go, and are no programs. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "support/conversation.h"
#include "support/terminal.h"

TestSuite(watch, .timeout = 240);

/* ---- a folder with one socket ---------------------------------------------------------------- */

static char folder[64], path[100], unix_place[128], listen_place[128];

static void open_folder(void)
{
    signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof folder, "/tmp/vitro-watch-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/trace", folder);
    snprintf(unix_place, sizeof unix_place, "unix:%s", path);
    snprintf(listen_place, sizeof listen_place, "listen:%s", path);
}

static void close_folder(void)
{
    unlink(path);
    cr_expect(eq(int, rmdir(folder), 0));
}

static struct sockaddr_un address(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    return at;
}

/* A program that serves its trace. */
static int serve(void)
{
    struct sockaddr_un at = address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(eq(int, bind(fd, (struct sockaddr *)&at, sizeof at), 0));
    cr_assert(eq(int, listen(fd, 4), 0));
    return fd;
}

/* A program that brings its trace, as soon as somebody listens. */
static int bring(void)
{
    struct sockaddr_un at = address();

    for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
            return fd;
        close(fd);
        poll(NULL, 0, 10);
    }
    cr_assert(false, "nobody listens");
    return -1;
}

static void send_all(int fd, const void *p, size_t n)
{
    cr_assert(eq(i64, send(fd, p, n, 0), (int64_t)n));
}

/* ---- what they send -------------------------------------------------------------------------- */

/* A section, and then a call at a time. */
static void begin_trace(struct pcap_write *w)
{
    pcap_write_init(w, PCAP_NG, 101);
}

static void add_call(struct pcap_write *w, uint16_t port)
{
    struct pcap_talk talk = { .shape = { .client_port = port }, .next = { 1000, 5000 } };
    struct conversation c;

    conversation_make(&c, &(struct conversation_shape){ .calls = 1, .method = 1 }, 1, 1);
    conversation_capture(&c, w, &talk, NULL);
    conversation_done(&c);
}

/* The trace so far goes out, and what is added then is sent by itself. */
static void flush(struct pcap_write *w, int fd)
{
    send_all(fd, w->ptr, w->len);
    w->len = 0;
}

static void put_note(struct pcap_write *w, const char *entry)
{
    pcap_write_note(w, entry, strlen(entry));
}

/* ---- the screen ------------------------------------------------------------------------------ */

static void open_screen(struct terminal *t, char *place, char *option)
{
    char *argv[] = { (char *)PROGRAM, (char *)"watch", place, option, NULL };

    memset(t, 0, sizeof *t);
    t->watch.kind = WATCH_SCREEN;
    begin_program(t, "C.UTF-8", NULL, argv);
}

/* Wait for its end: what it ended with. */
static int close_screen(struct terminal *t)
{
    finish(t);
    end(t);
    return WIFEXITED(t->status) ? WEXITSTATUS(t->status) : -1;
}

Test(watch, what_comes_is_followed_paused_and_stays_when_the_program_ends)
{
    static struct terminal t;
    struct pcap_write w;
    int listener, fd;

    open_folder();
    listener = serve();
    open_screen(&t, unix_place, NULL);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    begin_trace(&w);
    add_call(&w, 50001);
    flush(&w, fd);
    SEEN(&t, "> preface");
    SEEN(&t, "live  ");
    SEEN(&t, " F follow  ? help ");
    keys(&t, "F");
    SEEN(&t, "FOLLOW  ");
    add_call(&w, 50002);
    put_note(&w, "__REALTIME_TIMESTAMP=1\nMESSAGE=the newest\nVITRO_KIND=say\n");
    flush(&w, fd);
    SEEN(&t, "* the newest");
    SEEN(&t, "/s  "); /* how fast they come */
    keys(&t, "k");
    for (int i = 0; i < 3; i++)
        put_note(&w, "__REALTIME_TIMESTAMP=1\nMESSAGE=later\nVITRO_KIND=say\n");
    put_note(&w, "__REALTIME_TIMESTAMP=1\nMESSAGE=m\nVITRO_KIND=lost\nVITRO_COUNT=7\n");
    flush(&w, fd);
    SEEN(&t, "PAUSED +4  ");
    SEEN(&t, "7 missed  ");
    keys(&t, "L");
    SEEN(&t, "멈춤 +4  ");
    SEEN(&t, "7개 놓침  ");
    keys(&t, "L");
    close(fd);
    SEEN(&t, "ended  ");
    SEEN(&t, "* the newest");
    keys(&t, "q");
    cr_expect(eq(int, close_screen(&t), 0));
    close(listener);
    pcap_write_done(&w);
    close_folder();
}

Test(watch, programs_come_and_go_and_what_is_none_is_refused_with_a_word)
{
    static struct terminal t;
    struct pcap_write w;
    int one, two, none;

    open_folder();
    open_screen(&t, listen_place, NULL);
    one = bring();
    begin_trace(&w);
    add_call(&w, 49152);
    send_all(one, w.ptr, w.len);
    SEEN(&t, "program 1 joins: ");
    SEEN(&t, "> preface");
    keys(&t, "F");
    none = bring();
    send_all(none, "\x1b]0;pwned\x07 and more", 19);
    SEEN(&t, "program 2 leaves: INVALID_ARGUMENT");
    two = bring();
    send_all(two, w.ptr, w.len - 10);
    close(two);
    SEEN(&t, "program 3 leaves: its trace is cut");
    w.len = 0;
    put_note(&w, "__REALTIME_TIMESTAMP=1\nMESSAGE=still here\nVITRO_KIND=say\n");
    flush(&w, one);
    SEEN(&t, "still here");
    close(one);
    SEEN(&t, "program 1 leaves: its trace has ended");
    SEEN(&t, "FOLLOW  "); /* others may come */
    keys(&t, "q");
    cr_expect(eq(int, close_screen(&t), 0));
    cr_expect(ne(int, access(path, F_OK), 0));
    close(none);
    pcap_write_done(&w);
    close_folder();
}

/* Many packets that nothing comes of. */
static size_t send_much(int fd, size_t mib)
{
    static uint8_t frame[60000] = { 0x45 };
    struct pcap_write w;
    size_t sent = 0;

    begin_trace(&w);
    while (w.len < 1024 * 1024)
        pcap_write_packet(&w, frame, sizeof frame);
    while (sent < mib * 1024 * 1024 && send(fd, w.ptr, w.len, 0) == (ssize_t)w.len)
        sent += w.len;
    pcap_write_done(&w);
    return sent;
}

Test(watch, when_as_much_is_kept_as_may_be_the_screen_says_so_and_goes_on)
{
    static struct terminal t;
    struct pcap_write w;
    int fd;

    open_folder();
    open_screen(&t, listen_place, (char *)"--keep=64M");
    fd = bring();
    begin_trace(&w);
    add_call(&w, 50001);
    flush(&w, fd);
    SEEN(&t, "> preface");
    send_much(fd, 80);
    SEEN(&t, "reading ends here");
    SEEN(&t, "> preface");
    keys(&t, "/:path\r");
    SEEN(&t, "[events]");
    keys(&t, "q");
    cr_expect(eq(int, close_screen(&t), 3));
    close(fd);
    pcap_write_done(&w);
    close_folder();
}

Test(watch, a_program_is_read_though_the_screen_stands_still)
{
    static struct terminal t;
    struct timeval patience = { 20, 0 };
    struct pcap_write w;
    int fd;

    open_folder();
    open_screen(&t, listen_place, NULL);
    fd = bring();
    cr_assert(eq(int, setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0));
    begin_trace(&w);
    add_call(&w, 50001);
    flush(&w, fd);
    SEEN(&t, "> preface");
    for (int i = 0; i < 500; i++)
        keys(&t, "?"); /* nobody reads what is drawn: it fills the terminal */
    cr_expect(ge(sz, send_much(fd, 32), 32 * 1024 * 1024));
    keys(&t, "Q");
    cr_expect(eq(int, close_screen(&t), 0));
    close(fd);
    pcap_write_done(&w);
    close_folder();
}

/* ---- as lines -------------------------------------------------------------------------------- */

struct lines {
    pid_t pid;
    FILE *out;
};

static void open_lines(struct lines *l, const char *option)
{
    int fds[2];

    cr_assert(eq(int, pipe(fds), 0));
    l->pid = fork();
    if (l->pid == 0) {
        dup2(fds[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        close(fds[0]);
        close(fds[1]);
        signal(SIGINT, SIG_DFL);
        execl(PROGRAM, PROGRAM, "watch", listen_place, "--json", option, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    l->out = fdopen(fds[0], "r");
}

/* The next line with this in it. */
static void expect_line(struct lines *l, const char *text, char *line, size_t size)
{
    while (fgets(line, (int)size, l->out)) {
        if (strstr(line, text))
            return;
    }
    cr_assert(false, "no line with %s", text);
}

static size_t count_descriptors(pid_t pid)
{
    char name[64];
    size_t n = 0;
    DIR *dir;

    snprintf(name, sizeof name, "/proc/%ld/fd", (long)pid);
    dir = opendir(name);
    while (dir && readdir(dir))
        n++;
    closedir(dir);
    return n;
}

Test(watch, lines_go_on_for_ever_in_bounded_room)
{
    static char line[1 << 20];
    struct pcap_write w;
    struct lines l;
    int fd, status;

    open_folder();
    open_lines(&l, "--keep=64M");
    fd = bring();
    cr_assert(ge(sz, send_much(fd, 150), 150 * 1024 * 1024));
    begin_trace(&w);
    add_call(&w, 50001);
    flush(&w, fd);
    expect_line(&l, "chat.MessageResponse", line, sizeof line);
    close(fd);
    kill(l.pid, SIGTERM);
    expect_line(&l, "\"event\":\"end\"", line, sizeof line);
    cr_expect(strstr(line, "error") == NULL);
    waitpid(l.pid, &status, 0);
    cr_expect(eq(int, WEXITSTATUS(status), 0));
    fclose(l.out);
    pcap_write_done(&w);
    close_folder();
}

Test(watch, a_thousand_programs_that_come_go_break_off_and_lie_leave_nothing_behind)
{
    enum { PROGRAMS = 1000 };
    static char line[1 << 20];
    char want[64];
    struct pcap_write w;
    struct lines l;
    size_t before = 0;
    int status;

    open_folder();
    open_lines(&l, NULL);
    begin_trace(&w);
    add_call(&w, 49152);
    for (int i = 0; i < PROGRAMS; i++) {
        int fd = bring();
        if (i % 4 == 3)
            send_all(fd, "no trace at all", 15);
        else
            send_all(fd, w.ptr, i % 4 == 2 ? w.len - 5 : w.len);
        close(fd);
        snprintf(want, sizeof want, "\"message\":\"program %d leaves", i + 1);
        expect_line(&l, want, line, sizeof line);
        if (i == 10)
            before = count_descriptors(l.pid);
    }
    cr_expect(le(sz, count_descriptors(l.pid), before + 1)); /* one may be on its way out */
    kill(l.pid, SIGINT);
    expect_line(&l, "\"event\":\"end\"", line, sizeof line);
    cr_expect(strstr(line, "\"connections\":750,") != NULL, "%s", line);
    cr_expect(strstr(line, "\"missed\":0") != NULL);
    waitpid(l.pid, &status, 0);
    cr_expect(eq(int, WEXITSTATUS(status), 130));
    fclose(l.out);
    pcap_write_done(&w);
    close_folder();
}

Test(watch, many_programs_at_once_are_all_read)
{
    enum { PROGRAMS = 300 }; /* more than are let in at once */
    static char line[1 << 20];
    static int fds[PROGRAMS];
    struct pcap_write w;
    struct lines l;

    open_folder();
    open_lines(&l, NULL);
    begin_trace(&w);
    add_call(&w, 49152);
    for (int i = 0; i < PROGRAMS; i++) {
        fds[i] = bring();
        send_all(fds[i], w.ptr, w.len / 2);
        if (i >= 40)
            send_all(fds[i - 40], w.ptr + w.len / 2, w.len - w.len / 2);
        if (i >= 40)
            close(fds[i - 40]);
    }
    for (int i = PROGRAMS - 40; i < PROGRAMS; i++) {
        send_all(fds[i], w.ptr + w.len / 2, w.len - w.len / 2);
        close(fds[i]);
    }
    for (int i = 0; i < PROGRAMS; i++)
        expect_line(&l, "leaves: its trace has ended", line, sizeof line);
    kill(l.pid, SIGTERM);
    expect_line(&l, "\"event\":\"end\"", line, sizeof line);
    cr_expect(strstr(line, "\"connections\":300,") != NULL, "%s", line);
    waitpid(l.pid, NULL, 0);
    fclose(l.out);
    pcap_write_done(&w);
    close_folder();
}
