# sessions and recordings, as far as they need no terminal.

# a session is written by the debugger's own key, and opened by frame and by the walk
$ stepformer frame -m hand-wired -t "A B C A" --keys "g w e i g h t s Enter . z : s a v e Space s . j s o n Enter" | tail -n 1 && stepformer frame --session s.json | head -n 2
out s.json saved
out [no-positions]
out self-attention › weights
quiet
$ stepformer frame -m hand-wired -t "A B C A" --keys "n n C-s Enter" >/dev/null && cp session.json a.json && stepformer frame --session session.json --keys C-s >/dev/null && cmp a.json session.json
quiet
$ stepformer frame -m hand-wired -t "A B C A" --keys "n n C-s Enter" >/dev/null && stepformer step --session session.json | head -n 1000 >a && stepformer step -m hand-wired -t "A B C A" | cmp - a
quiet
# a hunt goes on with its mistake, and the walk says that there is one
$ stepformer frame --bug softmax-axis --keys "~ C-s Enter" | tail -n 1; stepformer frame --session session.json | head -n 1 | grep -o '.hunt, level 1.'; stepformer step --session session.json >walk; grep -c 'decoder.0.self.weights' walk
out [hunt, level 1]
err session.json: a bug hunt: there is a mistake in this network
$ stepformer frame --session none.json
exit 2
err none.json: cannot be opened
lines 0
$ stepformer frame -m hand-wired --keys "C-s Enter" >/dev/null && stepformer frame --session session.json -m zh-en
exit 2
err --session: expected no --model beside it
$ stepformer frame -m hand-wired --keys "C-s Enter" >/dev/null && head -c 300 session.json >cut.json && stepformer frame --session cut.json
exit 2
err cut.json: line 
err expected a session's JSON
$ stepformer frame -m hand-wired --keys "C-s Enter" >/dev/null && sed 's/"session": 1/"session": 9/; s/"program": "[^"]*"/"program": "7.0"/' session.json >new.json && stepformer frame --session new.json
exit 2
err new.json: session: expected version 1, found 9, written by stepformer "7.0"
$ stepformer frame -m hand-wired --keys "C-s Enter" >/dev/null && sed 's/"name": "hand-wired"/"name": "induction"/' session.json >other.json && stepformer frame --session other.json
exit 2
err other.json: model.config: expected induction with fingerprint
lines 0
# a file that cannot be written is said, and nothing is left behind
$ stepformer frame -m hand-wired --keys ": s a v e Space n o / s . j s o n Enter" | tail -n 3
out no/s.json: cannot be written

# export
$ stepformer frame -m hand-wired -t "A B C A" --keys "g w e i g h t s Enter X Enter Enter" | tail -n 1 && wc -l <decoder.0.self.weights.h0.csv && stepformer trace -m hand-wired -t "A B C A" --stage decoder.0.self.weights --format csv | cmp - decoder.0.self.weights.h0.csv
out decoder.0.self.weights.h0.csv written
line 26
quiet
$ echo mine >x.md; stepformer frame -m hand-wired --keys ": e x p o r t Space x . m d Enter" | tail -n 3; cat x.md
out x.md is there already
line mine

# recordings without a terminal
$ stepformer step --play $TOP/tests/data/keys.cast >a; stepformer --play $TOP/tests/data/keys.cast -o b && cmp a b && tail -c 11 a | od -c
out n   u   l      \0       t   a   b      \t
quiet
$ printf '{"version": 2, "width": 80, "height": 24}\n[0.1, "o", "a"]\n[0.05, "o", "b"]\n' >bad.cast; stepformer step --play bad.cast
exit 2
err bad.cast:3: expected a time of at least 0.100000
lines 0
$ stepformer step --play none.cast
exit 2
err none.cast: cannot be opened
$ stepformer step --record r.cast >/dev/null
exit 2
err --record: expected a terminal
$ stepformer step --record r.cast 2>/dev/null; ls
exit 0
!out r.cast
$ stepformer step --delay 1
exit 2
err --delay: expected --play FILE beside it
$ stepformer step --play x.cast --delay soon
exit 2
err --delay: expected a number from 0 to 3600
$ stepformer step --play x.cast -m zh-en
exit 2
err --play: expected no --model beside it
$ stepformer step --play x.cast --record y.cast
exit 2
err --play: expected no --record beside it

$ stepformer frame -m hand-wired --keys "20n" | head -n 1
out stage 21 of 27
quiet
