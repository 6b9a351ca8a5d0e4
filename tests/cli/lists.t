# models, ablations, keys, verify.

$ stepformer models
out hand-wired
out Completes A B
out tiny-models/hand-wired
quiet
$ stepformer models --format names
line hand-wired
$ stepformer models --format json
exit 2
err --format: expected one of: text names
$ mkdir -p data/stepformer/tiny-models/broken; echo '{' >data/stepformer/tiny-models/broken/config.json; XDG_DATA_HOME=$PWD/data stepformer models
exit 2
out cannot be opened
out hand-wired
err broken/config.json

$ stepformer ablations
lines 13
out no-attention       all attention sub-layers
$ stepformer ablations --format names
line scale-by-dk
lines 9
$ stepformer keys
out step

$ stepformer verify
out failed: 0
!out FAILED
quiet
$ stepformer verify "$TOP/tests/golden/alibi" "$TOP/tests/golden/one-token"
out cases: 2, failed: 0
lines 4
$ stepformer verify "$TOP/tests/golden/one-token" --format json | python3 -c 'import json, sys; v = json.load(sys.stdin); r = v["rows"][0]; print(v["cases"], v["failed"], r["case"], r["result"], 0 < r["stages"] < r["stages_tolerance"] == 1e-5)'
line 1 0 one-token ok True
$ stepformer verify "$TOP/tests/golden/one-token" --format csv
out case,result,stages,stages_tolerance,
out one-token,ok,
lines 2
# one weight changed by hand
$ cp -r "$TOP/tests/golden/alibi" bad && chmod -R u+w bad && printf '\077' | dd of=bad/model.safetensors bs=1 seek=$(($(wc -c <bad/model.safetensors) - 1)) conv=notrunc 2>/dev/null; stepformer verify bad "$TOP/tests/golden/one-token"
exit 1
out FAILED  bad
out cases: 2, failed: 1
$ cp -r "$TOP/tests/golden/alibi" bad && rm -f bad/trace.safetensors; stepformer verify bad "$TOP/tests/golden/one-token"
exit 2
err stepformer: bad: trace.safetensors
out cases: 1, failed: 0
$ mkdir empty; stepformer verify empty
exit 2
err empty: expected case.json
lines 0
$ stepformer verify no-such-folder
exit 2
err no-such-folder: expected a folder, found nothing
$ stepformer verify --bogus
exit 2
err stepformer: verify: expected an option

# what is read stands in 80 columns
$ for c in models ablations keys "" $(stepformer --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p' | sed 's/$/:--help/'); do for l in en zh; do stepformer $(echo "$c" | tr ':' ' ') --lang $l $(test -z "$c" && echo --help) </dev/null 2>/dev/null | sed '/^ *\//d' | python3 -c 'import sys, unicodedata as u; [print(sys.argv[1:], l) for l in sys.stdin.read().split("\n") if sum(1 + (u.east_asian_width(c) in "WF") for c in l) > 80]' "$c" $l; done; done; echo $?
line 0
lines 1
