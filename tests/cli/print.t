# print: expressions on the command line.

$ stepformer print -m hand-wired -t "A B C A" "1 + 1" "2 / 4" "sum(decoder.0.self.weights, key) == 1 ± 1e-5"
line 2
line 0.5
line [head 1, query 5]
out   0        true        true
lines 5
quiet

$ stepformer print -m hand-wired -t "A B C A" 'argmax(output.probs[token=-1])' 'argmax(output.probs[token=-1]) == "B"'
line 1 (B)
line true
quiet

# a check that fails
$ stepformer print -m hand-wired "1 < 2" "2 < 1" "1"
exit 1
line true
line false
line 1

# an error: what, where, a caret; nothing on standard output
$ stepformer print -m hand-wired "1" "entropy(decoder.0.self.wieghts)"
exit 2
lines 0
err stepformer: expression: character 9: expected a stage or a weight, found "decoder.0.self.wieghts"; nearest: "decoder.0.self.weights"
err   entropy(decoder.0.self.wieghts)
err           ^

$ stepformer print -t 我爱你 'probability("爱") + "你"'
exit 2
err character 18: expected numbers on both sides, found a text
err   probability("爱") + "你"
err                     ^

$ stepformer print -m hand-wired "1 +"
exit 2
err character 4: expected a number, a name or a function, found the end
err      ^

$ stepformer print -m hand-wired -- "-1"
line -1

$ stepformer print -m hand-wired ""
exit 2
err character 1

# without an expression: the words
$ stepformer print
out entropy(X [, AXIS])
out probability(TOKEN [, POSITION])
out d_model
quiet

$ stepformer print --format json
exit 2
err expected an expression

$ stepformer print --format man
out .B "log10(X)"
quiet

# the manual page is ASCII, for every troff
$ for c in keys print; do stepformer $c --format man; done | LC_ALL=C grep -c '[^ -~]'
exit 1
line 0

$ stepformer print --format man 1
exit 2
err --format: expected text, json or csv

# formats
$ stepformer print -m hand-wired "decoder.0.self.masked[0,0]" "1 < 2" --format json
line {"expression": "decoder.0.self.masked[0,0]", "type": "number", "axes": ["key"], "shape": [5], "value": [10.0, "-inf", "-inf", "-inf", "-inf"]},
line {"expression": "1 < 2", "type": "truth", "axes": [], "shape": [], "value": true}

$ stepformer print -m hand-wired "decoder.0.self.masked[0,0]" "1 < 2" -o x.csv && cat x.csv
line expression,index1,index2,index3,index4,value
line "decoder.0.self.masked[0,0]",key=1,,,,-inf
line 1 < 2,,,,,true
lines 7

# changes, and the pass without them
$ stepformer print -m hand-wired -t "A B C A" -a no-positions 'probability("B") < baseline(probability("B"))'
line true

$ stepformer print -m hand-wired -t "A B C A" --edit "decoder.1.self.weights=zero" "max(abs(decoder.1.self.heads)) == 0 and max(abs(baseline(decoder.1.self.heads))) > 0"
line true

$ stepformer print -a no-scale "baseline(score)"
exit 2
err expected no score within baseline

$ stepformer print -m hand-wired "baseline(loss)"
exit 2
err nothing was changed here

# the loss's targets
$ stepformer print -m hand-wired -t "A B C A" --targets=-1,-1,-1,-1,1 'loss == -log(probability("B")) ± 1e-5'
line true

$ stepformer print -m hand-wired -t "A" --targets=-1,-1 loss
exit 2
err character 1: 

$ stepformer print -m hand-wired score
exit 2
err recipe

$ stepformer print -m induction "score > 0.9"
line true

# in the debugger's language
$ stepformer frame -m hand-wired -t "A B C A" --keys ": p r i n t Space 1 + Enter"
out character 3: expected a number, a name or a function, found the end

$ stepformer frame -m hand-wired -t "A B C A" --keys ": b r e a k Space p r o b s Enter c"
out breakpoint 1: probs

# numbers of twelve characters stand apart
$ ! stepformer print -m zh-en -t 狗咬人 "grad(decoder.0.self.weights[head=0])" | grep '[0-9]-'
quiet

# a result of a laboratory, by row and column
$ stepformer print "lab(scaling, d_k=16)[16, variance] == 16 +- 5%"
line true

# what begins with '-' and a number is an expression
$ stepformer print -2^2 "-(1 + 2)" -.5
line -4
line -3
line -0.5
quiet

$ stepformer print -x
exit 2
err expected an option
