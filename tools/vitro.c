/*
 * vitro - one program, a subcommand for each of its uses, as git has them.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "command.h"
#include "help.h"
#include "vitro/version.h"

static const struct command {
    const char *name;
    command_fn *run;
    const char *usage; /* behind "vitro NAME" */
    const char *about; /* one line */
    const char *help;  /* the rest of `vitro help NAME` */
} commands[] = {
    { "learn", learn_main, "[NN|NAME] [--plain] [--real] [--lang en|ko] [--seed N] [--list]",
      "a lesson: its program runs, and each byte of that run is shown and explained",
      "On a terminal a screen: Enter goes on, Space sends one frame, q leads to the list of\n"
      "lessons, ? shows every key. Elsewhere text, as with --plain.\n"
      "  NN|NAME                 08, unary or 08-unary; without one 00 on a terminal, else the list\n"
      "  --plain                 text: the lesson, its frames, the answers to its questions\n"
      "  --real                  on loopback sockets and in real time; else in memory, on a clock\n"
      "                          of its own: the same bytes every run\n"
      "  --lang en|ko            English or Korean; else as LC_ALL, LC_MESSAGES or LANG say\n"
      "  --seed N                another world of the same kind\n"
      "  --list                  what lessons there are, and which of them are done\n"
      "What was done is kept in $XDG_STATE_HOME/vitro/progress, a line a lesson, to be read or\n"
      "edited; else in ~/.local/state/vitro/progress.\n"
      "VITRO_TRACE=file:F keeps the lesson's trace in F: vitro inspect and Wireshark open it.\n"
      "Status: 0 done; 2 usage; 3 the lesson cannot be found, or its program failed.\n" },
    { "call", call_main,
      "TARGET METHOD|list [SERVICE]|describe NAME [-d JSON] [-H 'k: v']... [--deadline 500ms] [--wait-for-ready] [--keepalive TIME] [-v] [--compress NAME] "
      "[--proto FILE]... [-I DIR]... [--descriptor-set FILE]... [--tls] [--cacert FILE] [--crl FILE] [--cert FILE --key FILE] "
      "[--authority NAME] [--insecure] [--token T|--token-file FILE|--service-account FILE] "
      "[--allow-plain-token]",
      "make one call: JSON requests in, JSON responses out, the wire beside it",
      "  TARGET                  HOST:PORT, :PORT (of 127.0.0.1), dns:, ipv4:, ipv6:, unix:,\n"
      "                          unix-abstract:\n"
      "  METHOD                  SERVICE/METHOD, such as chat.ChatService/SendMessage\n"
      "  list [SERVICE]          no call: the services of the server, or the methods of one\n"
      "  describe NAME           no call: a service, a method, a message or an enum as a .proto\n"
      "                          writes it\n"
      "  -d JSON                 the requests: JSON values one after another, white space between;\n"
      "                          @FILE is a file of them, - is stdin: each is sent as it comes.\n"
      "                          Without -d a method of one request gets an empty one\n"
      "  -H 'k: v'               a header of the call; the value of a name that ends in -bin is\n"
      "                          base64\n"
      "  --deadline TIME         500ms, 1.5s, 2m: give up after that, on both ends\n"
      "  --wait-for-ready        when nobody can be reached, try on until the deadline, or for ever\n"
      "  --keepalive TIME        a PING when the server says nothing for so long, 10s at least:\n"
      "                          20 s after it without a byte the call ends\n"
      "  --compress NAME         gzip or deflate: compress each request that gets shorter by it.\n"
      "                          Replies come as the server chooses\n"
      "  -v                      the wire on stderr, decoded as it happens, the channel's states, and\n"
      "                          who the server is\n"
      "  --proto FILE            the types of METHOD (needs protoc); else those that the server tells\n"
      "                          by its reflection, and those that ship\n"
      "  -I DIR                  where FILE and its imports are\n"
      "  --descriptor-set FILE   the types of METHOD, as protoc -o --include_imports wrote them\n"
      "  --tls                   speak TLS; each of the next five asks for it, too\n"
      "  --cacert FILE           authorities that are trusted, PEM; else those of the system\n"
      "  --crl FILE              lists of what each of them has revoked, PEM; else nobody looks\n"
      "  --cert FILE --key FILE  a certificate of one's own and its key, PEM, for a server that asks\n"
      "  --insecure              take any certificate\n"
      "  --authority NAME        the name of the server, which its certificate must be for; else\n"
      "                          the host of TARGET\n"
      "  --token T               `authorization: Bearer T` in the call. Others on this machine see T\n"
      "                          while it runs, and the shell remembers it:\n"
      "  --token-file FILE       the same, T being the first line of FILE\n"
      "  --service-account FILE  a token that the key of a Google service account signs, for the\n"
      "                          service that is called; FILE is its JSON\n"
      "  --allow-plain-token     send it over plain text, too\n"
      "Each response is a line on stdout, in JSON as proto3 maps it: 64-bit numbers are strings,\n"
      "bytes are base64, fields that hold their default are left out. The last line on stderr is\n"
      "how the call ended: `status: NOT_FOUND (5): no such user`. Messages beside a status\n"
      "(grpc-status-details-bin) stand before it, a line `detail: TYPE JSON` each.\n"
      "VITRO_TRACE=file:F keeps the call's trace in F: vitro inspect and Wireshark open it.\n"
      "Status: 0 the call ended with OK; 1 with anything else; 2 usage, and JSON that is none;\n"
      "3 no connection, or a file that cannot be read; 130 after Ctrl-C, which cancels the call.\n"
      "Examples:\n"
      "  vitro call :50051 chat.ChatService/SendMessage -d '{\"userId\":\"me\",\"message\":\"hi\"}'\n"
      "  vitro call :50051 chat.ChatService/GetNotifications -d '{\"userId\":\"me\"}' -v\n"
      "  vitro call :50051 chat.ChatService/Chat -d -    (a line typed is a message sent)\n" },
    { "inspect", inspect_main,
      "FILE [--plain] [--json] [--hpack] [--proto FILE]... [-I DIR]... [--descriptor-set FILE]... "
      "[--keylog FILE] [--stats] [--color=auto|always|never] [--ascii] [--mouse]",
      "decode a capture (pcapng or pcap; - is stdin) down to the last field",
      "On a terminal a screen: ? shows its keys. Elsewhere, and with\n"
      "  --plain                 text: an event a line, its bytes, its fields\n"
      "  --json                  NDJSON: an event a line\n"
      "  --hpack                 also what each header field did to the HPACK table\n"
      "  --proto FILE            name protobuf fields by this .proto (needs protoc)\n"
      "  -I DIR                  where FILE and its imports are\n"
      "  --descriptor-set FILE   name protobuf fields by what protoc -o wrote. Without it: by what a\n"
      "                          server in the capture tells by reflection, by a trace's own\n"
      "                          schema, and by those that ship\n"
      "  --keylog FILE           open TLS with the secrets that a program wrote to FILE, as\n"
      "                          SSLKEYLOGFILE=FILE makes many do; else those of the file that\n"
      "                          SSLKEYLOGFILE names here. What a capture has of its own is used\n"
      "  --stats                 how many events there are and what they cost\n"
      "  --color=WHEN            auto, always or never\n"
      "  --ascii                 other characters as \\u{..}\n"
      "  --mouse                 click selects, the wheel scrolls; % turns it on and off\n"
      "The screen reads $XDG_CONFIG_HOME/vitro/config, else ~/.config/vitro/config, a line each:\n"
      "  theme WHICH             dark, light or plain\n"
      "  language WHICH          en or ko\n"
      "  mouse, ascii WHICH      on or off\n"
      "  bind KEY ACTION         KEY as ? names it; ACTION as Tab offers it behind `:bind KEY `;\n"
      "                          none takes the key away\n"
      "Status: 0 done; 2 usage; 3 the capture cannot be read, or is cut: what it has was shown.\n" },
    { "watch", watch_main,
      "-i IFACE [FILTER] | unix:PATH | listen:PATH [--keep SIZE] [the options of inspect]",
      "decode what happens now: on a network interface, or in programs that use vitro",
      "  -i IFACE [FILTER]       packets of a network interface (lo, eth0, any); FILTER is libpcap's,\n"
      "                          such as `port 50051`: man pcap-filter\n"
      "  unix:PATH               join a program that runs with VITRO_TRACE=listen:PATH\n"
      "  listen:PATH             wait for programs that run with VITRO_TRACE=unix:PATH: several at\n"
      "                          once, each coming and going\n"
      "  --keep SIZE             of what came, so much is kept in a temporary file (TMPDIR): 64M or\n"
      "                          more, else 4G. When it is full the screen takes in no more and says\n"
      "                          so; text and NDJSON forget what is oldest, and go on\n"
      "On a terminal the screen of `vitro inspect`: F follows what comes, ? shows all keys. Elsewhere,\n"
      "and with --plain or --json, events as they happen; `watching IFACE` on stderr says that it has\n"
      "begun, and a last line there how many packets came and how many were missed.\n"
      "A key log may grow, and need not be there yet: it is read as it is written, and what comes is\n"
      "shown a tenth of a second later, when its secrets are there. What has none by then is shown as\n"
      "sealed; a secret that comes later opens what follows. With -i the log is best there before, if\n"
      "it is for root alone to read.\n"
      "Capturing from an interface needs root or CAP_NET_RAW, which are given up once it is open:\n"
      "files are then written as who ran sudo, else as nobody.\n"
      "Status: 0 the program that was joined has ended, SIGTERM, or q; 2 usage, and a filter that is\n"
      "none; 3 the place cannot be watched; 130 after Ctrl-C.\n"
      "Examples:\n"
      "  sudo vitro watch -i lo port 50051\n"
      "  sudo vitro watch -i lo --keylog /tmp/keys port 50051\n"
      "  vitro watch listen:/tmp/trace          and then elsewhere\n"
      "  VITRO_TRACE=unix:/tmp/trace vitro call :50051 chat.ChatService/SendMessage\n" },
    { "serve", serve_main,
      "[--listen ADDRESS]... [--threads N] [--compress NAME] "
      "[[--tls-cert FILE --tls-key FILE]... [--client-ca FILE [--client-crl FILE]]] "
      "[--keepalive TIME] [--keepalive-timeout TIME] [--keepalive-without-calls] "
      "[--min-ping-interval TIME] [--max-connection-age TIME] [--max-connection-age-grace TIME] "
      "[--max-connection-idle TIME]",
      "a server: chat.ChatService and its neighbours, for any gRPC client",
      "  --listen ADDRESS        HOST:PORT, :PORT (of 127.0.0.1), ipv4:, ipv6:, unix:; port 0 takes\n"
      "                          a free one; else 127.0.0.1:50051\n"
      "  --threads N             loops to spread connections over, from 1 to 64; else 1\n"
      "  --compress NAME         gzip or deflate: compress each reply that gets shorter by it, to\n"
      "                          clients that take it\n"
      "  --tls-cert FILE         speak TLS with this certificate, PEM, and those behind it\n"
      "  --tls-key FILE          its key. Both again: another certificate, for who asks for a name\n"
      "                          of it; the first is for all the others\n"
      "  --client-ca FILE        only clients with a certificate of these authorities may call\n"
      "  --client-crl FILE       lists of what each of them has revoked, PEM; else nobody looks\n"
      "  --keepalive TIME        a PING when a client says nothing for so long (500ms, 1.5s, 2m);\n"
      "                          else 2h\n"
      "  --keepalive-timeout TIME\n"
      "                          a client of whom nothing comes for so long after it is gone; else 20s\n"
      "  --min-ping-interval TIME\n"
      "                          between PINGs of a client; more often is too often, and ends its\n"
      "                          connection at the third time; else 5m, and 2h without a call\n"
      "  --keepalive-without-calls\n"
      "                          without a call, too, a client may send its PINGs as often\n"
      "  --max-connection-age TIME\n"
      "                          then a connection takes no new calls, and its client comes back on\n"
      "                          another; 10 % more or less, by chance; else never\n"
      "  --max-connection-age-grace TIME\n"
      "                          after that, calls that are still open are cut; else never\n"
      "  --max-connection-idle TIME\n"
      "                          without a call a connection ends; else never\n"
      "Its first lines say `listening on ADDRESS`; then a line for each message that says something.\n"
      "Who reads them more slowly than they come loses some, and is told how many; no call waits.\n"
      "Services: chat.ChatService, user.UserService, order.OrderService, room.RoomService,\n"
      "file.FileService, sensor.SensorService; their .proto files are in proto/, of an installed copy\n"
      "in share/vitro/proto/.\n"
      "SIGHUP reads the files of TLS again, for the connections from then on; when one of them is\n"
      "wrong it says so, and those that were read before stay in use.\n"
      "SIGTERM and Ctrl-C let open calls end, for 30 s at most; a second one ends at once.\n"
      "VITRO_TRACE=listen:PATH lets vitro watch unix:PATH look on; file:F keeps a trace in F.\n"
      "Status: 0 after that; 2 usage; 3 an address cannot be had; 130 after a second signal.\n" },
};

static const char after_commands[] =
    "`vitro help COMMAND` tells more, `vitro --version` which one this is.\n"
    "VITRO_TRACE=file:F keeps what any program does that uses the library in F: vitro inspect opens\n"
    "it. VITRO_TRACE=listen:PATH lets vitro watch unix:PATH look on while it runs.\n"
    "Status: 0 done; 1 the answer is negative; 2 usage; 3 cannot read, open, bind or connect; 130 "
    "after Ctrl-C.\n";

static void usage(FILE *out)
{
    char first[32];

    fputs("usage: vitro COMMAND ...\n\ngRPC in glass: watch calls, make them, learn from them\n\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        snprintf(first, sizeof first, "  %-10s ", commands[i].name);
        help_line(out, first, commands[i].about, (int)strlen(first));
    }
    fputc('\n', out);
    help_print(out, after_commands);
}

static void help(const struct command *c)
{
    char first[32];

    snprintf(first, sizeof first, "usage: vitro %s ", c->name);
    help_line(stdout, first, c->usage, (int)strlen(first));
    putchar('\n');
    help_line(stdout, "", c->about, 0);
    putchar('\n');
    help_print(stdout, c->help);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static bool asks_help(const char *arg)
{
    return strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0;
}

/* What is asked of vitro itself; false: a command follows. */
static bool answered(int argc, char **argv)
{
    if (strcmp(argv[1], "--version") == 0)
        printf("vitro %s\n", vitro_library_version());
    else if (asks_help(argv[1]) || (strcmp(argv[1], "help") == 0 && argc == 2))
        usage(stdout);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    const struct command *c;
    bool wants_help;

    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (answered(argc, argv))
        return EXIT_DONE;
    wants_help = strcmp(argv[1], "help") == 0;
    c = find(wants_help ? argv[2] : argv[1]);
    if (!c) {
        command_fail("usage", wants_help ? argv[2] : argv[1], "no such command",
                     "vitro help lists them");
        return EXIT_USAGE;
    }
    for (int i = 2; i < argc && !wants_help && strcmp(argv[i], "--") != 0; i++)
        wants_help = asks_help(argv[i]);
    if (!wants_help)
        return c->run(argc - 1, argv + 1);
    help(c);
    return EXIT_DONE;
}
