#!/bin/sh
# Every text that is marked in the sources is in every translation, translated, and with the arguments of the English one; and a
# translation has no other. Run from the top folder by `make check`; needs gettext, and says so where it is not there.
set -u

if ! command -v xgettext >/dev/null || ! command -v msgcmp >/dev/null; then
    echo "translations: not checked: gettext is not installed"
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
complain() {
    echo "translations: $1" >&2
    failed=1
}

MAKEFLAGS='' make -s pot || exit 1
for po in src/po/*.po; do
    msgfmt --check-format --check-domain -o "$scratch/mo" "$po" 2>"$scratch/said" || { cat "$scratch/said" >&2; complain "$po: the arguments differ"; }
    msgcmp "$po" build/stepformer.pot 2>"$scratch/said" || { grep -v 'warning:' "$scratch/said" | head -n 20 >&2; complain "$po: texts are missing; try make po"; }
    if grep -q 'not used' "$scratch/said"; then # msgcmp only warns of what no source has any more
        grep 'not used' "$scratch/said" | head -n 20 >&2
        complain "$po: texts that no source has; try make po"
    fi
    if grep -q '^#[~,].*\(fuzzy\|msgid\)' "$po"; then complain "$po: fuzzy or obsolete texts"; fi
done
[ $failed = 0 ] && echo "translations: $(grep -c '^msgid' src/po/zh_CN.po) texts in $(ls src/po/*.po | wc -l) language"
exit $failed
