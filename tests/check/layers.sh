#!/bin/sh
# Every include of lib/ against lib/LAYERS: folders may use what they name, and what that may use;
# a third-party header is seen by its one folder.
set -u
cd "$(dirname "$0")/../.." || exit 1
grep -nH '^ *# *include' lib/*/*.[ch] lib/include/vitro/*.h lib/include/vitro/lab/*.h 2>/dev/null |
awk '
    FILENAME == "lib/LAYERS" {
        sub(/#.*/, "")
        if ($2 == "@") { owners[$1] = ""; for (i = 3; i <= NF; i++) owners[$1] = owners[$1] " " $i " " }
        else if ($1 ~ /:$/) { from = substr($1, 1, length($1) - 1); known[from] = 1
                              for (i = 2; i <= NF; i++) uses[from, $i] = 1 }
        next
    }
    FNR == 1 { # the arrows carry on
        for (k in known) for (a in known) for (b in known)
            if ((a, k) in uses && (k, b) in uses) uses[a, b] = 1
        for (k in known) for (a in known) for (b in known)
            if ((a, k) in uses && (k, b) in uses) uses[a, b] = 1
    }
    {
        split($0, at, ":"); path = at[1]; line = at[2]
        match($0, /[<"][^>"]*[>"]/); header = substr($0, RSTART + 1, RLENGTH - 2)
        quoted = substr($0, RSTART, 1) == "\""
        split(path, part, "/"); folder = part[2]
        if (folder != "include" && !(folder in known)) { bad(folder " is not in lib/LAYERS") }
        if (quoted && header ~ /^[a-z0-9]+\// && header !~ /^vitro\//) {
            split(header, h, "/")
            if (folder == "include") bad("a public header includes an internal one: " header)
            else if (h[1] != folder && h[1] != "base" && !((folder, h[1]) in uses))
                bad(folder " may not use " h[1] ": " header)
        }
        best = ""
        for (o in owners) if (index(header, o) == 1 && length(o) > length(best)) best = o
        if (best != "" && !index(owners[best], " " folder " ") &&
            !(path == "lib/include/vitro/pb.h" && best == "protobuf-c/"))
            bad("only" owners[best] "may see " header)
    }
    function bad(why) { if (!((path, line) in told)) print path ":" line ": " why; told[path, line] = 1; failures++ }
    END { exit failures > 0 }
' lib/LAYERS -
