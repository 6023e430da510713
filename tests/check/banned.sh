#!/bin/sh
# Functions that the library and the tools do without, and errno outside the folders that meet
# the system. The allocator is the one place that may call malloc.
set -u
cd "$(dirname "$0")/../.." || exit 1
status=0
banned='strcpy|strcat|sprintf|vsprintf|strncpy|strtok|gets|atoi|atol|atof|sscanf|localtime|gmtime|alloca'
if grep -nE "(^|[^A-Za-z0-9_>.])($banned) *\(" lib/*/*.[ch] tools/*.[ch] tools/*/*.[ch] lessons/*.[ch] \
    lessons/*/*.[ch] 2>/dev/null; then
    echo "banned: the functions above have safe relatives (base/text.h, snprintf, memcpy)"
    status=1
fi
if grep -nE '^[^*]*(^|[^A-Za-z0-9_>.*])(malloc|calloc|realloc|free|strdup|strndup) *\(' \
    $(ls lib/*/*.[ch] | grep -v '^lib/base/mem\.c$'); then
    echo "banned: memory comes from base/mem.h, charged to an account"
    status=1
fi
if grep -nw 'errno' $(ls lib/*/*.[ch] | grep -vE '^lib/(io|trace)/'); then
    echo "banned: errno is read in io, trace and tools only"
    status=1
fi
if grep -nE '^[^"/*]*[;{}] *//|^ *//' lib/*/*.[ch] lib/include/vitro/*.h tools/*.[ch] tools/*/*.[ch] 2>/dev/null; then
    echo "banned: comments are /* */"
    status=1
fi
exit $status
