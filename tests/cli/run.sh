#!/bin/sh
# Runs the command line's cases: sh tests/cli/run.sh PROGRAM [FILE.t...]
#
# A case is a line "$ COMMAND", run by sh in an empty folder, and the lines below it that say what must come of it:
#   exit N       the exit status; 0 where it is not said
#   out TEXT     standard output has TEXT in it       !out TEXT   it has not
#   line TEXT    a line of it is exactly TEXT         lines N     it has so many lines
#   err TEXT     standard error has TEXT in it        !err TEXT   it has not
#   quiet        nothing is on standard error
#   needs real   skipped where $STEPFORMER_REAL is not set (the models that others made)
# In a command $TOP is the top folder and $REAL is $STEPFORMER_REAL. Every example of the manual page and of a --help is run, too.
set -u

program=$1
shift
case $program in /*) ;; *) program=$PWD/$program ;; esac
[ -x "$program" ] || { echo "cli: $program: expected the program, found nothing that can be run; run make first" >&2; exit 2; }
TOP=$(cd "$(dirname "$0")/../.." && pwd)
REAL=${STEPFORMER_REAL:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 2' HUP INT TERM
mkdir "$scratch/bin"
ln -s "$program" "$scratch/bin/stepformer"
PATH=$scratch/bin:$PATH
LC_ALL=C.UTF-8
ASAN_OPTIONS=exitcode=99
# a program that is not in the top folder finds the models, too
mkdir "$scratch/data"
ln -s "$TOP" "$scratch/data/stepformer"
XDG_DATA_HOME=$scratch/home XDG_DATA_DIRS=$scratch/data XDG_STATE_HOME=$scratch/run/state # nobody's own answers are touched
export TOP REAL PATH LC_ALL ASAN_OPTIONS XDG_DATA_HOME XDG_DATA_DIRS XDG_STATE_HOME
unset LANGUAGE NO_COLOR 2>/dev/null

passed=0 failed=0 skipped=0
command="" where="" expected=0 skip="" complaints=""

complain() {
    complaints="$complaints
  $1"
}

begin() {
    where=$1 command=$2 expected=0 skip="" complaints=""
    rm -rf "$scratch/run"
    mkdir "$scratch/run"
    : >"$scratch/checks"
}

# Runs the case that was read, if there is one.
finish() {
    [ -n "$command" ] || return 0
    if [ -n "$skip" ]; then
        skipped=$((skipped + 1))
        command=""
        return 0
    fi
    (cd "$scratch/run" && exec timeout 60 sh -c "$command") >"$scratch/out" 2>"$scratch/err" </dev/null
    status=$?
    [ "$status" = "$expected" ] || complain "expected exit status $expected, found $status"
    while IFS= read -r check; do
        text=${check#* }
        case $check in
        "out "*) grep -qF -e "$text" "$scratch/out" || complain "expected in its output: $text" ;;
        "!out "*) grep -qF -e "$text" "$scratch/out" && complain "not expected in its output: $text" ;;
        "line "*) grep -qxF -e "$text" "$scratch/out" || complain "expected a line of output: $text" ;;
        "lines "*) n=$(wc -l <"$scratch/out"); [ "$n" -eq "$text" ] || complain "expected $text lines of output, found $n" ;;
        "err "*) grep -qF -e "$text" "$scratch/err" || complain "expected on standard error: $text" ;;
        "!err "*) grep -qF -e "$text" "$scratch/err" && complain "not expected on standard error: $text" ;;
        quiet) [ -s "$scratch/err" ] && complain "expected nothing on standard error" ;;
        *) complain "this is no check: $check" ;;
        esac
    done <"$scratch/checks"
    if [ -z "$complaints" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: $ %s%s\n' "$where" "$command" "$complaints"
        sed 's/^/  out: /' "$scratch/out" | head -n 5 | cut -c 1-200
        sed 's/^/  err: /' "$scratch/err" | head -n 5 | cut -c 1-400
    fi
    command=""
}

run_file() {
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        case $line in
        "" | "#"*) ;;
        "\$ "*)
            finish
            begin "tests/cli/${1##*/}:$number" "${line#* }"
            ;;
        "exit "*) expected=${line#* } ;;
        "needs real") [ -n "$REAL" ] || skip=yes ;;
        *) printf '%s\n' "$line" >>"$scratch/checks" ;;
        esac
    done <"$1"
    finish
}

# Runs every line of standard input as a case that must end well.
run_examples() {
    number=0
    while IFS= read -r line; do
        number=$((number + 1))
        begin "$1, example $number" "$line"
        finish
    done <"$scratch/examples"
    [ "$number" -gt 0 ] || { failed=$((failed + 1)); echo "$1: expected examples, found none"; }
}

# The commands that lessons give, as they stand, for a second each: one with a mistake in it ends at once, with 2. Those that need a terminal or
# a file of the reader's own are left alone.
lesson_commands() {
    sed -n '/^```sh$/,/^```$/p' "$1" | sed -e ':a' -e '/\\$/{N;s/\\\n */ /;ba' -e '}' | awk '
        /^```/ { set = ""; next }
        /^[A-Z]+=[^ ]*$/ { set = set $0 "; "; next }
        /^stepformer/ { print set "timeout 1 " $0 "; s=$?; [ $s = 0 ] || [ $s = 1 ] || [ $s = 124 ]" }' |
        grep -v -e '--record' -e '--play' -e '--session' -e 'my-' -e 'recipe.json' -e '-m [.]/'
}

if [ $# -gt 0 ]; then
    for file in "$@"; do
        run_file "$file"
    done
else
    for file in "$TOP"/tests/cli/*.t; do
        run_file "$file"
    done
    sed -n '/^\.EX/,/^\.EE/p' "$TOP/src/cli/stepformer.1" | sed -e '/^\.E[XE]/d' -e 's/\\-/-/g' >"$scratch/examples"
    run_examples "src/cli/stepformer.1"
    for name in $("$program" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p'); do
        "$program" "$name" --help | sed -n '/^Example:/,$s/^  //p' | sed "s#tests/golden#$TOP/tests/golden#g; s#recipe.json#$TOP/tests/cli/recipe.json#" | grep -v 'my-' >"$scratch/examples"
        run_examples "stepformer $name --help"
        grep -q "^\.B[R]* $name" "$TOP/src/cli/stepformer.1" || { failed=$((failed + 1)); echo "src/cli/stepformer.1: expected the command $name"; }
    done
    lessons=0
    for lesson in "$TOP"/lessons/*/en.md; do # what the other language has too is run once
        for language in "${lesson%en.md}"??.md; do lesson_commands "$language"; done | sort -u >"$scratch/examples"
        [ ! -s "$scratch/examples" ] || { lessons=$((lessons + 1)); run_examples "$(dirname "${lesson#"$TOP"/}")"; }
    done
    [ "$lessons" -ge 20 ] || { failed=$((failed + 1)); echo "lessons: expected commands in at least 20, found them in $lessons"; }
    if command -v bash >/dev/null; then
        bash "$TOP/tests/cli/completion.bash" "$program" || failed=$((failed + 1))
    else
        echo "cli: completion.bash: not checked: bash is not installed"
    fi
    if command -v python3 >/dev/null; then
        for check in record class columns watch; do
            python3 "$TOP/tests/cli/$check.py" "$program" || failed=$((failed + 1))
        done
    else
        echo "cli: record.py, class.py, columns.py, watch.py: not checked: python3 is not installed"
    fi
fi

echo "cli: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
