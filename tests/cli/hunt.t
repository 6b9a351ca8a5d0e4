# the bug hunt without a terminal

$ stepformer hunt 1 --seed 3
out A bug hunt
out --seed 3
out decoder.
quiet

$ stepformer hunt 1 --seed 3 >a; stepformer hunt 1 --seed 3 >b; cmp a b && stepformer hunt 1 --seed 4 >c; ! cmp -s a c
quiet

# right: 0 and the card; wrong: 1, what was checked, and a hint
$ stepformer hunt --bug softmax-axis --answer weights
out Found!
out labmlai
!out hint
quiet

$ stepformer hunt --bug softmax-axis --answer encoder.0.self.scaled
exit 1
out Not here
out recomputed 196 of its 196 cells
out Look at what adds up to 1
!out labml

$ stepformer hunt --bug softmax-axis --answer nothing
exit 2
err --answer: expected a stage of this network, or the end of its name, found "nothing"

$ stepformer hunt --answer weights
exit 2
err expected --seed N or --bug ID

$ stepformer hunt --bug softmax-axes
exit 2
err nearest: "softmax-axis"

$ stepformer hunt 4
exit 2
err expected a level from 1 to 3, found "4"

$ stepformer hunt 1 2
exit 2
err expected one level, found 2 words

# a model in which it cannot be found
$ stepformer hunt -m hand-wired --bug unbiased-variance
exit 2
err unbiased-variance: expected a model and a text that this bug can be found in, found hand-wired

$ stepformer hunt -m hand-wired --bug padding-attended
exit 2
err hand-wired: expected a model with a padding token, found none

$ stepformer hunt --bug padding-attended --answer masked
out Found!

# every card
$ stepformer hunt --cards | grep -c '^-- '
line 24

$ stepformer hunt --cards | grep -c '^https://github.com/'
line 24

$ stepformer hunt --card rope-offset
out arange(T)
out https://github.com/Blaizzy/mlx-vlm/issues/1983
!out softmax-axis

# each can be hunted as it is offered
$ for id in $(stepformer hunt --cards | sed -n 's/^-- \([a-z-]*\), .*/\1/p'); do stepformer hunt --bug $id --answer tokens >out 2>err; [ $? = 1 ] || { echo $id; cat err; }; done
lines 0

# the numbers of the network with the bug, and what stored cases say to it
$ stepformer trace -m hand-wired --bug no-scaling --stage decoder.0.self.scaled | grep -v '^# bug no-scaling$' >a; stepformer trace -m hand-wired -a no-scale --stage decoder.0.self.scaled >b; test -s a && cmp a b
quiet

$ stepformer trace -m hand-wired --bug unbiased-variance --stage output.probs
err unbiased-variance changed nothing

$ stepformer verify $TOP/tests/golden/gpt-pre-learned --bug sqrt-d-model
exit 1
out FAILED
out first decoder.0.self.scaled

$ stepformer verify $TOP/tests/golden/qwen3 --bug eps-outside
out ok      qwen3
out the bug touches nothing here
$ stepformer frame -m hand-wired --bug values-unused
out A bug hunt, level 2
out [hunt, level 2]

# the cache's bugs need the cache
$ stepformer generate -m story --bug mask-offset -n 12 >a; stepformer generate -m story --bug mask-offset -n 12 --no-cache >b; stepformer generate -m story -n 12 >c; cmp b c && ! cmp -s a c
quiet

$ stepformer generate -m story --bug target-leak -n 3 --no-cache >a; stepformer generate -m story --bug no-bug
exit 2
err expected the id of a bug, found "no-bug"

# what is taken away says that a bug is in it
$ stepformer trace -m hand-wired --bug softmax-axis --stage decoder.0.self.weights --format json
out "bug": "softmax-axis"
quiet

$ stepformer trace -m hand-wired --bug softmax-axis --stage decoder.0.self.weights --format markdown
out ; bug softmax-axis
quiet

# the table of scores is of the network without the bug, and says so in a hunt only
$ for b in "" "--bug softmax-axis"; do stepformer frame -m recall $b --keys "Enter Z" | grep -c "without the hunt's bug"; done
line 0
line 1
