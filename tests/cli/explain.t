# explain: the tables behind the explaining views.

# the wired model: a previous-token head, then an induction head that writes the whole logit
$ stepformer explain heads -m hand-wired -t "A B C A B" --format csv | cut -d, -f1-3
line decoder.0.self.weights,0,previous
line decoder.1.self.weights,0,induction
lines 3
quiet
$ stepformer explain heads -m hand-wired -t "A B C"
err note: no token occurs twice in this text with something behind it, so its induction columns are empty
$ stepformer explain attribution -m hand-wired -t "A B C A" --format csv
out layer 1 self head 0
lines 5
$ stepformer explain lens -m hand-wired -t "A B C A" --format csv --layer 1
lines 2
$ stepformer explain trace -m hand-wired -t "A B C A" --corrupt 2 --format csv | awk -F, '$6+0 > 0.99 {print $1, $2}'
line decoder.embed.sum 2
line decoder.0.self.residual 2
line decoder.1.self.residual 4
lines 3
$ stepformer explain trace -m hand-wired -t "A B C A" --other "A D C A" | grep -c '^decoder'
line 15
$ stepformer explain trace -m zh-en --patch ffn -n 2 --seed 4 >a; stepformer explain trace -m zh-en --patch ffn -n 2 --seed 4 | cmp - a; stepformer explain trace -m zh-en --patch ffn -n 2 --seed 5 | cmp -s - a; echo $?
line 1
quiet

# the parts sum to the logit, in every kind of model
$ for m in hand-wired zh-en story induction sum mask recall; do stepformer explain attribution -m $m --format json | python3 -c 'import json, sys; t = json.load(sys.stdin); s = sum(r["value"] for r in t["rows"]); print(abs(s - t["logit"]) <= 1e-5 * sum(abs(r["value"]) for r in t["rows"]))'; done | sort | uniq -c | tr -s ' '
line  7 True
# and so do the units of an FFN and the keys of a head, to their part
$ stepformer explain attribution -m zh-en --pieces --against '#5' --format json | python3 -c 'import json, sys; rows = json.load(sys.stdin)["rows"]; whole = {(r["stage"], r["head"]): r["value"] for r in rows if r["kind"] in ("head", "ffn")}; sums = {k: 0 for k in whole}; [sums.__setitem__((r["stage"], r["head"]), sums[(r["stage"], r["head"])] + r["value"]) for r in rows if r["kind"] in ("key", "unit")]; print(len(whole), max(abs(whole[k] - sums[k]) for k in whole) < 1e-4)'
line 18 True
# what reach says a head moved, from the trace of the same pass
$ stepformer explain reach -m recall --layer 1 --format csv | head -n 1
line stage,head,query,from,key,to,weight,moved
# on a terminal all of them fit (columns.py); a pipe and a file get one table with all digits
$ stepformer explain heads -m zh-en -o heads.txt 2>/dev/null; stepformer explain heads -m zh-en 2>/dev/null | cmp - heads.txt && grep -c '^decoder.1.cross.weights     3  mixed ' heads.txt
line 1
$ stepformer explain heads -m zh-en 2>/dev/null | grep '^stage' | tr -s ' ' '\n' | sort -u | wc -l; stepformer explain heads -m zh-en --format csv 2>/dev/null | head -n 1 | tr ',' '\n' | wc -l
line 18
lines 2
# a comma that is a token is quoted
$ stepformer explain reach -m story -t "one day , Lily" --layer 0 --format csv | python3 -c 'import csv, sys; rows = list(csv.reader(sys.stdin)); print({len(r) for r in rows}, sum(r[5] == "," for r in rows))'
line {8} 8
$ stepformer explain belt -m mask --format csv | head -n 2 | cut -d, -f1-2
out encoder.embed.tokens
exit 0
$ stepformer explain lens -m sum -o x.json && python3 -c 'import json; t = json.load(open("x.json")); print(t["token"], t["rows"][-1]["rank"], t["rows"][-1]["kl"] < 1e-6)'
out 1 True

$ stepformer explain
exit 2
err expected one of lens, attribution
$ stepformer explain lense
exit 2
err found "lense"; nearest: "lens"
$ stepformer explain lens heads
exit 2
err more than one
$ stepformer explain lens -m hand-wired -t "A B" --position 3
exit 2
err --position: expected a whole number from 0 to 2, found "3"
$ stepformer explain lens -m hand-wired -t "A B" --token X
exit 2
err --token: expected a token of hand-wired, or #ID, found "X"
$ stepformer explain lens -m hand-wired -t "A B" --token '#7'
exit 2
err found "#7"
$ stepformer explain attribution -m zh-en --against aple
exit 2
err nearest: "apple"
$ stepformer explain heads -m hand-wired --layer 2
exit 2
err --layer: expected a whole number from 0 to 1
$ stepformer explain trace -m hand-wired -t "A B C A" --other "A D C"
exit 2
err expected 5 tokens, as many as the text has, found 4
$ stepformer explain trace -m hand-wired -t "A B C A" --other "A D C A" --corrupt 2
exit 2
err found both
$ stepformer explain trace -m hand-wired -t "A B C A" --corrupt 5
exit 2
err --corrupt
$ stepformer explain trace -m hand-wired --patch all
exit 2
err --patch: expected one of: stream attention ffn
$ stepformer explain trace -m hand-wired --noise -1
exit 2
err --noise

$ stepformer explain trace --corrupt 99
exit 2
err --corrupt: number 1: expected a position from 0 to 6, found "99"
